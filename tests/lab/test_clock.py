"""The lab's local time: compressed evenings and windows over midnight."""

from __future__ import annotations

import time

import pytest

from evenfall.lab.clock import LabClock, minutes_of, within


def test_an_evening_passes_in_ninety_seconds() -> None:
    """At speed 280, 17:00 to 24:00 takes 90 s; a moment later it is midnight."""
    clock = LabClock(start_local_minutes=17 * 60, speed=280, epoch_monotonic_s=1000.0)
    assert clock.local_minutes(1000.0) == 17 * 60
    assert clock.local_minutes(1045.0) == pytest.approx(20 * 60 + 30)
    assert clock.local_minutes(1090.0) == pytest.approx(0.0)
    assert clock.elapsed_minutes(1090.0) == pytest.approx(7 * 60)


def test_real_time_is_the_default() -> None:
    """Without a speed a minute takes a minute."""
    clock = LabClock(start_local_minutes=60, epoch_monotonic_s=0.0)
    assert clock.local_minutes(60.0) == 61.0


def test_now_is_read_from_the_monotonic_clock() -> None:
    """`minute_of_day` is `local_minutes` of now: the clock of every process of the machine."""
    clock = LabClock(start_local_minutes=600, epoch_monotonic_s=time.monotonic())
    assert 600 <= clock.minute_of_day() < 601


@pytest.mark.parametrize(
    ("at", "inside"),
    [("19:59", False), ("20:00", True), ("21:59", True), ("22:00", False), ("08:00", False)],
)
def test_windows_are_half_open(at: str, inside: bool) -> None:
    """The start belongs to the window, the end does not."""
    assert within(minutes_of(at), "20:00", "22:00") is inside


@pytest.mark.parametrize(
    ("at", "inside"), [("22:59", False), ("23:00", True), ("00:30", True), ("01:00", False)]
)
def test_windows_cross_midnight(at: str, inside: bool) -> None:
    """A window that ends before it starts goes over midnight."""
    assert within(minutes_of(at), "23:00", "01:00") is inside


def test_no_hours_means_always() -> None:
    """Both empty: always. One empty: from or until midnight."""
    assert within(0, "", "")
    assert within(1439, "18:00", "")
    assert not within(17 * 60, "18:00", "24:00")
    assert within(0, "", "06:00")


@pytest.mark.parametrize("text", ["8:00", "24:01", "20:60", "20.00", "", "aa:bb", "-1:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """Only HH:MM up to 24:00."""
    with pytest.raises(ValueError, match="not"):
        minutes_of(text)
