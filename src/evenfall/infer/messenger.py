"""Rules for Telegram's own protocol: does a data centre answer to it?

What it does. `judge_messenger` looks at attempts that connect to an address and send the protocol's
first question (`req_pq_multi`), to which every data centre has an answer of fixed form.

Rules. No name is sent, so nothing can be by name, and paired transfers say nothing about it. No
answer to a SYN, and connections that are turned away, are judged as for any address
(`infer.at_address`): undetermined without a look from outside, targeted with one that reaches the
address. Where the connection opens and the question is not answered, twice, the look from outside
does not tell either unless it asked the same question: a server that is busy, or picky about whom
it answers, looks the same. Bytes that are no answer of the protocol are somebody else's, or an
error of the data centre: undetermined.

What it does not do. It does not log in, and it times nothing.

Sources: METHOD 1, row 2; core.telegram.org/mtproto/auth_key (steps 1 and 2).
"""

from __future__ import annotations

from evenfall.infer.at_address import OR_THE_SITE, fate_of, judge_from_outside
from evenfall.infer.attempts import Attempt, Stage
from evenfall.infer.facts import Site
from evenfall.infer.finding import Finding, PairView, unconfirmed
from evenfall.infer.outside import Fate, outside_ids, why_open
from evenfall.model.saying import Saying, say
from evenfall.model.vocabulary import Scope, State

__all__ = ["judge_messenger"]

_ATTEMPTS_MIN = 2


def judge_messenger(site: Site, attempts: list[Attempt], pairs: PairView) -> Finding:
    """A finding about an endpoint of Telegram's protocol."""
    ids = (*(i for a in attempts for i in a.ids), *outside_ids(site))
    if any(a.stage is Stage.DONE and a.mtproto for a in attempts):
        return Finding(
            rule_id="check.ok",
            state=State.OK,
            scope=Scope.UNDETERMINED,
            scope_because=say("nothing to explain"),
            because=say("it answers in Telegram's own protocol"),
            witnesses=ids,
        )
    first = attempts[0]
    if len(attempts) < _ATTEMPTS_MIN or first.stage is Stage.DONE:
        return unconfirmed(_seen_once(first), ids)
    if first.stage is Stage.TCP:
        return judge_from_outside(site, attempts, pairs).with_more(witnesses=ids)
    return _unanswered(site, attempts, pairs).with_more(witnesses=ids)


def _seen_once(first: Attempt) -> Saying:
    if first.failure is None:
        return say("it connects, and there was no time to ask anything")
    return say(
        "it failed once ({failure}), and there was no time to try again", failure=first.failure
    )


def _unanswered(site: Site, attempts: list[Attempt], pairs: PairView) -> Finding:
    first = attempts[0]
    fate = fate_of(site, attempts)
    if fate is Fate.FAILED:
        return judge_from_outside(site, attempts, pairs)
    through = fate is Fate.THROUGH
    return Finding(
        rule_id="check.mtproto.failing",
        state=State.BLOCKED,
        scope=Scope.TARGETED if through else Scope.UNDETERMINED,
        scope_because=say("a measurement server elsewhere is answered at the same address")
        if through
        else say(
            "a data centre that does not answer everybody looks the same; {why}", why=why_open(site)
        ),
        mechanism=_mechanism(first),
        because=_what_came(first),
        against=(OR_THE_SITE,) if through else (),
    )


def _mechanism(first: Attempt) -> str | None:
    if first.silent:
        return "tcp.drop"
    return "tcp.reset" if first.reset and not first.closed else None  # an end in good form is none


def _what_came(first: Attempt) -> Saying:
    if first.silent:
        return say("it connects, and Telegram's first question is not answered")
    if first.reset:
        return say("it connects, and Telegram's first question ends the connection")
    return say(
        "it connects, and what answers does not speak Telegram's protocol ({failure})",
        failure=first.failure,
    )
