"""Is what answers at an address the service, a stranger, or a page that says "not here"?

What it does. `is_the_service` and `why_strange` look at one attempt; `shows_block_page` at the
answer it brought, and at the pages that this answer leads to.

Rules. The service is where a certificate that is valid for the name is shown; over plain HTTP,
where a page comes that is no block page. A stranger shows a certificate that is not valid for the
name, puts up a block page, or sits at an address that is known for that. Silence is neither, and
nor is an alert: it may be a dead machine of the service's own, or a broken one.

What it does not do. It does not say whose page it is; `infer.plain` and `infer.failing` ask that.

Sources: METHOD 1, rows 1 and 5.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from evenfall.infer.attempts import Attempt, Stage
from evenfall.infer.blockpage import phrase_in
from evenfall.infer.facts import Site
from evenfall.infer.fingerprints import Fingerprint, match, match_address
from evenfall.model.saying import Saying, say

__all__ = ["is_the_service", "known_page", "shows_block_page", "why_strange"]


def is_the_service(site: Site, attempt: Attempt) -> bool:
    """A valid certificate for the name, or over plain HTTP a page that is no block page."""
    if attempt.is_neutral or attempt.host != site.host:
        return False
    if site.is_tls:
        return attempt.valid_tls
    return attempt.stage is Stage.DONE and shows_block_page(site, attempt) is None


def why_strange(site: Site, attempt: Attempt) -> Saying | None:
    """Why what answers there cannot be the service; None if nothing shows it."""
    if (name := match_address(site.fingerprints, [attempt.address])) is not None:
        return say("the address given is known for its block page ({name})", name=name)
    if attempt.bad_certificate:
        return say("the certificate at the address given is not valid for the name")
    if attempt.stage is Stage.DONE and (page := shows_block_page(site, attempt)):
        return say("at the address given is a block page ({page})", page=page)
    return None


def shows_block_page(site: Site, attempt: Attempt) -> Saying | None:
    """Why the answer, or the page it redirects to, looks like a block page; None if it does not."""
    for step in site.chain(attempt):
        if (why := _is_block_page(site, step)) is not None:
            return why
    return None


def known_page(site: Site, attempt: Attempt) -> Fingerprint | None:
    """The row of the user's own list that the answer, or a page it leads to, fits."""
    if not site.fingerprints:
        return None
    found = (_known(site, step) for step in site.chain(attempt))
    return next((row for row in found if row is not None and not row.is_innocent), None)


def _is_block_page(site: Site, step: Attempt) -> Saying | None:
    if step.status == 451:
        return say("status 451")
    known = _known(site, step)
    if known is not None:
        return None if known.is_innocent else say("a known block page: {name}", name=known.name)
    if (phrase := phrase_in(site.page(step).text)) is not None:
        return say("the page says: {phrase}", phrase=phrase)
    if _leads_into_private_network(step, site.page(step).location):
        return say(
            "it leads to {place}, an address that is not public",
            place=site.page(step).location[:80],
        )
    return None


def _known(site: Site, step: Attempt) -> Fingerprint | None:
    if step.http is None or not site.fingerprints:
        return None
    page = site.page(step)
    return match(site.fingerprints, text=page.text, headers=page.headers)


def _leads_into_private_network(step: Attempt, location: str) -> bool:
    """A public site that sends people to a private address is not speaking for itself."""
    try:
        here = ipaddress.ip_address(step.address)
        there = ipaddress.ip_address(urlsplit(location).hostname or "")
    except ValueError:
        return False
    return here.is_global and not there.is_global
