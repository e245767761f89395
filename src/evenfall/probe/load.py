"""How much this device was wanting for its processor while it measured.

Asked of the kernel for this thread alone: the time it ran and the time it stood in the queue to
run. Their share of the time that passed says whether a faster device would have been faster: near
zero on a slow line, near one where the processor is the limit, whoever else is busy on it.
Elsewhere than on Linux the time it ran stands for both, which cannot see others.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["LoadMeter", "wanted_s"]

_SCHEDULED = Path("/proc/thread-self/schedstat")
_SPAN_S_MIN = 1.0  # a shorter time says nothing


def wanted_s(*, table: Path = _SCHEDULED) -> float:
    """Seconds that this thread has run or waited to run, since it began."""
    try:
        ran_ns, waited_ns, *_ = table.read_text(encoding="ascii").split()
        return (int(ran_ns) + int(waited_ns)) / 1e9
    except (OSError, ValueError):
        return time.process_time()


class LoadMeter:
    """The share of a span of time in which the processor was wanted.

    Args:
        monotonic_s: the clock.
        wanted: seconds wanted so far.
    """

    def __init__(
        self, monotonic_s: Callable[[], float], *, wanted: Callable[[], float] = wanted_s
    ) -> None:
        self._monotonic_s = monotonic_s
        self._wanted = wanted
        self._from = (monotonic_s(), wanted())

    def share(self) -> float | None:
        """0 to 1 since the meter was made; None after less than a second."""
        span_s = self._monotonic_s() - self._from[0]
        if span_s < _SPAN_S_MIN:
            return None
        return min(1.0, max(0.0, (self._wanted() - self._from[1]) / span_s))
