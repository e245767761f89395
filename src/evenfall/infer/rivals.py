"""Every innocent explanation, ruled out or not, and why.

What it does. `list_rivals` answers the eleven explanations of `model.vocabulary.Explanation` one by
one from what a round has shown. True: ruled out as the reason for what was found. False: not ruled
out. None: not tested.

Rules. An explanation is ruled out only by something that was measured in the same round on the same
line, and that could have shown it. What slows everything alike (the line, congestion on it) is
ruled out by controls that are fast, or by pairs that differ in the name alone. What explains one
service (the site, its content network) is ruled out only by such pairs. What can itself act by
name or address (a hosts file, an antivirus or filter on this device; parental control on the
router; a plan that treats some services apart) looks like any other cause on this line, however
fast the controls are: it stays open whenever the trouble is about one service, unless pairs showed
nothing or the site said so itself. Where nothing is wrong there is nothing to explain, and the
answer says that; a slow line is something wrong.

What it does not do. It sees neither Wi-Fi nor radio; it knows no tariff that it was not told.
"""

from __future__ import annotations

from collections.abc import Callable

from evenfall.infer.facts import Stage
from evenfall.infer.surroundings import Surroundings, portal
from evenfall.infer.verdicts import Judged
from evenfall.model.verdict import Rival, Verdict
from evenfall.model.vocabulary import Explanation, Scope, State

__all__ = ["Surroundings", "list_rivals"]

_TARIFF_REACHED = 0.7
_TWO_NAMES = "the same server and path are fine under another name, again and again"


def list_rivals(judged: Judged, surroundings: Surroundings) -> tuple[Rival, ...]:
    """One answer an explanation, in the vocabulary's order."""
    case = _Case(judged, surroundings)
    return tuple(_ANSWERS[explanation](case) for explanation in Explanation)


class _Case:
    """The facts that the answers share."""

    def __init__(self, judged: Judged, surroundings: Surroundings) -> None:
        self.ground = judged.ground
        self.around = surroundings
        self.pairs = judged.pairs
        self.sites = judged.sites
        self.troubled = [v for v in judged.verdicts if v.state is not State.OK]
        self.isolated = [v for v in self.troubled if v.isolated]
        self.nothing_wrong = not self.troubled and not self.ground.line_slow
        self.everything_slow = self.ground.line_slow or self.all_of_scope(Scope.GENERALIZED)
        self.selective = any(self._may_be_selective(v) for v in self.troubled)

    @property
    def fast(self) -> str:
        """Why the line is fine; empty if that is not known."""
        if not self.ground.fast:
            return ""
        best = (self.ground.line_bps or 0) / 1e6
        return (
            f"{self.ground.fast} of {self.ground.listed} controls were fast in the same minute, "
            f"the best at {best:.1f} Mbit/s"
        )

    def all_isolated(self) -> bool:
        """Every trouble found is a matter of the name, and of nothing beside."""
        only = [v for v in self.isolated if not self.fails_too(v)]
        return bool(self.troubled) and len(only) == len(self.troubled)

    def fails_too(self, verdict: Verdict) -> bool:
        """Slow by name at our server, and the site itself does not come through at all."""
        attempts = [a for f in (4, 6) for a in self.sites[verdict.target].own(f)]
        through = any(a.stage is Stage.DONE or a.failure == "stalled" for a in attempts)
        return verdict.state is State.SLOWED and bool(attempts) and not through

    def _may_be_selective(self, verdict: Verdict) -> bool:
        """Something near that picks by name or address would look like this."""
        if verdict.scope in (Scope.SERVER_SIDE, Scope.GENERALIZED):
            return False
        slow_by_itself = verdict.state is State.SLOWED and not verdict.isolated
        return not (slow_by_itself and self.pairs[verdict.target].not_seen)

    def all_of_scope(self, *scopes: Scope) -> bool:
        """Every trouble found has one of these scopes."""
        return bool(self.troubled) and all(v.scope in scopes for v in self.troubled)


def _answer(explanation: Explanation, ruled_out: bool | None, because: str) -> Rival:
    return Rival(explanation=explanation, ruled_out=ruled_out, because=because)


def _nothing_wrong(explanation: Explanation) -> Rival:
    return _answer(explanation, True, "nothing is slow or out of reach")


def _about_everything(
    explanation: Explanation, if_slow: str, if_selective: str = ""
) -> Callable[[_Case], Rival]:
    """An explanation that would slow all sites alike; with `if_selective`, or one of them alone."""

    def answer(case: _Case) -> Rival:
        if case.nothing_wrong:
            return _nothing_wrong(explanation)
        if case.everything_slow:
            return _answer(explanation, False, if_slow)
        if if_selective and case.selective:
            return _answer(explanation, False, if_selective)
        if case.fast:
            return _answer(explanation, True, case.fast)
        if case.ground.speeds:
            return _answer(explanation, False, "no control was fast either")
        if case.ground.sites:
            return _answer(explanation, None, "the controls answer, but are too short to time")
        return _answer(explanation, False, "no control works, so it may be everything")

    return answer


def _line(case: _Case) -> Rival:
    if case.all_isolated() and not case.everything_slow:
        return _answer(Explanation.LINE, True, _TWO_NAMES)
    return _about_everything(Explanation.LINE, "everything is slow: the line itself may be")(case)


def _tariff(case: _Case) -> Rival:
    if case.nothing_wrong:
        return _nothing_wrong(Explanation.TARIFF)
    if case.everything_slow:
        return _answer(
            Explanation.TARIFF, False, "everything is slow: used-up volume or a limit would do that"
        )
    if any(v.scope is not Scope.SERVER_SIDE for v in case.troubled):
        return _answer(
            Explanation.TARIFF,
            False,
            "a plan that limits video, or lets some services through apart, would look the same: "
            "look into the contract, or try another provider",
        )
    line, tariff = case.ground.line_bps, case.ground.tariff_bps
    if line is not None and tariff is not None and line / tariff >= _TARIFF_REACHED:
        return _answer(Explanation.TARIFF, True, f"the line reaches {line / tariff:.0%} of it")
    if case.fast:
        return _answer(Explanation.TARIFF, True, f"the site itself says so; {case.fast}")
    return _answer(Explanation.TARIFF, None, "the controls do not tell the line's speed")


def _congestion(case: _Case) -> Rival:
    if case.nothing_wrong:
        return _nothing_wrong(Explanation.CONGESTION)
    if case.ground.line_slow:
        queue = case.ground.queue_factor
        seen = f"; round-trip time under load ×{queue:.1f}" if queue is not None else ""
        return _answer(Explanation.CONGESTION, False, f"all controls are slow{seen}")
    if case.all_isolated():
        return _answer(Explanation.CONGESTION, True, _TWO_NAMES)
    if not case.fast:
        return _answer(Explanation.CONGESTION, None, "the controls do not tell the line's speed")
    if any(v.scope is not Scope.TARGETED for v in case.troubled):
        elsewhere = "a full path to a service alone is not excluded"
        return _answer(
            Explanation.CONGESTION, False, f"not on this line ({case.fast}); {elsewhere}"
        )
    return _answer(Explanation.CONGESTION, True, case.fast)


def _site_itself(case: _Case) -> Rival:
    return _one_service(
        case, Explanation.SITE_ITSELF, "our own server fares the same under this name"
    )


def _cdn(case: _Case) -> Rival:
    return _one_service(
        case, Explanation.CDN, "our own server, which no content network carries, fares the same"
    )


def _one_service(case: _Case, explanation: Explanation, because: str) -> Rival:
    if case.nothing_wrong:
        return _nothing_wrong(explanation)
    if not case.troubled or case.all_of_scope(Scope.GENERALIZED):
        return _answer(explanation, True, "everything is slow, not one service")
    if case.all_isolated():
        return _answer(explanation, True, because)
    if any(case.fails_too(v) for v in case.isolated):
        return _answer(explanation, False, "it also fails by itself, which pairs do not explain")
    if all(_is_by_name(v) for v in case.troubled):
        return _answer(explanation, True, "the service itself is fine where its name is not used")
    if not case.ground.has_server:
        return _answer(explanation, False, "no measurement server was given to separate it")
    return _answer(explanation, False, "nothing measured here separates it")


def _is_by_name(verdict: Verdict) -> bool:
    return verdict.isolated or (
        verdict.scope is Scope.TARGETED and (verdict.mechanism or "").startswith("dns.")
    )


def _dns(case: _Case) -> Rival:
    if case.nothing_wrong:
        return _nothing_wrong(Explanation.DNS)
    if any((v.mechanism or "").startswith("dns.") for v in case.troubled):
        return _answer(Explanation.DNS, False, "the resolver's answer is what is wrong")
    if any(v.rule_id.startswith("check.dns.") for v in case.troubled):
        return _answer(Explanation.DNS, False, "the resolver fails or points elsewhere")
    looked = [s for s in case.sites.values() if s.lookups]
    if not looked:
        return _answer(Explanation.DNS, None, "no name was resolved")
    if not all(s.answers("system", 4) or s.answers("system", 6) for s in looked):
        return _answer(Explanation.DNS, False, "the system's resolver gave no address for a name")
    agree = [s for s in looked if s.answers("public", 4) & s.answers("system", 4)]
    valid = [s for s in looked if any(a.valid_tls for a in s.attempts)]
    if all(s in agree or s in valid for s in looked):
        return _answer(
            Explanation.DNS, True, "two resolvers agree, or the certificate at the address is valid"
        )
    return _answer(Explanation.DNS, None, "no second opinion on every name")


def _vpn(case: _Case) -> Rival:
    if case.around.tunnel is None:
        return _answer(Explanation.VPN, None, "not known on this system")
    if case.around.tunnel:
        return _answer(Explanation.VPN, False, f"packets leave by a tunnel ({case.around.tunnel})")
    proxies = f"; proxy settings are ignored ({', '.join(case.around.proxies)})"
    more = proxies if case.around.proxies else ""
    return _answer(Explanation.VPN, True, f"no tunnel on the way to public addresses{more}")


def _captive_portal(case: _Case) -> Rival:
    if (host := portal(case.ground)) is not None:
        return _answer(Explanation.CAPTIVE_PORTAL, False, f"every control led to {host}")
    if any(a.valid_tls for a in case.ground.attempts):
        return _answer(
            Explanation.CAPTIVE_PORTAL, True, "controls answered under their own certificates"
        )
    if case.ground.sites:
        return _answer(Explanation.CAPTIVE_PORTAL, None, "no control was asked over TLS")
    return _answer(Explanation.CAPTIVE_PORTAL, False, "no control answered as itself")


def _clock(case: _Case) -> Rival:
    off = case.around.clock_off_s
    if off is None:
        return _answer(Explanation.CLOCK, None, "no server told the time")
    limit = case.ground.profile.clock_off_max_s
    if abs(off) > limit:
        return _answer(Explanation.CLOCK, False, f"this clock is {off:+.0f} s off")
    return _answer(Explanation.CLOCK, True, f"within {limit:.0f} s of the servers' clocks")


_ANSWERS: dict[Explanation, Callable[[_Case], Rival]] = {
    Explanation.OWN_DEVICE: _about_everything(
        Explanation.OWN_DEVICE,
        "everything is slow: a busy device would look like this",
        "a filter on this device that acts by name (hosts file, antivirus) would look the same: "
        "try another device",
    ),
    Explanation.WIFI: _about_everything(
        Explanation.WIFI,
        "everything is slow: try by cable, or next to the router",
        "a filter on the router that acts by name (parental control) would look the same: try the "
        "phone's own network",
    ),
    Explanation.LINE: _line,
    Explanation.TARIFF: _tariff,
    Explanation.CONGESTION: _congestion,
    Explanation.SITE_ITSELF: _site_itself,
    Explanation.CDN: _cdn,
    Explanation.DNS: _dns,
    Explanation.VPN: _vpn,
    Explanation.CAPTIVE_PORTAL: _captive_portal,
    Explanation.CLOCK: _clock,
}
