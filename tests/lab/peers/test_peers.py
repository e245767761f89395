"""Peers: each answers as its publication or its library does; half of what they see is innocent."""

from __future__ import annotations

import numpy as np
import pytest

from evenfall.infer.series import Basis, Series
from evenfall.lab.peers import by_name
from evenfall.lab.peers.by_name import PEERS, why_not_run
from evenfall.lab.peers.fixed_threshold import fixed_threshold_hours
from evenfall.lab.peers.given import Given, cells, given
from evenfall.lab.peers.ooni_cusum import Cusum, blocked_scores, blocked_stretches, ooni_hours
from evenfall.lab.peers.ruptures_pelt import change_points, pelt_hours
from evenfall.lab.peers.wehe_nights import wehe_hours

NIGHTS = 14
PER_HOUR = 3
LINE_BPS = 8e6


def seen(
    hit: tuple[int, ...] = (), *, factor: float = 10.0, nights: int = NIGHTS, seed: int = 1
) -> Given:
    """A fortnight of three pairs an hour with quiet noise, slower in the hours that are hit."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(20_000, 20_000 + nights), 24 * PER_HOUR)
    hour = np.tile(np.repeat(np.arange(24), PER_HOUR), nights)
    control = LINE_BPS * np.exp(rng.normal(0, 0.1, day.size))
    slowing = np.where(np.isin(hour, hit), np.log(factor), 0.0)
    x = rng.normal(0, 0.1, day.size) - slowing
    return Given(day=day, hour=hour, x=x, target_bps=control * np.exp(x), control_bps=control)


def series(**columns: np.ndarray) -> Series:
    """A series of four rows at noon UTC, fine unless told otherwise."""
    n = 4
    usual = {
        "failed": np.zeros(n), "log_ratio": np.full(n, np.nan),
        "null_log_ratio": np.full(n, np.nan),
        "control_failed": np.full(n, np.nan), "clock_verified": np.ones(n, dtype=bool),
        "started_us": 1_772_539_200_000_000 + 60_000_000 * np.arange(n),
    }  # fmt: skip
    return Series(
        service="video", network="AS64500", timezone="Asia/Almaty", basis=Basis.PAIRS, line=None,
        **(usual | columns),
    )  # fmt: skip


@pytest.mark.parametrize("name", PEERS)
def test_nobody_claims_a_quiet_fortnight(name: str) -> None:
    """Twenty innocent series without any trouble: no hour of any."""
    assert not [PEERS[name](seen(seed=seed)) for seed in range(20) if PEERS[name](seen(seed=seed))]


@pytest.mark.parametrize("name", ["wehe", "fixed_threshold", "ruptures_pelt"])
def test_a_strong_evening_is_found(name: str) -> None:
    """Two hours a night, ten times slower: exactly these."""
    assert PEERS[name](seen((20, 21))) == {20, 21}


def test_a_half_day_is_found_by_the_cusum() -> None:
    """Six hours are what it needs to convict; it names all of them, not those after the alarm."""
    hit = tuple(range(12, 24))
    assert ooni_hours(seen(hit)) == set(hit)


def test_two_hours_a_night_never_reach_the_cusums_threshold() -> None:
    """Two blocked hours add 1.3, and four clear ones take it away: 3.5 is never reached."""
    assert ooni_hours(seen((20, 21))) == frozenset()


# --- OONI's CUSUM, by hand --------------------------------------------------------------------


def test_the_sums_are_those_worked_by_hand() -> None:
    """From unknown: 11 clear hours make it ok (10 × .35 = 3.5 is not above it), 6 blocked: blocked.

    S⁻ while unknown: 0.35, 0.70, … 3.50 after ten, 3.85 after eleven > 3.5. Then S⁺ by .65 an hour:
    .65, 1.30, 1.95, 2.60, 3.25, 3.90 > 3.5.
    """
    cusum = Cusum()
    falling, states = [], []
    for hour in range(11):
        cusum.step(hour, 0.0)
        falling.append(cusum.falling)
        states.append(cusum.state)
    assert falling[:3] == pytest.approx([0.35, 0.70, 1.05])
    assert states.index("ok") in (9, 10)  # ten times .35 is 3.5 but for its rounding
    rising = []
    for hour in range(11, 17):
        cusum.step(hour, 1.0)
        rising.append(cusum.rising)
    assert rising[:5] == pytest.approx([0.65, 1.30, 1.95, 2.60, 3.25])
    assert cusum.state == "blocked"
    assert cusum.rising == cusum.falling == 0.0


def test_weaker_blocking_takes_eleven_hours() -> None:
    """A score of .7 adds .35: nine hours (3.15) stay below 3.5, twelve do not."""
    hours = range(40)
    assert blocked_stretches(hours, [0.0] * 15 + [0.7] * 9 + [0.0] * 16) == []
    assert blocked_stretches(hours, [0.0] * 15 + [0.7] * 12 + [0.0] * 13) == [(15, 26)]


def test_a_stretch_ends_where_it_ended() -> None:
    """Ten blocked hours, then clear ones: those ten it is, though the alarms come later."""
    assert blocked_stretches(range(60), [0.0] * 20 + [1.0] * 10 + [0.0] * 30) == [(20, 29)]


def test_long_silence_makes_it_forget() -> None:
    """Five blocked hours (3.25), 48 hours of silence (halved: 1.625), three more (3.575): blocked.

    Two more would leave 2.925; without the silence, one more would do.
    """
    start = [0.0] * 20 + [1.0] * 5
    hours = [*range(25), 72, 73, 74]
    assert blocked_stretches(hours, [*start, 1.0, 1.0, 1.0]) == [(20, 74)]
    assert blocked_stretches(hours[:-1], [*start, 1.0, 1.0]) == []
    assert blocked_stretches([*range(26)], [*start, 1.0]) == [(20, 25)]


def test_scores_between_two_thirds_and_a_third() -> None:
    """0 at two thirds of the speed, 1 at a third, in between by the logarithm."""
    x = np.log([1.0, 2 / 3, np.sqrt(2) / 3, 1 / 3, 0.01])
    assert blocked_scores(x) == pytest.approx([0.0, 0.0, 0.5, 1.0, 1.0])


# --- the others ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("factor", "claimed"), [(1.8, False), (2.3, True)])
def test_the_threshold_is_half(factor: float, claimed: bool) -> None:
    """An hour at 1/1.8 of the rest is let pass, one at 1/2.3 is not."""
    assert (fixed_threshold_hours(seen((20,), factor=factor)) == {20}) is claimed


def test_one_bad_day_recurs_nowhere() -> None:
    """Innocent: a whole slow day is a drop to the change points, and no hour of three dates."""
    quiet = seen()
    bad = quiet.day == 20_005
    shifted = Given(
        day=quiet.day, hour=quiet.hour, x=quiet.x - 2.0 * bad, control_bps=quiet.control_bps,
        target_bps=quiet.target_bps * np.where(bad, np.exp(-2.0), 1.0),
    )  # fmt: skip
    assert len(change_points(cells(shifted, shifted.x)[1])) == 3
    assert pelt_hours(shifted) == frozenset()
    assert wehe_hours(shifted) == frozenset()


@pytest.mark.parametrize("seed", range(4))
def test_pelt_is_the_librarys(seed: int) -> None:
    """The same change points as `Pelt("l2")` with every place allowed and the same penalty."""
    ruptures = pytest.importorskip("ruptures")
    rng = np.random.default_rng(seed)
    signal = rng.normal(0, 1, 240)
    signal[60:90] -= 4.0
    signal[150:156] -= 6.0
    spread = np.median(np.abs(np.diff(signal))) / (np.sqrt(2) * 0.6744897501960817)
    search = ruptures.Pelt(model="l2", min_size=2, jump=1).fit(signal / spread)
    assert change_points(signal) == search.predict(pen=3 * np.log(240))


def test_wehe_wants_both_halves_of_the_nights() -> None:
    """An hour that is slow on every other date is claimed by one half alone: not confirmed."""
    quiet = seen()
    x = quiet.x - np.where((quiet.hour == 20) & (quiet.day % 2 == 0), np.log(10), 0.0)
    odd = Given(
        day=quiet.day, hour=quiet.hour, x=x, target_bps=quiet.control_bps * np.exp(x),
        control_bps=quiet.control_bps,
    )  # fmt: skip
    assert wehe_hours(odd) == frozenset()


def test_wehe_without_a_control_takes_the_other_hours() -> None:
    """Nothing beside the target: its own other hours stand in; and the faster one is no claim."""
    hit = seen((20, 21))
    alone = Given(
        day=hit.day, hour=hit.hour, x=hit.x, target_bps=hit.target_bps,
        control_bps=np.full(hit.day.size, np.nan),
    )  # fmt: skip
    assert wehe_hours(alone) == {20, 21}
    assert wehe_hours(seen((20, 21), factor=0.1)) == frozenset()


# --- what they are given ------------------------------------------------------------------------


def test_failures_alone_become_speeds_that_a_rule_can_take() -> None:
    """Worked is 1 bit/s, failed 0, the control 1; x is 0 and the lowest value."""
    rows = given(series(failed=np.array([0.0, 1.0, 0.0, 1.0])))
    assert rows.target_bps.tolist() == [1.0, 0.0, 1.0, 0.0]
    assert rows.control_bps.tolist() == [1.0] * 4
    assert rows.x.tolist() == [0.0, -3.0, 0.0, -3.0]
    assert set(rows.hour.tolist()) == {17}  # Almaty is UTC+5 in 2026


def test_rows_that_evenfall_leaves_out_reach_no_peer() -> None:
    """An unverified clock, a stamp of 1970, and e⁶⁰ times as fast."""
    rows = given(
        series(
            log_ratio=np.array([0.1, 0.2, 60.0, 0.3]),
            failed=np.full(4, np.nan),
            clock_verified=np.array([True, False, True, True]),
            started_us=np.array([1_772_539_200_000_000] * 3 + [5]),
        )
    )
    assert rows.x.tolist() == pytest.approx([0.1])


def test_medians_of_hours_are_numpys() -> None:
    """Even and odd numbers of rows, in hours with gaps between them."""
    rng = np.random.default_rng(3)
    at = np.sort(rng.integers(0, 60, 200))
    x = rng.normal(size=200)
    rows = Given(day=at // 24, hour=at % 24, x=x, target_bps=x, control_bps=x)
    hours, median = cells(rows, x)
    assert median == pytest.approx([np.median(x[at == hour]) for hour in hours])


def test_without_the_library_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others run."""
    monkeypatch.setattr(by_name, "find_spec", lambda _name: None)
    assert "ruptures is not installed" in why_not_run("ruptures_pelt")
    assert why_not_run("wehe") == ""
