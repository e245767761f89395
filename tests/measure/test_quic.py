"""QUIC handshakes against aioquic's own server, in memory and on sockets: outcomes and costs."""

from __future__ import annotations

import asyncio
import hashlib
import random
import ssl

import pytest
from aioquic.asyncio import serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import QuicProtocolVersion, pull_quic_header
from aioquic.tls import Buffer
from hypothesis import given, settings
from hypothesis import strategies as st

from evenfall.measure.quic import HANDSHAKE_S, QUIC_BYTES, quic_handshake, quic_trust
from evenfall.measure.round import Round
from evenfall.model.target import Target
from evenfall.model.vocabulary import FAILURES, Fact, Role
from evenfall.net.api import NetworkFailure
from evenfall.net.fake import FakeNetwork
from evenfall.net.sockets import SystemNetwork

TARGET = Target(target_id="video/front", url="https://video.test/", role=Role.TARGET)
ADDRESS = "203.0.113.11"
RTT_S = 0.04


class MemoryServer:
    """aioquic's server side behind a fake line; one connection.

    `drops` says of each datagram that arrives (index, bytes) whether it is lost on the way there.
    """

    def __init__(self, configuration, *, drops=lambda index, data: False) -> None:
        self._configuration = configuration
        self._drops = drops
        self._connection = None
        self._count = 0
        self.closed = False

    def __call__(self, data: bytes, now_s: float):
        """A datagram came; what goes back, half a round trip later each way."""
        index, self._count = self._count, self._count + 1
        if self._drops(index, data):
            return []
        if self._connection is None:
            header = pull_quic_header(Buffer(data=data), host_cid_length=8)
            self._connection = QuicConnection(
                configuration=self._configuration,
                original_destination_connection_id=header.destination_cid,
            )
        self._connection.receive_datagram(data, ("192.0.2.1", 50_000), now=now_s)
        self.closed = self._connection._close_event is not None
        return [(RTT_S, out) for out, _ in self._connection.datagrams_to_send(now=now_s)]


def configured(issuer, host="video.test", **kind) -> QuicConfiguration:
    """A server's configuration that speaks HTTP/3."""
    configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3"])
    configuration.load_cert_chain(*issuer.paths(host, **kind))
    return configuration


def shake(peer, issuer, *, sni="video.test", check=True, address=ADDRESS):
    """One handshake over a network in memory."""
    network = FakeNetwork()
    network.families = {4, 6}
    if peer is not None:
        network.datagram_peers[address, 443] = lambda: peer
    trust = quic_trust(str(issuer.ca_file)) if check else None
    return asyncio.run(
        quic_handshake(
            network, Round("r", network.clock), TARGET, host="video.test", address=address,
            sni=sni, trust=trust,
        )
    )  # fmt: skip


def test_a_handshake_goes_through(issuer):
    """Innocent: complete after a round trip, its certificate known, its cost exact, a goodbye."""
    server = MemoryServer(configured(issuer))
    seen = shake(server, issuer)
    certificate, _ = issuer.paths("video.test")
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    assert (seen.fact, seen.failure, seen.operation) == (Fact.QUIC_HANDSHAKE, None, None)
    assert (seen.host, seen.sni, seen.address, seen.port, seen.family) == (
        "video.test", "video.test", ADDRESS, 443, 4,
    )  # fmt: skip
    assert seen.certificate_sha256 == hashlib.sha256(der).hexdigest()
    assert seen.duration_us == pytest.approx(RTT_S * 1e6, rel=0.6)
    assert 2 * 1228 < seen.wire_bytes < QUIC_BYTES / 2
    assert server.closed


@pytest.mark.parametrize(
    ("host", "kind", "failure"),
    [("video.test", {}, None), ("other.test", {}, "ssl_invalid_hostname"),
     ("video.test", {"expired": True}, "ssl_invalid_certificate"),
     ("video.test", {"self_signed": True}, "ssl_unknown_authority")],
    ids=["good", "other name", "expired", "unknown authority"],
)  # fmt: skip
def test_a_certificate_is_judged_as_over_tcp(issuer, host, kind, failure):
    """The codes are those of a TLS handshake; the certificate is kept either way."""
    seen = shake(MemoryServer(configured(issuer, host, **kind)), issuer)
    assert seen.failure == failure
    assert seen.operation == ("quic_handshake" if failure else None)
    assert seen.certificate_sha256 is not None


def test_a_neutral_name_is_not_judged(issuer):
    """Innocent: somebody else's name at this address goes through, whatever certificate comes."""
    server = MemoryServer(configured(issuer, self_signed=True))
    seen = shake(server, issuer, sni="neutral.test", check=False)
    assert (seen.failure, seen.sni, seen.host) == (None, "neutral.test", "video.test")


def test_silence_is_cut_and_counted(issuer):
    """Nobody answers: the time is up after three seconds, and every Initial is on the bill."""
    seen = shake(None, issuer)
    assert (seen.failure, seen.operation) == ("generic_timeout_error", "quic_handshake")
    assert seen.duration_us == pytest.approx(HANDSHAKE_S * 1e6, rel=0.01)
    initials = seen.wire_bytes / 1228
    assert 3 <= initials <= 10
    assert seen.certificate_sha256 is None


def test_a_lost_initial_is_sent_again(issuer):
    """Innocent: loss is no interference."""
    seen = shake(MemoryServer(configured(issuer), drops=lambda i, _: i < 2), issuer)
    assert seen.failure is None
    assert seen.duration_us > 200_000


def test_refused_and_unreachable(issuer):
    """A closed port answers by ICMP; a family without a route is our own side."""

    def refuse(data, now_s):
        raise NetworkFailure("connection_refused", "read")

    assert shake(refuse, issuer).failure == "connection_refused"
    network = FakeNetwork()
    seen = asyncio.run(
        quic_handshake(
            network, Round("r", network.clock), TARGET, host="video.test", address="2001:db8::1",
            sni="video.test", trust=None,
        )
    )  # fmt: skip
    assert (seen.failure, seen.family, seen.wire_bytes) == ("network_unreachable", 6, 0)


def test_no_protocol_in_common_is_a_refusal(issuer):
    """The other side ends the handshake: it is there, and says no."""
    configuration = configured(issuer)
    configuration.alpn_protocols = ["doq"]
    seen = shake(MemoryServer(configuration), issuer)
    assert seen.failure == "quic_failed_handshake"
    assert seen.failure in FAILURES


def test_six_costs_more(issuer):
    """The bill holds IPv6's longer header."""
    four = shake(MemoryServer(configured(issuer)), issuer)
    six = shake(MemoryServer(configured(issuer)), issuer, address="2001:db8::11")
    assert (six.family, six.failure) == (6, None)
    assert six.wire_bytes > four.wire_bytes


def _noise(rng, sizes):
    def peer(data, now_s):
        return [(0.01, bytes(data[:20]) + rng.randbytes(size)) for size in sizes]

    return peer


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False), st.lists(st.integers(0, 1500), max_size=5))
def test_nonsense_never_raises(issuer, rng, sizes):
    """Random datagrams, some with our own header, end in a failure and nothing else."""
    seen = shake(_noise(random.Random(rng.random()), sizes), issuer)  # noqa: S311 (seeded)
    assert seen.failure in ("generic_timeout_error", "quic_failed_handshake") or (
        seen.failure or ""
    ).startswith("unknown_failure")


def test_a_flood_is_bounded(issuer):
    """Whoever answers one datagram with a thousand is not listened to for long."""

    def flood(data, now_s):
        return [(0.001, b"\x40" + bytes(1000))] * 1000

    seen = shake(flood, issuer)
    assert seen.failure is not None
    assert seen.wire_bytes < 400 * 1100


@pytest.mark.parametrize("version", [QuicProtocolVersion.VERSION_1, QuicProtocolVersion.VERSION_2])
def test_on_sockets_against_aioquics_server(issuer, version):
    """Innocent: over a socket, to aioquic's own endpoint, whichever version it insists on."""

    async def main():
        configuration = configured(issuer)
        configuration.supported_versions = [version]
        server = await serve("127.0.0.1", 0, configuration=configuration)
        try:
            port = server._transport.get_extra_info("sockname")[1]
            network = SystemNetwork()
            return await quic_handshake(
                network, Round("r", network.clock), TARGET, host="video.test",
                address="127.0.0.1", port=port, sni="video.test",
                trust=quic_trust(str(issuer.ca_file)),
            )  # fmt: skip
        finally:
            server.close()

    seen = asyncio.run(main())
    assert seen.failure is None
    assert seen.duration_us < 2_000_000


def test_a_closed_port_on_sockets(issuer):
    """ICMP port unreachable is a refusal, at once."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]

    async def main():
        network = SystemNetwork()
        return await quic_handshake(
            network, Round("r", network.clock), TARGET, host="video.test", address="127.0.0.1",
            port=port, sni="video.test", trust=None,
        )  # fmt: skip

    seen = asyncio.run(main())
    assert seen.failure == "connection_refused"
    assert seen.duration_us < 1_000_000
