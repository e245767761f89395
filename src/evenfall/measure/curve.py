"""The byte curve of a transfer, kept small while it grows."""

from __future__ import annotations

__all__ = ["CURVE_POINTS_MAX", "ByteCurve"]

CURVE_POINTS_MAX = 64
_KEPT_MAX = 1024


class ByteCurve:
    """Points (µs since the ClientHello, bytes so far), thinned evenly in time.

    A megabyte in small reads is some thousand points; when `_KEPT_MAX` are kept, every second one
    goes. The first and the last point always stay.
    """

    def __init__(self) -> None:
        self._points: list[tuple[int, int]] = []
        self._last: tuple[int, int] | None = None
        self._keep_every = 1
        self._seen = 0

    def add(self, t_us: int, bytes_so_far: int) -> None:
        """Note that so many bytes had come (or gone) by this time."""
        self._last = (t_us, bytes_so_far)
        if self._seen % self._keep_every == 0:
            self._points.append(self._last)
        self._seen += 1
        if len(self._points) > _KEPT_MAX:
            del self._points[1::2]
            self._keep_every *= 2

    @property
    def last_us(self) -> int | None:
        """When the last bytes came; None: none did."""
        return self._last[0] if self._last else None

    def points(self) -> tuple[tuple[int, int], ...]:
        """At most `CURVE_POINTS_MAX` points, in order of time."""
        if self._last is None:
            return ()
        every = [p for p in self._points if p != self._last] + [self._last]
        if len(every) <= CURVE_POINTS_MAX:
            return tuple(every)
        start, end = every[0][0], every[-1][0]
        step = max(1, (end - start) // (CURVE_POINTS_MAX - 2))
        kept = {(t - start) // step: (t, n) for t, n in every[:-1]}  # the last of each step
        return (*list(kept.values())[: CURVE_POINTS_MAX - 1], every[-1])
