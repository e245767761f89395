"""The resolver as the client sees it on loopback: half a round trip away, and perhaps lying.

What rules of DNS do is said in `lab.censor_dns`; here a hijack cannot take what is sent to other
addresses, because nothing is there to take it, and rules act on queries over TCP too.
"""

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
    listen: Endpoint, *, upstream: Endpoint, decider: Decider, isp: bool, lie: str, delay_s: float
) -> DnsServer:
    """Start a relay to `upstream`.

    Args:
        listen: where the client asks.
        upstream: the honest resolver.
        decider: its rules of the layer `dns`.
        isp: this is the ISP's resolver, which some rules mean alone.
        lie: the address in a wrong answer.
        delay_s: there and back together.

    Raises:
        OSError: the address is taken.
    """

    async def answer(query: bytes) -> bytes | tuple[bytes, ...] | None:
        await asyncio.sleep(delay_s)
        name = names.name_asked(query)
        if name is None:
            return None
        rule = decider.rule_for("dns", name, accepts=lambda r: isp or not r.isp_alone)
        if rule is None or (rule.action == "dns.hijack" and not rule.services):
            return await _forward(query, upstream)
        false = names.answer(query, {} if rule.action == "dns.nxdomain" else {name: lie})
        if rule.action != "dns.inject" or false is None:
            return None if rule.action == "dns.drop" else false
        true = await _forward(query, upstream)
        return (false,) if true is None else (false, true)

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
