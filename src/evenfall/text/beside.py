"""What was measured beside the answer: waves, shares, one rate, a crowd, changes, rows left out.

One sentence each, the same on every screen. An answer names the hours; these say what else a reader
needs to weigh it, and what stands beside it without being a curfew (a new tariff, another device).

What it does not do: decide anything, or repeat what the answer says.
"""

from __future__ import annotations

from evenfall.model.curfew import Change, Congestion, Curfew, RateCluster, SeriesFinding, Shares
from evenfall.model.vocabulary import ChangeKind
from evenfall.text.words import (
    count_words,
    date_words,
    dates_words,
    factor_words,
    joined,
    nights_words,
    percent_words,
    speed_words,
)

__all__ = ["beside", "change_words", "rate_words", "waves_words"]

_KILOBIT = 1e3
_MEGABIT = 1e6
_SHARE_SAID_MIN = 0.05  # below it, "slow and failing together" would be a word about noise

_CHANGED = {
    ChangeKind.LINES: "other lines measure",
    ChangeKind.SOFTWARE: "another program or version measures",
    ChangeKind.TARGET: "something else is asked of the service",
    ChangeKind.RESOLVER: "another resolver is asked",
}
_LEFT_OUT = {
    "clock": "whose clock nobody had verified",
    "time": "with a time that no clock can have shown",
    "value": "without a usable outcome",
}


def beside(finding: SeriesFinding, curfew: Curfew | None = None) -> tuple[str, ...]:
    """Sentences, most important first; none where there is nothing beside."""
    said: list[str] = []
    if curfew is not None:
        said += waves_words(curfew)
        said += _both_words(curfew.shares)
        said += [] if curfew.rate is None else [rate_words(curfew.rate)]
        said += [] if curfew.congestion is None else [_congestion_words(curfew.congestion)]
    changes = dict.fromkeys((*(curfew.changes if curfew else ()), *finding.changes))
    said += [change_words(change) for change in changes]
    said += _left_out_words(finding) if curfew is None else []  # a curfew's caveats say it
    return tuple(said)


def waves_words(curfew: Curfew) -> list[str]:
    """`Three waves: …`, where there is more than one."""
    if len(curfew.episodes) < 2:
        return []
    waves = [
        f"{date_words(spell.first)} to {date_words(spell.last)} "
        f"({nights_words(spell.nights_seen, 'night')})"
        for spell in curfew.episodes
    ]
    return [f"It came in {len(waves)} waves: {joined(waves)}; nights between them are not counted."]


def rate_words(rate: RateCluster) -> str:
    """The one rate, and how much of what was measured gathers at it."""
    return (
        f"{percent_words(rate.share)} of the measurements (95 % limits "
        f"{percent_words(rate.share_low)} to {percent_words(rate.share_high)}, n = {rate.n:,}) "
        f"gather at one rate, about {_rate(rate.median_bps)} ({_rate(rate.low_bps)} to "
        f"{_rate(rate.high_bps)}), whatever the line could do: behaviour compatible with a limiter."
    )


def change_words(change: Change) -> str:
    """A change for good, and that it is no curfew."""
    when = dates_words(change.between)
    if change.what is ChangeKind.LEVEL and change.factor is not None:
        higher = change.factor >= 1.0
        times = factor_words(change.factor if higher else 1.0 / change.factor)
        way = "higher" if higher else "lower"
        return (
            f"From {when} on its level is {times} times {way} at all hours: a change such as "
            "another tariff, device or demand, and no curfew."
        )
    what = _CHANGED.get(change.what, change.because)
    return f"From {when} on {what}: a change of who measures, and no curfew ({change.because})."


def _both_words(shares: Shares | None) -> list[str]:
    if shares is None or min(shares.failed, shares.slow) < _SHARE_SAID_MIN:
        return []
    n = count_words(shares.n, "measurement")
    failed, slow, fine = map(percent_words, (shares.failed, shares.slow, shares.fine))
    slow_words = f"{slow} came slower than a third"
    return [f"Of {n} inside, {failed} did not open, {slow_words}, {fine} as at other hours."]


def _congestion_words(congestion: Congestion) -> str:
    return (
        f"Both at once: beside this, everything on the network suffers in these hours "
        f"({congestion.because})."
    )


def _left_out_words(finding: SeriesFinding) -> list[str]:
    parts = [
        f"{count} {_LEFT_OUT.get(reason, reason)}" for reason, count in finding.left_out.items()
    ]
    if not parts:
        return []
    total = sum(finding.left_out.values())
    return [f"Left out: {count_words(total, 'row')} ({joined(parts)})."]


def _rate(bps: float) -> str:
    return f"{bps / _KILOBIT:.0f} kbit/s" if bps < _MEGABIT else str(speed_words(bps))
