"""`lab score --check`: many drawn runs of the real `check`, each a row with its seed.

A row says what was drawn, what `check` said, whether that is right, what it cost, and what Wehe's
rule would have said of the identical transfers. Rows are appended to a file one by one, so a run
that is broken off loses one row, and a later one goes on after the last seed.

A run on a machine that was too slow for its own wire says nothing about the instrument: its row is
kept with `overloaded` true and counts in no rate.
"""

from __future__ import annotations

import concurrent.futures
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from evenfall.infer.ruleset import RULESET
from evenfall.lab.backend import Backend, Stage
from evenfall.lab.cases import find_case
from evenfall.lab.design import FIRST_SEED, Design, draw_design, truth
from evenfall.lab.peers.wehe import wehe_says
from evenfall.lab.run import DEFAULT_AT, check_output, parse_at, staged
from evenfall.lab.scenario import CongestionControl, Line
from evenfall.lab.truth import Found, Seen, compare, expected_answers, read_check
from evenfall.model.errors import FormatError, LabError
from evenfall.model.observation import Observation
from evenfall.model.vocabulary import Arm, Direction, Fact, Scope

__all__ = ["ScoreRow", "judged_again", "next_seed", "read_rows", "run_one", "score", "write_row"]

_OVERLOAD_SHARE_MAX = 0.001


class ScoreRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="check_score"):
    """One drawn run. One line of the rows file.

    Attributes:
        match: every verdict and the answer are among what is right.
        targeted: targets that were called targeted.
        found: of a run that is not innocent: every service the censor acts on was called targeted.
        verdicts: target → state, scope, mechanism, shape.
        pair_bytes: target → bytes of its pairs.
        wehe: target → what Wehe's rule says of the same transfers; a target without pairs is
            left out.
        overloaded: the machine was too slow for the wire: the row counts in no rate.
        failed: `check` did not come to its end; the rest is empty.
    """

    seed: int
    family: str
    case: str
    innocent: bool
    ruleset: str
    hello: str
    down_bps: int
    rtt_ms: float
    loss: float
    congctl: CongestionControl
    rate_bps: int | None = None
    burst_bytes: int | None = None
    answer: str = ""
    match: bool = False
    targeted: tuple[str, ...] = ()
    found: bool | None = None
    verdicts: dict[str, tuple[str | None, ...]] = {}
    pair_bytes: dict[str, int] = {}
    wehe: dict[str, str] = {}
    bytes: int = 0
    duration_s: float = 0.0
    overloaded: bool = False
    failed: str = ""


class _Summary(msgspec.Struct, frozen=True):
    kind: str = ""
    bytes: int = 0
    duration_s: float = 0.0


class _Shape(msgspec.Struct, frozen=True):
    kind: str = ""


class _Verdict(msgspec.Struct, frozen=True):
    target: str
    state: str
    scope: str
    mechanism: str | None = None
    shape: _Shape | None = None


def score(
    backend: Backend, seeds: Sequence[int], *, families: Sequence[str], cases: Path, jobs: int
) -> Iterator[ScoreRow]:
    """Run the designs of these seeds, `jobs` at a time; rows come as runs end."""
    designs = [draw_design(seed, families, cases) for seed in seeds]
    with concurrent.futures.ThreadPoolExecutor(max_workers=jobs) as pool:
        waiting = [pool.submit(run_one, design, backend) for design in designs]
        try:
            for done in concurrent.futures.as_completed(waiting):
                yield done.result()
        finally:
            for future in waiting:
                future.cancel()


def run_one(design: Design, backend: Backend) -> ScoreRow:
    """One run; a check that did not end is a row too."""
    started_s = time.monotonic()
    try:
        with staged(design.scenario, backend, seed=design.seed, at_local=DEFAULT_AT) as held:
            stage, _, clock = held
            minute = clock.minute_of_day()
            output = check_output(stage, extra=("--hello", design.hello))
            overloaded = _is_overloaded(stage)
    except LabError as error:
        return _row(design, failed=error.seen[:500], duration_s=time.monotonic() - started_s)
    return _scored(design, output, minute_of_day=minute, overloaded=overloaded)


def _scored(design: Design, output: bytes, *, minute_of_day: float, overloaded: bool) -> ScoreRow:
    seen = read_check(output)
    scenario = design.scenario
    comparisons = compare(scenario, seen, minute_of_day=minute_of_day)
    lines = [msgspec.json.decode(line) for line in output.splitlines()]
    verdicts = [msgspec.convert(v, _Verdict) for v in lines if v.get("kind") == "verdict"]
    summary = next(msgspec.convert(v, _Summary) for v in lines if v.get("kind") == "summary")
    pairs = _pairs_by_target(lines)
    targeted = tuple(v.target for v in verdicts if v.scope == Scope.TARGETED)
    acted_on = {role for rule in scenario.censor for role in rule.services}
    return _row(
        design,
        answer=seen.answer,
        match=seen.answer in expected_answers(scenario, minute_of_day=minute_of_day)
        and all(c.match for c in comparisons),
        targeted=targeted,
        found=None if design.scenario.innocent else acted_on <= {t.split("/")[0] for t in targeted},
        verdicts={
            v.target: (v.state, v.scope, v.mechanism, v.shape.kind if v.shape else None)
            for v in verdicts
        },
        pair_bytes={t: sum((o.wire_bytes or 0) for p in ps for o in p) for t, ps in pairs.items()},
        wehe={t: said for t, ps in pairs.items() if (said := wehe_says(ps)) is not None},
        bytes=summary.bytes,
        duration_s=summary.duration_s,
        overloaded=overloaded,
    )


def judged_again(row: ScoreRow, cases: Path) -> ScoreRow:
    """The row, held against what is right today: a truth that was written down wrong is mended.

    What was said does not change, nor whether it was a false accusation.
    """
    if row.failed:
        return row
    line = Line(
        down_bps=(row.down_bps,) * 2,
        rtt_s=(row.rtt_ms / 1e3,) * 2,
        loss=(row.loss,) * 2,
        congctl=(row.congctl,),
    )
    scenario = truth(find_case(row.case, cases), row.family, line)
    found = tuple(
        Found(service=t.split("/")[0], target=t, state=v[0] or "", scope=v[1] or "", mechanism=v[2])
        for t, v in row.verdicts.items()
    )
    minute = parse_at(DEFAULT_AT)
    seen = Seen(answer=row.answer, found=found)
    right = all(c.match for c in compare(scenario, seen, minute_of_day=minute))
    answers = expected_answers(scenario, minute_of_day=minute)
    return msgspec.structs.replace(row, match=right and row.answer in answers)


def _row(design: Design, **fields: Any) -> ScoreRow:
    line, rules = design.scenario.line, design.scenario.censor
    paced = [rule for rule in rules if rule.action in ("sni.police", "sni.shape")]
    return ScoreRow(
        seed=design.seed,
        family=design.family,
        case=design.scenario.name,
        innocent=design.scenario.innocent,
        ruleset=RULESET,
        hello=design.hello,
        down_bps=round(line.down_bps[0]),
        rtt_ms=round(1e3 * line.rtt_s[0], 1),
        loss=round(line.loss[0], 4),
        congctl=line.congctl[0],
        rate_bps=round(paced[0].rate_bps) if paced else None,
        burst_bytes=paced[0].burst_bytes if paced else None,
        **fields,
    )


def _pairs_by_target(
    lines: Sequence[dict[str, Any]],
) -> dict[str, list[tuple[Observation, Observation]]]:
    """Download pairs of each target in the order in which they were made, target arm first."""
    arms: dict[str, dict[str, Observation]] = defaultdict(dict)
    for line in lines:
        if line.get("fact") != Fact.TRANSFER or line.get("is_null_pair"):
            continue
        seen = msgspec.convert(line, Observation)
        if seen.pair_id and seen.arm and seen.direction is Direction.DOWNLOAD:
            arms[seen.pair_id][seen.arm] = seen
    pairs: dict[str, list[tuple[Observation, Observation]]] = defaultdict(list)
    for both in arms.values():
        if len(both) == len(Arm):
            pairs[both[Arm.TARGET].target].append((both[Arm.TARGET], both[Arm.NEUTRAL]))
    return pairs


def _is_overloaded(stage: Stage) -> bool:
    """Whether the wire lost frames because this machine was too slow; no wire, no."""
    counters = getattr(stage, "counters", None)
    if counters is None:
        return False
    seen = counters()
    return bool(seen.overload > _OVERLOAD_SHARE_MAX * max(1, seen.entered))


def read_rows(path: Path) -> list[ScoreRow]:
    """All rows of a file, of any ruleset; none if there is no file. A cut last line is left out.

    Raises:
        FormatError: a line that is no row.
    """
    if not path.exists():
        return []
    rows = []
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        try:
            rows.append(msgspec.json.decode(line, type=ScoreRow))
        except msgspec.DecodeError as error:
            raise FormatError(
                expected="one row of `evenfall lab score` a line",
                seen=str(error),
                where=f"{path}, line {number}",
                remedy="Take that line out, or name another file with --rows.",
            ) from error
    return rows


def next_seed(rows: Sequence[ScoreRow]) -> int:
    """The first seed that no row of today's ruleset has used."""
    return max((r.seed for r in rows if r.ruleset == RULESET), default=FIRST_SEED - 1) + 1


def write_row(path: Path, row: ScoreRow) -> None:
    """Append one row; what a broken-off run left of a last line is dropped first."""
    with path.open("ab+") as file:
        file.seek(0)
        whole = file.read().rfind(b"\n") + 1
        file.truncate(whole)
        file.write(msgspec.json.encode(row, order="sorted") + b"\n")
