"""What slowed transfers look like, run in the lab: pairs of every kind, kept with their truth.

    .venv/bin/python bench/shape_runs.py --seeds 0 8 --out FILE

One line a run: the kind that is true, what was drawn, and all observations. `infer.shape` was
calibrated on such a file (seeds below 10,000); `--judge FILE` prints what it says of each run and
the table of truth against answer.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

import msgspec

from evenfall.infer.facts import sort_pairs
from evenfall.infer.shape import shape_of
from evenfall.lab.netns import NetnsBackend
from evenfall.lab.run import staged
from evenfall.lab.scenario import CensorRule, Innocent, Line, Scenario
from evenfall.model.observation import Observation

CLIENT = Path(__file__).with_name("shape_client.py")
SIZES = (65_536, 65_536, 196_608, 65_536)
SEED_MAX = 10_000
KINDS = ("policing", "shaping", "random_loss", "stall", "congestion")
RUN_S_MAX = 90.0


def scenario(kind: str, rng: random.Random) -> tuple[Scenario, dict[str, float]]:
    """One world of a kind, and what was drawn for it."""
    rtt_s = rng.choice((0.015, 0.04, 0.08, 0.15))
    drawn: dict[str, float] = {"rtt_s": rtt_s}
    line = Line(down_bps=(10e6, 50e6), up_bps=(8e6, 20e6), rtt_s=(rtt_s, rtt_s))
    rules: tuple[CensorRule, ...] = ()
    innocents: tuple[Innocent, ...] = ()
    if kind == "policing":
        drawn |= {"rate_bps": rng.choice((128e3, 256e3, 512e3)), "burst": rng.choice((16e3, 32e3))}
        rules = (_rule("sni.police", rate_bps=drawn["rate_bps"], burst_bytes=int(drawn["burst"])),)
    elif kind == "shaping":
        drawn |= {"rate_bps": rng.choice((128e3, 256e3, 512e3)), "burst": rng.choice((16e3, 64e3))}
        rules = (_rule("sni.shape", rate_bps=drawn["rate_bps"], burst_bytes=int(drawn["burst"])),)
    elif kind == "random_loss":
        drawn |= {"loss": rng.choice((0.08, 0.15, 0.25))}
        rules = (_rule("sni.loss", loss=drawn["loss"]),)
    elif kind == "stall":
        drawn |= {"stall_bytes": rng.choice((12_000, 20_000, 40_000))}
        rules = (_rule("sni.stall", stall_bytes=int(drawn["stall_bytes"])),)
    else:
        innocents = (Innocent(kind="congestion", rate_bps=(2e6, 4e6), flows=12),)
    return (
        Scenario(
            title="shape", innocent=not rules, line=line, censor=rules, innocents=innocents,
            expected=(), answers=(),
        ),
        drawn,
    )  # fmt: skip


def _rule(action: str, **how: float) -> CensorRule:
    return msgspec.convert({"action": action, "services": ["video"], **how}, CensorRule)


def run(kind: str, seed: int, direction: str) -> dict[str, object]:
    """One world: its truth and what was seen in it."""
    world, drawn = scenario(kind, random.Random(f"{kind}/{seed}"))  # noqa: S311 (a simulation)
    with (
        staged(world, NetnsBackend(), seed=seed, at_local="20:30") as (stage, _, _),
        tempfile.TemporaryFile() as said,
    ):
        sizes = [str(n) for n in SIZES]
        command = [sys.executable, str(CLIENT), str(stage.target_file), "video", direction, *sizes]
        status = stage.run(command, stdout=said, timeout_s=RUN_S_MAX)
        said.seek(0)
        lines = said.read().decode().splitlines()
    return {
        "kind": kind, "seed": seed, "drawn": drawn, "direction": direction, "status": status,
        "observations": [json.loads(line) for line in lines],
    }  # fmt: skip


def judge(path: Path) -> None:
    """Print what `shape_of` says of every run, then truth against answer."""
    table: Counter[tuple[str, str]] = Counter()
    for line in path.read_text().splitlines():
        row = json.loads(line)
        pairs = sort_pairs(msgspec.convert(row["observations"], list[Observation]))
        said = shape_of(pairs)
        table[row["kind"], said.kind] += 1
        print(row["kind"], row["seed"], row["drawn"], "→", said.kind, said.confidence, said.because)
    print()
    for (truth, answer), count in sorted(table.items()):
        print(f"{truth:12} {answer:12} {count}")


def main() -> None:
    """Run, or judge what was run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 2))
    parser.add_argument("--kinds", nargs="*", default=KINDS)
    parser.add_argument("--direction", default="download")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--judge", type=Path)
    chosen = parser.parse_args()
    if chosen.judge:
        judge(chosen.judge)
        return
    for seed in range(*chosen.seeds):
        assert seed < SEED_MAX
        for kind in chosen.kinds:
            row = run(kind, seed, chosen.direction)
            print(kind, seed, row["status"], len(row["observations"]), flush=True)  # type: ignore[arg-type]  # (a list)
            if chosen.out:
                with chosen.out.open("a") as file:
                    file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
