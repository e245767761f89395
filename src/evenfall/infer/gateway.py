"""The router of the home, as a series of small probes saw it.

What it does. `gateway_of` reads the probes of a round into a `Gateway`; `is_bad` says whether they
show a router, or the Wi-Fi before it, that would explain what is slow above it.

Rules. Loss is judged by the exact lower bound of its share (Clopper and Pearson, one-sided 95 %),
so that one lost probe of ten says nothing. A router that answered no probe at all was not tested:
many are told not to answer. Probes run beside lookups, when the line is all but idle, so a long
round trip is the router's or the radio's own.

What it does not do. It cannot tell Wi-Fi from a cable, nor the radio from a busy router.

Sources: Clopper and Pearson, Biometrika 26 (1934); figures in `infer.profiles`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from evenfall.infer.exact import clopper_pearson
from evenfall.infer.profiles import CheckProfile
from evenfall.model.observation import Observation
from evenfall.model.vocabulary import Fact

__all__ = ["Gateway", "gateway_of"]

_TWO_SIDED_LEVEL = 0.90  # whose lower limit is the one-sided 95 % bound


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """A series of probes of which at least one was answered.

    Attributes:
        sent, lost: probes.
        rtt_us: their median round trip.
        observation_id: where it is written.
    """

    sent: int
    lost: int
    rtt_us: int
    observation_id: str

    def loses(self, profile: CheckProfile) -> bool:
        """More is lost than a sound home network loses."""
        low, _ = clopper_pearson(hits=self.lost, n=self.sent, level=_TWO_SIDED_LEVEL)
        return low > profile.gateway_loss_max

    def is_bad(self, profile: CheckProfile) -> bool:
        """It loses, or it is slow to answer."""
        return self.loses(profile) or self.rtt_us > profile.gateway_rtt_max_us


def gateway_of(observations: Iterable[Observation]) -> Gateway | None:
    """The router, from the last series of which any probe was answered; None: not tested."""
    found = None
    for o in observations:
        if o.fact is not Fact.GATEWAY_PROBE or not o.probes_sent or o.rtt_us is None:
            continue
        found = Gateway(
            sent=o.probes_sent,
            lost=o.probes_lost or 0,
            rtt_us=o.rtt_us,
            observation_id=o.observation_id,
        )
    return found
