"""Outcomes added up: rates against scipy, rows that come back, and what a peer is ahead in."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from scipy import stats

from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.ruleset import RULESET
from evenfall.lab.scoring.compared import ahead, standing
from evenfall.lab.scoring.outcome import Outcome
from evenfall.lab.scoring.rates import NightScore, at_share, score_of
from evenfall.lab.scoring.said import METHODS
from evenfall.lab.scoring.tally import DailyTally, Scored, Tally, add_up, tally_of
from evenfall.lab.scoring.tally_file import read_tallies, write_tally
from evenfall.lab.scoring.words import daily_table, guilty_table, innocent_table
from evenfall.model.errors import FormatError


def tally(*outcomes: Outcome, first: int = 10_000, looks: tuple[int, ...] = (), **fields) -> Tally:
    """One family and method over as many seeds as there are outcomes."""
    scored = [
        Scored(first + place, one, looks[place] if place < len(looks) else None)
        for place, one in enumerate(outcomes)
    ]
    usual = {"family": "null_clean", "method": "evenfall", "innocent": True, "worlds": "0a1b2c3d"}
    chosen = usual | fields
    return tally_of(
        chosen["family"], chosen["method"], scored, innocent=chosen["innocent"],
        worlds=chosen["worlds"],
    )  # fmt: skip


def guilty(*outcomes: Outcome, **fields) -> Tally:
    """The same of a family with a curfew."""
    return tally(*outcomes, **({"family": "curfew_basic", "innocent": False} | fields))


FOUND = Outcome(
    found=True, edge_errors_min=(0, 10), edges=2, edges_covered=2, dates=1, dates_covered=1,
    date_errors=(1,), episodes=1, episodes_right=1, all_episodes_right=True, scopes=1,
    scopes_right=1, weekdays=1,
)  # fmt: skip
MISSED = Outcome(found=False)


@pytest.mark.parametrize("alarms", [0, 1, 7])
def test_false_alarms_have_exact_limits(alarms: int) -> None:
    """Rate and both one-sided 95 % limits, as scipy's exact interval."""
    score = score_of(tally(*[Outcome(false_alarm=True)] * alarms, *[Outcome()] * (40 - alarms)))
    exact = stats.binomtest(alarms, 40).proportion_ci(confidence_level=0.9, method="exact")
    assert score.false_alarms == alarms
    assert score.false_alarm_rate == pytest.approx(alarms / 40)
    assert score.false_alarm_low == pytest.approx(exact.low, abs=1e-5)
    assert score.false_alarm_high == pytest.approx(exact.high, abs=1e-5)
    assert score.power is score.coverage is score.edge_error_min_p50 is None


def test_power_has_its_lower_limit() -> None:
    """Three of four found; what was not found has no edges."""
    score = score_of(guilty(FOUND, FOUND, MISSED, FOUND))
    exact = stats.binomtest(3, 4).proportion_ci(confidence_level=0.9, method="exact")
    assert (score.found, score.power, score.false_alarm_rate) == (3, 0.75, None)
    assert score.power_low == pytest.approx(exact.low, abs=1e-5)
    assert (score.edge_error_min_p50, score.edge_error_min_p90, score.coverage) == (10, 10, 1.0)
    assert (score.onset_error_nights_p50, score.onset_coverage) == (1, 1.0)
    assert (score.episodes_right, score.scope_right, score.weekdays_right) == (1.0, 1.0, 0.0)
    assert score.all_episodes_right == 0.75, "of all worlds, the missed one too"


def test_a_method_without_intervals_has_no_coverage() -> None:
    """Null is not nought."""
    score = score_of(guilty(Outcome(found=True, edge_errors_min=(60, 60)), method="wehe"))
    assert score.edge_error_min_p50 == 60
    assert score.coverage is score.onset_coverage is score.episodes_right is None
    assert score.all_episodes_right is None


@pytest.mark.parametrize(
    ("looks", "typical"),
    [((5, 5, 7), 5), ((5, 0, 14), 14), ((0, 0, 7), None), ((), None), ((0, 0), None)],
)
def test_nights_to_the_first_right_claim(looks: tuple[int, ...], typical: int | None) -> None:
    """The median, "at no look" (0) being the latest of all."""
    assert score_of(guilty(FOUND, FOUND, FOUND, looks=looks)).nights_to_claim == typical


def test_bytes_to_the_first_right_claim() -> None:
    """The median in millions; 0 is none, and what no world tells is null."""

    def typical(*megabytes: int | None) -> int | None:
        scored = [Scored(10_000 + n, FOUND, 5, (), one) for n, one in enumerate(megabytes)]
        row = tally_of("curfew_basic", "evenfall", scored, innocent=False, worlds="0a1b2c3d")
        assert sum(row.megabytes_to_claim.values()) == sum(one is not None for one in megabytes)
        return score_of(row).megabytes_to_claim

    assert typical(250, 90, 120) == 120
    assert typical(250, 0, 120) == 250
    assert typical(250, 0, 0) is None
    assert typical(None, None) is None


def test_rows_of_different_seeds_add_up() -> None:
    """Adding two rows is scoring all seeds at once."""
    whole = guilty(FOUND, MISSED, FOUND, FOUND, looks=(5, 0, 7, 5))
    parts = (guilty(FOUND, MISSED, looks=(5, 0)), guilty(FOUND, FOUND, first=10_002, looks=(7, 5)))
    assert add_up(parts) == whole
    assert (whole.missed, whole.missed_at) == (1, (10_001,))


def test_a_row_names_twenty_seeds_and_counts_all() -> None:
    """Of thirty that were missed; the sum of two rows names the lowest."""
    row = guilty(*[MISSED] * 30)
    assert (row.missed, row.missed_at) == (30, tuple(range(10_000, 10_020)))
    both = add_up([guilty(*[MISSED] * 5, first=10_030), row])
    assert (both.missed, both.missed_at) == (35, row.missed_at)


def test_percentiles_are_by_rank() -> None:
    """Of 1, 1, 1, 4: the middle is 1, nine tenths is 4; of nothing, nothing."""
    assert [at_share({1: 3, 4: 1}, share) for share in (0.0, 0.5, 0.9, 1.0)] == [1, 1, 4, 4]
    assert at_share({}, 0.5) is None


def daily(**fields) -> DailyTally:
    """Daily looks at innocent series."""
    usual = {
        "family": "null_clean", "method": "evenfall", "first_seed": 0, "seeds": 2, "series": 6,
        "ever_claimed": 0, "nights_from": 5, "nights_to": 60, "ruleset": RULESET,
        "profile": NIGHTLY_2026.name, "worlds": "0a1b2c3d",
    }  # fmt: skip
    return DailyTally(**(usual | fields))


def test_rows_come_back_as_written(tmp_path: Path) -> None:
    """Both kinds, also what is nought or empty; a cut last line costs itself alone."""
    path = tmp_path / "rows.jsonl"
    assert read_tallies(path) == []
    rows = [tally(Outcome(), first=0), guilty(FOUND, MISSED), daily()]
    for row in rows:
        write_tally(path, row)
    with path.open("ab") as file:
        file.write(b'{"kind":"night_score","family":"nul')
    assert read_tallies(path) == rows
    write_tally(path, daily(first_seed=2))
    assert read_tallies(path) == [*rows, daily(first_seed=2)]


def test_a_line_that_is_no_row_is_named(tmp_path: Path) -> None:
    """A damaged file is refused with the line's number."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"kind":"night_score"}\n')
    with pytest.raises(FormatError, match="line 1"):
        read_tallies(path)


def test_tuning_seeds_are_said_to_be_such() -> None:
    """Below 10,000."""
    assert score_of(tally(Outcome(), first=9_999)).tuning
    assert not score_of(tally(Outcome())).tuning


def scores(own: int, theirs: int, of: int = 10) -> list[NightScore]:
    """A family in which the two find so many, and one in which both are asked for false alarms."""
    peer = {"method": "wehe"}
    found = Outcome(found=True, edge_errors_min=(5,))
    rough = Outcome(found=True, edge_errors_min=(20,))
    return [
        score_of(one)
        for one in (
            guilty(*[found] * own, *[MISSED] * (of - own)),
            guilty(*[rough] * theirs, *[MISSED] * (of - theirs), **peer),
            tally(*[Outcome()] * of),
            tally(*[Outcome(false_alarm=True)] * 3, *[Outcome()] * (of - 3), **peer),
        )
    ]


def test_a_peer_that_finds_more_is_named_with_its_price() -> None:
    """The sentence holds both powers and both rates of false alarms."""
    (sentence,) = ahead(scores(7, 9))
    assert sentence == (
        "curfew_basic: wehe finds 90.0 % of the worlds, Evenfall 70.0 %; it claims falsely in 3 of "
        "10 innocent worlds (30.0 %), Evenfall in 0 of 10 (0.0 %)"
    )


def test_why_evenfall_misses_stands_beside_a_peer_that_does_not() -> None:
    """The two most frequent reasons, with their number of worlds; rows add them up."""
    reasons = ("a gate",) * 3 + ("no hours",) * 2 + ("too few",)
    scored = [
        Scored(10_000 + place, MISSED, None, (reason,)) for place, reason in enumerate(reasons)
    ]
    parts = [
        tally_of("curfew_basic", "evenfall", part, innocent=False, worlds="0a1b2c3d")
        for part in (scored[:2], scored[2:])
    ]
    own = add_up(parts)
    assert own.missed_because == {"a gate": 3, "no hours": 2, "too few": 1}
    peer = guilty(*[FOUND] * 6, method="wehe")
    (sentence,) = ahead([score_of(own), score_of(peer)])
    assert sentence == (
        "curfew_basic: wehe finds 100.0 % of the worlds, Evenfall 0.0 %, which says of those it "
        "misses: 3 × “a gate”, 2 × “no hours”"
    )


def test_equal_is_not_ahead() -> None:
    """Nor is less; nearer edges are, where both find half."""
    assert ahead(scores(9, 9)) == []
    assert ahead(scores(9, 2)) == []
    close = scores(9, 9)
    close[1] = msgspec.structs.replace(close[1], edge_error_min_p50=0)
    assert "median edge 0 minutes off, Evenfall 5" in ahead(close)[0]


def test_tables_hold_every_family_and_method() -> None:
    """What was not run has a mark; without an innocent family there is no such table."""
    both = scores(7, 9)
    found, alarms = guilty_table(both), innocent_table(both)
    assert found is not None
    assert alarms is not None
    assert found.row_count == alarms.row_count == 1
    headers = [str(column.header) for column in alarms.columns]
    assert {"Evenfall", "Wehe", "OONI*", "half*", "PELT*"} <= set(headers)
    assert innocent_table(both[:2]) is None
    assert guilty_table(both[2:]) is None
    assert daily_table([daily()]).row_count == 1


def beside(own: int, peers: dict[str, int], alarms: dict[str, int]) -> list[NightScore]:
    """Ten worlds to find and ten innocent ones, of Evenfall and the peers named."""
    found = {"evenfall": own, **peers}
    made = [guilty(*[FOUND] * n, *[MISSED] * (10 - n), method=name) for name, n in found.items()]
    made += [
        tally(*[Outcome(false_alarm=True)] * n, *[Outcome()] * (10 - n), method=name)
        for name, n in alarms.items()
    ]
    return [score_of(one) for one in made]


PEERS = METHODS[1:]


def test_ahead_is_more_than_the_best_of_all_four() -> None:
    """More than three and as many as one is level; fewer than one is behind."""
    alarms = dict.fromkeys(METHODS, 1)
    for best, where in ((7, "led"), (8, "level"), (9, "behind")):
        held = standing(beside(8, dict.fromkeys(PEERS, 2) | {"wehe": best}, alarms))
        assert getattr(held, where) == ("curfew_basic",)
        assert sum(map(len, (held.led, held.level, held.behind, held.not_scored))) == 1
        assert held.alarms_more == ()


def test_a_peer_that_was_not_scored_is_not_beaten() -> None:
    """Neither in what is found, nor in false alarms; nor is one of other seeds."""
    alarms = dict.fromkeys(METHODS, 1)
    three = dict.fromkeys(PEERS[:3], 2)
    del alarms[PEERS[3]]
    held = standing(beside(8, three, alarms))
    assert (held.not_scored, held.alarms_more) == (("curfew_basic",), (PEERS[3],))
    late = score_of(guilty(*[MISSED] * 10, method=PEERS[3], first=11_000))
    assert standing([*beside(8, three, alarms), late]).not_scored == ("curfew_basic",)


def test_fewer_false_alarms_are_a_peers_own() -> None:
    """Compared on the families that both were scored on, as rates."""
    alarms = dict(zip(METHODS, (2, 1, 2, 3, 0), strict=True))
    scores = beside(8, dict.fromkeys(PEERS, 2), alarms)
    assert standing(scores).alarms_more == ("wehe", "ruptures_pelt")
    alone = score_of(tally(*[Outcome(false_alarm=True)] * 9, family="null_dst"))
    assert standing([*scores, alone]).alarms_more == ("wehe", "ruptures_pelt")
