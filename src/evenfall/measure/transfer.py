"""One transfer with our own server, under any server name: how fast, and how it ended.

What it does. Connect, TLS 1.3 with a chosen name in the ClientHello, check the server's pinned key,
then the pair protocol. The result is one observation (fact `transfer`).

How goodput is counted, whatever happens after TCP has connected:

| what happened | goodput | failure | capped |
|---|---|---|---|
| all bytes | bytes ÷ time from ClientHello to last byte | null | false |
| the cap came first | bytes so far ÷ cap | null (a) | true |
| silence from the ClientHello on | 0 | `generic_timeout_error` | true |
| reset or end on the way (b) | bytes so far ÷ cap | its code | false |
| TLS alert, broken TLS | as above; at no bytes, 0 | its code | false |
| key not the pinned one | null: somebody else answered | `pin_mismatch` | null |
| our server declined or spoke nonsense (c) | null | `unknown_failure: …` | null |
| no TCP connection | null: no name was sent | its code | null |
| the round's end came before all that | null | `interrupted` | null |

(a) `stalled` if bytes came and then none for half the cap. (b) It never completed, so it counts as
if it had gone on like that to the cap. (c) That says nothing about the line.

An upload's last byte is known to have arrived when the server's trailer is back, which adds half
a round trip to both arms alike; a cut upload counts what the server's kernel acknowledged.

The wall clock is read once. The server's clock comes with its answer and is handed to `on_clock`.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable

import msgspec

from evenfall.measure.exchange import ClockOffset, random_body
from evenfall.measure.pin import pin_of_certificate
from evenfall.measure.round import Round
from evenfall.measure.transfer_run import PairServer, TransferRun
from evenfall.model.observation import Observation
from evenfall.model.target import Target
from evenfall.model.vocabulary import Arm, Direction, Fact
from evenfall.net.api import Network
from evenfall.net.hello_profiles import STDLIB, pair_context
from evenfall.wire.pair_messages import Request

__all__ = ["CAP_S", "PairPlace", "PairServer", "reserve_bytes", "transfer"]

CAP_S = 4.0
"""METHOD 2: a transfer is cut 4 s after its ClientHello, and the cut is data."""
_OVERHEAD_BYTES = 16_384
"""Handshake (≈ 2 KB), lines and trailer (≤ 5 KB), and the result connection of a cut transfer."""


class PairPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Which half of which pair a transfer is."""

    pair_id: str
    arm: Arm
    position: int
    is_null_pair: bool = False


def reserve_bytes(size_bytes: int) -> int:
    """IP bytes that one transfer can cost at most: body + 10 % + the rest of the exchange."""
    return size_bytes + size_bytes // 10 + _OVERHEAD_BYTES


async def transfer(
    network: Network,
    server: PairServer,
    round_: Round,
    target: Target,
    *,
    sni: str,
    size_bytes: int,
    direction: Direction = Direction.DOWNLOAD,
    cap_s: float = CAP_S,
    end_s: float = math.inf,
    place: PairPlace | None = None,
    result_sni: str = "",
    on_clock: Callable[[ClockOffset], None] | None = None,
    hello: str = STDLIB,
) -> Observation:
    """Do one transfer; never raises because the network said no.

    Args:
        network: the way out.
        server: ours.
        round_: hands out ids and stamps.
        target: what the observation is about (of a null pair: the control whose name is used).
        sni: the name in the ClientHello.
        size_bytes: 16 KiB … 1 MiB.
        direction: seen from here.
        cap_s: time cap, 0.1 … 10 s.
        end_s: monotonic time at which all has to be over, whatever the cap; what that cuts short
            is `interrupted`.
        place: which half of a pair this is.
        result_sni: neutral name under which the server's TCP_INFO of a cut transfer is fetched on
            a second connection; empty: it is not fetched.
        on_clock: told the server's clock offset, if an answer came.
        hello: which ClientHello is sent (`net.hello_profiles`).
    """
    request = Request(
        op="get" if direction is Direction.DOWNLOAD else "put",
        size_bytes=size_bytes,
        cap_us=round(cap_s * 1e6),
        id=secrets.token_hex(16),
    )
    pin_of_certificate(b"")  # what is loaded or drawn once is not measured
    random_body()
    pair_context(hello)
    run = TransferRun(
        network, server, round_, sni=sni, request=request, cap_s=cap_s, end_s=end_s, hello=hello
    )
    await run.measure()
    if result_sni and run.worth_asking():
        await run.ask_for_result(result_sni)
    if on_clock is not None and run.progress is not None and run.progress.clock_offset is not None:
        on_clock(run.progress.clock_offset)
    return round_.observe(
        Fact.TRANSFER,
        target,
        run.start,
        address=server.address,
        port=server.port,
        family=6 if ":" in server.address else 4,
        sni=sni,
        size_bytes=size_bytes,
        direction=direction,
        hello_profile=hello,
        **run.fields(),
        **(msgspec.structs.asdict(place) if place else {}),
    )
