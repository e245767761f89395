"""Worlds scored: the same again, on any number of processes, and nobody sees more than a prefix."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from evenfall.infer.localtime import load_zone
from evenfall.lab.nights import FAMILIES, draw
from evenfall.lab.scoring import run, worlds
from evenfall.lab.scoring.rates import score_of
from evenfall.lab.scoring.run import families_matching, look_daily_at, methods_here, score_nights
from evenfall.lab.scoring.said import METHODS, Heard, Said
from evenfall.lab.scoring.worlds import mark, prefix, score_world
from evenfall.model.errors import UsageError


def quiet(_done: int) -> None:
    """Nobody watches."""


def test_an_innocent_and_a_guilty_world() -> None:
    """The plainest of each: Evenfall is silent in one and finds the other."""
    innocent = score_world("null_clean", 9_000, methods=METHODS, looks=True)
    guilty = score_world("curfew_basic", 9_000, methods=METHODS, looks=True)
    assert set(innocent) == set(guilty) == set(METHODS)
    assert not innocent["evenfall"].outcome.false_alarm
    assert innocent["evenfall"].first_right is None
    assert guilty["evenfall"].outcome.found
    assert guilty["evenfall"].first_right in (5, 7)


def test_what_is_missed_has_the_reason_that_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """In its own words without figures; a claim of other hours says so; found says none."""
    truth = draw("curfew_basic", 9_000).truth
    reasons = {(h.service, h.network): "no hours: p 0.021, a claim needs 1e-05" for h in truth.hits}
    first = truth.hits[0]
    other = Said(service=first.service, network=first.network, always=True, spans=())
    for claims, expected in (
        ((), ("no hours: p …, a claim needs …",)),
        ((other,), ("it claims other hours, or another pattern", "no hours: p …, a claim needs …")),
    ):
        heard = {"evenfall": Heard(claims=claims, reasons=reasons)}
        monkeypatch.setattr(worlds, "says", lambda *_a, _heard=heard, **_k: _heard)
        scored = score_world("curfew_basic", 9_000, methods=("evenfall",), looks=False)
        assert scored["evenfall"].because == expected
    monkeypatch.undo()
    assert (
        score_world("curfew_basic", 9_000, methods=METHODS, looks=False)["evenfall"].because == ()
    )


def test_scores_are_made_again_to_the_digit() -> None:
    """One process or two, twice: the same tallies in the same order."""
    settings = {"methods": METHODS, "prefixes": 1, "progress": quiet}
    names = ("null_failing", "curfew_drawn")
    one = list(score_nights(names, range(9_100, 9_103), jobs=1, **settings))
    two = list(score_nights(names, range(9_100, 9_103), jobs=2, **settings))
    assert one == two
    assert [(t.family, t.method) for t in one] == [(f, m) for f in names for m in METHODS]
    assert {(t.seeds, t.first_seed) for t in one} == {(3, 9_100)}
    assert {t.worlds for t in one} == {mark(name) for name in names}
    assert all(score_of(t).tuning for t in one)


def test_progress_is_told_for_every_world() -> None:
    """In order, up to all of them."""
    told: list[int] = []
    list(
        score_nights(
            ("null_clean",), range(3), methods=("evenfall",), jobs=1, prefixes=0,
            progress=told.append,
        )
    )  # fmt: skip
    assert told == [1, 2, 3]


@pytest.mark.parametrize("family", ["curfew_waves", "null_dst", "blocked_archive"])
def test_a_prefix_ends_at_its_noon(family: str) -> None:
    """Every row before local noon of the last date and none after it; all columns are cut alike."""
    world = draw(family, 9_001)
    first = dt.date.fromisoformat(world.truth.first_date)
    zone = load_zone(world.truth.timezone)
    for nights in (5, 7):
        for whole, cut in zip(world.series, prefix(world.series, world.truth, nights), strict=True):
            local = [dt.datetime.fromtimestamp(us / 1e6, zone) for us in whole.started_us]
            end = first + dt.timedelta(days=nights)
            kept = [t.date() < end or (t.date() == end and t.hour < 12) for t in local]
            assert cut.started_us.tolist() == whole.started_us[kept].tolist()
            np.testing.assert_array_equal(cut.log_ratio, whole.log_ratio[kept])
            np.testing.assert_array_equal(cut.clock_verified, whole.clock_verified[kept])
            assert all(c.size == cut.started_us.size for c in cut.mix.values())


def test_daily_looks_count_series_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts are of series, not of days; families with a curfew are left out."""
    monkeypatch.setattr(worlds, "DAILY_TO", 8)
    looked = list(
        look_daily_at(
            ("null_clean", "curfew_basic"), range(9_000, 9_002), methods=METHODS, jobs=1,
            progress=quiet,
        )
    )  # fmt: skip
    assert [(t.family, t.method) for t in looked] == [("null_clean", m) for m in METHODS]
    series = sum(len(draw("null_clean", seed, nights=8).series) for seed in (9_000, 9_001))
    assert {t.series for t in looked} == {series}
    assert looked[0].ever_claimed == 0
    assert all(t.ever_claimed <= t.series for t in looked)


def test_a_series_that_is_always_claimed_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method that claims everything claims every series, once each."""
    monkeypatch.setattr(worlds, "DAILY_TO", 7)
    monkeypatch.setitem(worlds.says.__globals__["PEERS"], "wehe", lambda _seen: frozenset({20}))
    found = worlds.look_daily("null_clean", 9_000, methods=("wehe",))
    assert found["wehe"].ever_claimed == found["wehe"].series > 0


def test_families_by_pattern_and_list() -> None:
    """In the order of the table, each once; all without a name; one that means none is refused."""
    assert families_matching([]) == tuple(FAMILIES)
    assert families_matching(["null_clean,curfew_basic", "curfew_basic"]) == (
        "curfew_basic",
        "null_clean",
    )
    nulls = families_matching(["null_*"])
    assert nulls == tuple(name for name in FAMILIES if name.startswith("null_"))
    with pytest.raises(UsageError, match="curfew_basic"):
        families_matching(["curfew_bsic"])


def test_half_of_the_families_are_innocent() -> None:
    """Or nearly: what a method says of them is what it says about people."""
    innocent = sum(FAMILIES[name].innocent for name in families_matching([]))
    assert innocent * 2 >= len(FAMILIES)


def test_a_method_that_cannot_run_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others run."""
    monkeypatch.setattr(run, "why_not_run", lambda name: "absent" if name == "wehe" else "")
    methods, not_run = methods_here()
    assert "wehe" not in methods
    assert len(methods) == len(METHODS) - 1
    assert [(one.method, one.not_run) for one in not_run] == [("wehe", "absent")]
