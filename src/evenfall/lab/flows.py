"""Which censor rule acts on a flow: names, the schedule, and the share of flows.

One decision a flow, made once, from the name that was seen in it; what the relay or the middlebox
then does with the flow is theirs. No clock and no global randomness: both are arguments.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping

from evenfall.lab.clock import within
from evenfall.lab.scenario import CensorRule

__all__ = ["Decider"]


class Decider:
    """Finds the rule for a flow.

    Args:
        rules: in order; the first that fits and draws this flow acts.
        hosts: role → host name.
        minute_of_day: the scenario's local time, minutes since midnight.
        rng: draws the share of flows.
    """

    def __init__(
        self,
        rules: Iterable[CensorRule],
        *,
        hosts: Mapping[str, str],
        minute_of_day: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self._rules = tuple(
            (rule, frozenset(hosts[role] for role in rule.services)) for rule in rules
        )
        self._minute_of_day = minute_of_day
        self._rng = rng

    def rule_for(self, layer: str, name: str) -> CensorRule | None:
        """The rule of a layer (`sni`, `http`, `dns`, `ip`) that acts on a flow with this name."""
        minute = self._minute_of_day()
        for rule, names in self._rules:
            if rule.action.partition(".")[0] != layer or not _covers(names, name):
                continue
            active = within(minute, rule.from_local, rule.to_local)
            if active and self._rng.random() < rule.share:
                return rule
        return None


def _covers(names: frozenset[str], name: str) -> bool:
    """Whether a name is one of `names` or below one of them."""
    name = name.lower().rstrip(".")
    return name in names or any(name.endswith("." + parent) for parent in names)
