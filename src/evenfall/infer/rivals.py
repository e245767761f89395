"""Every innocent explanation, ruled out or not, and why.

What it does. `list_rivals` answers the eleven explanations of `model.vocabulary.Explanation` one by
one from what a round has shown. True: ruled out as the reason for what was found. False: not ruled
out. None: not tested.

Rules. An explanation is ruled out only by something that was measured in the same round on the same
line. What explains everything at once (device, Wi-Fi, line, tariff, congestion) is ruled out by
controls that are fast, or by our own server under a neutral name; what explains one service (the
site, its content network) only by pairs that differ in the name alone. Where nothing is wrong there
is nothing to explain, and the answer says that.

What it does not do. It sees neither Wi-Fi nor radio; it knows no tariff that it was not told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evenfall.infer.verdicts import Judged
from evenfall.model.verdict import Rival, Verdict
from evenfall.model.vocabulary import Explanation, Scope, State

__all__ = ["Surroundings", "list_rivals"]

_TARIFF_REACHED = 0.7


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the probe knows of its own side.

    Attributes:
        tunnel: name of the tunnel interface that the default route leaves by; "" if it leaves by an
            ordinary one; None: not known on this system.
        proxies: names of proxy settings in the environment (we do not use them).
        clock_off_s: this clock against the measurement server or ≥ 2 controls; None: unknown.
    """

    tunnel: str | None = None
    proxies: tuple[str, ...] = ()
    clock_off_s: float | None = None


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
        """Every trouble found is a matter of the name."""
        return bool(self.troubled) and len(self.isolated) == len(self.troubled)

    def all_of_scope(self, *scopes: Scope) -> bool:
        """Every trouble found has one of these scopes."""
        return bool(self.troubled) and all(v.scope in scopes for v in self.troubled)


def _answer(explanation: Explanation, ruled_out: bool | None, because: str) -> Rival:
    return Rival(explanation=explanation, ruled_out=ruled_out, because=because)


def _nothing_wrong(explanation: Explanation) -> Rival:
    return _answer(explanation, True, "nothing is slow or out of reach")


def _about_everything(explanation: Explanation, if_slow: str) -> Callable[[_Case], Rival]:
    """An explanation that would slow all sites alike."""

    def answer(case: _Case) -> Rival:
        if not case.troubled:
            return _nothing_wrong(explanation)
        if case.ground.line_slow or case.all_of_scope(Scope.GENERALIZED):
            return _answer(explanation, False, if_slow)
        if case.fast:
            return _answer(explanation, True, case.fast)
        if case.ground.speeds:
            return _answer(explanation, False, "no control was fast either")
        if case.ground.sites:
            return _answer(explanation, None, "the controls answer, but are too short to time")
        return _answer(explanation, False, "no control works, so it may be everything")

    return answer


def _tariff(case: _Case) -> Rival:
    if not case.troubled:
        return _nothing_wrong(Explanation.TARIFF)
    line, tariff = case.ground.line_bps, case.ground.tariff_bps
    if line is not None and tariff is not None and not case.ground.line_slow:
        share = line / tariff
        if share >= _TARIFF_REACHED:
            return _answer(Explanation.TARIFF, True, f"the line reaches {share:.0%} of its tariff")
    if case.ground.line_slow:
        return _answer(
            Explanation.TARIFF, False, "everything is slow: used-up volume or a limit would do that"
        )
    if case.fast:
        return _answer(Explanation.TARIFF, True, f"a limit would hold for all sites; {case.fast}")
    return _answer(Explanation.TARIFF, None, "the controls do not tell the line's speed")


def _congestion(case: _Case) -> Rival:
    if not case.troubled:
        return _nothing_wrong(Explanation.CONGESTION)
    if case.all_isolated():
        return _answer(
            Explanation.CONGESTION,
            True,
            "the same server and path are fine under another name, again and again",
        )
    if case.ground.line_slow:
        queue = case.ground.queue_factor
        seen = f"; round-trip time under load ×{queue:.1f}" if queue is not None else ""
        return _answer(Explanation.CONGESTION, False, f"all controls are slow{seen}")
    if case.fast:
        if case.all_of_scope(Scope.UNDETERMINED, Scope.SERVER_SIDE):
            elsewhere = "a full path to that service alone is not excluded"
            return _answer(
                Explanation.CONGESTION, False, f"not on this line ({case.fast}); {elsewhere}"
            )
        return _answer(Explanation.CONGESTION, True, case.fast)
    return _answer(Explanation.CONGESTION, None, "the controls do not tell the line's speed")


def _site_itself(case: _Case) -> Rival:
    return _one_service(
        case, Explanation.SITE_ITSELF, "our own server fares the same under this name"
    )


def _cdn(case: _Case) -> Rival:
    return _one_service(
        case, Explanation.CDN, "our own server, which no content network carries, fares the same"
    )


def _one_service(case: _Case, explanation: Explanation, because: str) -> Rival:
    if not case.troubled:
        return _nothing_wrong(explanation)
    if case.all_of_scope(Scope.GENERALIZED):
        return _answer(explanation, True, "everything is slow, not one service")
    if case.all_isolated():
        return _answer(explanation, True, because)
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
    if not case.troubled:
        return _nothing_wrong(Explanation.DNS)
    if any((v.mechanism or "").startswith("dns.") for v in case.troubled):
        return _answer(Explanation.DNS, False, "the resolver's answer is what is wrong")
    if any(v.rule_id.startswith("check.dns.") for v in case.troubled):
        return _answer(Explanation.DNS, False, "the resolver fails or points elsewhere")
    looked = [s for s in case.sites.values() if s.answers("system", 4) or s.answers("system", 6)]
    if not looked:
        return _answer(Explanation.DNS, None, "no name was resolved")
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
        return _answer(
            Explanation.VPN, False, f"the default route leaves by a tunnel ({case.around.tunnel})"
        )
    proxies = f"; proxy settings are ignored ({', '.join(case.around.proxies)})"
    more = proxies if case.around.proxies else ""
    return _answer(Explanation.VPN, True, f"no tunnel on the default route{more}")


def _captive_portal(case: _Case) -> Rival:
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
        Explanation.OWN_DEVICE, "everything is slow: a busy device would look like this"
    ),
    Explanation.WIFI: _about_everything(
        Explanation.WIFI, "everything is slow: try by cable, or next to the router"
    ),
    Explanation.LINE: _about_everything(
        Explanation.LINE, "everything is slow: the line itself may be"
    ),
    Explanation.TARIFF: _tariff,
    Explanation.CONGESTION: _congestion,
    Explanation.SITE_ITSELF: _site_itself,
    Explanation.CDN: _cdn,
    Explanation.DNS: _dns,
    Explanation.VPN: _vpn,
    Explanation.CAPTIVE_PORTAL: _captive_portal,
    Explanation.CLOCK: _clock,
}
