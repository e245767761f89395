"""A digest of the numbers that judge: a row of the benchmark names it beside ruleset and profile.

A profile's name is a promise that its numbers stay; the digest is what holds somebody to it.

Rules:
    Taken are all numbers at the top of the modules that `infer.nights`, the peers' rules, and the
    comparison with the truth are made of, and the values of the profiles they use. Which modules
    these are is followed from what each of them imports, so that a new one cannot be forgotten.
    Left out are sizes of caches and lists (`NOTHING_DECIDED`) and the profiles of other commands:
    they decide nothing about nights.
    A number that several modules share, or that moves to another one under its name, is one number.
    Words are not digested: a sentence may be put better without all being scored anew.

What it does not do: see a changed rule. That is what the ruleset's name is for.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass
from functools import lru_cache
from types import ModuleType

__all__ = ["NOTHING_DECIDED", "constants", "digest"]

NOTHING_DECIDED = ("_KEPT_MAX", "_CACHED_MAX", "_LISTED_MAX", "_NAMED_MAX", "_SHOWN_MAX")
"""How the names of numbers end that only say how much is kept in memory or shown."""

_ROOTS = (
    "evenfall.infer.nights",
    "evenfall.lab.peers.by_name",
    "evenfall.lab.scoring.outcome",
    "evenfall.lab.scoring.said",
)
_WITHIN = ("evenfall.infer.", "evenfall.lab.peers.", "evenfall.lab.scoring.")
_TABLES = ("profiles", "night_profiles", "rate_profile", "event_profiles")
_LETTERS = 8


@lru_cache(maxsize=1)
def digest() -> str:
    """Eight letters for all numbers that judge nights."""
    said = {f"{name.rpartition('.')[2]} {value!r}" for name, value in constants().items()}
    return hashlib.sha256("\n".join(sorted(said)).encode()).hexdigest()[:_LETTERS]


def constants() -> dict[str, object]:
    """`module.NAME` → number, tuple of numbers, or the fields of a profile that is used there."""
    return {
        f"{module.__name__}.{name}": value
        for module in _modules()
        if module.__name__.rpartition(".")[2] not in _TABLES
        for name, value in _numbers(module)
    }


def _modules() -> Iterator[ModuleType]:
    """The roots and what they are made of, each once."""
    waiting, seen = list(_ROOTS), set(_ROOTS)
    while waiting:
        module = importlib.import_module(waiting.pop())
        yield module
        new = {name for value in vars(module).values() if (name := _home(value))} - seen
        seen |= new
        waiting += sorted(new)


def _home(value: object) -> str:
    """The module that something comes from, if it is one of ours that can judge; else empty."""
    if isinstance(value, ModuleType):
        name = value.__name__
    else:
        name = getattr(value, "__module__", None) or ""
    return name if isinstance(name, str) and name.startswith(_WITHIN) else ""


def _numbers(module: ModuleType) -> Iterator[tuple[str, object]]:
    for name, value in vars(module).items():
        if not name.isupper() or name.endswith(NOTHING_DECIDED):
            continue
        if is_dataclass(value) and not isinstance(value, type) and hasattr(value, "name"):
            yield name, asdict(value)
        elif _is_number(value) or (isinstance(value, tuple) and all(map(_is_number, value))):
            yield name, value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)
