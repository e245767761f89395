"""The server against things we did not write, and against clients that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from evenfall.server import Limits, serve_pairs

_SIZE = 65_536
_COMMAND = (sys.executable, "-c", "from evenfall.cli import main; main()")


class Running:
    """A server in a thread of its own, for clients that know nothing of asyncio."""

    def __init__(self, state: Path, limits: Limits) -> None:
        self._state, self._limits = state, limits
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()))

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_exc) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        assert not self._thread.is_alive()

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with serve_pairs(
            listen=("127.0.0.1", 0), state=self._state, limits=self._limits
        ) as service:
            self.place = (service.address, service.port)
            self.pin = service.pin
            self.service = service
            self._ready.set()
            await self._stop.wait()


@pytest.fixture
def running(tmp_path):
    """Start servers: `running(limits)`; they end with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda limits=None: stack.enter_context(
            Running(tmp_path / "state", limits or Limits())
        )


def _tls(place, name: str = "video.example") -> ssl.SSLSocket:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    sock = socket.create_connection(place, timeout=10)
    return context.wrap_socket(sock, server_hostname=name)


def _request(**change) -> bytes:
    fields = {"v": "1.0", "op": "get", "bytes": _SIZE, "cap_us": 4_000_000}
    return json.dumps(fields | {"id": secrets.token_hex(16)} | change).encode() + b"\n"


def _read_line(file) -> dict:
    line = file.readline()
    assert line.endswith(b"\n"), line
    return json.loads(line)


def _download(place) -> dict:
    with _tls(place) as tls, tls.makefile("rb") as file:
        tls.sendall(_request())
        assert _read_line(file)["ok"]
        assert len(file.read(_SIZE)) == _SIZE
        tls.sendall(b'{"v":"1.0","body_bytes":65536,"elapsed_us":1}\n')
        return _read_line(file)


def test_pythons_own_ssl_client_can_speak_it_by_hand(running):
    """Innocent: a download with the standard library's blocking sockets, nothing of ours."""
    trailer = _download(running().place)
    assert (trailer["op"], trailer["complete"], trailer["body_bytes"]) == ("get", True, _SIZE)
    if sys.platform == "linux":
        assert trailer["tcp"]["bytes_acked"] >= _SIZE
        assert trailer["tcp"]["congestion_control"]
        assert len(trailer["samples"]) >= 2


def test_an_upload_by_hand(running):
    """Innocent: request and body in one write; the trailer says that all of it came."""
    with _tls(running().place) as tls, tls.makefile("rb") as file:
        tls.sendall(_request(op="put") + os.urandom(_SIZE))
        assert _read_line(file)["ok"]
        trailer = _read_line(file)
    assert (trailer["op"], trailer["complete"], trailer["body_bytes"]) == ("put", True, _SIZE)


def test_bodies_cannot_be_shrunk(running):
    """Nothing on the way gains from compressing a body."""
    import zlib

    with _tls(running().place) as tls, tls.makefile("rb") as file:
        tls.sendall(_request())
        _read_line(file)
        body = file.read(16_384)
    assert len(zlib.compress(body, 9)) > 16_000


def _result(place, transfer_id: str) -> dict:
    with _tls(place, "static.example") as tls, tls.makefile("rb") as file:
        tls.sendall(_request(op="result", id=transfer_id, bytes=0))
        assert _read_line(file)["ok"]
        return _read_line(file)


def _eventually(check) -> None:
    """The server notices a closed connection a moment later, on a busy machine a long one."""
    for _ in range(50):
        try:
            return check()
        except (OSError, AssertionError):
            time.sleep(0.1)
    return check()


def _s_client(openssl: str, place, *options: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [openssl, "s_client", "-connect", f"{place[0]}:{place[1]}", *options],
        input="",
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_openssl_connects_under_any_name_and_sees_our_certificate(running, foreign_tool, tmp_path):
    """Innocent: `openssl s_client -tls1_3` with three names gets the certificate of the state."""
    place = running().place
    ours = (tmp_path / "state" / "certificate.pem").read_text()
    for name in ("youtube.test", "static.example", "xn--80ak6aa92e.com"):
        seen = _s_client(foreign_tool("openssl"), place, "-tls1_3", "-servername", name)
        assert ours.strip() in seen.stdout
        assert "TLSv1.3" in seen.stdout


def test_openssl_with_tls_1_2_is_refused(running, foreign_tool):
    """In TLS 1.2 the certificate would show the server to whoever listens."""
    seen = _s_client(foreign_tool("openssl"), running().place, "-tls1_2")
    assert seen.returncode != 0
    assert "alert protocol version" in seen.stderr
    assert "BEGIN CERTIFICATE" not in seen.stdout


def test_the_pin_is_what_openssl_computes(running, foreign_tool, tmp_path):
    """Innocent: the three openssl commands of the docs give the pin that the server prints."""
    server = running()
    openssl = foreign_tool("openssl")
    pipeline = (
        f"{openssl} x509 -pubkey -noout -in {tmp_path}/state/certificate.pem"
        f" | {openssl} pkey -pubin -outform der | {openssl} dgst -sha256 -binary | base64"
    )
    digest = subprocess.run(["sh", "-c", pipeline], capture_output=True, text=True, check=True)
    assert server.pin == "sha256/" + digest.stdout.strip()


def _still_serves(place) -> None:
    assert _download(place)["complete"]


def test_garbage_leaves_it_standing(running):
    """What is neither TLS nor a GET is closed; the next honest client is served."""
    place = running().place
    for garbage in (b"POST / HTTP/1.1\r\n\r\n", os.urandom(4000), b"\x16\x03\x01\xff\xff" * 10):
        with socket.create_connection(place, timeout=10) as sock, contextlib.suppress(OSError):
            sock.sendall(garbage)
            while sock.recv(4096):
                pass
    _still_serves(place)


def test_a_request_of_the_wrong_kind_gets_one_clear_line(running):
    """Garbage inside TLS, too long, too large, wrong version: a refusal with a code and a text."""
    place = running().place
    cases = {
        b"hello\n": "malformed",
        b"x" * 5000: "malformed",
        _request(bytes=2**21): "malformed",
        _request(v="2.0"): "version",
        _request(op="result"): "unknown_id",
    }
    for line, code in cases.items():
        with _tls(place) as tls, tls.makefile("rb") as file:
            tls.sendall(line)
            answer = _read_line(file)
            assert (answer["ok"], answer["error"]) == (False, code)
            assert answer["text"]
    _still_serves(place)


def _is_given_up(sock) -> None:
    with contextlib.suppress(ConnectionResetError, ssl.SSLEOFError):
        assert sock.recv(10) == b""


def test_half_open_clients_are_given_up(running):
    """No ClientHello, no request, no reading: each ends within its named timeout."""
    server = running(Limits(handshake_timeout_s=0.3, header_timeout_s=0.3, idle_timeout_s=0.3))
    before = time.monotonic()
    with socket.create_connection(server.place, timeout=10) as mute:
        _is_given_up(mute)
    with _tls(server.place) as silent:
        _is_given_up(silent)
    assert time.monotonic() - before < 5
    _still_serves(server.place)


def test_a_slow_reader_is_cut_and_its_result_is_kept(running):
    """A client that stops reading is cut after cap and grace; what the kernel saw can be asked."""
    server = running(Limits(idle_timeout_s=0.3, grace_s=0.2))
    transfer_id = secrets.token_hex(16)
    with socket.create_connection(server.place, timeout=10) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with context.wrap_socket(sock, server_hostname="video.example") as tls:
            tls.sendall(_request(bytes=1_048_576, id=transfer_id, cap_us=500_000))
            time.sleep(1.2)
    trailer = _result(server.place, transfer_id)
    assert trailer["id"] == transfer_id
    assert not trailer["complete"] or trailer["tcp"]["bytes_acked"] < 1_048_576
    _still_serves(server.place)


def test_a_reset_on_the_way_leaves_a_result(running):
    """RST in the middle of a download: the server has samples of it, and no traceback."""
    server = running()
    transfer_id = secrets.token_hex(16)
    tls = _tls(server.place)
    tls.sendall(_request(bytes=1_048_576, id=transfer_id))
    tls.recv(1000)
    tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    tls.close()
    trailer = _result(server.place, transfer_id)
    assert trailer["samples"]
    assert trailer["id"] == transfer_id
    _still_serves(server.place)


def test_bytes_per_address_are_limited_and_come_back(running):
    """The budget of a minute is refused by code, not by slowness."""
    server = running(Limits(bytes_per_minute=2 * _SIZE + 100))
    assert _download(server.place)["complete"]
    assert _download(server.place)["complete"]
    with _tls(server.place) as tls, tls.makefile("rb") as file:
        tls.sendall(_request(op="put") + os.urandom(_SIZE))
        assert _read_line(file)["error"] == "budget"


def test_a_refused_upload_hears_why(running):
    """The refusal is not reset away by the megabyte that is still coming, ten times out of ten."""
    server = running(Limits(bytes_per_minute=1000))
    for _ in range(10):
        with _tls(server.place) as tls, tls.makefile("rb") as file:
            tls.sendall(_request(op="put", bytes=1_048_576) + os.urandom(1_048_576))
            assert _read_line(file)["error"] == "budget"


def test_connections_per_address_are_limited(running):
    """One too many is closed before it costs anything; when one ends, the next gets in."""
    server = running(Limits(connections_per_address=2))
    with contextlib.ExitStack() as held:
        for _ in range(2):
            held.enter_context(socket.create_connection(server.place, timeout=10))
        # The reset may come before connect() has returned.
        with (
            contextlib.suppress(ConnectionResetError),
            socket.create_connection(server.place, timeout=10) as third,
        ):
            _is_given_up(third)
    _eventually(lambda: _still_serves(server.place))


def test_too_many_transfers_are_told_so_at_once(running):
    """Busy is said, never queued: a queue would be measured as slowness."""
    server = running(Limits(transfers=0))
    with _tls(server.place) as tls, tls.makefile("rb") as file:
        tls.sendall(_request())
        assert _read_line(file)["error"] == "busy"


def _evenfall(*arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*_COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def test_the_command_prints_lines_that_paste_and_stops_when_told(tmp_path):
    """Innocent: TOML on stdout, the rest on stderr; SIGTERM ends it with status 0."""
    import tomllib

    process = subprocess.Popen(
        [*_COMMAND, "server", "--listen", "127.0.0.1:0", "--state", str(tmp_path / "s")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        lines = "".join(process.stdout.readline() for _ in range(3))
        (server,) = tomllib.loads(lines)["server"]
        port = int(server["url"].rsplit(":", 1)[1])
        assert _download(("127.0.0.1", port))["complete"]
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert "127.0.0.1" in errors
    pin = _evenfall("server", "--state", str(tmp_path / "s"), "--print-pin")
    assert pin.stdout == server["pin"] + "\n"
    assert json.loads(
        _evenfall("--json", "server", "--state", str(tmp_path / "s"), "--print-pin").stdout
    ) == {"kind": "pin", "pin": server["pin"]}


@pytest.mark.parametrize(
    ("listen", "status", "words"),
    [
        ("127.0.0.1", 2, "ADDR:PORT"),
        ("127.0.0.1:99999", 2, "65535"),
        ("::1:8443", 2, "square brackets"),
        ("example.org:8443", 2, "literal"),
        ("203.0.113.1:8443", 2, "--listen 203.0.113.1:8443"),
    ],
)
def test_what_cannot_be_listened_on_is_one_clear_message(tmp_path, listen, status, words):
    """A wrong address, port or form: usage error, no traceback, nothing on stdout."""
    done = _evenfall("server", "--listen", listen, "--state", str(tmp_path / "s"))
    assert (done.returncode, done.stdout) == (status, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_no_pin_of_a_key_that_is_not_there(tmp_path):
    """A mistyped folder is refused in one line, and no key is made in it."""
    done = _evenfall("server", "--state", str(tmp_path / "typo"), "--print-pin")
    assert done.returncode == 2
    assert "typo" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""
    assert not (tmp_path / "typo").exists()


def test_a_port_in_use_is_named(tmp_path):
    """Somebody else listens there already."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        done = _evenfall("server", "--listen", where, "--state", str(tmp_path / "s"))
    assert done.returncode == 2
    assert where in done.stderr
    assert "in use" in done.stderr


def test_the_plan_listens_and_writes_nothing(tmp_path):
    """Innocent: `--plan` says what would happen and leaves no state behind."""
    state = tmp_path / "s"
    done = _evenfall("--plan", "server", "--listen", "127.0.0.1:0", "--state", str(state))
    assert done.returncode == 0
    assert "Would listen" in done.stderr
    assert not state.exists()


def test_nothing_that_it_writes_names_a_client(running, tmp_path):
    """Canary: after transfers, the state folder holds the key and the certificate alone."""
    _still_serves(running().place)
    assert sorted(p.name for p in (tmp_path / "state").iterdir()) == ["certificate.pem", "key.pem"]
