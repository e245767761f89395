"""Places that nobody answers at: a TCP address that ignores connections, a UDP port that is deaf.

TCP is `lab.black_hole`; a UDP port must be bound, or the kernel would say that it is closed.
"""

from __future__ import annotations

import asyncio
import contextlib

from evenfall.lab.black_hole import BlackHole
from evenfall.lab.plan import Endpoint

__all__ = ["be_deaf", "be_silent"]


def be_silent(listen: Endpoint, stack: contextlib.AsyncExitStack) -> None:
    """Ignore TCP connections to an address until `stack` is left. Raises OSError."""
    stack.callback(BlackHole(listen).close)


async def be_deaf(listen: Endpoint, stack: contextlib.AsyncExitStack) -> None:
    """Take datagrams and answer none until `stack` is left. Raises OSError."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=(listen.address, listen.port)
    )
    stack.callback(transport.close)
