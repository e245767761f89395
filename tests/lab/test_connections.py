"""Bytes in order out of segments in any order, and a table that does not grow."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfall.lab.connections import (
    AHEAD_BYTES_MAX,
    FLOW_IDLE_S,
    FLOWS_MAX,
    PIECES_MAX,
    FlowTable,
    Reassembly,
)
from evenfall.lab.packets import SYN, Packet, build_tcp, parse_ip

MESSAGE = bytes(range(256)) * 6


def syn(port: int, sequence: int = 100) -> Packet:
    """The first packet of a connection from a client port."""
    packet = parse_ip(
        build_tcp(
            (b"\xc0\xa8\x01\x02", port),
            (b"\xcb\x00\x71\x0b", 443),
            sequence=sequence,
            acknowledgement=0,
            flags=SYN,
        )
    )
    assert packet is not None
    return packet


@given(st.data(), st.sampled_from([0, 1, 2**31 - 5, 2**32 - 700, 2**32 - 1]))
def test_any_order_any_overlap_gives_the_stream(data: st.DataObject, first: int) -> None:
    """Segments shuffled, repeated and overlapping, over the wrap of sequence numbers."""
    cuts = sorted({0, len(MESSAGE), *data.draw(st.lists(st.integers(1, len(MESSAGE) - 1)))})
    pieces = list(itertools.pairwise(cuts))
    extra = data.draw(st.lists(st.tuples(st.integers(0, 1500), st.integers(1, 300)), max_size=9))
    pieces += [(start, start + size) for start, size in extra]
    stream = Reassembly(first)
    out = b""
    for start, end in data.draw(st.permutations(pieces)):
        out += stream.add(first + start, MESSAGE[start:end])
    assert out == MESSAGE
    assert stream.expected == (first + len(MESSAGE)) % 2**32


def test_the_first_copy_of_a_byte_counts() -> None:
    """A retransmission with other content does not rewrite what was delivered."""
    stream = Reassembly(0)
    assert stream.add(0, b"abc") == b"abc"
    assert stream.add(0, b"XYZdef") == b"def"


def test_nothing_far_ahead_is_kept() -> None:
    """Bytes beyond the window are not held: memory a flow is limited."""
    stream = Reassembly(0)
    assert stream.add(AHEAD_BYTES_MAX + 1, b"far") == b""
    assert stream.add(0, bytes(AHEAD_BYTES_MAX + 1)) == bytes(AHEAD_BYTES_MAX + 1)


def test_pieces_out_of_order_are_limited_but_never_in_the_way() -> None:
    """With the store full, the segment that is next in order is still taken."""
    stream = Reassembly(0)
    for n in range(PIECES_MAX + 10):
        stream.add(2 * n + 1, b"x")
    assert stream.add(0, b"y") == b"yx"


def test_a_repeated_syn_is_the_same_flow() -> None:
    """Same ends and same initial number: a retransmission. Another number: a new connection."""
    table = FlowTable()
    flow = table.open(syn(4000), 0.0)
    assert table.open(syn(4000), 1.0) is flow
    assert table.open(syn(4000, sequence=5), 2.0) is not flow
    assert len(table) == 1


def test_silent_flows_are_forgotten() -> None:
    """After the idle time a flow is unknown, and takes no room."""
    table = FlowTable()
    table.open(syn(4000), 0.0)
    assert table.find(syn(4000), upwards=True, now_s=FLOW_IDLE_S) is not None
    assert table.find(syn(4000), upwards=True, now_s=2.1 * FLOW_IDLE_S) is None
    table.open(syn(4001), 3 * FLOW_IDLE_S)
    table.open(syn(4002), 5 * FLOW_IDLE_S)
    assert len(table) == 1


def test_the_table_is_limited() -> None:
    """The flow that was silent longest goes first."""
    table = FlowTable()
    for n in range(FLOWS_MAX + 5):
        table.open(syn(1024 + n), n / 1000)
    assert len(table) == FLOWS_MAX
    assert table.find(syn(1024), upwards=True, now_s=6.0) is None
    assert table.find(syn(1024 + FLOWS_MAX + 4), upwards=True, now_s=6.0) is not None


def test_a_flow_that_speaks_stays() -> None:
    """What counts is the last packet: an old busy flow outlives young silent ones."""
    table = FlowTable()
    for n in range(FLOWS_MAX):
        table.open(syn(1024 + n), 0.0)
    assert table.find(syn(1024), upwards=True, now_s=1.0) is not None
    table.open(syn(60_000), 2.0)
    assert table.find(syn(1024), upwards=True, now_s=3.0) is not None
    assert table.find(syn(1025), upwards=True, now_s=3.0) is None


@pytest.mark.parametrize("upwards", [True, False])
def test_both_directions_are_one_flow(upwards: bool) -> None:
    """The answer of the server finds the client's flow; a stranger's packet does not."""
    table = FlowTable()
    flow = table.open(syn(4000), 0.0)
    packet = syn(4000)
    if not upwards:
        packet.source, packet.destination = packet.destination, packet.source
        packet.source_port, packet.destination_port = 443, 4000
    assert table.find(packet, upwards=upwards, now_s=0.0) is flow
    assert table.find(packet, upwards=not upwards, now_s=0.0) is None
