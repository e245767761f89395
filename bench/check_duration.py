"""How long `check` takes and what it costs, with a list as long as the built-in one.

Ten targets and five controls over the lab's six sites (several pages of one site are several ids),
in namespaces, on lines of known rate. The bytes are those of the client's own interface, counted
without link-layer headers, beside what the probe's ledger says.

    python bench/check_duration.py            all lines, one JSON line each
    python bench/check_duration.py healthy    one of them
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from evenfall.lab.clock import LabClock
from evenfall.lab.netns import NetnsBackend, NetnsStage
from evenfall.lab.scenario import (
    CONTROL_ROLES,
    TARGET_ROLES,
    CensorRule,
    Drawn,
    Line,
    Scenario,
    draw,
)

TARGETS, CONTROLS = 10, 5
BYTES_MAX = 6_000_000
_HEALTHY = Line(down_bps=(20e6, 20e6), up_bps=(10e6, 10e6), rtt_s=(0.03, 0.03))
_NARROW = Line(down_bps=(128e3, 128e3), up_bps=(128e3, 128e3), rtt_s=(0.03, 0.03))
_POLICED = CensorRule(action="sni.police", services=TARGET_ROLES, rate_bps=128_000)
_DEAD = CensorRule(action="ip.drop", services=(*TARGET_ROLES, *CONTROL_ROLES))
LINES: dict[str, tuple[Line, tuple[CensorRule, ...], float]] = {
    "healthy": (_HEALTHY, (), 20.0),
    "narrow": (_NARROW, (), 75.0),
    "policed": (_HEALTHY, (_POLICED,), 75.0),
    "dead": (_HEALTHY, (_DEAD,), 75.0),
}
"""Line, censor, and the seconds that it may take."""

_COUNT = """
total = 0
for line in open("/proc/net/dev"):
    name, colon, rest = line.partition(":")
    if colon and name.strip() != "lo":
        fields = [int(x) for x in rest.split()]
        total += fields[0] + fields[8] - 14 * (fields[1] + fields[9])
print(total)
"""


def measure(name: str) -> dict[str, Any]:
    """One check on one of the lines; seconds, bytes by both counts, the answer."""
    line, rules, seconds_max = LINES[name]
    scenario = Scenario(
        title="bench", innocent=not rules, line=line, censor=rules, expected=(), answers=()
    )
    clock = LabClock(start_local_minutes=1200, epoch_monotonic_s=time.monotonic())
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "client"
        drawn = draw(scenario, 1)
        with NetnsBackend().stage(drawn, folder=folder, clock=clock) as stage:
            long_list = write_long_list(stage.target_file, drawn)
            before = int(_output(stage, scratch, "-c", _COUNT))
            start_s = time.monotonic()
            check = ("-m", "evenfall.cli", "check", "--targets", str(long_list), "--json")
            said = _output(stage, scratch, *check).splitlines()
            took_s = time.monotonic() - start_s
            time.sleep(0.5)  # what is still on the wire
            seen = int(_output(stage, scratch, "-c", _COUNT)) - before
            counters = stage.counters()
    summary = json.loads(said[-1])
    states = list(summary["targets"].values())
    return {
        "line": name, "duration_s": summary["duration_s"], "process_s": round(took_s, 1),
        "seconds_max": seconds_max, "ledger_bytes": summary["bytes"], "interface_bytes": seen,
        "bytes_max": BYTES_MAX, "answer": summary["answer"],
        "states": {state: states.count(state) for state in sorted(set(states))},
        "ladder": [f"{r['name']} {r['state']}" for r in summary["ladder"]],
        "overload": counters.overload,
    }  # fmt: skip


def write_long_list(target_file: Path, drawn: Drawn) -> Path:
    """The lab's own target file with as many sites as the built-in list has."""
    head = target_file.read_text().split("[[target]]")[0]
    servers = target_file.read_text().partition("[[server]]")
    entries = [_entry("target", TARGET_ROLES, drawn, n) for n in range(TARGETS)]
    entries += [_entry("control", CONTROL_ROLES, drawn, n) for n in range(CONTROLS)]
    path = target_file.with_name("long.toml")
    path.write_text("\n".join([head, *entries, servers[1] + servers[2]]))
    return path


def _entry(kind: str, roles: tuple[str, ...], drawn: Drawn, number: int) -> str:
    role = roles[number % len(roles)]
    scheme = "http" if role == "messenger" else "https"
    url = f"{scheme}://{drawn.hosts[role]}/1M.bin?n={number}"
    return f'[[{kind}]]\nid = "{role}{number}/front"\nurl = "{url}"\n'


def _output(stage: NetnsStage, scratch: str, *command: str) -> str:
    path = Path(scratch) / "said"
    with path.open("wb") as said:
        status = stage.run([sys.executable, *command], stdout=said, timeout_s=150)
    if status:
        raise SystemExit(f"{command} ended with {status}")
    return path.read_text()


if __name__ == "__main__":
    for wanted in sys.argv[1:] or LINES:
        sys.stdout.write(json.dumps(measure(wanted)) + "\n")
        sys.stdout.flush()
