"""The carpet of local half hours and nights, as the page draws it, for a notebook.

Rows that are not drawn are counted beside it. The picture's numbers stand in a folded table below
it; a row of the picture leads to its row of the table.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from evenfall.accessor.html import printable, rendered
from evenfall.infer.carpet import Carpet, axis_for, carpet_of
from evenfall.infer.series import Series
from evenfall.report.parts import pictures, row_unit
from evenfall.report.subject import Judged
from evenfall.report.tables import hour_heads, night_rows
from evenfall.text.notebook import NO_MEASUREMENTS, SIMULATED
from evenfall.text.page import carpet_note, slow_words, where_words
from evenfall.text.words import STEP_WORDS, nights_words

__all__ = ["NIGHTS_SHOWN", "CarpetView", "carpet_view", "drawn_parts"]

NIGHTS_SHOWN = 56
"""Rows that are drawn unless told otherwise, as on the page."""

_KEY = ((0, "k0"), (1, "k1"), (2, "k2"), (3, "k3"), (4, "k4"), (-1, "u"))


@dataclass(frozen=True, kw_only=True, repr=False)
class CarpetView:
    """A carpet that a notebook draws.

    Attributes:
        judged: the series with what was made of it.
        data: the counts, all nights: dates, `counts` of shape (nights, 48, 5), `steps`, `n`.
        nights_shown: the newest rows, which are drawn.
    """

    judged: Judged
    data: Carpet
    nights_shown: int = NIGHTS_SHOWN

    @property
    def svg(self) -> str:
        """The picture alone, coloured by classes: "" if nothing was measured."""
        drawn = drawn_parts(self)
        return str(drawn["picture"]) if drawn else ""

    def __repr__(self) -> str:
        mark = "SIMULATED, " if self.judged.series.simulated else ""
        name = printable(f"{self.data.service} on {self.data.network}")
        measured = nights_words(self.data.nights_measured, "measured night")
        return f"<carpet of {name}: {mark}{measured}>"

    def _repr_html_(self) -> str:
        return rendered(
            "carpet_alone.html.j2",
            found=self.judged.curfew is not None,
            simulated=SIMULATED if self.judged.series.simulated else "",
            where=self.where(),
            carpet=drawn_parts(self),
            empty=NO_MEASUREMENTS,
        )

    def where(self) -> str:
        """What, where, when, in whose time."""
        judged = self.judged
        return where_words(judged.finding, self.data.dates, judged.series.timezone, judged.curfew)


def drawn_parts(view: CarpetView) -> dict[str, Any] | None:
    """What the template of a carpet needs; None if nothing was measured."""
    judged, shown = view.judged, view.data.last(view.nights_shown)
    windows = judged.curfew.windows if judged.curfew else ()
    drawn = pictures(shown, windows, judged.finding, judged.curfew)
    if drawn is None:
        return None
    unit, prefix = row_unit(view.data.axis_start_h), _prefix(view.data)
    # Foreign text in it is escaped, quotation marks too, so this finds our own links alone.
    picture = str(drawn["wide"]).replace('href="#', f'href="#{prefix}')
    return {
        "picture": Markup(picture),  # noqa: S704  (markup of ours)
        "key": [(swatch, STEP_WORDS[step]) for step, swatch in _KEY],
        "note": carpet_note(len(view.data.dates), len(shown.dates), view.data.n_left_out, unit),
        "zone": judged.series.timezone,
        "slow_means": _slow_means(judged.series),
        "hours": hour_heads(shown),
        "nights": night_rows(shown),
        "prefix": prefix,
    }


def _prefix(carpet: Carpet) -> str:
    """Keeps the anchors of several carpets in one notebook apart."""
    name = f"{carpet.service}\0{carpet.network}\0{carpet.timezone}"
    return f"e{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:8]}-"


def _slow_means(series: Series) -> str:
    return slow_words(series.basis, has_speeds=bool((~np.isnan(series.log_ratio)).any()))


def carpet_view(judged: Judged, nights_shown: int) -> CarpetView:
    """Lay a series out in local nights."""
    windows = judged.curfew.windows if judged.curfew else ()
    data = carpet_of(judged.series, windows=windows, axis_start_h=axis_for(windows))
    return CarpetView(judged=judged, data=data, nights_shown=nights_shown)
