"""Stores for the accessor: a simulated fortnight, and tables with hostile names."""

from __future__ import annotations

from pathlib import Path

import pytest

from evenfall.lab.synth import write_history
from evenfall.lab.synth_case import CASES


@pytest.fixture(scope="session")
def fortnight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Video and social slowed from 20:00 to 22:00 for 14 nights; messenger left alone."""
    path = tmp_path_factory.mktemp("accessor") / "store"
    write_history(CASES["curfew_basic"], nights=14, seed=0, store_path=path)
    return path
