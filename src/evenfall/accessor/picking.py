"""The one series that is meant, or an error that lists what there is."""

from __future__ import annotations

from collections.abc import Sequence

from evenfall.model.errors import UsageError
from evenfall.report.subject import Judged
from evenfall.text.notebook import listed_words

__all__ = ["pick_nights"]


def pick_nights(
    judged: Sequence[Judged],
    service: str,
    network: str,
    timezone: str,
    *,
    simulated: bool | None,
) -> Judged:
    """The one of `judged` that fits; empty texts and None fit everything.

    Raises:
        UsageError: none, or more than one.
    """
    found = [
        one
        for one in judged
        if one.series.service.lower() == service.lower()
        and network.lower() in ("", one.series.network.lower())
        and timezone in ("", one.series.timezone)
        and simulated in (None, one.series.simulated)
    ]
    exact = [one for one in found if one.series.service == service]
    found = exact or found
    if len(found) == 1:
        return found[0]
    raise _several(found, service) if found else _none(judged, service, network)


def _several(found: Sequence[Judged], service: str) -> UsageError:
    networks = sorted({one.series.network for one in found})
    if len(networks) > 1:
        return UsageError(
            expected="one network",
            seen=f"{service} on {len(networks)} networks: {listed_words(networks)}",
            where="nights",
            remedy=f"Name one, as network={networks[0]!r}.",
        )
    kinds = [
        f"{one.series.service} in {one.series.timezone}"
        + (", simulated" if one.series.simulated else ", measured")
        for one in found
    ]
    return UsageError(
        expected="one series",
        seen="; ".join(kinds),
        where=f"{service} on {networks[0]}",
        remedy="Say which with timezone=… or simulated=True or False.",
    )


def _none(judged: Sequence[Judged], service: str, network: str) -> UsageError:
    known = sorted({f"{one.series.service} on {one.series.network}" for one in judged})
    return UsageError(
        expected=f"one of {listed_words(known)}" if known else "a store with measurements",
        seen=service + (f" on {network}" if network else ""),
        where="nights",
        remedy="`overview()` draws what there is."
        if known
        else "Import or measure something first.",
    )
