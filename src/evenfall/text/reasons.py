"""Why: one line for each reason, with the services that share it; then how it is slow, and where.

Numbers come in with the verdicts; the rules are those of `text.check`.
"""

from __future__ import annotations

from collections.abc import Sequence

from evenfall.model.saying import Saying, say, say_n
from evenfall.model.verdict import Rung, Verdict
from evenfall.model.vocabulary import Answer, Scope, State
from evenfall.text.answer import TARGETED_ANSWERS
from evenfall.text.words import names_of, service_words

__all__ = ["REASONS_MAX", "reasons"]

REASONS_MAX = 4
"""Services that are explained on the screen; the rest are in `--json` and with `-v`."""


def reasons(
    answer: Answer,
    verdicts: Sequence[Verdict],
    *,
    at_most: int | None = None,
    broken: Rung | None = None,
) -> list[Saying]:
    """Why, one line for each reason, with the services that share it.

    Args:
        answer: of the check.
        verdicts: all of them.
        at_most: lines; how many more there are is said.
        broken: where a rung is broken, what could not be judged because of it needs no line.
    """
    why = _reasons_of([v for v in verdicts if v.state is not State.OK and not _is_moot(v, broken)])
    lines = why[:at_most]
    if len(why) > len(lines):
        lines.append(say_n("{n} more: see -v.", "{n} more: see -v.", len(why) - len(lines)))
    lines += _how_slow(verdicts)
    if answer in TARGETED_ANSWERS:
        lines.append(
            say(
                "Behaviour compatible with a restriction of just these names; a full line would "
                "not choose by name. A filter on this device, on the router or in the contract "
                "would: try another device, and the phone's own network."
            )
        )
    return lines


def _is_moot(verdict: Verdict, broken: Rung | None) -> bool:
    return broken is not None and verdict.state is State.INSUFFICIENT


def _reasons_of(verdicts: Sequence[Verdict]) -> list[Saying]:
    shared: dict[tuple[str, ...], list[Verdict]] = {}
    for verdict in verdicts:
        shared.setdefault(_same_reason(verdict), []).append(verdict)
    return [_reason(group) for group in shared.values()]


def _same_reason(verdict: Verdict) -> tuple[str, ...]:
    """What two verdicts have in common that share one line."""
    if verdict.slower_by is not None:
        return ("slower", verdict.target)
    if verdict.scope is Scope.GENERALIZED:
        return ("alike", verdict.scope_because)
    return (verdict.because, verdict.scope_because)


def _reason(group: Sequence[Verdict]) -> Saying:
    verdict, (names, _) = group[0], names_of(group)
    if verdict.slower_by is not None:
        by = verdict.slower_by
        return say(
            "{name}: slower than the same server under another name, by {median} times "
            "({low}–{high}).",
            name=names,
            median=_rounded(by.median),
            low=_rounded(by.low),
            high=_rounded(by.high),
        )
    if verdict.scope is Scope.GENERALIZED:
        return say("Slow alike: {because}.", because=verdict.scope_because)
    return say(
        "{name}: {because} ({scope_because}).",
        name=names,
        because=verdict.because,
        scope_because=verdict.scope_because,
    )


def _how_slow(verdicts: Sequence[Verdict]) -> list[Saying]:
    """How it is slow, and where on the way, if that was found out; alike services share a line."""
    lines = []
    for shape in dict.fromkeys(v.shape for v in verdicts):
        if shape is None or not shape.confidence:
            continue
        names, _ = names_of(v for v in verdicts if v.shape == shape)
        lines.append(
            say(
                "{name}, how it is slow: {because} (how sure: {confidence:.0%}).",
                name=names,
                because=shape.because,
                confidence=shape.confidence,
            )
        )
    lines += [
        say(
            "{name}, where on the way: {because}.",
            name=service_words(verdict.service),
            because=verdict.located.because,
        )
        for verdict in verdicts
        if verdict.located is not None
    ]
    return lines


def _rounded(factor: float) -> float | int:
    """Two digits that mean something: 41, 3.2, 3."""
    if factor >= 9.95:
        return round(factor)
    one_decimal = round(factor, 1)
    return int(one_decimal) if one_decimal == int(one_decimal) else one_decimal
