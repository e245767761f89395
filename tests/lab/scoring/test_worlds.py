"""Worlds scored: the same again, on any number of processes, and nobody sees more than a prefix."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields, replace

import numpy as np
import pytest

from evenfall.infer.localtime import load_zone
from evenfall.infer.series import Basis, Series
from evenfall.lab.nights import FAMILIES, NightWorld, bytes_carried, draw, observations
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


@pytest.mark.parametrize("family", ["curfew_eighth", "curfew_difference", "blocked_archive"])
def test_bytes_are_those_of_the_rows(family: str) -> None:
    """Added up from the bodies that the rows of the store would tell; an archive tells none."""
    world = draw(family, 9_000)
    hit = world.truth.hits[0]
    rows = [
        one for one in observations(world)
        if one.network == hit.network and (one.service == hit.service or one.role == "control"
                                           or one.is_null_pair)
    ]  # fmt: skip
    pairs = world.truth.basis == "pairs"
    rows = [one for one in rows if (one.pair_id is not None) is pairs]
    first = min(one.started_us for one in rows)
    facts = next(one for one in world.facts if one.rounds.network == hit.network)
    for nights in (1, 3, 400):
        until = first + nights * 86_400_000_000
        of_round = {one.round_id: [] for one in rows}
        for one in rows:
            of_round[one.round_id].append(one)
        shown = dict(zip(of_round, facts.rounds.shown_us.tolist(), strict=True))
        told = sum(one.body_bytes or 0 for key, group in of_round.items() for one in group
                   if shown[key] < until)  # fmt: skip
        carried = bytes_carried(world.plan, facts, hit.service, until_us=until)
        assert carried == (None if family == "blocked_archive" else told)


def test_bytes_end_at_the_first_right_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim at a later look has carried more; none is 0; an archive tells nothing."""
    found = {}
    for name in ("curfew_eighth", "blocked_archive"):
        world = draw(name, 9_000)
        found[name] = [worlds._megabytes(world, nights) for nights in (None, 0, 5, 7)]
    assert found["curfew_eighth"][:2] == [None, 0]
    assert 0 < found["curfew_eighth"][2] < found["curfew_eighth"][3]
    assert found["blocked_archive"] == [None, 0, None, None]


def changed(series: Series, name: str) -> Series:
    """The same but for one column, or one word."""
    value = getattr(series, name)
    if isinstance(value, np.ndarray):
        value = value.copy()
        kind = value.dtype.kind
        value[-1] = not value[-1] if kind == "b" else "another" if kind == "O" else 77
    elif name == "mix":
        value = value | {"software": value["software"][::-1].copy()}
        value["software"][-1] = "another"
    else:
        value = {bool: not value, str: "another"}.get(type(value), value)
        value = Basis.UNPAIRED if name == "basis" else value
    return replace(series, **{name: value})


@pytest.mark.parametrize("name", [field.name for field in fields(Series)])
def test_a_mark_sees_every_column(name: str) -> None:
    """One cell of one column, or one word, is another digest; the same is the same."""
    series = draw("null_clean", 9_000).series[0]
    assert worlds._digested(series) == worlds._digested(draw("null_clean", 9_000).series[0])
    assert worlds._digested(changed(series, name)) != worlds._digested(series)


def test_a_mark_sees_more_than_one_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What only a later seed draws differently is another mark."""
    whole = mark("null_clean")
    drawn = worlds.draw

    def other(family: str, seed: int) -> NightWorld:
        return drawn(family, seed if seed < 10_007 else seed + 1)

    monkeypatch.setattr(worlds, "draw", other)
    assert mark.__wrapped__("null_clean") != whole


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
