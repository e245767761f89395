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
from functools import lru_cache
from importlib import resources

import jinja2
import numpy as np
from markupsafe import Markup

from evenfall import __version__
from evenfall.infer.carpet import axis_for, carpet_of
from evenfall.infer.series import Series
from evenfall.report.parts import (
    by_network,
    checks,
    evening_drawn,
    pictures,
    rivals_faced,
    row_unit,
    services_beside,
)
from evenfall.report.subject import Judged, Page
from evenfall.report.tables import hour_heads, night_rows
from evenfall.text.beside import beside
from evenfall.text.nights import answer, facts, not_shown, plain
from evenfall.text.page import carpet_note, method_words, slow_words, span_words, where_words
from evenfall.text.words import STEP_WORDS, title_words

__all__ = ["NIGHTS_SHOWN_MAX", "PAGE_BYTES_MAX", "Judged", "Page", "build_page"]

NIGHTS_SHOWN_MAX = 56
"""Rows of the carpet and its table; older nights are counted, judged and said, not drawn."""

PAGE_BYTES_MAX = 30_000
"""Gzipped; the readers of this page are slowed."""


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
        beside=beside(finding, curfew),
        zone=page.subject.series.timezone,
        span_words=span_words(len(shown.dates), row_unit(axis)),
        pictures=pictures(shown, windows, finding, curfew),
        key=[(swatch, STEP_WORDS[step]) for step, swatch in _KEY],
        carpet_note=carpet_note(
            len(carpet.dates), len(shown.dates), carpet.n_left_out, row_unit(axis)
        ),
        hours=hour_heads(shown),
        nights=night_rows(shown),
        slow_means=_slow_means(page.subject.series),
        services=services_beside(page, axis),
        services_head=(
            "The same service on other networks"
            if by_network(page)
            else "The services on this network"
        ),
        services_column="Network" if by_network(page) else "Service",
        axis_words=f"All {row_unit(axis)}s together, "
        + ("noon to noon" if axis else "midnight to midnight"),
        evening=evening_drawn(page, carpet, windows),
        control_head="control",
        rivals=rivals_faced(page),
        not_shown=not_shown(finding, curfew),
        method=method_words(page.subject.series.basis, curfew),
        checks=checks(page),
        footer=_footer(page),
    )


def _slow_means(series: Series) -> str:
    return slow_words(series.basis, has_speeds=bool((~np.isnan(series.log_ratio)).any()))


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


def _footer(page: Page) -> str:
    made = f" · page made {page.made_local}" if page.made_local else ""
    return f"Evenfall {__version__}{made}" + (" · SIMULATED data" if page.simulated else "")
