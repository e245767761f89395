"""Fixtures of the store's tests; `foreign_table` is the table they import."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from foreign_table import HEADER


@pytest.fixture
def write_table(tmp_path: Path) -> Callable[..., Path]:
    """Writes lines under the header into a file of the test's own folder."""

    def write(name: str, lines: list[str]) -> Path:
        path = tmp_path / name
        path.write_text("\n".join([HEADER, *lines, ""]))
        return path

    return write
