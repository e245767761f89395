"""An independent reckoning of worlds of nights: the standard library's clocks, plain medians."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pytest

from evenfall.infer.series import Series
from evenfall.lab.nights import EVERY_DAY, Hit, NightWorld

Flags = npt.NDArray[np.bool_]
Windows = Sequence[tuple[str, str]]
Dates = Sequence[tuple[str | None, str | None]]


def local(series: Series) -> list[dt.datetime]:
    """What a clock on the wall showed at each row, without its zone."""
    zone = ZoneInfo(series.timezone)
    stamps = (series.started_us / 1e6).tolist()
    return [dt.datetime.fromtimestamp(stamp, zone).replace(tzinfo=None) for stamp in stamps]


def inside(
    series: Series,
    windows: Windows,
    *,
    margin_min: float,
    weekdays: Sequence[int] = EVERY_DAY,
    dates: Dates = ((None, None),),
) -> Flags:
    """Rows within the windows, each of which is named by the date on which it starts.

    Args:
        series: whose rows.
        windows: (start, end), `HH:MM`.
        margin_min: this much away from either end; negative: this much beyond.
        weekdays: of the starting date.
        dates: (first, last) starting date.
    """
    margin = dt.timedelta(minutes=margin_min)
    found = [
        any(
            begin + margin <= at < end - margin
            for start, stop in windows
            for begin, end in spans(at.date(), start, stop)
            if begin.weekday() in weekdays and within_dates(begin.date(), dates)
        )
        for at in local(series)
    ]
    return np.array(found, dtype=bool)


def spans(date: dt.date, start: str, stop: str) -> list[tuple[dt.datetime, dt.datetime]]:
    """The window that starts on this date, and that of the day before."""
    both = []
    for day in (date, date - dt.timedelta(days=1)):
        begin = dt.datetime.combine(day, dt.time.fromisoformat(start))
        end = dt.datetime.combine(day, dt.time.fromisoformat(stop))
        both.append((begin, end if end > begin else end + dt.timedelta(days=1)))
    return both


def within_dates(date: dt.date, dates: Dates) -> bool:
    """Whether a date lies in one of the closed stretches; None is no bound."""
    return any(
        (first is None or dt.date.fromisoformat(first) <= date)
        and (last is None or date <= dt.date.fromisoformat(last))
        for first, last in dates
    )


class Reckoning:
    """The functions above, and what of a world a hit speaks of."""

    local = staticmethod(local)
    inside = staticmethod(inside)

    @staticmethod
    def series(world: NightWorld, service: str, network: str) -> Series:
        """The one series of a service on a network."""
        (found,) = [s for s in world.series if (s.service, s.network) == (service, network)]
        return found

    @staticmethod
    def hit(world: NightWorld, hit: Hit, *, margin_min: float) -> tuple[Series, Flags, Flags]:
        """Its series, rows surely inside, and rows surely outside."""
        series = Reckoning.series(world, hit.service, hit.network)
        if hit.pattern == "always":
            within = [within_dates(at.date(), hit.episodes) for at in local(series)]
            return series, np.array(within), ~np.array(within)
        more = {"weekdays": hit.weekdays, "dates": hit.episodes}
        held = inside(series, hit.windows, margin_min=margin_min, **more)  # type: ignore[arg-type]  # two sequences by name
        near = inside(series, hit.windows, margin_min=-margin_min, **more)  # type: ignore[arg-type]  # as above
        return series, held, ~near

    @staticmethod
    def hours(world: NightWorld) -> list[tuple[str, str]]:
        """`HH:MM` of all windows of a world's troubles."""
        clock: Callable[[int], str] = lambda m: f"{m // 60 % 24:02d}:{m % 60:02d}"  # noqa: E731  (one use, in place)
        return [
            (clock(start), clock(start + length))
            for trouble in world.plan.troubles
            for start, length in trouble.hours.windows_min
        ]


@pytest.fixture(scope="session")
def reckon() -> Reckoning:
    """The independent reckoning."""
    return Reckoning()
