"""Every innocent explanation, ruled out or not, and why.

What it does. `list_rivals` answers the eleven explanations of `model.vocabulary.Explanation` one by
one from what a round has shown. True: ruled out as the reason for what was found. False: not ruled
out. None: not tested.

Rules. An explanation is ruled out only by something that was measured in the same round on the same
line, and that could have shown it. What slows everything alike (the line, congestion on it) is
ruled out by controls that are fast, or by pairs that differ in the name alone; the router and the
Wi-Fi also by probes that came back, all of them and soon. What explains one service (the site, its
content network) is ruled out only by such pairs, or by a measurement server of ours that was served
well at the same time; and the site itself never where its own refusal or error decides, or a page
that may be its own. What can itself act by name or address (a hosts file, an antivirus or filter on
this device; parental control on the router; a plan that treats some services apart) looks like
any other cause on this line, however fast the controls are: it stays open whenever the trouble is
about one service, unless pairs showed nothing or the site said so itself. Where nothing is wrong
there is nothing to explain, and the answer says that; a slow line is something wrong.

What it does not do. It sees neither Wi-Fi nor radio, only whether the router answers; it knows no
tariff that it was not told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from evenfall.infer.rival_case import TWO_NAMES, RivalCase, answer, nothing_wrong
from evenfall.infer.surroundings import Surroundings, portal
from evenfall.infer.verdicts import Judged
from evenfall.model.observation import Observation
from evenfall.model.saying import say, say_n
from evenfall.model.verdict import Rival, Verdict
from evenfall.model.vocabulary import Explanation, Scope

__all__ = ["Surroundings", "list_rivals"]

_TARIFF_REACHED = 0.7


def list_rivals(
    judged: Judged, surroundings: Surroundings, observations: Sequence[Observation] = ()
) -> tuple[Rival, ...]:
    """One answer an explanation, in the vocabulary's order.

    Args:
        judged: what the round shows.
        surroundings: our own side.
        observations: all of the round: the router's probes and the outside view are read from them.
    """
    case = RivalCase(judged, surroundings, observations)
    return tuple(_ANSWERS[explanation](case) for explanation in Explanation)


def _about_everything(
    case: RivalCase, explanation: Explanation, if_slow: str, if_selective: str = ""
) -> Rival:
    """An explanation that would slow all sites alike; with `if_selective`, or one of them alone."""
    if case.nothing_wrong:
        return nothing_wrong(explanation)
    if case.everything_slow:
        return answer(explanation, False, if_slow)
    if if_selective and case.selective:
        return answer(explanation, False, if_selective)
    if case.fast:
        return answer(explanation, True, case.fast)
    if case.ground.speeds:
        return answer(explanation, False, say("no control was fast either"))
    if case.ground.sites:
        return answer(explanation, None, say("the controls answer, but are too short to time"))
    return answer(explanation, False, say("no control works, so it may be everything"))


def _own_device(case: RivalCase) -> Rival:
    share, name = case.around.cpu_share, Explanation.OWN_DEVICE
    is_idle = share is not None and share < case.ground.profile.cpu_share_max
    if case.everything_slow and is_idle:
        return answer(name, True, say("its processor was free ({share:.0%} taken)", share=share))
    if case.everything_slow and share is not None:
        return answer(name, False, say("its processor was busy ({share:.0%} taken)", share=share))
    return _about_everything(
        case,
        name,
        say("everything is slow: a busy device would look like this"),
        say(
            "a filter on this device that acts by name (hosts file, antivirus) would look the "
            "same: try another device"
        ),
    )


def _wifi(case: RivalCase) -> Rival:
    name, gateway = Explanation.WIFI, case.gateway
    if case.nothing_wrong:
        return nothing_wrong(name)
    if gateway is not None and gateway.is_bad(case.ground.profile):
        if gateway.lost:
            why = say(
                "{lost} of {sent} probes to the router were lost",
                lost=gateway.lost,
                sent=gateway.sent,
            )
        else:
            why = say("the router takes {ms:.0f} ms to answer", ms=gateway.rtt_us / 1000)
        return answer(name, False, why)
    is_general = case.everything_slow or not case.selective
    if gateway is not None and is_general and not case.fast:
        return answer(
            name,
            True,
            say(
                "the router answered {came} of {sent} probes, in {ms:.0f} ms",
                came=gateway.sent - gateway.lost,
                sent=gateway.sent,
                ms=gateway.rtt_us / 1000,
            ),
        )
    return _about_everything(
        case,
        name,
        say("everything is slow: try by cable, or next to the router"),
        say(
            "a filter on the router that acts by name (parental control) would look the same: try "
            "the phone's own network"
        ),
    )


def _line(case: RivalCase) -> Rival:
    name = Explanation.LINE
    if case.all_isolated() and not case.everything_slow:
        return answer(name, True, TWO_NAMES)
    return _about_everything(case, name, say("everything is slow: the line itself may be"))


def _tariff(case: RivalCase) -> Rival:
    name = Explanation.TARIFF
    if case.nothing_wrong:
        return nothing_wrong(name)
    if case.everything_slow:
        why = say("everything is slow: used-up volume or a limit would do that")
        return answer(name, False, why)
    if any(v.scope is not Scope.SERVER_SIDE for v in case.troubled):
        why = say(
            "a plan that limits video, or lets some services through apart, would look the same: "
            "look into the contract, or try another provider"
        )
        return answer(name, False, why)
    line, tariff = case.line_bps, case.ground.tariff_bps
    if line is not None and tariff is not None and line / tariff >= _TARIFF_REACHED:
        return answer(name, True, say("the line reaches {share:.0%} of it", share=line / tariff))
    if case.fast:
        return answer(name, True, say("the site itself says so; {fast}", fast=case.fast))
    return answer(name, None, _NO_SPEED)


def _congestion(case: RivalCase) -> Rival:
    name = Explanation.CONGESTION
    if case.nothing_wrong:
        return nothing_wrong(name)
    if case.ground.line_slow:
        queue = case.ground.queue_factor
        if queue is None:
            return answer(name, False, say("all controls are slow"))
        why = say("all controls are slow; round-trip time under load ×{times:.1f}", times=queue)
        return answer(name, False, why)
    if case.all_isolated():
        return answer(name, True, TWO_NAMES)
    if not case.fast:
        return answer(name, None, _NO_SPEED)
    if any(v.scope is not Scope.TARGETED for v in case.troubled):
        why = say(
            "not on this line ({fast}); a full path to a service alone is not excluded",
            fast=case.fast,
        )
        return answer(name, False, why)
    return answer(name, True, case.fast)


def _site_itself(case: RivalCase) -> Rival:
    name = Explanation.SITE_ITSELF
    if case.is_by_the_site():
        return answer(name, False, say("what came is the site's own doing, or may be"))
    if case.everything_slow or not case.is_outside_fine():
        return _one_service(case, name, say("our own server fares the same under this name"))
    return answer(
        name,
        True,
        say_n(
            "our server saw it work at the same time",
            "our server saw all of them work at the same time",
            len(case.troubled),
        ),
    )


def _cdn(case: RivalCase) -> Rival:
    why = say("our own server, which no content network carries, fares the same")
    return _one_service(case, Explanation.CDN, why)


def _one_service(case: RivalCase, explanation: Explanation, because: str) -> Rival:
    if case.nothing_wrong:
        return nothing_wrong(explanation)
    if not case.troubled or case.all_of_scope(Scope.GENERALIZED):
        return answer(explanation, True, say("everything is slow, not one service"))
    if case.all_isolated():
        return answer(explanation, True, because)
    if any(case.fails_too(v) for v in case.isolated):
        why = say("it also fails by itself, which pairs do not explain")
        return answer(explanation, False, why)
    if all(_is_by_name(v) for v in case.troubled):
        why = say("the service itself is fine where its name is not used")
        return answer(explanation, True, why)
    if case.is_outside_bad():
        return answer(explanation, False, say("our server sees it fail or crawl too"))
    if not case.ground.has_server:
        why = say("no measurement server was given to separate it")
        return answer(explanation, False, why)
    return answer(explanation, False, say("nothing measured here separates it"))


def _is_by_name(verdict: Verdict) -> bool:
    return verdict.isolated or (
        verdict.scope is Scope.TARGETED and (verdict.mechanism or "").startswith("dns.")
    )


def _dns(case: RivalCase) -> Rival:
    name = Explanation.DNS
    if case.nothing_wrong:
        return nothing_wrong(name)
    if any((v.mechanism or "").startswith("dns.") for v in case.troubled):
        return answer(name, False, say("the resolver's answer is what is wrong"))
    if any(v.rule_id.startswith("check.dns.") for v in case.troubled):
        return answer(name, False, say("the resolver fails or points elsewhere"))
    looked = [s for s in case.sites.values() if s.lookups]
    if not looked:
        return answer(name, None, say("no name was resolved"))
    if not all(s.answers("system", 4) or s.answers("system", 6) for s in looked):
        return answer(name, False, say("the system's resolver gave no address for a name"))
    if all(_is_confirmed(case, s.target.target_id) for s in looked):
        why = say("two resolvers agree, or the certificate at the address is valid")
        return answer(name, True, why)
    return answer(name, None, say("no second opinion on every name"))


def _is_confirmed(case: RivalCase, target_id: str) -> bool:
    site = case.sites[target_id]
    given = site.answers("system", 4)
    agree = any(given & site.answers(other, 4) for other in ("public", "doh", "server"))
    return agree or any(a.valid_tls for a in site.attempts)


def _vpn(case: RivalCase) -> Rival:
    name, around = Explanation.VPN, case.around
    if around.tunnel is None:
        return answer(name, None, say("not known on this system"))
    if around.tunnel:
        return answer(
            name, False, say("packets leave by a tunnel ({tunnel})", tunnel=around.tunnel)
        )
    if not around.proxies:
        return answer(name, True, say("no tunnel on the way to public addresses"))
    why = say(
        "no tunnel on the way to public addresses; proxy settings are ignored ({proxies})",
        proxies=", ".join(around.proxies),
    )
    return answer(name, True, why)


def _captive_portal(case: RivalCase) -> Rival:
    name = Explanation.CAPTIVE_PORTAL
    if (host := portal(case.ground)) is not None:
        return answer(name, False, say("every control led to {host}", host=host))
    if any(a.valid_tls for a in case.ground.attempts):
        return answer(name, True, say("controls answered under their own certificates"))
    if case.ground.sites:
        return answer(name, None, say("no control was asked over TLS"))
    return answer(name, False, say("no control answered as itself"))


def _clock(case: RivalCase) -> Rival:
    name, off_s = Explanation.CLOCK, case.around.clock_off_s
    if off_s is None:
        return answer(name, None, say("no server told the time"))
    limit_s = case.ground.profile.clock_off_max_s
    if abs(off_s) > limit_s:
        return answer(name, False, say("this clock is {off:+.0f} s off", off=off_s))
    return answer(name, True, say("within {limit:.0f} s of the servers' clocks", limit=limit_s))


_NO_SPEED = say("the controls do not tell the line's speed")

_ANSWERS: dict[Explanation, Callable[[RivalCase], Rival]] = {
    Explanation.OWN_DEVICE: _own_device,
    Explanation.WIFI: _wifi,
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
