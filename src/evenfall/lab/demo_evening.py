"""Part one of the demonstration: an emulated evening, and what the pairs of it show.

The schedule alone is compressed; links, queues, handshakes and limiters run at their real rates.
The measuring process sits inside the emulated network and is told nothing. What it wrote is judged
here by `infer.evening`, without looking at the truth either.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from evenfall.infer.evening import Sample, Stretch, find_stretch
from evenfall.infer.pairs import score
from evenfall.lab.backend import Backend, Stage, choose_backend
from evenfall.lab.clock import LabClock
from evenfall.lab.evening_probe import PairLine
from evenfall.lab.nights.drawn import Truth
from evenfall.lab.scenario import CensorRule, Expected, Line, Scenario, draw
from evenfall.model.errors import LabError
from evenfall.model.vocabulary import Scope, State

__all__ = ["EVENING_FROM_MIN", "EVENING_S", "EVENING_TO_MIN", "Evening", "judge_evening", "play"]

EVENING_FROM_MIN = 17 * 60
EVENING_TO_MIN = 24 * 60
EVENING_S = 88.0
"""Real seconds for seven emulated hours."""

_SETTLE_S = 2.0
_POLL_S = 0.1
_LINES_MAX = 5000


class Evening(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, in order, and on what."""

    backend: str
    pairs: tuple[PairLine, ...]


def scenario_of(truth: Truth) -> Scenario:
    """The emulated world in which this truth holds; never shown to what runs in it."""
    rule = CensorRule(
        action=truth.mechanism or "sni.police",
        services=truth.services,
        rate_bps=truth.rate_bps or 128_000,
        share=truth.share_percent / 100,
        from_local=truth.start_local,
        to_local=truth.end_local,
    )
    expected = tuple(
        Expected(service=s, state=(State.SLOWED, State.BLOCKED), scope=(Scope.TARGETED,))
        for s in truth.services
    )
    return Scenario(
        name="evening",
        title="One evening, drawn by seed.",
        innocent=truth.innocent,
        needs=("tls", "goodput"),
        line=Line(rtt_s=(0.015, 0.05)),
        censor=(rule,) if truth.services else (),
        expected=expected,
        answers=(),
    )


def choose(truth: Truth, backend: str) -> Backend:
    """The backend asked for, or the best that this machine can (`auto`)."""
    return choose_backend(backend, scenario_of(truth))


def play(
    truth: Truth,
    *,
    backend: Backend,
    seconds: float = EVENING_S,
    from_min: int = EVENING_FROM_MIN,
    to_min: int = EVENING_TO_MIN,
    on_pair: Callable[[PairLine], None] = lambda _pair: None,
) -> Evening:
    """Emulate an evening and measure it.

    Args:
        truth: what the emulated world does.
        backend: from `choose`.
        seconds: real time that it takes.
        from_min: emulated local minute of the day at which it begins.
        to_min: and ends.
        on_pair: told of each pair as it comes.

    Raises:
        LabError: the network could not be set up, or the measuring process failed.
    """
    drawn = draw(scenario_of(truth), truth.seed)
    pairs: list[PairLine] = []
    with tempfile.TemporaryDirectory(prefix="evenfall-") as parent:
        clock = LabClock(
            start_local_minutes=from_min,
            speed=(to_min - from_min) * 60 / seconds,
            epoch_monotonic_s=time.monotonic() + _SETTLE_S,
        )
        with backend.stage(drawn, folder=Path(parent) / "client", clock=clock) as stage:
            command = _command(stage.target_file, clock, to_min)
            _measure(stage, command, Path(parent), seconds * 2 + 30, pairs, on_pair)
    return Evening(backend=backend.name, pairs=tuple(pairs))


def _command(target_file: Path, clock: LabClock, until_min: int) -> list[str]:
    """The same words whatever is true, but for the clock's readings."""
    return [
        sys.executable,
        "-m",
        "evenfall.lab.evening_probe",
        "--targets",
        str(target_file),
        "--clock",
        msgspec.json.encode(clock).decode(),
        "--until-min",
        str(until_min),
    ]


def _measure(
    stage: Stage,
    command: list[str],
    folder: Path,
    timeout_s: float,
    pairs: list[PairLine],
    on_pair: Callable[[PairLine], None],
) -> None:
    """Run the measuring process and read what it writes while it writes it."""
    output, complaints = folder / "pairs.jsonl", folder / "stderr.txt"
    output.touch()
    done = threading.Event()
    unsaid: list[OSError] = []
    reader = threading.Thread(
        target=_follow, args=(output, done, pairs.append, on_pair, unsaid), daemon=True
    )
    reader.start()
    try:
        with output.open("ab") as sink, complaints.open("wb") as errors:
            status = stage.run(command, stdout=sink, stderr=errors, timeout_s=timeout_s)
    finally:
        done.set()
        reader.join()
    if unsaid:
        raise unsaid[0]  # whoever reads our own output has gone away
    if status:
        told = complaints.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise LabError(
            expected="the measuring process to end well",
            seen=f"status {status}: {told[-1] if told else 'it said nothing'}",
            where="the client of the emulated network",
            remedy="Try --backend loopback; if that fails too, this is a fault of ours.",
        )


def judge_evening(pairs: Iterable[PairLine]) -> dict[str, Stretch | None]:
    """For each service in question the slowed stretch, or None."""
    samples: dict[str, list[Sample]] = {}
    null_x: list[float] = []
    for line in pairs:
        target, neutral = line.target.goodput_bps, line.neutral.goodput_bps
        if target is None or not neutral:
            continue  # the neutral arm brought nothing: no pair
        x = score(target, neutral)
        if line.target.is_null_pair:
            null_x.append(x)
            continue
        samples.setdefault(line.target.service, []).append(
            Sample(from_min=line.target_from_min, to_min=line.target_to_min, x=x, empty=target == 0)
        )
    return {service: find_stretch(row, null_x) for service, row in samples.items()}


def _follow(
    path: Path,
    done: threading.Event,
    keep: Callable[[PairLine], None],
    on_pair: Callable[[PairLine], None],
    unsaid: list[OSError],
) -> None:
    """Read lines as they are written, until the writer is done and nothing is left."""
    decoder = msgspec.json.Decoder(PairLine)
    rest = b""
    with path.open("rb") as source:
        for _ in range(_LINES_MAX * 100):
            ended = done.is_set()
            rest += source.read()
            *lines, rest = rest.split(b"\n")
            for line in lines:
                pair = decoder.decode(line)
                keep(pair)
                try:
                    on_pair(pair)
                except OSError as error:
                    unsaid.append(error)
                    return
            if ended:
                return
            done.wait(_POLL_S)
