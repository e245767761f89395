"""The feed, read by a foreign XML parser and held to RFC 4287's required elements."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from evenfall.model.curfew import Curfew, Instants, Spell
from evenfall.report.atom import feed
from evenfall.report.page import Judged

ATOM = "{http://www.w3.org/2005/Atom}"
RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
TAG = re.compile(r"tag:[a-z.]+,\d{4}:[!-~]+")


def read(content: bytes) -> ET.Element:
    """The feed as the standard library's parser (expat) reads it, with what RFC 4287 demands."""
    root = ET.fromstring(content)  # noqa: S314  (made here)
    assert root.tag == f"{ATOM}feed"
    for element in [root, *root.findall(f"{ATOM}entry")]:
        for name in ("id", "title", "updated"):
            assert len(element.findall(f"{ATOM}{name}")) == 1, f"{element.tag}: {name}"
        assert RFC3339.fullmatch(element.findtext(f"{ATOM}updated", ""))
        assert TAG.fullmatch(element.findtext(f"{ATOM}id", ""))
    assert root.findtext(f"{ATOM}author/{ATOM}name")
    for entry in root.findall(f"{ATOM}entry"):
        assert entry.findtext(f"{ATOM}content")  # or it would need a link
    return root


def entries(content: bytes) -> list[ET.Element]:
    """Entries, in the feed's order."""
    return read(content).findall(f"{ATOM}entry")


def text(element: ET.Element, name: str) -> str:
    """The text of a child."""
    return element.findtext(f"{ATOM}{name}", "")


def with_claim(judged: Judged, **changes: Any) -> Judged:
    """The same with another claim."""
    assert judged.curfew is not None
    claim = msgspec.structs.replace(judged.curfew, **changes)
    return Judged(series=judged.series, finding=judged.finding, curfew=claim)


def wave(first: str, last: str, *, onset: bool = True, lifting: bool = True) -> Spell:
    """One wave whose ends are known to a day."""
    return Spell(
        first=first,
        last=last,
        onset=Instants(earliest=first, latest=first) if onset else None,
        lifting=Instants(earliest=last, latest=last) if lifting else None,
        nights_seen=3,
        nights_measured=3,
    )


def test_each_wave_began_and_was_lifted(slowed: Judged) -> None:
    """Two waves, the second still on: three entries, newest first, each with its category."""
    waves = (
        wave("2018-06-05", "2018-06-07", onset=False),
        wave("2018-06-12", "2018-06-16", lifting=False),
    )
    found = entries(feed([with_claim(slowed, episodes=waves)], ["One sentence."]))
    kinds = [entry.find(f"{ATOM}category").get("term") for entry in found]
    assert kinds == ["onset", "lifting", "onset"]
    assert "began 12 Jun 2018" in text(found[0], "title")
    assert "no longer seen since 7 Jun 2018" in text(found[1], "title")
    assert "already held on the first night measured" in text(found[2], "title")
    assert {text(entry, "content") for entry in found} == {"One sentence."}
    updated = [text(entry, "updated") for entry in found]
    assert updated == sorted(updated, reverse=True)
    assert updated[0] == "2018-06-12T18:00:00Z"  # the midnight of Almaty, UTC+6 then


def test_ids_stay_when_more_is_measured(slowed: Judged) -> None:
    """A wave that goes on, and then ends, keeps the id of its beginning."""
    open_wave = with_claim(slowed, episodes=(wave("2018-06-05", "2018-06-10", lifting=False),))
    ended = with_claim(slowed, episodes=(wave("2018-06-05", "2018-06-14"),))
    before, after = (
        {text(e, "id"): text(e, "updated") for e in entries(feed([judged], ["S."]))}
        for judged in (open_wave, ended)
    )
    assert before.items() < after.items()
    assert feed([ended], ["S."]) == feed([ended], ["S."])


def test_innocent_series_are_no_news(clear: Judged, short: Judged, empty: Judged) -> None:
    """Nothing found: a valid feed without entries, dated by its last measurement."""
    content = feed([clear, short, empty], ["A.", "B.", "C."])
    assert entries(content) == []
    last = max(int(j.series.started_us.max()) for j in (clear, short, empty)) // 1_000_000
    assert (
        text(read(content), "updated")
        == f"{dt.datetime.fromtimestamp(last, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    )
    assert entries(feed([], [])) == []


@pytest.mark.parametrize(
    "service", ["<script>", "]]></content>", "&amp;&lt;", "\"'>", "a\0b\x1b[2J\ud7ff", "видео"]
)
def test_names_from_archives_are_text(
    service: str,
    make_series: Callable[..., Any],
    make_curfew: Callable[..., Curfew],
    slowed: Judged,
) -> None:
    """Markup in a name is read back as the name; what XML cannot hold is replaced."""
    series = make_series(service)
    judged = Judged(series=series, finding=slowed.finding, curfew=make_curfew(series))
    (entry,) = entries(feed([judged], [f"About {service}."]))
    expected = re.sub(r"[\0\x1b]", "\ufffd", f"About {service}.")
    assert text(entry, "content") == expected
    assert len(list(entry)) == 5


def test_a_claim_without_named_waves_is_one(slowed: Judged) -> None:
    """Findings written before waves were named: the claim's own ends are the wave's."""
    ends = {
        "onset": Instants(earliest="2018-06-06", latest="2018-06-08"),
        "lifting": Instants(earliest="2018-06-14", latest="2018-06-15"),
    }
    titles = [text(e, "title") for e in entries(feed([with_claim(slowed, **ends)], ["S."]))]
    assert len(titles) == 2
    assert "6–8 Jun 2018" in titles[1]
    assert "14–15 Jun 2018" in titles[0]


def test_simulated_claims_say_so(
    make_series: Callable[..., Any], make_curfew: Callable[..., Curfew], slowed: Judged
) -> None:
    """In the feed's title and each entry's, and under other ids than measured ones."""
    series = make_series(simulated=True)
    judged = Judged(series=series, finding=slowed.finding, curfew=make_curfew(series))
    content = feed([judged], ["S."])
    assert "SIMULATED" in text(read(content), "title")
    assert all("SIMULATED" in text(entry, "title") for entry in entries(content))
    measured = {text(entry, "id") for entry in entries(feed([slowed], ["S."]))}
    assert measured.isdisjoint(text(entry, "id") for entry in entries(content))
