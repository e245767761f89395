"""From an open store to what a page or a terminal shows: series with what was made of them.

The findings of the last `analyze` are used as they stand if they know every series asked for
(`judging.py`); otherwise the series are judged here, with a generator whose seed is fixed, so that
the same store gives the same page. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Sequence

from evenfall.model.errors import UsageError
from evenfall.report.evening import Speed
from evenfall.report.judging import judged_anew, judged_as_stored
from evenfall.report.subject import Judged, Page
from evenfall.store import Store

__all__ = ["JUDGE_SEED", "gather", "on_network", "page_of", "pick"]

JUDGE_SEED = 1  # as `analyze`, unless told otherwise
_CHOICES_MAX = 20


def gather(store: Store, *, zone: str = "UTC") -> list[Judged]:
    """Every series of the store with its finding, in the store's order.

    All of them, whatever is asked about later: scope and q rest on the other networks too.

    Args:
        store: open for reading.
        zone: IANA zone of observations that carry none.
    """
    series = store.series(zone=zone)
    judged = judged_as_stored(series, *store.findings())
    return judged_anew(series, seed=JUDGE_SEED) if judged is None else judged


def on_network(judged: Sequence[Judged], network: str) -> list[Judged]:
    """Those of one network; all where `network` is empty.

    Raises:
        UsageError: nothing was measured on it; lists what there is.
    """
    found = [j for j in judged if network in ("", j.finding.network)]
    if judged and not found:
        raise UsageError(
            expected=f"network {_listed(sorted({j.finding.network for j in judged}))}",
            seen=network,
            where="--network",
            remedy="`evenfall nights` lists what there is.",
        )
    return found


def pick(judged: Sequence[Judged], service: str, network: str) -> Judged:
    """The one series that is meant.

    Where it is there both measured and simulated, the measured one is meant.

    Args:
        judged: from `gather`.
        service: its id, any case.
        network: empty if there is only one.

    Raises:
        UsageError: none, or more than one network and none was named; lists what there is.
    """
    found = [
        j
        for j in judged
        if j.finding.service.lower() == service.lower() and network in ("", j.finding.network)
    ]
    if len({j.finding.network for j in found}) == 1:
        return min(found, key=lambda j: j.series.simulated)
    if found:
        names = [j.finding.network for j in found]
        raise UsageError(
            expected="one network",
            seen=f"{service} on {len(names)} networks: {_listed(names)}",
            where=f"service {service}",
            remedy=f"Name one with --network, as --network {names[0]}.",
        )
    known = sorted({f"{j.finding.service} on {j.finding.network}" for j in judged})
    raise UsageError(
        expected=f"one of {_listed(known)}" if known else "a store with measurements",
        seen=service + (f" on {network}" if network else ""),
        where="the store",
        remedy="`evenfall nights` lists what there is."
        if known
        else "Import or measure something first.",
    )


def page_of(
    store: Store, judged: Sequence[Judged], subject: Judged, *, made_local: str = ""
) -> Page:
    """A page about one series, beside what it can be compared with.

    Args:
        store: gives the speeds of the evening and the digests of what was imported.
        judged: from `gather`.
        subject: one of them.
        made_local: when, as text.
    """
    speeds = store.pair_speeds(subject.series)
    return Page(
        subject=subject,
        others=_beside(judged, subject),
        speeds=[
            Speed(started_us=int(a), target_bps=int(b), control_bps=int(c))
            for a, b, c in zip(*speeds, strict=True)
        ],
        sources=[(e.name, e.sha256) for e in store.imports()],
        simulated=subject.series.simulated,
        made_local=made_local,
        elsewhere=[
            j.series
            for j in judged
            if j.curfew is None
            and j.series.simulated == subject.series.simulated
            and j.series.service == subject.series.service
            and j.series.network != subject.series.network
        ],
    )


def _beside(judged: Sequence[Judged], subject: Judged) -> list[Judged]:
    """The other services on its network; where there are none, the service on other networks."""
    others = [
        j for j in judged if j is not subject and j.series.simulated == subject.series.simulated
    ]
    same_network = [j for j in others if j.series.network == subject.series.network]
    same_service = [j for j in others if j.series.service == subject.series.service]
    return same_network or sorted(same_service, key=lambda j: -j.finding.n)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_CHOICES_MAX])
    more = len(names) - _CHOICES_MAX
    return f"{shown} and {more} more" if more > 0 else shown
