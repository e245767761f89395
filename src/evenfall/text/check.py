"""Sentences of one occasion: the answer, why, what it does not show, and what to do next.

One vocabulary: slow or out of reach, compared with what, how sure. The first answer never claims a
curfew, for one occasion cannot show one; it never says who did it; and "I cannot tell" is said as
plainly as anything else. Nothing here computes: numbers come in with the verdicts.

Every sentence is a `Saying` (model.saying), so that it can be said in another language. A sentence
is one template: no halves are glued that another language would put in another order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from evenfall.model.saying import Saying, say, say_n
from evenfall.model.verdict import Rival, Rung, Verdict
from evenfall.model.vocabulary import Answer, Explanation, RungName, RungState, Scope, State
from evenfall.text.words import bytes_words, joined, service_words

__all__ = [
    "INTERRUPTED",
    "NOT_SHOWN",
    "REASONS_MAX",
    "answer_sentence",
    "broken_rung",
    "cost_words",
    "moment_words",
    "next_step",
    "reasons",
    "rival_lines",
    "rival_words",
    "server_fault_words",
]

REASONS_MAX = 4
"""Services that are explained on the screen; the rest are in `--json` and with `-v`."""

_TARGETED = (Answer.TARGETED_SLOWING, Answer.TARGETED_BLOCKING)

NOT_SHOWN = say(
    "Not shown by one measurement: whether it is so at other hours and on other days, on other "
    "lines, and who or what is behind it."
)

INTERRUPTED = say("Interrupted: only what had been measured by then counts.")

_SERVER_FAULTS = {
    "pin_mismatch": say(
        "another key than the pinned one; no pairs were made; compare the pin with "
        "`evenfall server --print-pin`."
    ),
    "dns_no_answer": say(
        "its name has no address; no pairs were made; check its url in the target file."
    ),
    "connection_refused": say(
        "the connection was refused; no pairs were made; check that `evenfall server` runs there, "
        "and its port."
    ),
    "generic_timeout_error": say(
        "no answer; no pairs were made; check that `evenfall server` runs there, and that no "
        "firewall is before it."
    ),
}

_NEXT_STEPS = {
    Answer.OK: say("Nothing to do. If it was slow a moment ago, run it again then."),
    Answer.TARGETED_SLOWING: say(
        "Run it again in the daytime and on other evenings: only many nights show a pattern "
        "(evenfall nights)."
    ),
    Answer.TARGETED_BLOCKING: say(
        "Run it again in the daytime and on other evenings: only many nights show a pattern "
        "(evenfall nights)."
    ),
    Answer.LINE_SLOW: say(
        "Try by cable, with other devices off; then tell your provider that everything is slow, "
        "with this measurement."
    ),
    Answer.SITE_DOWN: say("Wait, and look at the service's own status page."),
    Answer.CANNOT_TELL: say(
        "Run it again in a few minutes, and by another network if you have one."
    ),
    Answer.NOT_MEASURED: say("Check that this device is online, then run it again."),
}

_RIVALS = {
    Explanation.OWN_DEVICE: say("your device"),
    Explanation.WIFI: say("your Wi-Fi or router"),
    Explanation.LINE: say("your line as a whole"),
    Explanation.TARIFF: say("a limit in the tariff"),
    Explanation.CONGESTION: say("congestion"),
    Explanation.SITE_ITSELF: say("the site itself"),
    Explanation.CDN: say("the network that carries the site"),
    Explanation.DNS: say("name lookup"),
    Explanation.VPN: say("a VPN or proxy"),
    Explanation.CAPTIVE_PORTAL: say("a log-in page of this Wi-Fi"),
    Explanation.CLOCK: say("a wrong clock"),
}


def moment_words(date: str, time: str, zone: str) -> Saying:
    """When it was: a date, a time of day, and the zone they are in."""
    return say("{date}, {time} ({zone}):", date=date, time=time, zone=zone)


def cost_words(spent_bytes: int, duration_s: float) -> Saying:
    """Bytes and seconds, and that nothing left this machine."""
    return say(
        "Cost: {spent} in {seconds:.0f} s; no result was sent anywhere.",
        spent=bytes_words(spent_bytes),
        seconds=duration_s,
    )


def rival_words(explanation: Explanation) -> Saying:
    """An innocent explanation as a person would say it."""
    return _RIVALS[explanation]


def rival_lines(rivals: Iterable[Rival]) -> list[Saying]:
    """Innocent explanations in three lines: ruled out, not ruled out, not tested."""
    groups: dict[bool | None, list[str]] = {True: [], False: [], None: []}
    for rival in rivals:
        groups[rival.ruled_out].append(rival_words(rival.explanation))
    lines = []
    if groups[True]:
        lines.append(say("Ruled out: {explanations}.", explanations=_listed(groups[True])))
    if groups[False]:
        lines.append(say("Not ruled out: {explanations}.", explanations=_listed(groups[False])))
    if groups[None]:
        lines.append(say("Not tested: {explanations}.", explanations=_listed(groups[None])))
    return lines


def _listed(words: list[str]) -> str:
    first = words[0]
    for word in words[1:]:
        first = say("{first}, {next}", first=first, next=word)
    return first


def server_fault_words(place: str, failure: str) -> Saying:
    """Where, what was seen instead of a server that answers, and what to do; `place` host:port."""
    seen = _SERVER_FAULTS.get(failure) or say(
        "it did not make one transfer ({failure}); no pairs were made; check that `evenfall "
        "server` runs there.",
        failure=failure,
    )
    return say("Measurement server {place}: {seen}", place=place, seen=seen)


def broken_rung(ladder: Sequence[Rung]) -> Rung | None:
    """The first rung below the service that does not hold; it explains what is above it."""
    below = (rung for rung in ladder if rung.name is not RungName.SERVICE)
    return next((rung for rung in below if rung.state is RungState.BROKEN and rung.sentence), None)


def next_step(
    answer: Answer,
    *,
    has_server: bool,
    interrupted: bool = False,
    server_failed: bool = False,
    broken: Rung | None = None,
) -> str:
    """One thing to do now; that of the broken rung before any other."""
    if interrupted:
        return say("Run it again, and let it come to its end.")
    if broken is not None and broken.next_step:
        return broken.next_step
    if server_failed and answer is Answer.OK:
        return say("Mend the measurement server or its line in the target file, then run it again.")
    if answer is Answer.CANNOT_TELL and not has_server:
        return say(
            "{step} A measurement server ([[server]] in a target file) would tell more apart.",
            step=_NEXT_STEPS[answer],
        )
    return _NEXT_STEPS[answer]


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
    if answer in _TARGETED:
        return say(
            "Right now {found}; neutral sites on the same line are fine.", found=_targeted(verdicts)
        )
    if answer is Answer.SITE_DOWN:
        names, n = _names(v for v in verdicts if v.state is State.DOWN)
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
    if answer in _TARGETED:
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
    verdict, (names, _) = group[0], _names(group)
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
        names, _ = _names(v for v in verdicts if v.shape == shape)
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


def _targeted(verdicts: Sequence[Verdict]) -> str:
    """What is slowed or shut by itself, as a clause; empty if nothing is."""
    targeted = [v for v in verdicts if v.scope is Scope.TARGETED]
    slow = [v for v in targeted if v.state is State.SLOWED]
    shut = [v for v in targeted if v.state is State.BLOCKED]
    parts = []
    if by_name := [v for v in slow if v.isolated]:
        names, n = _names(by_name)
        parts.append(
            say_n("{names} is slowed by name", "{names} are slowed by name", n, names=names)
        )
    if by_itself := [v for v in slow if not v.isolated]:
        parts.append(_clause_slow(by_itself))
    if shut:
        parts.append(_clause_shut(shut))
    return joined(parts)


def _clause_slow(verdicts: Sequence[Verdict]) -> Saying:
    names, n = _names(verdicts)
    return say_n("{names} is slow", "{names} are slow", n, names=names)


def _clause_shut(verdicts: Sequence[Verdict]) -> Saying:
    names, n = _names(verdicts)
    return say_n("{names} does not open", "{names} do not open", n, names=names)


def _line_slow(verdicts: Sequence[Verdict]) -> Saying:
    targeted = [v for v in verdicts if v.scope is Scope.TARGETED]
    if not targeted:
        return say(
            "Everything is slow, not one service: the neutral sites are slow too. That looks like "
            "congestion or a limit on the line."
        )
    names, n = _names(targeted)
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


def _names(verdicts: Iterable[Verdict]) -> tuple[str, int]:
    """The services, each once, and how many they are."""
    names = list(dict.fromkeys(service_words(v.service) for v in verdicts))
    return joined(names), len(names)
