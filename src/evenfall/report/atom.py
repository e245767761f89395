"""An Atom feed of claims: when hours began, when they were lifted, one entry each, also per wave.

What it does. For every curfew, and every wave of it, an entry that it began and, if it has ended,
an entry that it was lifted; the text of an entry is the sentence that `quote` prints.

Rules (RFC 4287):
    Ids are `tag:` URIs (RFC 4151) made of service, network and the first night of the wave, so that
    a reader sees one entry once, whatever is measured later.
    `updated` comes from the data, not from the clock: of an entry, the local midnight that ends the
    last date of its interval; of the feed, the last measurement.
    Names from archives are text, never markup; what XML cannot hold is replaced.
    A feed without claims is a valid feed without entries: nothing found is no news.

What it does not do. It names no address of its own (`rel="self"`): it is a file until somebody
serves it. "Lifted" is said of what was measured, never of what anybody decided.

Source: RFC 4287 (4.1.1, 4.1.2), RFC 4151, XML 1.0 (2.2).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote as percent
from xml.etree import ElementTree as ET

from evenfall import __version__
from evenfall.infer.localtime import EARLIEST_US, LATEST_US, load_zone
from evenfall.model.curfew import Curfew, Spell
from evenfall.model.vocabulary import Pattern, State
from evenfall.report.subject import Judged
from evenfall.text.words import dates_words, title_words, windows_words

__all__ = ["feed"]

_NAMESPACE = "http://www.w3.org/2005/Atom"
_TAG = "tag:evenfall.invalid,2026"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class _Entry:
    """One entry; `updated_us` since 1970 UTC."""

    id: str
    title: str
    updated_us: int
    text: str
    category: str


def feed(judged: Sequence[Judged], sentences: Sequence[str]) -> bytes:
    """The feed of all claims, newest first.

    Args:
        judged: series with what was made of them.
        sentences: of each series, what `quote` says.
    """
    entries = [
        entry
        for one, sentence in zip(judged, sentences, strict=True)
        if one.curfew is not None
        for entry in _entries(one, one.curfew, sentence)
    ]
    entries.sort(key=lambda entry: (-entry.updated_us, entry.id))
    simulated = any(one.series.simulated for one in judged)
    root = ET.Element("feed", {"xmlns": _NAMESPACE, "xml:lang": "en"})
    _add(root, "id", f"{_TAG}:feed/{_scope(judged)}")
    _add(root, "title", ("SIMULATED " if simulated else "") + "Evenfall: hours found")
    _add(root, "subtitle", "Measured; context never adds votes. It never says who did it.")
    _add(root, "updated", _stamp(max((_last_us(one) for one in judged), default=EARLIEST_US)))
    _add(ET.SubElement(root, "author"), "name", "Evenfall")
    _add(root, "generator", "Evenfall", {"version": __version__})
    for entry in entries:
        _add_entry(root, entry)
    ET.indent(root)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root) + b"\n"


def _entries(judged: Judged, curfew: Curfew, sentence: str) -> list[_Entry]:
    found = []
    for spell in _spells(judged, curfew):
        found.append(_began(judged, curfew, spell, sentence))
        if spell.lifting is not None:
            found.append(_lifted(judged, curfew, spell, sentence))
    return found


def _began(judged: Judged, curfew: Curfew, spell: Spell, sentence: str) -> _Entry:
    onset = spell.onset
    when = (
        f"began {dates_words(onset)}"
        if onset is not None
        else "already held on the first night measured"
    )
    return _Entry(
        id=_id(judged, "began", spell.first),
        title=f"{_mark(judged)}{_what(curfew)}: {when}",
        updated_us=_end_of(onset.latest if onset is not None else spell.first, judged),
        text=sentence,
        category="onset",
    )


def _lifted(judged: Judged, curfew: Curfew, spell: Spell, sentence: str) -> _Entry:
    lifting = spell.lifting
    if lifting is None:
        raise AssertionError("only a wave that ended was lifted")
    return _Entry(
        id=_id(judged, "lifted", spell.first),
        title=f"{_mark(judged)}{_what(curfew)}: no longer seen since {dates_words(lifting)}",
        updated_us=_end_of(lifting.latest, judged),
        text=sentence,
        category="lifting",
    )


def _spells(judged: Judged, curfew: Curfew) -> tuple[Spell, ...]:
    """The waves; of a claim that names none, the whole of it as one."""
    if curfew.episodes:
        return curfew.episodes
    first = curfew.onset.earliest if curfew.onset is not None else _date(judged, _first_us(judged))
    last = curfew.lifting.latest if curfew.lifting is not None else _date(judged, _last_us(judged))
    return (
        Spell(
            first=first,
            last=last,
            onset=curfew.onset,
            lifting=curfew.lifting,
            nights_seen=curfew.nights_seen,
            nights_measured=curfew.nights_measured,
        ),
    )


def _what(curfew: Curfew) -> str:
    deed = "not opening" if curfew.state is State.BLOCKED else "slowed"
    hours = (
        "at all measured hours"
        if curfew.pattern is Pattern.ALWAYS
        else windows_words(curfew.windows)
    )
    return f"{title_words(curfew.service)} on {curfew.network} {deed} {hours}"


def _add_entry(root: ET.Element, entry: _Entry) -> None:
    element = ET.SubElement(root, "entry")
    _add(element, "id", entry.id)
    _add(element, "title", entry.title, {"type": "text"})
    _add(element, "updated", _stamp(entry.updated_us))
    ET.SubElement(element, "category", {"term": entry.category})
    _add(element, "content", entry.text, {"type": "text"})


def _add(
    parent: ET.Element, name: str, text: str, attributes: dict[str, str] | None = None
) -> None:
    element = ET.SubElement(parent, name, attributes or {})
    element.text = _NOT_XML.sub("\ufffd", text)


def _id(judged: Judged, *parts: str) -> str:
    return f"{_TAG}:{'/'.join([_place(judged), *(percent(part, safe='') for part in parts)])}"


def _place(judged: Judged) -> str:
    series = judged.series
    kind = "synth" if series.simulated else "measured"
    return "/".join(percent(part, safe="") for part in (kind, series.network, series.service))


def _scope(judged: Sequence[Judged]) -> str:
    """Which series the feed is about: one, or all there are."""
    return _place(judged[0]) if len(judged) == 1 else "all"


def _end_of(iso_date: str, judged: Judged) -> int:
    """The local midnight that ends a date, not later than the last measurement."""
    after = dt.date.fromisoformat(iso_date) + dt.timedelta(days=1)
    midnight = dt.datetime.combine(after, dt.time(), load_zone(judged.series.timezone))
    return min(int(midnight.timestamp()) * 1_000_000, _last_us(judged))


def _date(judged: Judged, at_us: int) -> str:
    zone = load_zone(judged.series.timezone)
    return dt.datetime.fromtimestamp(at_us // 1_000_000, zone).date().isoformat()


def _first_us(judged: Judged) -> int:
    return _stamps(judged)[0]


def _last_us(judged: Judged) -> int:
    return _stamps(judged)[1]


def _stamps(judged: Judged) -> tuple[int, int]:
    at = judged.series.started_us
    possible = at[(at >= EARLIEST_US) & (at < LATEST_US)]
    return (int(possible.min()), int(possible.max())) if possible.size else (EARLIEST_US,) * 2


def _stamp(at_us: int) -> str:
    return f"{dt.datetime.fromtimestamp(at_us // 1_000_000, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def _mark(judged: Judged) -> str:
    return "SIMULATED: " if judged.series.simulated else ""
