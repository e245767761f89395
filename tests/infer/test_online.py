"""Night by night: told once that it came, once that it went, and seldom for nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evenfall.infer.night_profiles import ONLINE_2026
from evenfall.infer.online import OnlineState, Turn, turns, watch_night

SHARE_OUT, SHARE_IN = 0.02, 0.8


def nights(text: str) -> list[tuple[int, bool | None]]:
    """`x` a hit, `.` a clear night, `?` not measured; the first is day 100."""
    meaning = {"x": True, ".": False, "?": None}
    return [(100 + place, meaning[sign]) for place, sign in enumerate(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (".....", ()),
        ("x.....", ()),
        ("?????", ()),
        ("..x...x...x..", ()),  # one in four
        ("..xx", (Turn(held=True, since=102, told=103),)),
        ("..x.x", (Turn(held=True, since=102, told=104),)),
        ("..x???x", (Turn(held=True, since=102, told=106),)),
        ("xx.x.xxx.xx", (Turn(held=True, since=100, told=101),)),
        ("xx....", (Turn(held=True, since=100, told=101), Turn(held=False, since=102, told=105))),
        ("xx.?.?.??.", (Turn(True, 100, 101), Turn(False, 102, 109))),
        ("xx????????????", (Turn(True, 100, 101),)),
        ("xx.x....", (Turn(True, 100, 101), Turn(False, 104, 107))),
    ],
)
def test_small_histories(text: str, expected: tuple[Turn, ...]) -> None:
    """Worked out by hand from ln 40, ln(.2 ÷ .98) and ln 200."""
    assert turns(nights(text)) == expected


def test_the_state_can_be_kept_and_taken_up_again() -> None:
    """Night by night with the state written down in between, and all at once: the same."""
    rng = np.random.default_rng(3)
    history = [(day, bool(rng.random() < (0.8 if 40 <= day < 80 else 0.02))) for day in range(120)]
    state, told = OnlineState(), []
    for day, hit in history:
        copy = OnlineState(held=state.held, evidence=state.evidence, since=state.since)
        state, turn = watch_night(copy, day, hit)
        told += [] if turn is None else [turn]
    assert tuple(told) == turns(history)
    assert [turn.held for turn in told] == [True, False]


def run_lengths(rng: np.random.Generator, share: float, runs: int, state: OnlineState) -> list[int]:
    """Nights until the state turns."""
    lengths = []
    for _ in range(runs):
        current, night = state, 0
        while True:
            night += 1
            current, turn = watch_night(current, night, bool(rng.random() < share))
            if turn is not None:
                break
        lengths.append(night)
    return lengths


def expected_run_length(share: float) -> float:
    """Average nights to "it has come", from the chain of the evidence's values, by linear algebra.

    The values are sums of two irrational steps; they are walked through as they come.
    """
    hit, clear = math.log(SHARE_IN / SHARE_OUT), math.log((1 - SHARE_IN) / (1 - SHARE_OUT))
    limit = math.log(200)
    values = [0.0]
    moves: list[tuple[int | None, int | None]] = []

    def place(value: float) -> int | None:
        value = max(0.0, value)
        if value >= limit:
            return None
        for known, seen in enumerate(values):
            if abs(seen - value) < 1e-9:
                return known
        values.append(value)
        return len(values) - 1

    for at in range(1000):
        if at == len(values):
            break
        moves.append((place(values[at] + hit), place(values[at] + clear)))
    matrix = np.eye(len(values))
    for at, (up, down) in enumerate(moves):
        for target, chance in ((up, share), (down, 1 - share)):
            if target is not None:
                matrix[at, target] -= chance
    return float(np.linalg.solve(matrix, np.ones(len(values)))[0])


def test_false_alarms_are_years_apart() -> None:
    """With a hit in fifty nights: the average run is that of the chain, more than two years."""
    expected = expected_run_length(SHARE_OUT)
    assert expected > 2 * 365
    lengths = run_lengths(np.random.default_rng(1), SHARE_OUT, 400, OnlineState())
    assert np.mean(lengths) == pytest.approx(expected, rel=0.15)


def test_a_curfew_is_told_within_days() -> None:
    """With hits on four nights in five: on average within four nights, nine of ten within five."""
    lengths = run_lengths(np.random.default_rng(2), SHARE_IN, 1000, OnlineState())
    assert np.mean(lengths) == pytest.approx(expected_run_length(SHARE_IN), rel=0.05)
    assert np.mean(lengths) < 4
    assert np.mean(np.array(lengths) <= 5) > 0.9


def test_going_is_told_within_a_week_and_seldom_for_nothing() -> None:
    """Gone: nine of ten within six nights. Still there: falsely gone after half a year or more."""
    rng = np.random.default_rng(4)
    gone = run_lengths(rng, SHARE_OUT, 500, OnlineState(held=True))
    assert np.mean(np.array(gone) <= 6) > 0.9
    still = run_lengths(rng, SHARE_IN, 300, OnlineState(held=True))
    assert np.mean(still) > 180


def test_missing_nights_neither_help_nor_harm() -> None:
    """Nights that were not measured, put in anywhere, change only on which date it is told."""
    rng = np.random.default_rng(5)
    for _ in range(50):
        hits = [bool(rng.random() < 0.4) for _ in range(40)]
        dense = turns(list(enumerate(hits)))
        days = np.sort(rng.choice(200, size=40, replace=False))
        known = dict(zip(days.tolist(), hits, strict=True))
        sparse = turns([(day, known.get(day)) for day in range(200)])
        moved = [(t.held, int(days[t.since]), int(days[t.told])) for t in dense]
        assert [(t.held, t.since, t.told) for t in sparse] == moved


def test_the_profile_is_named() -> None:
    """A result can name the constants that it rests on."""
    assert ONLINE_2026.name == "online-2026"
