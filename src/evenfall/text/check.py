"""Sentences of one occasion: the answer, why, what it does not show, and what to do next.

One vocabulary: slow or out of reach, compared with what, how sure. The first answer never claims a
curfew, for one occasion cannot show one; it never says who did it; and "I cannot tell" is said as
plainly as anything else. Nothing here computes: numbers come in with the verdicts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from evenfall.model.verdict import Verdict
from evenfall.model.vocabulary import Answer, Explanation, Scope, State
from evenfall.text.words import factor_words, joined, service_words

__all__ = [
    "NEXT_STEPS",
    "NOT_SHOWN",
    "answer_sentence",
    "mark_of",
    "reasons",
    "rival_words",
    "state_sentence",
]

_MARKS = {State.OK: "✔", State.SLOWED: "▼", State.BLOCKED: "✖", State.DOWN: "✖"}

NOT_SHOWN = (
    "Not shown by one measurement: whether it is so at other hours and on other days, on other "
    "lines, and who or what is behind it."
)

NEXT_STEPS = {
    Answer.OK: "Nothing to do. If it was slow a moment ago, run it again then.",
    Answer.TARGETED_SLOWING: "Run it again in the daytime and on other evenings: only many nights "
    "show a pattern (evenfall nights).",
    Answer.TARGETED_BLOCKING: "Run it again in the daytime and on other evenings: only many nights "
    "show a pattern (evenfall nights).",
    Answer.LINE_SLOW: "Try by cable, with other devices off; then tell your provider that "
    "everything is slow, with this measurement.",
    Answer.SITE_DOWN: "Wait, and look at the service's own status page.",
    Answer.CANNOT_TELL: "Run it again in a few minutes; with a measurement server ([[server]] in a "
    "target file) more can be told apart.",
    Answer.NOT_MEASURED: "Check that this device is online, then run it again.",
}

_RIVALS = {
    Explanation.OWN_DEVICE: "your device",
    Explanation.WIFI: "your Wi-Fi",
    Explanation.LINE: "your line as a whole",
    Explanation.TARIFF: "a limit in the tariff",
    Explanation.CONGESTION: "congestion",
    Explanation.SITE_ITSELF: "the site itself",
    Explanation.CDN: "the network that carries the site",
    Explanation.DNS: "name lookup",
    Explanation.VPN: "a VPN or proxy",
    Explanation.CAPTIVE_PORTAL: "a log-in page of this Wi-Fi",
    Explanation.CLOCK: "a wrong clock",
}


def rival_words(explanation: Explanation) -> str:
    """An innocent explanation as a person would say it."""
    return _RIVALS[explanation]


def mark_of(verdict: Verdict) -> str:
    """✔ fine, ▼ slow, ✖ out of reach, ? not known."""
    return _MARKS.get(verdict.state, "?")


def state_sentence(verdict: Verdict) -> str:
    """What was found about one target, in a few words."""
    if verdict.state is State.OK:
        return "opens"
    if verdict.state is State.INSUFFICIENT:
        return f"not known: {verdict.because}"
    if verdict.state is State.DOWN:
        return f"does not work: {verdict.because}"
    if verdict.state is State.BLOCKED:
        return f"does not open: {verdict.because}"
    if verdict.slower_by is None:
        return f"slow: {verdict.because}"
    by = verdict.slower_by
    times = f"{factor_words(by.median)} times ({factor_words(by.low)}–{factor_words(by.high)})"
    return f"slower by name: {times} than the same server under another name"


def answer_sentence(answer: Answer, verdicts: Sequence[Verdict]) -> str:
    """The one sentence."""
    if answer is Answer.OK:
        return "Everything asked for answers like the neutral sites do."
    if answer is Answer.LINE_SLOW:
        return "Everything is slow, not one service: " + _line_slow_more(verdicts)
    if answer in (Answer.TARGETED_SLOWING, Answer.TARGETED_BLOCKING):
        return _targeted(verdicts)
    if answer is Answer.SITE_DOWN:
        names = _names(v for v in verdicts if v.state is State.DOWN)
        return f"{names}: the service itself does not work; the rest does."
    if answer is Answer.NOT_MEASURED:
        return "Nothing could be measured from here: this device or this line seems to be offline."
    return _cannot_tell(verdicts)


def reasons(answer: Answer, verdicts: Sequence[Verdict]) -> list[str]:
    """Why, one line each, for what is not fine."""
    lines = [
        f"{service_words(v.service)}: {v.because} ({v.scope_because})."
        for v in verdicts
        if v.state is not State.OK
    ]
    if answer in (Answer.TARGETED_SLOWING, Answer.TARGETED_BLOCKING):
        lines.append(
            "Behaviour compatible with a restriction of just these names; "
            "a full line or a weak Wi-Fi would not choose by name."
        )
    return lines


def _targeted(verdicts: Sequence[Verdict]) -> str:
    targeted = [v for v in verdicts if v.scope is Scope.TARGETED]
    parts = []
    if slow := [v for v in targeted if v.state is State.SLOWED]:
        verb = "is" if len({v.service for v in slow}) == 1 else "are"
        parts.append(f"{_names(slow)} {verb} slowed by name")
    if shut := [v for v in targeted if v.state is State.BLOCKED]:
        verb = "does" if len({v.service for v in shut}) == 1 else "do"
        parts.append(f"{_names(shut)} {verb} not open")
    return f"Right now {joined(parts)}; neutral sites on the same line are fine."


def _line_slow_more(verdicts: Sequence[Verdict]) -> str:
    targeted = [v for v in verdicts if v.scope is Scope.TARGETED]
    if targeted:
        return (
            f"the neutral sites are slow too. Beside that, {_names(targeted)} fares worse by name."
        )
    return "the neutral sites are slow too. That looks like congestion or a limit on the line."


def _cannot_tell(verdicts: Sequence[Verdict]) -> str:
    found = [v for v in verdicts if v.state in (State.SLOWED, State.BLOCKED, State.DOWN)]
    if not found:
        return "I cannot tell: there was too little to go on."
    slow = [v for v in found if v.state is State.SLOWED]
    shut = [v for v in found if v.state is not State.SLOWED]
    parts = []
    if slow:
        parts.append(f"{_names(slow)} {'is' if len(slow) == 1 else 'are'} slow")
    if shut:
        parts.append(f"{_names(shut)} {'does' if len(shut) == 1 else 'do'} not open")
    return f"{joined(parts)} from here; from one line I cannot tell why."


def _names(verdicts: Iterable[Verdict]) -> str:
    return joined(list(dict.fromkeys(service_words(v.service) for v in verdicts)))
