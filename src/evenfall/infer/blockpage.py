"""Does this page say that access is restricted? A short list of phrases of our own.

What it does. `phrase_in` looks for sentences with which networks explain that a page is withheld,
in English, Russian and Kazakh. They are generic: no operator's or country's page is copied here.

Rules. A phrase counts only in a short page (a newspaper may quote it), in its title or its visible
text. "Access denied", "forbidden" and the like are *not* in the list: servers and content networks
say so themselves. A match is a reason to look further; it makes no verdict alone (a site may put up
such a page on its own, under its own certificate).

What it does not do. It knows no page by its hash; a list of known pages with their countries comes
with the archive formats.
"""

from __future__ import annotations

import html
import re

__all__ = ["PAGE_CHARS_MAX", "PHRASES", "phrase_in"]

PAGE_CHARS_MAX = 6000

PHRASES: tuple[str, ...] = (
    # English
    r"access to (this|the requested) (resource|site|page) (is|has been) (restricted|blocked)",
    r"(this|the requested) (resource|site|page) (is|has been) (restricted|blocked) (by|under)",
    r"blocked (by|in accordance with|pursuant to|under) (an? )?(order|decision|law|court)",
    r"unavailable for legal reasons",
    # Russian
    r"доступ к (данному |этому )?(ресурсу|сайту) (ограничен|заблокирован|запрещен)",
    r"(ресурс|сайт|страница) (ограничен|заблокирован)[аоы]? (по решению|на основании)",
    # Kazakh
    r"(ресурсқа|сайтқа|бетке) қол ?жеткізу (шектелген|шектелді|бұғатталған)",
    r"(ресурс|сайт|бет) (бұғатталған|бұғатталды)",
)
"""Regular expressions over lower-case text with single spaces."""

_COMPILED = tuple(re.compile(phrase) for phrase in PHRASES)
_INVISIBLE = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")


def phrase_in(text: str) -> str | None:
    """The first phrase that a short page contains, as it stands there; else None."""
    visible = html.unescape(_TAG.sub(" ", _INVISIBLE.sub(" ", text)))
    words = " ".join(visible.split()).lower().replace("ё", "е")
    if len(words) > PAGE_CHARS_MAX:
        return None
    for pattern in _COMPILED:
        if found := pattern.search(words):
            return found.group(0)
    return None
