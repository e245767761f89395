"""A small world in memory: three services, three controls, two resolvers, a measurement server."""

from __future__ import annotations

import asyncio
import datetime as dt
import email.utils
import random
import ssl
import struct
import types
from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from evenfall.lab.certificates import Authority, write_self_signed
from evenfall.model.target import MeasurementServer, Target, TargetList
from evenfall.model.vocabulary import Role
from evenfall.net.clock import ManualClock
from evenfall.net.fake import FakeNetwork, Host, Line, tls_peer
from evenfall.probe.check import run_check
from evenfall.server.identity import load_or_create, tls_context
from evenfall.server.limits import Gate, Limits
from evenfall.server.recorder import Results
from evenfall.server.session import Session, random_block

SERVICES = ("video", "social", "messenger")
CONTROLS = ("encyclopedia", "news", "software")
ADDRESSES = {name: f"203.0.113.{11 + i}" for i, name in enumerate((*SERVICES, *CONTROLS))}
SYSTEM, PUBLIC = "198.51.100.53", "198.51.100.54"
SERVER = ("203.0.113.80", 8443)
BLOCK = "203.0.113.90"
BODY = bytes(range(256)) * 4096
BLOCK_PAGE = b"<html><title>x</title>Access to this resource is restricted</html>"


class Pki:
    """Certificates and contexts for every host of the world, made once."""

    def __init__(self, folder: Path) -> None:
        now = dt.datetime.now(dt.UTC)
        authority = Authority(now)
        self.ca_file = folder / "ca.pem"
        authority.write_certificate(self.ca_file)
        self.contexts = {}
        self.paths = {}
        for name in ADDRESSES:
            paths = folder / f"{name}.crt", folder / f"{name}.key"
            authority.write_leaf(f"{name}.test", certificate=paths[0], key=paths[1])
            self.contexts[name] = _context(*paths)
            self.paths[name] = paths
        paths = folder / "doh.crt", folder / "doh.key"
        authority.write_leaf(PUBLIC, certificate=paths[0], key=paths[1])
        self.contexts["doh"] = _context(*paths)
        paths = folder / "block.crt", folder / "block.key"
        write_self_signed("block.test", certificate=paths[0], key=paths[1], now=now)
        self.contexts["block"] = _context(*paths)
        self.identity = load_or_create(folder / "state")


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.fixture(scope="session")
def pki(tmp_path_factory) -> Pki:
    """Keys and certificates for all worlds here."""
    return Pki(tmp_path_factory.mktemp("pki"))


class World:
    """A FakeNetwork in which everything works; tests then break something.

    Attributes:
        zone: what the system's resolver says; `public_zone` what the other says; `six_zone` what
            both say of IPv6.
        alt_svc: host → value of `Alt-Svc` in its answers.
        line: of every host.
    """

    def __init__(self, pki: Pki, *, line: Line | None = None, has_server: bool = True) -> None:
        self.pki = pki
        self.clock = ManualClock(wall_us=1_528_210_800_000_000)
        self.network = FakeNetwork(self.clock)
        self.line = line or Line(rtt_s=0.04, rate_bps=20e6)
        self.requests: list[str] = []
        self.zone = {f"{name}.test": address for name, address in ADDRESSES.items()}
        self.public_zone = dict(self.zone)
        self.six_zone: dict[str, str] = {}
        self.alt_svc: dict[str, str] = {}
        for name in ADDRESSES:
            self.put(name)
        self.network.answers[SYSTEM, 53] = lambda query: [
            (0.01, answer(query, self.zone, self.six_zone))
        ]
        self.network.answers[PUBLIC, 53] = lambda query: [
            (0.03, answer(query, self.public_zone, self.six_zone))
        ]
        self._put_server()
        self.has_server = has_server

    def put(self, name: str, **host) -> None:
        """A site at its address, over TLS (the messenger: plain HTTP), with what lies before it."""
        inside = self.site(BODY)
        port = 80 if name == "messenger" else 443
        peer = inside if port == 80 else self.tls(name, inside)
        self.network.at[ADDRESSES[name], port] = Host(**{"peer": peer, "line": self.line, **host})

    def put_block_page(self) -> None:
        """A page that says that access is restricted, under nobody's certificate."""
        inside = self.site(BLOCK_PAGE, content_type="text/html")
        self.network.at[BLOCK, 443] = Host(peer=self.tls("block", inside), line=self.line)
        self.network.at[BLOCK, 80] = Host(peer=inside, line=self.line)

    def put_doh(self) -> None:
        """The other resolver inside TLS, over HTTP/1.1."""

        async def peer(stream) -> None:
            while wire := await _posted(stream):
                body = answer(wire, self.public_zone, self.six_zone)
                head = "HTTP/1.1 200 OK\r\nContent-Type: application/dns-message\r\n"
                head += f"Content-Length: {len(body)}\r\n\r\n"
                await stream.write(head.encode() + body, timeout_s=600)

        self.network.at[PUBLIC, 443] = Host(peer=self.tls("doh", peer), line=self.line)

    def put_telegram(self) -> None:
        """An endpoint of Telegram's own protocol at the messenger's address."""

        async def peer(stream) -> None:
            question = b""
            while len(question) < 42:
                question += await stream.read(1024, timeout_s=600)
            body = struct.pack("<I", 0x05162463) + question[26:42] + bytes(16)
            body += b"\x08" + bytes(11) + struct.pack("<IIq", 0x1CB5C415, 1, 5)
            packet = struct.pack("<qQI", 0, 1, len(body)) + body
            await stream.write(bytes([len(packet) // 4]) + packet, timeout_s=600)
            await stream.read(1, timeout_s=600)

        self.network.at[ADDRESSES["messenger"], 5222] = Host(peer=peer, line=self.line)

    def tls(self, name: str, inside):
        """TLS with the certificate of a name."""
        return tls_peer(self.pki.contexts[name], inside, clock=self.clock)

    def site(
        self, body: bytes, *, content_type="application/octet-stream", by_host=None, status=200
    ):
        """A peer that answers one GET; `by_host` gives another body for some Host."""

        async def peer(stream) -> None:
            request = b""
            while b"\r\n\r\n" not in request:
                data = await stream.read(65_536, timeout_s=60)
                if not data:
                    return
                request += data
            head = request.decode()
            self.requests.append(head)
            host = head.split("Host: ")[1].split("\r\n")[0]
            content = (by_host or {}).get(host, body)
            kind = "text/html" if content is not body else content_type
            now = dt.datetime.fromtimestamp(self.clock.wall_us() / 1e6, dt.UTC)
            date = email.utils.format_datetime(now, usegmt=True)
            reply = f"HTTP/1.1 {status} X\r\nDate: {date}\r\nContent-Type: {kind}\r\n"
            if host in self.alt_svc:
                reply += f"Alt-Svc: {self.alt_svc[host]}\r\n"
            reply += f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
            await stream.write(reply.encode() + content, timeout_s=3600)
            stream.close()

        return peer

    def by_host(self, host: str, inside, otherwise):
        """Somebody on the way: plain HTTP with this Host goes to `inside`, the rest on its way."""

        async def peer(stream) -> None:
            first = await stream.read(65_536, timeout_s=60)
            acts = f"Host: {host}\r\n".encode() in first
            await (inside if acts else otherwise)(Replayed(stream, first))

        return peer

    def targets(self, **changes) -> TargetList:
        """The list a probe would be given."""
        server = MeasurementServer(
            url=f"https://{SERVER[0]}:{SERVER[1]}", pin=self.pki.identity.pin
        )
        fields = {
            "targets": tuple(_target(name, Role.TARGET) for name in SERVICES),
            "controls": tuple(_target(name, Role.CONTROL) for name in CONTROLS),
            "servers": (server,) if self.has_server else (),
            "resolver": SYSTEM,
            "public_resolver": PUBLIC,
            "ca_file": str(self.pki.ca_file),
        }
        return TargetList(**(fields | changes))

    def answer(self, query: bytes, **changed: str) -> bytes:
        """What the system's resolver says, with some names changed (`social="203.0.113.9"`)."""
        return answer(query, self.zone | {f"{n}.test": a for n, a in changed.items()})

    def check(self, seed: int = 1, targets: TargetList | None = None, **options):
        """Run one check; no real time passes."""
        return asyncio.run(
            run_check(
                self.network,
                targets or self.targets(),
                rng=random.Random(seed),  # noqa: S311 (orders and names)
                **options,
            )
        )

    def _put_server(self) -> None:
        limits = Limits()
        shared = types.SimpleNamespace(
            context=tls_context(self.pki.identity),
            gate=Gate(limits, self.clock),
            results=Results(self.clock, kept_s=60, count_max=100),
            block=random_block(),
        )

        async def peer(stream) -> None:
            await Session(
                stream, address="192.0.2.1", limits=limits, clock=self.clock,
                context=shared.context, gate=shared.gate, results=shared.results,
                block=shared.block,
            ).run()  # fmt: skip

        self.network.at[SERVER] = Host(peer=peer, line=self.line)
        self.server_peer = peer

    def put_server(self, **host) -> None:
        """The measurement server, with what lies before it."""
        self.network.at[SERVER] = Host(**{"peer": self.server_peer, "line": self.line, **host})


class Replayed:
    """A stream whose first bytes were read by somebody else already."""

    def __init__(self, stream, first: bytes) -> None:
        self._stream, self._first = stream, first

    async def read(self, bytes_max: int, *, timeout_s: float) -> bytes:
        """The first bytes first."""
        if self._first:
            first, self._first = self._first[:bytes_max], self._first[bytes_max:]
            return first
        return await self._stream.read(bytes_max, timeout_s=timeout_s)

    def __getattr__(self, name: str):
        return getattr(self._stream, name)


def _target(name: str, role: Role) -> Target:
    scheme = "http" if name == "messenger" else "https"
    return Target(target_id=f"{name}/front", url=f"{scheme}://{name}.test/1M.bin", role=role)


async def _posted(stream) -> bytes:
    """The body of the next POST; empty at the end."""
    buffered = b""
    while b"\r\n\r\n" not in buffered:
        data = await stream.read(65_536, timeout_s=600)
        if not data:
            return b""
        buffered += data
    head, _, body = buffered.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += await stream.read(65_536, timeout_s=600)
    return body


def answer(query: bytes, zone: dict[str, str], six: dict[str, str] | None = None) -> bytes:
    """A resolver that knows a zone of A records, and perhaps one of AAAA records."""
    message = dns.message.make_response(dns.message.from_wire(query))
    question = message.question[0]
    address = zone.get(question.name.to_text(omit_final_dot=True))
    if address is None:
        message.set_rcode(dns.rcode.NXDOMAIN)
    elif question.rdtype == dns.rdatatype.A:
        message.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", address))
    elif found := (six or {}).get(question.name.to_text(omit_final_dot=True)):
        message.answer.append(dns.rrset.from_text(question.name, 60, "IN", "AAAA", found))
    return message.to_wire()


@pytest.fixture
def world(pki) -> World:
    """A world in which everything works."""
    return World(pki)


@pytest.fixture
def make_world(pki):
    """Worlds with another line, or without a measurement server."""
    return lambda **options: World(pki, **options)
