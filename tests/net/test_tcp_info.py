"""TCP_INFO: every length decodes, and the offsets agree with the kernel and with `ss`."""

from __future__ import annotations

import re
import shutil
import socket
import struct
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfall.net.tcp_info import NOTHING_KNOWN, decode, read


@given(st.binary(max_size=512))
def test_any_length_decodes(raw):
    """No kernel's struct, however short or long, raises; nothing is ever negative."""
    info = decode(raw)
    numbers = [v for v in (info.rtt_us, info.bytes_acked, info.segments_out) if v is not None]
    assert all(value >= 0 for value in numbers)


def test_what_is_not_there_is_null():
    """An old kernel's 104 bytes have a round-trip time and no byte counters."""
    raw = struct.pack("=8B24I", *([0] * 8), *range(24))
    info = decode(raw)
    assert info.rtt_us == 15
    assert (info.bytes_acked, info.rtt_min_us, info.bytes_retransmitted) == (None, None, None)
    assert decode(b"") == NOTHING_KNOWN


def test_no_sample_yet_is_null_not_a_huge_number():
    """min_rtt of 2**32-1 and rtt of 0 mean that the kernel has no sample."""
    raw = bytearray(232)
    struct.pack_into("=I", raw, 148, 2**32 - 1)
    assert decode(bytes(raw)).rtt_min_us is None
    assert decode(bytes(raw)).rtt_us is None


def test_a_closed_socket_tells_nothing():
    """Reading after close gives nulls, not an error."""
    sock = socket.socket()
    sock.close()
    assert read(sock) == NOTHING_KNOWN


@pytest.mark.skipif(sys.platform != "linux", reason="TCP_INFO is read on Linux only")
def test_the_counters_are_those_that_ss_prints():
    """Against a foreign reader of the same struct: iproute2's `ss -ti`, else plain arithmetic."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
        with ours, theirs:
            ours.sendall(b"x" * 5000)
            theirs.recv(5000, socket.MSG_WAITALL)
            theirs.sendall(b"y" * 700)
            ours.recv(700, socket.MSG_WAITALL)
            info = read(ours)
            seen = _ss(ours.getsockname()[1])
    assert info.bytes_sent == 5000
    assert info.bytes_received == 700
    assert info.bytes_retransmitted == 0
    assert info.segments_out_of_order == 0
    if seen is not None:
        assert int(seen["bytes_acked"]) == info.bytes_acked
        assert int(seen["segs_out"]) == info.segments_out
        assert float(seen["minrtt"]) * 1000 == pytest.approx(info.rtt_min_us, abs=1)


def _ss(port: int) -> dict[str, str] | None:
    if shutil.which("ss") is None:
        return None
    command = ["ss", "-tinH", "sport", "=", f":{port}"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(re.findall(r"(\w+):([\d.]+)", text))
