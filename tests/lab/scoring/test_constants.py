"""The digest of the numbers that judge: every profile in use, every number, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

from evenfall.infer import levels, mix, nights, oddities, rate_cluster, scope
from evenfall.lab.peers import wehe
from evenfall.lab.scoring import outcome
from evenfall.lab.scoring.constants import constants, digest


def fresh() -> str:
    """Not the digest that is kept."""
    return digest.__wrapped__()


@pytest.mark.parametrize(
    ("module", "name", "field"),
    [
        (nights, "NIGHTLY_2026", "p_max"),
        (levels, "LEVELS_2026", "factor_min"),
        (mix, "MIX_2026", "p_max"),
        (rate_cluster, "RATE_2026", "p_max"),
    ],
)
def test_a_number_of_a_profile_changes_it(
    module: ModuleType, name: str, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of the profile staying as it was."""
    before, profile = fresh(), getattr(module, name)
    monkeypatch.setattr(module, name, replace(profile, **{field: 0.123}))
    assert fresh() != before


@pytest.mark.parametrize(
    ("module", "name"),
    [(scope, "_LINE_BAD_SHARE"), (wehe, "P_MAX"), (outcome, "IN_COMMON_MIN")],
)
def test_a_number_beside_the_profiles_changes_it(
    module: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a rule, of a peer, of what counts as found."""
    before = fresh()
    monkeypatch.setattr(module, name, 0.123)
    assert fresh() != before


def test_what_decides_nothing_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many nights are listed; a sentence; a number that another module uses as well."""
    before = fresh()
    monkeypatch.setattr(oddities, "_LISTED_MAX", 7)
    monkeypatch.setattr(oddities, "_BETWEEN", "elsewhere")
    monkeypatch.setattr(scope, "BINS_PER_DAY", levels.BINS_PER_DAY, raising=False)
    assert fresh() == before


def test_profiles_of_other_commands_are_not_in_it() -> None:
    """A constant of `check` or of the live pairs says nothing about nights."""
    names = {name.rpartition(".")[2] for name in constants()}
    assert {"NIGHTLY_2026", "LEVELS_2026", "MIX_2026", "RATE_2026"} <= names
    assert not {"CHECK_2026", "WATCH_2026", "PAIRS_2026", "ONLINE_2026", "EVENTS_2026"} & names
