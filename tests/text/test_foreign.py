"""Names from archives on a line of text: they neither break nor turn it, and they stay short."""

from __future__ import annotations

import datetime as dt

import pytest

from evenfall.model.curfew import SeriesFinding
from evenfall.model.vocabulary import SeriesState
from evenfall.text.analyzed import reason_lines, table_rows
from evenfall.text.foreign import one_line
from evenfall.text.nights import answer, not_shown, plain
from evenfall.text.page import where_words
from evenfall.text.words import service_words

TURNING = "vid\u202eeo\u2066\x1b[31m\n"
NAMES = (TURNING, "v" * 2000, TURNING * 500)


def finding(name: str) -> SeriesFinding:
    """Too little measured of a service and on a network that are called so."""
    return SeriesFinding(
        service=name, network=name, state=SeriesState.INSUFFICIENT, reason="few nights", n=3,
        nights_measured=2, p_value=None, q_value=None,
    )  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=["turning", "long", "both"])
def test_no_screen_of_nights_is_turned_or_filled_by_a_name(name: str) -> None:
    """Answer, limits, table, reasons, and the line over the answer."""
    one = finding(name)
    said = [
        plain(answer(one)),
        *not_shown(one),
        *table_rows([], [one])[0],
        *reason_lines([one]),
        where_words(one, [dt.date(2024, 6, 9)], "Asia/Almaty", None),
    ]
    for words in said:
        assert words.isprintable()
        assert len(words) < 700


@pytest.mark.parametrize("name", ["video", "ютуб", "日本", "a b [/c]"])
def test_a_plain_name_stays_as_it_is(name: str) -> None:
    """Letters of any script, blanks and brackets are no harm."""
    assert one_line(name) == service_words(name) == name
