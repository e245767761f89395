"""Rules for a target that cannot be reached: where it stops, and what else goes through there.

What it does. `judge_failing` looks at attempts that stopped at TCP, in the handshake, or before the
first byte of the answer; `judge_page` at answers that came but are not the service's page.

Rules. One failure is no finding: it has to fail again, or the pairs have to show it too. After a
ClientHello with this name: if a neutral name goes through at the same address *and* our own server
meets the same fate with this name, it is the name, wherever it is sent: targeted, isolated. With
only the first half, a site that turns its own name away looks the same: undetermined. Without an
answer to a SYN nobody can tell from here whether the address is dropped or the site is down, and
pairs never isolate an address. A site that fails while pairs are merely slow by name, or fail in
another way, is `slowed` by name, with a note that its own failure is not explained. A
certificate that is not valid is `tls.mitm` only if our own server, reached with this name, shows
another key than its own. An error page under the site's own valid certificate is the site's word.
A block page over plain HTTP is `targeted` only if our own server shows such a page too when it is
asked by this name; another page for another name at one address is what any virtual host does.

What it does not do. The view from outside, which would tell `targeted` from `down` for an address,
comes with "The one-minute answer".

Sources: METHOD 1, rows 2 to 5; METHOD 3.
"""

from __future__ import annotations

from evenfall.infer.facts import Attempt, Site, Stage
from evenfall.infer.finding import Finding, PairView
from evenfall.infer.names import shows_block_page
from evenfall.infer.plain import written_on_the_way
from evenfall.model.vocabulary import Scope, State

__all__ = ["judge_failing", "judge_page"]

_INTERCEPTED_MIN = 2


def judge_failing(site: Site, attempts: list[Attempt], pairs: PairView) -> Finding:
    """A finding about attempts with the target's own name, none of which came through."""
    first = attempts[0]
    ids = tuple(i for a in attempts for i in a.ids)
    if len(attempts) < 2 and not (pairs.throttled or pairs.intercepted):
        return Finding(
            rule_id="check.unconfirmed",
            state=State.INSUFFICIENT,
            scope=Scope.UNDETERMINED,
            scope_because="it was not repeated",
            because=f"it failed once ({first.failure}), and there was no time to try again",
            witnesses=ids,
        )
    intercepted = first.bad_certificate and len(pairs.intercepted) >= _INTERCEPTED_MIN
    alike = first.stage is not Stage.TCP and pairs.same_fate(first)
    if pairs.throttled and not alike and not intercepted:
        found = _slowed_elsewhere(first, pairs)
    elif first.stage is Stage.TCP:
        found = _at_tcp(first)
    elif first.bad_certificate:
        found = _bad_certificate(first, pairs)
    elif first.stage is Stage.TLS:
        found = _at_hello(site, first, pairs)
    else:
        found = _at_answer(site, first, pairs)
    return found.with_more(witnesses=(*ids, *_neutral_ids(site, first), *pairs.ids))


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
            scope_because="only the page it leads to was out of reach",
            because=f"it leads to {last.host}, which was not reached ({last.failure})",
            witnesses=(*attempt.ids, *last.ids),
        )
    if site.page(last).location:
        return Finding(
            rule_id="check.redirect.failing",
            state=State.BLOCKED,
            scope=Scope.UNDETERMINED,
            scope_because="a mistake of the site looks the same",
            because="it redirects on and on, or to a place that is not followed",
            witnesses=last.ids,
        )
    if (last.status or 0) >= 500:
        signed = last.valid_tls
        return Finding(
            rule_id="check.site.error",
            state=State.DOWN,
            scope=Scope.SERVER_SIDE if signed else Scope.UNDETERMINED,
            scope_because="the site says so under its own certificate"
            if signed
            else "over plain HTTP anybody on the way can say so",
            because=f"it answers with status {last.status}",
            witnesses=last.ids,
        )
    return None


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
        because="the same server and address is fast under another name",
        against=(f"the site itself also fails ({first.failure}), undetermined why",),
    )


def _at_tcp(first: Attempt) -> Finding:
    silent = first.failure in ("generic_timeout_error", "host_unreachable")
    rule = "check.ip.drop" if silent else "check.tcp.reset"
    return Finding(
        rule_id=rule,
        state=State.BLOCKED,
        scope=Scope.UNDETERMINED,
        scope_because="seen from one line only: the address may be cut off here, or the site may "
        "be down",
        mechanism=rule.removeprefix("check."),
        because="its address does not answer, the controls' do"
        if silent
        else "its address turns the connection away, the controls' do not",
    )


def _at_hello(site: Site, first: Attempt, pairs: PairView) -> Finding:
    neutral = site.neutral(first.address)
    goes_through = any(a.answered_hello for a in neutral)
    known = first.silent or first.reset
    mechanism = ("tls.drop.sni" if first.silent else "tls.reset.sni") if known else None
    how = "silence" if first.silent else ("a reset" if first.reset else "a refusal")
    if pairs.same_fate(first):
        return Finding(
            rule_id=f"check.{mechanism}",
            state=State.BLOCKED,
            scope=Scope.TARGETED,
            scope_because=_PAIRS_SAY,
            mechanism=mechanism,
            isolated=True,
            because=f"{how} after this name in the handshake, also at our own server"
            + (", while a neutral name goes through at its address" if goes_through else ""),
        )
    if goes_through and known:
        return Finding(
            rule_id="check.tls.name_at_address",
            state=State.BLOCKED,
            scope=Scope.UNDETERMINED,
            scope_because=f"{pairs.says}: a site that turns its own name away looks the same",
            mechanism=mechanism,
            because=f"{how} after this name, while a neutral name goes through at its address",
        )
    return Finding(
        rule_id="check.tls.failing",
        state=State.BLOCKED,
        scope=Scope.UNDETERMINED,
        scope_because="no other name goes through at its address either"
        if neutral
        else "no other name was tried at its address",
        because=f"it connects, then {how} in the handshake ({first.failure})",
    )


def _bad_certificate(first: Attempt, pairs: PairView) -> Finding:
    if len(pairs.intercepted) >= _INTERCEPTED_MIN:
        return Finding(
            rule_id="check.tls.mitm",
            state=State.BLOCKED,
            scope=Scope.TARGETED,
            scope_because="our own server, reached with this name, shows another key than its own",
            mechanism="tls.mitm",
            isolated=True,
            because=f"somebody on the way answers in its place ({first.failure})",
        )
    return Finding(
        rule_id="check.tls.certificate",
        state=State.BLOCKED,
        scope=Scope.UNDETERMINED,
        scope_because="a mistake of the site, a program on this device and somebody on the way "
        "look the same from here",
        because=f"its certificate is not valid ({first.failure})",
    )


def _at_answer(site: Site, first: Attempt, pairs: PairView) -> Finding:
    through = first.tls is not None or any(
        a.http is not None and a.stage is Stage.DONE for a in site.neutral(first.address)
    )
    return Finding(
        rule_id="check.http.failing",
        state=State.BLOCKED,
        scope=Scope.TARGETED if pairs.same_fate(first) else Scope.UNDETERMINED,
        scope_because=_PAIRS_SAY
        if pairs.same_fate(first)
        else f"{pairs.says}; the site may be at fault",
        mechanism="tcp.stall" if first.failure == "stalled" else None,
        isolated=pairs.same_fate(first),
        because=f"it connects, and the answer does not come ({first.failure})"
        + (", while another name is answered there" if through and first.tls is None else ""),
    )


def _block_page(site: Site, attempt: Attempt, why: str) -> Finding:
    ids = (*(i for a in site.chain(attempt) for i in a.ids), *_neutral_ids(site, attempt))
    if attempt.valid_tls:
        return Finding(
            rule_id="check.http.refusal",
            state=State.BLOCKED,
            scope=Scope.SERVER_SIDE,
            scope_because="the page stands under the site's own certificate",
            because=f"the site itself withholds the page ({why})",
            witnesses=ids,
        )
    on_the_way, scope_because = written_on_the_way(site, attempt)
    return Finding(
        rule_id="check.http.blockpage",
        state=State.BLOCKED,
        scope=Scope.TARGETED if on_the_way else Scope.UNDETERMINED,
        scope_because=scope_because,
        mechanism="http.blockpage",
        isolated=on_the_way,
        because=f"in place of the page comes another ({why})",
        witnesses=(*ids, *(o.observation_id for o in site.plain)),
    )


def _neutral_ids(site: Site, attempt: Attempt) -> tuple[str, ...]:
    return tuple(i for a in site.neutral(attempt.address) for i in a.ids)


_PAIRS_SAY = "transfers with our own server fail or crawl with this name, and not with another"
