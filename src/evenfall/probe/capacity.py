"""How much the line carries: one ndt7 test each way with our own server, within the byte budget.

Run alone, on demand (`--capacity`), at the end of a round: nothing else may be on the line. A full
test moves ten seconds' worth, which no budget of a check allows; so each direction takes at most
what `_share` gives it, and a fast line is told as "at least".
"""

from __future__ import annotations

from evenfall.measure.ndt7 import reserve_bytes, speed_test
from evenfall.measure.transfer import PairServer
from evenfall.model.target import MeasurementServer, Target
from evenfall.model.vocabulary import Direction, Role
from evenfall.probe.contrasts import neutral_name
from evenfall.probe.session import Progress, Session, Stage

__all__ = ["CAPACITY_BYTES", "CAPACITY_ID", "LOAD_BYTES", "measure_capacity"]

CAPACITY_ID = "measurement/capacity"
LOAD_BYTES = {Direction.DOWNLOAD: 2_000_000, Direction.UPLOAD: 500_000}
"""At most, of each direction; less where less is left."""
CAPACITY_BYTES = reserve_bytes(1_000_000, Direction.DOWNLOAD) + reserve_bytes(
    480_000, Direction.UPLOAD
)
"""What a round in which it is asked for sets aside, so that pages and pairs leave it something."""
_LOAD_BYTES_MIN = 131_072
_TIME_S_MIN = 3.0


async def measure_capacity(
    session: Session, server: tuple[MeasurementServer, PairServer], *, until_s: float
) -> None:
    """Test download, then upload, as far as time and bytes go; two observations `speed_test`.

    Args:
        session: the round; observations are kept in it.
        server: ours, as `PairingStage.servers` has it.
        until_s: monotonic time at which it is over.
    """
    named, place = server
    about = Target(target_id=CAPACITY_ID, url=named.url, role=Role.CONTROL)
    sni = named.neutral or neutral_name(session)
    clock = session.network.clock
    until_s = min(until_s, clock.monotonic_s() + session.left_s())
    for done, direction in enumerate(LOAD_BYTES, start=1):
        load_bytes = _share(session, direction)
        # Half of what is left for the first, all of the rest for the second.
        left_s = (until_s - clock.monotonic_s()) / (3 - done)
        if not sni or load_bytes < _LOAD_BYTES_MIN or left_s < _TIME_S_MIN:
            return
        most = reserve_bytes(load_bytes, direction)
        with session.budget.paid_for(most):
            async with session.line:
                seen = await speed_test(
                    session.network, place, session.round_, about, direction=direction, sni=sni,
                    load_bytes_max=load_bytes, end_s=clock.monotonic_s() + left_s,
                )  # fmt: skip
        session.keep(seen)
        session.emit(Progress(stage=Stage.CAPACITY, what=direction, done=done, total=2))


def _share(session: Session, direction: Direction) -> int:
    """Bytes of load that this direction may take of what is left."""
    # It comes last and would take the last byte, by a ledger that is right to 3 %.
    left_bytes = session.budget.left_bytes - session.budget.bytes_max * 3 // 100
    if direction is Direction.DOWNLOAD:
        left_bytes -= reserve_bytes(
            _LOAD_BYTES_MIN, Direction.UPLOAD
        )  # so that an upload still fits
    overhead_bytes = reserve_bytes(0, direction)
    return max(0, min(LOAD_BYTES[direction], (left_bytes - overhead_bytes) * 10 // 11))
