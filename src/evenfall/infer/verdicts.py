"""The table of METHOD 3 as rules: from the observations of one round to one verdict a target.

What it does. `judge_round` sorts what was observed, looks at the ground (controls, line, noise) and
asks the rules in a fixed order; the first that has something to say decides.

    1  half a look, our own side             check.not_measured  check.own_side  check.other_network
    2  no control, dead controls             check.no_control  check.controls_down  check.offline
    3  the target itself                     infer.judging

Rules. Controls come first: a failure counts only against controls that work. What is said about one
target does not depend on the others in the list, nor on their order.

What it does not do. It never says who did it, and one occasion never says "every evening".

Sources: METHOD 1 and 3; background/throttling.md section 7 (d).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from evenfall.infer.facts import Page, Site, sort_pairs, sort_site
from evenfall.infer.finding import Finding, PairView, view_pairs
from evenfall.infer.fingerprints import Fingerprint
from evenfall.infer.ground import Ground, survey
from evenfall.infer.judging import Decided, judge_site, own_side, unvisited
from evenfall.infer.locate import located
from evenfall.infer.profiles import CHECK_2026, CheckProfile
from evenfall.infer.ruleset import RULESET
from evenfall.infer.shape import shape_of
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
    fingerprints: Sequence[Fingerprint] = (),
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
        fingerprints: known block pages, from a file of the person's own.
        profile: the parameters.
    """
    around = surroundings or Surroundings()
    known = tuple(fingerprints)
    sites = {t.target_id: sort_site(t, observations, pages or {}, known) for t in targets.targets}
    controls = [sort_site(t, observations, pages or {}, known) for t in targets.controls]
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
            Decided(_stopped_before(site))
            if target_id in unfinished and not around.is_elsewhere
            else _judge(site, ground, pairs[target_id], around),
            pairs[target_id],
            profile,
        )
        for target_id, site in sites.items()
    )
    return Judged(verdicts, ground, sites, pairs)


def _judge(site: Site, ground: Ground, pairs: PairView, around: Surroundings) -> Decided:
    found = judge_surroundings(around, ground) or _not_measured(site) or _without_ground(ground)
    decided = Decided(found) if found else judge_site(site, ground, pairs)
    found = doubted_by_clock(decided.finding, site, around, ground) or decided.finding
    return Decided(seen_through_vpn(found, around), decided.ways)


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
        return unvisited(site)
    if not site.attempts and all((o.failure or "") in _OWN_SIDE for o in site.lookups):
        return own_side(
            site,
            say(
                "this device could not look the name up ({failure})",
                failure=site.lookups[0].failure,
            ),
        )
    return None


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


def _printed(site: Site, decided: Decided, pairs: PairView, profile: CheckProfile) -> Verdict:
    found, said = decided.finding, pairs.assessment
    slowed = found.state is State.SLOWED
    by_name = slowed and found.isolated
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
        bytes=site.wire_bytes + pairs.spent_bytes,
        rule_id=found.rule_id,
        ruleset=RULESET,
        profile=profile.name,
        witnesses=found.witnesses,
        against=found.against,
        because=found.because,
        ways=decided.ways,
        shape=shape_of(pairs.pairs, profile) if slowed and pairs.pairs else None,
        direction=pairs.directions if by_name else None,
        located=located(site.path, target_host=site.host) if found.isolated else None,
    )
