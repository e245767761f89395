"""How true the emulated net is: what programs in it measure ÷ what the scenario says.

The client is the one of the lab's tests (standard library only). A TCP segment of 1448 bytes is a
frame of 1514, so of a rate r that counts frames, r × 1448 ÷ 1514 can arrive as payload.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from evenfall.lab.clock import LabClock
from evenfall.lab.middlebox import WireCounters
from evenfall.lab.netns import NetnsBackend
from evenfall.lab.netns_topology import PLACES
from evenfall.lab.scenario import CensorRule, Line, Scenario, draw

CLIENT = Path(__file__).resolve().parents[1] / "tests" / "lab" / "inside" / "client.py"
PAYLOAD = 1448 / 1514
VIDEO = PLACES.origins["video"]
LINE_BPS, RTT_S = 20e6, 0.03
WIDE_BPS, WIDE_RTT_S = 100e6, 0.02
RULE_BPS, BURST_BYTES = 128_000, 16_000
SECONDS = 20


def staged(
    words: list[str], *rules: CensorRule, rate_bps: float = LINE_BPS, rtt_s: float = RTT_S
) -> tuple[dict[str, Any], WireCounters]:
    """Stage a line with these rules and run one command of the client in it."""
    line = Line(down_bps=(rate_bps, rate_bps), up_bps=(rate_bps, rate_bps), rtt_s=(rtt_s, rtt_s))
    scenario = Scenario(
        title="bench", innocent=not rules, line=line, censor=rules, expected=(), answers=()
    )
    drawn = draw(scenario, 1)
    clock = LabClock(start_local_minutes=0, epoch_monotonic_s=time.monotonic())
    with tempfile.TemporaryDirectory(prefix="evenfall-bench-") as folder:
        out = Path(folder) / "out"
        client = Path(folder) / "client"
        with (
            NetnsBackend().stage(drawn, folder=client, clock=clock) as stage,
            out.open("wb") as stdout,
        ):
            command = [sys.executable, str(CLIENT), *(w.format(**drawn.hosts) for w in words)]
            stage.run(command, stdout=stdout, timeout_s=90)
            counters = stage.counters()
        return json.loads(out.read_text()), counters


def row(name: str, ratio: float, detail: str, goal: str) -> dict[str, object]:
    """One line of the page."""
    return {"name": name, "ratio": ratio, "goal": goal, "detail": detail}


def limited(action: str, allowed_bytes: float) -> dict[str, object]:
    """Goodput under a rule ÷ what the rule allows in that time."""
    rule = CensorRule(
        action=action, services=("video",), rate_bps=RULE_BPS, burst_bytes=BURST_BYTES
    )  # type: ignore[arg-type]  # the action is one of the literals
    seen, _ = staged(["fetch", VIDEO, "443", "{video}", str(SECONDS)], rule)
    theory_bps = allowed_bytes * 8 * PAYLOAD / SECONDS
    return row(
        f"{action} 128 kbit/s: goodput ÷ theory over {SECONDS} s",
        seen["goodput_bps"] / theory_bps,
        f"{seen['goodput_bps'] / 1e3:.1f} kbit/s; first second "
        f"{seen['first_second_bits'] / 1e3:.0f} kbit; longest gap {seen['longest_gap_s']:.2f} s",
        "0.9–1.05",
    )


def run() -> list[dict[str, object]]:
    """Measure and return the rows for docs/PERFORMANCE.md."""
    rtt, _ = staged(["rtt", VIDEO, "443", "50"])
    clean, wire = staged(["fetch", VIDEO, "443", "{video}", "10"])
    wide, wide_wire = staged(
        ["fetch", VIDEO, "443", "{video}", "6"], rate_bps=WIDE_BPS, rtt_s=WIDE_RTT_S
    )
    rate_bytes = RULE_BPS / 8 * SECONDS
    fast, fast_wire = staged(["fetch", VIDEO, "443", "{video}", "2"], rate_bps=1e10, rtt_s=0.0002)
    return [
        row(
            "lab wire: round trip ÷ drawn",
            rtt["median_ms"] / (1000 * RTT_S),
            f"median {rtt['median_ms']:.2f}, worst {rtt['max_ms']:.2f} ms of 50 connects at 30 ms",
            "1.00–1.05",
        ),
        row(
            "lab wire: goodput of a clean line ÷ theory",
            clean["goodput_bps"] / (LINE_BPS * PAYLOAD),
            f"{clean['goodput_bps'] / 1e6:.1f} of 20 Mbit/s over 10 s, slow start included; "
            f"{wire.cpu_s / 10:.0%} of a core; {wire.overload} frames lost to the machine",
            "over 0.9",
        ),
        row(
            "lab wire: goodput of a 100 Mbit/s line ÷ theory",
            wide["goodput_bps"] / (WIDE_BPS * PAYLOAD),
            f"{wide['goodput_bps'] / 1e6:.1f} of 100 Mbit/s over 6 s at 20 ms, slow start in it; "
            f"{wide_wire.cpu_s / 6:.0%} of a core; {wide_wire.overload} frames lost to the machine",
            "over 0.9",
        ),
        limited("sni.police", rate_bytes + BURST_BYTES),
        limited("sni.shape", rate_bytes),
        row(
            "lab wire: ceiling ÷ a line of 20 Mbit/s",
            fast["first_second_bits"] / LINE_BPS,
            f"{fast['first_second_bits'] / 1e6:.0f} Mbit/s in the first second without delay; "
            f"{fast_wire.overload} frames lost to the machine",
            "over 10",
        ),
    ]
