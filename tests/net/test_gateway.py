"""The default router, read from tables we did not write; ways to ask it, on loopback."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from evenfall.net import gateway
from evenfall.net.gateway import find_router, router_address

ETHERNET, TUNNEL = 1, 65534
FOUR = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0
tun0\t00000000\t0100080A\t0003\t0\t0\t50\t00000000\t0\t0\t0
eth0\t0000000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
"""
ZERO = "0" * 32
ROUTER_SIX = "fe800000000000000000000000000001"
SIX = f"""\
{ZERO} 00 {ZERO} 00 {ROUTER_SIX} 00000400 00000001 00000000 00000003 eth0
{ZERO} 00 {ZERO} 00 {ZERO} ffffffff 00000001 00000000 00200200 lo
"""


def kind(name: str) -> int:
    """Tunnels have no link layer."""
    return TUNNEL if name.startswith("tun") else ETHERNET


@pytest.mark.parametrize(
    ("text", "family", "expected"),
    [
        (FOUR, 4, ("10.0.0.1", "eth0")),
        (FOUR.replace("eth0\t00000000", "ppp0\t00000001"), 4, ("192.168.1.1", "wlan0")),
        (SIX, 6, ("fe80::1", "eth0")),
        ("", 4, None),
        ("ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n", 4, None),
        ("eth0\tnonsense\n\n\x00\n", 4, None),
        ("eth0\t00000000\tZZ\t0003\t0\t0\tx\t00000000\n", 4, None),
    ],
)
def test_tables(tmp_path: Path, text: str, family: int, expected: object) -> None:
    """The least metric on a link that may be the home's; none where there is no router."""
    table = tmp_path / "route"
    table.write_text(text)
    assert router_address(family, table=table, kind=kind) == expected


def test_no_table(tmp_path: Path) -> None:
    """Elsewhere than on Linux nothing is known."""
    assert router_address(4, table=tmp_path / "none", kind=kind) is None


def ask(way: object) -> bool:
    """One probe."""
    return asyncio.run(way.once(timeout_s=0.3))  # type: ignore[attr-defined]  # (narrower)


def to(address: str) -> object:
    """Where a way is to ask."""
    return gateway._place(address, "lo", 4)


def test_a_refusal_is_an_answer() -> None:
    """A closed port on loopback: RST and ICMP error both count; an open one too."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        open_port = server.getsockname()[1]
        assert ask(gateway._TcpWay(to("127.0.0.1"), 4, open_port))
    assert ask(gateway._TcpWay(to("127.0.0.1"), 4, open_port))
    assert ask(gateway._UdpWay(to("127.0.0.1"), 4))


def test_silence_is_no_answer() -> None:
    """A full accept queue drops the SYN; a port that listens and says nothing answers no UDP."""
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        port = server.getsockname()[1]
        assert not ask(gateway._TcpWay(to("127.0.0.1"), 4, port))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as quiet:
        quiet.bind(("127.0.0.1", gateway._UDP_PORT))
        assert not ask(gateway._UdpWay(to("127.0.0.1"), 4))


def test_echo_where_the_kernel_allows_it() -> None:
    """Where `ping_group_range` lets us: loopback answers; an address of nobody does not."""
    if not gateway._may_echo(4):
        pytest.skip("not run: ping_group_range allows no group of ours")
    assert ask(gateway._EchoWay(to("127.0.0.1"), 4))


def test_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """On this machine: a router or none, and nothing is sent to find it."""
    sent = []
    monkeypatch.setattr(socket.socket, "send", lambda *_: sent.append(1))
    found = find_router()
    assert found is None or found.ways
    assert sent == []
