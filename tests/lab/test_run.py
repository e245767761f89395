"""Truth beside verdict, what many runs can bound, and the command around both."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from scipy import stats

from evenfall.lab.backend import Backend, choose_backend, client_environment, run_client
from evenfall.lab.cases import cases_folder, find_case
from evenfall.lab.clock import minutes_of
from evenfall.lab.loopback import LoopbackBackend
from evenfall.lab.run import CheckRun, run_check
from evenfall.lab.scenario import Expected, Scenario
from evenfall.lab.truth import Comparison, Found, Seen, compare, expected_answers, read_check
from evenfall.lab.words import comparison, one_line, tally
from evenfall.model.errors import LabError, UsageError

EVENING, NOON = float(minutes_of("20:30")), float(minutes_of("12:00"))
THROTTLED = Found(
    service="video",
    target="video/front",
    state="slowed",
    scope="targeted",
    mechanism="tls.throttle.sni",
)
APP_OK = Found(service="messenger", target="messenger/app", state="ok", scope="undetermined")


def case(name: str) -> Scenario:
    """A case of the project."""
    return find_case(name, cases_folder())


def ok(service: str) -> Found:
    """The verdict of an innocent service's first target."""
    return Found(service=service, target=f"{service}/front", state="ok", scope="undetermined")


def seen(*found: Found, answer: str = "ok") -> Seen:
    """What a check said."""
    return Seen(answer=answer, found=found)


# --- the comparison -------------------------------------------------------------------------


def test_a_right_verdict_matches_and_a_wrong_one_does_not() -> None:
    """Two services are throttled, one is not; each is compared by itself."""
    social = Found(service="social", target="social/front", state="slowed", scope="undetermined")
    lines = compare(
        case("throttle_sni_policer"),
        seen(THROTTLED, social, ok("messenger"), APP_OK),
        minute_of_day=EVENING,
    )
    assert [(line.target, line.match) for line in lines] == [
        ("video/front", True),
        ("social/front", False),  # slowed, but not by name
        ("messenger/front", True),
        ("messenger/app", True),
    ]


def test_a_service_that_was_not_judged_is_no_match() -> None:
    """Silence about a service is not the right answer about it."""
    lines = compare(case("clean"), seen(ok("video"), ok("social")), minute_of_day=EVENING)
    assert [line.match for line in lines] == [True, True, False, False]


def test_a_mechanism_where_none_is_expected_is_no_match() -> None:
    """An innocent slow server may be slowed and undetermined; with a mechanism it is accused."""
    slow = Found(service="video", target="video/front", state="slowed", scope="undetermined")
    accused = msgspec.structs.replace(slow, mechanism="tls.throttle.sni")
    for found, match in ((slow, True), (accused, False)):
        lines = compare(case("slow_server"), seen(found), minute_of_day=EVENING)
        assert lines[0].match is match


def test_a_censor_with_hours_is_expected_to_rest() -> None:
    """At noon the same network has to be found fine, and calling it throttled is a mismatch."""
    policer = case("throttle_sni_policer")
    everything_ok = seen(ok("video"), ok("social"), ok("messenger"), APP_OK)
    assert all(line.match for line in compare(policer, everything_ok, minute_of_day=NOON))
    assert not compare(policer, seen(THROTTLED), minute_of_day=NOON)[0].match
    assert expected_answers(policer, minute_of_day=NOON) == ("ok",)
    assert expected_answers(policer, minute_of_day=EVENING) == ("targeted_slowing",)
    assert expected_answers(case("reset_sni"), minute_of_day=NOON) == ("targeted_blocking",)


def test_check_output_is_read_and_unknown_fields_are_ignored() -> None:
    """Observations, unknown kinds and unknown fields pass; verdicts and the answer are kept."""
    lines = [
        {"kind": "observation", "fact": "tcp_connect"},
        {"kind": "verdict", "target": "video/front", "service": "video", "state": "ok",
         "scope": "undetermined", "mechanism": None, "new": [1]},
        {"kind": "later", "x": 1},
        {"kind": "summary", "answer": "ok"},
    ]  # fmt: skip
    found = read_check("\n".join(json.dumps(line) for line in lines).encode())
    assert (found.answer, found.found[0].service) == ("ok", "video")


@pytest.mark.parametrize(
    "output", [b"", b'{"kind":"verdict"}', b"not json", b'{"kind":"observation"}\n']
)
def test_a_check_without_an_end_is_an_error(output: bytes) -> None:
    """Half an output is never compared."""
    with pytest.raises(LabError, match="check --json"):
        read_check(output)


def scenario_with(*expected: Expected) -> Scenario:
    """A scenario with these expectations."""
    return Scenario(title="t", innocent=True, expected=expected, answers=("ok",))


def test_one_target_of_a_service_may_have_a_truth_of_its_own() -> None:
    """`target` names it; an entry without one is for all the others of the service."""
    blocked = Expected(service="messenger", state=("blocked",), scope=("targeted",))
    app = Expected(service="messenger", target="app", state=("ok",), scope=())
    front = Found(service="messenger", target="messenger/front", state="blocked", scope="targeted")
    said = seen(ok("video"), ok("social"), front, APP_OK)
    for expected, right in (((blocked, app), True), ((blocked,), False), ((app,), False)):
        lines = compare(scenario_with(*expected), said, minute_of_day=NOON)
        assert all(line.match for line in lines) is right


def test_a_mechanism_may_be_left_open() -> None:
    """`none` among the mechanisms: with it or without; a third one is no match."""
    expected = Expected(
        service="video", state=("blocked",), scope=("server_side",),
        mechanism=("none", "http.blockpage"),
    )  # fmt: skip
    for mechanism, match in ((None, True), ("http.blockpage", True), ("ip.drop", False)):
        found = Found(
            service="video", target="video/front", state="blocked", scope="server_side",
            mechanism=mechanism,
        )  # fmt: skip
        line = compare(scenario_with(expected), seen(found), minute_of_day=NOON)[0]
        assert line.match is match


def test_a_way_that_has_to_show_its_mechanism() -> None:
    """A service that is fine over TCP: the case asks what became of QUIC as well."""
    expected = Expected(
        service="video", state=("ok",), scope=("undetermined",), ways=("quic.drop",)
    )
    said = {"kind": "verdict", "target": "video/front", "service": "video", "state": "ok",
            "scope": "undetermined", "mechanism": None, "ways": [{"mechanism": None}]}  # fmt: skip
    for mechanism, match in (("quic.drop", True), (None, False)):
        said["ways"] = [{"mechanism": None}, {"mechanism": mechanism}]
        output = json.dumps(said) + '\n{"kind":"summary","answer":"ok"}'
        line = compare(scenario_with(expected), read_check(output.encode()), minute_of_day=NOON)[0]
        assert line.match is match


def test_one_entry_may_stand_for_every_service() -> None:
    """`*` is for those that no other entry names."""
    everything = Expected(service="*", state=("insufficient",), scope=("undetermined",))
    social = Expected(service="social", state=("ok",), scope=())
    nothing = [
        Found(service=target, target=target, state="insufficient", scope="undetermined")
        for target in ("video/front", "messenger/front", "messenger/app")
    ]
    said = seen(*nothing, ok("social"))
    assert all(c.match for c in compare(scenario_with(everything, social), said, minute_of_day=0))
    assert not all(c.match for c in compare(scenario_with(everything), said, minute_of_day=0))


# --- words ----------------------------------------------------------------------------------


def result(*, match: bool = True, scope: str = "undetermined", innocent: bool = True) -> CheckRun:
    """A run with one service."""
    found = Found(service="video", state="ok", scope=scope)
    line = Comparison(service="video", truth="ok", found=found, match=match)
    return CheckRun(
        scenario="clean", backend="loopback", seed=1, at_local="20:30", innocent=innocent,
        match=match, answer="ok", answers=("ok",), services=(line,), duration_s=8.2,
        down_bps=27.5e6, up_bps=15e6, rtt_s=0.054, loss=0.0,
    )  # fmt: skip


@pytest.mark.parametrize(("hits", "n"), [(0, 20), (1, 20), (0, 1), (3, 7), (20, 20)])
def test_the_bound_is_clopper_and_pearsons(hits: int, n: int) -> None:
    """The one-sided 95 % bound that is printed is scipy's beta quantile."""
    runs = [result(scope="targeted", match=False)] * hits + [result()] * (n - hits)
    expected = 1.0 if hits == n else stats.beta.ppf(0.95, hits + 1, n - hits)
    text = tally(runs)
    assert f"{hits} of {n} targeted" in text
    printed = re.search(r"is below ([\d.]+)%", text)
    assert printed is not None
    assert float(printed[1]) == pytest.approx(100 * expected, abs=0.051)


def test_what_twenty_runs_bound() -> None:
    """The sentence itself, and that it says what it cannot do."""
    text = tally([result()] * 20)
    assert "0 of 20 targeted: with 95% confidence the true rate is below 13.9%" in text
    assert "cannot bound it closer" in text


def test_censored_runs_are_counted_by_what_is_right() -> None:
    """19 of 20 right bounds the rate from below, as scipy says."""
    runs = [result(innocent=False)] * 19 + [result(innocent=False, match=False)]
    assert f"above {stats.beta.ppf(0.05, 19, 2):.1%}" in tally(runs)


def test_truth_stands_beside_the_verdict() -> None:
    """One table a run, one line a run where there are many."""
    assert "ok, undetermined  match" in comparison(result())
    assert comparison(result(match=False)).endswith("MISMATCH")
    assert one_line(result()).startswith("seed 1: match; answer ok; video ok")


# --- choosing -------------------------------------------------------------------------------


class Named:
    """A backend that can or cannot."""

    def __init__(self, name: str, *emulates: str, reason: str | None = None) -> None:
        self.name = name
        self.emulates = frozenset(emulates)
        self.reason = reason

    def unavailable(self) -> str | None:
        return self.reason

    @contextlib.contextmanager
    def stage(self, *_: object, **__: object) -> Iterator[None]:
        yield None


def candidates(reason: str | None = None) -> dict[str, Backend]:
    """A full backend and a poor one."""
    full = Named("netns", "tls", "goodput", "rtt", reason=reason)
    return {"netns": full, "loopback": Named("loopback", "tls", "goodput")}  # type: ignore[dict-item]  # (a stand-in)


def test_the_best_that_can_is_taken() -> None:
    """Namespaces if they are there, else loopback, unless the scenario needs more than it has."""
    policer, far = case("throttle_sni_policer"), case("clean_long_rtt")
    assert choose_backend("auto", policer, candidates()).name == "netns"
    assert choose_backend("auto", policer, candidates("no namespaces")).name == "loopback"
    assert choose_backend("loopback", policer, candidates()).name == "loopback"
    with pytest.raises(LabError, match=r"no namespaces.*does not emulate rtt"):
        choose_backend("auto", far, candidates("no namespaces"))
    with pytest.raises(LabError, match="does not emulate rtt"):
        choose_backend("loopback", far, candidates())
    with pytest.raises(UsageError, match="docker"):
        choose_backend("docker", policer, candidates())


# --- running a command ----------------------------------------------------------------------


def run(*command: str, timeout_s: float | None = 10) -> int:
    """Run a command as a stage does."""
    env = client_environment(Path("/nowhere"), Path("/nowhere/targets.toml"))
    return run_client(command, env=env, stdout=None, stderr=None, timeout_s=timeout_s)


def test_exit_status_is_the_commands_own() -> None:
    """Also when a signal ended it: 128 + n, as shells say."""
    assert run("sh", "-c", "exit 7") == 7
    assert run("sh", "-c", "kill -9 $$") == 128 + 9


def test_a_command_that_is_not_there_is_a_usage_error() -> None:
    """One clear message, with its name."""
    with pytest.raises(UsageError, match="no-such-command"):
        run("no-such-command")


def test_a_command_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    """The child of a child goes too."""
    mark = tmp_path / "pid"
    started_s = time.monotonic()
    with pytest.raises(LabError, match="still running"):
        run("sh", "-c", f"sleep 60 & echo $! > {mark}; wait", timeout_s=0.5)
    assert time.monotonic() - started_s < 5
    child = int(mark.read_text())
    deadline_s = time.monotonic() + 3
    while time.monotonic() < deadline_s and Path(f"/proc/{child}").exists():
        if Path(f"/proc/{child}/stat").read_text().split()[2] == "Z":
            break
        time.sleep(0.02)
    else:
        assert not Path(f"/proc/{child}").exists()


# --- the command ----------------------------------------------------------------------------


def evenfall(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """`evenfall lab …` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from evenfall.cli import main; main()", *words],
        capture_output=True, text=True, check=False, timeout=120, env={**os.environ, **more},
    )  # fmt: skip


def test_list_names_every_case() -> None:
    """Text for people, JSON Lines for programs, the same cases in both."""
    text = evenfall("lab", "list")
    lines = [json.loads(line) for line in evenfall("lab", "list", "--json").stdout.splitlines()]
    assert text.returncode == 0
    assert len(lines) >= 11
    for line in lines:
        assert re.search(rf"^{line['name']} +(innocent|censor)", text.stdout, re.MULTILINE)
    far = next(line for line in lines if line["name"] == "clean_long_rtt")
    assert far["backends"] == ["netns"]


def test_list_names_the_others_beside_a_faulty_one(tmp_path: Path) -> None:
    """One file that is no scenario: it is named, the rest is listed, exit 1."""
    good = (cases_folder() / "clean" / "scenario.toml").read_text()
    for name, text in (("aaa", "x = ["), ("clean", good)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "scenario.toml").write_text(text)
    for more in ((), ("--json",)):
        done = evenfall("lab", "list", "--cases", str(tmp_path), *more)
        assert done.returncode == 1
        assert "clean" in done.stdout
        assert str(tmp_path / "aaa") in done.stderr
        assert "Traceback" not in done.stderr


def test_a_commands_output_and_status_are_its_own() -> None:
    """Nothing of ours on stdout, `{targets}` filled in, the variable beside it."""
    script = 'test "$1" = "$EVENFALL_TARGETS" && grep -c "^\\[\\[control" "$1"; exit 9'
    done = evenfall(
        "lab", "run", "clean", "--backend", "loopback", "--", "sh", "-c", script, "x", "{targets}"
    )
    assert (done.stdout, done.stderr, done.returncode) == ("3\n", "", 9)


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("run", "clena"), 2, "clean"),
        (("run", "clean", "--backend", "moon"), 2, "--backend"),
        (("run", "clean_long_rtt", "--backend", "loopback"), 1, "does not emulate rtt"),
        (("run", "clean", "--backend", "loopback", "--", "no-such-command"), 2, "no-such-command"),
        (("run", "clean", "--at", "25:00"), 2, "--at"),
        (("run", "clean", "--repeat", "2", "--", "true"), 2, "--repeat"),
        (("run", "clean", "--backend", "loopback", "--", "echo", "{url:bank}"), 2, "bank"),
        (("list", "--cases", "/nowhere"), 2, "/nowhere"),
    ],
)
def test_wrong_input_is_one_clear_message(
    words: tuple[str, ...], status: int, message: str
) -> None:
    """Its status, one line on stderr, no traceback, nothing on stdout."""
    done = evenfall("lab", *words)
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_plan_runs_nothing() -> None:
    """`--plan` says what would be done, at once."""
    done = evenfall("lab", "run", "throttle_sni_policer", "--backend", "loopback", "--plan")
    assert done.returncode == 0
    assert "Would emulate throttle_sni_policer on loopback" in done.stdout


def test_nothing_runs_on_after_kill_9(tmp_path: Path) -> None:
    """The servers go with the lab, even if it had no time to say so."""
    lab = subprocess.Popen(
        [sys.executable, "-c", "from evenfall.cli import main; main()",
         "lab", "run", "clean", "--backend", "loopback", "--", "sleep", "3"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    deadline_s = time.monotonic() + 20
    while not worlds_of(tmp_path) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert worlds_of(tmp_path)
    time.sleep(0.5)
    lab.send_signal(signal.SIGKILL)
    lab.wait()
    while worlds_of(tmp_path) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert not worlds_of(tmp_path)


def test_sigterm_takes_everything_down_in_order(tmp_path: Path) -> None:
    """Status 143, the command ended, no server and no folder left."""
    lab = subprocess.Popen(
        [sys.executable, "-c", "from evenfall.cli import main; main()",
         "lab", "run", "clean", "--backend", "loopback", "--", "sleep", "60"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    deadline_s = time.monotonic() + 20
    while not worlds_of(tmp_path) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    time.sleep(0.5)
    lab.terminate()
    assert lab.wait(10) == 128 + signal.SIGTERM
    assert not worlds_of(tmp_path)
    assert not list(tmp_path.iterdir())


def test_ctrl_c_says_that_the_run_was_broken_off(tmp_path: Path) -> None:
    """SIGINT in the middle: status 130, a word about it, nothing on stdout."""
    marker = tmp_path / "begun"
    process = subprocess.Popen(
        [sys.executable, "-c", "from evenfall.cli import main; main()", "lab", "run", "clean",
         "--backend", "loopback", "--", "sh", "-c", f"touch {marker}; sleep 60"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 30
        while not marker.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130
    assert "interrupted" in err
    assert out == ""


def worlds_of(folder: Path) -> list[str]:
    """Command lines of world processes whose plan lies in a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().decode(errors="replace").split("\0")
            if "evenfall.lab.world" in words and any(w.startswith(str(folder)) for w in words):
                found.append(" ".join(words))
    return found


# --- the real check -------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("clean", "20:30"),
        ("slow_control", "20:30"),
        ("throttle_sni_policer", "12:00"),
        ("throttle_sni_policer", "20:30"),
        ("reset_sni", "20:30"),
        ("dns_lie", "20:30"),
        ("blockpage", "20:30"),
        ("own_refusal", "20:30"),
        ("captive_portal", "20:30"),
        ("dns_hijack", "20:30"),
        ("site_down", "20:30"),
    ],
)
def test_the_real_check_finds_the_truth_on_loopback(name: str, at: str) -> None:
    """Truth beside verdict, service by service, and the answer."""
    run = run_check(case(name), LoopbackBackend(), seed=4, at_local=at)
    assert run.match, comparison(run)
