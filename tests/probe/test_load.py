"""How much the processor was wanted: from the kernel's own table, and by hand."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from evenfall.probe.load import LoadMeter, wanted_s


def test_running_and_waiting_add_up(tmp_path: Path) -> None:
    """Both columns, in seconds; without the table the time that the process ran."""
    table = tmp_path / "schedstat"
    table.write_text("2000000000 500000000 12\n")
    assert wanted_s(table=table) == 2.5
    assert wanted_s(table=tmp_path / "none") == pytest.approx(time.process_time(), abs=0.1)
    table.write_text("nonsense\n")
    assert wanted_s(table=table) == pytest.approx(time.process_time(), abs=0.1)


@pytest.mark.parametrize(
    ("span", "wanted", "share"), [(10, 9.5, 0.95), (10, 12, 1.0), (0.5, 0.5, None)]
)
def test_the_share(span: float, wanted: float, share: float | None) -> None:
    """Of the time that passed, never above one; none after too short a time."""
    clock, used = [100.0], [3.0]
    meter = LoadMeter(lambda: clock[0], wanted=lambda: used[0])
    clock[0] += span
    used[0] += wanted
    assert meter.share() == share


def test_work_counts_and_sleep_does_not() -> None:
    """By the kernel's table: a tenth of a second of work wants about that much."""
    before = wanted_s()
    time.sleep(0.05)
    idle = wanted_s() - before
    end_s = time.thread_time() + 0.1
    while time.thread_time() < end_s:
        pass
    assert wanted_s() - before - idle >= 0.09
    assert idle < 0.05
