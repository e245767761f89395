"""One self-contained page about one service on one network.

No script, no font, no picture from elsewhere: one file that can be read on a slowed line, kept
and printed. The order is the reader's: the answer with its numbers, how sure, the carpet, its
table, one evening, what else it could be, what it does not show, how to check. A page about nothing
found has the same parts and the same calm.

Every text is escaped by the template; pictures come as markup from `report.svg`, which escapes too.
Time of making is an argument: the same input gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from evenfall import __version__
from evenfall.infer.carpet import Carpet, axis_for, carpet_of
from evenfall.infer.localtime import tzdata_version
from evenfall.infer.night_rivals import night_rivals
from evenfall.infer.ruleset import RULESET
from evenfall.infer.series import Basis, Series
from evenfall.model.curfew import Curfew, SeriesFinding, Window
from evenfall.model.verdict import Rival
from evenfall.report.carpet_svg import (
    carpet_picture,
    desk_frame,
    episode_of,
    phone_frame,
    rows_of,
    strip,
    wide_frame,
)
from evenfall.report.digest import series_digest
from evenfall.report.evening import Speed, evening_of, night_summary
from evenfall.report.evening_svg import evening_picture
from evenfall.report.tables import evening_rows, hour_heads, night_rows
from evenfall.text.nights import answer, facts, not_shown, plain, state_words
from evenfall.text.page import (
    carpet_label,
    carpet_note,
    evening_words,
    method_words,
    span_words,
    where_words,
)
from evenfall.text.words import (
    STEP_WORDS,
    date_words,
    explanations_words,
    instants_words,
    ruled_out_words,
    title_words,
)

__all__ = ["NIGHTS_SHOWN_MAX", "PAGE_BYTES_MAX", "Judged", "Page", "build_page"]

NIGHTS_SHOWN_MAX = 56
"""Rows of the carpet and its table; older nights are counted, judged and said, not drawn."""

PAGE_BYTES_MAX = 30_000
"""Gzipped; the readers of this page are slowed."""

_SERVICES_MAX = 12
_SOURCES_MAX = 8


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One series with what was made of it.

    Attributes:
        curfew: None where none was found.
    """

    series: Series
    finding: SeriesFinding
    curfew: Curfew | None = None


@dataclass(frozen=True, kw_only=True)
class Page:
    """Everything a page is made of.

    Attributes:
        subject: what the page is about.
        others: other services on the same network, or the same service on other networks; judged
            in the same run. The first twelve rows are drawn.
        speeds: both arms of the subject's pairs, for the evening; may be empty.
        sources: (name, digest) of what was imported, if anything was.
        simulated: some of it came from the generator; said at the top.
        made_local: when the page was made, as text.
    """

    subject: Judged
    others: Sequence[Judged] = ()
    speeds: Sequence[Speed] = ()
    sources: Sequence[tuple[str, str]] = ()
    simulated: bool = False
    made_local: str = ""


def build_page(page: Page) -> str:
    """The page as HTML text; deterministic, and never with a script or an outside address."""
    css = _template_text("page.css")
    curfew, finding = page.subject.curfew, page.subject.finding
    windows = curfew.windows if curfew else ()
    axis = axis_for(windows)
    carpet = carpet_of(page.subject.series, windows=windows, axis_start_h=axis)
    shown = carpet.last(NIGHTS_SHOWN_MAX)
    sentence = answer(finding, curfew)
    return _template().render(
        css=Markup(css),  # noqa: S704 (our own file)
        css_hash="sha256-" + base64.b64encode(hashlib.sha256(css.encode()).digest()).decode(),
        title=plain(sentence),
        simulated=page.simulated,
        curfew=curfew,
        name=title_words(finding.service),
        where=where_words(finding, carpet.dates, page.subject.series.timezone, curfew),
        answer=sentence,
        facts=facts(finding, curfew),
        zone=page.subject.series.timezone,
        span_words=span_words(len(shown.dates), _unit(axis)),
        pictures=_pictures(shown, windows, finding, curfew),
        key=[(swatch, STEP_WORDS[step]) for step, swatch in _KEY],
        carpet_note=carpet_note(
            len(carpet.dates), len(shown.dates), carpet.n_left_out, _unit(axis)
        ),
        hours=hour_heads(shown),
        nights=night_rows(shown),
        services=_services(page, axis),
        services_head=(
            "The same service on other networks"
            if _by_network(page)
            else "The services on this network"
        ),
        services_column="Network" if _by_network(page) else "Service",
        axis_words=f"All {_unit(axis)}s together, "
        + ("noon to noon" if axis else "midnight to midnight"),
        evening=_evening(page, carpet, windows),
        control_head="control",
        rivals=_rivals(page),
        not_shown=not_shown(finding, curfew),
        method=method_words(page.subject.series.basis, curfew),
        checks=_checks(page),
        footer=_footer(page),
    )


def _unit(axis_start_h: int) -> str:
    """What a row is called: a night, or a day where the axis begins at midnight."""
    return "night" if axis_start_h else "day"


_KEY = ((0, "k0"), (1, "k1"), (2, "k2"), (3, "k3"), (4, "k4"), (-1, "u"))


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template_text),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2")


def _template_text(name: str) -> str:
    return (resources.files("evenfall.report") / "templates" / name).read_text(encoding="utf-8")


def _pictures(
    carpet: Carpet, windows: Sequence[Window], finding: SeriesFinding, curfew: Curfew | None
) -> dict[str, Markup] | None:
    if not carpet.dates:
        return None
    label = carpet_label(finding, curfew, len(carpet.dates), _unit(carpet.axis_start_h))
    episode = episode_of(curfew)
    wide = wide_frame(len(rows_of(carpet)), has_window=bool(windows))
    narrow = phone_frame(windows, carpet.axis_start_h)
    return {
        "wide": carpet_picture(carpet, windows, wide, label, episode),
        "narrow": carpet_picture(carpet, windows, narrow, label, episode),
    }


def _services(page: Page, axis: int) -> list[dict[str, Any]]:
    """The subject first, then the others; nothing if it is alone."""
    judged = [page.subject, *page.others][:_SERVICES_MAX]
    by_network = _by_network(page)
    return (
        []
        if len(judged) < 2
        else [
            {
                "name": j.finding.network if by_network else title_words(j.finding.service),
                "me": j is page.subject,
                "words": state_words(j.finding, j.curfew),
                "strip": strip(
                    carpet_of(j.series, windows=_windows(j), axis_start_h=axis), _windows(j)
                ),
            }
            for j in judged
        ]
    )


def _by_network(page: Page) -> bool:
    """Whether the rows beside the subject are networks, not services."""
    return any(j.series.network != page.subject.series.network for j in page.others)


def _windows(judged: Judged) -> tuple[Window, ...]:
    return judged.curfew.windows if judged.curfew else ()


def _evening(page: Page, carpet: Carpet, windows: Sequence[Window]) -> dict[str, Any] | None:
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
        night=_unit(carpet.axis_start_h),
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
        "heading": f"One of these {_unit(carpet.axis_start_h)}s: {date}",
        "caption": caption,
        "unit": evening.unit,
        "rows": evening_rows(evening),
        "wide": evening_picture(evening, windows, wide, **draw),
        "narrow": evening_picture(evening, windows, narrow, **draw),
    }


def _rivals(page: Page) -> list[dict[str, str]]:
    """Only where something was found is there something to explain; equal reasons share a row."""
    judged = page.subject
    if judged.curfew is None:
        return []
    elsewhere = [j.series for j in page.others if j.curfew is None] if _by_network(page) else []
    grouped: dict[tuple[bool | None, str], list[Rival]] = {}
    for rival in night_rivals(judged.series, judged.curfew.windows, elsewhere):
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


def _checks(page: Page) -> list[tuple[str, str]]:
    """Names and values a stranger needs to make the same finding again."""
    finding, curfew = page.subject.finding, page.subject.curfew
    rows = [("measurements", f"{finding.n:,}"), ("nights measured", str(finding.nights_measured))]
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


def _footer(page: Page) -> str:
    made = f" · page made {page.made_local}" if page.made_local else ""
    return f"Evenfall {__version__}{made}" + (" · SIMULATED data" if page.simulated else "")
