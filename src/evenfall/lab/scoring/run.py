"""Many worlds in several processes; a tally for each family and method as the family is done.

Rules:
    What comes out depends on families and seeds alone, never on the number of processes.
    Workers ignore Ctrl-C: the parent gets it, ends them, and nothing is left behind.
    The first `prefixes` seeds of each family are also judged at earlier looks.

What it does not do: write files.
"""

from __future__ import annotations

import contextlib
import fnmatch
import itertools
import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.ruleset import RULESET
from evenfall.lab.nights import FAMILIES
from evenfall.lab.peers.by_name import why_not_run
from evenfall.lab.scoring.constants import digest
from evenfall.lab.scoring.rates import NotRun
from evenfall.lab.scoring.said import METHODS
from evenfall.lab.scoring.tally import DailyTally, Scored, Tally, tally_of
from evenfall.lab.scoring.worlds import (
    DAILY_FROM,
    DAILY_TO,
    EverClaimed,
    look_daily,
    mark,
    score_world,
)
from evenfall.model.errors import UsageError

__all__ = ["families_matching", "look_daily_at", "methods_here", "score_nights"]

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class _World:
    family: str
    seed: int
    methods: tuple[str, ...]
    looks: bool = False


def families_matching(patterns: Sequence[str]) -> tuple[str, ...]:
    """Families that a name, a pattern (`null_*`) or a list (`a,b`) means; all if none is given.

    Raises:
        UsageError: one that means none.
    """
    words = [word.strip() for pattern in patterns for word in pattern.split(",")]
    chosen: set[str] = set()
    for word in words:
        found = fnmatch.filter(FAMILIES, word)
        if not found:
            raise UsageError(
                expected=f"a family ({', '.join(FAMILIES)}) or a pattern such as 'null_*'",
                seen=repr(word),
                where="--families",
                remedy="Use one of these names.",
            )
        chosen.update(found)
    return tuple(name for name in FAMILIES if not words or name in chosen)


def methods_here() -> tuple[tuple[str, ...], tuple[NotRun, ...]]:
    """Methods that can be run on this installation, and those that cannot, with the reason."""
    reasons = {name: why_not_run(name) for name in METHODS}
    return (
        tuple(name for name, reason in reasons.items() if not reason),
        tuple(NotRun(method=n, not_run=reason) for n, reason in reasons.items() if reason),
    )


def score_nights(
    families: Sequence[str],
    seeds: range,
    *,
    methods: Sequence[str],
    jobs: int,
    prefixes: int,
    progress: Callable[[int], None],
) -> Iterator[Tally]:
    """Score the worlds of all families; the tallies of a family come when it is done.

    Args:
        families: names; at least one.
        seeds: at least one, step 1.
        methods: of `METHODS`.
        jobs: processes.
        prefixes: of so many seeds of each family, earlier looks too.
        progress: told how many worlds are done.
    """
    tasks = [
        _World(family, seed, tuple(methods), looks=place < prefixes)
        for family in families
        for place, seed in enumerate(seeds)
    ]
    with contextlib.closing(_in_processes(_scored, tasks, jobs, progress)) as results:
        for family in families:
            worlds = list(itertools.islice(results, len(seeds)))
            for method in methods:
                yield tally_of(
                    family,
                    method,
                    [world[method] for world in worlds],
                    innocent=FAMILIES[family].innocent,
                    worlds=mark(family),
                )


def look_daily_at(
    families: Sequence[str],
    seeds: range,
    *,
    methods: Sequence[str],
    jobs: int,
    progress: Callable[[int], None],
) -> Iterator[DailyTally]:
    """Look at the worlds of innocent families every day; others are left out."""
    innocent = [family for family in families if FAMILIES[family].innocent]
    tasks = [_World(family, seed, tuple(methods)) for family in innocent for seed in seeds]
    with contextlib.closing(_in_processes(_looked, tasks, jobs, progress)) as results:
        for family in innocent:
            looked = list(zip(seeds, itertools.islice(results, len(seeds)), strict=True))
            for method in methods:
                found = [(seed, world[method]) for seed, world in looked]
                yield _daily_tally(family, method, found)


def _daily_tally(family: str, method: str, looked: Sequence[tuple[int, EverClaimed]]) -> DailyTally:
    return DailyTally(
        family=family,
        method=method,
        first_seed=looked[0][0],
        seeds=len(looked),
        series=sum(found.series for _, found in looked),
        ever_claimed=sum(found.ever_claimed for _, found in looked),
        nights_from=DAILY_FROM,
        nights_to=DAILY_TO,
        ruleset=RULESET,
        profile=NIGHTLY_2026.name,
        worlds=mark(family),
        constants=digest(),
        claimed_at=tuple(seed for seed, found in looked if found.ever_claimed),
    )


def _scored(task: _World) -> dict[str, Scored]:
    return score_world(task.family, task.seed, methods=task.methods, looks=task.looks)


def _looked(task: _World) -> dict[str, EverClaimed]:
    return look_daily(task.family, task.seed, methods=task.methods)


def _in_processes(
    work: Callable[[_Task], _Result],
    tasks: Sequence[_Task],
    jobs: int,
    progress: Callable[[int], None],
) -> Generator[_Result]:
    """Results in the order of the tasks; leaving early ends the processes."""
    if jobs == 1 or len(tasks) == 1:
        for done, task in enumerate(tasks, start=1):
            result = work(task)
            progress(done)
            yield result
        return
    with multiprocessing.get_context("spawn").Pool(jobs, initializer=_deaf) as pool:
        for done, result in enumerate(pool.imap(work, tasks), start=1):
            progress(done)
            yield result


def _deaf() -> None:
    """Leave Ctrl-C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
