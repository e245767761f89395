"""`evenfall check` as people and programs meet it: real processes, real sockets on loopback."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from evenfall.cli import main
from evenfall.lab.clock import LabClock
from evenfall.lab.loopback import LoopbackBackend
from evenfall.lab.scenario import CensorRule, Scenario, draw
from evenfall.model.errors import ProtocolError
from evenfall.model.observation import Observation
from evenfall.model.verdict import Summary, Verdict
from evenfall.probe.builtin import BUILT_IN
from evenfall.probe.consent import Consent, store_consent
from evenfall.probe.server_faults import ServerFault
from evenfall.probe.targets import host_of
from evenfall.text.consent import RISK_VERSION

EVENFALL = [sys.executable, "-m", "evenfall.cli"]


class NoNetwork:
    """Fails on the first use of anything."""

    def __init__(self, *_: object) -> None:
        raise AssertionError("something wanted to send")


class SilentNetwork:
    """Nobody answers; counts what was asked."""

    def __init__(self) -> None:
        from evenfall.net.fake import FakeNetwork

        self.fake = FakeNetwork()
        self.clock = self.fake.clock

    def __getattr__(self, name: str) -> object:
        return getattr(self.fake, name)


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """`run(network, *arguments)`: exit status, stdout, stderr of the command in this process."""

    def call(network, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("evenfall.net.sockets.SystemNetwork", network)
        monkeypatch.setattr(sys, "argv", ["evenfall", "--store", str(tmp_path / "s"), *arguments])
        monkeypatch.setattr("sys.stdin", io.StringIO())
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def test_plan_sends_nothing_and_names_everybody(run):
    """`--plan` lists every host, resolver, bytes and time, and never opens the network."""
    status, out, _ = run(NoNetwork, "check", "--plan")
    assert status == 0
    for site in (*BUILT_IN.targets, *BUILT_IN.controls):
        assert f"{host_of(site.url)}:443" in out
    assert "9.9.9.9" in out
    assert "6.0 MB" in out
    assert "75 s" in out


def test_plan_as_json(run):
    """With `--json` each step is a line, and the last has the totals."""
    status, out, _ = run(NoNetwork, "--json", "--plan", "check")
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert {line["kind"] for line in lines[:-1]} == {"plan_step"}
    assert lines[-1] == {"kind": "plan", "bytes_max": 6_000_000, "seconds_max": 75.0}


@pytest.mark.parametrize("mbit", ["nan", "inf", "-inf", "1e308", "1000001", "0", "-1", "x"])
@pytest.mark.parametrize("command", [("check",), ("triage", "youtube")])
def test_a_tariff_is_a_speed_that_somebody_could_sell(run, command, mbit):
    """No number, none above 0, or beyond a terabit: exit 2, nothing sent."""
    status, _, err = run(NoNetwork, *command, "--plan", "--tariff", mbit)
    assert status == 2
    assert "--tariff" in err


def test_no_terminal_and_no_yes_is_a_usage_error(run):
    """Nobody to ask and no `--yes`: exit 2, one message, nothing sent."""
    status, out, err = run(NoNetwork, "check")
    assert (status, out) == (2, "")
    assert "--yes" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("language", "word"), [("en", "Ctrl-C"), ("ru", "минуту"), ("kk", "минутта")]
)
def test_yes_prints_the_risk_and_keeps_its_version(run, tmp_path, language, word):
    """The text goes to stderr in the language asked for; its version is kept in the store."""
    status, out, err = run(SilentNetwork, "--lang", language, "check", "--yes", "--json")
    assert status == 0
    assert word in err
    assert word not in out
    kept = json.loads((tmp_path / "s" / "yes.json").read_text())
    assert (kept["version"], kept["how"]) == (RISK_VERSION, "yes")
    assert not (tmp_path / "s" / "consent.json").exists()


@pytest.mark.parametrize("language", ["en", "ru", "kk"])
def test_the_risk_text_fits_the_screen(run, language):
    """Eighty columns, as every other screen."""
    _, _, err = run(SilentNetwork, "--lang", language, "check", "--yes", "--json")
    assert max(map(len, err.splitlines())) <= 80


def test_who_agreed_is_not_asked_again(run, tmp_path):
    """With the same version typed by a person in the store, nobody is asked; without, they are."""
    store_consent(
        tmp_path / "s",
        Consent(version=RISK_VERSION, language="en", given_us=1, how="terminal"),
    )
    status, _, err = run(SilentNetwork, "check")
    assert status == 0
    assert "Ctrl-C" not in err
    (tmp_path / "s" / "consent.json").unlink()
    assert run(NoNetwork, "check")[0] == 2


def test_yes_counts_for_one_run(run, tmp_path):
    """After `--yes` the next run has to ask; so it is after a consent file that `--yes` wrote."""
    run(SilentNetwork, "check", "--yes")
    assert run(NoNetwork, "check")[0] == 2
    note = (tmp_path / "s" / "yes.json").read_bytes()
    (tmp_path / "s" / "consent.json").write_bytes(note)
    assert run(NoNetwork, "check")[0] == 2


def test_offline_says_so_and_has_its_status(run):
    """Nobody answers, and no name exists: not_measured, exit 0, and 4 with `--exit-code`."""
    status, out, _ = run(SilentNetwork, "check", "--yes", "--exit-code", "--json")
    assert status == 4
    assert json.loads(out.splitlines()[-1])["answer"] == "not_measured"
    status, out, _ = run(SilentNetwork, "check", "--yes")
    assert status == 0
    assert "No name can be looked up" in out


def test_a_fault_of_our_own_keeps_what_was_seen(run, monkeypatch):
    """A step that fails inside the program ends the round: results are printed, then exit 1."""

    async def broken(*_args, **_options):
        raise ProtocolError(expected="a", seen="b", where="a step of ours", remedy="Report it.")

    monkeypatch.setattr("evenfall.probe.schedule.second_looks", broken)
    status, out, err = run(SilentNetwork, "check", "--yes", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 1
    assert {"observation", "verdict", "summary"} <= {line["kind"] for line in lines}
    assert "a step of ours" in err
    assert "Traceback" not in err


def test_a_store_that_cannot_be_written_is_no_obstacle(run, tmp_path):
    """Where the consent cannot be kept, one line says so and the check goes on."""
    (tmp_path / "s").write_text("a file, not a folder")
    status, _, err = run(SilentNetwork, "check", "--yes")
    assert status == 0
    assert "could not be kept" in err


def test_a_bad_target_file_is_one_message(run, tmp_path):
    """The message names the file and the remedy; exit 1; nothing sent."""
    path = tmp_path / "t.toml"
    path.write_text('[[target]]\nid = "x"\nurl = "https://a.example/"\n')
    status, out, err = run(NoNetwork, "check", "--targets", str(path))
    assert (status, out) == (1, "")
    assert str(path) in err
    assert "service/what" in err


@pytest.mark.parametrize("tariff", ["0", "-5", "fast"])
def test_a_tariff_is_a_positive_number(run, tariff):
    """`--tariff` refuses what is no speed."""
    status, _, _ = run(NoNetwork, "check", "--tariff", tariff)
    assert status == 2


@pytest.mark.parametrize("command", [["check"], ["triage", "video"]])
def test_a_path_is_searched_on_linux_only(run, tmp_path, monkeypatch, command):
    """`--locate` is refused before anything is sent where the system cannot do it."""
    path = tmp_path / "t.toml"
    path.write_text(
        '[[target]]\nid = "video/front"\nurl = "https://a.example/"\n'
        '[[control]]\nid = "news/front"\nurl = "https://b.example/"\n'
        '[[control]]\nid = "maps/front"\nurl = "https://c.example/"\n'
        f'[[server]]\nurl = "https://d.example:8443"\npin = "sha256/{"A" * 43}="\n'
    )
    arguments = [*command, "--targets", str(path), "--plan"]
    assert run(NoNetwork, *arguments, "--locate")[0] == 0
    monkeypatch.setattr(sys, "platform", "darwin")
    status, out, err = run(NoNetwork, *arguments, "--locate")
    assert (status, out) == (2, "")
    assert "Linux" in err
    assert run(NoNetwork, *arguments)[0] == 0  # innocent: without it all else works there


class Stage:
    """A loopback network with one drawn world in it."""

    def __init__(self, folder: Path, *rules: CensorRule) -> None:
        scenario = Scenario(
            name="", title="", innocent=not rules, expected=(), answers=(), censor=rules
        )
        drawn = draw(scenario, 5)
        client = folder / "client"
        client.mkdir()
        clock = LabClock(start_local_minutes=1200, epoch_monotonic_s=time.monotonic())
        self._staged = LoopbackBackend().stage(drawn, folder=client, clock=clock)

    def __enter__(self) -> Path:
        return self._staged.__enter__().target_file

    def __exit__(self, *error: object) -> None:
        self._staged.__exit__(*error)  # type: ignore[arg-type]  # handed through


def check(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    """The real command in a process of its own."""
    return subprocess.run(
        [*EVENFALL, "check", *arguments], capture_output=True, text=True, timeout=100, check=False,
        **options,
    )  # fmt: skip


@pytest.mark.slow
def test_json_is_what_the_product_says(tmp_path):
    """Observations, one verdict a target, one summary; every line decodes into its type."""
    rules = (CensorRule(action="sni.police", services=("video",)),)
    with Stage(tmp_path, *rules) as targets:
        done = check("--targets", str(targets), "--json", "--exit-code", "--seed", "4")
    assert (done.returncode, done.stderr) == (10, "")
    lines = done.stdout.splitlines()
    items = [
        msgspec.json.decode(line, type=Observation | Verdict | Summary, strict=True)
        for line in lines
    ]
    verdicts = [item for item in items if isinstance(item, Verdict)]
    assert isinstance(items[-1], Summary)
    assert sum(isinstance(item, Summary) for item in items) == 1
    assert items[-1].answer == "targeted_slowing"
    assert items[-1].line_goodput_bps
    ids = ["video/front", "social/front", "messenger/front", "messenger/app"]
    assert [v.target for v in verdicts] == ids
    assert (verdicts[0].mechanism, verdicts[0].isolated) == ("tls.throttle.sni", True)
    assert verdicts[0].slower_by is not None
    assert verdicts[0].slower_by.low > 1
    ids = {item.observation_id for item in items if isinstance(item, Observation)}
    assert set(verdicts[0].witnesses) <= ids
    assert items[-1].bytes <= 6_000_000
    assert items[-1].duration_s <= 75
    # Canary: the resolver's address and this machine's name are nowhere in it.
    assert os.uname().nodename not in done.stdout or len(os.uname().nodename) < 4
    assert '"resolver":"system"' in done.stdout


@pytest.mark.slow
def test_a_person_gets_one_screen(tmp_path):
    """Line, neutral sites, three services, the answer, what it does not show, what next."""
    with Stage(tmp_path) as targets:
        done = check("--targets", str(targets), "--no-color", "--tariff", "10")
    assert done.returncode == 0
    assert "your line" in done.stdout
    assert "(2 of 2 answer)" in done.stdout
    assert "(1 of 1 answer)" in done.stdout
    assert done.stdout.count("✔") >= 4
    assert "Everything asked for answers like the neutral sites do." in done.stdout
    assert "Not shown" in done.stdout
    assert "no result was sent anywhere" in done.stdout
    assert len(done.stdout.splitlines()) <= 24


@pytest.mark.slow
def test_interrupted_prints_what_was_measured(tmp_path):
    """Three SIGINTs after two seconds: exit 130, what was seen, a summary, no traceback."""
    rules = (CensorRule(action="sni.drop", services=("video",)),)
    with Stage(tmp_path, *rules) as targets:
        process = subprocess.Popen(
            [*EVENFALL, "check", "--targets", str(targets), "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        for after_s in (2.5, 2.55, 2.6):  # who presses Ctrl-C presses it again
            threading.Timer(after_s, process.send_signal, [signal.SIGINT]).start()
        out, err = process.communicate(timeout=60)
    lines = [json.loads(line) for line in out.splitlines()]
    assert process.returncode == 130
    assert "Traceback" not in err
    assert lines[-1]["kind"] == "summary"
    assert any(line["kind"] == "observation" for line in lines)


def on_a_terminal(store: Path, typed: list[str], *options: str) -> tuple[int, str, str]:
    """Exit status, stdout, and what the terminal showed, of a check that a person answers."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*EVENFALL, "--store", str(store), *options, "check"],
        stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, text=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, "".join(f"{line}\n" for line in typed).encode())
    out, _ = process.communicate(timeout=60)
    said = b""
    while select.select([ours], [], [], 0)[0]:
        try:
            said += os.read(ours, 65_536)
        except OSError:
            break
    os.close(ours)
    return process.returncode, out, said.decode()


def test_a_terminal_is_asked_and_no_is_no(tmp_path):
    """On a terminal the risk is shown and the question asked; Enter means no, nothing is sent."""
    status, out, said = on_a_terminal(tmp_path / "s", [""], "--lang", "ru")
    assert (status, out) == (130, "")
    assert "Начать?" in said
    assert "Язык" not in said
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("typed", "word"),
    [("р", "Начать?"), ("қ", "Бастаймыз ба?"), ("e", "Start?"), ("", "Start?"), ("?", "Start?")],
)
def test_the_language_is_asked_first(tmp_path, typed, word):
    """Without `--lang` a person chooses; Enter, or what is no language, keeps the locale's."""
    status, _, said = on_a_terminal(tmp_path / "s", [typed, "n"])
    assert status == 130
    assert "Язык / Тіл / Language" in said
    assert word in said


def test_addresses_are_shown_before_anything_is_sent(tmp_path):
    """The key for addresses lists every page and resolver, then asks again."""
    status, out, said = on_a_terminal(tmp_path / "s", ["а", ""], "--lang", "ru")
    assert (status, out) == (130, "")
    assert all(site.url in said for site in (*BUILT_IN.targets, *BUILT_IN.controls))
    assert said.count("Начать?") == 2


def test_a_server_that_is_not_there_is_said_first(run, tmp_path, monkeypatch):
    """On the screen first, in the summary, and on stderr with --json, where stdout stays pure."""
    fault = ServerFault(place="127.0.0.1:18443", failure="pin_mismatch")
    monkeypatch.setattr("evenfall.probe.check.server_faults", lambda *_: (fault,))
    status, out, err = run(SilentNetwork, "check", "--yes", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    (note,) = lines[-1]["notes"]
    assert "127.0.0.1:18443: another key than the pinned one" in note
    assert "--print-pin" in note
    assert note in err
    _, out, _ = run(SilentNetwork, "check", "--yes")
    assert out.startswith("Measurement server 127.0.0.1:18443")
