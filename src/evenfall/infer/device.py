"""The first rung of "is it me?": this device, its clock, its VPN, and a log-in page before the net.

What it does. `judge_device` says whether something of this device's own, or of the network that it
is in, has to be put right before anything can be said about the line.

Rules, in order. A VPN that nobody asked to measure; no network at all; a log-in page that answers
for everybody; a clock that is wrong by minutes; no neutral site that shows its own certificate,
where several show a bad one (a wrong clock if all are out of date, else something in between); a
processor that was busy while everything was slow. A busy processor, a clock that is off by seconds
and proxy settings, which are not used, are mentioned and break nothing.

What it does not do. It looks at nothing itself: `probe.surroundings` and `probe.load` do. A clock
that nobody could be asked about is not held against the device.

Source: METHOD 1, last paragraph.
"""

from __future__ import annotations

from evenfall.infer.rungs import Case, broken, holds
from evenfall.infer.surroundings import portal
from evenfall.model.saying import Saying, say, say_n
from evenfall.model.verdict import Rung
from evenfall.model.vocabulary import RungName

__all__ = ["judge_device", "off_words"]

_ALIKE_MIN = 2  # one site may have forgotten to renew its certificate
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def judge_device(case: Case) -> Rung:
    """The first rung: is it this device, or what it is connected to?"""
    around, name = case.around, RungName.DEVICE
    if around.is_elsewhere:
        return broken(
            name,
            say("a VPN is on ({tunnel})", tunnel=around.tunnel),
            say("A VPN is on: I would measure its network, not your provider's."),
            say("Switch the VPN off and run it again; or add --through-vpn to measure through it."),
        )
    if around.has_route is False and case.nothing_came:
        return broken(
            name,
            say("not connected to any network"),
            say("This device is not connected: it has no way to the internet."),
            say("Switch the Wi-Fi on or plug the cable in, then run it again."),
        )
    if (host := portal(case.ground)) is not None:
        return broken(
            name,
            say("this network asks for a log-in first"),
            say(
                "This network asks for a log-in first: every neutral site led to {host}.", host=host
            ),
            say("Open any page in a browser, log in, then run it again."),
        )
    return _clock(case) or _between(case) or _processor(case) or _in_order(case)


def _clock(case: Case) -> Rung | None:
    """A clock that is wrong by minutes."""
    off_s = case.around.clock_off_s
    if off_s is None or abs(off_s) <= case.profile.clock_wrong_s:
        return None
    off = off_words(off_s)
    fast = off_s < 0  # the others' clock minus ours
    return broken(
        RungName.DEVICE,
        say("its clock is {off} fast", off=off)
        if fast
        else say("its clock is {off} slow", off=off),
        say(
            "This device's clock is wrong by {off}, so certificates and times mean nothing.",
            off=off,
        ),
        say("Set date, time and time zone, then run it again."),
    )


def _between(case: Case) -> Rung | None:
    """No control shows a good certificate, and at least two show a bad one."""
    shown = [a for s in case.ground.controls for a in s.attempts if a.tls and not a.is_neutral]
    bad = {a.host for a in shown if a.bad_certificate}
    if len(bad) < _ALIKE_MIN or any(a.valid_tls for a in shown):
        return None
    if all(a.failure == "ssl_invalid_certificate" for a in shown if a.bad_certificate):
        return broken(
            RungName.DEVICE,
            say("every certificate seems out of date"),
            say("Every neutral site's certificate seems out of date: this clock may be wrong."),
            say("Look at the date and time of this device, then run it again."),
        )
    return broken(
        RungName.DEVICE,
        say("no neutral site shows its own certificate"),
        say(
            "No neutral site shows its own certificate: something stands between them and you, "
            "such as a log-in page, an antivirus or a filter."
        ),
        say("Open any page in a browser and log in if it asks; else switch the filter off."),
    )


def _processor(case: Case) -> Rung | None:
    """A busy processor, where everything is slow."""
    share = case.around.cpu_share
    if share is None or share < case.profile.cpu_share_max or not case.ground.line_slow:
        return None
    return broken(
        RungName.DEVICE,
        say("busy: its processor is taken to {share:.0%}", share=share),
        say("This device is busy, and everything on it is slow: that may be all there is to it."),
        say("Close other programs, or try on another device."),
    )


def _in_order(case: Case) -> Rung:
    around, name = case.around, RungName.DEVICE
    off_s, share = around.clock_off_s, around.cpu_share
    if around.tunnel:
        return holds(name, say("measured through a VPN ({tunnel})", tunnel=around.tunnel))
    if off_s is not None and abs(off_s) > case.profile.clock_off_max_s:
        return holds(name, say("in order, but its clock is off by {off}", off=off_words(off_s)))
    if share is not None and share >= case.profile.cpu_share_max:
        return holds(name, say("in order, but busy ({share:.0%})", share=share))
    if around.proxies:
        return holds(name, say("in order; its proxy settings are not used"))
    return holds(name, say("in order"))


def off_words(off_s: float) -> Saying:
    """By how much a clock is off, in words: seconds, minutes, hours, or days."""
    size_s = abs(off_s)
    if size_s < 1.5 * _MINUTE_S:
        return say_n("{n} second", "{n} seconds", round(size_s))
    if size_s < _HOUR_S - _MINUTE_S / 2:
        return say_n("{n} minute", "{n} minutes", round(size_s / _MINUTE_S))
    if size_s < 1.5 * _DAY_S:
        return say_n("{n} hour", "{n} hours", round(size_s / _HOUR_S))
    return say_n("{n} day", "{n} days", round(size_s / _DAY_S))
