"""The section "Many nights" of docs/ERROR-RATES.md, from the rows of `evenfall lab score`.

Rows add up in `bench/night-runs-*.jsonl`, a file a run. Only rows of today's ruleset, profile,
numbers and generator count: a change of what is drawn or decided scores everything again.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.ruleset import RULESET
from evenfall.lab.nights import FAMILIES
from evenfall.lab.scoring.compared import Standing, ahead, by_family, percent, standing
from evenfall.lab.scoring.rates import (
    TUNING_BELOW,
    NightScore,
    at_share,
    score_of,
    upper_limit,
)
from evenfall.lab.scoring.said import EVENFALL, METHODS
from evenfall.lab.scoring.tally import DailyTally, Tally, add_up
from evenfall.lab.scoring.tally_file import read_tallies
from evenfall.lab.scoring.today import is_todays
from evenfall.lab.scoring.words import METHOD_NAMES

BENCH = Path(__file__).resolve().parent
ROWS = "night-runs-*.jsonl"  # each named for its first seed, and small enough for a repository
PEERS = METHODS[1:]
NOTHING = "–"
ALARMS_MAX, ALARMS_HIGH_MAX, WORLDS_MIN = 0.01, 0.015, 400
POWER_MIN, EDGE_MIN_MAX, SHARE_MIN = 0.99, 10, 0.90
DAILY_MAX, SERIES_MIN = 0.01, 300  # none of so many leaves 1 % open

HEAD = """\
## Many nights

Worlds of many nights whose truth is known, drawn by seed from {families} families
([what they are](lab.md)), judged by `evenfall analyze`'s own estimator (ruleset {ruleset}, profile
{profile}) and by the rules of four peers on the same rows (`evenfall lab score`). Seeds start at
{first}; constants were tuned on lower ones. What is measured here is how the rules do on these
worlds: no packet is sent, and no world is a real network.

The peers are made for other questions; each is carried over to nights in its favour, as its file in
`src/evenfall/lab/peers/` says: *Wehe*, its client's rule on the throughputs of each hour of the
day, confirmed on the other half of the nights; *OONI's CUSUM*, its event detector with its
constants on hourly medians of a score that slowness raises too; *half of the rest*, hours whose
median is below half of that of the other hours; *PELT*, change points of the library ruptures
(penalty 3·log n), hours of drops that recur.

Found: every hit series got a claim of the right pattern whose hours of the day have at least half
in common with the true ones. Wrong beside: worlds with a claim on a series that is not hit, or of
other hours. Bounds are exact (Clopper–Pearson), one-sided, 95 %.
"""
DETAIL_HEAD = """\
### What is said of them

Of series that were found; what was missed has no edges and no dates. Edges: minutes between a true
edge and the one that is printed, and the share within the printed interval. Dates: onsets and
liftings, nights from the middle of the interval, and the share within it (0 % beside a dash: the
data begin and end inside the curfew, and in some worlds a date was printed nevertheless). Waves: as
many as in truth, each dated end within two nights. Nights and MB: of some of the worlds, missed
ones too, the median of the first look (5, 7, 10, 14, 21, 28 nights) with a right claim, and of the
millions of bytes that one of the series found rests on until then: both arms of its pairs and the
line's neutral pairs, or visits to the service and to the controls. An archive's tests tell no
bytes; a dash elsewhere: half of the worlds had no right claim. Peers print no intervals, dates or
scopes.
"""
EMPTY = "No world has been scored with today's ruleset, profile, numbers and generator yet.\n"


def section() -> str:
    """The section, from all rows that are kept."""
    return "\n".join(written(todays(all_rows())))


def written(rows: Sequence[Tally | DailyTally]) -> list[str]:
    """Lines of the section."""
    tallies = added(rows)
    scores = [score_of(one) for one in tallies]
    looked = [row for row in rows if isinstance(row, DailyTally)]
    head = HEAD.format(
        families=len(FAMILIES), ruleset=RULESET, profile=NIGHTLY_2026.name, first=TUNING_BELOW
    )
    if not rows:
        return [head, EMPTY]
    return [
        head,
        *alarms_table(scores),
        *power_table(scores),
        *detail_table(scores),
        *ahead_list(scores),
        *daily_table(looked),
        *required(tallies, looked),
    ]


def more(seeds: int, daily: int, jobs: int, families: Sequence[str]) -> None:
    """Score more worlds, with the command that anybody can use, in files of their own."""
    first = next_seed(all_rows())
    options = ["--jobs", str(jobs), *(word for name in families for word in ("--families", name))]
    for wanted, name in ((("--seeds", seeds), "runs"), (("--daily", daily), "runs-daily")):
        if wanted[1]:
            rows = BENCH / f"night-{name}-{first}.jsonl"
            command = [sys.executable, "-m", "evenfall.cli", "lab", "score", "--rows", str(rows)]
            asked = [wanted[0], str(wanted[1]), "--first-seed", str(first)]
            subprocess.run([*command, *asked, *options], check=True)


def all_rows() -> list[Tally | DailyTally]:
    """Rows of all files, of any ruleset."""
    return [row for path in sorted(BENCH.glob(ROWS)) for row in read_tallies(path)]


def todays(rows: Sequence[Tally | DailyTally]) -> list[Tally | DailyTally]:
    """Rows of today's rules, numbers and generator, from scoring seeds."""
    return [row for row in rows if row.first_seed >= TUNING_BELOW and is_todays(row)]


def next_seed(rows: Sequence[Tally | DailyTally]) -> int:
    """The first seed that no row of today has used."""
    return max((row.first_seed + row.seeds for row in todays(rows)), default=TUNING_BELOW)


def added(rows: Sequence[Tally | DailyTally]) -> list[Tally]:
    """One tally for each family and method, in the order of the families."""
    groups: dict[tuple[str, str], list[Tally]] = defaultdict(list)
    for row in rows:
        if isinstance(row, Tally):
            groups[row.family, row.method].append(row)
    wanted = [(family, method) for family in FAMILIES for method in METHODS]
    return [add_up(groups[key]) for key in wanted if key in groups]


def alarms_table(scores: Sequence[NightScore]) -> list[str]:
    """False alarms by family."""
    families = by_family([one for one in scores if one.innocent])
    lines = [
        "### Nobody does anything on purpose: worlds with a claim\n",
        f"| family | worlds | Evenfall | 95 % bound | {heads()} |",
        f"|---|---|---|---|{'---|' * len(PEERS)}",
    ]
    for name, methods in families.items():
        own = methods[EVENFALL]
        bound = percent(own.false_alarm_high or 0.0)
        others = " | ".join(alarms(methods.get(peer)) for peer in PEERS)
        lines.append(f"| `{name}` | {own.seeds} | {own.false_alarms} | {bound} | {others} |")
    return [*lines, *all_alarms(families), ""] if families else []


def all_alarms(families: dict[str, dict[str, NightScore]]) -> list[str]:
    """The last row: all families together."""
    sums = {
        method: (
            sum(m[method].false_alarms or 0 for m in families.values() if method in m),
            sum(m[method].seeds for m in families.values() if method in m),
        )
        for method in METHODS
    }
    hits, n = sums[EVENFALL]
    others = " | ".join(of_all(*sums[peer]) for peer in PEERS)
    return [f"| `all` | {n} | {hits} | {percent(upper_limit(hits, n))} | {others} |"]


def of_all(hits: int, n: int) -> str:
    """A count with its rate; a dash without worlds."""
    return f"{hits} ({percent(hits / n)})" if n else NOTHING


def alarms(one: NightScore | None) -> str:
    """Worlds of a peer with a claim."""
    if one is None:
        return NOTHING
    return f"{one.false_alarms} ({percent(one.false_alarm_rate or 0.0)})"


def power_table(scores: Sequence[NightScore]) -> list[str]:
    """Worlds found by family and method."""
    families = by_family([one for one in scores if not one.innocent])
    lines = [
        "### Somebody does: worlds found\n",
        f"| family | worlds | Evenfall | 95 % bound | wrong beside | {heads()} |",
        f"|---|---|---|---|---|{'---|' * len(PEERS)}",
    ]
    for name, methods in families.items():
        own = methods[EVENFALL]
        others = " | ".join(share(m.power if (m := methods.get(p)) else None) for p in PEERS)
        lines.append(
            f"| `{name}` | {own.seeds} | {own.found} ({share(own.power)}) "
            f"| ≥ {share(own.power_low)} | {own.wrong} | {others} |"
        )
    return [*lines, ""] if families else []


def detail_table(scores: Sequence[NightScore]) -> list[str]:
    """What Evenfall says of what it found: edges, dates, waves, scope."""
    lines = [
        DETAIL_HEAD,
        (
            "| family | edge min, median | 90 % | in interval | date nights | in interval | waves "
            "| targeted where pairs show it | weekdays | nights | MB |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    own = [one for one in scores if one.method == EVENFALL and not one.innocent]
    lines += [
        f"| `{one.family}` | {number(one.edge_error_min_p50)} | {number(one.edge_error_min_p90)} "
        f"| {share(one.coverage)} | {number(one.onset_error_nights_p50)} "
        f"| {share(one.onset_coverage)} | {share(one.episodes_right)} | {share(one.scope_right)} "
        f"| {share(one.weekdays_right)} | {number(one.nights_to_claim)} "
        f"| {number(one.megabytes_to_claim)} |"
        for one in own
    ]
    return [*lines, ""] if own else []


def ahead_list(scores: Sequence[NightScore]) -> list[str]:
    """Peers that find more or have nearer edges, with the price."""
    if not any(one.method in PEERS for one in scores):
        return []
    sentences = ahead(scores)
    lines = ["### Where a peer is ahead\n"]
    if not sentences:
        lines += [
            "In no family does a peer that was scored find more worlds or have nearer edges.\n"
        ]
    return [*lines, *(f"- {sentence}." for sentence in sentences), ""]


def daily_table(looked: Sequence[DailyTally]) -> list[str]:
    """Innocent series ever claimed while looking every day."""
    if not looked:
        return []
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for one in looked:
        for key in ((one.family, one.method), ("all", one.method)):
            hits, n = sums.get(key, (0, 0))
            sums[key] = (hits + one.ever_claimed, n + one.series)
    names = [name for name in (*FAMILIES, "all") if (name, EVENFALL) in sums]
    lines = [
        "### Looking every day\n",
        f"Innocent series, judged every day from {looked[0].nights_from} to {looked[0].nights_to}",
        "nights, as by somebody who runs `analyze` each morning: how many were ever claimed.\n",
        f"| family | series | Evenfall | 95 % bound | {heads()} |",
        f"|---|---|---|---|{'---|' * len(PEERS)}",
    ]
    for name in names:
        hits, n = sums[name, EVENFALL]
        peers = [sums.get((name, peer), (0, 0)) for peer in PEERS]
        others = " | ".join(of_all(*peer) for peer in peers)
        lines.append(f"| `{name}` | {n} | {hits} | {percent(upper_limit(hits, n))} | {others} |")
    return [*lines, ""]


def required(tallies: Sequence[Tally], looked: Sequence[DailyTally]) -> list[str]:
    """What was asked of nights, and whether it is met."""
    peers_too = [score_of(one) for one in tallies]
    tallies = [one for one in tallies if one.method == EVENFALL]
    own = {one.family: score_of(one) for one in tallies}
    rows = [
        *(alarm_row(one) for one in own.values() if one.innocent),
        *power_rows(own),
        *whole_rows([one for one in tallies if not one.innocent]),
        *daily_row(looked),
        *ahead_rows(peers_too),
    ]
    head = "### Held against what is asked of nights\n"
    return [head, "| asked | measured | |", "|---|---|---|", *rows, ""]


def alarm_row(one: NightScore) -> str:
    """False alarms of one innocent family."""
    rate, high = one.false_alarm_rate or 0.0, one.false_alarm_high or 0.0
    said = "met" if rate <= ALARMS_MAX and high <= ALARMS_HIGH_MAX else "not met"
    if one.seeds < WORLDS_MIN and rate <= ALARMS_MAX:
        said = f"not yet: {WORLDS_MIN} worlds are asked for"
    return (
        f"| `{one.family}`: claims ≤ {percent(ALARMS_MAX)}, bound ≤ {percent(ALARMS_HIGH_MAX)} "
        f"| {one.false_alarms} of {one.seeds}, ≤ {percent(high)} | {said} |"
    )


def power_rows(own: dict[str, NightScore]) -> list[str]:
    """Power at an eighth of the speed, and waves."""
    found = []
    if (eighth := own.get("curfew_eighth")) is not None:
        said = verdict((eighth.power or 0.0) >= POWER_MIN)
        found.append(
            f"| `curfew_eighth`, 7 nights: found in ≥ {percent(POWER_MIN)} | {share(eighth.power)} "
            f"of {eighth.seeds}, ≥ {share(eighth.power_low)} | {said} |"
        )
    if (waves := own.get("curfew_waves")) is not None:
        said = verdict((waves.all_episodes_right or 0.0) >= SHARE_MIN)
        found.append(
            f"| `curfew_waves`: found, and all three waves right, in ≥ {percent(SHARE_MIN)} "
            f"| {share(waves.all_episodes_right)} of {waves.seeds} | {said} |"
        )
    return found


def whole_rows(own: Sequence[Tally]) -> list[str]:
    """Edges and dates of all families together."""
    if not own:
        return []
    edges = Counter[int]()
    for tally in own:
        edges.update(tally.edge_errors_min)
    middle = at_share(edges, 0.5)
    near = verdict(middle is not None and middle <= EDGE_MIN_MAX)
    inside = (sum(t.edges_covered for t in own), sum(t.edges for t in own))
    dated = (sum(t.dates_covered for t in own), sum(t.dates for t in own))
    asked = f"of what is found: median edge error ≤ {EDGE_MIN_MAX} min"
    return [
        f"| {asked} | {number(middle)} min | {near} |",
        share_row("of what is found: edges in their interval", *inside),
        share_row("of what is found: onsets and liftings in theirs", *dated),
    ]


def ahead_rows(scores: Sequence[NightScore]) -> list[str]:
    """Whether Evenfall is ahead of all peers in every family, and at no more false alarms."""
    held = standing(scores)
    n = sum(map(len, (held.led, held.level, held.behind, held.not_scored)))
    if not n:
        return []
    measured = f"more than every peer in {len(held.led)} of {n} families, as many as the best in "
    measured += f"{len(held.level)}, fewer in {len(held.behind)}"
    if held.not_scored:
        measured += f", not all peers scored in {len(held.not_scored)}"
    alarming = ", ".join(METHOD_NAMES[peer] for peer in held.alarms_more) or "none of them"
    asked = "finds more worlds than all four peers in every family"
    priced = "at no more false alarms than any of them, innocent families together"
    said = f"fewer than Evenfall, or not scored: {alarming}"
    return [
        f"| {asked} | {measured} | {found_said(held)} |",
        f"| {priced} | {said} | {verdict(not held.alarms_more)} |",
    ]


def found_said(held: Standing) -> str:
    """A tie is not ahead, and what was not compared is not met."""
    if held.behind:
        return "not met: named above, with the price"
    if held.not_scored:
        return "not known"
    return "met but for ties" if held.level else "met"


def share_row(name: str, part: int, whole: int) -> str:
    """A share of which nine tenths are asked for."""
    said = verdict(part >= SHARE_MIN * whole) if whole else NOTHING
    return f"| {name} ≥ {percent(SHARE_MIN)} | {of_all(part, whole)} of {whole} | {said} |"


def daily_row(looked: Sequence[DailyTally]) -> list[str]:
    """Series ever claimed while looking daily, all families together."""
    own = [one for one in looked if one.method == EVENFALL]
    hits, n = sum(one.ever_claimed for one in own), sum(one.series for one in own)
    if not n:
        return []
    measured = f"{hits} of {n} ({percent(hits / n)}, ≤ {percent(upper_limit(hits, n))})"
    asked = f"looking every day: innocent series ever claimed ≤ {percent(DAILY_MAX)}"
    said = verdict(hits / n <= DAILY_MAX)
    if n < SERIES_MIN and hits / n <= DAILY_MAX:
        said = f"not yet: {SERIES_MIN} series are asked for"
    return [f"| {asked} | {measured} | {said} |"]


def verdict(met: bool) -> str:
    """Met, or not."""
    return "met" if met else "not met"


def heads() -> str:
    """Names of the peers' columns."""
    return " | ".join(METHOD_NAMES[name] for name in PEERS)


def share(value: float | None) -> str:
    """A share as a percentage; a dash where it has no meaning."""
    return NOTHING if value is None else percent(value)


def number(value: int | None) -> str:
    """A number; a dash where it has no meaning."""
    return NOTHING if value is None else str(value)
