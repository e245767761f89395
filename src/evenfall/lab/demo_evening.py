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
from evenfall.lab.backend import Backend, choose_backend
from evenfall.lab.clock import LabClock
from evenfall.lab.evening_probe import PairLine
from evenfall.lab.scenario import CensorRule, Expected, Line, Scenario, draw
from evenfall.lab.synth_case import Truth
from evenfall.model.vocabulary import Scope, State

__all__ = ["EVENING_FROM_MIN", "EVENING_S", "EVENING_TO_MIN", "Evening", "judge_evening", "play"]

EVENING_FROM_MIN = 17 * 60
EVENING_TO_MIN = 24 * 60
EVENING_S = 88.0
"""Real seconds for seven emulated hours."""

_SETTLE_S = 1.0
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
    on_pair: Callable[[PairLine], None] = lambda _pair: None,
) -> Evening:
    """Emulate the evening and measure it; `on_pair` is told of each pair as it comes.

    Raises:
        LabError: the network could not be set up, or the measuring process failed.
    """
    drawn = draw(scenario_of(truth), truth.seed)
    speed = (EVENING_TO_MIN - EVENING_FROM_MIN) * 60 / seconds
    with tempfile.TemporaryDirectory(prefix="evenfall-") as parent:
        folder = Path(parent) / "client"
        output = Path(parent) / "pairs.jsonl"
        output.touch()
        pairs: list[PairLine] = []
        clock = LabClock(
            start_local_minutes=EVENING_FROM_MIN,
            speed=speed,
            epoch_monotonic_s=time.monotonic() + _SETTLE_S,
        )
        with backend.stage(drawn, folder=folder, clock=clock) as stage:
            command = [
                sys.executable,
                "-m",
                "evenfall.lab.evening_probe",
                "--targets",
                str(stage.target_file),
                "--clock",
                msgspec.json.encode(clock).decode(),
                "--until-min",
                str(EVENING_TO_MIN),
            ]
            done = threading.Event()
            reader = threading.Thread(
                target=_follow, args=(output, done, pairs.append, on_pair), daemon=True
            )
            reader.start()
            try:
                with output.open("ab") as sink:
                    stage.run(command, stdout=sink, timeout_s=seconds * 2 + 30)
            finally:
                done.set()
                reader.join()
    return Evening(backend=backend.name, pairs=tuple(pairs))


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
                on_pair(pair)
            if ended:
                return
            done.wait(_POLL_S)
