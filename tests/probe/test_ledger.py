"""The byte ledger against the interface's own counters, in a network of namespaces."""

from __future__ import annotations

import json
import sys
import time

import pytest

from evenfall.lab.clock import LabClock
from evenfall.lab.netns import NetnsBackend
from evenfall.lab.scenario import CensorRule, Scenario, draw

COUNT = """
import re
total = 0
for line in open("/proc/net/dev"):
    name, colon, rest = line.partition(":")
    if colon and name.strip() != "lo":
        fields = [int(x) for x in rest.split()]
        total += fields[0] + fields[8] - 14 * (fields[1] + fields[9])
print(total)
"""


@pytest.mark.netns
@pytest.mark.slow
@pytest.mark.parametrize(
    "rules",
    [(), (CensorRule(action="sni.police", services=("video",)),)],
    ids=["clean", "policed"],
)
def test_the_ledger_is_the_interfaces(tmp_path, rules):
    """Within 5 % of the IP bytes that the client's interface saw, and never above 6 MB."""
    scenario = Scenario(
        name="", title="", innocent=not rules, expected=(), answers=(), censor=rules
    )
    folder = tmp_path / "client"
    folder.mkdir()
    clock = LabClock(start_local_minutes=1200, epoch_monotonic_s=time.monotonic())
    with NetnsBackend().stage(draw(scenario, 6), folder=folder, clock=clock) as stage:

        def output(*command: str) -> str:
            path = tmp_path / "said"
            with path.open("wb") as said:
                assert stage.run([sys.executable, *command], stdout=said, timeout_s=100) == 0
            return path.read_text()

        before = int(output("-c", COUNT))
        check = ("-m", "evenfall.cli", "check", "--targets", str(stage.target_file), "--json")
        summary = json.loads(output(*check).splitlines()[-1])
        time.sleep(0.5)  # real packets are still on a real wire
        seen = int(output("-c", COUNT)) - before
    assert summary["bytes"] == pytest.approx(seen, rel=0.05)
    assert seen <= 6_000_000
