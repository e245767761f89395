"""Is this the page that comes elsewhere? A hint from what a measurement server got.

What it does. `unlike` compares the page that came here with the one that came from outside, by
status, title, length and hash, as OONI's Web Connectivity compares with its test helper.

Rules. The same hash is the same page. Another status, or another title together with another
length, is worth a note. It is never a verdict: pages differ by country, language, person and hour.
Lengths are compared only where the shorter page is shorter than any cap of ours, because a page
that was cut has no length; they differ below the share that OONI uses. A title's words of five
letters and more are compared, likewise as there.

What it does not do. It sees no body of the other side, only its figures.

Sources: OONI Web Connectivity (ts-017), "http-diff": status, title, body proportion 0.7.
"""

from __future__ import annotations

import re

from evenfall.infer.attempts import Attempt
from evenfall.infer.facts import Site
from evenfall.model.observation import Observation
from evenfall.model.saying import Saying, say

__all__ = ["unlike"]

_LENGTH_SHARE = 0.7
_UNCUT_BYTES = 16_384
_WORD = re.compile(r"\w{5,}")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.DOTALL | re.IGNORECASE)


def unlike(site: Site, attempt: Attempt) -> Saying | None:
    """A note, if the page is unlike each one that came from outside; else None."""
    here = attempt.http
    pages = [a.http for view in site.views for a in view.attempts if a.http and a.status]
    if here is None or here.status_code is None or not pages:
        return None
    title = here.title or _title(site.page(attempt).text)
    notes = [_differs(here, title, there) for there in pages]
    if any(note is None for note in notes):
        return None
    return notes[-1]


def _differs(here: Observation, title: str, there: Observation) -> Saying | None:
    if here.body_sha256 is not None and here.body_sha256 == there.body_sha256:
        return None
    if here.status_code != there.status_code:
        return say(
            "from outside it answers with status {there}, here with {here}",
            there=there.status_code,
            here=here.status_code,
        )
    if _other_title(title, there.title or "") and _other_length(here, there):
        return say("from outside a page of another title and length comes")
    return None


def _other_title(here: str, there: str) -> bool:
    ours, theirs = (set(_WORD.findall(title.lower())) for title in (here, there))
    return bool(ours) and bool(theirs) and not ours & theirs


def _other_length(here: Observation, there: Observation) -> bool:
    short, long = sorted((here.body_bytes or 0, there.body_bytes or 0))
    return long > 0 and short < _UNCUT_BYTES and short / long <= _LENGTH_SHARE


def _title(text: str) -> str:
    found = _TITLE.search(text)
    return " ".join(found[1].split()) if found else ""
