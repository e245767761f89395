"""Certificates, and two worlds (in memory, on loopback) that hold the same peers."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from evenfall.net.api import NetworkFailure
from evenfall.net.clock import ManualClock, SystemClock
from evenfall.net.fake import FakeNetwork, Host
from evenfall.net.sockets import SystemNetwork, SystemStream

_NAME = x509.NameOID.COMMON_NAME


class Pki:
    """A small authority: contexts of servers with good and bad certificates, and of clients."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._authority = self._sign("Test authority", self._key, is_authority=True)
        (folder / "ca.pem").write_bytes(self._authority.public_bytes(Encoding.PEM))

    def server(self, host: str, *, expired: bool = False, self_signed: bool = False):
        """A server context whose certificate is for `host`, and the certificate's DER."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(host, key, expired=expired, self_signed=self_signed)
        path = self._folder / f"{host}-{expired}-{self_signed}.pem"
        path.write_bytes(
            certificate.public_bytes(Encoding.PEM)
            + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context, certificate.public_bytes(Encoding.DER)

    def client(self) -> ssl.SSLContext:
        """A client context that trusts this authority alone."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cafile=self._folder / "ca.pem")
        return context

    def _sign(self, host, key, *, is_authority=False, expired=False, self_signed=False):
        now = dt.datetime.now(dt.UTC)
        subject = x509.Name([x509.NameAttribute(_NAME, host)])
        own = is_authority or self_signed
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if own else self._authority.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=3))
            .not_valid_after(now + dt.timedelta(days=-1 if expired else 3))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if not is_authority:
            names = x509.SubjectAlternativeName([x509.DNSName(host)])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(key if own else self._key, hashes.SHA256())


class MemoryWorld:
    """Peers on a `FakeNetwork`."""

    patience_s = 3.0

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.network = FakeNetwork(self.clock)

    async def put(self, peer) -> tuple[str, int]:
        """Serve `peer` somewhere."""
        place = ("203.0.113.11", 1000 + len(self.network.at))
        self.network.at[place] = Host(peer=peer)
        return place

    async def closed_port(self) -> tuple[str, int]:
        """Where connections are refused."""
        self.network.at["203.0.113.12", 1] = Host(on_connect="refuse")
        return "203.0.113.12", 1


class LoopbackWorld:
    """The same peers behind real sockets."""

    patience_s = 0.15

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.network = SystemNetwork(self.clock)
        self._stack = contextlib.AsyncExitStack()
        self._tasks = []

    async def put(self, peer) -> tuple[str, int]:
        """Serve `peer` on a free port."""
        import socket

        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        self._tasks.append(asyncio.ensure_future(self._accept(listener, peer)))
        return listener.getsockname()

    async def closed_port(self) -> tuple[str, int]:
        """A port that was open and is no more."""
        import socket

        with socket.create_server(("127.0.0.1", 0)) as listener:
            return listener.getsockname()

    async def _accept(self, listener, peer) -> None:
        loop = asyncio.get_running_loop()
        with listener:
            while True:
                sock, _ = await loop.sock_accept(listener)
                stream = SystemStream(sock, self.clock)
                self._tasks.append(asyncio.ensure_future(self._serve(peer, stream)))

    async def _serve(self, peer, stream) -> None:
        try:
            await peer(stream)
        except NetworkFailure:
            pass
        finally:
            stream.close()

    async def end(self) -> None:
        """Stop every peer."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.fixture(scope="session")
def pki(tmp_path_factory) -> Pki:
    """One authority for the whole run."""
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(params=["memory", "loopback"])
def in_world(request):
    """Run an async check in a world of either kind: `in_world(check)`."""

    def run(check) -> None:
        async def main() -> None:
            world = MemoryWorld() if request.param == "memory" else LoopbackWorld()
            try:
                await check(world)
            finally:
                if isinstance(world, LoopbackWorld):
                    await world.end()

        asyncio.run(main())

    return run
