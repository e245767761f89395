"""The nights of a claim, named: as many as the claim counts, and on the dates of the truth."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from evenfall.infer.night_list import Night, nights_of
from evenfall.infer.nights import judge
from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.series import Basis, Series
from evenfall.model.curfew import Curfew


def claimed(series: Series) -> Curfew:
    """The claim about one series."""
    found = judge([series], profile=NIGHTLY_2026, rng=np.random.default_rng(1)).curfews
    assert len(found) == 1
    return found[0]


def listed(histories: SimpleNamespace, start_h: float, end_h: float, seed: int, **days: set[int]):
    """A fortnight slowed ×20 from `start_h` to `end_h`, its claim, and its nights."""
    history = histories.measured(np.random.default_rng(seed), 14)
    hit = history.inside(start_h, end_h)
    began = history.date - (history.hour < end_h if end_h < start_h else 0)
    if "spared" in days:
        hit &= ~np.isin(began, list(days["spared"]))
    series = history.series(Basis.PAIRS, log_ratio=history.slowed(hit, 20.0))
    curfew = claimed(series)
    return curfew, nights_of(series, curfew, NIGHTLY_2026)


@pytest.mark.parametrize(("start_h", "end_h"), [(20, 22), (23, 1), (8, 10)])
def test_as_many_nights_as_the_claim_counts(
    histories: SimpleNamespace, start_h: float, end_h: float
) -> None:
    """In the evening, over midnight and in the morning, seen and measured agree with the claim."""
    curfew, nights = listed(histories, start_h, end_h, seed=3)
    assert sum(night.seen for night in nights) == curfew.nights_seen
    assert len(nights) == curfew.nights_measured


def test_spared_nights_are_measured_and_not_seen(histories: SimpleNamespace) -> None:
    """Two nights without it stand in the list as what they were."""
    curfew, nights = listed(histories, 20, 22, seed=5, spared={4, 9})
    spared = {histories.MONDAY + dt.timedelta(days=day) for day in (4, 9)}
    assert {night.date for night in nights if not night.seen} == spared
    assert sum(night.seen for night in nights) == curfew.nights_seen
    assert all(night.windows == () for night in nights if not night.seen)


def test_a_night_over_midnight_bears_the_date_on_which_it_began(histories: SimpleNamespace) -> None:
    """The first night began on the first date of the history, and none on the last."""
    _, nights = listed(histories, 23, 1, seed=7)
    dates = [night.date for night in nights]
    assert dates[0] == histories.MONDAY
    assert dates == sorted(dates)
    assert dates[-1] < histories.MONDAY + dt.timedelta(days=14)


def test_a_claim_without_hours_has_no_list(histories: SimpleNamespace) -> None:
    """Nothing to name; and a series too short to be judged gives nothing either."""
    history = histories.measured(np.random.default_rng(1), 14)
    series = history.series(Basis.PAIRS, log_ratio=history.slowed(history.inside(20, 22), 20.0))
    curfew = claimed(series)
    assert nights_of(series, msgspec.structs.replace(curfew, windows=()), NIGHTLY_2026) == ()
    short = histories.measured(np.random.default_rng(1), 2)
    little = short.series(Basis.PAIRS, log_ratio=short.noise())
    assert nights_of(little, curfew, NIGHTLY_2026) == ()


def test_each_window_is_named_that_speaks_by_itself(histories: SimpleNamespace) -> None:
    """Two windows; one evening is spared, and the history ends at a noon: the morning alone."""
    history = histories.measured(np.random.default_rng(11), 14, every_min=10.0)
    hit = history.inside(8, 10) | (history.inside(20, 22) & (history.date != 6))
    series = history.series(Basis.PAIRS, log_ratio=history.slowed(hit, 20.0))
    curfew = claimed(series)
    assert len(curfew.windows) == 2
    odd: list[Night] = [n for n in nights_of(series, curfew, NIGHTLY_2026) if n.windows == (0,)]
    assert [night.date for night in odd] == [
        histories.MONDAY + dt.timedelta(days=day) for day in (6, 14)
    ]
