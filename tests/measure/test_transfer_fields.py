"""What a transfer's counters mean: prices of cut ones, whose TCP_INFO counts, curves kept small."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfall.measure.curve import CURVE_POINTS_MAX, ByteCurve
from evenfall.measure.transfer_fields import in_flight_bytes, tcp_fields, unsent_bytes
from evenfall.net.api import TcpInfo
from evenfall.wire.pair_messages import TcpCounters, Trailer


def _trailer(op: str = "get", **counters) -> Trailer:
    return Trailer(
        id="0" * 32,
        op=op,
        body_bytes=1,
        elapsed_us=1,
        complete=False,
        tcp=TcpCounters(**counters),
    )


def test_what_never_left_the_kernel_costs_nothing():
    """A reset upload of 260 kB of which 97 kB (24 kB of them twice) went out."""
    info = TcpInfo(bytes_sent=97_000, bytes_retransmitted=24_000)
    assert unsent_bytes(info, 260_000) == 187_000


def test_all_that_was_written_has_left():
    """Innocent: nothing to take off, nor where the kernel does not tell."""
    assert unsent_bytes(TcpInfo(bytes_sent=1000, bytes_retransmitted=0), 1000) == 0
    assert unsent_bytes(TcpInfo(), 1000) == 0


def test_what_is_still_on_its_way_to_a_cut_download_is_counted():
    """Sent and not acknowledged, retransmissions left out."""
    trailer = _trailer(bytes_sent=100_000, bytes_retransmitted=20_000, bytes_acked=60_000)
    assert in_flight_bytes("get", trailer) == 20_000


@pytest.mark.parametrize(
    ("operation", "trailer"),
    [
        ("get", None),
        ("get", _trailer()),
        ("put", _trailer(op="put", bytes_sent=9, bytes_acked=1)),
        ("get", _trailer(bytes_sent=100, bytes_retransmitted=0, bytes_acked=101)),
    ],
)
def test_nothing_is_added_where_nothing_is_known(operation, trailer):
    """Innocent: no trailer, no counters, an upload, a SYN that was counted."""
    assert in_flight_bytes(operation, trailer) == 0


def test_the_senders_counters_count():
    """Of a download the server's retransmissions, of an upload ours; the smallest RTT of both."""
    ours = TcpInfo(rtt_us=50, rtt_min_us=40, bytes_retransmitted=7, congestion_control="bbr")
    theirs = _trailer(rtt_us=60, rtt_min_us=30, bytes_retransmitted=9, congestion_control="cubic")
    down = tcp_fields("get", ours, theirs)
    assert (down["rtt_min_us"], down["rtt_us"]) == (30, 60)
    assert (down["retransmitted_bytes"], down["congestion_control"]) == (9, "cubic")
    up = tcp_fields("put", ours, theirs)
    assert (up["rtt_min_us"], up["rtt_us"]) == (30, 50)
    assert (up["retransmitted_bytes"], up["congestion_control"]) == (7, "bbr")


def test_a_download_without_a_trailer_does_not_borrow_our_retransmissions():
    """We sent a request; what the server sent again is not known, which is not zero."""
    fields = tcp_fields("get", TcpInfo(rtt_us=50, rtt_min_us=40, bytes_retransmitted=0), None)
    assert fields["retransmitted_bytes"] is None
    assert fields["congestion_control"] is None
    assert fields["rtt_min_us"] == 40


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 3000)), max_size=3000))
def test_a_curve_stays_small_and_keeps_its_ends(steps):
    """However many reads: at most 64 points, rising, from the first bytes to the last."""
    curve, t_us, total = ByteCurve(), 0, 0
    for wait_us, count in steps:
        t_us, total = t_us + wait_us, total + count
        curve.add(t_us, total)
    points = curve.points()
    assert len(points) <= CURVE_POINTS_MAX
    assert list(points) == sorted(points)
    if steps:
        assert points[-1] == (t_us, total)
        assert curve.last_us == t_us
    if 0 < len(steps) <= CURVE_POINTS_MAX:
        assert points[0] == steps[0]


def test_an_empty_curve_is_empty():
    """Innocent: nothing came."""
    assert ByteCurve().points() == ()
    assert ByteCurve().last_us is None
