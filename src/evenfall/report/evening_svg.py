"""One evening as a picture: target solid, controls dashed, a log scale, words on the lines."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evenfall.infer.carpet import window_cells
from evenfall.model.curfew import Window
from evenfall.report import svg
from evenfall.report.evening import Evening, Point
from evenfall.report.frame import Frame
from evenfall.text.words import service_words

__all__ = ["evening_picture"]

_BREAK_H = 1.5  # a longer pause breaks the line: between such points nothing is known
_DIP_DECADES = 0.64  # a fall by less leaves no room for a name beside it


@dataclass(frozen=True, kw_only=True)
class _Plot:
    """Where hours and values stand."""

    css: str
    width: float
    left: float
    top: float
    height: float
    hour_from: float
    hour_to: float
    log_low: float
    log_high: float

    @property
    def right(self) -> float:
        return self.width - 8

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def floor(self) -> float:
        """The line on which failures are marked, below the scale."""
        return self.bottom + 16

    def x(self, hour: float) -> float:
        share = (hour - self.hour_from) / (self.hour_to - self.hour_from)
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)

    def y(self, value: float) -> float:
        share = (math.log10(value) - self.log_low) / (self.log_high - self.log_low)
        return self.bottom - min(max(share, 0.0), 1.0) * self.height


def evening_picture(
    evening: Evening,
    windows: Sequence[Window],
    frame: Frame,
    *,
    service: str,
    start_h: int,
    label: str,
) -> Markup:
    """Draw the hours that the phone's carpet shows, two more on each side where there is room.

    Args:
        evening: its measurements.
        windows: drawn as a band; may be empty.
        frame: the phone's or the desk's; gives width and hours.
        service: for the words on the line.
        start_h: the axis' first local hour.
        label: the picture in words.
    """
    plot = _plot(evening, frame)
    shown = [p for p in evening.points if plot.hour_from <= p.hour <= plot.hour_to]
    name = service_words(service)
    body = [*_band(windows, plot, start_h), *_hours(plot, start_h)]
    if evening.unit:
        body += [*_grid(plot, evening.unit), *_lines(shown, plot)]
        body += _words(shown, plot, name, windows, start_h)
    else:
        body += _rug(shown, plot, name)
    return svg.svg(body, width=plot.width, height=plot.floor + 34, css=plot.css, label=label)


def _plot(evening: Evening, frame: Frame) -> _Plot:
    values = [v for p in evening.points for v in (p.target, p.control) if v is not None]
    low = math.log10(min(values)) if values else -1.0
    high = math.log10(max(values)) if values else 1.0
    margin = 0 if frame.is_phone else 4
    first = max(0, frame.first_cell - margin)
    last = min(48, frame.first_cell + frame.cells + margin)
    return _Plot(
        css="evening narrow" if frame.is_phone else "evening wide",
        width=frame.width,
        left=44 if frame.is_phone else 56,
        top=22,
        height=(150 if frame.is_phone else 190) if evening.unit else 60,
        hour_from=first / 2,
        hour_to=last / 2,
        log_low=math.floor(low - 0.15),
        log_high=max(math.ceil((high + 0.12) * 3) / 3, math.floor(low) + 1),
    )


def _band(windows: Sequence[Window], plot: _Plot, start_h: int) -> Iterator[Markup]:
    for window in windows:
        begin, end = (c / 2 for c in window_cells(window, start_h))
        for a, b in ((begin, end), (begin - 24, end - 24)):
            if b > plot.hour_from and a < plot.hour_to:
                x = plot.x(a)
                yield svg.rect(
                    x, plot.top - 6, plot.x(b) - x, plot.floor - plot.top + 14, "win band"
                )


def _hours(plot: _Plot, start_h: int) -> Iterator[Markup]:
    step = 2 if plot.hour_to - plot.hour_from <= 16 else 4
    hour = math.ceil(plot.hour_from)
    while hour <= plot.hour_to:
        if (hour + start_h) % step == 0:
            last = hour == plot.hour_to
            words = (
                f"{(hour + start_h) % 24:02d}:00"
                if not plot.css.endswith("narrow")
                else (f"{(hour + start_h) % 24:02d}")
            )
            yield svg.text(plot.x(hour), plot.floor + 28, words, "ax", "end" if last else "middle")
        hour += 1


def _grid(plot: _Plot, unit: str) -> Iterator[Markup]:
    yield svg.text(plot.left - 8, plot.top - 10, unit, "ax", "" if len(unit) > 8 else "end")
    for power in range(int(plot.log_low), int(plot.log_high) + 1):
        y = plot.y(10.0**power)
        yield svg.line(plot.left, y, plot.right, y, "gr")
        yield svg.text(plot.left - 8, y + 4, f"{10.0**power:g}", "ax", "end")


def _lines(points: list[Point], plot: _Plot) -> Iterator[Markup]:
    for css, dot, values in (
        ("pc", "", [(p, p.control) for p in points]),
        ("pt", "pd", [(p, p.target) for p in points]),
    ):
        for stretch in _stretches(values):
            at = [(plot.x(p.hour), plot.y(v)) for p, v in stretch]
            if len(at) > 1:
                yield svg.polyline(at, css)
            if dot or len(at) == 1:
                yield from (svg.rect(x - 1.8, y - 1.8, 3.6, 3.6, dot or "pk") for x, y in at)
    failed = [plot.x(p.hour) for p in points if p.failed]
    for x in failed:
        yield svg.line(x - 3, plot.floor - 3, x + 3, plot.floor + 3, "px")
        yield svg.line(x - 3, plot.floor + 3, x + 3, plot.floor - 3, "px")
    if failed:
        yield svg.text(plot.left - 8, plot.floor + 4, "failed", "ax", "end")


def _stretches(
    values: list[tuple[Point, float | None]],
) -> Iterator[list[tuple[Point, float]]]:
    """Points that may be joined: no failure and no long pause between them."""
    stretch: list[tuple[Point, float]] = []
    for point, value in values:
        paused = bool(stretch) and point.hour - stretch[-1][0].hour > _BREAK_H
        if stretch and (value is None or paused):
            yield stretch
            stretch = []
        if value is not None:
            stretch.append((point, value))
    if stretch:
        yield stretch


def _words(
    points: list[Point], plot: _Plot, name: str, windows: Sequence[Window], start_h: int
) -> Iterator[Markup]:
    """Names beside their lines: the target's at its lowest, the controls' at the far end."""
    targets = [(p.hour, p.target) for p in points if p.target is not None]
    controls = [(p.hour, p.control) for p in points if p.control is not None]
    if controls:
        hour, value = controls[-1]
        near = [v for h, v in controls + targets if v is not None and h > hour - 2.5]
        y = plot.y(max([value, *near])) - 8
        words = "same server, other name"
        yield svg.text(plot.right, max(y, plot.top - 8), words, "lc", "end")
    if not targets:
        return
    hour, value = min(targets, key=lambda pair: pair[1])
    typical = sorted(v for _, v in targets)[len(targets) // 2]
    if math.log10(typical / value) < _DIP_DECADES:  # no dip: the name goes under the line's start
        hour, value = targets[0]
        yield svg.text(plot.x(hour), plot.y(value) + 20, name, "lt")
        return
    # Beside the dip, past whatever comes later: the line's way up, and the window's end.
    ends = [window_cells(w, start_h)[1] / 2 for w in windows]
    past = [h for h in ends if h > hour] + [h for h, v in targets if h > hour and v > value * 3]
    x, anchor = plot.x(max(past[:2], default=hour)) + 8, ""
    if x + 9 * len(name) > plot.right:
        x, anchor = plot.x(hour) - 10, "end"
    yield svg.text(x, plot.y(value) + 4, name, "lt", anchor)


def _rug(points: list[Point], plot: _Plot, name: str) -> Iterator[Markup]:
    """Only success and failure are known: a stroke for each test, above or below."""
    upper, lower = plot.top + 14, plot.top + 52
    yield svg.text(plot.left - 8, upper + 4, "opened", "ax", "end")
    yield svg.text(plot.left - 8, lower + 4, "failed", "ax", "end")
    yield svg.line(plot.left, upper, plot.right, upper, "gr")
    yield svg.line(plot.left, lower, plot.right, lower, "gr")
    for point in points:
        y, css = (lower, "px") if point.failed else (upper, "po")
        yield svg.line(plot.x(point.hour), y - 9, plot.x(point.hour), y + 9, css)
    yield svg.text(plot.left, plot.top - 12, f"{name}: one stroke a test", "lc")
