"""Where a peer does better than Evenfall, and what it pays for that: sentences made of the figures.

Rules:
    A peer is ahead in a family of windows if it finds more of the worlds, or, where both find at
    least half, if its median edge is nearer.
    Why Evenfall does not find what it misses is what it says of these series itself.
    What the peer pays is its false alarms over the innocent families that were scored beside.
    Equal is not ahead.
    In a family (`Standing`) Evenfall leads if it finds more worlds than each of the four peers, is
    level if as many as the best of them, and else behind. Counts as they are: no test asks whether
    a difference is luck. Where a peer was not scored, or on other worlds, nobody is ahead.
    False alarms are compared over the innocent families that both were scored on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evenfall.lab.scoring.rates import NightScore
from evenfall.lab.scoring.said import EVENFALL, METHODS

__all__ = ["Standing", "ahead", "alarms_of", "by_family", "percent", "standing"]

_POWER_MIN = 0.5
_REASONS_MAX = 2


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where Evenfall stands beside all four peers.

    Attributes:
        led, level, behind, not_scored: families with something to find, each in one of them.
        alarms_more: peers that raise fewer false alarms than Evenfall, or were not asked.
    """

    led: tuple[str, ...]
    level: tuple[str, ...]
    behind: tuple[str, ...]
    not_scored: tuple[str, ...]
    alarms_more: tuple[str, ...]


def standing(scores: Sequence[NightScore]) -> Standing:
    """Families by whether Evenfall finds more than every peer, and who alarms less."""
    families = {
        name: methods
        for name, methods in by_family(scores).items()
        if EVENFALL in methods and not methods[EVENFALL].innocent
    }
    lead = {name: _lead(m) for name, m in families.items() if _all_scored(m)}
    return Standing(
        led=tuple(name for name, more in lead.items() if more > 0),
        level=tuple(name for name, more in lead.items() if more == 0),
        behind=tuple(name for name, more in lead.items() if more < 0),
        not_scored=tuple(name for name in families if name not in lead),
        alarms_more=tuple(peer for peer in METHODS[1:] if not _alarms_no_more(scores, peer)),
    )


def _all_scored(methods: Mapping[str, NightScore]) -> bool:
    own = (methods[EVENFALL].first_seed, methods[EVENFALL].seeds)
    return all(
        name in methods and (methods[name].first_seed, methods[name].seeds) == own
        for name in METHODS
    )


def _lead(methods: Mapping[str, NightScore]) -> int:
    """How many worlds more Evenfall finds than the best of the peers."""
    found = {name: methods[name].found or 0 for name in METHODS}
    return found[EVENFALL] - max(found[peer] for peer in METHODS[1:])


def _alarms_no_more(scores: Sequence[NightScore], peer: str) -> bool:
    """Over the innocent families on which both were scored; false if there are none."""
    both = [
        (methods[EVENFALL], methods[peer])
        for methods in by_family(scores).values()
        if EVENFALL in methods and peer in methods
    ]
    alarms = alarms_of([one for pair in both for one in pair])
    if EVENFALL not in alarms:
        return False
    (own, own_n), (theirs, n) = alarms[EVENFALL], alarms[peer]
    return own * n <= theirs * own_n


def by_family(scores: Sequence[NightScore]) -> dict[str, dict[str, NightScore]]:
    """Family → method → score, in the order given."""
    found: dict[str, dict[str, NightScore]] = {}
    for score in scores:
        found.setdefault(score.family, {})[score.method] = score
    return found


def alarms_of(scores: Sequence[NightScore]) -> dict[str, tuple[int, int]]:
    """Method → false alarms and innocent worlds, over all families."""
    found: dict[str, tuple[int, int]] = {}
    for score in scores:
        if score.innocent:
            alarms, n = found.get(score.method, (0, 0))
            found[score.method] = (alarms + (score.false_alarms or 0), n + score.seeds)
    return found


def ahead(scores: Sequence[NightScore]) -> list[str]:
    """One sentence for each family and peer that is ahead; empty: nowhere."""
    alarms = alarms_of(scores)
    return [
        f"{family}: {method} {why}{_price(method, alarms)}"
        for family, methods in by_family(scores).items()
        if EVENFALL in methods and not methods[EVENFALL].innocent
        for method, peer in methods.items()
        if method != EVENFALL and (why := _why_ahead(methods[EVENFALL], peer))
    ]


def _why_ahead(own: NightScore, peer: NightScore) -> str:
    powers = (own.power or 0.0, peer.power or 0.0)
    if powers[1] > powers[0]:
        return (
            f"finds {percent(powers[1])} of the worlds, Evenfall {percent(powers[0])}"
            f"{_says_of_missed(own)}"
        )
    edges = (own.edge_error_min_p50, peer.edge_error_min_p50)
    if min(powers) < _POWER_MIN or edges[0] is None or edges[1] is None or edges[1] >= edges[0]:
        return ""
    return (
        f"has its median edge {edges[1]} minutes off, Evenfall {edges[0]} (finds "
        f"{percent(powers[1])}, Evenfall {percent(powers[0])})"
    )


def _says_of_missed(own: NightScore) -> str:
    """What Evenfall says of those it misses: the two most frequent reasons."""
    reasons = sorted((own.missed_because or {}).items(), key=lambda one: (-one[1], one[0]))
    said = ", ".join(f"{n} × “{reason}”" for reason, n in reasons[:_REASONS_MAX])
    return f", which says of those it misses: {said}" if said else ""


def _price(method: str, alarms: Mapping[str, tuple[int, int]]) -> str:
    if method not in alarms or EVENFALL not in alarms:
        return ""
    (own, own_n), (theirs, n) = alarms[EVENFALL], alarms[method]
    return (
        f"; it claims falsely in {theirs} of {n} innocent worlds ({percent(theirs / n)}), "
        f"Evenfall in {own} of {own_n} ({percent(own / own_n)})"
    )


def percent(rate: float) -> str:
    """`12.5 %`."""
    return f"{100 * rate:.1f} %"
