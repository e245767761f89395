"""The benchmark of nights on a terminal: two tables, and a line for every peer that is ahead.

Columns are methods, so that a row is one family seen by all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from evenfall.lab.scoring.compared import by_family, percent
from evenfall.lab.scoring.rates import NightScore, upper_limit
from evenfall.lab.scoring.said import EVENFALL, METHODS
from evenfall.lab.scoring.tally import DailyTally

__all__ = ["METHOD_NAMES", "daily_table", "guilty_table", "innocent_table"]

_SHORT = {
    "evenfall": "Evenfall", "wehe": "Wehe", "ooni_cusum": "OONI", "fixed_threshold": "half",
    "ruptures_pelt": "PELT",
}  # fmt: skip
METHOD_NAMES = {
    "evenfall": "Evenfall", "wehe": "Wehe", "ooni_cusum": "OONI's CUSUM",
    "fixed_threshold": "half of the rest", "ruptures_pelt": "PELT",
}  # fmt: skip
"""Where there is room for them."""

_NOTHING = "–"


def innocent_table(scores: Sequence[NightScore]) -> Table | None:
    """False alarms of all methods by family; None if no family is innocent."""
    families = {f: m for f, m in by_family(scores).items() if next(iter(m.values())).innocent}
    table = _table("Nobody does anything: worlds with a claim", ("seeds", "≤ 95 %"), families)
    for family, methods in families.items():
        own = methods.get(EVENFALL)
        bound = _NOTHING if own is None else percent(own.false_alarm_high or 0.0)
        seeds = next(iter(methods.values())).seeds
        alarms = [_number(None if one is None else one.false_alarms) for one in _in_order(methods)]
        table.add_row(family, str(seeds), bound, *alarms)
    return table if families else None


def guilty_table(scores: Sequence[NightScore]) -> Table | None:
    """Power of all methods, and what Evenfall says beside; None if every family is innocent."""
    families = {f: m for f, m in by_family(scores).items() if not next(iter(m.values())).innocent}
    more = ("edge min", "cover", "date", "cover", "waves", "scope", "nights", "MB")
    table = _table("Somebody does: worlds found", ("seeds",), families, more)
    for family, methods in families.items():
        seeds = next(iter(methods.values())).seeds
        powers = [_share(None if one is None else one.power) for one in _in_order(methods)]
        table.add_row(family, str(seeds), *powers, *_details(methods.get(EVENFALL)))
    return table if families else None


def daily_table(tallies: Sequence[DailyTally]) -> Table:
    """Series ever claimed while looking every day."""
    looked = tallies[0]
    title = f"Looking every day, {looked.nights_from} to {looked.nights_to} nights: series claimed"
    table = Table(title=title, box=box.SIMPLE, title_justify="left")
    for name in ("family", "method", "series", "ever claimed", "≤ 95 %"):
        table.add_column(name, justify="left" if name in ("family", "method") else "right")
    for one in tallies:
        bound = percent(upper_limit(one.ever_claimed, one.series))
        name = _SHORT[one.method]
        table.add_row(one.family, name, str(one.series), str(one.ever_claimed), bound)
    return table


def _table(
    title: str,
    first: Sequence[str],
    families: dict[str, dict[str, NightScore]],
    last: Sequence[str] = (),
) -> Table:
    table = Table(title=title, box=box.SIMPLE, title_justify="left", padding=(0, 1, 0, 0))
    table.add_column("family", no_wrap=True)
    present = {method for methods in families.values() for method in methods}
    shown = [_SHORT[name] if name in present else f"{_SHORT[name]}*" for name in METHODS]
    for name in (*first, *shown, *last):
        table.add_column(name, justify="right")
    return table


def _in_order(methods: dict[str, NightScore]) -> list[NightScore | None]:
    return [methods.get(name) for name in METHODS]


def _details(own: NightScore | None) -> list[str]:
    if own is None:
        return [_NOTHING] * 8
    return [
        f"{_number(own.edge_error_min_p50)}/{_number(own.edge_error_min_p90)}",
        _share(own.coverage),
        _number(own.onset_error_nights_p50),
        _share(own.onset_coverage),
        _share(own.episodes_right),
        _share(own.scope_right),
        _number(own.nights_to_claim),
        _number(own.megabytes_to_claim),
    ]


def _number(value: int | None) -> str:
    return _NOTHING if value is None else str(value)


def _share(value: float | None) -> str:
    return _NOTHING if value is None else f"{100 * value:.0f}%"
