"""What `evenfall lab` prints of worlds of many nights: the list of families, and a truth opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from evenfall.lab.nights.families import Family
from evenfall.lab.nights.truth import EVERY_DAY, Hit, NightTruth

__all__ = ["family_listing", "truth_lines"]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def family_listing(families: Iterable[Family]) -> str:
    """One line a family: name, innocent or with a censor, title."""
    rows = [(f.name, "innocent" if f.innocent else "censor", f.title) for f in families]
    wide = max(len(name) for name, _, _ in rows)
    lines = [f"{name:{wide}}  {kind:8}  synth  {title}" for name, kind, title in rows]
    innocent = sum(kind == "innocent" for _, kind, _ in rows)
    return "\n".join([*lines, "", f"{len(rows)} families of nights, {innocent} of them innocent."])


def truth_lines(truth: NightTruth) -> Iterator[str]:
    """What is true, a line for each service and network concerned."""
    if not truth.hits:
        yield "truth: nothing is done on purpose"
    for hit in truth.hits:
        yield f"truth: {_hit_words(hit)}"
    for start, end in truth.congested:
        yield f"truth: everything is slow {start}–{end}, at nobody's request"


def _hit_words(hit: Hit) -> str:
    hours = " and ".join(f"{start}–{end}" for start, end in hit.windows) or "at all hours"
    days = "" if hit.weekdays == EVERY_DAY else " on " + ", ".join(_DAYS[d] for d in hit.weekdays)
    depth = "" if hit.factor is None else f", {hit.factor:.3g} times slower"
    dates = "".join(
        f", {first or 'from before the data'} to {last or 'beyond them'}"
        for first, last in hit.episodes
        if first or last
    )
    return (
        f"{hit.service} on {hit.network} is {hit.state} {hours}{days}{depth}, "
        f"{hit.share:.0%} of flows{dates}"
    )
