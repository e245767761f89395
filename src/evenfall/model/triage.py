"""What a round says about one service to somebody who runs a network."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from evenfall.model.vocabulary import Answer, State

__all__ = ["Conclusion", "OtherService", "Triage"]


class Conclusion(StrEnum):
    """Whose matter it is, as far as one round from one place can say."""

    BY_NAME = "by_name"  # our own server shows it too, under this name alone
    BY_ITSELF = "by_itself"  # this service alone, and outside it works; not shown to be its name
    OWN_NETWORK = "own_network"  # all names are slow or out of reach: this network or its uplinks
    AT_SERVICE = "at_service"  # the service is broken for everybody
    NOTHING_WRONG = "nothing_wrong"
    CANNOT_TELL = "cannot_tell"
    NOT_MEASURED = "not_measured"


class OtherService(msgspec.Struct, frozen=True, kw_only=True):
    """How another service fared in the same round."""

    service: str
    state: State


class Triage(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="triage"):
    """One service, seen from a network's own jump host.

    Attributes:
        ticket: made from the round's id: the same round gives the same ticket.
        since: what the operator typed; a label, nothing was measured then.
        service_state: the worst of the service's targets.
        service_bps: best speed of its own page; null: not timed.
        access_bps: the best our own server did under a neutral name or in a speed test; null: no
            server.
        access_slow: whether even that is slow, by the rule for lines; null: nothing tells.
        access_resent: share of bytes that our server had to send again to neutral names.
        by_name_bps, neutral_bps: medians of the paired transfers; null without pairs.
        slower_pairs, n_pairs: pairs slower under the service's name by ×1/1.5 or more, of how many.
        e_value: evidence against "no slowing by name"; null without pairs.
        upstream_works, upstream_listed, upstream_bps: neutral sites abroad, and the best of them.
        domestic_works, domestic_listed: neutral sites in the country.
        neutral_name_opens: whether a neutral name was answered at the service's own address; null:
            not tried.
        domestic_slow: every domestic site that could be timed was slow; null: none was timed.
    """

    ticket: str
    service: str
    started_us: int
    since: str | None
    conclusion: Conclusion
    answer: Answer
    service_state: State
    service_bps: int | None
    access_bps: int | None
    access_slow: bool | None
    access_resent: float | None
    by_name_bps: int | None
    neutral_bps: int | None
    slower_pairs: int
    n_pairs: int
    e_value: float | None
    upstream_works: int
    upstream_listed: int
    upstream_bps: int | None
    domestic_works: int
    domestic_listed: int
    neutral_name_opens: bool | None
    others: tuple[OtherService, ...] = ()
    schema: str = "1.0"
    domestic_slow: bool | None = None

    @property
    def domestic_fine(self) -> bool:
        """There are domestic sites, all answer, and they were not seen to be slow."""
        return 0 < self.domestic_works == self.domestic_listed and not self.domestic_slow
