"""Words for single things: a service, a window, a date, a factor, a share, an explanation.

Formatting alone; what may be said about them is decided where the sentences are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from evenfall.model.curfew import Instants, Window
from evenfall.model.saying import Saying, say
from evenfall.model.verdict import Verdict
from evenfall.model.vocabulary import Explanation
from evenfall.text.foreign import one_line

__all__ = [
    "STEP_WORDS",
    "bytes_words",
    "count_words",
    "date_words",
    "dates_words",
    "explanations_words",
    "factor_words",
    "instants_words",
    "joined",
    "names_of",
    "nights_words",
    "percent_words",
    "ruled_out_words",
    "service_words",
    "speed_words",
    "title_words",
    "weekday_words",
    "window_words",
    "windows_words",
]

STEP_WORDS = {
    -1: "not measured",
    0: "normal",
    1: "slightly slower",
    2: "3–10× slower",
    3: ">10× slower",
    4: "did not open",
}

_SERVICES = {
    "youtube": "YouTube",
    "facebook": "Facebook",
    "instagram": "Instagram",
    "twitter": "X/Twitter",
    "x": "X/Twitter",
    "telegram": "Telegram",
    "whatsapp": "WhatsApp",
    "vk": "VK",
    "ok": "OK",
}

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NAME = "\0"  # stands for the service's name
_EXPLANATIONS = {
    Explanation.OWN_DEVICE: "a faulty device",
    Explanation.WIFI: "bad Wi-Fi",
    Explanation.LINE: "a bad line",
    Explanation.TARIFF: "a limit in the tariff",
    Explanation.CONGESTION: "the daily rush",
    Explanation.SITE_ITSELF: "\0 itself",
    Explanation.CDN: "the road to \0",
    Explanation.DNS: "name lookup",
    Explanation.VPN: "a VPN",
    Explanation.CAPTIVE_PORTAL: "a log-in page",
    Explanation.CLOCK: "a wrong clock",
}


def service_words(service: str) -> str:
    """The name people use for a service; what an archive calls it is made fit for a line."""
    return _SERVICES.get(service.lower()) or one_line(service)


def title_words(service: str) -> str:
    """The same at the beginning of a line."""
    name = service_words(service)
    return name[:1].upper() + name[1:]


def window_words(window: Window) -> str:
    """`20:00 – 22:00`, with its weekdays if these are not all."""
    days = weekday_words(window.weekdays)
    return f"{window.start_local} – {window.end_local}" + (f", {days}" if days else "")


def windows_words(windows: Sequence[Window]) -> str:
    """`07:00 – 11:00 and 13:00 – 17:00, Monday to Friday`; the days once where they agree."""
    if len({w.weekdays for w in windows}) != 1:
        return joined([window_words(w) for w in windows])
    days = weekday_words(windows[0].weekdays)
    times = joined([f"{w.start_local} – {w.end_local}" for w in windows])
    return times + (f", {days}" if days else "")


def weekday_words(weekdays: tuple[int, ...]) -> str:
    """`Monday to Friday`; nothing if all seven."""
    days = tuple(sorted(set(weekdays)))
    if len(days) == 7 or not days:
        return ""
    if len(days) > 2 and days == tuple(range(days[0], days[-1] + 1)):
        return f"{_DAYS[days[0]]} to {_DAYS[days[-1]]}"
    if days == (0, 1, 2, 3, 6):
        return "Sunday to Thursday"
    return joined([_DAYS[d] for d in days])


def date_words(iso_date: str) -> str:
    """`2018-06-18` as `18 Jun 2018`; anything else unchanged."""
    parts = iso_date.split("-")
    if len(parts) != 3 or not all(p.isdigit() for p in parts) or not 1 <= int(parts[1]) <= 12:
        return iso_date
    return f"{int(parts[2])} {_MONTHS[int(parts[1]) - 1]} {parts[0]}"


def instants_words(instants: Instants | None) -> str:
    """`between 8 Nov 2023 and 13 Nov 2023`, or that the data do not reach there."""
    if instants is None:
        return "beyond the data"
    return f"between {date_words(instants.earliest)} and {date_words(instants.latest)}"


def dates_words(instants: Instants, *, year: bool = True) -> str:
    """`8–13 Nov 2023`, `30 Oct – 2 Nov 2023`; one date if the data leave no room.

    Args:
        instants: first and last date of the interval.
        year: say the year of the last date; that of the first is said only if it differs.
    """
    first, last = date_words(instants.earliest), date_words(instants.latest)
    end = last if year else last.rsplit(" ", 1)[0]
    if first == last:
        return end
    if instants.earliest[:7] == instants.latest[:7]:
        return f"{first.split(' ', 1)[0]}–{end}"
    if instants.earliest[:4] == instants.latest[:4]:
        return f"{first.rsplit(' ', 1)[0]} – {end}"
    return f"{first} – {last}"


def explanations_words(explanations: Sequence[Explanation], service: str) -> str:
    """Innocent explanations as a reader would say them: `A faulty device, bad Wi-Fi`."""
    name = service_words(service)
    words = ", ".join(_EXPLANATIONS[e].replace(_NAME, name) for e in explanations)
    return words[:1].upper() + words[1:]


def ruled_out_words(ruled_out: bool | None) -> str:
    """`yes`, `no` or `not tested`."""
    return "not tested" if ruled_out is None else ("yes" if ruled_out else "no")


def factor_words(factor: float) -> str:
    """`41`, `3.2`: two digits that mean something."""
    if factor >= 9.95:
        return f"{factor:.0f}"
    return f"{factor:.1f}".removesuffix(".0")


def percent_words(share: float) -> str:
    """`91 %`, with one decimal below one per cent."""
    percent = 100 * share
    return f"{percent:.1f} %" if 0 < percent < 0.95 else f"{percent:.0f} %"


def nights_words(n: int, unit: str) -> str:
    """`1 measured night`, `14 measured nights`."""
    return f"{n} {unit}" if n == 1 else f"{n} {unit}s"


def count_words(n: int, unit: str) -> str:
    """`1,104 measurements`."""
    return f"{n:,} {unit}" if n == 1 else f"{n:,} {unit}s"


def joined(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return words[0] if words else ""
    first = words[0]
    for word in words[1:-1]:
        first = say("{first}, {next}", first=first, next=word)
    return say("{first} and {last}", first=first, last=words[-1])


def speed_words(bps: float) -> Saying:
    """`38 Mbit/s`, `0.3 Mbit/s`, `under 0.1 Mbit/s`."""
    if bps >= 9.95e6:
        return say("{speed:.0f} Mbit/s", speed=bps / 1e6)
    if bps < 0.05e6:
        return say("under 0.1 Mbit/s")
    return say("{speed:.1f} Mbit/s", speed=bps / 1e6)


def bytes_words(count: int) -> Saying:
    """`1.8 MB`, `64 kB`."""
    if count >= 100_000:
        return say("{size:.1f} MB", size=count / 1e6)
    return say("{size:.0f} kB", size=count / 1e3)


def names_of(verdicts: Iterable[Verdict]) -> tuple[str, int]:
    """The services, each once, and how many they are."""
    names = list(dict.fromkeys(service_words(v.service) for v in verdicts))
    return joined(names), len(names)
