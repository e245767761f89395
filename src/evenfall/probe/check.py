"""One check: a round of measurements, and the one answer.

At most 75 s and 6 MB, whatever the line does; `probe.schedule` has the order. Nothing here judges:
`infer` does, from the observations alone.

An interrupt ends the round; what was measured is kept, and what came to its end is judged.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from evenfall.infer.answer import sum_up
from evenfall.infer.ladder import climb
from evenfall.infer.profiles import CHECK_2026, CheckProfile
from evenfall.infer.rivals import Surroundings, list_rivals
from evenfall.infer.verdicts import Judged, judge_round
from evenfall.measure.round import Round
from evenfall.measure.tls import unchecked_context, verifying_context
from evenfall.model.errors import EvenfallError, UsageError
from evenfall.model.observation import Observation
from evenfall.model.target import TargetList
from evenfall.model.verdict import Rival, Rung
from evenfall.model.vocabulary import Answer
from evenfall.net.api import Network
from evenfall.probe.budget import CHECK_BYTES_MAX, Budget
from evenfall.probe.clock_check import clock_off_s, with_clock_state
from evenfall.probe.consent import is_lab_network, lab_blocks
from evenfall.probe.load import LoadMeter
from evenfall.probe.schedule import (
    END_S,
    PAIRS_BYTES,
    Schedule,
    Wishes,
    asked_bytes,
    hard_end_s,
)
from evenfall.probe.sealed import SealedNetwork
from evenfall.probe.server_faults import ServerFault, server_faults
from evenfall.probe.session import Event, Session
from evenfall.probe.surroundings import is_on_this_machine
from evenfall.probe.telling import Telling

__all__ = ["CHECK_S_MAX", "CheckResult", "body_bytes_for", "run_check"]

CHECK_S_MAX = 75.0
_BODIES_SHARE_BYTES = 1_850_000  # of the budget go to pages; the rest is for second looks and pairs
_BODY_BYTES = (65_536, 262_144)


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """What one check found.

    Attributes:
        observations: facts, in the order in which they were made.
        judged: verdicts and what they rest on.
        ladder: is it me? Up to the first rung that is broken.
        around: our own side.
        server_faults: measurement servers that were of no help, and why.
        interrupted: the person ended it; the rest is as far as it came.
        error: a fault of our own that ended it; likewise.
    """

    observations: tuple[Observation, ...]
    judged: Judged
    answer: Answer
    rivals: tuple[Rival, ...]
    bytes_spent: int
    duration_s: float
    ladder: tuple[Rung, ...] = ()
    around: Surroundings = field(default_factory=Surroundings)
    server_faults: tuple[ServerFault, ...] = ()
    interrupted: bool = False
    error: EvenfallError | None = None


async def run_check(
    network: Network,
    targets: TargetList,
    *,
    rng: random.Random,
    emit: Callable[[Event], None] = lambda _: None,
    tariff_bps: float | None = None,
    timezone: str | None = None,
    surroundings: Surroundings | None = None,
    bytes_max: int = CHECK_BYTES_MAX,
    profile: CheckProfile = CHECK_2026,
    wanted_s: Callable[[], float] | None = None,
    wishes: Wishes | None = None,
) -> CheckResult:
    """Measure and judge once.

    Args:
        network: the way out; its clock times everything.
        targets: checked by `probe.targets`.
        rng: draws orders, names, query ids.
        emit: told of progress.
        tariff_bps: what the person pays for.
        timezone: IANA zone of the line.
        surroundings: what this machine tells of its own side.
        bytes_max: budget; nothing raises it.
        profile: parameters of the judgement.
        wanted_s: seconds for which this program has wanted the processor (`probe.load`).
        wishes: what else was asked for; it takes longer.

    Raises:
        UsageError: the `ca_file` cannot be used.
    """
    wishes = wishes or Wishes()
    session = _open_session(network, targets, rng, emit, timezone, bytes_max)
    session.body_bytes_max = body_bytes_for(targets, wishes)
    session.fingerprints = wishes.fingerprints
    around = dataclasses.replace(
        surroundings or Surroundings(), has_route=network.has_route(4) or network.has_route(6)
    )
    meter = LoadMeter(network.clock.monotonic_s, wanted=wanted_s) if wanted_s else None
    telling = Telling(session, around, tariff_bps=tariff_bps, profile=profile)
    router = None if is_on_this_machine(targets) else network.router()
    schedule = Schedule(session, telling, around, router=router, profile=profile, wishes=wishes)
    interrupted, error = False, None
    try:
        # A transfer that turns slow half-way may not carry the round past its time.
        async with asyncio.timeout(hard_end_s(wishes)):
            await schedule.run()
    except TimeoutError:
        pass
    except asyncio.CancelledError:
        interrupted = True
    except EvenfallError as ours:
        error = ours  # one step of ours failed: what the others have seen is not thrown away
    around = dataclasses.replace(around, cpu_share=meter.share() if meter else None)
    result = _conclude(session, tariff_bps, around, profile)
    return dataclasses.replace(result, interrupted=interrupted, error=error)


def body_bytes_for(targets: TargetList, wishes: Wishes | None = None) -> int:
    """Bytes of each page: as many as the share of the budget allows for so many sites.

    Pages get half of what pairs and wishes leave, and no more than their share; the other half is
    for names, headers, what the receive buffer takes, and second looks.
    """
    legs = len(targets.targets) + len(targets.controls)
    later_bytes = asked_bytes(wishes or Wishes()) + PAIRS_BYTES * bool(targets.servers)
    share_bytes = min(_BODIES_SHARE_BYTES, (CHECK_BYTES_MAX - later_bytes) // 2)
    return max(_BODY_BYTES[0], min(_BODY_BYTES[1], share_bytes // max(1, legs)))


def _open_session(
    network: Network,
    targets: TargetList,
    rng: random.Random,
    emit: Callable[[Event], None],
    timezone: str | None,
    bytes_max: int,
) -> Session:
    try:
        trusting = verifying_context(targets.ca_file)
    except OSError as error:
        raise UsageError(
            expected="a PEM file with a certificate",
            seen=str(error),
            where=targets.ca_file,
            remedy="Set network.ca_file to the test network's authority.",
        ) from error
    start_s = network.clock.monotonic_s()
    lab = lab_blocks(targets) if is_lab_network(targets) else None
    return Session(
        network=network if lab is None else SealedNetwork(network, lab),
        lab=lab,
        round_=Round(f"{rng.getrandbits(64):016x}", network.clock, timezone=timezone),
        targets=targets,
        rng=rng,
        budget=Budget(bytes_max),
        start_s=start_s,
        end_s=start_s + END_S,
        body_bytes_max=body_bytes_for(targets),
        trusting=trusting,
        unchecked=unchecked_context(),
        emit=emit,
    )


def _conclude(
    session: Session,
    tariff_bps: float | None,
    surroundings: Surroundings,
    profile: CheckProfile,
) -> CheckResult:
    off_s = clock_off_s(session)
    observations = with_clock_state(session.observations, off_s, limit_s=profile.clock_off_max_s)
    around = dataclasses.replace(surroundings, clock_off_s=off_s)
    judged = judge_round(
        # A connect without the handshake that was to follow looks like one that came through.
        [o for o in observations if o.observation_id not in session.under_way],
        session.targets,
        pages=session.pages,
        unfinished=session.unfinished,
        tariff_bps=tariff_bps,
        surroundings=around,
        fingerprints=session.fingerprints,
        profile=profile,
    )
    return CheckResult(
        observations=observations,
        judged=judged,
        answer=sum_up(judged.verdicts, line_slow=judged.ground.line_slow),
        rivals=list_rivals(judged, around, observations),
        ladder=climb(judged, observations, around),
        around=around,
        bytes_spent=session.budget.spent_bytes,
        duration_s=round(session.network.clock.monotonic_s() - session.start_s, 3),
        server_faults=server_faults(session.targets.servers, session.sought, observations),
    )
