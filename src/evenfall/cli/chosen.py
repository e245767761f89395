"""The series that a command was asked about, with what was made of them; else what there is."""

from __future__ import annotations

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

    zone = settings.timezone or "UTC"
    judged = gather(store, zone=zone, networks=[network] if network else None)
    if any(not service or one.series.service.lower() == service.lower() for one in judged):
        return [pick(judged, service, network)] if service else judged
    raise _not_there(
        store, settings, zone, " on ".join(name for name in (service, network) if name)
    )


def _not_there(store: Store, settings: Settings, zone: str, asked: str) -> StoreError | UsageError:
    there = sorted({f"{series.service} on {series.network}" for series in store.series(zone=zone)})
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
