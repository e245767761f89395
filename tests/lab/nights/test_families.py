"""The families: names, sources, determinism, and what may be asked for."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from evenfall.infer.series import Basis
from evenfall.lab.nights import FAMILIES, NightWorld, draw
from evenfall.lab.nights.families import family_named
from evenfall.lab.nights.words import family_listing, truth_lines
from evenfall.model.errors import UsageError

BASES = {
    "pairs": {Basis.PAIRS},
    "difference": {Basis.CONTROL_DIFFERENCE},
    "unpaired": {Basis.UNPAIRED},
}


def numbers(world: NightWorld) -> list[list[float]]:
    """Every number of the series, NaN as text would have it."""
    columns = ("started_us", "log_ratio", "failed", "null_log_ratio", "control_failed")
    return [
        np.nan_to_num(getattr(series, name), nan=-99.0).tolist()
        for series in world.series
        for name in columns
    ]


def test_half_of_the_families_are_innocent_and_all_are_described() -> None:
    """Names tell which; each has a title and a source."""
    innocent = [name for name, family in FAMILIES.items() if family.innocent]
    assert len(innocent) * 2 >= len(FAMILIES)
    for name, family in FAMILIES.items():
        assert name == family.name
        assert name.startswith("null_") == family.innocent
        assert family.title.endswith(".")
        assert family.source
    assert re.search(rf"{len(FAMILIES)} families .* {len(innocent)} of them innocent",
                     family_listing(FAMILIES.values()))  # fmt: skip


def test_the_table_in_the_documents_names_each(repository: Path) -> None:
    """docs/lab.md has a row for every family, with its title and source, and no other."""
    text = (repository / "docs" / "lab.md").read_text(encoding="utf-8")
    section = text.split("\n## `evenfall lab synth`", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", section, flags=re.MULTILINE)
    assert rows == [(f.name, f.title, f.source) for f in FAMILIES.values()]


@pytest.mark.parametrize("name", list(FAMILIES))
def test_the_seed_is_everything(name: str) -> None:
    """Same seed, same world; another seed, another; the basis is that of the series."""
    world = draw(name, 11, nights=6, cadence_s=3600)
    again = draw(name, 11, nights=6, cadence_s=3600)
    assert world.truth == again.truth
    assert numbers(world) == numbers(again)
    assert numbers(world) != numbers(draw(name, 12, nights=6, cadence_s=3600))
    assert {series.basis for series in world.series} == BASES[world.truth.basis]
    assert all(series.simulated for series in world.series)
    order = [(series.service, series.network) for series in world.series]
    assert order == sorted(order)
    for series in world.series:
        assert (np.diff(series.started_us) >= 0).all()


def test_nights_and_cadence_can_be_asked_for() -> None:
    """They are in the truth, and rows follow."""
    world = draw("null_clean", 3, nights=9, cadence_s=600)
    assert (world.truth.nights, world.truth.cadence_s) == (9, 600)
    few = draw("null_clean", 3, nights=9, cadence_s=2400)
    assert world.series[0].started_us.size > 2.5 * few.series[0].started_us.size
    days = np.ptp(world.series[0].started_us) / 86_400e6
    assert 6.5 < days <= 9.1
    assert draw("curfew_waves", 3, nights=14).truth.nights == 40


def test_what_cannot_be_is_refused() -> None:
    """An unknown name is answered with those that are; figures out of range are errors."""
    with pytest.raises(UsageError, match="curfew_basic"):
        draw("nonsense", 1)
    with pytest.raises(UsageError, match="null_clean"):
        family_named("")
    for more in ({"nights": 0}, {"nights": 1001}, {"cadence_s": 59}, {"cadence_s": 86_401}):
        with pytest.raises(ValueError, match="not"):
            draw("null_clean", 1, **more)


def test_a_truth_in_words() -> None:
    """Innocent: nothing; else service, network, hours, depth, dates, and what is congested."""
    assert list(truth_lines(draw("null_clean", 1).truth)) == ["truth: nothing is done on purpose"]
    (basic, _) = truth_lines(draw("curfew_basic", 1).truth)
    assert "video on AS64500 is slowed 20:00–22:00, " in basic
    assert "at all hours" in next(truth_lines(draw("blocked_always", 1).truth))
    waves = next(truth_lines(draw("curfew_waves", 1).truth))
    assert len(re.findall(r"\d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d", waves)) == 3
    *_, last = truth_lines(draw("curfew_congested", 1).truth)
    assert "at nobody's request" in last
