"""Is this machine's clock right? By the measurement server's time, else by the controls' dates.

The server's time comes inside its pinned TLS connection. An HTTP Date is believed only if two
controls agree, so that one wrong server does not accuse the clock. What cannot be checked stays
`unverified`: such observations are kept, and left out of windows (CONTRACTS).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable

import msgspec

from evenfall.model.observation import Observation
from evenfall.model.vocabulary import ClockState
from evenfall.probe.session import Session

__all__ = ["clock_off_s", "with_clock_state"]

_AGREE_S = 5.0
_CONTROLS_MIN = 2


def clock_off_s(session: Session) -> float | None:
    """Others' clock minus ours, in seconds, as far as the bounds let it be told; None: unknown.

    An offset within its own bound (half a round trip, half a second of a Date) counts as zero.
    """
    if session.server_clocks:
        best = min(session.server_clocks, key=lambda offset: offset.bound_us)
        return _beyond(best.offset_us, best.bound_us)
    offsets = [_beyond(offset, bound) for offset, bound in session.dates_us]
    if len(offsets) < _CONTROLS_MIN:
        return None
    middle = statistics.median(offsets)
    agreeing = sum(abs(offset - middle) <= _AGREE_S for offset in offsets)
    return middle if agreeing >= _CONTROLS_MIN else None


def with_clock_state(
    observations: Iterable[Observation], off_s: float | None, *, limit_s: float
) -> tuple[Observation, ...]:
    """The observations, marked `verified` if the clock was found within the limit."""
    if off_s is None or abs(off_s) > limit_s:
        return tuple(observations)
    return tuple(
        msgspec.structs.replace(observation, clock=ClockState.VERIFIED)
        for observation in observations
    )


def _beyond(offset_us: int, bound_us: int) -> float:
    size = max(0, abs(offset_us) - bound_us) / 1e6
    return size if offset_us >= 0 else -size
