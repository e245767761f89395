"""One service as the staff of a network has to see it: our access, our upstreams, this name.

What it does. `triage_of` gathers from a judged round what speaks for and against the network's own
part in it, and draws one conclusion about one service.

Rules.
- `by_name` only where our own server showed it: the same server, the same path, another name, and
  it was fine. If the uplink were full, the neutral name would be slow too.
- `own_network` where everything is slow, or where nothing comes through that is known to work: all
  names alike, so it is no matter of one.
- `by_itself` where the verdict is targeted without such pairs (by its address, or its name at the
  resolver).
- Where the round cannot tell, neither does this.
- The answer is that of the chosen service alone; other services are shown beside it, and decide
  nothing.

How it works. Everything is read from verdicts, pairs and the ground (controls), which have their
own rules; no threshold is set here but the ×1/1.5 from which a single pair is called slower.

What it does not do. It knows no time but that of the round: `since` is the operator's word. It
names no equipment, and it holds no address of the line and nothing about a customer.

Sources: METHOD 2 and 3; background/users.md 6B.
"""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Iterable, Sequence

from evenfall.infer.answer import sum_up
from evenfall.infer.capacity import capacity_of
from evenfall.infer.facts import Pair
from evenfall.infer.ground import Ground, is_slow
from evenfall.infer.rungs import Sites
from evenfall.infer.speed import Speed
from evenfall.infer.verdicts import Judged
from evenfall.model.observation import Observation
from evenfall.model.triage import Conclusion, OtherService, Triage
from evenfall.model.verdict import Verdict
from evenfall.model.vocabulary import Answer, Scope, State

__all__ = ["ticket_of", "triage_of"]

_SLOWER = 1.5  # METHOD 2: the smallest slowing that is looked for
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # without I and O, which are read as digits
_WORST = (State.BLOCKED, State.SLOWED, State.DOWN, State.INSUFFICIENT, State.OK)


def triage_of(
    judged: Judged,
    observations: Sequence[Observation],
    service: str,
    *,
    answer: Answer,
    since: str | None = None,
) -> Triage:
    """What this round says about one service.

    Args:
        judged: the round, with that service among its targets.
        observations: all of the round.
        service: as in the target's id.
        answer: of the round as a whole; it counts where nothing was measured.
        since: when calls began, by the operator's word.

    Raises:
        ValueError: the service is not among the round's targets.
    """
    own = [v for v in judged.verdicts if v.service == service]
    if not own:
        raise ValueError(service)
    worst = min(own, key=lambda v: _WORST.index(v.state))
    its_answer = sum_up(own, line_slow=judged.ground.line_slow)
    if answer is Answer.NOT_MEASURED:
        its_answer = answer
    ground = judged.ground
    both = _counted(judged.pairs[worst.target].pairs)
    speeds = _access_speeds(ground.pairs)
    abroad, at_home = Sites(ground, domestic=False), Sites(ground, domestic=True)
    return Triage(
        ticket=ticket_of(observations),
        service=service,
        started_us=observations[0].started_us if observations else 0,
        since=since,
        conclusion=_conclude(its_answer, own, judged),
        answer=its_answer,
        service_state=worst.state,
        service_bps=_best_page(judged, worst),
        access_bps=_access_bps(speeds, ground.pairs, observations),
        access_slow=_access_slow(speeds, ground),
        access_resent=_access_resent(ground.pairs),
        by_name_bps=_median(target for target, _ in both),
        neutral_bps=_median(neutral for _, neutral in both),
        slower_pairs=sum(_SLOWER * target <= neutral for target, neutral in both),
        n_pairs=len(both),
        e_value=worst.e_value,
        upstream_works=len(abroad.works),
        upstream_listed=len(abroad.listed),
        upstream_bps=None if ground.line_bps is None else round(ground.line_bps),
        domestic_works=len(at_home.works),
        domestic_listed=len(at_home.listed),
        neutral_name_opens=_neutral_name(judged, worst),
        others=_others(judged, service),
        domestic_slow=at_home.all_slow if at_home.speeds else None,
    )


def ticket_of(observations: Sequence[Observation]) -> str:
    """A short name for a round, such as `7Q-118`; `0A-000` where nothing was observed."""
    round_id = observations[0].round_id if observations else None
    if not round_id:
        return "0A-000"
    number = int.from_bytes(hashlib.sha256(round_id.encode()).digest()[:8], "big")
    digit, number = number % 10, number // 10
    letter, number = _LETTERS[number % len(_LETTERS)], number // len(_LETTERS)
    return f"{digit}{letter}-{number % 1000:03d}"


def _conclude(answer: Answer, own: Sequence[Verdict], judged: Judged) -> Conclusion:
    if answer is Answer.NOT_MEASURED:
        return Conclusion.NOT_MEASURED
    targeted = [v for v in own if v.scope is Scope.TARGETED]
    if any(v.isolated for v in targeted):
        return Conclusion.BY_NAME  # also on a slow line: pairs stand by themselves (METHOD 3)
    if answer is Answer.LINE_SLOW or _nothing_works(judged):
        return Conclusion.OWN_NETWORK
    if targeted:
        return Conclusion.BY_ITSELF
    if answer is Answer.SITE_DOWN or _is_slow_by_itself(own):
        return Conclusion.AT_SERVICE
    return Conclusion.NOTHING_WRONG if answer is Answer.OK else Conclusion.CANNOT_TELL


def _nothing_works(judged: Judged) -> bool:
    """Two controls or more, and not one of them is reached, though something is."""
    ground = judged.ground
    return ground.listed > 1 and not ground.sites and ground.anything_through


def _is_slow_by_itself(own: Sequence[Verdict]) -> bool:
    troubled = [v for v in own if v.state is not State.OK]
    return bool(troubled) and all(v.scope is Scope.SERVER_SIDE for v in troubled)


def _best_page(judged: Judged, verdict: Verdict) -> int | None:
    attempts = judged.sites[verdict.target].attempts
    pages = (a.http for a in attempts if a.http is not None and not a.is_neutral)
    return _best(page.goodput_bps for page in pages)


def _counted(pairs: Iterable[Pair]) -> list[tuple[int, int]]:
    """Goodput of both arms, under the service's name and a neutral one, of pairs that count."""
    counted = (pair for pair in pairs if pair.counts)
    return [((p.target.goodput_bps or 0), (p.neutral.goodput_bps or 0)) for p in counted]


def _access_speeds(pairs: Iterable[Pair]) -> list[Speed]:
    """Neutral arms as single exchanges: the handshake left out, as the rule for lines has it."""
    arms = [arm for pair in pairs for arm in pair.neutral_arms]
    return [
        Speed(
            body_bytes=arm.body_bytes,
            duration_us=arm.duration_us,
            capped=bool(arm.capped),
            curve=arm.curve,
            rtt_us=arm.rtt_min_us or 0,
        )
        for arm in arms
        if arm.body_bytes and arm.duration_us and arm.curve
    ]


def _access_bps(
    speeds: Iterable[Speed], pairs: Iterable[Pair], observations: Iterable[Observation]
) -> int | None:
    arms = (arm.goodput_bps for pair in pairs for arm in pair.neutral_arms)
    tests = (c.rate_bps for o in observations if (c := capacity_of(o)) is not None)
    return _best([*arms, *tests, *(round(speed.later_bps) for speed in speeds)])


def _access_slow(speeds: Sequence[Speed], ground: Ground) -> bool | None:
    """Whether even our own server is slow under neutral names; None: nothing tells."""
    slow = [is_slow(s, ground.profile, tariff_bps=ground.tariff_bps) for s in speeds]
    return all(slow) if slow else None


def _access_resent(pairs: Iterable[Pair]) -> float | None:
    arms = [arm for pair in pairs for arm in pair.neutral_arms]
    told = [arm for arm in arms if arm.retransmitted_bytes is not None]
    sent = sum(arm.body_bytes or 0 for arm in told)
    resent = sum(arm.retransmitted_bytes or 0 for arm in told)
    return round(resent / sent, 4) if sent else None


def _median(values: Iterable[int]) -> int | None:
    listed = list(values)
    return round(statistics.median(listed)) if listed else None


def _neutral_name(judged: Judged, verdict: Verdict) -> bool | None:
    tried = [a for a in judged.sites[verdict.target].attempts if a.is_neutral]
    if not tried:
        return None
    return any(a.tls is not None and a.tls.failure in _ANSWERED for a in tried)


_ANSWERED = (None, "ssl_invalid_hostname", "ssl_unknown_authority", "ssl_invalid_certificate")
"""The handshake came to a certificate, which cannot be valid for somebody else's name."""


def _others(judged: Judged, service: str) -> tuple[OtherService, ...]:
    found: dict[str, State] = {}
    for verdict in judged.verdicts:
        if verdict.service == service:
            continue
        before = found.get(verdict.service, State.OK)
        found[verdict.service] = min(before, verdict.state, key=_WORST.index)
    return tuple(OtherService(service=name, state=state) for name, state in found.items())


def _best(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value), default=None)
