"""The same checks over sockets and in memory: whoever tests on the fake tests the real thing."""

from __future__ import annotations

import asyncio

import pytest

from evenfall.net.api import Network, NetworkFailure, Stream
from evenfall.net.tls import TlsStream


async def _echo(stream) -> None:
    while data := await stream.read(65_536, timeout_s=5):
        await stream.write(data, timeout_s=5)


async def _read_exactly(stream, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        data = await stream.read(65_536, timeout_s=5)
        assert data, "ended early"
        parts += data
    return bytes(parts)


def _fails(code: str, operation: str):
    return pytest.raises(NetworkFailure, match=f"^{operation}: {code}$")


def test_both_are_what_the_api_says(in_world):
    """Network and stream have every method and attribute of the protocols."""

    async def check(world):
        network: Network = world.network
        stream = await network.connect(*await world.put(_echo), timeout_s=5)
        assert isinstance(stream, Stream)
        stream.close()

    in_world(check)


def test_bytes_come_back_as_sent(in_world):
    """Innocent: 300 kB there and back are the same bytes, and are counted."""

    async def check(world):
        stream = await world.network.connect(*await world.put(_echo), timeout_s=5)
        sent = bytes(range(256)) * 1200
        writing = asyncio.ensure_future(stream.write(sent, timeout_s=5))
        assert await _read_exactly(stream, len(sent)) == sent
        await writing
        assert (stream.bytes_read, stream.bytes_written) == (len(sent), len(sent))
        stream.close()

    in_world(check)


def test_a_read_is_bounded(in_world):
    """`bytes_max` holds even if more has arrived."""

    async def check(world):
        stream = await world.network.connect(*await world.put(_echo), timeout_s=5)
        await stream.write(b"0123456789", timeout_s=5)
        assert await stream.read(4, timeout_s=5) == b"0123"
        assert await _read_exactly(stream, 6) == b"456789"
        stream.close()

    in_world(check)


def test_a_clean_end_is_empty_and_stays_so(in_world):
    """Innocent: after the other side's FIN every read gives nothing, without an error."""

    async def bye(stream) -> None:
        await stream.write(b"bye", timeout_s=5)
        stream.close()

    async def check(world):
        stream = await world.network.connect(*await world.put(bye), timeout_s=5)
        assert await _read_exactly(stream, 3) == b"bye"
        assert await stream.read(10, timeout_s=5) == b""
        assert await stream.read(10, timeout_s=5) == b""
        stream.close()

    in_world(check)


def test_a_reset_is_named(in_world):
    """RST from the other side: connection_reset, of a read."""

    async def reset(stream) -> None:
        await stream.read(10, timeout_s=5)
        stream.abort()

    async def check(world):
        stream = await world.network.connect(*await world.put(reset), timeout_s=5)
        await stream.write(b"?", timeout_s=5)
        with _fails("connection_reset", "read"):
            await stream.read(10, timeout_s=5)
        stream.close()

    in_world(check)


def test_our_abort_resets_the_other_side(in_world):
    """`abort` is seen as a reset over there, and `close` as a clean end."""
    seen = []

    async def watch(stream) -> None:
        try:
            seen.append(await stream.read(10, timeout_s=5))
        except NetworkFailure as failure:
            seen.append(failure.code)

    async def check(world):
        place = await world.put(watch)
        for end in ("abort", "close"):
            stream = await world.network.connect(*place, timeout_s=5)
            getattr(stream, end)()
            await _until(lambda end=end: len(seen) == (1 if end == "abort" else 2), world)
        assert seen == ["connection_reset", b""]

    in_world(check)


def test_a_closed_port_refuses(in_world):
    """RST to the SYN: connection_refused, of a connect."""

    async def check(world):
        place = await world.closed_port()
        with _fails("connection_refused", "connect"):
            await world.network.connect(*place, timeout_s=5)

    in_world(check)


def test_silence_is_a_timeout(in_world):
    """Nothing comes: generic_timeout_error after the time allowed, by the network's own clock."""

    async def mute(stream) -> None:
        await stream.read(10, timeout_s=60)

    async def check(world):
        stream = await world.network.connect(*await world.put(mute), timeout_s=5)
        before_s = world.clock.monotonic_s()
        with _fails("generic_timeout_error", "read"):
            await stream.read(10, timeout_s=world.patience_s)
        waited_s = world.clock.monotonic_s() - before_s
        assert waited_s == pytest.approx(world.patience_s, rel=0.5)
        stream.close()

    in_world(check)


def test_a_write_that_nobody_takes_times_out_and_says_how_far_it_got(in_world):
    """A reader who never reads: the write fails, and what the line took is counted."""

    async def sleepy(stream) -> None:
        await asyncio.sleep(3600)

    async def check(world):
        if not hasattr(world.network, "at"):
            place = await world.put(sleepy)
        else:
            place = await _put_dropping(world)
        stream = await world.network.connect(*place, timeout_s=5)
        with _fails("generic_timeout_error", "write"):
            await stream.write(bytes(64 * 1024 * 1024), timeout_s=world.patience_s)
        assert 0 < stream.bytes_written < 64 * 1024 * 1024
        stream.abort()

    in_world(check)


def test_tls_sends_the_name_it_is_told(in_world, pki):
    """Innocent: the server sees our SNI, we see its certificate, a megabyte crosses intact."""
    context, der = pki.server("video.example")
    names = []
    context.sni_callback = lambda _tls, name, _context: names.append(name)

    async def check(world):
        place = await world.put(_tls(context, _echo, world.clock))
        stream = await world.network.connect(*place, timeout_s=5)
        before_s = world.clock.monotonic_s()
        tls = await stream.start_tls(pki.client(), server_name="video.example", timeout_s=5)
        assert isinstance(tls, Stream)
        assert before_s <= tls.hello_sent_s <= world.clock.monotonic_s()
        assert names == ["video.example"]
        assert tls.peer_certificate() == der
        body = bytes(range(256)) * 4096
        writing = asyncio.ensure_future(tls.write(body, timeout_s=5))
        assert await _read_exactly(tls, len(body)) == body
        await writing
        assert tls.bytes_read > len(body), "records cost more than what is in them"
        tls.close()

    in_world(check)


@pytest.mark.parametrize(
    ("kind", "asked", "code"),
    [
        ({}, "video.example", None),
        ({}, "other.example", "ssl_invalid_hostname"),
        ({"expired": True}, "video.example", "ssl_invalid_certificate"),
        ({"self_signed": True}, "video.example", "ssl_unknown_authority"),
    ],
)
def test_a_certificate_is_judged(in_world, pki, kind, asked, code):
    """Each fault of a certificate has its own code; a good one has none."""
    context, _ = pki.server("video.example", **kind)

    async def check(world):
        place = await world.put(_tls(context, _echo, world.clock))
        stream = await world.network.connect(*place, timeout_s=5)
        handshake = stream.start_tls(pki.client(), server_name=asked, timeout_s=5)
        if code is None:
            await handshake
        else:
            with _fails(code, "tls_handshake"):
                await handshake
        stream.close()

    in_world(check)


async def _silent_after_hello(stream) -> None:
    await stream.read(65_536, timeout_s=5)
    await stream.read(65_536, timeout_s=60)


async def _reset_after_hello(stream) -> None:
    await stream.read(65_536, timeout_s=5)
    stream.abort()


async def _end_after_hello(stream) -> None:
    await stream.read(65_536, timeout_s=5)
    stream.close()


async def _garbage_after_hello(stream) -> None:
    await stream.read(65_536, timeout_s=5)
    await stream.write(b"HTTP/1.1 403 Forbidden\r\n\r\n", timeout_s=5)


@pytest.mark.parametrize(
    ("peer", "code"),
    [
        (_silent_after_hello, "generic_timeout_error"),
        (_reset_after_hello, "connection_reset"),
        (_end_after_hello, "eof_error"),
        (_garbage_after_hello, "ssl_failed_handshake"),
    ],
)
def test_what_befalls_a_handshake_is_a_handshake_failure(in_world, pki, peer, code):
    """Silence, reset, end and nonsense after the ClientHello keep the operation tls_handshake."""

    async def check(world):
        stream = await world.network.connect(*await world.put(peer), timeout_s=5)
        with _fails(code, "tls_handshake"):
            await stream.start_tls(
                pki.client(), server_name="video.example", timeout_s=world.patience_s
            )
        stream.close()

    in_world(check)


def test_an_end_without_goodbye_is_no_clean_end(in_world, pki):
    """A FIN inside TLS without close_notify, which anybody can forge, is eof_error."""
    context, _ = pki.server("video.example")

    async def vanish(tls) -> None:
        await tls.write(b"half", timeout_s=5)
        tls.close()

    async def check(world):
        place = await world.put(_tls(context, vanish, world.clock))
        stream = await world.network.connect(*place, timeout_s=5)
        tls = await stream.start_tls(pki.client(), server_name="video.example", timeout_s=5)
        assert await _read_exactly(tls, 4) == b"half"
        with _fails("eof_error", "read"):
            await tls.read(10, timeout_s=5)
        tls.close()

    in_world(check)


def test_tcp_info_outlives_the_connection(in_world):
    """Innocent: counters can be read after close, and say what was acknowledged."""

    async def check(world):
        stream = await world.network.connect(*await world.put(_echo), timeout_s=5)
        await stream.write(b"x" * 1000, timeout_s=5)
        await _read_exactly(stream, 1000)
        stream.close()
        info = stream.tcp_info()
        assert info.bytes_received == 1000
        assert info.bytes_acked in (1000, 1001)  # the kernel may count the SYN
        assert info.rtt_min_us is not None

    in_world(check)


def _tls(context, inside, clock):
    async def peer(stream) -> None:
        tls = await TlsStream.accept(stream, context, timeout_s=5, clock=clock)
        await inside(tls)

    return peer


async def _put_dropping(world) -> tuple[str, int]:
    from evenfall.net.fake import Host, Rule

    world.network.at["203.0.113.13", 1] = Host(rules=(Rule(action="silence"),))
    return "203.0.113.13", 1


async def _until(condition, world) -> None:
    for _ in range(200):
        if condition():
            return
        await world.clock.sleep(0.005)
    raise AssertionError("did not happen")
