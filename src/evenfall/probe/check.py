"""One check: names, first looks, second looks, pairs, and the one answer.

At most 75 s and 6 MB, whatever the line does. The order is fixed and each part has its share of the
time, so that a slow beginning cannot eat what decides. Nothing here judges: `infer` does, from the
observations alone.

An interrupt ends the round; what was measured is kept, and what came to its end is judged.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Callable
from dataclasses import dataclass

from evenfall.infer.answer import sum_up
from evenfall.infer.profiles import CHECK_2026, CheckProfile
from evenfall.infer.rivals import Surroundings, list_rivals
from evenfall.infer.verdicts import Judged, judge_round
from evenfall.measure.round import Round
from evenfall.measure.tls import unchecked_context, verifying_context
from evenfall.model.errors import EvenfallError, UsageError
from evenfall.model.observation import Observation
from evenfall.model.target import TargetList
from evenfall.model.verdict import Rival
from evenfall.model.vocabulary import Answer
from evenfall.net.api import Network
from evenfall.probe.budget import CHECK_BYTES_MAX, Budget
from evenfall.probe.clock_check import clock_off_s, with_clock_state
from evenfall.probe.consent import is_lab_network
from evenfall.probe.contrasts import Suspect, ground_so_far, names_in_doubt, second_looks, suspects
from evenfall.probe.legs import first_looks, interleave, look_up_names
from evenfall.probe.pairing import PairingStage
from evenfall.probe.plain import ask_about_pages
from evenfall.probe.sealed import SealedNetwork
from evenfall.probe.server_faults import ServerFault, server_faults
from evenfall.probe.session import Progress, Session

__all__ = ["CHECK_S_MAX", "CheckResult", "body_bytes_for", "run_check"]

CHECK_S_MAX = 75.0
_END_S = 72.5  # nothing begins that would end later, as far as can be foreseen
_HARD_END_S = 74.0
_FIRST_LOOKS_S = 36.0
_SECOND_LOOKS_S = 48.0
_PAIRED_MAX = 3
_UNSUSPICIOUS_PAIRS_S = 15.0  # for the slowest target, where nothing is suspicious
_HEALTHY_S_MAX = 19.5  # a person whose line is fine is not kept waiting for more certainty
_SLOW_LINE_PAIRS_S = 28.0  # the same, where everything is slow: both may hold at once
_BODIES_SHARE_BYTES = 2_400_000  # of the budget go to pages; the rest is for second looks and pairs
_BODY_BYTES = (65_536, 262_144)


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """What one check found.

    Attributes:
        observations: facts, in the order in which they were made.
        judged: verdicts and what they rest on.
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
    server_faults: tuple[ServerFault, ...] = ()
    interrupted: bool = False
    error: EvenfallError | None = None


async def run_check(
    network: Network,
    targets: TargetList,
    *,
    rng: random.Random,
    emit: Callable[[Progress], None] = lambda _: None,
    tariff_bps: float | None = None,
    timezone: str | None = None,
    surroundings: Surroundings | None = None,
    bytes_max: int = CHECK_BYTES_MAX,
    profile: CheckProfile = CHECK_2026,
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

    Raises:
        UsageError: the `ca_file` cannot be used.
    """
    session = _open_session(network, targets, rng, emit, timezone, bytes_max)
    interrupted, error = False, None
    try:
        # A transfer that turns slow half-way may not carry the round past its time.
        async with asyncio.timeout(_HARD_END_S):
            await _measure(session, profile)
    except TimeoutError:
        pass
    except asyncio.CancelledError:
        interrupted = True
    except EvenfallError as ours:
        error = ours  # one step of ours failed: what the others have seen is not thrown away
    result = _conclude(session, tariff_bps, surroundings or Surroundings(), profile)
    return dataclasses.replace(result, interrupted=interrupted, error=error)


def body_bytes_for(targets: TargetList) -> int:
    """Bytes of each page: as many as the share of the budget allows for so many sites."""
    legs = len(targets.targets) + len(targets.controls)
    return max(_BODY_BYTES[0], min(_BODY_BYTES[1], _BODIES_SHARE_BYTES // max(1, legs)))


async def _measure(session: Session, profile: CheckProfile) -> None:
    start_s = session.start_s
    order = interleave(session)
    await look_up_names(session, order)
    await first_looks(session, order, until_s=start_s + _FIRST_LOOKS_S)
    ground = ground_so_far(session, profile)
    found = [*suspects(session, ground), *names_in_doubt(session, ground)]
    await second_looks(session, found, until_s=start_s + _SECOND_LOOKS_S)
    if not session.targets.servers:
        return
    pairing = PairingStage(session, profile)
    await pairing.find_servers()
    await ask_about_pages(session, pairing.servers, until_s=start_s + _SECOND_LOOKS_S)
    ground = ground_so_far(session, profile)
    found = suspects(session, ground)[:_PAIRED_MAX]
    until_s = session.end_s
    if not found:
        found = _slowest(session, ground.profile)
        now_s = session.network.clock.monotonic_s()
        if ground.line_slow:
            until_s = min(until_s, now_s + _SLOW_LINE_PAIRS_S)
        else:
            until_s = min(now_s + _UNSUSPICIOUS_PAIRS_S, start_s + _HEALTHY_S_MAX)
    await pairing.run(found, until_s=until_s)


def _slowest(session: Session, profile: CheckProfile) -> list[Suspect]:
    """Where nothing is suspicious: the one target most worth a second opinion."""
    judged = judge_round(
        session.observations, session.targets, pages=session.pages, profile=profile
    )
    timed: list[Suspect] = []
    for target in session.targets.targets:
        attempts = judged.sites[target.target_id].own(4)
        speeds = [a.http.goodput_bps for a in attempts if a.http and a.http.goodput_bps]
        if speeds:
            timed.append(Suspect(target, failing=False, ratio=1e9 / min(speeds)))
    if not timed:
        return []
    slowest = max(timed, key=lambda suspect: suspect.ratio or 0.0)
    return [Suspect(slowest.target, failing=False, ratio=None)]


def _open_session(
    network: Network,
    targets: TargetList,
    rng: random.Random,
    emit: Callable[[Progress], None],
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
    is_sealed = is_lab_network(targets)
    return Session(
        network=SealedNetwork(network) if is_sealed else network,
        is_sealed=is_sealed,
        round_=Round(f"{rng.getrandbits(64):016x}", network.clock, timezone=timezone),
        targets=targets,
        rng=rng,
        budget=Budget(bytes_max),
        start_s=start_s,
        end_s=start_s + _END_S,
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
    around = Surroundings(
        tunnel=surroundings.tunnel, proxies=surroundings.proxies, clock_off_s=off_s
    )
    judged = judge_round(
        # A connect without the handshake that was to follow looks like one that came through.
        [o for o in observations if o.observation_id not in session.under_way],
        session.targets,
        pages=session.pages,
        unfinished=session.unfinished,
        tariff_bps=tariff_bps,
        surroundings=around,
        profile=profile,
    )
    return CheckResult(
        observations=observations,
        judged=judged,
        answer=sum_up(judged.verdicts, line_slow=judged.ground.line_slow),
        rivals=list_rivals(judged, around),
        bytes_spent=session.budget.spent_bytes,
        duration_s=round(session.network.clock.monotonic_s() - session.start_s, 3),
        server_faults=server_faults(session.targets.servers, session.sought, observations),
    )
