"""What the demonstration says, as plain lines.

Everything here is marked SIMULATED where it begins. The evening speaks of samples and never of a
curfew: one evening cannot show one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from evenfall.infer.evening import Stretch
from evenfall.infer.pairs import score
from evenfall.lab.demo import Comparison
from evenfall.lab.evening_probe import PairLine
from evenfall.lab.nights.drawn import Truth
from evenfall.lab.nights.plan import SERVICES
from evenfall.text.words import factor_words, joined, percent_words, service_words, title_words

__all__ = ["Rows", "evening_head", "opening", "stretch_words", "truth_lines", "truth_words"]

_CELL = 24
_SLOW = 3.0

_MECHANISMS = {
    "sni.police": "limited by name (policer)",
    "sni.shape": "limited by name (shaper)",
    "sni.reset": "reset by name",
    "sni.drop": "dropped by name",
}


def opening(seed: int, digest: str) -> list[str]:
    """What will happen, before it does."""
    return [
        f"SIMULATED throughout (seed {seed}). Nothing leaves this machine.",
        "Something may be done to some services at some hours. What, lies in a sealed",
        f"file (SHA-256 {digest[:16]}…), opened only when the findings are on the disk.",
    ]


def evening_head(backend: str) -> list[str]:
    """Heading of part one."""
    where = {
        "netns": "in network namespaces, over the kernel's TCP",
        "loopback": "on loopback relays, over real sockets",
    }.get(backend, backend)
    return [
        "1. One evening, 17:00 to 24:00 in about 90 seconds",
        f"   ({where}).",
        "   Mbit/s under the service's name / the same server under another name:",
        "   local  " + "".join(f"{s:{_CELL}}" for s in SERVICES).rstrip(),
    ]


class Rows:
    """Gathers pairs into one line a round."""

    def __init__(self) -> None:
        self._round = ""
        self._began_min = 0.0
        self._cells: dict[str, str] = {}

    def add(self, pair: PairLine) -> str | None:
        """The finished line of the round before, once a new round begins; else None."""
        if pair.target.is_null_pair:
            return None
        round_id = pair.target.round_id or ""
        line = self.flush() if round_id != self._round else None
        if not self._cells:
            self._began_min = pair.local_min
        self._round = round_id
        self._cells[pair.target.service] = _cell(pair)
        return line

    def flush(self) -> str | None:
        """The line of the round so far."""
        if not self._cells:
            return None
        cells = "".join(f"{self._cells.get(s, ''):{_CELL}}" for s in SERVICES)
        self._cells = {}
        return f"   {clock_words(self._began_min)}  {cells}".rstrip()


def stretch_words(service: str, stretch: Stretch | None, n: int) -> str:
    """What the pairs of one evening show of one service."""
    name = title_words(service)
    if stretch is None:
        return f"{name}: no slowing by name was seen in {n} samples."
    empty = stretch.share_empty >= 0.5
    by = stretch.slower_by
    deed = (
        ("" if stretch.share_empty == 1 else "mostly ") + "nothing comes through by name"
        if empty
        else f"slowed by name, about {factor_words(by.median)} times "
        f"({factor_words(by.low)}–{factor_words(by.high)})"
    )
    word = "nothing" if empty else "slowed"
    marks = [
        ""
        if stretch.begin_after_min is None
        else f"clear at {clock_words(stretch.begin_after_min)}",
        f"{word} by {clock_words(stretch.begin_by_min)}",
        f"still {word} at {clock_words(stretch.end_after_min)}",
        "" if stretch.end_by_min is None else f"clear by {clock_words(stretch.end_by_min)}",
    ]
    return (
        f"{name}: {deed}, in {stretch.n} of {n} samples: "
        + ", ".join(mark for mark in marks if mark)
        + "."
    )


def truth_words(truth: Truth) -> str:
    """The truth in one line."""
    if not truth.services:
        return "nothing is done on purpose"
    names = joined([service_words(s) for s in truth.services])
    how = _MECHANISMS[truth.mechanism]
    rate = f" to {truth.rate_bps // 1000} kbit/s" if truth.rate_bps else ""
    return (
        f"{names}, {truth.start_local} – {truth.end_local} every night, {how}{rate}, "
        f"{percent_words(truth.share_percent / 100)} of connections"
    )


def truth_lines(comparison: Comparison) -> Iterator[str]:
    """The truth, and what of the findings agrees with it."""
    yield f"   truth: {truth_words(comparison.truth)}"
    if comparison.evening_right is not None:
        found = joined([service_words(s) for s in comparison.evening_services or ()]) or "none"
        yield f"   evening: found {found}; right: {_yes(comparison.evening_right)}"
    found = joined([service_words(s) for s in comparison.services]) or "none"
    yield f"   fortnight: found {found}; right: {_yes(comparison.services_right)}"
    yield (
        f"   true start inside the printed interval: {_yes(comparison.start_inside)}; "
        f"true end: {_yes(comparison.end_inside)}"
    )


def clock_words(minutes: float) -> str:
    """Minutes since midnight as `HH:MM`; 1440 is `24:00`."""
    whole = int(minutes)
    return f"{whole // 60:02d}:{whole % 60:02d}"


def _cell(pair: PairLine) -> str:
    target, neutral = pair.target.goodput_bps, pair.neutral.goodput_bps
    if target is None or not neutral:
        return "no pair"
    if target == 0:
        return f"nothing / {neutral / 1e6:.1f}"
    slower = math.exp(-score(target, neutral))
    said = f"{target / 1e6:.2g} / {neutral / 1e6:.2g}"
    return f"{said}  {factor_words(slower)}× slower" if slower >= _SLOW else said


def _yes(value: bool) -> str:
    return "yes" if value else "NO"
