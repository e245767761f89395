"""A measurement server that was no help: which one, what was seen there, what to do.

Read from the observations of a round, for a server that was named in the target file and made not
one transfer. Such a fault accuses nobody and takes nothing from the rest of the round, but a person
who set a server up has to be told: without pairs nothing is `targeted` by speed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evenfall.model.observation import Observation
from evenfall.model.target import MeasurementServer
from evenfall.model.vocabulary import Fact
from evenfall.probe.targets import host_of, port_of

__all__ = ["ServerFault", "server_faults"]

_NOT_THE_SERVERS = frozenset({"interrupted", "network_unreachable"})


@dataclass(frozen=True, kw_only=True)
class ServerFault:
    """Why no pair came from one server.

    Attributes:
        place: `host:port` as the target file has it.
        failure: code of the last failure under any name; `dns_no_answer` where it has no address.
    """

    place: str
    failure: str


def server_faults(
    servers: Sequence[MeasurementServer],
    addresses: dict[str, str | None],
    observations: Sequence[Observation],
) -> tuple[ServerFault, ...]:
    """One fault a server that was asked and gave nothing.

    Args:
        servers: of the target file.
        addresses: url → address at which it was sought; None: none was found; absent: not sought.
        observations: all of the round.
    """
    found = []
    for server in servers:
        place = f"{host_of(server.url)}:{port_of(server.url)}"
        if server.url not in addresses:
            continue
        address = addresses[server.url]
        if address is None:
            found.append(ServerFault(place=place, failure="dns_no_answer"))
            continue
        seen = [
            o
            for o in observations
            if o.fact is Fact.TRANSFER and (o.address, o.port) == (address, port_of(server.url))
        ]
        failures = [o.failure for o in seen if o.failure and o.failure not in _NOT_THE_SERVERS]
        if failures and not any(o.goodput_bps for o in seen):
            # Another key says most: somebody answered, and it was not the server.
            worst = "pin_mismatch" if "pin_mismatch" in failures else failures[-1]
            found.append(ServerFault(place=place, failure=worst))
    return tuple(found)
