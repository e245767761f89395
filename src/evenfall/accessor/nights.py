"""One service on one network, night by night; and a list of such."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from evenfall.accessor.carpet_view import NIGHTS_SHOWN, CarpetView, carpet_view, drawn_parts
from evenfall.accessor.html import printable, rendered
from evenfall.accessor.why import Why, why_of
from evenfall.infer.carpet import axis_for, carpet_of, inside_of
from evenfall.infer.series import Series
from evenfall.model.curfew import Curfew, Instants, SeriesFinding, Spell, Window
from evenfall.report.carpet_svg import strip
from evenfall.report.subject import Judged
from evenfall.text.beside import beside
from evenfall.text.nights import answer, facts, not_shown, plain, state_words
from evenfall.text.notebook import (
    NO_MEASUREMENTS,
    SIMULATED,
    SIMULATED_AMONG,
    more_words,
    together_words,
)
from evenfall.text.words import count_words, title_words

__all__ = ["Nights", "NightsList"]

_DRAWN_MAX = 60


class Nights:
    """One service on one network with what was made of it. Given by a store, not made by hand."""

    def __init__(self, judged: Judged) -> None:
        self._judged = judged

    @property
    def service(self) -> str:
        """Its id, as in the observations."""
        return self._judged.series.service

    @property
    def network(self) -> str:
        """As `AS9198`; `unknown` where the observations name none."""
        return self._judged.series.network

    @property
    def timezone(self) -> str:
        """IANA zone in which it is judged."""
        return self._judged.series.timezone

    @property
    def simulated(self) -> bool:
        """Made by the lab's generator: evidence of nothing."""
        return self._judged.series.simulated

    @property
    def series(self) -> Series:
        """What was judged."""
        return self._judged.series

    @property
    def curfew(self) -> Curfew | None:
        """The claim; None where there is none."""
        return self._judged.curfew

    @property
    def finding(self) -> SeriesFinding:
        """What was made of the series, also where that is nothing."""
        return self._judged.finding

    @property
    def sentence(self) -> str:
        """The answer in words, as every other screen says it."""
        return plain(answer(self.finding, self.curfew))

    @property
    def windows(self) -> tuple[Window, ...]:
        """All recurring hours that are claimed; empty where there are none, or it is all hours."""
        return self.curfew.windows if self.curfew else ()

    def window(self) -> Window | None:
        """The first of the recurring hours with its 90 % intervals; None where there are none."""
        return self.windows[0] if self.windows else None

    def onsets(self) -> tuple[Instants | None, ...]:
        """When each wave began, oldest first.

        None stands for a beginning before the data; no claim, no entries.
        """
        if self.curfew is None:
            return ()
        return tuple(spell.onset for spell in self.episodes) or (self.curfew.onset,)

    @property
    def episodes(self) -> tuple[Spell, ...]:
        """The waves, from onset to lifting, as far as the finding tells them apart."""
        return self.curfew.episodes if self.curfew else ()

    def why(self) -> Why:
        """Rule, ruleset, profile, n, and the figures, in words."""
        return why_of(self._judged)

    def carpet(self, nights: int = NIGHTS_SHOWN) -> CarpetView:
        """Local half hours × nights; the newest `nights` rows are drawn, all are counted."""
        return carpet_view(self._judged, max(1, nights))

    @property
    def rows(self) -> dict[str, npt.NDArray[Any]]:
        """The measurements as columns of shape (n,), copies: change them as you like.

        `started_us` is µs since 1970 UTC; the others are those of `Series`, and `inside` says
        which lie in a claimed window. A column that no row tells is left out.
        """
        series = self.series
        columns = {
            name: getattr(series, name)
            for name in Series.__dataclass_fields__
            if isinstance(getattr(series, name), np.ndarray)
        }
        columns |= dict(series.mix) | {"inside": inside_of(series, self.windows)}
        return {name: np.array(column) for name, column in columns.items()}

    def __len__(self) -> int:
        return int(self.series.started_us.size)

    def __repr__(self) -> str:
        mark = "SIMULATED. " if self.simulated else ""
        name = f"{self.service} on {self.network}"
        return printable(f"<nights of {name}: {mark}{self.sentence}>")

    def _repr_html_(self) -> str:
        carpet = self.carpet()
        return rendered(
            "nights.html.j2",
            found=self.curfew is not None,
            simulated=SIMULATED if self.simulated else "",
            where=carpet.where(),
            answer=answer(self.finding, self.curfew),
            facts=facts(self.finding, self.curfew),
            beside=beside(self.finding, self.curfew),
            carpet=drawn_parts(carpet),
            empty=NO_MEASUREMENTS,
            not_shown=not_shown(self.finding, self.curfew),
        )


class NightsList(Sequence[Nights]):
    """Several of them, judged together; drawn as one table, those with a claim first."""

    def __init__(self, nights: Sequence[Nights]) -> None:
        self._nights = tuple(nights)

    @overload
    def __getitem__(self, index: int) -> Nights: ...
    @overload
    def __getitem__(self, index: slice) -> NightsList: ...
    def __getitem__(self, index: int | slice) -> Nights | NightsList:
        if isinstance(index, slice):
            return NightsList(self._nights[index])
        return self._nights[index]

    def __len__(self) -> int:
        return len(self._nights)

    def __iter__(self) -> Iterator[Nights]:
        return iter(self._nights)

    @property
    def curfews(self) -> tuple[Curfew, ...]:
        """All claims."""
        return tuple(n.curfew for n in self._nights if n.curfew is not None)

    @property
    def findings(self) -> tuple[SeriesFinding, ...]:
        """One line for each series."""
        return tuple(n.finding for n in self._nights)

    def __repr__(self) -> str:
        mark = "SIMULATED rows in it, " if any(n.simulated for n in self) else ""
        return f"<nights: {mark}{len(self)} series, {count_words(len(self.curfews), 'claim')}>"

    def _repr_html_(self) -> str:
        ordered = sorted(self._nights, key=lambda n: (n.curfew is None, n.service, n.network))
        shown = ordered[:_DRAWN_MAX]
        axis = axis_for([window for n in shown for window in n.windows])
        return rendered(
            "list.html.j2",
            simulated=SIMULATED_AMONG if any(n.simulated for n in self._nights) else "",
            caption=f"{len(self)} series",
            axis_words=together_words(axis),
            rows=[
                {
                    "service": title_words(n.service),
                    "network": n.network,
                    "strip": _strip(n, axis),
                    "words": state_words(n.finding, n.curfew),
                }
                for n in shown
            ],
            more=more_words(len(ordered) - len(shown)),
            empty=NO_MEASUREMENTS,
        )


def _strip(nights: Nights, axis_start_h: int) -> Markup:
    """All nights laid on one another, in one line of 48 half hours."""
    carpet = carpet_of(nights.series, windows=nights.windows, axis_start_h=axis_start_h)
    return strip(carpet, nights.windows)
