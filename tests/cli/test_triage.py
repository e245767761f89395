"""`evenfall triage` as the staff of a network meets it, without a network and on loopback."""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from evenfall.cli import main
from evenfall.cli.triage import focused
from evenfall.cli.triage_output import NAGIOS_EXIT_CODES, nagios_line, rows_of
from evenfall.infer.triage import triage_of
from evenfall.lab.clock import LabClock
from evenfall.lab.loopback import LoopbackBackend
from evenfall.lab.scenario import CensorRule, Scenario, draw
from evenfall.model.errors import UsageError
from evenfall.model.triage import Conclusion, Triage
from evenfall.net.fake import FakeNetwork
from evenfall.probe.builtin import BUILT_IN
from evenfall.text.triage import customer_text, sure_words


@pytest.fixture(scope="module")
def make() -> ModuleType:
    """The rounds of the golden screens."""
    path = Path(__file__).with_name("screens") / "make.py"
    spec = importlib.util.spec_from_file_location("screens_for_triage", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def triage(make: ModuleType, case: str) -> Triage:
    """The triage of a golden round."""
    result = make.CASES[case]().result()
    return triage_of(result.judged, result.observations, make.TRIAGES[case], answer=result.answer)


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """`run(*arguments)`: exit status, stdout, stderr; whoever opens the network fails."""

    def call(*arguments: str, network=None) -> tuple[int, str, str]:
        monkeypatch.setattr("evenfall.net.sockets.SystemNetwork", network or NoNetwork)
        monkeypatch.setattr(sys, "argv", ["evenfall", "--store", str(tmp_path / "s"), *arguments])
        monkeypatch.setattr("sys.stdin", io.StringIO())
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


@pytest.mark.parametrize(("timed", "how_many"), [(False, "most sites"), (True, "all sites")])
def test_a_ticket_of_a_slow_network_does_not_contradict_itself(make, timed, how_many):
    """The access row says to where; "all sites" only where no domestic one has a ✔."""
    story = make.Story().router().names(*make.TARGETS, *make.CONTROLS)
    for site in (*make.CONTROLS, *make.TARGETS):
        story.visit(site, kbit=900)
    story.pairs(make.CONTROLS[0], 3, kbit=900, neutral_kbit=900, null=True)
    result = story.result()
    said = triage_of(result.judged, result.observations, "youtube", answer=result.answer)
    assert (said.conclusion, said.domestic_slow) == (Conclusion.OWN_NETWORK, True)
    if not timed:  # its page was too short
        said = msgspec.structs.replace(said, domestic_slow=None)
    verdict = next(v for v in result.judged.verdicts if v.service == "youtube")
    rows = {str(row.name): row for row in rows_of(said, verdict)}
    assert rows["our access"].words.endswith("to our own server")
    assert rows["domestic sites"].mark == ("✔" if how_many == "most sites" else "▼")
    assert how_many in customer_text(said, "20:00")
    assert "paired" not in sure_words(said)


class NoNetwork:
    """Fails on the first use of anything."""

    def __init__(self, *_: object) -> None:
        raise AssertionError("something wanted to send")


def test_the_list_is_focused_on_one_service():
    """The service, two others to compare with, all controls; the service comes first."""
    services = dict.fromkeys(target.service for target in BUILT_IN.targets)
    last = list(services)[-1]
    chosen = focused(BUILT_IN, last.upper())
    assert chosen.targets[0].service == last
    assert len({target.service for target in chosen.targets}) == 3
    assert chosen.controls == BUILT_IN.controls
    own = [target for target in BUILT_IN.targets if target.service == last]
    assert list(chosen.targets[: len(own)]) == own


def test_an_unknown_service_names_those_that_are_there(run):
    """Exit 2, nothing sent, the services of the list in the message."""
    with pytest.raises(UsageError):
        focused(BUILT_IN, "nobody")
    status, out, err = run("triage", "nobody", "--yes")
    assert (status, out) == (2, "")
    assert "youtube" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("since", ["19", "25:00", "19:60", "7 pm", "-1:00", "19:0"])
def test_since_is_a_time_of_day(run, since):
    """What is no time of day is refused before anything is sent."""
    assert run("triage", "youtube", "--yes", f"--since={since}")[0] == 2


def test_plan_sends_nothing(run):
    """`--plan` names who would be asked."""
    status, out, _ = run("triage", "youtube", "--plan")
    assert status == 0
    assert "www.youtube.com" in out


def test_offline_is_unknown_to_a_monitor(run):
    """Nobody answers: one line, UNKNOWN, exit 3; and so it is for what keeps us from looking."""
    status, out, _ = run("triage", "youtube", "--yes", "--nagios", network=FakeNetwork)
    assert status == 3
    assert out.startswith("EVENFALL UNKNOWN - youtube: ")
    assert len(out.splitlines()) == 1
    status, out, _ = run("triage", "nobody", "--nagios")
    assert status == 3
    assert out.startswith("EVENFALL UNKNOWN - ")
    assert len(out.splitlines()) == 1


def test_offline_as_json(run):
    """The last line is the triage; it decodes into its type."""
    status, out, _ = run("triage", "youtube", "--yes", "--json", network=FakeNetwork)
    last = msgspec.json.decode(out.splitlines()[-1], type=Triage, strict=True)
    assert status == 0
    assert last.conclusion is Conclusion.NOT_MEASURED
    assert json.loads(out.splitlines()[-2])["kind"] == "summary"


@pytest.mark.parametrize(
    ("case", "word", "status"),
    [
        ("ok", "OK", 0), ("slowed", "WARNING", 1), ("blocked", "WARNING", 1),
        ("site-down", "WARNING", 1), ("congested", "CRITICAL", 2), ("cannot-tell", "UNKNOWN", 3),
        ("no-network", "UNKNOWN", 3),
    ],
)  # fmt: skip
def test_the_line_for_a_monitor(make, case, word, status):
    """State, service, conclusion, ticket; after the bar figures as monitors read them."""
    said = triage(make, case)
    line = nagios_line(said)
    head, _, data = line.partition(" | ")
    assert head.startswith(f"EVENFALL {word} - {said.service}: ")
    assert head.endswith(said.ticket)
    assert NAGIOS_EXIT_CODES[said.conclusion] == status
    for figure in data.split():
        name, _, value = figure.partition("=")
        assert name.isidentifier()
        assert float(value) >= 0


def test_every_conclusion_has_a_state():
    """No conclusion is without an exit status, and none is above 3."""
    assert set(NAGIOS_EXIT_CODES) == set(Conclusion)
    assert set(NAGIOS_EXIT_CODES.values()) == {0, 1, 2, 3}


def test_the_customers_text_holds_no_address(make):
    """Neither addresses nor names of hosts stand in what support reads out."""
    for case in make.TRIAGES:
        text = make.triage_screen(case, "ru").split("Текст для абонентов", 1)[1]
        assert ".test" not in text
        assert "203.0.113" not in text


def test_the_customers_text_speaks_of_the_line_alone(make):
    """What a round on one line shows is that line: the network's own resolver may be what lies."""
    for case in make.TRIAGES:
        assert "our network is in order" not in make.triage_screen(case, "en").lower()
    for case in ("slowed", "blocked", "site-down"):
        assert "Your line is in order" in make.triage_screen(case, "en")


def test_nothing_wrong_promises_nothing_in_russian(make):
    """Nothing wrong is seen: that is less than all is well."""
    screen = make.triage_screen("ok", "ru")
    assert "Отсюда неполадок не видно" in screen
    assert "всё в порядке" not in screen


def staged(folder: Path, *rules: CensorRule):
    """A loopback network with one drawn world in it."""
    scenario = Scenario(
        name="", title="", innocent=not rules, expected=(), answers=(), censor=rules
    )
    client = folder / "client"
    client.mkdir()
    clock = LabClock(start_local_minutes=1200, epoch_monotonic_s=time.monotonic())
    return LoopbackBackend().stage(draw(scenario, 5), folder=client, clock=clock)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rules", "conclusion"),
    [
        ((CensorRule(action="sni.reset", services=("video",)),), Conclusion.BY_NAME),
        ((), Conclusion.NOTHING_WRONG),
    ],
)
def test_on_loopback(tmp_path, rules, conclusion):
    """The real command against real sockets: cut off by name, and the innocent twin."""
    with staged(tmp_path, *rules) as lab:
        options = ["--targets", str(lab.target_file), "--seed", "4", "--json"]
        done = subprocess.run(
            [sys.executable, "-m", "evenfall.cli", "triage", "video", *options],
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
    said = msgspec.json.decode(done.stdout.splitlines()[-1], type=Triage)
    assert (done.returncode, done.stderr) == (0, "")
    assert said.conclusion is conclusion
    assert said.access_bps
    assert said.n_pairs
    assert said.upstream_works + said.domestic_works == 3
