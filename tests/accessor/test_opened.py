"""`evenfall.open`: what it gives, what it refuses, and that it writes nothing."""

from __future__ import annotations

import datetime as dt
import gc
import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

import evenfall
from evenfall.cli import cli
from evenfall.cli.options import settings_of
from evenfall.lab.nights import draw, observations
from evenfall.lab.nights.writing import write_world
from evenfall.model.errors import EvenfallError, FormatError, StoreError, UsageError
from evenfall.store import open_store

MAP = """
[time]
column = "when"
format = "unix_s"
[local]
zone = "Asia/Almaty"
[series]
service = { column = "service" }
network = { column = "network" }
[failure]
failed = "outcome != 'ok'"
"""


def import_rows(folder: Path, rows: list[str]) -> Path:
    """A store of a table `when,service,network,outcome`, through the front door."""
    (folder / "m.toml").write_text(MAP)
    (folder / "t.csv").write_text("when,service,network,outcome\n" + "\n".join(rows) + "\n")
    words = ["import", "table", "t.csv", "--map", "m.toml", "--store", "s"]
    done = CliRunner().invoke(
        cli, [str(folder / w) if w in ("t.csv", "m.toml", "s") else w for w in words], obj={}
    )
    assert done.exit_code == 0, done.output
    return folder / "s"


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file of a folder with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


class Parsed(HTMLParser):
    """Tags, ids, links and text of a piece of HTML, by the standard library's parser."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.outside: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href":
                self.links.append(value or "")
            elif name == "src" or name.startswith("on"):
                self.outside.append(f"{name}={value}")

    def handle_data(self, data: str) -> None:
        self.text += data


# light, lazy, and reading only -------------------------------------------------------------


def test_import_loads_neither_numpy_nor_the_engine() -> None:
    """`import evenfall` and its help are light; the first type that is asked for loads the rest."""
    code = (
        "import sys, evenfall; evenfall.open.__doc__; dir(evenfall)\n"
        "heavy = [m for m in ('numpy', 'duckdb', 'jinja2', 'msgspec') if m in sys.modules]\n"
        "assert evenfall.Nights.__name__ == 'Nights'\n"
        "print(heavy, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "True"]


def test_what_is_exported_is_there() -> None:
    """Every name of `__all__` exists, an unknown one does not, and the types are marked typed."""
    for name in evenfall.__all__:
        assert getattr(evenfall, name) is not None, name
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = evenfall.nothing_such
    assert (Path(evenfall.__file__).parent / "py.typed").exists()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra: one error that says what to install, and no traceback of ours."""
    for module in [m for m in sys.modules if m.startswith("evenfall.accessor")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(EvenfallError, match=r"evenfall\[report\]"):
        evenfall.open("anywhere")


def test_nothing_is_written(fortnight: Path) -> None:
    """All that one can ask leaves every byte of the store as it was."""
    before = snapshot(fortnight)
    with evenfall.open(fortnight) as store:
        store.overview()._repr_html_()
        store.nights("video").why()
        store.judge(["video"])
        store.sql("select count(*) from observations")
        store._repr_html_()
    assert snapshot(fortnight) == before


def test_somebody_may_write_meanwhile(tmp_path: Path) -> None:
    """No lock is held; a batch that comes in is seen at the next question."""
    write_world(draw("null_clean", 1, nights=1), tmp_path / "s")
    with evenfall.open(tmp_path / "s") as store:
        few = len(store.nights("video"))
        write_world(draw("null_clean", 2, nights=2), tmp_path / "s")
        assert len(store.nights("video")) > few
        store.refresh()
        assert len(store.imports) == 2


def test_two_stores_in_one_program(fortnight: Path) -> None:
    """Closing one leaves the other at work; one that nobody holds any more is closed."""
    first, second = evenfall.open(fortnight), evenfall.open(fortnight)
    first.close()
    assert second.sql("select count(*) as n from observations")["n"][0] > 0
    closing = second._close
    assert closing.alive
    del second
    gc.collect()
    assert not closing.alive


def test_the_store_of_the_commands_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a path it looks where `evenfall --store` looks by default."""

    def theirs() -> Path:
        return settings_of(click.Context(cli, obj={})).store

    for name, value in (("XDG_DATA_HOME", "/data"), ("EVENFALL_STORE", "/named")):
        with pytest.raises(StoreError) as refused:
            evenfall.open()
        assert str(theirs()) in refused.value.where
        monkeypatch.setenv(name, value)
    with pytest.raises(StoreError, match="/named"):
        evenfall.open()


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    """No store, a foreign folder, a wrong zone, a closed one: an error that says what to do."""
    with pytest.raises(StoreError, match="Import or measure"):
        evenfall.open(tmp_path)
    with pytest.raises(FormatError, match="Mars/Base"):
        evenfall.open(tmp_path, timezone="Mars/Base")
    write_world(draw("null_clean", 1, nights=1), tmp_path / "s")
    store = evenfall.open(tmp_path / "s")
    store.close()
    store.close()
    assert "closed" in repr(store)
    with pytest.raises(StoreError, match="closed"):
        store.nights("video")
    with pytest.raises(StoreError, match="closed"):
        store.sql("select 1")


# what it says ------------------------------------------------------------------------------


def test_it_says_what_the_commands_say(fortnight: Path) -> None:
    """Curfew and finding of `nights --json`, field for field; and the sentence of its screen."""
    with evenfall.open(fortnight) as store:
        nights = store.nights("Video", network="as64500")
    words = ["nights", "video", "--store", str(fortnight)]
    done = CliRunner().invoke(cli, [*words, "--json"], obj={})
    curfew, finding, carpet = map(json.loads, done.stdout.splitlines())
    told = json.loads(_json(nights.curfew))
    # The terminal judges this network alone; here there is only one, so all must agree.
    assert told == curfew
    assert json.loads(_json(nights.finding)) == finding
    assert nights.carpet().data.steps.tolist() == [row["steps"] for row in carpet["nights"]]
    screen = CliRunner().invoke(cli, words, obj={}, env={"COLUMNS": "400"}).stdout
    assert nights.sentence in screen


def _json(value: object) -> str:
    from evenfall.model.encoding import to_json_line

    return to_json_line(value)


def test_the_window_and_its_interval(fortnight: Path) -> None:
    """The truth, 20:00 to 22:00, lies in both intervals; messenger has no window."""
    with evenfall.open(fortnight) as store:
        found, clear = store.nights("video"), store.nights("messenger")
    window = found.window()
    assert window is not None
    assert window.start_interval[0] <= "20:00" <= window.start_interval[1]
    assert window.end_interval[0] <= "22:00" <= window.end_interval[1]
    assert found.windows == (window,)
    assert found.onsets() == (None,)
    assert len(found.episodes) == 1
    assert (clear.window(), clear.windows, clear.onsets(), clear.episodes) == (None, (), (), ())
    assert clear.curfew is None


def test_rows_are_columns_of_ones_own(fortnight: Path) -> None:
    """Plain arrays of one length; `inside` agrees with zoneinfo; changing them changes nothing."""
    with evenfall.open(fortnight) as store:
        nights = store.nights("video")
        rows = nights.rows
        hours = [
            dt.datetime.fromtimestamp(us / 1e6, ZoneInfo(nights.timezone)).hour
            for us in rows["started_us"].tolist()
        ]
        assert {len(column) for column in rows.values()} == {len(nights)}
        assert rows["inside"].tolist() == [20 <= hour < 22 for hour in hours]
        inside, outside = (rows["log_ratio"][rows["inside"] == where] for where in (True, False))
        assert np.median(inside) < np.median(outside)
        rows["log_ratio"][:] = 0.0
        assert store.nights("video").rows["log_ratio"].any()


def test_why_has_rule_ruleset_profile_and_n(fortnight: Path) -> None:
    """The claim's own fields; an innocent series has its reason, and nothing is claimed."""
    with evenfall.open(fortnight) as store:
        found, clear = store.nights("video"), store.nights("messenger")
    why = found.why()
    assert (why.rule, why.ruleset) == (found.curfew.rule_id, found.curfew.ruleset)
    assert (why.profile, why.n) == (found.curfew.profile, found.curfew.n)
    assert why.rule_means
    for word in (why.rule, why.ruleset, why.profile, "SIMULATED", "Who did it, or why."):
        assert word in str(why)
    innocent = clear.why()
    assert (innocent.rule, innocent.profile) == ("", "")
    assert innocent.n == clear.finding.n
    assert clear.finding.reason in str(innocent)
    assert "Nothing is claimed." in str(innocent)


def test_judging_anew(fortnight: Path) -> None:
    """The same seed gives the same; a part of the store can be judged; nothing is kept."""
    with evenfall.open(fortnight) as store:
        all_of_it = store.judge()
        assert [c.service for c in all_of_it.curfews] == ["social", "video"]
        assert store.judge(seed=1).findings == all_of_it.findings
        assert [n.service for n in store.judge(["video", "messenger"])] == ["messenger", "video"]
        assert store.overview()[0:2].findings == all_of_it.findings[:2]
    with open_store(fortnight, write=False) as raw:
        assert raw.findings() == ([], [])


def test_the_findings_of_an_analysis_are_used(tmp_path: Path) -> None:
    """What is stored is shown as it stands, until new rows drop it, or it speaks of others too."""
    path = tmp_path / "s"
    write_world(draw("null_clean", 3, nights=6), path)
    with evenfall.open(path) as store:
        told = [msgspec.structs.replace(f, reason="as stored") for f in store.judge().findings]
        with open_store(path, write=True) as raw:
            raw.write_findings([], told)
        assert store.overview().findings == tuple(told)
        with open_store(path, write=True) as raw:
            raw.write_findings([], told[:-1])
        assert "as stored" not in {f.reason for f in store.overview().findings}
        with open_store(path, write=True) as raw:
            raw.write_findings([], told)
        write_world(draw("null_clean", 4, nights=7), path)
        assert "as stored" not in {f.reason for f in store.overview().findings}


def test_what_is_not_there_lists_what_is(fortnight: Path, tmp_path: Path) -> None:
    """Unknown services and networks, several networks, an empty store."""
    with evenfall.open(fortnight) as store:
        with pytest.raises(UsageError, match="video on AS64500"):
            store.nights("youtube")
        with pytest.raises(UsageError, match="video on AS64500"):
            store.nights("video", network="AS1")
        with pytest.raises(UsageError, match="messenger, social, video"):
            store.judge(["youtube"])
        with pytest.raises(UsageError, match="AS64500"):
            store.judge(networks=["AS1"])
    rows = [f"{1_700_000_000 + i},telegram,AS{i % 2 + 1},ok" for i in range(4)]
    with (
        evenfall.open(import_rows(tmp_path, rows)) as store,
        pytest.raises(UsageError, match="AS1, AS2"),
    ):
        store.nights("telegram")
    with open_store(tmp_path / "empty", write=True):
        pass
    with evenfall.open(tmp_path / "empty") as store:
        assert (store.services, store.networks, store.series(), len(store.overview())) == (
            (), (), [], 0,
        )  # fmt: skip
        assert "Nothing was measured" in store.overview()._repr_html_()
        assert store.sql("select count(*) as n from observations").dicts() == [{"n": 0}]
        with pytest.raises(UsageError, match="store with measurements"):
            store.nights("video")


def test_measured_and_simulated_are_never_mixed(tmp_path: Path) -> None:
    """One service on one network in both kinds: both are judged, and one says which is meant."""
    start = 1_772_000_000
    rows = [f"{start + i * 1200},video,AS64500,ok" for i in range(72 * 8)]
    path = import_rows(tmp_path, rows)
    with open_store(path, write=True) as raw:
        raw.add_observations(observations(draw("curfew_basic", 0, nights=8)), name="made")
    assert CliRunner().invoke(cli, ["analyze", "--store", str(path), "-q"], obj={}).exit_code == 0
    with evenfall.open(path) as store:
        with pytest.raises(UsageError, match="simulated=True"):
            store.nights("video")
        made, measured = (
            store.nights("video", simulated=True),
            store.nights("video", simulated=False),
        )
    assert made.curfew is not None
    assert measured.curfew is None
    assert "SIMULATED" in made._repr_html_()
    assert "SIMULATED" not in measured._repr_html_()
    assert "SIMULATED" not in repr(measured)


# how it is drawn ---------------------------------------------------------------------------


def test_the_carpet_is_the_pages(fortnight: Path, tmp_path: Path) -> None:
    """The same picture, character for character, but for where its rows lead."""
    with evenfall.open(fortnight) as store:
        drawn = store.nights("video").carpet()
    page = tmp_path / "page.html"
    words = ["report", "video", "--store", str(fortnight), "--out", str(page)]
    done = CliRunner().invoke(cli, words, obj={})
    assert done.exit_code == 0, done.output
    prefix = Parsed(drawn.svg).links[0].removeprefix("#").split("-")[0]
    assert drawn.svg.replace(f"#{prefix}-", "#") in page.read_text(encoding="utf-8")


def test_what_is_drawn_is_whole_and_touches_nothing_outside(fortnight: Path) -> None:
    """No script, no address, light and dark; links lead to rows of the same output; SIMULATED."""
    with evenfall.open(fortnight) as store:
        nights = store.nights("video")
        pieces = [
            nights, nights.carpet(), nights.why(), store, store.overview(), store.judge(["video"]),
            store.sql("from observations limit 3"),
        ]  # fmt: skip
        for piece in pieces:
            html = piece._repr_html_()
            parsed = Parsed(html)
            assert not {"script", "img", "iframe", "link", "object"} & set(parsed.tags)
            assert "http" not in html.replace("http_exchange", "")
            assert parsed.outside == []
            assert "prefers-color-scheme:dark" in html
            assert "SIMULATED" in parsed.text
            assert {link.removeprefix("#") for link in parsed.links} <= set(parsed.ids)
            assert "SIMULATED" in repr(piece)
        assert len(Parsed(nights._repr_html_()).links) == 14


def test_style_stays_in_its_output() -> None:
    """Every rule is held to one class; those of the picture are the page's, value for value."""
    package = Path(evenfall.__file__).parent
    ours = (package / "accessor" / "templates" / "inline.css").read_text()
    page = (package / "report" / "templates" / "page.css").read_text()
    for line in ours.splitlines():
        selectors = line.removeprefix("@media(prefers-color-scheme:dark){").split("{", 1)[0]
        assert all(".evenfall" in part for part in selectors.split(",")), line
    light, dark = (line[line.index("--bg") :] for line in page.splitlines()[:2])
    assert ours.count(light.rstrip("}")) == 2
    assert ours.count(dark.rstrip("}")) == 2
    for name in ("k0", "k1", "k2", "k3", "k4", "u", "win", "wl", "wb", "wi", "wh", "hs"):
        rule = ours[ours.index(f".{name}{{") :].split("}", 1)[0]
        assert f"{rule}}}" in page, name


HOSTILE = "<script>alert(1)</script>\x1b[31m\"'&"


def test_foreign_names_are_text(tmp_path: Path) -> None:
    """Names given by somebody hostile: escaped when drawn, harmless when printed."""
    service = '"' + HOSTILE.replace('"', '""') + '"'
    rows = [f"{1_700_000_000 + i * 3600},{service},{service},ok" for i in range(24 * 6)]
    with evenfall.open(import_rows(tmp_path, rows)) as store:
        nights = store.nights(HOSTILE)
        table = store.sql("select service, network from observations limit 1")
        named = store.sql('select 1 as "<script>alert(2)</script>"')
        pieces = [nights, nights.carpet(), nights.why(), store, store.overview(), table, named]
        for piece in pieces:
            parsed = Parsed(piece._repr_html_())
            assert "script" not in parsed.tags
            assert "\x1b" not in repr(piece)
            assert "SIMULATED" not in parsed.text
        assert "<script>alert(1)</script>" in Parsed(nights._repr_html_()).text.lower()


def test_a_series_that_could_not_tell_is_drawn_as_words(tmp_path: Path) -> None:
    """One row alone: not enough was measured, and that is what is drawn."""
    with evenfall.open(import_rows(tmp_path, ["1700000000,telegram,AS1,ok"])) as store:
        nights = store.nights("telegram")
        assert "Not enough was measured" in Parsed(nights._repr_html_()).text
        assert nights.carpet().svg.startswith("<svg")
        assert np.asarray(nights.carpet().data.n).sum() == 1
