"""The byte budget of one round: reserved before a step, spent after it, never raised.

Counted are IP bytes both ways, lookups included. A step reserves the most it can cost: its cap, the
receive buffer (bytes that the kernel takes after we stopped reading), and a tenth for headers. What
does not fit is not started. No server and no answer can raise the budget.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence

from evenfall.model.errors import BudgetExceeded
from evenfall.model.observation import Observation

__all__ = [
    "CHECK_BYTES_MAX",
    "HANDSHAKE_BYTES",
    "LOOKUP_BYTES",
    "RECEIVE_BUFFER_BYTES",
    "Budget",
    "reserve_for",
]

CHECK_BYTES_MAX = 6_000_000
RECEIVE_BUFFER_BYTES = 98_304
"""Set on every connection to a third party: a window of some 120 kB, 13 Mbit/s at 75 ms."""

HANDSHAKE_BYTES = 16_384
"""What a connection without a page has to reserve."""
LOOKUP_BYTES = 2048
"""What has to be left for the questions about one name to one resolver."""

_WINDOW_BYTES = 131_072


def reserve_for(cap_bytes: int) -> int:
    """What a step with a body of at most `cap_bytes` has to reserve."""
    return cap_bytes + _WINDOW_BYTES + cap_bytes // 10


class Budget:
    """What is left.

    Args:
        bytes_max: of the whole round.
    """

    def __init__(self, bytes_max: int = CHECK_BYTES_MAX) -> None:
        self.bytes_max = bytes_max
        self.spent_bytes = 0
        self._reserved_bytes = 0
        self._held_bytes = 0

    @property
    def left_bytes(self) -> int:
        """Neither spent, nor reserved, nor held back."""
        return self.bytes_max - self.spent_bytes - self._reserved_bytes - self._held_bytes

    def hold_back(self, held_bytes: int) -> None:
        """Keep so much for what comes later; 0 gives it free."""
        self._held_bytes = held_bytes

    def fits(self, most_bytes: int) -> bool:
        """Whether a step that may cost so much can start."""
        return most_bytes <= self.left_bytes

    def reserve(self, most_bytes: int) -> None:
        """Set aside before a step.

        Raises:
            BudgetExceeded: it does not fit; nothing was reserved.
        """
        if not self.fits(most_bytes):
            raise BudgetExceeded(
                expected=f"a step of at most {self.left_bytes} bytes",
                seen=f"one of up to {most_bytes}",
                where="byte budget",
                remedy="Measure fewer targets at once.",
            )
        self._reserved_bytes += most_bytes

    def release(self, most_bytes: int) -> None:
        """Give back what was reserved; what the step cost is told by `spend`."""
        self._reserved_bytes -= most_bytes

    def spend(self, cost_bytes: int) -> None:
        """Note what a step has cost."""
        self.spent_bytes += cost_bytes

    @contextlib.contextmanager
    def paid_for(self, most_bytes: int, *, kept: Sequence[Observation] = ()) -> Iterator[None]:
        """Reserved while a step runs; one that is broken off costs all that it could have cost.

        Args:
            most_bytes: of the whole step.
            kept: what the step has kept so far and has thereby paid; filled while it runs.

        Raises:
            BudgetExceeded: it does not fit.
        """
        self.reserve(most_bytes)
        try:
            yield
        except asyncio.CancelledError:
            self.spend(max(0, most_bytes - sum(seen.wire_bytes or 0 for seen in kept)))
            raise
        finally:
            self.release(most_bytes)
