"""The series that a command was asked about, with what was made of them; else what there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evenfall.cli.options import Settings
from evenfall.model.errors import StoreError, UsageError

if TYPE_CHECKING:
    from evenfall.report.subject import Judged
    from evenfall.store import Store

__all__ = ["chosen"]

_LISTED_MAX = 12


def chosen(store: Store, settings: Settings, service: str, network: str) -> list[Judged]:
    """One series where a service is named, else all of the store or of one network.

    Raises:
        UsageError: nothing by that name, or a service on several networks and none was named;
            lists what there is.
        StoreError: the store holds no measurements at all.
    """
    from evenfall.report.gather import gather, pick

    # All of them, because scope and q need the others, whichever is asked about.
    everything = gather(store, zone=settings.timezone or "UTC")
    judged = [one for one in everything if network in ("", one.series.network)]
    if any(not service or one.series.service.lower() == service.lower() for one in judged):
        return [pick(judged, service, network)] if service else judged
    asked = " on ".join(name for name in (service, network) if name)
    raise _not_there(everything, settings, asked)


def _not_there(judged: Sequence[Judged], settings: Settings, asked: str) -> StoreError | UsageError:
    there = sorted({f"{one.series.service} on {one.series.network}" for one in judged})
    if not there:
        return StoreError(
            expected="measurements of a service",
            seen="none",
            where=str(settings.store),
            remedy="Import a history first: evenfall import table FILE --map MAP.toml.",
        )
    more = ", …" if len(there) > _LISTED_MAX else ""
    return UsageError(
        expected=f"one of {', '.join(there[:_LISTED_MAX])}{more}",
        seen=asked,
        where=str(settings.store),
        remedy="`evenfall nights` lists what there is.",
    )
