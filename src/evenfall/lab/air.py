"""The air between a client and its home router when it is bad: losses and waiting, nothing else.

A second wire beside `lab.pipeline`, with the same three calls, so that `lab.middlebox` can run
either. A frame is lost with one chance each way, or waits a time that is drawn (exponential: most
wait little, some long); frames keep their order, as Wi-Fi's own retransmissions do. What neighbours
say to each other (ARP, IPv6 discovery) passes at once: a lost request would look like no router.
"""

from __future__ import annotations

import collections
import random

import msgspec

from evenfall.lab.packets import parse_frame
from evenfall.lab.pipeline import HELD_FRAMES_MAX, Counters

__all__ = ["Air", "AirSettings"]


class AirSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How bad it is.

    Attributes:
        loss: share of frames lost, each way.
        jitter_s: mean time that a frame waits.
    """

    loss: float
    jitter_s: float


class Air:
    """Holds frames until they leave; as `Pipeline`."""

    def __init__(self, settings: AirSettings, rng: random.Random) -> None:
        self.counters = Counters()
        self._settings = settings
        self._rng = rng
        self._held: dict[bool, collections.deque[tuple[float, bytes]]] = {
            True: collections.deque(),
            False: collections.deque(),
        }

    @property
    def next_s(self) -> float | None:
        """When something happens next; None while nothing is held."""
        return min((held[0][0] for held in self._held.values() if held), default=None)

    def enter(self, frame: bytes, now_s: float, *, upwards: bool) -> None:
        """Take a frame that arrived, upwards from the client or downwards from its router."""
        self.counters.entered += 1
        held = self._held[upwards]
        leave_s = now_s
        if parse_frame(frame) is not None:
            if len(held) >= HELD_FRAMES_MAX:
                self.counters.overload += 1
                return
            if self._rng.random() < self._settings.loss:
                self.counters.lost += 1
                return
            jitter_s = self._settings.jitter_s
            leave_s += self._rng.expovariate(1 / jitter_s) if jitter_s > 0 else 0.0
        held.append((leave_s, frame))  # behind one that leaves later, it waits for that one

    def leaving(self, now_s: float) -> list[tuple[bytes, bool]]:
        """Frames whose time has come, with their direction (True: upwards)."""
        out: list[tuple[bytes, bool]] = []
        for upwards, held in self._held.items():
            while held and held[0][0] <= now_s:
                out.append((held.popleft()[1], upwards))
        self.counters.left += len(out)
        return out
