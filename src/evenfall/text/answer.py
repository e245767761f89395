"""The one sentence that answers: what is slow or shut, or that it cannot be told.

It never claims a curfew, for one occasion cannot show one, and never says who did it (`text.check`
has the rules). Where a rung of the ladder is broken the sentence is about that, and what the pairs
have shown is said beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

from evenfall.model.saying import Saying, say, say_n
from evenfall.model.verdict import Rung, Verdict
from evenfall.model.vocabulary import Answer, Scope, State
from evenfall.text.words import joined, names_of

__all__ = ["TARGETED_ANSWERS", "answer_sentence"]

TARGETED_ANSWERS = (Answer.TARGETED_SLOWING, Answer.TARGETED_BLOCKING)


def answer_sentence(
    answer: Answer, verdicts: Sequence[Verdict], *, broken: Rung | None = None
) -> str:
    """The one sentence; where a rung is broken it is about that, and what holds beside it."""
    if broken is not None and answer is not Answer.OK:
        return _with_targeted(broken.sentence, answer, verdicts)
    if answer is Answer.OK:
        return say("Everything asked for answers like the neutral sites do.")
    if answer is Answer.LINE_SLOW:
        return _line_slow(verdicts)
    if answer in TARGETED_ANSWERS:
        return say(
            "Right now {found}; neutral sites on the same line are fine.", found=_targeted(verdicts)
        )
    if answer is Answer.SITE_DOWN:
        names, n = names_of(v for v in verdicts if v.state is State.DOWN)
        return say_n(
            "The service itself does not work: {names}; the rest does.",
            "The services themselves do not work: {names}; the rest does.",
            n,
            names=names,
        )
    if answer is Answer.NOT_MEASURED:
        return _not_measured(verdicts)
    return _cannot_tell(verdicts)


def _with_targeted(sentence: str, answer: Answer, verdicts: Sequence[Verdict]) -> str:
    """Both are said where both hold: a bad line does not undo what pairs have shown."""
    found = _targeted(verdicts)
    if not found or answer in (Answer.NOT_MEASURED, Answer.SITE_DOWN):
        return sentence
    return say("{sentence} Beside that, {found}.", sentence=sentence, found=found)


def _not_measured(verdicts: Sequence[Verdict]) -> Saying:
    if any(v.rule_id == "check.not_measured" for v in verdicts):
        return say("Nothing was measured to its end: the check was stopped before.")
    return say("Nothing could be measured from here: this device or this line seems to be offline.")


def _targeted(verdicts: Sequence[Verdict]) -> str:
    """What is slowed or shut by itself, as a clause; empty if nothing is."""
    targeted = [v for v in verdicts if v.scope is Scope.TARGETED]
    slow = [v for v in targeted if v.state is State.SLOWED]
    shut = [v for v in targeted if v.state is State.BLOCKED]
    parts = []
    if by_name := [v for v in slow if v.isolated]:
        names, n = names_of(by_name)
        parts.append(
            say_n("{names} is slowed by name", "{names} are slowed by name", n, names=names)
        )
    if by_itself := [v for v in slow if not v.isolated]:
        parts.append(_clause_slow(by_itself))
    if shut:
        parts.append(_clause_shut(shut))
    return joined(parts)


def _clause_slow(verdicts: Sequence[Verdict]) -> Saying:
    names, n = names_of(verdicts)
    return say_n("{names} is slow", "{names} are slow", n, names=names)


def _clause_shut(verdicts: Sequence[Verdict]) -> Saying:
    names, n = names_of(verdicts)
    return say_n("{names} does not open", "{names} do not open", n, names=names)


def _line_slow(verdicts: Sequence[Verdict]) -> Saying:
    targeted = [v for v in verdicts if v.scope is Scope.TARGETED]
    if not targeted:
        return say(
            "Everything is slow, not one service: the neutral sites are slow too. That looks like "
            "congestion or a limit on the line."
        )
    names, n = names_of(targeted)
    return say_n(
        "Everything is slow, not one service: the neutral sites are slow too. Beside that, {names} "
        "fares worse by name.",
        "Everything is slow, not one service: the neutral sites are slow too. Beside that, {names} "
        "fare worse by name.",
        n,
        names=names,
    )


def _cannot_tell(verdicts: Sequence[Verdict]) -> Saying:
    slow = [v for v in verdicts if v.state is State.SLOWED]
    shut = [v for v in verdicts if v.state in (State.BLOCKED, State.DOWN)]
    parts = []
    if slow:
        parts.append(_clause_slow(slow))
    if shut:
        parts.append(_clause_shut(shut))
    if not parts:
        return say("I cannot tell: there was too little to go on.")
    return say("I cannot tell from one line why {found}.", found=joined(parts))
