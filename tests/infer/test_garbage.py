"""Garbage in: no exception, no claim, and every row that was not used is counted.

Rows come from archives, from machines without a clock and from programs with faults, so anything an
int64 or a float64 can hold may stand in a series. Half of the tests below hold real curfews and
innocent nights against the same garbage, because a detector that throws everything away passes the
other half.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenfall.infer.carpet import carpet_of
from evenfall.infer.nights import Judgement, judge
from evenfall.infer.series import Basis, Series
from evenfall.model.encoding import to_json_line
from evenfall.model.vocabulary import SeriesState

NAN, INF = float("nan"), float("inf")
FLOATS = (NAN, INF, -INF, -1.0, 0.0, 1.0, 0.3, 7.0, 1e15, 1e16, -1e300, 5e-324, 34.5, 36.8)
STAMPS = (
    0, -1, 1, 10**6, 86_399_999_999, 86_400_000_000, 631_152_000_000_000, 1_709_238_000_000_000,
    4_102_444_800_000_000, 7_258_118_399_999_999, 7_258_118_400_000_000, 10**18, 2**63 - 1,
    -(2**63),
)  # fmt: skip
ROW_COLUMNS = (
    "started_us", "failed", "log_ratio", "null_log_ratio", "control_failed", "clock_verified",
    "control_log_goodput", "target_bps", "control_bps", "line",
)  # fmt: skip
NOVEMBER_2023_US = 1_700_000_000_000_000


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    """The arrays' library must not complain either: a warning is a value that nobody meant."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def made(n: int, **columns: object) -> Series:
    """A series of n rows, every column unknown but for those given."""
    unknown = np.full(n, NAN)
    fields: dict[str, object] = {
        "service": "video",
        "network": "AS64500",
        "timezone": "Asia/Almaty",
        "basis": Basis.PAIRS,
        "started_us": NOVEMBER_2023_US + np.arange(n, dtype=np.int64) * 1_200_000_000,
        "failed": unknown,
        "log_ratio": unknown,
        "null_log_ratio": unknown,
        "control_failed": unknown,
        "line": None,
        "clock_verified": np.ones(n, dtype=bool),
    }
    return Series(**{**fields, **columns})  # type: ignore[arg-type]  # (columns by name)


def taken(series: Series, rows: np.ndarray) -> Series:
    """The same series with these rows, in this order, as often as they are named."""
    columns = {name: getattr(series, name) for name in ROW_COLUMNS}
    kept = {name: None if column is None else column[rows] for name, column in columns.items()}
    return replace(series, **kept, mix={name: c[rows] for name, c in series.mix.items()})


def judged(*series: Series, seed: int = 1) -> Judgement:
    """Judge them."""
    return judge(series, rng=np.random.default_rng(seed))


def nothing_claimed(series: Series) -> None:
    """No claim, a printable finding, and rows used + rows left out = rows."""
    judgement = judged(series)
    (finding,) = judgement.findings
    assert judgement.curfews == (), finding.reason
    assert finding.state in (SeriesState.NONE, SeriesState.INSUFFICIENT)
    assert finding.reason
    assert finding.n + sum(finding.left_out.values()) == series.started_us.size
    assert set(finding.left_out) <= {"clock", "time", "value"}
    assert to_json_line(finding)
    carpet = carpet_of(series)
    assert carpet.n.sum() + carpet.n_left_out == series.started_us.size


@st.composite
def garbage(draw: st.DrawFn) -> Series:
    """Any basis, any zone, any values, dense or sparse, with or without what may be absent."""
    n = draw(st.integers(0, 1500))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    wild = draw(st.floats(0, 1))

    def values(plain: np.ndarray) -> np.ndarray:
        return np.where(rng.random(n) < wild, rng.choice(FLOATS, n), plain)

    stamps = NOVEMBER_2023_US + rng.integers(0, draw(st.integers(1, 90)) * 86_400, n) * 1_000_000
    odd = rng.random(n) < draw(st.sampled_from([0.0, 0.01, 0.5]))
    stamps = np.where(odd, rng.choice(np.array(STAMPS, dtype=np.int64), n), stamps)
    told = draw(st.booleans())
    return made(
        n,
        basis=draw(st.sampled_from(list(Basis))),
        timezone=draw(
            st.sampled_from(["Asia/Almaty", "Europe/Berlin", "UTC", "Africa/Casablanca"])
        ),
        service=draw(st.sampled_from(["video", "", "\x00", "<b>", "я" * 3000])),
        started_us=stamps.astype(np.int64),
        failed=values((rng.random(n) < 0.05).astype(float)),
        log_ratio=values(rng.standard_t(2, n) * 0.2),
        null_log_ratio=values(rng.standard_t(2, n) * 0.2),
        control_failed=values(rng.random(n)),
        control_log_goodput=values(rng.normal(0, 0.3, n)) if told else None,
        target_bps=values(rng.lognormal(15, 1, n)) if told else None,
        control_bps=values(rng.lognormal(16, 1, n)) if told else None,
        line=rng.choice(np.array(["a", "b", None], dtype=object), n) if told else None,
        clock_verified=rng.random(n) < draw(st.sampled_from([0.0, 0.5, 1.0])),
        archive_clock=draw(st.booleans()),
        mix={"software": rng.choice(np.array(["x", "y", None], dtype=object), n)} if told else {},
    )


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(garbage())
def test_random_garbage_never_raises_and_is_never_a_claim(series: Series) -> None:
    """Values, stamps and flags drawn at random, half of them impossible."""
    nothing_claimed(series)


@pytest.mark.parametrize("basis", list(Basis))
@pytest.mark.parametrize(
    "value", [NAN, INF, 1e15, 1e16, -1e300, 34.5e300], ids=["nan", "inf", "1e15", "1e16", "-", "+"]
)
def test_one_impossible_value_everywhere(basis: Basis, value: float) -> None:
    """A column of one such value: nothing usable, and all rows are counted out as values."""
    n = 72 * 20
    columns = dict.fromkeys(("failed", "log_ratio", "null_log_ratio"), np.full(n, value))
    series = made(n, basis=basis, **columns, control_failed=np.full(n, value))
    nothing_claimed(series)
    (finding,) = judged(series).findings
    assert (finding.n, finding.left_out) == (0, {"value": n})


def test_all_equal_and_all_failing() -> None:
    """A flat series is none; one that always fails, with nothing beside it, cannot tell."""
    n = 72 * 20
    nothing_claimed(made(n, log_ratio=np.zeros(n)))
    nothing_claimed(made(n, basis=Basis.UNPAIRED, log_ratio=np.full(n, 3.0)))
    always = made(n, basis=Basis.UNPAIRED, failed=np.ones(n))
    nothing_claimed(always)
    assert judged(always).findings[0].state is SeriesState.INSUFFICIENT


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_hardly_any_rows(n: int) -> None:
    """No row, one row, two: insufficient, with a reason."""
    for fails in (0.0, 1.0):
        series = made(n, failed=np.full(n, fails))
        nothing_claimed(series)
        assert judged(series).findings[0].state is SeriesState.INSUFFICIENT
    assert judged().findings == ()


def test_a_million_rows_of_one_second(rng: np.random.Generator) -> None:
    """However many rows: one moment is one night."""
    n = 1_000_000
    same = np.full(n, NOVEMBER_2023_US, dtype=np.int64)
    for series in (
        made(n, started_us=same, failed=(rng.random(n) < 0.9).astype(float)),
        made(n, started_us=same, log_ratio=rng.standard_t(2, n) - 3, basis=Basis.UNPAIRED),
    ):
        nothing_claimed(series)
        (finding,) = judged(series).findings
        assert finding.reason.startswith("1 night measured")


@pytest.fixture
def rng() -> np.random.Generator:
    """The same numbers every time."""
    return np.random.default_rng(0)


@pytest.mark.parametrize("stamp", STAMPS)
def test_impossible_times_are_counted_out(histories, rng, stamp: int) -> None:
    """Failures at one odd stamp beside an innocent fortnight: no claim, in time or counted."""
    h = histories.measured(rng, 14)
    series = h.series(Basis.PAIRS, log_ratio=h.noise(), failed=np.zeros(h.n))
    odd = np.r_[series.started_us, np.full(50, stamp, dtype=np.int64)]
    rows = np.r_[np.arange(h.n), np.zeros(50, dtype=int)]
    dirty = replace(taken(series, rows), started_us=odd)
    nothing_claimed(dirty)
    left_out = judged(dirty).findings[0].left_out
    possible = 86_400_000_000 <= stamp < 7_258_118_400_000_000
    assert left_out == ({} if possible else {"time": 50})


@pytest.mark.parametrize(
    "zone", ["Mars/Base", "", "../../etc/passwd", "Asia", "\x00", "x" * 10_000]
)
def test_an_unknown_zone_is_a_reason(zone: str) -> None:
    """The others are judged all the same."""
    n = 72 * 10
    good = made(n, log_ratio=np.zeros(n))
    bad = replace(good, timezone=zone, network="AS1")
    judgement = judged(bad, good)
    assert judgement.curfews == ()
    assert judgement.findings[0].state is SeriesState.INSUFFICIENT
    assert "time zone" in judgement.findings[0].reason
    assert judgement.findings[1].state is SeriesState.NONE


# a real curfew and innocent nights, in the same garbage -----------------------------------


def curfew(histories, rng) -> Series:
    """20–22 at ×1/8, 14 nights."""
    h = histories.measured(rng, 14)
    return h.series(Basis.PAIRS, log_ratio=h.slowed(h.inside(20, 22), 8), failed=np.zeros(h.n))


def innocent(histories, rng) -> Series:
    """Nothing but noise and some failures, 14 nights."""
    h = histories.measured(rng, 14)
    return h.series(Basis.PAIRS, log_ratio=h.noise(), failed=h.failing(0.03))


@pytest.mark.parametrize("maker", [curfew, innocent])
def test_the_order_of_rows_does_not_matter(histories, maker) -> None:
    """Shuffled, reversed and sorted: the same judgement to the last digit."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        series = maker(histories, rng)
        expected = judged(series)
        assert bool(expected.curfews) is (maker is curfew)
        for rows in (rng.permutation(len(series.failed)), np.arange(len(series.failed))[::-1]):
            assert judged(taken(series, rows)) == expected


def test_duplicates_make_no_claim(histories) -> None:
    """Innocent nights with every row thirty times over, or some rows three hundred times."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        series = innocent(histories, rng)
        n = len(series.failed)
        nothing_claimed(taken(series, np.repeat(np.arange(n), 30)))
        some = rng.choice(n, 20, replace=False)
        nothing_claimed(taken(series, np.r_[np.arange(n), np.repeat(some, 300)]))


def test_duplicates_make_no_night(histories) -> None:
    """Four nights of a real curfew are four nights, also with each row a hundred times."""
    rng = np.random.default_rng(3)
    h = histories.measured(rng, 4)
    series = h.series(Basis.PAIRS, log_ratio=h.slowed(h.inside(20, 22), 8))
    many = taken(series, np.repeat(np.arange(h.n), 100))
    nothing_claimed(many)
    assert judged(many).findings[0].reason.startswith("4 nights measured")


def test_a_curfew_is_found_in_garbage(histories) -> None:
    """The same window with a fifth as many impossible rows around it, which are counted."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        series = curfew(histories, rng)
        n = len(series.failed)
        rows = np.r_[np.arange(n), rng.integers(0, n, 60)]
        dirty = taken(series, rows)
        dirty.started_us[n : n + 20] = rng.choice([0, 10**18, -1], 20)
        dirty.log_ratio[n + 20 : n + 40] = rng.choice([NAN, INF, 1e15], 20)
        dirty.failed[n + 20 : n + 40] = rng.choice([NAN, 0.5, -1.0], 20)
        dirty.clock_verified[n + 40 :] = False
        (clean_one,), (dirty_one,) = judged(series).curfews, judged(dirty).curfews
        assert dirty_one.windows == clean_one.windows
        (finding,) = judged(dirty).findings
        assert finding.left_out == {"clock": 20, "time": 20, "value": 20}
        said = " ".join(dirty_one.caveats)
        assert "20 rows with an unverified clock were left out" in said
        assert "40 rows without a usable time or outcome were left out" in said


def test_impossible_speeds_do_not_speak(histories) -> None:
    """Negative, endless and 10^16 bit/s behind the ratios of innocent nights: no rate, no claim."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        series = innocent(histories, rng)
        wild = np.array([NAN, -1.0, INF, -INF, 1e15, 1e16, 0.0])
        n = len(series.failed)
        nothing_claimed(
            replace(series, target_bps=rng.choice(wild, n), control_bps=rng.choice(wild, n))
        )
