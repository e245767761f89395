"""Rules for a target that cannot be reached: where it stops, and what else goes through there.

What it does. `judge_failing` looks at attempts that stopped at TCP, in the handshake, or before the
first byte of the answer. What came in place of a page is for `infer.pages`.

Rules. One failure is no finding: it has to fail again, or the pairs have to show it too. Our own
server is asked first. After a ClientHello with this name: if our server meets the same fate with
it, it is the name, wherever it is sent: targeted, isolated. A site that fails while pairs are
merely slow by name, or fail in another way, is `slowed` by name, with a note that its own failure
is not explained. Pairs never isolate an address. A certificate that is not valid is `tls.mitm` if
our own server, reached with this name, shows another key than its own. Where our server does not
care for the name, the look from outside is asked (`infer.at_address`). Both causes can hold: a name
that pairs convict is `targeted`, and that the site fails outside too is said beside it.

What it does not do. It knows nothing of pages; `infer.pages` does.

Sources: METHOD 1, rows 2 to 4; METHOD 3.
"""

from __future__ import annotations

from evenfall.infer.at_address import fails_there, fate_of, judge_from_outside
from evenfall.infer.attempts import Attempt, Stage
from evenfall.infer.facts import Site
from evenfall.infer.finding import Finding, PairView, unconfirmed
from evenfall.infer.outside import Fate, outside_ids
from evenfall.infer.stops import (
    another_name_passes,
    mechanism_at_hello,
    neutral_ids,
    no_answer,
    what_came,
)
from evenfall.model.saying import say
from evenfall.model.vocabulary import Scope, State

__all__ = ["judge_failing"]

_INTERCEPTED_MIN = 2
_ATTEMPTS_MIN = 2


def judge_failing(site: Site, attempts: list[Attempt], pairs: PairView) -> Finding:
    """A finding about attempts with the target's own name, none of which came through."""
    first = attempts[0]
    ids = tuple(i for a in attempts for i in a.ids)
    if len(attempts) < _ATTEMPTS_MIN and not (pairs.throttled or pairs.intercepted):
        return _failed_once(first, ids)
    found = _by_pairs(site, first, pairs) or judge_from_outside(site, attempts, pairs)
    if found.scope is Scope.TARGETED and fate_of(site, attempts) is Fate.FAILED:
        found = found.with_more(against=(fails_there(site, attempts),))
    neutral = neutral_ids(site, first)
    return found.with_more(witnesses=(*ids, *neutral, *pairs.ids, *outside_ids(site)))


def _failed_once(first: Attempt, ids: tuple[str, ...]) -> Finding:
    because = say(
        "it failed once ({failure}), and there was no time to try again", failure=first.failure
    )
    return unconfirmed(because, ids)


def _by_pairs(site: Site, first: Attempt, pairs: PairView) -> Finding | None:
    """What our own server, asked by this name, says about it; None if it does not tell."""
    if first.bad_certificate and len(pairs.intercepted) >= _INTERCEPTED_MIN:
        return Finding(
            rule_id="check.tls.mitm",
            state=State.BLOCKED,
            scope=Scope.TARGETED,
            scope_because=say(
                "our own server, reached with this name, shows another key than its own"
            ),
            mechanism="tls.mitm",
            isolated=True,
            because=say(
                "somebody on the way answers in its place ({failure})", failure=first.failure
            ),
        )
    if not pairs.throttled:
        return None
    if first.stage is Stage.TCP or not pairs.same_fate(first):
        return _slowed_elsewhere(first, pairs)
    if first.stage is Stage.TLS:
        return _cut_by_name(site, first)
    return Finding(
        rule_id="check.http.failing",
        state=State.BLOCKED,
        scope=Scope.TARGETED,
        scope_because=_PAIRS_SAY,
        isolated=True,
        because=no_answer(first),
    )


def _slowed_elsewhere(first: Attempt, pairs: PairView) -> Finding:
    """Our server is slow by this name, which does not explain why the site itself fails."""
    return Finding(
        rule_id="check.tls.throttle.sni",
        state=State.SLOWED,
        scope=Scope.TARGETED,
        scope_because=pairs.says,
        mechanism="tcp.stall" if pairs.stalled else "tls.throttle.sni",
        isolated=True,
        slower_by=pairs.assessment.slower_by,
        because=say("the same server and address is fast under another name"),
        against=(
            say("the site itself also fails ({failure}), undetermined why", failure=first.failure),
        ),
    )


def _cut_by_name(site: Site, first: Attempt) -> Finding:
    mechanism = mechanism_at_hello(first)
    return Finding(
        rule_id=f"check.{mechanism}",
        state=State.BLOCKED,
        scope=Scope.TARGETED,
        scope_because=_PAIRS_SAY,
        mechanism=mechanism,
        isolated=True,
        because=say(
            "{what} after this name in the handshake, also at our own server, while a neutral name "
            "goes through at its address",
            what=what_came(first),
        )
        if another_name_passes(site, first)
        else say(
            "{what} after this name in the handshake, also at our own server",
            what=what_came(first),
        ),
    )


_PAIRS_SAY = say("transfers with our own server fail or crawl with this name, and not with another")
