"""The table of METHOD 3 as rules: from the observations of one round to one verdict a target.

What it does. `judge_round` sorts what was observed, looks at the ground (controls, line, noise) and
asks the rules in a fixed order; the first that has something to say decides.

    1  nothing measured, our own side        check.not_measured  check.own_side  check.other_network
    2  no control, dead controls             check.no_control  check.controls_down  check.offline
    3  the name                              infer.names
    4  it does not come through              infer.failing
    5  something else came in its place      infer.failing
    6  slow, by name or otherwise; or fine   infer.slow

Rules. Controls come first: a failure counts only against controls that work. IPv4 decides; IPv6,
where there is a route, is its own cell and is mentioned, and decides only where there is no IPv4.

What it does not do. It never says who did it, and one occasion never says "every evening".

Sources: METHOD 1 and 3; background/throttling.md section 7 (d).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from evenfall.infer.facts import Attempt, Page, Site, Stage, sort_pairs, sort_site
from evenfall.infer.failing import judge_failing, judge_page
from evenfall.infer.finding import Finding, PairView, view_pairs
from evenfall.infer.ground import Ground, survey
from evenfall.infer.names import judge_names
from evenfall.infer.profiles import CHECK_2026, CheckProfile
from evenfall.infer.ruleset import RULESET
from evenfall.infer.slow import judge_speed
from evenfall.infer.surroundings import (
    Surroundings,
    doubted_by_clock,
    judge_surroundings,
    seen_through_vpn,
)
from evenfall.model.observation import Observation
from evenfall.model.saying import say
from evenfall.model.target import TargetList
from evenfall.model.verdict import Verdict
from evenfall.model.vocabulary import ClaimLevel, Scope, State

__all__ = ["Judged", "judge_round"]

_OWN_SIDE = frozenset({"network_unreachable", "interrupted", "dns_temporary_failure"})


class Judged:
    """The verdicts of a round, and what they rest on.

    Attributes:
        verdicts: one a target, in the order of the list.
        ground: controls, line and noise.
        sites: target id → what was done about it.
        pairs: target id → its paired transfers.
    """

    def __init__(
        self,
        verdicts: tuple[Verdict, ...],
        ground: Ground,
        sites: Mapping[str, Site],
        pairs: Mapping[str, PairView],
    ) -> None:
        self.verdicts = verdicts
        self.ground = ground
        self.sites = sites
        self.pairs = pairs


def judge_round(
    observations: Sequence[Observation],
    targets: TargetList,
    *,
    pages: Mapping[str, Page] | None = None,
    unfinished: Collection[str] = (),
    tariff_bps: float | None = None,
    surroundings: Surroundings | None = None,
    profile: CheckProfile = CHECK_2026,
) -> Judged:
    """Judge every target of a round.

    Args:
        observations: all of the round, in the order in which they were made.
        targets: what was to be measured.
        pages: observation id → what its page said, for exchanges.
        unfinished: ids of targets and controls that were not reached, or broken off half-way.
        tariff_bps: what the person pays for, if known.
        surroundings: our own side: a VPN, this clock; None: nothing is known of it.
        profile: the parameters.
    """
    around = surroundings or Surroundings()
    sites = {t.target_id: sort_site(t, observations, pages or {}) for t in targets.targets}
    controls = [sort_site(t, observations, pages or {}) for t in targets.controls]
    ground = survey(
        controls,
        list(sites.values()),
        sort_pairs(observations),
        has_server=bool(targets.servers),
        tariff_bps=tariff_bps,
        profile=profile,
        unfinished=unfinished,
    )
    pairs = {target_id: view_pairs(target_id, ground) for target_id in sites}
    verdicts = tuple(
        _printed(
            site,
            _stopped_before(site)
            if target_id in unfinished
            else _judge(site, ground, pairs[target_id], around),
            pairs[target_id],
            profile,
        )
        for target_id, site in sites.items()
    )
    return Judged(verdicts, ground, sites, pairs)


def _judge(site: Site, ground: Ground, pairs: PairView, around: Surroundings) -> Finding:
    if found := judge_surroundings(around, ground) or _not_measured(site):
        return found
    found = _without_ground(ground) or _judge_site(site, ground, pairs)
    found = doubted_by_clock(found, site, around, ground) or found
    return seen_through_vpn(found, around)


def _judge_site(site: Site, ground: Ground, pairs: PairView) -> Finding:
    family = 4 if site.asked("system", 4) or site.own(4) else 6
    if family == 4 and not site.own(4) and site.own(6):
        family = 6
    if found := judge_names(site, ground, family):
        return found.with_more(against=ground.says)
    own = site.own(family, site.answers("system", family) or None)
    if not own:
        known = site.answers("system", family) | site.answers("public", family)
        return _unvisited(site) if known else _own_side(site, say("no address for it was found"))
    through = [a for a in own if a.stage is Stage.DONE or _only_stalled(a)]
    if not through:
        if all(a.own_side for a in own):
            return _own_side(
                site, say("this device had no way there ({failure})", failure=own[0].failure)
            )
        return judge_failing(site, own, pairs).with_more(against=ground.says)
    found = judge_page(site, through[0]) or judge_speed(site, through[0], ground, pairs)
    failed = [a for a in own if a not in through]
    if failed:
        note = say(
            "{failed} of {tried} attempts failed ({failure})",
            failed=len(failed),
            tried=len(own),
            failure=failed[0].failure,
        )
        found = found.with_more(witnesses=tuple(i for a in failed for i in a.ids), against=(note,))
    return found.with_more(against=_other_family(site, family))


def _only_stalled(attempt: Attempt) -> bool:
    """Bytes came, then none: for the person it is slow, not closed."""
    return attempt.stage is Stage.HTTP and attempt.failure == "stalled"


def _unvisited(site: Site) -> Finding:
    return Finding(
        rule_id="check.not_measured",
        state=State.INSUFFICIENT,
        scope=Scope.UNDETERMINED,
        scope_because=say("not measured"),
        because=say("it was not measured: time, bytes or the person ended the round before"),
        witnesses=tuple(o.observation_id for o in site.lookups),
    )


def _stopped_before(site: Site) -> Finding:
    """Half a look says neither that a site works nor that it does not."""
    return Finding(
        rule_id="check.not_measured",
        state=State.INSUFFICIENT,
        scope=Scope.UNDETERMINED,
        scope_because=say("half a look says nothing"),
        because=say("stopped before this was measured"),
        witnesses=tuple(o.observation_id for o in site.lookups),
    )


def _not_measured(site: Site) -> Finding | None:
    if not site.lookups and not site.attempts:
        return _unvisited(site)
    if not site.attempts and all((o.failure or "") in _OWN_SIDE for o in site.lookups):
        return _own_side(
            site,
            say(
                "this device could not look the name up ({failure})",
                failure=site.lookups[0].failure,
            ),
        )
    return None


def _own_side(site: Site, because: str) -> Finding:
    ids = tuple(o.observation_id for o in site.lookups) + tuple(
        i for a in site.attempts for i in a.ids
    )
    return Finding(
        rule_id="check.own_side",
        state=State.INSUFFICIENT,
        scope=Scope.UNDETERMINED,
        scope_because=say("our own side comes first"),
        because=because,
        witnesses=ids,
    )


def _without_ground(ground: Ground) -> Finding | None:
    if not ground.listed:
        rule, why = "check.no_control", say("there is no control to compare with")
        if ground.unfinished:
            why = say("stopped before a control was measured")
    elif ground.sites:
        return None
    elif ground.anything_through:
        rule, why = "check.controls_down", say("none of the controls works: no conclusion")
    else:
        rule, why = "check.offline", say("nothing at all was reached from here")
    return Finding(
        rule_id=rule,
        state=State.INSUFFICIENT,
        scope=Scope.UNDETERMINED,
        scope_because=say("a failure counts only against controls that work"),
        because=why,
    )


def _other_family(site: Site, family: int) -> tuple[str, ...]:
    if family != 4:
        return (say("only IPv6 was there to measure"),)
    six = [a for a in site.own(6) if not a.own_side]
    if six and all(a.stage is not Stage.DONE for a in six):
        return (say("over IPv6 it was not reached ({failure})", failure=six[0].failure),)
    return ()


def _printed(site: Site, found: Finding, pairs: PairView, profile: CheckProfile) -> Verdict:
    said = pairs.assessment
    pair_bytes = sum(
        arm.wire_bytes or 0
        for pair in (*pairs.pairs, *pairs.intercepted)
        for arm in (pair.target, pair.neutral)
    )
    return Verdict(
        target=site.target.target_id,
        service=site.target.service,
        state=found.state,
        scope=found.scope,
        scope_because=found.scope_because,
        mechanism=found.mechanism,
        claim_level=ClaimLevel.L0 if found.state is State.INSUFFICIENT else ClaimLevel.L1,
        isolated=found.isolated,
        slower_by=found.slower_by,
        n_pairs=said.n_pairs,
        e_value=float(f"{said.e_value:.4g}") if said.n_pairs else None,
        bytes=site.wire_bytes + pair_bytes,
        rule_id=found.rule_id,
        ruleset=RULESET,
        profile=profile.name,
        witnesses=found.witnesses,
        against=found.against,
        because=found.because,
    )
