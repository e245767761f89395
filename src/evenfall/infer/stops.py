"""Where an attempt stopped, in words and as the mechanism that it would be.

What it does. Names what came in place of an answer (silence, an end in good form, a reset, an
alert) at each stage, and says whether another name passes at the same address.

Rules. A mechanism named here is a description, no accusation: the rules that use it say whether the
name, the address or the site is behind it.

What it does not do. It decides nothing.
"""

from __future__ import annotations

from evenfall.infer.attempts import Attempt, Stage
from evenfall.infer.facts import Site
from evenfall.model.saying import Saying, say

__all__ = [
    "another_name_passes",
    "is_silent_at_tcp",
    "mechanism_at_hello",
    "neutral_ids",
    "no_answer",
    "what_came",
    "what_failed",
]


def is_silent_at_tcp(attempt: Attempt) -> bool:
    """No answer to a SYN, or a router said that there is none."""
    return attempt.failure in ("generic_timeout_error", "host_unreachable")


def mechanism_at_hello(attempt: Attempt) -> str:
    """The mechanism that a failure after a ClientHello would be, if it is the name."""
    if attempt.silent:
        return "tls.drop.sni"
    if attempt.closed:
        return "tls.close.sni"
    return "tls.reset.sni" if attempt.reset else "tls.alert.sni"


def another_name_passes(site: Site, first: Attempt) -> bool:
    """A neutral name is answered at its address, and with more than the same alert."""
    known = first.silent or first.reset or first.alerted
    return known and any(
        a.answered_hello and not (first.alerted and a.alerted) for a in site.neutral(first.address)
    )


def what_came(attempt: Attempt) -> Saying:
    """What came in place of an answer to a ClientHello."""
    if attempt.silent:
        return say("silence")
    if attempt.closed:
        return say("an end in good form")
    return say("a reset") if attempt.reset else say("an alert")


def what_failed(attempt: Attempt) -> Saying:
    """One clause: where it stopped, and how."""
    if attempt.stage is Stage.TCP:
        return (
            say("its address does not answer, the controls' do")
            if is_silent_at_tcp(attempt)
            else say("its address turns the connection away, the controls' do not")
        )
    if attempt.bad_certificate:
        return say("its certificate is not valid ({failure})", failure=attempt.failure)
    if attempt.stage is Stage.TLS:
        return say(
            "it connects, then {what} in the handshake ({failure})",
            what=what_came(attempt),
            failure=attempt.failure,
        )
    return no_answer(attempt)


def no_answer(attempt: Attempt) -> Saying:
    """One clause: a connection that is good for nothing."""
    return say("it connects, and the answer does not come ({failure})", failure=attempt.failure)


def neutral_ids(site: Site, attempt: Attempt) -> tuple[str, ...]:
    """Ids of attempts with somebody else's name at this attempt's address."""
    return tuple(i for a in site.neutral(attempt.address) for i in a.ids)
