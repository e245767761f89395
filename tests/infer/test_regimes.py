"""What is reported in a curfew's place: another line, a swapped probe, a new tariff. And its waves.

Every innocent history here has a guilty twin that differs in one thing, so that silence is shown to
be an answer and not deafness.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evenfall.infer import case as case_of
from evenfall.infer.nights import judge
from evenfall.infer.series import Basis
from evenfall.model.vocabulary import ChangeKind, SeriesState


def judged(series, seed: int = 1):
    """The judgement of one series."""
    return judge([series], rng=np.random.default_rng(seed))


def lines(h, evening_only: bool) -> np.ndarray:
    """`home` all day, and `tunnel` in the evenings, or all day too."""
    second = h.rng.random(h.n) < 0.5
    if evening_only:
        second &= h.inside(19, 24)
    return np.where(second, "tunnel", "home").astype(object)


@pytest.mark.parametrize("seed", range(4))
def test_a_slow_line_that_measures_in_the_evening_is_no_curfew(histories, seed: int) -> None:
    """Half of the evening's rows come through a slow tunnel; the home line is well all day."""
    h = histories.measured(np.random.default_rng(seed), 20, missing=0.1)
    line = lines(h, evening_only=True)
    speed = np.log(2e7) + h.noise(0.15) - np.where(line == "tunnel", np.log(12), 0.0)
    result = judged(h.series(Basis.UNPAIRED, log_ratio=speed, line=line))
    assert not result.curfews


@pytest.mark.parametrize("seed", range(4))
def test_a_curfew_that_both_lines_see_is_claimed(histories, seed: int) -> None:
    """The same two lines, and both are slow from 20 to 22: within each of them the hours hold."""
    h = histories.measured(np.random.default_rng(seed), 20, missing=0.1)
    speed = np.log(2e7) + h.slowed(h.inside(20, 22), 12)
    result = judged(h.series(Basis.UNPAIRED, log_ratio=speed, line=lines(h, evening_only=False)))
    assert [w.start_local for w in result.curfews[0].windows] == ["20:00"]


def test_a_swapped_probe_is_a_change_of_lines(histories) -> None:
    """From the 15th night on another probe fails in the evenings: the swap is what is reported."""
    h = histories.measured(np.random.default_rng(3), 30, missing=0.1)
    swapped = h.date >= 15
    failed = h.failing(np.where(swapped & h.inside(19, 23), 0.9, 0.02))
    line = np.where(swapped, "new", "old").astype(object)
    result = judged(h.series(Basis.UNPAIRED, failed=failed, line=line))
    (finding,) = result.findings
    assert not result.curfews
    assert ChangeKind.LINES in {change.what for change in finding.changes}


def test_the_same_failures_on_one_probe_are_claimed(histories) -> None:
    """Nothing was swapped: the onset is an onset."""
    h = histories.measured(np.random.default_rng(3), 30, missing=0.1)
    failed = h.failing(np.where((h.date >= 15) & h.inside(19, 23), 0.9, 0.02))
    (curfew,) = judged(h.series(Basis.UNPAIRED, failed=failed)).curfews
    assert curfew.onset is not None
    assert curfew.changes == ()


@pytest.mark.parametrize("seed", range(4))
def test_a_new_tariff_is_a_change_of_level(histories, seed: int) -> None:
    """×4 at all hours from the 30th day on: named with its factor and date, and no curfew."""
    h = histories.measured(np.random.default_rng(seed), 60, missing=0.2)
    speed = np.log(2e7) + h.noise(0.15) + np.where(h.date >= 30, np.log(4), 0.0)
    result = judged(h.series(Basis.UNPAIRED, log_ratio=speed))
    (change,) = result.findings[0].changes
    assert not result.curfews
    assert result.findings[0].state is SeriesState.NONE
    assert change.what is ChangeKind.LEVEL
    assert 3.5 <= change.factor <= 4.5
    first = (histories.MONDAY.toordinal() + 30) - 719_163
    day = np.datetime64("1970-01-01") + first
    assert change.between.earliest <= str(day) <= change.between.latest


@pytest.mark.parametrize("seed", range(4))
def test_a_curfew_across_a_new_tariff_is_found(histories, seed: int) -> None:
    """The tariff changes in the middle of a curfew: both are reported, and the hours are right."""
    h = histories.measured(np.random.default_rng(seed), 60, missing=0.2)
    speed = np.log(2e7) + h.slowed(h.inside(20, 22), 8) + np.where(h.date >= 30, np.log(4), 0.0)
    (curfew,) = (result := judged(h.series(Basis.UNPAIRED, log_ratio=speed))).curfews
    assert (curfew.windows[0].start_local, curfew.windows[0].end_local) == ("20:00", "22:00")
    assert [c.what for c in result.findings[0].changes] == [ChangeKind.LEVEL]
    assert curfew.changes == result.findings[0].changes


def test_rows_left_out_are_counted_by_reason(histories) -> None:
    """Unverified clocks, stamps of no clock, and rows that say nothing, each under its name."""
    h = histories.measured(np.random.default_rng(5), 10)
    known = np.ones(h.n, dtype=bool)
    known[:7] = False
    ratio = h.noise()
    ratio[10:13] = np.nan
    series = h.series(Basis.PAIRS, log_ratio=ratio, clock_verified=known)
    started = series.started_us.copy()
    started[20:22] = (0, 10**17)
    result = judged(replace(series, started_us=started))
    assert result.findings[0].left_out == {"clock": 7, "time": 2, "value": 3}


def test_letting_rows_go_changes_no_verdict(histories, monkeypatch) -> None:
    """With room for one reading only, everything is read again, and the same is found."""
    many = []
    for seed in range(6):
        h = histories.measured(np.random.default_rng(seed), 12, network=f"AS{seed}")
        ratio = h.slowed(h.inside(20, 22), 8) if seed % 2 else h.noise()
        many.append(h.series(Basis.PAIRS, log_ratio=ratio))
    roomy = judge(many, rng=np.random.default_rng(1))
    monkeypatch.setattr(case_of, "_ROWS_KEPT_MAX", 1)
    assert judge(many, rng=np.random.default_rng(1)) == roomy
    assert len(roomy.curfews) == 3


@pytest.mark.parametrize("seed", range(3))
def test_a_curfew_beside_controls_across_a_step_of_the_ratio(histories, seed: int) -> None:
    """The service gets a faster server in the middle of its curfew: the hours are found."""
    h = histories.measured(np.random.default_rng(seed), 40, every_min=30, missing=0.1)
    ratio = h.slowed(h.inside(20, 22), 10) + np.where(h.date >= 19, np.log(4), 0.0)
    (curfew,) = judged(h.series(Basis.CONTROL_DIFFERENCE, log_ratio=ratio)).curfews
    (window,) = curfew.windows
    assert window.start_interval[0] <= "20:00" <= window.start_interval[1]
    assert window.end_interval[0] <= "22:00" <= window.end_interval[1]
    assert curfew.nights_seen >= 35


@pytest.mark.parametrize("seed", range(3))
def test_a_step_of_the_ratio_alone_is_no_curfew(histories, seed: int) -> None:
    """The same server, and no curfew."""
    h = histories.measured(np.random.default_rng(seed), 40, every_min=30, missing=0.1)
    ratio = h.noise() + np.where(h.date >= 19, np.log(4), 0.0)
    assert not judged(h.series(Basis.CONTROL_DIFFERENCE, log_ratio=ratio)).curfews
