"""Both ClientHellos: what they look like on the wire, and that both do a handshake with others."""

from __future__ import annotations

import asyncio
import importlib.util
import ssl
import subprocess
import sys

import pytest

from evenfall.model.errors import UsageError
from evenfall.net import hello_profiles
from evenfall.net.clock import ManualClock
from evenfall.net.fake_stream import Line, connect_in_memory
from evenfall.net.hello_profiles import BROWSER, STDLIB, available, pair_context
from evenfall.net.tls import TlsStream
from evenfall.server.identity import load_or_create, tls_context
from evenfall.wire.hello import Hello, HelloReader

NAME = "video.example"
SEGMENT_BYTES = 1448

needs_extra = pytest.mark.skipif(
    importlib.util.find_spec("utls") is None, reason="the extra `browser` is not installed"
)
PROFILES = [STDLIB, pytest.param(BROWSER, marks=needs_extra)]


def first_flight(profile: str) -> bytes:
    """What a client of this profile sends first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = pair_context(profile).wrap_bio(incoming, outgoing, server_hostname=NAME)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("profile", PROFILES)
def test_the_name_is_in_the_hello(profile):
    """Our own reader finds the name in either ClientHello."""
    reader = HelloReader()
    found = reader.feed(first_flight(profile))
    assert isinstance(found, Hello)
    assert found.server_name == NAME


def test_the_standard_librarys_hello_fits_one_segment():
    """Innocent and small."""
    assert len(first_flight(STDLIB)) < SEGMENT_BYTES


@needs_extra
def test_a_browsers_hello_fills_two_segments_and_hides_the_name_in_either():
    """About 2 KB; in forty hellos the name is found before and after the end of segment one."""
    flights = [first_flight(BROWSER) for _ in range(40)]
    assert all(SEGMENT_BYTES < len(flight) < 2 * SEGMENT_BYTES for flight in flights)
    at = [flight.index(NAME.encode()) for flight in flights]
    assert min(at) < SEGMENT_BYTES < max(at)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_handshake_with_our_server(profile, tmp_path):
    """Bytes go both ways through `net.tls`, and the server's own certificate is seen."""
    identity = load_or_create(tmp_path)

    async def scene() -> tuple[bytes, bytes | None]:
        clock = ManualClock()
        ours, theirs = connect_in_memory(clock, Line())
        client, server = await asyncio.gather(
            TlsStream.connect(
                ours, pair_context(profile), server_name=NAME, timeout_s=5, clock=clock
            ),
            TlsStream.accept(theirs, tls_context(identity), timeout_s=5, clock=clock),
        )
        await client.write(b"x" * 200_000, timeout_s=5)
        got = b""
        while len(got) < 200_000:
            got += await server.read(65_536, timeout_s=5)
        await server.write(got[:70_000], timeout_s=5)
        back = b""
        while len(back) < 70_000:
            back += await client.read(65_536, timeout_s=5)
        return back, client.peer_certificate()

    back, certificate = asyncio.run(scene())
    assert back == b"x" * 70_000
    assert certificate is not None
    assert certificate[:1] == b"\x30"


def test_without_the_extra_there_is_one_profile(monkeypatch):
    """Everything works without utls; asking for the other profile says what to install."""
    monkeypatch.setattr(hello_profiles.importlib.util, "find_spec", lambda _: None)
    assert available() == (STDLIB,)
    pair_context.cache_clear()
    with pytest.raises(UsageError, match="extra `browser`"):
        pair_context(BROWSER)


def test_nothing_is_loaded_before_it_is_needed():
    """`import evenfall.net.hello_profiles` does not import utls."""
    code = "import sys, evenfall.net.hello_profiles; sys.exit('utls' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
