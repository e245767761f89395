"""Whose page is it? What our own server showed when it was asked over plain HTTP by this name.

What it does. `written_on_the_way` compares the page that came in place of a target's with what our
own measurement server showed under the same `Host`, and under a neutral one.

Rules. Yes needs both halves of one question: under this name our server shows such a page too (the
same bytes, the same place to go, or a page that says that access is restricted) in place of its
own, and under the neutral name its own page with the token drawn for it. Anything else leaves it
open, because over plain HTTP any other name gets another page at any address: a site that puts up
such a page itself looks the same from here.

What it does not do. It never clears anybody: a box that looks at the site's address alone leaves
our server's answers as they are.

Sources: METHOD 1 (the same fate at our own server); `wire.plain` for the page and its token.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from evenfall.infer.blockpage import phrase_in
from evenfall.infer.facts import Attempt, Page, Site
from evenfall.model.observation import Observation
from evenfall.model.saying import say
from evenfall.model.vocabulary import Arm
from evenfall.wire.plain import page_sha256, token_of

__all__ = ["OPEN", "written_on_the_way"]

OPEN = say("the site may show this page itself")


def written_on_the_way(site: Site, attempt: Attempt) -> tuple[bool, str]:
    """Whether somebody on the way writes the page, and why that is so or not known."""
    questions = _questions(site)
    if not questions:
        return False, say("{open}: no server of our own was asked by this name", open=OPEN)
    for target, neutral in questions:
        if _shows_such_a_page(site, attempt, target) and _is_ours(neutral):
            return True, say(
                "asked by this name, such a page comes in place of our own server's, too; asked by "
                "another, our server shows its own"
            )
    if all(_is_ours(target) for target, _ in questions):
        return False, say(
            "{open}: our own server, asked by this name, answers as itself", open=OPEN
        )
    return False, say(
        "{open}: what came from our own server, asked by this name, does not tell", open=OPEN
    )


def _questions(site: Site) -> list[tuple[Observation, Observation]]:
    """Complete pairs of questions; half of one says nothing."""
    arms: dict[str, dict[Arm, Observation]] = {}
    for seen in site.plain:
        if seen.pair_id and seen.arm:
            arms.setdefault(seen.pair_id, {})[seen.arm] = seen
    return [(a[Arm.TARGET], a[Arm.NEUTRAL]) for a in arms.values() if len(a) == len(Arm)]


def _is_ours(seen: Observation) -> bool:
    """The page that our server gives for this very question."""
    token = token_of(seen.pair_id or "", seen.arm or Arm.NEUTRAL)
    return seen.status_code == 200 and seen.body_sha256 == page_sha256(token)


def _shows_such_a_page(site: Site, attempt: Attempt, seen: Observation) -> bool:
    if seen.status_code is None or _is_ours(seen):
        return False
    page = site.pages.get(seen.observation_id, Page())
    if seen.status_code == 451 or phrase_in(page.text) is not None:
        return True
    steps = site.chain(attempt)
    same_bytes = seen.body_sha256 in {s.http.body_sha256 for s in steps if s.http}
    places = {_place(site.page(step).location) for step in steps}
    same_place = _place(page.location) in places
    return (seen.body_sha256 is not None and same_bytes) or (bool(page.location) and same_place)


def _place(location: str) -> str:
    """Host that a redirect leads to; the page's address often carries who asked for what."""
    try:
        return urlsplit(location).hostname or location
    except ValueError:
        return location
