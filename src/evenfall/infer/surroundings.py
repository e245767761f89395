"""Our own side: what would make a verdict about this line untrue, whatever was measured.

What it does. `judge_surroundings` says whether the round measured this line at all;
`doubted_by_clock` whether a finding rests on a certificate while this clock is wrong.

Rules. With a tunnel on the default route (a VPN) the line that was measured is another's: every
verdict is `insufficient`. Proxy settings are not used, so they change nothing. If every control
was asked over plain HTTP and all of them led to one and the same other host, a log-in page answers
for everybody: `insufficient`. A clock that is off by more than the profile's limit does not matter
to a verdict of one occasion, for durations come from another clock; but a certificate is valid from
one date to another, so findings that rest on an invalid one are `insufficient` then.

What it does not do. It looks at nothing itself; `probe.surroundings` does.

Source: METHOD 1, last paragraph.
"""

from __future__ import annotations

from dataclasses import dataclass

from evenfall.infer.facts import Site
from evenfall.infer.finding import Finding
from evenfall.infer.ground import Ground
from evenfall.model.saying import say
from evenfall.model.vocabulary import Scope, State

__all__ = ["Surroundings", "doubted_by_clock", "judge_surroundings", "portal"]

_CERTIFICATE_RULES = frozenset({"check.tls.certificate", "check.dns.spoof"})
_PORTAL_MIN = 2  # one control may have moved to another host


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


def judge_surroundings(around: Surroundings, ground: Ground) -> Finding | None:
    """Why this round says nothing about this line; None if it does."""
    if around.tunnel:
        why = say(
            "this measures another network than yours: a VPN is on ({tunnel})", tunnel=around.tunnel
        )
    elif (host := portal(ground)) is not None:
        why = say(
            "every neutral site led to {host}: this network asks for a log-in first", host=host
        )
    else:
        return None
    return Finding(
        rule_id="check.other_network",
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


def portal(ground: Ground) -> str | None:
    """The one other host that all controls led to over plain HTTP."""
    if len(ground.attempts) < _PORTAL_MIN or any(a.tls is not None for a in ground.attempts):
        return None
    hosts = {a.host for a in ground.attempts}
    own = {site.host for site in ground.sites}
    return hosts.pop() if len(hosts) == 1 and not hosts & own else None
