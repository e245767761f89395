"""What a page is made of: a series with its finding, and what stands beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evenfall.infer.series import Series
from evenfall.model.curfew import Curfew, SeriesFinding
from evenfall.report.evening import Speed

__all__ = ["Judged", "Page"]


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
        elsewhere: the same service on other networks where nothing was found, whatever is drawn.
    """

    subject: Judged
    others: Sequence[Judged] = ()
    speeds: Sequence[Speed] = ()
    sources: Sequence[tuple[str, str]] = ()
    simulated: bool = False
    made_local: str = ""
    elsewhere: Sequence[Series] = ()
