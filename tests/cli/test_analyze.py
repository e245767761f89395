"""`evenfall analyze`: what it prints and keeps.

The judge is a stand-in: its work is tested elsewhere, and on real data in test_kenya.py.
"""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import pytest

from evenfall.cli import main
from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.model.curfew import Curfew, Effect, SeriesFinding, Window
from evenfall.model.vocabulary import ClaimLevel, Pattern, Scope, SeriesState, State
from evenfall.store import open_store

MAP = """
[time]
column = "when"
zone = "UTC"
[local]
zone = "Africa/Nairobi"
[series]
service = "telegram"
network = { column = "asn", prefix = "AS" }
[failure]
failed = "outcome != 'ok'"
"""


def finding(series, state: SeriesState) -> SeriesFinding:
    """A line for a series."""
    return SeriesFinding(
        service=series.service,
        network=series.network,
        state=state,
        reason="a stand-in",
        n=len(series.started_us),
        nights_measured=7,
        p_value=0.001 if state is SeriesState.CURFEW else None,
        q_value=None,
    )


def curfew(series) -> Curfew:
    """A curfew of a series."""
    return Curfew(
        service=series.service,
        network=series.network,
        timezone=series.timezone,
        state=State.BLOCKED,
        scope=Scope.UNDETERMINED,
        scope_because="no concurrent control on this network",
        pattern=Pattern.WINDOW,
        lines=None,
        windows=(
            Window(
                weekdays=(0, 1, 2, 3, 4),
                start_local="07:00",
                end_local="11:00",
                start_interval=("06:50", "07:10"),
                end_interval=("10:50", "11:10"),
            ),
        ),
        onset=None,
        lifting=None,
        nights_seen=7,
        nights_measured=7,
        n=len(series.started_us),
        p_value=0.001,
        effect=Effect(in_window=0.9, outside=0.04),
        slower_by=None,
        claim_level=ClaimLevel.L2,
        isolated=False,
        rule_id="nights.test",
        ruleset="2026.11",
        profile="nightly-2026",
    )


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command on a store with AS1 (a curfew, says the stand-in) and AS2 (none)."""
    seen: dict[str, object] = {}

    def judge(series, *, profile, rng):
        seen.update(networks=[s.network for s in series], draw=rng.random(), profile=profile.name)
        hit = [s for s in series if s.network == "AS1"]
        states = {s.network: SeriesState.CURFEW for s in hit}
        return types.SimpleNamespace(
            curfews=tuple(curfew(s) for s in hit),
            findings=tuple(finding(s, states.get(s.network, SeriesState.NONE)) for s in series),
        )

    module = types.ModuleType("evenfall.infer.nights")
    module.judge = judge
    monkeypatch.setitem(sys.modules, "evenfall.infer.nights", module)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    Path("m.toml").write_text(MAP)
    rows = "".join(f"2023-11-08 {n:02d}:00:00,{n % 2 + 1},ok\n" for n in range(20))
    Path("f.csv").write_text("when,asn,outcome\n" + rows)

    def command(*words: str):
        monkeypatch.setattr(sys, "argv", ["evenfall", *words, "--store", "s"])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return left.value.code, captured.out, captured.err

    command("import", "table", "f.csv", "--map", "m.toml")
    return command, seen


def test_json_lines(run) -> None:
    """First the curfews, then one line for every series; nothing else on stdout."""
    command, _ = run
    status, out, err = command("analyze", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [line["kind"] for line in lines] == ["curfew", "series", "series"]
    assert lines[0]["windows"][0]["start_local"] == "07:00"
    assert lines[0]["lines"] is None
    assert {line["network"]: line["state"] for line in lines[1:]} == {
        "AS1": "curfew",
        "AS2": "none",
    }
    assert "2 series judged" in err


def test_findings_are_kept(run) -> None:
    """What was printed is what the store gives back."""
    command, _ = run
    command("analyze")
    with open_store(Path("s"), write=False) as store:
        curfews, findings = store.findings()
    assert [c.network for c in curfews] == ["AS1"]
    assert [f.network for f in findings] == ["AS1", "AS2"]


def test_new_rows_drop_the_findings(run) -> None:
    """A finding never speaks about a store that has changed since; a known file changes nothing."""
    command, _ = run
    command("analyze")
    command("import", "table", "f.csv", "--map", "m.toml")
    with open_store(Path("s"), write=False) as store:
        assert len(store.findings()[1]) == 2
    Path("g.csv").write_text("when,asn,outcome\n2023-11-09 01:00:00,1,ok\n")
    command("import", "table", "g.csv", "--map", "m.toml")
    with open_store(Path("s"), write=False) as store:
        assert store.findings() == ([], [])


def test_restricted_to_a_network_the_others_stay(run) -> None:
    """--network judges that one alone and replaces that one alone."""
    command, seen = run
    command("analyze")
    status, out, _ = command("analyze", "--network", "AS2", "--json", "-q")
    assert status == 0
    assert seen["networks"] == ["AS2"]
    assert [json.loads(line)["network"] for line in out.splitlines()] == ["AS2"]
    with open_store(Path("s"), write=False) as store:
        curfews, findings = store.findings()
    assert [c.network for c in curfews] == ["AS1"]
    assert sorted(f.network for f in findings) == ["AS1", "AS2"]


def test_the_seed_is_handed_on(run) -> None:
    """The same seed draws the same rotations; another does not."""
    command, seen = run
    draws = []
    for seed in ("5", "5", "6"):
        command("analyze", "--seed", seed)
        draws.append(seen["draw"])
    assert draws[0] == draws[1] != draws[2]
    assert seen["profile"] == NIGHTLY_2026.name


def test_the_text_answers_and_limits_itself(run) -> None:
    """A table, a sentence with the window, and what it does not show."""
    command, _ = run
    status, out, _ = command("analyze")
    assert status == 0
    for part in ("telegram", "AS1", "AS2", "07:00", "What it does not show", "2 series judged: 1"):
        assert part in out, out


def test_nothing_measured_is_an_error_that_says_what_to_do(run, tmp_path) -> None:
    """A name that is not in the store: status 2, one line with those that are."""
    command, _ = run
    status, _, err = command("analyze", "--service", "nothing")
    assert status == 2
    assert "--service nothing: expected service telegram, on network AS1 or AS2" in err
    assert err.count("\n") == 1
    status, _, err = command("analyze", "--seed", "x")
    assert status == 2


def test_no_store_is_an_error(run) -> None:
    """A folder that is not there is named."""
    command, _ = run
    Path("s").rename("elsewhere")
    status, _, err = command("analyze", "--json")
    assert status == 1
    assert "store.toml" in err
    assert not Path("s").exists()
