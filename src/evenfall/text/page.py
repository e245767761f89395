"""Sentences of the page around the answer: captions, notes, and how it was measured."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from evenfall.model.curfew import Curfew, SeriesFinding
from evenfall.model.vocabulary import Pattern
from evenfall.text.foreign import one_line
from evenfall.text.nights import answer, plain
from evenfall.text.words import count_words, service_words, title_words

__all__ = [
    "carpet_label",
    "carpet_note",
    "evening_words",
    "method_words",
    "slow_words",
    "span_words",
    "where_words",
]

_WEEKS = {7: "One week", 14: "Two weeks", 21: "Three weeks", 28: "Four weeks", 56: "Eight weeks"}


def where_words(
    finding: SeriesFinding, dates: Sequence[dt.date], zone: str, curfew: Curfew | None
) -> str:
    """One line over the answer: what, where, when, in whose time."""
    parts = [title_words(finding.service), f"network {one_line(finding.network)}"]
    if curfew is not None and curfew.lines is not None:
        parts.append(count_words(curfew.lines, "line"))
    if dates:
        first, last = dates[0], dates[-1]
        begin = f"{first:%d %b}" if first.year == last.year else f"{first:%d %b %Y}"
        parts.append(f"{begin.lstrip('0')} – {f'{last:%d %b %Y}'.lstrip('0')}")
    parts.append(f"local time ({zone})")
    return " · ".join(parts)


def span_words(nights: int, unit: str = "night") -> str:
    """`Two weeks`, `17 nights`, `46 days`."""
    return _WEEKS.get(nights, f"{nights} {unit}s" if nights != 1 else f"One {unit}")


def carpet_label(
    finding: SeriesFinding, curfew: Curfew | None, nights: int, unit: str = "night"
) -> str:
    """The carpet in words, for whoever does not see it."""
    return (
        f"{title_words(finding.service)}, each half hour of {count_words(nights, unit)}. "
        f"{plain(answer(finding, curfew))} The numbers are in the table below."
    )


def carpet_note(nights_all: int, nights_shown: int, n_left_out: int, unit: str = "night") -> str:
    """What the picture leaves out, or nothing."""
    said = []
    if nights_all > nights_shown:
        older = count_words(nights_all - nights_shown, f"older {unit}")
        said.append(f"{older} judged but not drawn.")
    if n_left_out:
        left_out = count_words(n_left_out, "measurement")
        said.append(
            f"{left_out} left out: the clock was not verified or is years off, or the controls "
            "failed as well."
        )
    return " ".join(said)


def evening_words(
    service: str,
    *,
    unit: str,
    n_windows: int,
    n: int,
    n_failed: int,
    target: float | None,
    control: float | None,
    is_paired: bool,
    night: str = "night",
) -> str:
    """What the picture of one evening shows.

    Args:
        service: its id.
        unit: of the medians `target` and `control`; empty: only success and failure are known.
        n_windows: the numbers are those inside the windows; 0: of the whole night.
        n: measurements.
        n_failed: those through which nothing came.
        target: median of the service.
        control: median of what it was compared with.
        is_paired: the controls are the same server under another name.
        night: `night` or `day`.
    """
    name = service_words(service)
    window = "window" if n_windows == 1 else "windows"
    where = f"Inside the {window}" if n_windows else f"Over the whole {night}"
    failed = f"{n_failed} of {count_words(n, 'measurement')} did not open"
    if not n:
        return f"The {window} was not measured on this {night}."
    if target is None or not unit:
        said = f"{where}, {failed}."
    elif unit == "Mbit/s":
        said = f"{where}, {name} came to {target:.2g} Mbit/s (median of {n - n_failed})"
        if control is not None:
            other = "the same server under other names" if is_paired else "the controls"
            said += f", {other} to {control:.2g}"
        said += f"; {failed}." if n_failed else "."
    else:
        said = f"{where}, {name} came to {target:.2g} of the control's speed (median)"
        said += f"; {failed}." if n_failed else "."
    which = f"Of the {night}s that show the {window}, this one" if n_windows else f"This {night}"
    return f"{said} {which} was measured most often."


def slow_words(basis: str, *, has_speeds: bool) -> str:
    """What the table counts as slow.

    Args:
        basis: what the scores rest on.
        has_speeds: False: only success and failure are known.
    """
    if not has_speeds:
        return "How fast it was is not known: only what did not open counts."
    against = "its own usual speed" if basis == "unpaired" else "the control"
    return f"Slow is three times slower than {against}, or more."


_ALWAYS_TESTED = (
    "No hours stand out, so days were compared: those of the episode with other days, and with "
    "other networks in the same hours where these were measured; the p-value is that of an exact "
    "test over days. It is claimed only after five days, with most tests going wrong in nearly all "
    "measured hours, or a share of them at one rate."
)


def method_words(basis: str, curfew: Curfew | None) -> tuple[str, ...]:
    """How it was measured, in two or three sentences.

    Args:
        basis: what the scores rest on (`pairs`, `control_difference`, `unpaired`).
        curfew: None where nothing was found.
    """
    measured = {
        "pairs": "Measured in pairs: the same bytes from the same server, seconds apart, in random "
        "order; the two transfers differ in nothing but the server name that is asked for.",
        "control_difference": "Each measurement was compared with controls on the same network at "
        "the same time.",
        "unpaired": "There were no controls: the service was compared with itself at other hours.",
    }[basis]
    tested = (
        "All windows of half an hour to twelve hours were tried, and unions of up to three. The "
        "p-value repeats that whole search on days whose measurements were rotated over their own "
        "times."
    )
    claimed = (
        "A window is claimed only after five nights, with daytime measured too, where p and the "
        "size of the effect both pass; its ends are intervals, as wide as the sampling leaves them."
    )
    if curfew is not None and curfew.pattern is Pattern.ALWAYS:
        return (measured, _ALWAYS_TESTED)
    return (measured, tested, claimed if curfew is not None else f"Nothing is claimed. {claimed}")
