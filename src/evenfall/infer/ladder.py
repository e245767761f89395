"""Is it me? The rungs between this device and the service, climbed until one does not hold.

What it does. `climb` goes from the device over the router, the line, the neutral and the domestic
sites to the services, and says of each whether it holds, from what one round has shown. It ends at
the first broken rung: what is broken there explains whatever is seen above it, and one thing is to
be done about it, which the rung carries. `broken_below` gives that rung.

Rules.
- A rung is broken only by something that was measured and is bad in itself; where nothing was
  measured it is `not_tested`, never broken and never fine.
- The ladder says where to begin, not what is true: verdicts stand by their own rules. Where pairs
  convict a name although the router loses packets, both hold at once (METHOD 3), and the rung of
  the service follows the broken one.
- The router is bad if so many probes to it were lost that its true loss is above
  `gateway_loss_max`, by the exact lower bound (Clopper and Pearson, one-sided 95 %); or if it takes
  longer than `gateway_rtt_max_us` to answer, without any load. Ten probes of which one is lost say
  nothing; two do.
- A busy device (processor taken to `cpu_share_max` while transfers ran) is noted where everything
  is fast, and broken where everything is slow: only then can it be the reason.
- Neutral sites are those abroad, domestic ones those that the target file marks so. If the neutral
  ones are slow or dead and the domestic ones are fast, it is the way abroad.

What it does not do. It measures nothing, and sees neither radio nor the provider's inside. A router
that answers no probe is `not_tested`.

Sources: PRODUCT ("is it me, my line, the site"); METHOD 1, last paragraph, and 3; Clopper and
Pearson 1934.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from evenfall.infer.device import judge_device
from evenfall.infer.ground import Ground
from evenfall.infer.rungs import Case, Sites, broken, holds, not_tested
from evenfall.infer.surroundings import Surroundings
from evenfall.infer.verdicts import Judged
from evenfall.model.observation import Observation
from evenfall.model.saying import Saying, say
from evenfall.model.verdict import Rung
from evenfall.model.vocabulary import RungName, RungState, State
from evenfall.text.words import speed_words

__all__ = ["broken_below", "climb"]

_SLOW_STEP = say(
    "Try by cable, with other devices off; then tell your provider that everything is slow, "
    "with this measurement."
)


def climb(
    judged: Judged, observations: Sequence[Observation], surroundings: Surroundings
) -> tuple[Rung, ...]:
    """The rungs from the device up to the first that is broken, or to the services.

    Args:
        judged: what the round shows.
        observations: all of the round.
        surroundings: our own side.
    """
    case = Case(judged, observations, surroundings)
    rungs = []
    for look in _LOOKS:
        rungs.append(look(case))
        if rungs[-1].state is RungState.BROKEN:
            break
    if rungs[-1].name is not RungName.SERVICE and case.convicted:
        rungs.append(_service(case))
    return tuple(rungs)


def broken_below(ladder: Sequence[Rung]) -> Rung | None:
    """The rung below the service that is broken: its sentence and step come first. Else None."""
    return next(
        (r for r in ladder if r.state is RungState.BROKEN and r.name is not RungName.SERVICE), None
    )


def _wifi(case: Case) -> Rung:
    name, gateway = RungName.WIFI, case.gateway
    if gateway is None:
        silent = say("not tested: the router answers no probes")
        return not_tested(name, silent if case.router_asked else say("not tested"))
    trip_ms = max(1, round(gateway.rtt_us / 1000))
    seen: Saying = say("no loss ({ms} ms)", ms=trip_ms)
    if gateway.lost:
        seen = say(
            "{lost} of {sent} probes lost ({ms} ms)",
            lost=gateway.lost,
            sent=gateway.sent,
            ms=trip_ms,
        )
    if not (gateway.is_bad(case.profile) and case.has_trouble):
        return holds(name, seen)
    step = say("Move next to the router or use a cable, then run it again.")
    if gateway.loses(case.profile):
        sentence = say(
            "Your Wi-Fi or router loses {share:.0%} of what is sent: start there.",
            share=gateway.lost / gateway.sent,
        )
    else:
        sentence = say("Your router takes {ms} ms to answer: start there.", ms=trip_ms)
    return broken(name, seen, sentence, step)


def _line(case: Case) -> Rung:
    name, ground, bps = RungName.LINE, case.ground, case.line_bps
    if case.has_no_names:
        return broken(
            name,
            say("no name can be looked up"),
            say("No name can be looked up: the resolver of this network gives no answer."),
            say("Restart the router; if that does not help, tell your provider that DNS is down."),
        )
    if case.nothing_through and not ground.sites:
        return _nothing_through(case)
    if bps is None:
        return not_tested(name, say("not tested: no neutral site could be timed"))
    speed = speed_words(bps)
    if not ground.line_slow:
        return holds(name, speed)
    seen = say("{speed}, slow", speed=speed)
    if ground.tariff_bps:
        seen = say(
            "{speed}, slow; {tariff} promised", speed=speed, tariff=speed_words(ground.tariff_bps)
        )
    return broken(name, seen, _slow_sentence(ground), _SLOW_STEP)


def _nothing_through(case: Case) -> Rung:
    if case.gateway is not None:
        sentence = say("Your router answers, and nothing beyond it does: the line is down.")
    else:
        sentence = say("Nothing gets through: this line seems to be down.")
    return broken(
        RungName.LINE,
        say("nothing gets through"),
        sentence,
        say("Restart the router; if that does not help, tell your provider that the line is down."),
    )


def _slow_sentence(ground: Ground) -> Saying:
    queue = ground.queue_factor
    if queue is not None and queue >= ground.profile.load_rtt_factor:
        return say(
            "Everything is slow, not one service: the line is full (round trips take "
            "{times:.1f} times as long under load).",
            times=queue,
        )
    return say(
        "Everything is slow, not one service: that looks like congestion or a limit on the line."
    )


def _neutral_sites(case: Case) -> Rung:
    here, others = Sites(case.ground, domestic=False), Sites(case.ground, domestic=True)
    found = _sites(RungName.NEUTRAL_SITES, case, here)
    lame = here.all_slow and not case.ground.line_slow and case.has_trouble
    if found.state is not RungState.BROKEN and not lame:
        return found
    if lame and not others.any_fast:
        return _unwell(here)
    if others.works:
        return broken(
            RungName.NEUTRAL_SITES,
            here.words,
            say(
                "Sites in the country are fine, the neutral ones abroad are not: it is the way "
                "there."
            ),
            say(
                "Run it again later; if it stays so, tell your provider that the way abroad is bad."
            ),
        )
    return broken(
        RungName.NEUTRAL_SITES,
        here.words,
        say("None of the neutral sites answers, though something gets through: no conclusion."),
        say("Run it again in a few minutes, and by another network if you have one."),
    )


def _unwell(here: Sites) -> Rung:
    return broken(
        RungName.NEUTRAL_SITES,
        here.words,
        say(
            "The neutral sites are slow while a service is fast, so they are no measure just now: "
            "no conclusion."
        ),
        say("Run it again in a few minutes."),
    )


def _domestic_sites(case: Case) -> Rung:
    here = Sites(case.ground, domestic=True)
    found = _sites(RungName.DOMESTIC_SITES, case, here)
    if found.state is not RungState.BROKEN:
        return found
    return broken(
        RungName.DOMESTIC_SITES,
        here.words,
        say("Sites abroad answer, and none of the neutral ones in the country does."),
        say("Run it again later; if it stays so, tell your provider."),
    )


def _sites(name: RungName, case: Case, sites: Sites) -> Rung:
    if not sites.listed:
        why = say("not measured") if case.ground.unfinished else say("none listed")
        return not_tested(name, why)
    if not sites.works:
        return broken(name, sites.words)
    return holds(name, sites.words)


def _service(case: Case) -> Rung:
    name = RungName.SERVICE
    looked = [v for v in case.verdicts if v.state is not State.INSUFFICIENT]
    found = [v for v in looked if v.state is not State.OK]
    if found:
        because = say(
            "{found} of {looked} slow or out of reach", found=len(found), looked=len(looked)
        )
        return broken(name, because)
    if not looked:
        return not_tested(name, say("not measured"))
    return holds(name, say("{looked} of {looked} answer as they should", looked=len(looked)))


_LOOKS: tuple[Callable[[Case], Rung], ...] = (
    judge_device,
    _wifi,
    _line,
    _neutral_sites,
    _domestic_sites,
    _service,
)
