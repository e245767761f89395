"""The net of a lab, with nothing beyond it: what implied consent rests on.

In a lab network nobody is asked for consent, because no packet can reach anybody. A target list
says so before the first packet; a redirect or a lying resolver of the lab could still name a place
outside, or one in the network of the person's home. So a round in a lab network has a way out that
ends at the lab: nothing is sent to an address of another kind than the lab's own (`probe.places`),
whoever names it.
"""

from __future__ import annotations

from evenfall.net.api import Clock, Datagrams, Network, NetworkFailure, Router, Stream
from evenfall.probe.places import LabBlocks

__all__ = ["SealedNetwork"]

_OUTSIDE = "unknown_failure: outside the lab network"


class SealedNetwork:
    """The part of a network that a lab has.

    Args:
        network: what it is a part of.
        blocks: kinds of addresses that are the lab's.
    """

    def __init__(self, network: Network, blocks: LabBlocks) -> None:
        self._network = network
        self._blocks = blocks
        self.clock: Clock = network.clock

    async def connect(
        self, address: str, port: int, *, timeout_s: float, receive_buffer_bytes: int = 0
    ) -> Stream:
        """As `Network.connect`; an address outside is a failure, and nothing is sent."""
        self._refuse_outside(address, "connect")
        return await self._network.connect(
            address, port, timeout_s=timeout_s, receive_buffer_bytes=receive_buffer_bytes
        )

    async def ask(self, address: str, port: int, query: bytes, *, timeout_s: float) -> list[bytes]:
        """As `Network.ask`; an address outside is a failure, and nothing is sent."""
        self._refuse_outside(address, "connect")
        return await self._network.ask(address, port, query, timeout_s=timeout_s)

    def open_datagrams(self, address: str, port: int) -> Datagrams:
        """As `Network.open_datagrams`; an address outside is a failure, and nothing is sent."""
        self._refuse_outside(address, "connect")
        return self._network.open_datagrams(address, port)

    async def resolve(self, host: str, *, family: int, timeout_s: float) -> tuple[str, ...]:
        """Always a failure: the system's resolver is not the lab's.

        Raises:
            NetworkFailure: nothing was asked.
        """
        del host, family, timeout_s
        raise NetworkFailure(_OUTSIDE, "resolve")

    def has_route(self, family: int, *, towards: str = "") -> bool:
        """As `Network.has_route`."""
        return self._network.has_route(family, towards=towards)

    def router(self) -> Router | None:
        """As `Network.router`: it is beside us, not outside."""
        return self._network.router()

    def _refuse_outside(self, address: str, operation: str) -> None:
        if not self._blocks.hold(address):
            raise NetworkFailure(_OUTSIDE, operation)
