"""`check --locate`: after which hop the name is acted upon, for what the pairs have convicted.

Only towards our own measurement server, only for targets that the pairs convict, one at a time, and
alone on the line. The connection goes on under a random neutral name, as long as the target's, so
that the two ClientHellos differ in the name's letters and in nothing else.
"""

from __future__ import annotations

import random
import string

from evenfall.infer.locate import Next, Search, Shown
from evenfall.measure.path import probe_path, reserve_path_bytes
from evenfall.measure.transfer_run import PairServer
from evenfall.model.observation import Observation
from evenfall.model.target import Target
from evenfall.probe.session import Progress, Session
from evenfall.probe.targets import host_of

__all__ = ["LOCATE_S_MAX", "PATH_BYTES", "STAGE", "locate", "name_like"]

STAGE = "path"
LOCATE_S_MAX = 45.0
"""What the search may add to a check. It is asked for by name, so a person knows that they wait."""
PATH_BYTES = 1_000_000
"""What a round in which it is asked for sets aside: some ten steps of 64 KB and six short ones."""
_PAUSE_S = 0.5
_STEP_S_MIN = 2.0


async def locate(session: Session, server: PairServer, target: Target, *, until_s: float) -> None:
    """Do steps until the stretch is known, or time or bytes run out.

    Args:
        session: the round; keeps the observations.
        server: ours.
        target: convicted by the pairs.
        until_s: monotonic time.
    """
    host = host_of(target.url)
    real, other = name_like(host, session.rng), name_like(host, session.rng)
    steps: list[Observation] = []
    search = Search(host, other, steps)
    clock = session.network.clock
    while (wanted := search.next()) is not None:
        if until_s - clock.monotonic_s() < _STEP_S_MIN:
            return
        if not session.budget.fits(reserve_path_bytes()):
            return
        shown = {Shown.SAME: real, Shown.NEUTRAL: other, Shown.TARGET: host}[wanted.shown]
        step = await _step(session, server, target, wanted, shown, real, until_s)
        steps.append(step)
        session.keep(step)
        session.emit(Progress(stage=STAGE, what=target.target_id, done=len(steps)))
        await clock.sleep(_PAUSE_S)


def name_like(host: str, rng: random.Random) -> str:
    """A name nobody lists, as long as `host` and under the same last label."""
    front, dot, last = host.rpartition(".")
    if not dot:
        front, last = host, ""
    letters = "".join(c if c == "." else rng.choice(string.ascii_lowercase) for c in front)
    return f"{letters}{dot}{last}"


async def _step(
    session: Session,
    server: PairServer,
    target: Target,
    wanted: Next,
    shown: str,
    real: str,
    until_s: float,
) -> Observation:
    with session.budget.paid_for(reserve_path_bytes()):
        return await probe_path(
            session.network.clock,
            server,
            session.round_,
            target,
            shown=shown,
            real=real,
            hops=wanted.hops,
            size_bytes=_SIZES[wanted.shown],
            end_s=until_s,
        )


_SIZES = {Shown.SAME: 16_384, Shown.NEUTRAL: 65_536, Shown.TARGET: 65_536}
"""The distance needs no speed: its transfers are as short as the protocol allows."""
