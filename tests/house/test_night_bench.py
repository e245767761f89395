"""The page's section on many nights: today's rows alone, all of them, and files that stay small."""

from __future__ import annotations

import importlib
from types import ModuleType

import msgspec
import pytest

from evenfall.lab.nights import FAMILIES
from evenfall.lab.scoring.constants import digest
from evenfall.lab.scoring.outcome import Outcome
from evenfall.lab.scoring.said import METHODS
from evenfall.lab.scoring.tally import DailyTally, Scored, Tally, tally_of
from evenfall.lab.scoring.tally_file import write_tally
from evenfall.lab.scoring.worlds import mark

FOUND = Outcome(
    found=True, edge_errors_min=(0, 20), edges=2, edges_covered=1, dates=1, dates_covered=1,
    date_errors=(1,), episodes=1, episodes_right=1, all_episodes_right=True, scopes=1,
    scopes_right=1, weekdays=1,
)  # fmt: skip


@pytest.fixture
def bench(repository, monkeypatch) -> ModuleType:
    """bench/night_error_rates.py."""
    monkeypatch.syspath_prepend(str(repository / "bench"))
    return importlib.import_module("night_error_rates")


def row(family: str, method: str, outcomes: list[Outcome], first: int = 10_000) -> Tally:
    """A row of today."""
    looks = (7, (), 252) if not FAMILIES[family].innocent else (None, (), None)
    scored = [Scored(first + place, one, *looks) for place, one in enumerate(outcomes)]
    innocent = FAMILIES[family].innocent
    return tally_of(family, method, scored, innocent=innocent, worlds=mark(family))


def rows() -> list[Tally]:
    """Evenfall and one peer in two families: no false alarm and half found, three and all found."""
    return [
        row("curfew_eighth", "evenfall", [FOUND, Outcome(found=False)]),
        row("curfew_eighth", "wehe", [Outcome(found=True, edge_errors_min=(0, 60))] * 2),
        row("null_clean", "evenfall", [Outcome()] * 4),
        row("null_clean", "wehe", [Outcome(false_alarm=True)] * 3 + [Outcome()]),
    ]


def daily(method: str, ever: int) -> DailyTally:
    """Daily looks of today."""
    return DailyTally(
        family="null_clean", method=method, first_seed=10_000, seeds=2, series=6, ever_claimed=ever,
        nights_from=5, nights_to=60, ruleset=rows()[0].ruleset, profile=rows()[0].profile,
        worlds=mark("null_clean"), constants=digest(),
    )  # fmt: skip


def test_the_section_holds_what_the_rows_hold(bench) -> None:
    """Counts of both kinds of families, what was not run as a dash, and the peer that is ahead."""
    text = "\n".join(bench.written([*rows(), daily("evenfall", 0), daily("wehe", 5)]))
    assert "| `null_clean` | 4 | 0 | 52.7 % | 3 (75.0 %) | – | – | – |" in text
    assert "| `all` | 4 | 0 | 52.7 % | 3 (75.0 %) | – | – | – |" in text
    assert "| `curfew_eighth` | 2 | 1 (50.0 %) | ≥ 2.5 % | 0 | 100.0 % | – | – | – |" in text
    assert "| `curfew_eighth` | 20 | 20 | 50.0 % | 1 | 100.0 % | 100.0 % | 100.0 % |" in text
    assert "| 0.0 % | 7 | 252 |\n" in text
    assert "- curfew_eighth: wehe finds 100.0 % of the worlds, Evenfall 50.0 %" in text
    assert "| `null_clean` | 6 | 0 | 39.3 % | 5 (83.3 %) |" in text
    assert "| `null_clean`: claims ≤ 1.0 %, bound ≤ 1.5 % | 0 of 4, ≤ 52.7 % | not yet" in text
    assert "found in ≥ 99.0 % | 50.0 % of 2, ≥ 2.5 % | not met |" in text
    assert (
        "| of what is found: edges in their interval ≥ 90.0 % | 1 (50.0 %) of 2 | not met |" in text
    )
    assert "more than every peer in 0 of 1 families, as many as the best in 0, fewer in 0" in text
    assert "not all peers scored in 1 | not known |" in text
    assert "or not scored: OONI's CUSUM, half of the rest, PELT | not met |" in text


def compared(found: int, peers: list[int], alarms: int = 0) -> list[Tally]:
    """Two worlds to find and two innocent ones, of Evenfall and of all peers; each peer alarms."""
    made = [
        ("evenfall", found, alarms),
        *((n, f, 1) for n, f in zip(METHODS[1:], peers, strict=True)),
    ]
    return [
        one
        for name, hits, wrong in made
        for one in (
            row("curfew_eighth", name, [FOUND] * hits + [Outcome(found=False)] * (2 - hits)),
            row("null_clean", name, [Outcome(false_alarm=place < wrong) for place in range(2)]),
        )
    ]


@pytest.mark.parametrize(
    ("found", "peers", "said"),
    [
        (2, [0, 1, 1, 0], "in 1 of 1 families, as many as the best in 0, fewer in 0 | met |"),
        (2, [0, 2, 1, 0], "as many as the best in 1, fewer in 0 | met but for ties |"),
        (1, [0, 2, 1, 0], "fewer in 1 | not met: named above, with the price |"),
    ],
)  # fmt: skip
def test_a_tie_is_not_ahead(bench, found: int, peers: list[int], said: str) -> None:
    """Ahead of all four, level with the best, or behind one; at no more false alarms."""
    text = "\n".join(bench.written(bench.added(compared(found, peers))))
    assert said in text
    assert "or not scored: none of them | met |" in text


def test_more_false_alarms_are_not_ahead(bench) -> None:
    """Whatever is found."""
    text = "\n".join(bench.written(compared(2, [0, 0, 0, 0], alarms=2)))
    assert "or not scored: Wehe, OONI's CUSUM, half of the rest, PELT | not met |" in text


@pytest.mark.parametrize(("missed", "said"), [(0, "met"), (1, "met"), (2, "not met")])
def test_a_wave_that_is_missed_is_not_right(bench, missed: int, said: str) -> None:
    """Of all seeds, not of those found: nine of ten are asked for."""
    waves = row(
        "curfew_waves", "evenfall", [FOUND] * (10 - missed) + [Outcome(found=False)] * missed
    )
    text = "\n".join(bench.written([waves]))
    assert "Where a peer is ahead" not in text, "no peer was scored"
    assert f"in ≥ 90.0 % | {100 - 10 * missed}.0 % of 10 | {said} |" in text


@pytest.mark.parametrize(
    ("series", "ever", "said"),
    [(299, 0, "not yet: 300 series"), (300, 0, "met"), (300, 3, "met"), (300, 4, "not met"),
     (50, 1, "not met")],
)  # fmt: skip
def test_too_few_series_looked_at_daily_show_nothing(
    bench, series: int, ever: int, said: str
) -> None:
    """None of fifty is no one per cent; one of fifty is more than that already."""
    looked = msgspec.structs.replace(daily("evenfall", ever), series=series)
    (line,) = bench.daily_row([looked])
    assert f"| {ever} of {series} (" in line
    assert f"%) | {said}" in line


def test_without_rows_it_says_so(bench) -> None:
    """No table of nothing."""
    text = "\n".join(bench.written([]))
    assert "No world has been scored" in text
    assert "|" not in text


@pytest.mark.parametrize(
    "other",
    [
        {"ruleset": "2018.1"},
        {"profile": "nightly-2018"},
        {"worlds": "00000000"},
        {"constants": "00000000"},
        {"constants": ""},
        {"first_seed": 9_999},
        {"family": "curfew_of_old"},
    ],
)
def test_rows_of_other_rules_worlds_or_tuning_seeds_do_not_count(bench, other) -> None:
    """An old row is never added to a new one, and no figure is published of a tuning seed."""
    now = rows()[0]
    old = msgspec.structs.replace(now, **other)
    assert bench.todays([old, now]) == [now]
    assert bench.next_seed([old]) == 10_000
    assert bench.next_seed([old, now]) == 10_002


def test_rows_of_several_files_add_up(bench, tmp_path, monkeypatch) -> None:
    """In the order of the families and methods, whatever the order of the files."""
    monkeypatch.setattr(bench, "BENCH", tmp_path)
    late = [row(one.family, one.method, [FOUND] * 3, first=10_100) for one in rows()[:2]]
    for name, group in (("night-runs-10100", late), ("night-runs-10000", rows())):
        for one in group:
            write_tally(tmp_path / f"{name}.jsonl", one)
    added = bench.added(bench.todays(bench.all_rows()))
    assert [(t.family, t.method, t.seeds) for t in added] == [
        ("curfew_eighth", "evenfall", 5), ("curfew_eighth", "wehe", 5),
        ("null_clean", "evenfall", 4), ("null_clean", "wehe", 4),
    ]  # fmt: skip


def test_a_row_of_a_thousand_worlds_stays_small() -> None:
    """All families, all methods, a thousand seeds each fit in the half mebibyte of one file."""
    line = len(msgspec.json.encode(row("curfew_eighth", "evenfall", [FOUND] * 1_000)))
    missed = len(msgspec.json.encode(row("curfew_waves", "wehe", [Outcome(found=False)] * 1_000)))
    assert max(line, missed) * len(FAMILIES) * len(METHODS) < 256 * 1024


def test_every_row_kept_of_today_is_on_the_page(bench, repository) -> None:
    """Figures of the page are those of the rows: it was written after the last of them."""
    kept = bench.todays(bench.all_rows())
    page = (repository / "docs" / "ERROR-RATES.md").read_text()
    _head, *tables = bench.written(kept)
    assert "\n".join(tables).strip() in page
