"""What happens to one packet at the censor."""

from __future__ import annotations

import msgspec

__all__ = ["DROPPED", "Decision"]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to one packet.

    Attributes:
        leave_s: when it goes on; null: it is dropped.
        to_client, to_server: forged or rewritten IP packets that leave now.
    """

    leave_s: float | None
    to_client: tuple[bytes, ...] = ()
    to_server: tuple[bytes, ...] = ()


DROPPED = Decision(leave_s=None)
