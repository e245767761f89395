"""The carpet as a picture: wide for a desk or paper, and a phone's evening in large cells."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from evenfall.infer.carpet import CELLS_A_NIGHT, Carpet, Step, minutes_of, window_cells
from evenfall.model.curfew import Curfew, Window
from evenfall.report import svg
from evenfall.report.frame import Frame, anchor_of, rows_of
from evenfall.text.words import title_words

__all__ = ["Episode", "carpet_picture", "episode_of", "strip"]

Episode = tuple[dt.date | None, dt.date | None]

_STEP_CLASSES = {
    Step.NOT_MEASURED: "u",
    Step.NORMAL: "k0",
    Step.SLIGHTLY_SLOWER: "k1",
    Step.SLOWER: "k2",
    Step.MUCH_SLOWER: "k3",
    Step.DID_NOT_OPEN: "k4",
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def episode_of(curfew: Curfew | None) -> Episode:
    """First and last date on which a curfew surely held; None: as far as the data go."""
    if curfew is None:
        return None, None
    first = curfew.onset.latest if curfew.onset else None
    last = curfew.lifting.earliest if curfew.lifting else None
    return (
        dt.date.fromisoformat(first) if first else None,
        dt.date.fromisoformat(last) if last else None,
    )


def carpet_picture(
    carpet: Carpet,
    windows: Sequence[Window],
    frame: Frame,
    label: str,
    episode: Episode = (None, None),
) -> Markup:
    """Draw a carpet with the windows' brackets.

    Args:
        carpet: may have long gaps; they become one row each.
        windows: outlined on their weekdays within the episode.
        frame: wide or narrow.
        label: the picture in words.
        episode: first and last date on which the windows are outlined.
    """
    rows = rows_of(carpet)
    bottom = frame.top + len(rows) * frame.pitch
    drawn = [
        *_axis(carpet, frame, bottom),
        *_cells(carpet, rows, frame),
        *(piece for w in windows for piece in _window(carpet, rows, w, frame, episode)),
    ]
    return svg.svg(
        [svg.hidden(drawn), *_labels(carpet, rows, frame)],
        width=frame.width,
        height=bottom + (26 if not frame.is_phone else 8),
        css=frame.css,
        label=label,
        role="group",
    )


def strip(carpet: Carpet, windows: Sequence[Window]) -> Markup:
    """All nights laid on one another: 48 half hours of one service in one line."""
    frame = Frame(
        css="line",
        width=480,
        left=0,
        cell=10,
        pitch=14,
        first_cell=0,
        cells=CELLS_A_NIGHT,
        tick_h=6,
        is_phone=False,
        top=0,
    )
    steps = carpet.overall().tolist()
    body = [
        svg.boxes(
            ((frame.x(a), 1.0, (b - a) * frame.cell) for a, b in _runs(steps, step)),
            height=12,
            css=css,
        )
        for step, css in _STEP_CLASSES.items()
    ]
    for window in windows:
        begin, end = window_cells(window, carpet.axis_start_h)
        body.append(
            svg.rect(
                frame.clipped(begin), 0.5, frame.clipped(end) - frame.clipped(begin), 13, "win"
            )
        )
    label = f"{title_words(carpet.service)}, all nights together"
    return svg.svg(body, width=480, height=14, css="strip", label=label)


def _axis(carpet: Carpet, frame: Frame, bottom: float) -> Iterator[Markup]:
    for cell in range(frame.first_cell, frame.first_cell + frame.cells + 1):
        minutes = (carpet.axis_start_h * 60 + cell * 30) % 1440
        if minutes % (frame.tick_h * 60):
            continue
        last = cell == frame.first_cell + frame.cells
        yield svg.text(
            frame.x(cell), frame.top - 8, f"{minutes // 60:02d}", "ax", "end" if last else "middle"
        )
        if minutes in (0, 720) and not frame.is_phone:
            anchor = "end" if last else ("" if cell == 0 else "middle")
            yield svg.text(
                frame.x(cell), bottom + 16, "noon" if minutes else "midnight", "ax", anchor
            )


def _cells(carpet: Carpet, rows: list[int | range], frame: Frame) -> Iterator[Markup]:
    """One path a step; runs of equal cells are one box, gaps between rows stay paper."""
    height = frame.pitch - (2.0 if frame.pitch < 15 else 3.0)
    steps = carpet.steps
    corners: dict[Step, list[tuple[float, float, float]]] = {step: [] for step in _STEP_CLASSES}
    stop = frame.first_cell + frame.cells
    for place, row in enumerate(rows):
        if isinstance(row, range):
            continue
        y = frame.top + place * frame.pitch
        shown = steps[row, frame.first_cell : stop].tolist()
        for step in _STEP_CLASSES:
            # A run without data is one outline, a run with data one bar, cut where cells are large.
            for a, b in _runs(shown, step):
                corners[step].append((frame.left + a * frame.cell, y, (b - a) * frame.cell - 1))
    for step, css in _STEP_CLASSES.items():
        yield svg.boxes(corners[step], height=height, css=css)
        if step is Step.DID_NOT_OPEN:
            yield svg.boxes(corners[step], height=height, css="hatch")


def _labels(carpet: Carpet, rows: list[int | range], frame: Frame) -> Iterator[Markup]:
    for place, row in enumerate(rows):
        y = frame.top + place * frame.pitch + frame.pitch / 2 + 2.4
        if isinstance(row, range):
            words = f"{len(row)} {'nights' if carpet.axis_start_h else 'days'} not measured"
            yield svg.text(frame.left + 4, y, words, "dt")
            continue
        date = carpet.dates[row]
        css = "dt we" if date.weekday() >= 5 else "dt"
        words = _short(date, place == 0) if frame.is_phone else _long(date)
        yield svg.link(anchor_of(date), svg.text(frame.left - 7, y, words, css, "end"))


def _window(
    carpet: Carpet,
    rows: list[int | range],
    window: Window,
    frame: Frame,
    episode: Episode,
) -> Iterator[Markup]:
    begin, end = window_cells(window, carpet.axis_start_h)
    for first, last in _row_runs(carpet, rows, window, episode):
        y = frame.top + first * frame.pitch - 2
        for a, b in ((begin, end), (0.0, end - CELLS_A_NIGHT)):
            if b > frame.first_cell and b > a and a < frame.first_cell + frame.cells:
                x = frame.clipped(a)
                yield svg.rect(
                    x - 0.5, y, frame.clipped(b) - x, (last - first) * frame.pitch + 1, "win"
                )
    yield from _bracket(window, begin, end, frame)


def _bracket(window: Window, begin: float, end: float, frame: Frame) -> Iterator[Markup]:
    """The window above its columns: a line from start to end, a bar for each end's interval."""
    y = frame.top - 26
    left, right = frame.clipped(begin), frame.clipped(end)
    yield svg.line(left, y, right, y, "wb")
    for place, name, clock in (
        (begin, window.start_interval, window.start_local),
        (end, window.end_interval, window.end_local),
    ):
        low, high = (place + _signed_minutes(clock, bound) / 30 for bound in name)
        yield svg.line(frame.clipped(low), y, frame.clipped(high), y, "wi")
        for bound in (low, high):
            x = frame.clipped(bound)
            yield svg.line(x, y - 4, x, y + 4, "wh")
    middle = min(
        max((left + right) / 2, frame.left + 36), frame.left + frame.cells * frame.cell - 36
    )
    yield svg.text(middle, y - 10, f"{window.start_local} – {window.end_local}", "wl", "middle")


def _row_runs(
    carpet: Carpet, rows: list[int | range], window: Window, episode: Episode
) -> Iterator[tuple[int, int]]:
    """Stretches [first, last) of rows of the episode on whose weekday the window starts."""
    after_midnight = minutes_of(window.start_local) < carpet.axis_start_h * 60
    shift = dt.timedelta(days=1 if after_midnight else 0)
    holds = [
        isinstance(row, int) and _holds(carpet.dates[row] + shift, window, episode) for row in rows
    ]
    yield from _runs([int(h) for h in holds], 1)


def _holds(date: dt.date, window: Window, episode: Episode) -> bool:
    first, last = episode
    within = (first is None or date >= first) and (last is None or date <= last)
    return within and date.weekday() in window.weekdays


def _runs(steps: list[int], step: int) -> Iterator[tuple[int, int]]:
    """Half-open stretches of one step."""
    begin: int | None = None
    for index, value in enumerate([*steps, None]):
        if value == step and begin is None:
            begin = index
        if value != step and begin is not None:
            yield begin, index
            begin = None


def _signed_minutes(clock: str, bound: str) -> int:
    """How far a bound lies after (+) or before (−) a clock time, the short way round."""
    return (minutes_of(bound) - minutes_of(clock) + 720) % 1440 - 720


def _long(date: dt.date) -> str:
    return f"{_DAYS[date.weekday()]} {date.day} {_MONTHS[date.month - 1]}"


def _short(date: dt.date, is_first: bool) -> str:
    if is_first or date.day == 1:
        return f"{date.day} {_MONTHS[date.month - 1]}"
    return f"{_DAYS[date.weekday()]} {date.day}"
