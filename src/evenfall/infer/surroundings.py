"""Our own side: what would make a verdict about this line untrue, whatever was measured.

What it does. `judge_surroundings` says whether the round measured this line at all;
`doubted_by_clock` whether a finding rests on a certificate while this clock is wrong.

Rules. With a tunnel on the default route (a VPN) the line that was measured is another's: every
verdict is `insufficient`, unless the person asked for a measurement through it; then findings
stand, but none is `targeted`: whose network did it is not known. Proxy settings are not used, so
they change nothing. If every control was asked over plain HTTP and all of them led to one and the
same other host, a log-in page answers for everybody: `insufficient`. A clock that is wrong by
minutes has to be set first, for certificates are valid from one date to another, and whoever reads
the result reads its times: `insufficient`. One that is off by seconds takes back only what rests on
a certificate that is not valid.

What it does not do. It looks at nothing itself; `probe.surroundings` does.

Source: METHOD 1, last paragraph.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from evenfall.infer.facts import Site
from evenfall.infer.finding import Finding
from evenfall.infer.ground import Ground
from evenfall.model.saying import say
from evenfall.model.vocabulary import Scope, State

__all__ = ["Surroundings", "doubted_by_clock", "judge_surroundings", "portal", "seen_through_vpn"]

_CERTIFICATE_RULES = frozenset(
    {
        "check.tls.certificate",
        "check.tls.mitm.outside",
        "check.dns.spoof",
        "check.dns.injection",
        "check.dns.hijack",
    }
)
_PORTAL_MIN = 2  # one control may have moved to another host


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the probe knows of its own side.

    Attributes:
        tunnel: name of the tunnel interface that the default route leaves by; "" if it leaves by an
            ordinary one; None: not known on this system.
        proxies: names of proxy settings in the environment (we do not use them).
        clock_off_s: this clock against the measurement server or ≥ 2 controls; None: unknown.
        through_vpn: the person wants to measure through the tunnel.
        cpu_share: share of this machine's processor time that was taken while transfers ran, 0 to
            1; None: not known on this system.
        has_route: whether this machine has a way to any public address; None: not asked.
    """

    tunnel: str | None = None
    proxies: tuple[str, ...] = ()
    clock_off_s: float | None = None
    through_vpn: bool = False
    cpu_share: float | None = None
    has_route: bool | None = None

    @property
    def is_elsewhere(self) -> bool:
        """Packets go to a VPN that nobody asked to measure."""
        return bool(self.tunnel) and not self.through_vpn


def judge_surroundings(around: Surroundings, ground: Ground) -> Finding | None:
    """Why this round says nothing about this line; None if it does."""
    rule = "check.other_network"
    if around.is_elsewhere:
        why = say(
            "this measures another network than yours: a VPN is on ({tunnel})", tunnel=around.tunnel
        )
    elif (host := portal(ground)) is not None:
        why = say(
            "every neutral site led to {host}: this network asks for a log-in first", host=host
        )
    elif (off_s := around.clock_off_s) is not None and abs(off_s) > ground.profile.clock_wrong_s:
        rule = "check.clock"
        why = say("this clock is {minutes:.0f} minutes off", minutes=abs(off_s) / 60)
    else:
        return None
    return Finding(
        rule_id=rule,
        state=State.INSUFFICIENT,
        scope=Scope.UNDETERMINED,
        scope_because=say("our own side comes first"),
        because=why,
        witnesses=ground.ids,
    )


def doubted_by_clock(
    found: Finding, site: Site, around: Surroundings, ground: Ground
) -> Finding | None:
    """The finding, taken back because this clock is wrong and a certificate was not valid."""
    off_s, limit_s = around.clock_off_s, ground.profile.clock_off_max_s
    if off_s is None or abs(off_s) <= limit_s or found.rule_id not in _CERTIFICATE_RULES:
        return None
    if not any(a.bad_certificate for a in site.attempts):
        return None
    return Finding(
        rule_id="check.clock",
        state=State.INSUFFICIENT,
        scope=Scope.UNDETERMINED,
        scope_because=say("our own side comes first"),
        because=say(
            "its certificate is not valid, but this clock is {off_s:+.0f} s off", off_s=off_s
        ),
        witnesses=found.witnesses,
    )


def seen_through_vpn(found: Finding, around: Surroundings) -> Finding:
    """The finding, never `targeted` where it was made through a VPN."""
    if not (around.tunnel and around.through_vpn) or found.scope is not Scope.TARGETED:
        return found
    return replace(
        found,
        scope=Scope.UNDETERMINED,
        scope_because=say(
            "seen through a VPN ({tunnel}), whose network may do it: says nothing of this line",
            tunnel=around.tunnel,
        ),
    )


def portal(ground: Ground) -> str | None:
    """The one other host that all controls led to over plain HTTP."""
    if len(ground.attempts) < _PORTAL_MIN or any(a.tls is not None for a in ground.attempts):
        return None
    hosts = {a.host for a in ground.attempts}
    own = {site.host for site in ground.sites}
    return hosts.pop() if len(hosts) == 1 and not hosts & own else None
