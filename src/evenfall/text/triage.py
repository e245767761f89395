"""Sentences of `triage`: for the staff of a network, and for those who call it.

The conclusion has an opposite as easy to print: this service alone by its name, or all names alike,
and so a matter of the network's own. The customer's text holds nothing about a customer, no promise
and no more than was measured; it is there in every language, whatever the screen speaks.
"""

from __future__ import annotations

from collections.abc import Sequence

from evenfall.model.saying import Saying, say, say_n
from evenfall.model.triage import Conclusion, OtherService, Triage
from evenfall.model.vocabulary import Answer, State
from evenfall.text.words import joined, service_words, speed_words

__all__ = [
    "CHECK_LIST",
    "CUSTOMER_HEAD",
    "NOT_SHOWN",
    "PATH_OPEN",
    "access_words",
    "argument_words",
    "check_list",
    "conclusion_words",
    "customer_text",
    "others_words",
    "pairs_words",
    "sure_words",
    "ticket_words",
    "title_words",
]

NOT_SHOWN = say(
    "Not shown by one round from one place: who configured it, on which equipment, whether it is "
    "so at other hours and elsewhere in the network."
)
PATH_OPEN = say("Path segment: not determined (--locate asks for it).")
CUSTOMER_HEAD = say("Text for customers, without anything about a customer:")
CHECK_LIST = say("To look at:")

_TROUBLED = (State.SLOWED, State.BLOCKED)
_ODDS_MAX = 30.0
"""However large the evidence of a model: the worst innocent rows of the calibration have 3 %."""

_LISTS: dict[Conclusion, tuple[Saying, ...]] = {
    Conclusion.BY_NAME: (
        say("changes to traffic policies, shapers and filters on equipment you operate"),
        say("instructions received about this service"),
        say("the same from another point of presence, and from behind another upstream"),
    ),
    Conclusion.BY_ITSELF: (
        say("routes and filters for the service's addresses; answers of your resolvers"),
        say("instructions received about this service"),
        say("the same from another point of presence, and from behind another upstream"),
    ),
    Conclusion.OWN_NETWORK: (
        say("load, drops and errors on the uplinks and on this access node"),
        say("caches of content networks: are they full or out of service?"),
        say("a capacity ticket, with this measurement"),
    ),
    Conclusion.AT_SERVICE: (
        say("the service's own status page"),
        say("the same from another network"),
    ),
    Conclusion.NOTHING_WRONG: (
        say("the customer's own line and Wi-Fi: ask them to run `evenfall check`"),
    ),
    Conclusion.CANNOT_TELL: (
        say("the same again in a few minutes, with a measurement server of your own ([[server]])"),
        say("the same from another point of presence, and from behind another upstream"),
    ),
    Conclusion.NOT_MEASURED: (say("whether this host is online and may reach the sites at all"),),
}


def title_words(triage: Triage, date: str, time: str, zone: str) -> Saying:
    """What was looked at, and when."""
    service = service_words(triage.service)
    if triage.since:
        return say(
            "{service}, {date}, {time} ({zone}); calls since {since}, by your word",
            service=service,
            date=date,
            time=time,
            zone=zone,
            since=triage.since,
        )
    return say(
        "{service}, {date}, {time} ({zone})", service=service, date=date, time=time, zone=zone
    )


def conclusion_words(triage: Triage) -> Saying:
    """Whose matter it is."""
    is_shut = triage.service_state is State.BLOCKED
    if triage.conclusion is Conclusion.BY_NAME:
        if triage.answer is Answer.LINE_SLOW:
            return say("Both: all names are slow, and this one fares worse by its name.")
        if is_shut:
            return say("Not the access, not the volume: it does not open, by its name.")
        return say("Not the access, not the volume: slowed by its name.")
    if triage.conclusion is Conclusion.BY_ITSELF:
        return say("Not the access, not the volume: this service alone, by its address or lookup.")
    if triage.conclusion is Conclusion.OWN_NETWORK and triage.access_slow is False:
        return say(
            "All names alike, while our own server is fast: the uplinks or the way to the sites. "
            "Capacity ticket."
        )
    return _CONCLUSIONS[triage.conclusion]


_CONCLUSIONS = {
    Conclusion.OWN_NETWORK: say(
        "All names alike: congestion or a fault of our own network or its uplinks. Capacity ticket."
    ),
    Conclusion.AT_SERVICE: say(
        "The service itself: it says so under its own certificate, or fares the same from outside."
    ),
    Conclusion.NOTHING_WRONG: say("Nothing wrong is seen from here."),
    Conclusion.CANNOT_TELL: say("Cannot tell: this round does not separate our network from it."),
    Conclusion.NOT_MEASURED: say("Nothing was measured."),
}


def argument_words(triage: Triage) -> Saying | None:
    """Why the conclusion is not the opposite one; None where there is no more to say."""
    if triage.conclusion is Conclusion.BY_NAME and triage.neutral_bps:
        return say(
            "If our uplink were full, the neutral name on the same server would fare as badly; "
            "it came at {speed}.",
            speed=speed_words(triage.neutral_bps),
        )
    if triage.conclusion is Conclusion.OWN_NETWORK:
        return say("A restriction of one service would leave the neutral sites alone; it does not.")
    return None


def sure_words(triage: Triage) -> Saying:
    """How sure: pairs, and how often chance would show as much."""
    if not triage.n_pairs or triage.e_value is None:
        return say("How sure: no pairs under this name, so it was not separated from the site.")
    if triage.e_value < 1:
        return say_n(
            "How sure: {n} pair, which speaks against slowing by name.",
            "How sure: {n} pairs, which speak against slowing by name.",
            triage.n_pairs,
        )
    return say_n(
        "How sure: {n} pair; where nobody slows anything, a check shows as much once in {odds:.0f} "
        "times at most.",
        "How sure: {n} pairs; where nobody slows anything, a check shows as much once in "
        "{odds:.0f} times at most.",
        triage.n_pairs,
        odds=min(float(triage.e_value), _ODDS_MAX),
    )


def pairs_words(triage: Triage) -> Saying:
    """How our own server fared under the service's name."""
    return say_n(
        "{speed}; slower in {slower} of {n} pair",
        "{speed}; slower in {slower} of {n} pairs",
        triage.n_pairs,
        speed=speed_words(triage.by_name_bps or 0),
        slower=triage.slower_pairs,
    )


def access_words(triage: Triage) -> Saying:
    """How fast our own server is under neutral names, and how much was sent again."""
    speed = speed_words(triage.access_bps or 0)
    if triage.access_resent is None:
        return speed
    return say("{speed}, {share:.1%} sent again", speed=speed, share=triage.access_resent)


def others_words(others: Sequence[OtherService]) -> Saying:
    """Other services of the same round, by how they fared."""
    fine = [service_words(o.service) for o in others if o.state is State.OK]
    slow = [service_words(o.service) for o in others if o.state is State.SLOWED]
    shut = [service_words(o.service) for o in others if o.state in (State.BLOCKED, State.DOWN)]
    parts: list[str] = []
    if fine:
        parts.append(say("{names}: as usual", names=joined(fine)))
    if slow:
        parts.append(say("{names}: slow", names=joined(slow)))
    if shut:
        parts.append(say("{names}: not open", names=joined(shut)))
    told = parts[0] if parts else say("not known")
    for part in parts[1:]:
        told = say("{first}; {next}", first=told, next=part)
    return told if isinstance(told, Saying) else say("not known")


def check_list(triage: Triage) -> tuple[Saying, ...]:
    """What to look at, in this order."""
    return _LISTS[triage.conclusion]


def ticket_words(triage: Triage, cost: str) -> Saying:
    """The ticket's number and what the round cost."""
    return say("Measurement no. {ticket}. {cost}", ticket=triage.ticket, cost=cost)


def customer_text(triage: Triage, time: str) -> Saying:
    """What support may tell whoever calls; `time` is that of the round, local."""
    said = {"service": service_words(triage.service), "ticket": triage.ticket, "time": time}
    is_shut, some_are_fine = triage.service_state is State.BLOCKED, triage.domestic_fine
    if triage.conclusion in (Conclusion.BY_NAME, Conclusion.BY_ITSELF):
        if triage.answer is Answer.LINE_SLOW:
            return _customer_rest(Conclusion.OWN_NETWORK, said, some_are_fine=some_are_fine)
        if touched := [o.service for o in triage.others if o.state in _TROUBLED]:
            return _several(said, [triage.service, *touched])
        if is_shut:
            return say(
                "Your line is in order, other sites work as usual. {service} did not open at "
                "{time}; it concerns this service alone, and we recorded it in measurement no. "
                "{ticket}. How long it will last we do not know.",
                **said,
            )
        return say(
            "Your line is in order, other sites work as usual. {service} was slow at {time}; it "
            "concerns this service alone, and we recorded it in measurement no. {ticket}. How long "
            "it will last we do not know.",
            **said,
        )
    return _customer_rest(triage.conclusion, said, some_are_fine=some_are_fine)


def _several(said: dict[str, str], services: Sequence[str]) -> Saying:
    return say(
        "Your line is in order, other sites work as usual. {services} were slow or did not open "
        "at {time}; it concerns these services alone, and we recorded it in measurement no. "
        "{ticket}. How long it will last we do not know.",
        services=joined([service_words(service) for service in services]),
        time=said["time"],
        ticket=said["ticket"],
    )


def _customer_rest(conclusion: Conclusion, said: dict[str, str], *, some_are_fine: bool) -> Saying:
    if conclusion is Conclusion.OWN_NETWORK and some_are_fine:
        return say(
            "At {time} most sites were slow or out of reach, not {service} alone: the matter is in "
            "our network. It is recorded as no. {ticket}.",
            **said,
        )
    if conclusion is Conclusion.OWN_NETWORK:
        return say(
            "At {time} all sites were slow or out of reach, not {service} alone: the matter is in "
            "our network. It is recorded as no. {ticket}.",
            **said,
        )
    if conclusion is Conclusion.AT_SERVICE:
        return say(
            "Your line is in order. {service} itself did not work properly at {time}. "
            "Measurement no. {ticket}.",
            **said,
        )
    if conclusion is Conclusion.NOTHING_WRONG:
        return say(
            "At {time} {service} opened as usual from our network (measurement no. {ticket}). "
            "Please restart the router and try by cable; if it stays slow, call again.",
            **said,
        )
    if conclusion is Conclusion.CANNOT_TELL:
        return say(
            "We measured {service} at {time} and cannot yet tell why it does not work as usual "
            "(measurement no. {ticket}).",
            **said,
        )
    return say(
        "At {time} we could not measure {service}.", service=said["service"], time=said["time"]
    )
