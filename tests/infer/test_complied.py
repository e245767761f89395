"""Platforms that complied beside platforms that refused: a known difference, and no false one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from evenfall.infer.complied import (
    RIVAL_REASONS,
    compare_groups,
    excess_of,
    group_comparison,
    outcome_by_service,
)
from evenfall.infer.event_nights import Hours, hours_for, nightly_values
from evenfall.infer.event_profiles import EVENTS_2026
from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.search import Span
from evenfall.infer.series import Basis, Series
from evenfall.model.event import Event, EventType, Outcome, Precision

EVENING = Hours((Span(120, 12),), "20:00–22:00")
REFUSED, COMPLIED = Outcome.REFUSED, Outcome.COMPLIED


def request(service: str, outcome: Outcome | None, **more: object) -> Event:
    """A takedown request."""
    about = {"type": EventType.TAKEDOWN_REQUEST, "services": (service,), **more}
    return Event(
        title="asked", start="2018-03-01", timezone="Asia/Almaty", precision=Precision.DAY,
        source="made", outcome=outcome, **about,
    )  # fmt: skip


def series(
    histories, seed: int, service: str, inside: float, outside: float, every_min: float = 20.0
) -> Series:
    """Four weeks in which a share of the tests fails from 20 to 22, and another at other hours."""
    rng = np.random.default_rng([seed, *service.encode()])
    h = histories.measured(rng, 28, service=service, every_min=every_min)
    return h.series(Basis.UNPAIRED, failed=h.failing(np.where(h.inside(20, 22), inside, outside)))


def made(histories, seed: int, extra: float, *, each: int, every_min: float) -> list[Series]:
    """Services on unequal levels; those that refused fail more by `extra` in the evening."""
    levels = (0.02, 0.1, 0.2)
    return [
        series(histories, seed, f"{name}{n}", levels[n % 3] + more, levels[n % 3], every_min)
        for name, more in (("refused", extra), ("complied", 0.0))
        for n in range(each)
    ]


def compared(histories, seed: int, extra: float, *, each: int, every_min: float = 20.0):
    """The comparison of these services."""
    all_series = made(histories, seed, extra, each=each, every_min=every_min)
    events = [
        request(s.service, REFUSED if s.service.startswith("refused") else COMPLIED)
        for s in all_series
    ]
    return group_comparison(
        all_series, EVENING, events, NIGHTLY_2026, EVENTS_2026, np.random.default_rng(seed)
    )


@pytest.mark.parametrize("seed", range(6))
def test_the_true_difference_within_a_tenth(histories, seed: int) -> None:
    """Half of the tests more fail where it was refused: .5 ± 10 %, and the smallest p there is."""
    found = compared(histories, seed, 0.5, each=4, every_min=5)
    assert found is not None
    assert found.difference == pytest.approx(0.5, rel=0.1)
    assert found.p_value == found.p_min == pytest.approx(1 / 70)
    assert found.ways == 70
    assert found.nights in (27, 28)
    assert found.rival_reasons == RIVAL_REASONS
    assert len(found.rival_reasons) == 3
    assert found.does_not_show == "cause"


def test_no_difference_is_rarely_found(histories) -> None:
    """Both groups alike: p ≤ .05 in few of forty seeds, and differences around none."""
    found = [compared(histories, seed, 0.0, each=4) for seed in range(40)]
    assert sum(one.p_value <= 0.05 for one in found) <= 6  # P(> 6 of 40 at 5 %) is .3 %
    assert abs(np.mean([one.difference for one in found])) < 0.01


def test_few_services_are_described_and_not_tested(histories) -> None:
    """Two and two: the difference and the reason, no p."""
    found = compared(histories, 1, 0.5, each=2)
    assert found is not None
    assert found.p_value is None
    assert "too few services to test: 2 that refused, 2 that complied" in found.because
    assert found.difference == pytest.approx(0.5, rel=0.15)


def test_the_p_value_is_that_of_a_loop_over_all_ways() -> None:
    """Three of seven services, with holes: counted again by hand."""
    rng = np.random.default_rng(2)
    services = [
        {day: float(rng.random()) for day in range(20) if rng.random() < 0.7} for _ in range(7)
    ]

    def difference(chosen: tuple[int, ...]) -> float:
        each = []
        for day in range(20):
            one = [services[i][day] for i in chosen if day in services[i]]
            other = [services[i][day] for i in range(7) if i not in chosen and day in services[i]]
            if one and other:
                each.append(np.mean(one) - np.mean(other))
        return float(np.mean(each))

    found = compare_groups(services[:3], services[3:], EVENTS_2026, rng)
    ways = [difference(chosen) for chosen in itertools.combinations(range(7), 3)]
    assert found.difference == pytest.approx(difference((0, 1, 2)))
    assert found.p_value == pytest.approx(np.mean([w >= found.difference - 1e-12 for w in ways]))


def test_many_services_are_drawn_from_a_seed() -> None:
    """Ten and ten have 184,756 ways: drawn, the same for the same seed, never below 1 ÷ draws."""
    rng = np.random.default_rng(4)
    services = [{day: float(rng.random() + (i < 10)) for day in range(10)} for i in range(20)]
    one, two = (
        compare_groups(services[:10], services[10:], EVENTS_2026, np.random.default_rng(9))
        for _ in range(2)
    )
    assert one == two
    assert one.p_value == one.p_min == pytest.approx(1 / 10_000)


def test_nights_of_one_group_alone_say_nothing() -> None:
    """No night in common: no difference, and the reason."""
    found = compare_groups([{1: 0.5}], [{2: 0.5}], EVENTS_2026, np.random.default_rng(0))
    assert found.difference is None
    assert "no night" in found.because


def test_outcomes_of_services() -> None:
    """Different answers are partly; unknown ones and other events say nothing; any case."""
    events = [
        request("YouTube", REFUSED), request("youtube", COMPLIED), request("vk", COMPLIED),
        request("vk", Outcome.UNKNOWN), request("ok", None),
        request("tv", REFUSED, type=EventType.BROADCAST),
        request("x", REFUSED, services=(), platform="Mail"),
    ]  # fmt: skip
    assert outcome_by_service(events) == {
        "youtube": Outcome.PARTLY, "vk": COMPLIED, "mail": REFUSED,
    }  # fmt: skip


def test_no_group_without_both(histories) -> None:
    """Only refusals, only strangers, nothing: no comparison."""
    rng = np.random.default_rng(0)
    one = series(histories, 1, "video", 0.5, 0.0)
    for events in ([request("video", REFUSED)], [request("tv", COMPLIED)], []):
        assert group_comparison([one], EVENING, events, NIGHTLY_2026, EVENTS_2026, rng) is None
    assert group_comparison([], EVENING, [], NIGHTLY_2026, EVENTS_2026, rng) is None


def test_nights_of_a_series(histories) -> None:
    """Counted again from the made rows: share inside, rows, and the share elsewhere."""
    h = histories.measured(np.random.default_rng(3), 20)
    failed = h.failing(np.where(h.inside(20, 22), 0.6, 0.05))
    nights = nightly_values(h.series(Basis.UNPAIRED, failed=failed), EVENING, NIGHTLY_2026)
    inside = h.inside(20, 22)
    first = nights.day[0] - h.date[inside][0]
    for place, day in enumerate(nights.day):
        rows = inside & (h.date == day - first)
        assert nights.rows[place] == rows.sum()
        assert nights.value[place] == pytest.approx(failed[rows].mean())
    assert nights.elsewhere == pytest.approx(failed[~inside].mean())
    assert excess_of(nights)[int(nights.day[0])] == pytest.approx(
        nights.value[0] - nights.elsewhere
    )


@pytest.mark.parametrize(("rate", "low", "high"), [(0.95, 0.9, 1.0), (0.02, 0.0, 0.1)])
def test_bad_nights_are_those_of_the_curfew(histories, rate, low, high) -> None:
    """Nights that fail are bad, and nights that do not are not."""
    h = histories.measured(np.random.default_rng(3), 40)
    failed = h.failing(np.where(h.inside(20, 22), rate, 0.02))
    nights = nightly_values(h.series(Basis.UNPAIRED, failed=failed), EVENING, NIGHTLY_2026)
    assert low <= nights.hit.mean() <= high


def test_hours_of_a_night_come_from_the_curfew_or_the_clock() -> None:
    """Without a curfew a fixed evening; what a person asks for wins; never chosen by events."""
    assert hours_for(None, EVENTS_2026).union == (Span(108, 36),)
    asked = hours_for(None, EVENTS_2026, asked=(Span(138, 12),))
    assert "23:00–01:00" in asked.words
    assert asked.begin_after_noon
