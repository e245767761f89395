"""Sentences of one occasion: what was ruled out, what it does not show, and what to do next.

The answer itself stands in `text.answer`, and why in `text.reasons`; the rules here are for all.
One vocabulary: slow or out of reach, compared with what, how sure. The first answer never claims a
curfew, for one occasion cannot show one; it never says who did it; and "I cannot tell" is said as
plainly as anything else. Nothing here computes: numbers come in with the verdicts.

Every sentence is a `Saying` (model.saying), so that it can be said in another language. A sentence
is one template: no halves are glued that another language would put in another order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from evenfall.model.saying import Saying, say
from evenfall.model.verdict import Rival, Rung
from evenfall.model.vocabulary import Answer, Explanation, RungName, RungState
from evenfall.text.words import bytes_words

__all__ = [
    "INTERRUPTED",
    "NOT_SHOWN",
    "broken_rung",
    "cost_words",
    "moment_words",
    "next_step",
    "rival_lines",
    "rival_words",
    "server_fault_words",
]

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
