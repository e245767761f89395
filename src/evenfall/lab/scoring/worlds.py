"""One world: drawn, judged by every method, held against its truth, and forgotten.

Rules:
    Only what was counted leaves a function; the world goes with it.
    A prefix of a world are its rows of the first k nights from local noon to local noon, as if
    nobody had measured longer: whoever looked on that day had no more.
    `first_right` is the first of `LOOKS` (and the whole) whose claim finds everything.
    Daily looks judge every prefix from `DAILY_FROM` to `DAILY_TO` nights, all series of the world
    together, as somebody does who runs `analyze` every morning.
    Bytes to the first right claim are those that a hit series rests on until that look, the mean
    of the hit ones, in whole millions.
    `mark` names what a family's generator draws: a digest of every column of the worlds of eight
    seeds, rounded so that it does not depend on the last digits of a machine's arithmetic.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import lru_cache

import msgspec
import numpy as np

from evenfall.infer.localtime import load_zone
from evenfall.infer.series import Series
from evenfall.lab.nights import FAMILIES, NightTruth, NightWorld, bytes_carried, draw
from evenfall.lab.scoring.outcome import finds, outcome, unfound
from evenfall.lab.scoring.rates import TUNING_BELOW
from evenfall.lab.scoring.said import Heard, Said, says
from evenfall.lab.scoring.tally import Scored

__all__ = [
    "DAILY_FROM",
    "DAILY_TO",
    "LOOKS",
    "EverClaimed",
    "look_daily",
    "mark",
    "prefix",
    "score_world",
]

LOOKS = (5, 7, 10, 14, 21, 28)
DAILY_FROM, DAILY_TO = 5, 60
_NUMBER = re.compile(r"\d[\d.,:]*(?<![.,:])(?:e-?\d+)?")
_OTHERWISE = "it claims other hours, or another pattern"
_MARK_DIGITS = 5
_MARK_LETTERS = 8
_MARK_SEEDS = 8
_NAN = 9e9  # stands for what is no number in a digest


class EverClaimed(msgspec.Struct, frozen=True, kw_only=True):
    """Of one method and one innocent world that was looked at daily."""

    series: int
    ever_claimed: int


def score_world(
    family: str, seed: int, *, methods: Sequence[str], looks: bool
) -> dict[str, Scored]:
    """Every method on the world of that seed; with `looks`, also when it was first right."""
    world = draw(family, seed)
    said = says(world.series, methods=methods, seed=seed)
    first = _first_right(world, said, methods) if looks and world.truth.hits else {}
    return {
        name: Scored(
            seed,
            outcome(world.truth, heard.claims),
            first.get(name),
            _why(world.truth, heard),
            _megabytes(world, first.get(name)),
        )
        for name, heard in said.items()
    }


def _why(truth: NightTruth, heard: Heard) -> tuple[str, ...]:
    """What a method says of the hit series that it did not find, figures left out."""
    claimed = {(one.service, one.network) for one in heard.claims}
    missed = {(hit.service, hit.network) for hit in unfound(truth, heard.claims)}
    reasons = {
        _OTHERWISE if key in claimed else _NUMBER.sub("…", heard.reasons.get(key, ""))
        for key in missed
    }
    return tuple(sorted(reasons - {""}))


def _first_right(
    world: NightWorld, whole: Mapping[str, Heard], methods: Sequence[str]
) -> dict[str, int]:
    truth = world.truth
    first: dict[str, int] = {}
    for nights in (look for look in LOOKS if look < truth.nights):
        left = [name for name in methods if name not in first]
        said = says(prefix(world.series, truth, nights), methods=left, seed=truth.seed)
        first |= {name: nights for name in left if finds(truth, said[name].claims)}
    for name in methods:
        first.setdefault(name, truth.nights if finds(truth, whole[name].claims) else 0)
    return first


def _megabytes(world: NightWorld, nights: int | None) -> int | None:
    """Millions of bytes that a hit series rests on after so many nights, at least 1."""
    if not nights:
        return nights
    until_us = _until_us(world.truth, nights)
    of_network = {facts.rounds.network: facts for facts in world.facts}
    carried = [
        bytes_carried(world.plan, of_network[hit.network], hit.service, until_us=until_us)
        for hit in world.truth.hits
    ]
    known = [one for one in carried if one is not None]
    return max(1, round(sum(known) / len(known) / 1e6)) if known else None


def look_daily(family: str, seed: int, *, methods: Sequence[str]) -> dict[str, EverClaimed]:
    """Judge an innocent world anew on each day; which series were ever claimed."""
    world = draw(family, seed, nights=DAILY_TO)
    ever: dict[str, set[tuple[str, str]]] = {name: set() for name in methods}
    for nights in range(DAILY_FROM, DAILY_TO + 1):
        said = says(prefix(world.series, world.truth, nights), methods=methods, seed=seed)
        for name, heard in said.items():
            false = [one for one in heard.claims if _is_false(world.truth, one)]
            ever[name].update((one.service, one.network) for one in false)
    n = len(world.series)
    return {name: EverClaimed(series=n, ever_claimed=len(held)) for name, held in ever.items()}


def _is_false(truth: NightTruth, claim: Said) -> bool:
    return outcome(truth, [claim]).false_alarm


def prefix(series: Sequence[Series], truth: NightTruth, nights: int) -> tuple[Series, ...]:
    """The rows of the first nights of a world."""
    until_us = _until_us(truth, nights)
    return tuple(_rows_of(one, one.started_us < until_us) for one in series)


def _until_us(truth: NightTruth, nights: int) -> int:
    """Local noon after so many nights."""
    date = dt.date.fromisoformat(truth.first_date) + dt.timedelta(days=nights)
    end = dt.datetime.combine(date, dt.time(12), tzinfo=load_zone(truth.timezone))
    return int(end.timestamp() * 1e6)


def _rows_of(one: Series, chosen: np.ndarray) -> Series:
    columns = {
        field.name: value[chosen]
        for field in fields(one)
        if isinstance(value := getattr(one, field.name), np.ndarray)
    }
    mix = {name: column[chosen] for name, column in one.mix.items()}
    return replace(one, **columns, mix=mix)


@lru_cache(maxsize=len(FAMILIES))
def mark(family: str) -> str:
    """Eight letters for what the generator draws for a family."""
    digest = hashlib.sha256()
    for seed in range(TUNING_BELOW, TUNING_BELOW + _MARK_SEEDS):
        world = draw(family, seed)
        digest.update(msgspec.json.encode(world.truth))
        for one in world.series:
            digest.update(_digested(one))
    return digest.hexdigest()[:_MARK_LETTERS]


def _digested(series: Series) -> bytes:
    """All fields of a series, by name."""
    columns = {field.name: getattr(series, field.name) for field in fields(series)}
    columns |= {f"mix.{name}": column for name, column in columns.pop("mix").items()}
    return b"\n".join(name.encode() + _column(columns[name]) for name in sorted(columns))


def _column(value: object) -> bytes:
    if not isinstance(value, np.ndarray):
        return repr(value).encode()
    if value.dtype == object:
        return repr(value.tolist()).encode()
    if value.dtype != np.float64:
        return value.tobytes()
    plain = np.nan_to_num(value, nan=_NAN, neginf=-_NAN, posinf=_NAN)
    return np.asarray(np.round(plain, _MARK_DIGITS)).tobytes()
