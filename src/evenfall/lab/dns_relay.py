"""The resolver as the client sees it on loopback: half a round trip away, and perhaps lying."""

from __future__ import annotations

import asyncio
import contextlib

from evenfall.lab import names
from evenfall.lab.flows import Decider
from evenfall.lab.plan import Endpoint
from evenfall.lab.resolver import DnsServer

__all__ = ["start_dns_relay"]

_ANSWER_S = 5.0


async def start_dns_relay(
    listen: Endpoint, *, upstream: Endpoint, decider: Decider | None, lie: str, delay_s: float
) -> DnsServer:
    """Start a relay to `upstream`.

    Args:
        listen: where the client asks.
        upstream: the honest resolver.
        decider: its rules of the layer `dns` answer with `lie`; None: always honest.
        lie: the address in a wrong answer.
        delay_s: there and back together.

    Raises:
        OSError: the address is taken.
    """

    async def answer(query: bytes) -> bytes | None:
        await asyncio.sleep(delay_s)
        name = names.name_asked(query)
        if name is None:
            return None
        if decider is not None and decider.rule_for("dns", name) is not None:
            return names.answer(query, {name: lie})
        return await _forward(query, upstream)

    server = DnsServer(answer)
    await server.start(listen)
    return server


class _OneAnswer(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002  (the protocol’s)
        if not self.answer.done():
            self.answer.set_result(data)


async def _forward(query: bytes, upstream: Endpoint) -> bytes | None:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        _OneAnswer, remote_addr=(upstream.address, upstream.port)
    )
    try:
        transport.sendto(query)
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(protocol.answer, _ANSWER_S)
        return None
    finally:
        transport.close()
