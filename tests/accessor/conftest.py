"""Stores for the accessor: a simulated fortnight, and tables with hostile names."""

from __future__ import annotations

from pathlib import Path

import pytest

from evenfall.lab.nights import draw
from evenfall.lab.nights.writing import write_world


@pytest.fixture(scope="session")
def fortnight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Video and social slowed from 20:00 to 22:00 for 14 nights; messenger left alone."""
    path = tmp_path_factory.mktemp("accessor") / "store"
    write_world(draw("curfew_basic", 0, nights=14), path)
    return path
