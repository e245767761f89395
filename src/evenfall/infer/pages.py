"""Rules for an answer that came and is not the service's page.

What it does. `judge_page` looks at block pages, redirects that lead nowhere, and server errors.

Rules. An error page under the site's own valid certificate is the site's word; over plain HTTP it
is that if our server gets one from outside too. A block page over plain HTTP is `targeted` if our
own server shows such a page too when it is asked by this name (isolated); or if the person's own
list knows it as the page of a country or an operator, and from outside another page comes from the
same address. Else it stays open: another page for another name at one address is what any virtual
host does. A page that is merely unlike the one outside (`infer.unlike`) is a note, never a verdict.

What it does not do. It does not say whose page it is beyond what the person's list says.

Sources: METHOD 1, row 5; METHOD 3.
"""

from __future__ import annotations

from evenfall.infer.attempts import Attempt, Stage
from evenfall.infer.facts import Site
from evenfall.infer.finding import Finding
from evenfall.infer.outside import Fate, fate_at, outside_ids
from evenfall.infer.plain import written_on_the_way
from evenfall.infer.stops import neutral_ids
from evenfall.infer.strangers import known_page, shows_block_page
from evenfall.model.saying import Saying, say
from evenfall.model.vocabulary import Scope, State

__all__ = ["judge_page"]

_SERVER_ERROR = 500


def judge_page(site: Site, attempt: Attempt) -> Finding | None:
    """A finding about an answer that is not the page; None if it may well be."""
    if (why := shows_block_page(site, attempt)) is not None:
        return _block_page(site, attempt, why)
    last = site.chain(attempt)[-1]
    if last is not attempt and last.stage is not Stage.DONE:
        return Finding(
            rule_id="check.redirect.failing",
            state=State.BLOCKED,
            scope=Scope.UNDETERMINED,
            scope_because=say("only the page it leads to was out of reach"),
            because=say(
                "it leads to {host}, which was not reached ({failure})",
                host=last.host,
                failure=last.failure,
            ),
            witnesses=(*attempt.ids, *last.ids),
        )
    if site.page(last).location:
        return Finding(
            rule_id="check.redirect.failing",
            state=State.BLOCKED,
            scope=Scope.UNDETERMINED,
            scope_because=say("a mistake of the site looks the same"),
            because=say("it redirects on and on, or to a place that is not followed"),
            witnesses=last.ids,
        )
    return _server_error(site, last) if (last.status or 0) >= _SERVER_ERROR else None


def _server_error(site: Site, last: Attempt) -> Finding:
    there = [a.status for view in site.views for a in view.attempts if a.status]
    too = any(status >= _SERVER_ERROR for status in there)
    if too:
        scope_because = say("a measurement server elsewhere gets a server error too")
    elif last.valid_tls:
        scope_because = say("the site says so under its own certificate")
    else:
        scope_because = say("over plain HTTP anybody on the way can say so")
    elsewhere = (
        say("from outside it answers with status {status}", status=there[-1]) if there else ""
    )
    return Finding(
        rule_id="check.site.error",
        state=State.DOWN,
        scope=Scope.SERVER_SIDE if too or last.valid_tls else Scope.UNDETERMINED,
        scope_because=scope_because,
        because=say("it answers with status {status}", status=last.status),
        witnesses=(*last.ids, *outside_ids(site)),
        against=(elsewhere,) if elsewhere and not too else (),
    )


def _block_page(site: Site, attempt: Attempt, why: Saying) -> Finding:
    ids = (*(i for a in site.chain(attempt) for i in a.ids), *neutral_ids(site, attempt))
    ids += outside_ids(site)
    if attempt.valid_tls:
        return Finding(
            rule_id="check.http.refusal",
            state=State.BLOCKED,
            scope=Scope.SERVER_SIDE,
            scope_because=say("the page stands under the site's own certificate"),
            because=say("the site itself withholds the page ({why})", why=why),
            witnesses=ids,
        )
    on_the_way, scope_because = written_on_the_way(site, attempt)
    known = not on_the_way and _known_here_and_not_outside(site, attempt)
    if known:
        scope_because = say(
            "the page is known as a network's, and from outside another page comes from the same "
            "address"
        )
    return Finding(
        rule_id="check.http.blockpage",
        state=State.BLOCKED,
        scope=Scope.TARGETED if on_the_way or known else Scope.UNDETERMINED,
        scope_because=scope_because,
        mechanism="http.blockpage",
        isolated=on_the_way,
        because=say("in place of the page comes another ({why})", why=why),
        witnesses=(*ids, *(o.observation_id for o in site.plain)),
    )


def _known_here_and_not_outside(site: Site, attempt: Attempt) -> bool:
    """The person's list names a network's page; outside comes another one from this address."""
    row = known_page(site, attempt)
    if row is None or not row.names_a_network:
        return False
    if fate_at(site, [attempt.address], Stage.HTTP) is not Fate.THROUGH:
        return False
    here = attempt.http.body_sha256 if attempt.http else None
    there = [
        a.http
        for view in site.views
        for a in view.attempts
        if a.http and a.address == attempt.address and a.status not in (None, 451)
    ]
    return (
        here is not None and bool(there) and all(h.body_sha256 not in (here, None) for h in there)
    )
