"""Innocent explanations over many nights: ruled out only where the measurements can."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evenfall.infer.night_rivals import night_rivals
from evenfall.infer.series import Basis, Series
from evenfall.model.curfew import Window
from evenfall.model.vocabulary import Explanation

EVENING = Window(
    weekdays=tuple(range(7)),
    start_local="20:00",
    end_local="22:00",
    start_interval=("19:50", "20:10"),
    end_interval=("21:50", "22:10"),
)
NOON_US = 1_528_092_000_000_000  # 2018-06-04 12:00 in Almaty


def series(basis: Basis, **changes: Any) -> Series:
    """Ten nights, one row every half hour."""
    n = 480
    fields: dict[str, Any] = {
        "service": "youtube",
        "network": "AS9198",
        "timezone": "Asia/Almaty",
        "basis": basis,
        "started_us": NOON_US + np.arange(n, dtype=np.int64) * 1_800_000_000,
        "failed": np.zeros(n),
        "log_ratio": np.zeros(n),
        "null_log_ratio": np.full(n, 0.1),
        "control_failed": np.zeros(n),
        "line": None,
        "clock_verified": np.ones(n, dtype=bool),
    }
    return Series(**{**fields, **changes})


@pytest.mark.parametrize("basis", list(Basis))
def test_every_explanation_is_faced_once(basis: Basis) -> None:
    """None of the eleven is left out, whatever the scores rest on."""
    faced = [rival.explanation for rival in night_rivals(series(basis), [EVENING])]
    assert sorted(faced) == sorted(Explanation)


def faced(one: Series, *elsewhere: Series) -> dict[Explanation, Any]:
    """`ruled_out` of each explanation."""
    return {r.explanation: r.ruled_out for r in night_rivals(one, [EVENING], elsewhere)}


def test_pairs_rule_out_the_line_and_say_what_congestion_would_do() -> None:
    """Forty neutral pairs inside the window, none threefold apart."""
    rivals = {r.explanation: r for r in night_rivals(series(Basis.PAIRS), [EVENING])}
    assert rivals[Explanation.CONGESTION].ruled_out is True
    assert "0 of 40 pairs" in rivals[Explanation.CONGESTION].because
    assert rivals[Explanation.LINE].ruled_out is True
    assert rivals[Explanation.VPN].ruled_out is None
    assert rivals[Explanation.DNS].ruled_out is None


def slowed_lines(lines: int) -> Series:
    """Pairs eight times slower in the window, on so many lines in turn."""
    stamps = NOON_US + np.arange(480, dtype=np.int64) * 1_800_000_000
    hour = (stamps // 3_600_000_000 + 6) % 24
    return series(
        Basis.PAIRS,
        log_ratio=np.where((hour >= 20) & (hour < 22), -np.log(8), 0.0),
        line=np.array([f"l{n % lines}" for n in range(480)], dtype=object),
    )


@pytest.mark.parametrize("lines", [1, 2, 3])
def test_a_timetable_at_home_is_ruled_out_by_three_lines_alone(lines: int) -> None:
    """A parental control by name makes the same window on one line; never on three."""
    got = faced(slowed_lines(lines))
    at_home = lines >= 3
    assert got[Explanation.OWN_DEVICE] is at_home
    assert got[Explanation.WIFI] is at_home
    assert got[Explanation.TARIFF] is (None if at_home else False)
    assert faced(series(Basis.PAIRS))[Explanation.WIFI] is False


def test_quiet_lines_do_not_count() -> None:
    """Three lines were measured, one shows it: it may be that home's."""
    one = slowed_lines(3)
    spared = np.where(one.line == "l0", one.log_ratio, 0.0)
    assert faced(series(Basis.PAIRS, log_ratio=spared, line=one.line))[Explanation.WIFI] is False


def test_a_handful_of_pairs_rules_nothing_out() -> None:
    """One pair in the window is no test of the line, nor of the site."""
    few = np.full(480, np.nan)
    few[16] = -2.0  # 20:00 of the first evening
    got = faced(series(Basis.PAIRS, log_ratio=few))
    assert got[Explanation.LINE] is None
    assert got[Explanation.SITE_ITSELF] is None


def test_a_clock_is_ruled_out_by_checked_stamps_alone() -> None:
    """No stamp checked: not tested."""
    assert faced(series(Basis.PAIRS))[Explanation.CLOCK] is True
    unchecked = series(Basis.PAIRS, clock_verified=np.zeros(480, dtype=bool))
    assert faced(unchecked)[Explanation.CLOCK] is None


@pytest.mark.parametrize(("factor", "fine"), [(8.0, False), (1.2, True)])
def test_slow_controls_are_no_alibi(factor: float, fine: bool) -> None:
    """Speed alone is known of the controls: a crowd does not clear the line; congestion stays."""
    hour = (series(Basis.PAIRS).started_us // 3_600_000_000 + 6) % 24
    speed = np.where((hour >= 20) & (hour < 22), -np.log(factor), 0.0)
    known = {"control_failed": np.full(480, np.nan), "control_log_goodput": speed}
    got = faced(series(Basis.CONTROL_DIFFERENCE, **known))
    assert got[Explanation.LINE] is fine
    assert got[Explanation.CONGESTION] is False
    assert got[Explanation.OWN_DEVICE] is False
    unknown = series(Basis.CONTROL_DIFFERENCE, control_failed=np.full(480, np.nan))
    assert faced(unknown)[Explanation.LINE] is None


def test_pairs_elsewhere_are_no_witness_of_the_site() -> None:
    """They went to our server; speeds of the site itself are one."""
    hour = (series(Basis.PAIRS).started_us // 3_600_000_000 + 6) % 24
    slow = np.where((hour >= 20) & (hour < 22), -np.log(8), 0.0)
    known = {"failed": np.full(480, np.nan)}
    one = series(Basis.CONTROL_DIFFERENCE, log_ratio=slow, **known)
    pairs = series(Basis.PAIRS, network="AS2", **known)
    assert faced(one, pairs)[Explanation.SITE_ITSELF] is False
    for log_ratio, cleared in ((np.zeros(480), True), (slow, False)):
        other = series(Basis.CONTROL_DIFFERENCE, network="AS2", log_ratio=log_ratio, **known)
        assert faced(one, other)[Explanation.SITE_ITSELF] is cleared


def test_neutral_pairs_that_differ_do_not_rule_out_congestion() -> None:
    """Where the line treats two neutral names threefold apart, it is not ruled out."""
    noisy = series(Basis.PAIRS, null_log_ratio=np.full(480, 1.5))
    rivals = {r.explanation: r for r in night_rivals(noisy, [EVENING])}
    assert rivals[Explanation.CONGESTION].ruled_out is False
    none = series(Basis.PAIRS, null_log_ratio=np.full(480, np.nan))
    rivals = {r.explanation: r for r in night_rivals(none, [EVENING])}
    assert rivals[Explanation.CONGESTION].ruled_out is None


def test_failing_controls_are_no_alibi() -> None:
    """Controls that fail in the window leave the line under suspicion; fine ones clear it alone."""
    dead = series(Basis.CONTROL_DIFFERENCE, control_failed=np.ones(480))
    rivals = {r.explanation: r for r in night_rivals(dead, [EVENING])}
    assert rivals[Explanation.LINE].ruled_out is False
    fine = {r.explanation: r for r in night_rivals(series(Basis.CONTROL_DIFFERENCE), [EVENING])}
    assert fine[Explanation.LINE].ruled_out is True
    assert fine[Explanation.SITE_ITSELF].ruled_out is False


def test_a_service_measured_alone_rules_out_nothing() -> None:
    """No control, and nothing is ruled out; an archive's clock stays open too."""
    alone = series(Basis.UNPAIRED, archive_clock=True)
    assert not any(r.ruled_out for r in night_rivals(alone, [EVENING]))


def test_other_networks_say_whether_the_service_itself_worked() -> None:
    """Fine elsewhere in the same hours clears the service; failing there does not."""
    blocked = series(Basis.UNPAIRED, failed=np.ones(480))
    for share, verdict in ((0.0, True), (1.0, False)):
        other = series(Basis.UNPAIRED, failed=np.full(480, share), network="AS29355")
        rivals = {r.explanation: r for r in night_rivals(blocked, [EVENING], [other])}
        assert rivals[Explanation.SITE_ITSELF].ruled_out is verdict
        assert (
            "of 40 tests failed or were slow on AS29355" in rivals[Explanation.SITE_ITSELF].because
        )
    alone = {r.explanation: r for r in night_rivals(blocked, [EVENING])}
    assert alone[Explanation.SITE_ITSELF].ruled_out is False
