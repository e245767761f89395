"""The page's parts as plain values for the template: pictures, rows and figures to check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from evenfall.infer.carpet import Carpet, carpet_of
from evenfall.infer.localtime import tzdata_version
from evenfall.infer.night_rivals import night_rivals
from evenfall.infer.ruleset import RULESET
from evenfall.infer.series import Basis
from evenfall.model.curfew import Curfew, SeriesFinding, Window
from evenfall.model.verdict import Rival
from evenfall.report.carpet_svg import carpet_picture, episode_of, strip
from evenfall.report.digest import series_digest
from evenfall.report.evening import evening_of, night_summary
from evenfall.report.evening_svg import evening_picture
from evenfall.report.frame import desk_frame, phone_frame, rows_of, wide_frame
from evenfall.report.subject import Judged, Page
from evenfall.report.tables import evening_rows
from evenfall.text.nights import state_words
from evenfall.text.page import carpet_label, evening_words
from evenfall.text.words import (
    date_words,
    explanations_words,
    instants_words,
    ruled_out_words,
    title_words,
)

__all__ = [
    "by_network",
    "checks",
    "evening_drawn",
    "pictures",
    "rivals_faced",
    "row_unit",
    "services_beside",
]

_SERVICES_MAX = 12
_SOURCES_MAX = 8


def row_unit(axis_start_h: int) -> str:
    """What a row is called: a night, or a day where the axis begins at midnight."""
    return "night" if axis_start_h else "day"


def pictures(
    carpet: Carpet, windows: Sequence[Window], finding: SeriesFinding, curfew: Curfew | None
) -> dict[str, Markup] | None:
    """The carpet for a desk and for a phone; None if nothing was measured."""
    if not carpet.dates:
        return None
    label = carpet_label(finding, curfew, len(carpet.dates), row_unit(carpet.axis_start_h))
    episode = episode_of(curfew)
    wide = wide_frame(len(rows_of(carpet)), has_window=bool(windows))
    narrow = phone_frame(windows, carpet.axis_start_h)
    return {
        "wide": carpet_picture(carpet, windows, wide, label, episode),
        "narrow": carpet_picture(carpet, windows, narrow, label, episode),
    }


def services_beside(page: Page, axis: int) -> list[dict[str, Any]]:
    """The subject first, then the others; nothing if it is alone."""
    judged = [page.subject, *page.others][:_SERVICES_MAX]
    networks = by_network(page)
    if len(judged) < 2:
        return []
    return [
        {
            "name": j.finding.network if networks else title_words(j.finding.service),
            "me": j is page.subject,
            "words": state_words(j.finding, j.curfew),
            "strip": strip(
                carpet_of(j.series, windows=_windows(j), axis_start_h=axis), _windows(j)
            ),
        }
        for j in judged
    ]


def by_network(page: Page) -> bool:
    """Whether the rows beside the subject are networks, not services."""
    return any(j.series.network != page.subject.series.network for j in page.others)


def _windows(judged: Judged) -> tuple[Window, ...]:
    return judged.curfew.windows if judged.curfew else ()


def evening_drawn(page: Page, carpet: Carpet, windows: Sequence[Window]) -> dict[str, Any] | None:
    """One evening: heading, caption, both pictures, its rows; None if nothing was measured."""
    series = page.subject.series
    evening = evening_of(series, carpet, windows, page.speeds)
    if evening is None or not evening.points:
        return None
    night = night_summary(evening, windows, carpet.axis_start_h)
    caption = evening_words(
        series.service,
        unit=night.unit,
        n_windows=night.n_windows,
        n=night.n,
        n_failed=night.n_failed,
        target=night.target,
        control=night.control,
        night=row_unit(carpet.axis_start_h),
        is_paired=series.basis is Basis.PAIRS,
    )
    narrow = phone_frame(windows, carpet.axis_start_h)
    wide = desk_frame(narrow)
    draw: dict[str, Any] = {
        "service": series.service,
        "start_h": carpet.axis_start_h,
        "label": caption,
    }
    date = f"{night.date:%A} {date_words(night.date.isoformat())}"
    return {
        "heading": f"One of these {row_unit(carpet.axis_start_h)}s: {date}",
        "caption": caption,
        "unit": evening.unit,
        "rows": evening_rows(evening),
        "wide": evening_picture(evening, windows, wide, **draw),
        "narrow": evening_picture(evening, windows, narrow, **draw),
    }


def rivals_faced(page: Page) -> list[dict[str, str]]:
    """Only where something was found is there something to explain; equal reasons share a row."""
    judged = page.subject
    if judged.curfew is None:
        return []
    grouped: dict[tuple[bool | None, str], list[Rival]] = {}
    for rival in night_rivals(judged.series, judged.curfew.windows, page.elsewhere):
        grouped.setdefault((rival.ruled_out, rival.because), []).append(rival)
    return [
        {
            "words": explanations_words([r.explanation for r in rivals], judged.finding.service),
            "ruled_out": ruled_out_words(ruled_out),
            "css": {True: "yes", False: "no", None: "not"}[ruled_out],
            "because": because,
        }
        for (ruled_out, because), rivals in grouped.items()
    ]


def checks(page: Page) -> list[tuple[str, str]]:
    """Names and values a stranger needs to make the same finding again."""
    finding, curfew = page.subject.finding, page.subject.curfew
    rows = [
        ("measurements of the series", f"{finding.n:,}"),
        ("nights measured of the series", str(finding.nights_measured)),
    ]
    if curfew is not None:
        rows.append(("measurements of the episode", f"{curfew.n:,}"))
    if finding.p_value is not None:
        rows.append(("p", f"{finding.p_value:.4g}"))
    if finding.q_value is not None:
        rows.append(("q (over all series judged)", f"{finding.q_value:.4g}"))
    if curfew is not None:
        rows += [
            ("rule", curfew.rule_id),
            ("ruleset", curfew.ruleset),
            ("profile", curfew.profile),
            ("claim", f"{curfew.claim_level}" + (", isolated" if curfew.isolated else "")),
            ("began", instants_words(curfew.onset)),
            ("ended", instants_words(curfew.lifting)),
        ]
    else:
        rows.append(("ruleset", RULESET))
    rows += [
        ("time zone", f"{page.subject.series.timezone}, tzdata {tzdata_version()}"),
        ("digest of the series", f"sha256:{series_digest(page.subject.series)}"),
    ]
    rows += [(name, f"sha256:{digest}") for name, digest in page.sources[:_SOURCES_MAX]]
    return rows
