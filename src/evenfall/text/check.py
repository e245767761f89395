"""Sentences of one occasion: the answer, why, what it does not show, and what to do next.

One vocabulary: slow or out of reach, compared with what, how sure. The first answer never claims a
curfew, for one occasion cannot show one; it never says who did it; and "I cannot tell" is said as
plainly as anything else. Nothing here computes: numbers come in with the verdicts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from evenfall.model.verdict import Verdict
from evenfall.model.vocabulary import Answer, Explanation, Scope, State
from evenfall.text.words import factor_words, joined, service_words

__all__ = [
    "INTERRUPTED",
    "NOT_SHOWN",
    "PairFigures",
    "answer_sentence",
    "mark_of",
    "next_step",
    "reasons",
    "rival_words",
    "row_words",
    "server_fault_words",
    "speed_words",
]

_MARKS = {State.OK: "✔", State.SLOWED: "▼", State.BLOCKED: "✖", State.DOWN: "✖"}


class PairFigures(NamedTuple):
    """How our own server fared.

    Attributes:
        neutral_bps: median speed under a neutral name.
        slower: pairs in which the target's name was slower by ×1/1.5 or more.
        total: pairs that count.
    """

    neutral_bps: float
    slower: int
    total: int


NOT_SHOWN = (
    "Not shown by one measurement: whether it is so at other hours and on other days, on other "
    "lines, and who or what is behind it."
)

INTERRUPTED = "Interrupted: only what had been measured by then counts."

_SERVER_FAULTS = {
    "pin_mismatch": (
        "another key than the pinned one",
        "compare the pin with `evenfall server --print-pin`",
    ),
    "dns_no_answer": ("its name has no address", "check its url in the target file"),
    "connection_refused": (
        "the connection was refused",
        "check that `evenfall server` runs there, and its port",
    ),
    "generic_timeout_error": (
        "no answer",
        "check that `evenfall server` runs there, and that no firewall is before it",
    ),
}
_SERVER_FAULT = ("it did not make one transfer", "check that `evenfall server` runs there")

_NEXT_STEPS = {
    Answer.OK: "Nothing to do. If it was slow a moment ago, run it again then.",
    Answer.TARGETED_SLOWING: "Run it again in the daytime and on other evenings: only many nights "
    "show a pattern (evenfall nights).",
    Answer.TARGETED_BLOCKING: "Run it again in the daytime and on other evenings: only many nights "
    "show a pattern (evenfall nights).",
    Answer.LINE_SLOW: "Try by cable, with other devices off; then tell your provider that "
    "everything is slow, with this measurement.",
    Answer.SITE_DOWN: "Wait, and look at the service's own status page.",
    Answer.CANNOT_TELL: "Run it again in a few minutes, and by another network if you have one.",
    Answer.NOT_MEASURED: "Check that this device is online, then run it again.",
}

_WITH_SERVER = " A measurement server ([[server]] in a target file) would tell more apart."

_RIVALS = {
    Explanation.OWN_DEVICE: "your device",
    Explanation.WIFI: "your Wi-Fi or router",
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


def row_words(verdict: Verdict, *, target_bps: float | None, pairs: PairFigures | None) -> str:
    """What was found about one target, in a few words.

    `target_bps` is the best speed of its own page; `pairs` says how our server fared.
    """
    speed = "" if target_bps is None else f"{speed_words(target_bps)}, "
    if verdict.state is State.OK:
        return f"{speed}opens"
    if verdict.state is State.INSUFFICIENT:
        return "not known"
    if verdict.state is State.DOWN:
        return "does not work"
    if verdict.state is State.BLOCKED:
        return "does not open"
    if verdict.isolated and pairs is not None:
        return (
            f"{speed}slow; same server, other name: {speed_words(pairs.neutral_bps)}, "
            f"{pairs.slower} times of {pairs.total}"
        )
    return f"{speed}slow"


def speed_words(bps: float) -> str:
    """`38 Mbit/s`, `0.3 Mbit/s`."""
    return f"{bps / 1e6:.0f} Mbit/s" if bps >= 9.95e6 else f"{bps / 1e6:.1f} Mbit/s"


def server_fault_words(place: str, failure: str) -> str:
    """Where, what was seen instead of a server that answers, and what to do; `place` host:port."""
    seen, remedy = _SERVER_FAULTS.get(
        failure, (f"{_SERVER_FAULT[0]} ({failure})", _SERVER_FAULT[1])
    )
    return f"Measurement server {place}: {seen}; no pairs were made; {remedy}."


def next_step(
    answer: Answer, *, has_server: bool, interrupted: bool = False, server_failed: bool = False
) -> str:
    """One thing to do now."""
    if interrupted:
        return "Run it again, and let it come to its end."
    if server_failed and answer is Answer.OK:
        return "Mend the measurement server or its line in the target file, then run it again."
    if answer is Answer.CANNOT_TELL and not has_server:
        return _NEXT_STEPS[answer] + _WITH_SERVER
    return _NEXT_STEPS[answer]


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
    if answer is Answer.NOT_MEASURED and any(v.rule_id == "check.not_measured" for v in verdicts):
        return "Nothing was measured to its end: the check was stopped before."
    if answer is Answer.NOT_MEASURED:
        return "Nothing could be measured from here: this device or this line seems to be offline."
    return _cannot_tell(verdicts)


def reasons(answer: Answer, verdicts: Sequence[Verdict]) -> list[str]:
    """Why, one line each, for what is not fine."""
    lines = [_reason(v) for v in verdicts if v.state is not State.OK]
    if answer in (Answer.TARGETED_SLOWING, Answer.TARGETED_BLOCKING):
        lines.append(
            "Behaviour compatible with a restriction of just these names; "
            "a full line would not choose by name. A filter on this device, on the router or in "
            "the contract would: try another device, and the phone's own network."
        )
    return list(dict.fromkeys(lines))


def _reason(verdict: Verdict) -> str:
    name = service_words(verdict.service)
    if verdict.slower_by is not None:
        by = verdict.slower_by
        times = f"{factor_words(by.median)} times ({factor_words(by.low)}–{factor_words(by.high)})"
        return f"{name}: slower than the same server under another name, by {times}."
    if verdict.scope is Scope.GENERALIZED:
        return f"Slow alike: {verdict.scope_because}."
    return f"{name}: {verdict.because} ({verdict.scope_because})."


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
    said = joined(parts)
    return f"{said[:1].upper()}{said[1:]} from here; from one line I cannot tell why."


def _names(verdicts: Iterable[Verdict]) -> str:
    return joined(list(dict.fromkeys(service_words(v.service) for v in verdicts)))
