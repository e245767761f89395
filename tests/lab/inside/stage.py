"""Stage one scenario in `netns` and run the client's commands in it: the tests' own main program.

A program of its own, because the same must be done as root and as an ordinary user. Reads a spec
from standard input: {"scenario": TOML, "seed", "minute", "commands": [[…]]}; words of a command may
hold {video}, {news} … (host names); "given" holds values that replace drawn ones. Prints one JSON
object.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from evenfall.lab.clock import LabClock
from evenfall.lab.netns import NetnsBackend
from evenfall.lab.scenario import Scenario, draw

CLIENT = Path(__file__).with_name("client.py")


def main() -> None:
    """Stage, run, print."""
    spec = json.load(sys.stdin)
    scenario = msgspec.toml.decode(spec["scenario"], type=Scenario)
    drawn = draw(scenario, spec.get("seed", 1), **spec.get("given", {}))
    clock = LabClock(
        start_local_minutes=spec.get("minute", 0),
        speed=spec.get("speed", 1),
        epoch_monotonic_s=time.monotonic(),
    )
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "client"
        started_s = time.perf_counter()
        with NetnsBackend().stage(drawn, folder=folder, clock=clock) as stage:
            staged_s = time.perf_counter() - started_s
            if spec.get("announce"):
                sys.stdout.write("staged\n")
                sys.stdout.flush()
            for command in spec["commands"]:
                words = [word.format(**drawn.hosts) for word in command]
                out = Path(scratch) / "out"
                with out.open("wb") as stdout:
                    status = stage.run(
                        [sys.executable, str(CLIENT), *words] if words[0] != "raw" else words[1:],
                        stdout=stdout,
                        timeout_s=60,
                    )
                said = out.read_text()
                results.append(json.loads(said) if said[:1] == "{" else [status, said])
            counters = msgspec.to_builtins(stage.counters())
            facts = stage.facts
    json.dump(
        {"results": results, "counters": counters, "facts": facts, "staged_s": staged_s},
        sys.stdout,
    )


if __name__ == "__main__":
    main()
