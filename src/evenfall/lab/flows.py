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

_READ_LAYERS = ("sni", "http", "quic", "")
"""Where a box has looked for a name; rules for all others act there."""


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

    def rule_for(
        self,
        layer: str,
        name: str,
        *,
        family: int = 4,
        accepts: Callable[[CensorRule], bool] = lambda _: True,
    ) -> CensorRule | None:
        """The rule that acts on a flow with this name.

        Args:
            layer: `sni`, `http`, `quic`, `dns`, `ip`, `udp443`, or empty: a flow in which no name
                can be read.
            name: what was read in it, or who lives at its address.
            family: its IP version.
            accepts: further conditions of the caller's.
        """
        minute = self._minute_of_day()
        for rule, names in self._rules:
            if family not in rule.families or not _fits(rule, names, layer, name):
                continue
            active = within(minute, rule.from_local, rule.to_local)
            if active and accepts(rule) and self._rng.random() < rule.share:
                return rule
        return None

    def has(self, *layers: str) -> bool:
        """Whether there is any rule of these layers, or one for flows without a name."""
        return any(_layer(rule) in layers or rule.others for rule, _ in self._rules)

    def active(self, action: str) -> bool:
        """Whether there is a rule of this action whose hours last."""
        minute = self._minute_of_day()
        return any(
            rule.action == action and within(minute, rule.from_local, rule.to_local)
            for rule, _ in self._rules
        )


def _layer(rule: CensorRule) -> str:
    return rule.action.partition(".")[0]


def _fits(rule: CensorRule, names: frozenset[str], layer: str, name: str) -> bool:
    if rule.others:
        return layer in _READ_LAYERS and not _covers(names, name)
    return _layer(rule) == layer and (not names or _covers(names, name))


def _covers(names: frozenset[str], name: str) -> bool:
    """Whether a name is one of `names` or below one of them."""
    name = name.lower().rstrip(".")
    return name in names or any(name.endswith("." + parent) for parent in names)
