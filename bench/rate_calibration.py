"""How often honest speeds are said to gather at one rate, and how often limited ones are found.

Populations are drawn from a seed: lines of many kinds, a site that is slower than they are, and
whatever else makes honest speeds lie close together. Two families gather honestly (a limit that the
server sets for every connection, a far server); they are counted too, because only other networks
tell them from a limiter (`infer.rate_cluster.rate_elsewhere`).

    .venv/bin/python bench/rate_calibration.py [--seeds 1000] [--first-seed 10000]

The constants were chosen on seeds 0 to 1,999; only seeds from 10,000 on are published.

Prints one line a family: populations, those said to gather, and the exact upper 95 % limit. Then
whole judgements of one service on three to eight networks (`COMPANIES`), every tenth seed: worlds
with a claim, in which nobody limits one network, and the last kind in which somebody does.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from evenfall.infer.exact import clopper_pearson
from evenfall.infer.nights import judge
from evenfall.infer.rate_cluster import rate_cluster
from evenfall.infer.series import Basis, Series

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator
Drawn = tuple[Floats, Floats]  # speeds of the target and of the control, bit/s
DAY_US = 86_400_000_000
FIRST_US = 1_615_000_000_000_000
TARIFFS_BPS = np.array((8e6, 20e6, 50e6, 100e6, 300e6))


def _lines(rng: Rng, n: int) -> Floats:
    """What each row's line can do: lognormal around 3 … 60 Mbit/s, as wide as networks are."""
    return rng.uniform(3e6, 6e7) * np.exp(rng.normal(0, rng.uniform(0.3, 1.2), n))


def _noise(rng: Rng, n: int) -> Floats:
    scale = rng.uniform(0.1, 0.25)
    kind = rng.integers(3)
    if kind == 0:
        return rng.standard_t(2, n) * scale
    return rng.laplace(0, scale, n) if kind == 1 else rng.normal(0, scale, n)


def _rows(rng: Rng) -> int:
    return int(np.exp(rng.uniform(np.log(25), np.log(3000))))


def site(rng: Rng) -> Drawn:
    """A site as much slower as it likes, with its own spread, beside whatever the line does."""
    n = _rows(rng)
    line = _lines(rng, n)
    own = rng.uniform(2e5, 5e6) * np.exp(rng.normal(0, rng.uniform(0.25, 1.2), n))
    return np.minimum(line, own) * np.exp(_noise(rng, n)), line * np.exp(_noise(rng, n))


def full_road(rng: Rng) -> Drawn:
    """Slower by a factor that wanders."""
    n = _rows(rng)
    line = _lines(rng, n)
    slower = rng.uniform(1, 4) + np.repeat(rng.normal(0, 0.3, n // 10 + 1), 10)[:n]
    return line * np.exp(_noise(rng, n) - slower), line * np.exp(_noise(rng, n))


def two_classes(rng: Rng) -> Drawn:
    """Two kinds of server, near and far."""
    n = _rows(rng)
    line = _lines(rng, n)
    near = rng.random(n) < rng.uniform(0.2, 0.8)
    middle = np.where(near, rng.uniform(2e6, 1e7), rng.uniform(2e5, 1e6))
    own = middle * np.exp(rng.normal(0, rng.uniform(0.25, 0.6), n))
    return np.minimum(line, own) * np.exp(_noise(rng, n)), line * np.exp(_noise(rng, n))


def tariffs(rng: Rng) -> Drawn:
    """Lines of a few tariffs, and a site slower than all by one factor: rates at heaps."""
    n = _rows(rng)
    some = rng.choice(TARIFFS_BPS, rng.integers(1, 4), replace=False)
    line = rng.choice(some, n) * np.exp(rng.normal(0, 0.03, n))
    return line * np.exp(_noise(rng, n) - rng.uniform(1.2, 4)), line * np.exp(_noise(rng, n))


def rounded(rng: Rng) -> Drawn:
    """Whole Mbit/s, tenths of them, or two digits."""
    target, control = site(rng)
    kind = rng.integers(3)
    if kind == 2:
        digit = 10.0 ** np.floor(np.log10(target) - 1)
        return np.round(target / digit) * digit, control
    unit = (1e6, 1e5)[kind]
    return np.round(target / unit) * unit, np.round(control / unit) * unit


def few(rng: Rng) -> Drawn:
    """Five to forty rows of an honest site."""
    target, control = site(rng)
    n = int(rng.integers(5, 41))
    return target[:n], control[:n]


def one_line(rng: Rng) -> Drawn:
    """One home for weeks: a line that stays as it is, a site slower than it by a wandering bit."""
    n = _rows(rng)
    line = 3e7 * np.exp(np.cumsum(rng.normal(0, 0.02, n)))
    wander = np.cumsum(rng.normal(0, 0.05, n))
    slower = rng.uniform(1.5, 3) + wander - wander.mean()
    return line * np.exp(_noise(rng, n) - slower), line * np.exp(_noise(rng, n))


def stalls(rng: Rng) -> Drawn:
    """A share of the transfers hangs for a whole second, or until the time is up."""
    target, control = site(rng)
    hangs = rng.random(target.size) < rng.uniform(0.02, 0.3)
    capped = rng.uniform(1e3, 5e5, target.size) / 4
    return np.where(hangs, np.minimum(target, capped * 8), target), control


def server_limit(rng: Rng) -> Drawn:
    """The server gives every connection so much: gathers, and honestly."""
    n = _rows(rng)
    line = _lines(rng, n)
    limit = rng.uniform(2e5, 1e6) * np.exp(rng.normal(0, 0.08, n))
    return np.minimum(line, limit), line * np.exp(_noise(rng, n))


def far_server(rng: Rng) -> Drawn:
    """64 KB from so far that the distance alone sets the rate: gathers, and honestly."""
    n = _rows(rng)
    line = _lines(rng, n)
    return np.minimum(line, 3.5e5 * np.exp(rng.normal(0, 0.1, n))), line * np.exp(_noise(rng, n))


def limited(rng: Rng) -> Drawn:
    """A limiter: 100 kbit/s … 1 Mbit/s, spread of 3 … 15 %, hitting 30 … 100 % of 100 … 1,000."""
    n = int(rng.integers(100, 1001))
    line = _lines(rng, n)
    hit = rng.random(n) < rng.uniform(0.3, 1.0)
    rate = rng.uniform(1e5, 1e6) * np.exp(rng.normal(0, rng.uniform(0.03, 0.15), n))
    free = line * np.exp(_noise(rng, n) - 0.2)
    return np.where(hit, np.minimum(free, rate), free), line * np.exp(_noise(rng, n))


FAMILIES: dict[str, Callable[[Rng], Drawn]] = {
    f.__name__: f
    for f in (
        site, full_road, two_classes, tariffs, rounded, few, one_line, stalls,
        server_limit, far_server, limited,
    )
}  # fmt: skip


def gather(family: str, seed: int) -> bool:
    """Whether the population of this seed is said to gather; its rows fall on 14 days."""
    rng = np.random.default_rng((seed, *family.encode()))
    target, control = FAMILIES[family](rng)
    day = np.sort(rng.integers(0, 14, target.size))
    return rate_cluster(target, control, day) is not None


def _network(rng: Rng, name: str, n: int, days: int, *, share: float, rate: float) -> Series:
    """One network of a service: a share of its transfers at a rate, the others as the line can."""
    line = _lines(rng, n)
    control = line * np.exp(_noise(rng, n))
    at_rate = rate * np.exp(rng.normal(0, rng.uniform(0.03, 0.12), n))
    free = line * np.exp(_noise(rng, n) - 0.2)
    target = np.where(rng.random(n) < share, np.minimum(free, at_rate), free)
    unknown = np.full(n, np.nan)
    return Series(
        service="video",
        network=name,
        timezone="Europe/Moscow",
        basis=Basis.CONTROL_DIFFERENCE,
        started_us=FIRST_US + np.sort(rng.integers(0, days * DAY_US, n)),
        failed=unknown,
        log_ratio=np.log(target / control),
        null_log_ratio=unknown,
        control_failed=unknown,
        line=None,
        clock_verified=np.zeros(n, dtype=bool),
        archive_clock=True,
        control_log_goodput=np.log(control / np.median(control)),
        target_bps=target,
        control_bps=control,
    )


def company(kind: str, seed: int) -> list[Series]:
    """A service on three to eight networks of 30 to 1,500 rows in 7 to 28 days.

    `nobody` limits anything; `site`: the site limits all of them alike; `site_uneven`: all, but in
    different shares; `distance`: each network has the rate of its own distance; `one_network`: one,
    with 200 rows at least, is limited.
    """
    rng = np.random.default_rng((seed, *kind.encode()))
    networks, days = int(rng.integers(3, 9)), int(rng.integers(7, 29))
    share, rate = rng.uniform(0.2, 1.0), rng.uniform(1e5, 1e6)
    series = []
    for k in range(networks):
        n = int(np.exp(rng.uniform(np.log(30), np.log(1500))))
        mine, at = share, rate
        if kind == "nobody" or (kind == "one_network" and k):
            mine = 0.0
        elif kind == "site_uneven":
            mine = share * rng.uniform(0.4, 1.0)
        elif kind == "distance":
            mine, at = 1.0, rate * np.exp(rng.normal(0, 0.5))
        elif kind == "one_network":
            n = max(n, 200)
        series.append(_network(rng, f"AS{k}", n, days, share=mine, rate=at))
    return series


COMPANIES = ("nobody", "site", "site_uneven", "distance", "one_network")


def claimed(kind: str, seed: int) -> bool:
    """Whether anything is claimed in such a world."""
    return bool(judge(company(kind, seed), rng=np.random.default_rng(seed)).curfews)


def _line(name: str, outcomes: list[bool]) -> None:
    found, n = sum(outcomes), len(outcomes)
    _, high = clopper_pearson(hits=found, n=n, level=0.90)
    print(f"{name:14} {n:6} {found:6} {found / n:7.4f}  ≤ {high:.4f}", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first-seed", type=int, default=10_000)
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    for family in FAMILIES:
        _line(family, [gather(family, seed) for seed in seeds])
    for kind in COMPANIES:
        _line(kind, [claimed(kind, seed) for seed in seeds[::10]])


if __name__ == "__main__":
    main()
