"""One TCP connection to one literal address."""

from __future__ import annotations

from evenfall.measure.round import SEGMENT_OVERHEAD_BYTES, SIX_EXTRA_BYTES, Meter, Round
from evenfall.model.observation import Observation
from evenfall.model.target import Target
from evenfall.model.vocabulary import Fact
from evenfall.net.api import Network, NetworkFailure, Stream

__all__ = ["connect"]

_SILENT_SYNS = 3  # what a kernel sends within 6 s: at 0, 1 and 3 s


async def connect(
    network: Network,
    round_: Round,
    target: Target,
    *,
    host: str,
    address: str,
    port: int,
    timeout_s: float,
    receive_buffer_bytes: int = 0,
) -> tuple[Observation, Stream | None, Meter | None]:
    """Connect; the observation's duration is one round trip where it worked.

    Returns the observation, and the open stream with its meter or None where it failed.
    """
    start = round_.now()
    fields = {
        "host": host,
        "address": address,
        "port": port,
        "family": 6 if ":" in address else 4,
    }
    try:
        stream = await network.connect(
            address, port, timeout_s=timeout_s, receive_buffer_bytes=receive_buffer_bytes
        )
    except NetworkFailure as failure:
        extra_bytes = SIX_EXTRA_BYTES if ":" in address else 0
        sent = _SILENT_SYNS if failure.code == "generic_timeout_error" else 1
        observation = round_.observe(
            Fact.TCP_CONNECT,
            target,
            start,
            failure=failure.code,
            operation=failure.operation,
            wire_bytes=sent * (SEGMENT_OVERHEAD_BYTES + 8 + extra_bytes),
            **fields,
        )
        return observation, None, None
    meter = Meter(stream, family=6 if ":" in address else 4)
    observation = round_.observe(
        Fact.TCP_CONNECT, target, start, wire_bytes=meter.spent(), **fields
    )
    return observation, stream, meter
