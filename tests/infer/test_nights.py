"""Curfews and their look-alikes, made from seeds; half of them innocent.

Nothing is asserted about one lucky seed only where a rate is meant: rates are counted.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from evenfall.infer.nights import judge
from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.ruleset import RULES, RULESET
from evenfall.infer.series import Basis
from evenfall.infer.window import look_p
from evenfall.model.encoding import to_json_line
from evenfall.model.vocabulary import ClaimLevel, Pattern, Scope, SeriesState, State

NAN = np.nan


def minutes(text: str) -> int:
    """`HH:MM` in minutes."""
    return int(text[:2]) * 60 + int(text[3:])


def holds(interval: tuple[str, str], true_min: int) -> bool:
    """Whether a printed interval holds a time of the day, also around midnight."""
    low, high = ((minutes(t) - true_min + 720) % 1440 - 720 for t in interval)
    return low <= 0 <= high


def one(series, seed: int = 1):
    """The judgement of one series."""
    return judge([series], rng=np.random.default_rng(seed))


# found ------------------------------------------------------------------------------------


def test_the_kazakh_evening(histories) -> None:
    """20–22 at ×1/8, a pair per 20 min, 7 nights, 30 % missing: found with both ends, 30 times."""
    for seed in range(30):
        h = histories.measured(np.random.default_rng(seed), 7)
        (curfew,) = one(h.series(Basis.PAIRS, log_ratio=h.slowed(h.inside(20, 22), 8))).curfews
        (window,) = curfew.windows
        assert holds(window.start_interval, 20 * 60)
        assert holds(window.end_interval, 22 * 60)
        assert window.weekdays == (0, 1, 2, 3, 4, 5, 6)
        assert curfew.slower_by.low <= 8.5
        assert curfew.slower_by.high >= 7.5
        assert (curfew.state, curfew.scope, curfew.isolated) == (State.SLOWED, Scope.TARGETED, True)
        assert curfew.nights_seen <= curfew.nights_measured <= 8


def test_every_field_is_filled_honestly(histories) -> None:
    """128 kbit/s for 14 nights on three lines: level, lines, rule, profile, and valid JSON."""
    h = histories.measured(np.random.default_rng(3), 14)
    line = np.array([f"line-{n}" for n in h.rng.integers(0, 3, h.n)], dtype=object)
    x = h.slowed(h.inside(20, 22), 8_000 / 128)
    got = one(h.series(Basis.PAIRS, log_ratio=x, null_log_ratio=h.noise(), line=line))
    (curfew,) = got.curfews
    assert curfew.lines == 3
    assert curfew.claim_level is ClaimLevel.L3
    assert curfew.rule_id == "nights.window.pairs"
    assert curfew.rule_id in RULES
    assert (curfew.ruleset, curfew.profile) == (RULESET, NIGHTLY_2026.name)
    assert curfew.q_value is not None
    assert curfew.p_value <= look_p(14, NIGHTLY_2026)
    assert (
        curfew.effect.low <= curfew.effect.in_window <= curfew.effect.high < curfew.effect.outside
    )
    assert curfew.slower_by.low <= 62.5 <= curfew.slower_by.high
    assert curfew.onset is None
    assert curfew.lifting is None
    assert curfew.caveats == ()
    assert '"kind":"curfew"' in to_json_line(curfew)
    assert got.findings[0].state is SeriesState.CURFEW


@pytest.mark.parametrize(
    ("hours", "weekdays", "nights"),
    [
        ([(23, 1.5)], range(7), 14),
        ([(1, 9)], range(7), 14),
        ([(18, 6)], range(7), 14),
        ([(7, 11), (13, 17)], range(5), 28),
        ([(18, 23)], [3], 42),
    ],
)
def test_other_shapes(histories, hours, weekdays, nights: int) -> None:
    """Across midnight, the small hours, half a day, two windows on Mon–Fri, Thursdays."""
    h = histories.measured(np.random.default_rng(11), nights)
    hit = np.zeros(h.n, dtype=bool)
    for start, end in hours:
        inside = h.inside(start, end)
        night = h.date - ((start > end) & (h.hour < end))
        hit |= inside & np.isin(night % 7, list(weekdays))  # the first date is a Monday
    failed = h.failing(np.where(hit, 0.92, 0.02))
    control = h.failing(0.02)
    (curfew,) = one(
        h.series(Basis.CONTROL_DIFFERENCE, failed=failed, control_failed=control)
    ).curfews
    assert curfew.state is State.BLOCKED
    assert curfew.scope is Scope.UNDETERMINED  # controls sit on other servers, no other network
    assert not curfew.isolated
    assert len(curfew.windows) == len(hours)
    for window, (start, end) in zip(
        sorted(curfew.windows, key=lambda w: w.start_local), sorted(hours), strict=True
    ):
        assert list(window.weekdays) == list(weekdays)
        assert holds(window.start_interval, int(start * 60))
        assert holds(window.end_interval, int(end * 60))


def test_onset_lifting_and_only_the_nights_between(histories) -> None:
    """Nights 10–24 of 40: dates in their intervals, and clear nights before do not count."""
    h = histories.measured(np.random.default_rng(12), 40)
    hit = h.inside(20, 22) & (h.date >= 10) & (h.date <= 24)
    (curfew,) = one(h.series(Basis.PAIRS, log_ratio=h.slowed(hit, 8))).curfews
    assert curfew.onset.earliest <= "2018-04-05" <= curfew.onset.latest
    assert curfew.lifting.earliest <= "2018-04-20" <= curfew.lifting.latest
    assert 13 <= curfew.nights_measured <= 16


def test_waves_are_named(histories) -> None:
    """Two waves, two weeks apart: one curfew, both waves its episodes, the gap not counted."""
    h = histories.measured(np.random.default_rng(13), 45)
    on = ((h.date >= 3) & (h.date <= 14)) | ((h.date >= 29) & (h.date <= 40))
    (curfew,) = one(h.series(Basis.PAIRS, log_ratio=h.slowed(h.inside(20, 22) & on, 8))).curfews
    assert len(curfew.episodes) == 2
    assert all(wave.onset and wave.lifting for wave in curfew.episodes[:1])
    assert 21 <= curfew.nights_measured <= 26


def test_congestion_beside_the_curfew_does_not_hide_it(histories) -> None:
    """Both at once: pairs still tell the name apart."""
    h = histories.measured(np.random.default_rng(14), 14)
    scale = np.where(h.inside(19, 23), 0.4, 0.19)
    x = h.noise(scale) - np.where(h.inside(20, 22), np.log(8), 0)
    (curfew,) = one(h.series(Basis.PAIRS, log_ratio=x, null_log_ratio=h.noise(scale))).curfews
    assert curfew.scope is Scope.TARGETED


def test_zero_bytes_are_evidence(histories) -> None:
    """Transfers that brought nothing, as −∞: found, as blocking."""
    h = histories.measured(np.random.default_rng(15), 10)
    x = np.where(h.inside(20, 22), -np.inf, h.noise())
    (curfew,) = one(h.series(Basis.PAIRS, log_ratio=x)).curfews
    assert curfew.state is State.BLOCKED
    assert curfew.slower_by is None


def test_across_a_zone_change(histories) -> None:
    """20–22 on the wall clock through the end of summer time: still 20–22, every night."""
    import datetime as dt

    h = histories.measured(
        np.random.default_rng(16), 14, zone="Europe/Berlin", first=dt.date(2024, 10, 20)
    )
    (curfew,) = one(h.series(Basis.PAIRS, log_ratio=h.slowed(h.inside(20, 22), 8))).curfews
    (window,) = curfew.windows
    assert holds(window.start_interval, 20 * 60)
    assert holds(window.end_interval, 22 * 60)


def test_an_archives_clock_is_said(histories) -> None:
    """Imported stamps are used, and the claim says that nobody verified them."""
    h = histories.measured(np.random.default_rng(17), 14)
    series = h.series(
        Basis.UNPAIRED,
        failed=h.failing(np.where(h.inside(20, 22), 0.95, 0.01)),
        clock_verified=np.zeros(h.n, dtype=bool),
        archive_clock=True,
    )
    (curfew,) = one(series).curfews
    assert any(caveat.startswith("clock not verified") for caveat in curfew.caveats)
    assert curfew.scope is Scope.UNDETERMINED
    assert "no concurrent control on this network" in curfew.scope_because
    assert curfew.claim_level is ClaimLevel.L2
    assert curfew.lines is None


def test_two_networks_reach_level_five(histories) -> None:
    """Three lines each on two networks, by pairs: L5 on both."""
    series = []
    for seed, network in ((1, "AS1"), (2, "AS2")):
        h = histories.measured(np.random.default_rng(seed), 14, network=network)
        line = np.array([f"{network}-{n}" for n in h.rng.integers(0, 4, h.n)], dtype=object)
        x = h.slowed(h.inside(20, 22), 8)
        series.append(h.series(Basis.PAIRS, log_ratio=x, line=line))
    got = judge(series, rng=np.random.default_rng(1))
    assert [curfew.claim_level for curfew in got.curfews] == [ClaimLevel.L5, ClaimLevel.L5]


# innocent ---------------------------------------------------------------------------------


def congested_pairs(h):
    """Both arms suffer alike, and so do the neutral pairs."""
    scale = np.where(h.inside(20, 23), 0.5, 0.19)
    return {"log_ratio": h.noise(scale), "null_log_ratio": h.noise(scale)}


def failing_when(when):
    """Nearly everything fails on these rows."""
    return lambda h: {"failed": h.failing(np.where(when(h), 0.95, 0.02))}


INNOCENT = {
    "dense evenings, pairs": lambda h: {"log_ratio": h.noise()},
    "congestion on everything, pairs": congested_pairs,
    "noisy evenings": lambda h: {"log_ratio": h.noise(np.where(h.inside(20, 23), 0.6, 0.19))},
    "a dip of a quarter": lambda h: {"log_ratio": h.noise() - 0.3 * h.inside(20, 23)},
    "one match night": failing_when(lambda h: h.inside(19, 24) & (h.date == 4)),
    "whole bad days": failing_when(lambda h: (h.rng.random(h.date.max() + 1) < 0.3)[h.date]),
    "site down for two days": failing_when(lambda h: (h.minute > 5000) & (h.minute < 8200)),
    "a tenth fails": lambda h: {"failed": h.failing(0.1)},
}


@pytest.mark.parametrize("name", INNOCENT)
def test_innocent_series_claim_nothing(histories, name: str) -> None:
    """25 seeds of each, 14 nights with dense evenings: no claim, and always a reason."""
    for seed in range(25):
        h = histories.measured(np.random.default_rng(seed), 14, every_min=60, evening_every_min=10)
        known = INNOCENT[name](h)
        basis = Basis.PAIRS if "log_ratio" in known else Basis.UNPAIRED
        got = one(h.series(basis, **known), seed)
        assert got.curfews == (), (name, seed)
        assert got.findings[0].state in (SeriesState.NONE, SeriesState.INSUFFICIENT)
        assert got.findings[0].reason


def test_two_hundred_innocent_series(histories) -> None:
    """Dense evenings, 200 seeds: at most two false alarms (1 %)."""
    alarms = 0
    for seed in range(200):
        h = histories.measured(np.random.default_rng(seed), 14, every_min=60, evening_every_min=10)
        alarms += len(one(h.series(Basis.PAIRS, log_ratio=h.noise()), seed).curfews)
    assert alarms <= 2


@pytest.mark.parametrize("controls", [1, 3])
def test_evening_congestion_that_hits_the_controls_too(histories, controls: int) -> None:
    """60–80 % of everything fails 20–23: never targeted, and the reason names the controls."""
    named = 0
    for seed in range(25):
        h = histories.measured(np.random.default_rng(seed), 14, every_min=60, evening_every_min=10)
        rate = np.where(h.inside(20, 23), 0.7, 0.03)
        control = np.mean([h.failing(rate) for _ in range(controls)], axis=0)
        got = one(
            h.series(Basis.CONTROL_DIFFERENCE, failed=h.failing(rate), control_failed=control), seed
        )
        assert got.curfews == ()
        named += "generalized" in got.findings[0].reason
    assert named >= 20


# too little -------------------------------------------------------------------------------


def reason_of(series) -> str:
    """Of a series that must be insufficient."""
    got = one(series)
    assert got.curfews == ()
    assert got.findings[0].state is SeriesState.INSUFFICIENT
    assert got.findings[0].p_value is None
    return got.findings[0].reason


def test_an_empty_series(histories) -> None:
    """No rows, or none that can be used: insufficient, with the counts of what was left out."""
    h = histories.measured(np.random.default_rng(1), 3)
    empty = histories.History(rng=h.rng, minute=np.zeros(0))
    assert reason_of(empty.series(Basis.PAIRS)) == "no usable rows"
    nothing = reason_of(h.series(Basis.PAIRS))
    assert f"{h.n} without a usable time or outcome" in nothing
    unverified = h.series(
        Basis.PAIRS, log_ratio=h.noise(), clock_verified=np.zeros(h.n, dtype=bool)
    )
    assert f"{h.n} with an unverified clock" in reason_of(unverified)


def test_four_nights(histories) -> None:
    """Four nights, however bad, are no pattern."""
    h = histories.measured(np.random.default_rng(2), 4)
    assert "4 nights measured" in reason_of(
        h.series(Basis.PAIRS, log_ratio=h.slowed(h.inside(20, 22), 20))
    )


def test_only_evenings(histories) -> None:
    """A curfew measured from 18 to 24 only: the daytime was not measured."""
    h = histories.measured(np.random.default_rng(3), 14, every_min=10, hours=(18, 24))
    reason = reason_of(h.series(Basis.PAIRS, log_ratio=h.slowed(h.inside(20, 22), 20)))
    assert reason.startswith("daytime not measured")


def test_two_hours_of_daylight(histories) -> None:
    """From 16 to 24 on every date: two different hours before 18 are not a day."""
    h = histories.measured(np.random.default_rng(3), 14, every_min=10, hours=(16, 24))
    reason = reason_of(h.series(Basis.PAIRS, log_ratio=h.slowed(h.inside(20, 22), 20)))
    assert reason.startswith("daytime not measured: rows in 2 different hours")


def test_dead_controls(histories) -> None:
    """Controls that never work say nothing about the target."""
    h = histories.measured(np.random.default_rng(4), 14)
    failed = h.failing(np.where(h.inside(20, 22), 0.95, 0.02))
    series = h.series(Basis.CONTROL_DIFFERENCE, failed=failed, control_failed=np.ones(h.n))
    assert "controls failed too" in reason_of(series)


def test_an_unknown_zone(histories) -> None:
    """One wrong zone name does not stop the others."""
    h = histories.measured(np.random.default_rng(5), 7)
    series = h.series(Basis.PAIRS, log_ratio=h.noise())
    assert "Asia/Nowhere" in reason_of(replace(series, timezone="Asia/Nowhere"))


def test_a_probe_gap_is_not_a_clear_week(histories) -> None:
    """Ten unmeasured nights in the middle: found, one episode, and not counted as measured."""
    h = histories.measured(np.random.default_rng(6), 28)
    kept = (h.date < 9) | (h.date > 18)
    h.minute = h.minute[kept]
    (curfew,) = one(h.series(Basis.PAIRS, log_ratio=h.slowed(h.inside(20, 22), 8))).curfews
    assert curfew.nights_measured <= 19
    assert len(curfew.episodes) == 1


# the whole ----------------------------------------------------------------------------------


def test_one_finding_a_series_in_their_order(histories) -> None:
    """Many series, one with a curfew: one line each, q over all judged, and the claim stands."""
    rng = np.random.default_rng(7)
    series = []
    for number in range(12):
        h = histories.measured(rng, 14, network=f"AS{number}", every_min=40)
        x = h.slowed(h.inside(20, 22) & (number == 5), 20)
        series.append(h.series(Basis.PAIRS, log_ratio=x))
    got = judge(series, rng=rng)
    assert [f.network for f in got.findings] == [f"AS{n}" for n in range(12)]
    assert [c.network for c in got.curfews] == ["AS5"]
    assert got.findings[5].q_value > got.findings[5].p_value


def test_order_of_rows_does_not_matter(histories) -> None:
    """Shuffled rows give the same judgement with the same random state."""
    h = histories.measured(np.random.default_rng(8), 14)
    series = h.series(Basis.PAIRS, log_ratio=h.slowed(h.inside(20, 22), 8))
    order = np.random.default_rng(1).permutation(h.n)
    shuffled = replace(
        series,
        **{
            name: getattr(series, name)[order]
            for name in ("started_us", "failed", "log_ratio", "null_log_ratio", "control_failed",
                         "clock_verified")
        },
    )  # fmt: skip
    assert one(series) == one(shuffled)


def test_garbage_never_crashes(histories) -> None:
    """Rows of anything, 40 seeds: a finding, never an exception."""
    odd = np.array([NAN, np.inf, -np.inf, 0.0, 1.0, -3.7, 1e300, -1e300, 0.5])
    for seed in range(40):
        rng = np.random.default_rng(seed)
        h = histories.measured(rng, 6)
        series = h.series(
            [Basis.PAIRS, Basis.CONTROL_DIFFERENCE, Basis.UNPAIRED][seed % 3],
            failed=rng.choice(odd, h.n),
            log_ratio=rng.choice(odd, h.n),
            null_log_ratio=rng.choice(odd, h.n),
            control_failed=rng.choice(odd, h.n),
        )
        at = rng.choice([0, -(2**62), 2**62], h.n)
        series = replace(series, started_us=np.where(rng.random(h.n) < 0.2, at, series.started_us))
        assert len(one(series).findings) == 1


def test_looks_spend_one_per_cent() -> None:
    """.005 at 5 nights, .0025 at 7, and on; the sum over all looks of five years is below 1 %."""
    assert [look_p(n, NIGHTLY_2026) for n in (4, 5, 6, 7, 28, 56, 111, 112, 1792)] == [
        0.0, 0.005, 0.005, 0.0025, 0.000625, 0.0003125, 0.0003125, 0.00006, 0.00006,
    ]  # fmt: skip
    looks = (5, 7, 14, 28, 56, 112, 224, 448, 896, 1792)
    assert sum(look_p(n, NIGHTLY_2026) for n in looks) <= NIGHTLY_2026.p_max
    assert 1 / (NIGHTLY_2026.rotations_max + 1) <= NIGHTLY_2026.look_p_late


def test_sixty_nights_are_judged_quickly(histories) -> None:
    """60 nights × 72 rows with a curfew: well under two seconds even on a busy machine."""
    h = histories.measured(np.random.default_rng(9), 60, missing=0.0)
    series = h.series(Basis.PAIRS, log_ratio=h.slowed(h.inside(20, 22), 8))
    before = time.process_time()
    got = one(series)
    assert got.curfews[0].pattern is Pattern.WINDOW
    assert time.process_time() - before < 2.0


def test_three_guilty_among_many_innocent(histories) -> None:
    """×8 in three of a hundred series, a week of nights: found, and none of the others."""
    many = []
    for seed in range(103):
        h = histories.measured(np.random.default_rng(seed), 7, service=f"s{seed}")
        bad = h.inside(20, 22) if seed < 3 else h.inside(0, 0)
        many.append(h.series(Basis.PAIRS, log_ratio=h.slowed(bad, 8, share=1.0)))
    found = judge(many, rng=np.random.default_rng(1))
    assert {c.service for c in found.curfews} == {"s0", "s1", "s2"}
    assert all(c.q_value <= 0.05 for c in found.curfews)


def test_measuring_again_because_it_is_slow_convicts_nobody(histories) -> None:
    """Even-handed noise; whoever sees a slow pair measures three more at once, which agree."""
    claimed = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        h = histories.measured(rng, 21, missing=0.0)
        x = h.noise(np.where(h.inside(19, 23), 0.7, 0.15))
        again = np.flatnonzero(h.inside(19, 23) & (x < -0.7))
        minute = np.concatenate((h.minute, *(h.minute[again] + 1.7 * k for k in (1, 2, 3))))
        ratio = np.concatenate((x, *(x[again] + rng.normal(0, 0.3, again.size) for _ in range(3))))
        more = histories.History(rng=rng, minute=minute)
        claimed += len(one(more.series(Basis.PAIRS, log_ratio=ratio)).curfews)
    assert claimed <= 1
