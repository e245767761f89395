"""A verdict never changes in silence: golden verdicts, the ruleset, and the changelog agree."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from evenfall.infer.ruleset import RULESET


@pytest.fixture(scope="module")
def make() -> ModuleType:
    """The script that writes the golden file."""
    spec = importlib.util.spec_from_file_location(
        "golden_make", Path(__file__).with_name("make.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_verdicts_are_those_recorded(make: ModuleType) -> None:
    """Today's rules judge the seeded histories as the recorded ruleset did."""
    recorded = json.loads(make.GOLDEN.read_text())
    assert make.all_judged() == recorded["verdicts"]


def test_the_recorded_ruleset_is_todays(make: ModuleType) -> None:
    """A raised ruleset comes with a golden file made anew."""
    assert json.loads(make.GOLDEN.read_text())["ruleset"] == RULESET


def test_the_changelog_speaks_of_this_ruleset(repository: Path) -> None:
    """Under "Verdicts changed" stands what this ruleset changed."""
    text = (repository / "CHANGELOG.md").read_text()
    section = re.search(r"### Verdicts changed\n(.*?)\n### ", text, flags=re.DOTALL)
    assert section is not None
    assert f"`{RULESET}`" in section[1]


def test_more_than_half_of_the_golden_histories_are_innocent(make: ModuleType) -> None:
    """And the innocent ones hold no curfew."""
    recorded = json.loads(make.GOLDEN.read_text())["verdicts"]
    innocent = {name: v for name, v in recorded.items() if name.startswith("null_")}
    assert len(innocent) * 2 > len(recorded)
    for name, services in innocent.items():
        for service, found in services.items():
            assert found["state"] in {"none", "insufficient"}, f"{name}: {service}"
