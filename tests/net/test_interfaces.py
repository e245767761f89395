"""Which interface packets would leave by, held against `ip` and against networks of our own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from evenfall.net.interfaces import driver_of, interfaces_with, kind_of, source_towards


def test_loopback():
    """127.0.0.1 is reached from 127.0.0.1, which `lo` has; nobody has an address of paper."""
    assert source_towards("127.0.0.1") == "127.0.0.1"
    assert interfaces_with("127.0.0.1") == {"lo"}
    assert interfaces_with("192.0.2.77") == frozenset()
    assert kind_of("lo") == 772  # ARPHRD_LOOPBACK
    for name in ("no-such-one", "", "a" * 40):
        assert kind_of(name) is None
        assert driver_of(name) is None


def test_ipv6_table(tmp_path):
    """The kernel's table is read by address; a broken line is left out."""
    table = tmp_path / "if_inet6"
    table.write_text(
        "00000000000000000000000000000001 01 80 10 80       lo\n"
        "20010db8000000000000000000000005 03 40 00 80     eth0\n"
        "nonsense\n"
    )
    assert interfaces_with("2001:db8::5", addresses_six=table) == {"eth0"}
    assert interfaces_with("2001:db8::6", addresses_six=table) == frozenset()
    assert interfaces_with("::1", addresses_six=tmp_path / "none") == frozenset()


def test_all_of_this_machine(foreign_tool):
    """Every IPv4 address that `ip` knows on an interface that is up is found there."""
    said = subprocess.run(
        [foreign_tool("ip"), "-j", "-4", "address", "show", "up"], capture_output=True, check=True
    ).stdout
    for link in json.loads(said or b"[]"):
        for entry in link.get("addr_info", []):
            assert link.get("ifname") in interfaces_with(entry["local"])


@pytest.fixture
def iproute(foreign_tool):
    """The test makes its interfaces by `ip`."""
    return foreign_tool("ip")


_INSIDE = """
import subprocess, sys
from evenfall.probe.surroundings import tunnel_in_use
def ip(line):
    subprocess.run(["ip", *line.split()], check=True)
ip("link add eth0 type veth peer name other")
ip("address add 203.0.113.2/24 dev eth0")
ip("link set eth0 up"); ip("link set other up")
print(repr(tunnel_in_use()))
ip("route add default via 203.0.113.1")
print(repr(tunnel_in_use()))
ip("tuntap add dev {name} mode {mode}")
ip("address add 198.51.100.2/24 dev {name}")
ip("link set {name} up")
for line in {lines!r}:
    ip(line)
print(repr(tunnel_in_use()))
"""


@pytest.mark.netns
@pytest.mark.usefixtures("iproute")
@pytest.mark.parametrize(
    ("name", "mode", "lines"),
    [
        ("tun0", "tun", ["route add 0.0.0.0/1 dev tun0", "route add 128.0.0.0/1 dev tun0"]),
        ("office", "tun", ["route add default dev office table 51820",
                           "rule add not fwmark 51820 table 51820"]),
        ("office", "tap", ["route add 128.0.0.0/1 dev office"]),
    ],
    ids=["half-routes", "policy table", "tap, one half"],
)  # fmt: skip
def test_the_kernels_own_choice(name, mode, lines):
    """In a network of our own: no way out, Ethernet, then a tunnel as VPN programs set it up."""
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        pytest.skip("not run: /dev/net/tun may not be opened here, so no tunnel can be made")
    code = _INSIDE.format(name=name, mode=mode, lines=lines)
    done = subprocess.run(
        ["unshare", "-rn", sys.executable, "-c", code],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["None", "''", repr(name)]
