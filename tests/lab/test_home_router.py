"""The router of an emulated home, asked by our own code as root and as an ordinary user."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.netns

Interpreter = Callable[[str], tuple[list[str], dict[str, Any]]]
LOOK = """
import asyncio, json
from evenfall.measure.gateway import probe_gateway
from evenfall.measure.round import Round
from evenfall.net.sockets import SystemNetwork
network = SystemNetwork()
router = network.router()
async def look():
    return await probe_gateway(router, Round("r", network.clock))
seen = asyncio.run(look())
print(json.dumps(dict(sent=seen.probes_sent, lost=seen.probes_lost, rtt_us=seen.rtt_us,
    address=seen.address, wire_bytes=seen.wire_bytes)))
"""


@pytest.mark.parametrize("who", ["as we are", "as nobody"])
def test_the_router_of_an_emulated_home(who: str, interpreter: Interpreter) -> None:
    """In the client's namespace, as root and as an ordinary user: all probes answered, soon."""
    python, arguments = interpreter(who)
    stage = Path(__file__).with_name("inside") / "stage.py"
    scenario = 'title = "t"\ninnocent = true\nexpected = []\nanswers = []\n'
    ours = f"PYTHONPATH={arguments['env']['PYTHONPATH']}"
    command = ["raw", "/usr/bin/env", ours, python[0], "-c", LOOK]
    done = subprocess.run(
        [*python, str(stage)],
        input=json.dumps({"scenario": scenario, "commands": [command]}),
        capture_output=True, text=True, timeout=120, check=False, **arguments,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)["results"][0]
    assert (seen["sent"], seen["lost"]) == (15, 0)
    assert 0 < seen["rtt_us"] < 20_000
    assert seen["address"] is None  # a router's address says where a home is
    assert seen["wire_bytes"] <= 10_240
