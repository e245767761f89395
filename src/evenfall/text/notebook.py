"""Words for whoever reads a store in Python: what a store holds, and what an object is."""

from __future__ import annotations

from evenfall.text.words import count_words

__all__ = [
    "NO_MEASUREMENTS",
    "SIMULATED",
    "SIMULATED_AMONG",
    "listed_words",
    "more_words",
    "store_words",
    "together_words",
]

SIMULATED = "Made by a seeded generator to show how the instrument works; evidence of nothing."
SIMULATED_AMONG = "Some of these rows were made by a seeded generator: evidence of nothing."
NO_MEASUREMENTS = "Nothing was measured that could tell."

_LISTED_MAX = 12


def store_words(series: int, services: int, networks: int, batches: int) -> str:
    """What a store holds, in one line."""
    return (
        f"{series} series: {count_words(services, 'service')} on "
        f"{count_words(networks, 'network')}, from {batches} "
        f"{'batch' if batches == 1 else 'batches'}"
    )


def listed_words(names: list[str]) -> str:
    """Names after one another, the first dozen of them."""
    shown = ", ".join(names[:_LISTED_MAX])
    more = len(names) - _LISTED_MAX
    return f"{shown} and {more} more" if more > 0 else shown


def more_words(more: int) -> str:
    """What a table leaves out, or nothing."""
    return f"and {more:,} more, not drawn" if more > 0 else ""


def together_words(axis_start_h: int) -> str:
    """The head of a column of strips."""
    if axis_start_h:
        return "all nights together, noon to noon"
    return "all days together, midnight to midnight"
