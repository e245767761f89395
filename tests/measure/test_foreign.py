"""The steps against servers that we did not write: nginx and dnsmasq, on loopback.

nginx serves TLS, HTTP/2, redirects, a rate limit and connections closed without an answer; dnsmasq
answers with a zone, with lies and with NXDOMAIN. Both run in a temporary folder, as children of the
test, and end with it. More than half of the cases are innocent.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import http.server
import random
import socket
import subprocess
import threading
import time

import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from evenfall.measure.dns import look_up
from evenfall.measure.doh import DohServer, Question, doh_context, look_up_inside_tls
from evenfall.measure.http import get
from evenfall.measure.mtproto import ask_for_key
from evenfall.measure.round import Round
from evenfall.measure.tcp import connect
from evenfall.measure.tls import handshake, unchecked_context, verifying_context
from evenfall.model.target import Target
from evenfall.model.vocabulary import Role
from evenfall.net.sockets import SystemNetwork

pytestmark = pytest.mark.foreign

TARGET = Target(target_id="video/front", url="https://video.test/", role=Role.TARGET)
HERE = "127.0.0.1"
RNG = random.Random(1)  # noqa: S311 (query ids)
PAGE = b"<html><title>Foreign page</title>" + b"x" * 40_000 + b"</html>"

CONFIGURATION = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2;
  fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  default_type text/html;
  server {{ listen 127.0.0.1:{plain}; root {folder}/www;
    location /444 {{ return 444; }}
    location /30x {{ return 302 http://elsewhere.test/there; }}
    location /loop {{ return 301 /loop; }}
    location /451 {{ return 451; }}
    location /slow {{ limit_rate 1k; alias {folder}/www/; index index.html; }} }}
  server {{ listen 127.0.0.1:{tls} ssl http2; root {folder}/www; server_name video.test;
    ssl_certificate {good[0]}; ssl_certificate_key {good[1]};
    add_header Alt-Svc 'h3=":{tls}"; ma=86400';
    location /dns-query {{ proxy_pass http://127.0.0.1:{backend}; }} }}
  server {{ listen 127.0.0.1:{tls} ssl; server_name expired.test;
    ssl_certificate {expired[0]}; ssl_certificate_key {expired[1]}; }}
  server {{ listen 127.0.0.1:{tls} ssl; server_name refused.test; ssl_reject_handshake on; }}
  server {{ listen 127.0.0.1:{doh} ssl http2;
    ssl_certificate {address[0]}; ssl_certificate_key {address[1]};
    location /dns-query {{ proxy_pass http://127.0.0.1:{backend}; }}
    location /elsewhere {{ return 403; }} }}
}}
"""


class _Backend(http.server.BaseHTTPRequestHandler):
    """Answers DNS messages behind nginx, by dnspython."""

    def do_POST(self) -> None:
        wire = self.rfile.read(int(self.headers["Content-Length"]))
        reply = dns.message.make_response(dns.message.from_wire(wire))
        name = reply.question[0].name
        if reply.question[0].rdtype == dns.rdatatype.A:
            reply.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "8.8.8.8"))
        body = reply.to_wire()
        self.send_response(200)
        self.send_header("Content-Type", "application/dns-message")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


def _free_port() -> int:
    with socket.create_server((HERE, 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def _running(*command: str, ready):
    """A child of ours, ended with the test."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            for _ in range(200):
                if process.poll() is not None:
                    raise AssertionError(process.stdout.read().decode())
                if ready():
                    break
                time.sleep(0.02)  # another program's start: there is no clock to turn
            yield
        finally:
            process.terminate()


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((HERE, port), timeout=0.2):
        return True
    return False


@pytest.fixture(scope="module")
def nginx(foreign_tool, issuer, tmp_path_factory):
    """Ports of an nginx: plain, tls, doh."""
    program = foreign_tool("nginx")
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "www").mkdir()
    (folder / "www" / "index.html").write_bytes(PAGE)
    ports = {name: _free_port() for name in ("plain", "tls", "doh", "backend")}
    text = CONFIGURATION.format(
        folder=folder, **ports, good=issuer.paths("video.test"), address=issuer.paths(HERE),
        expired=issuer.paths("expired.test", expired=True),
    )  # fmt: skip
    (folder / "nginx.conf").write_text(text)
    backend = http.server.ThreadingHTTPServer((HERE, ports["backend"]), _Backend)
    serving = threading.Thread(target=backend.serve_forever, daemon=True)
    serving.start()
    command = (program, "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf")
    try:
        with _running(*command, ready=lambda: _accepts(ports["plain"])):
            yield ports
    finally:
        backend.shutdown()
        backend.server_close()
        serving.join()


def fetch(port, path="/", *, sni=None, host="video.test", context=None, time_s=3.0, cap=262_144):
    """Connect, shake hands if there is a name to send, and fetch: (tls, exchange)."""

    async def main():
        network = SystemNetwork()
        round_ = Round("r", network.clock)
        where = {"host": host, "address": HERE, "port": port}
        _, stream, meter = await connect(network, round_, TARGET, timeout_s=2.0, **where)
        tls = None
        if sni is not None:
            tls, stream = await handshake(
                stream, meter, round_, TARGET, sni=sni, context=context, timeout_s=2.0, **where
            )
            if stream is None:
                return tls, None
        exchange = await get(
            stream, meter, round_, TARGET, path=path, sni=sni, body_bytes_max=cap,
            time_max_s=time_s, **where,
        )  # fmt: skip
        return tls, exchange

    return asyncio.run(main())


def test_nginx_over_tls(nginx, issuer):
    """Innocent: nginx's page, title, length, and its word that it speaks HTTP/3 here."""
    context = verifying_context(str(issuer.ca_file))
    tls, exchange = fetch(nginx["tls"], sni="video.test", context=context)
    seen = exchange.observation
    assert tls.failure is None
    assert (seen.status_code, seen.failure, seen.title) == (200, None, "Foreign page")
    assert (seen.body_bytes, seen.size_bytes, seen.offers_quic) == (len(PAGE), len(PAGE), True)
    assert exchange.headers["server"].startswith("nginx")


@pytest.mark.parametrize(
    ("name", "failure"),
    [("expired.test", "ssl_invalid_certificate"), ("refused.test", "ssl_failed_handshake"),
     ("other.test", "ssl_invalid_hostname")],
)  # fmt: skip
def test_nginx_refuses_names(nginx, issuer, name, failure):
    """An expired certificate, an alert for the name, another site's certificate: three codes."""
    context = verifying_context(str(issuer.ca_file))
    tls, exchange = fetch(nginx["tls"], sni=name, context=context)
    assert (tls.failure, tls.operation, exchange) == (failure, "tls_handshake", None)


def test_a_neutral_name_at_nginx(nginx):
    """Innocent: somebody else's name goes through where nothing is checked."""
    tls, _ = fetch(nginx["tls"], sni="neutral.test", context=unchecked_context())
    assert tls.failure is None


@pytest.mark.parametrize(
    ("path", "status", "failure", "location"),
    [("/", 200, None, ""), ("/30x", 302, None, "http://elsewhere.test/there"),
     ("/444", None, "eof_error", ""), ("/451", 451, "http_request_failed", ""),
     ("/none", 404, "http_request_failed", "")],
)  # fmt: skip
def test_nginx_in_the_open(nginx, path, status, failure, location):
    """A page, a redirect, an end without an answer, and two errors."""
    _, exchange = fetch(nginx["plain"], path)
    seen = exchange.observation
    assert (seen.status_code, seen.failure, exchange.location) == (status, failure, location)
    assert seen.offers_quic is None


def test_nginx_at_a_kilobyte_a_second(nginx):
    """A slow server is cut by the time, and what came is the data."""
    _, exchange = fetch(nginx["plain"], "/slow/", time_s=1.2)
    seen = exchange.observation
    assert (seen.capped, seen.failure) == (True, None)
    assert 0 < seen.body_bytes < 10_000
    assert seen.duration_us < 1_500_000


def test_telegram_is_not_nginx(nginx):
    """A web server is no endpoint of Telegram's protocol, and says so in its own way."""

    async def main():
        network = SystemNetwork()
        round_ = Round("r", network.clock)
        where = {"host": HERE, "address": HERE, "port": nginx["plain"]}
        _, stream, meter = await connect(network, round_, TARGET, timeout_s=2.0, **where)
        return await ask_for_key(stream, meter, round_, TARGET, rng=RNG, timeout_s=2.0, **where)

    assert asyncio.run(main()).failure == "mtproto_invalid_response"


@pytest.mark.parametrize(
    ("path", "failure"), [("dns-query", None), ("elsewhere", "http_request_failed")]
)
def test_doh_through_nginx(nginx, issuer, path, failure):
    """Innocent: nginx's HTTP/2, its certificate for the address; an error page is no answer."""

    async def main():
        network = SystemNetwork()
        server = DohServer(
            url=f"https://{HERE}:{nginx['doh']}/{path}", resolver="",
            context=doh_context(str(issuer.ca_file)),
        )  # fmt: skip
        questions = [
            Question(target=TARGET, host=f"name{i}.test", family=family)
            for i in range(6)
            for family in (4, 6)
        ]
        return await look_up_inside_tls(
            network, Round("r", network.clock), questions, server=server, rng=RNG
        )

    seen = asyncio.run(main())
    assert len(seen) == 12
    expected = {4: failure, 6: failure or "dns_no_answer"}
    assert all(o.failure == expected[o.family] for o in seen)
    if failure is None:
        assert {o.answers for o in seen if o.family == 4} == {("8.8.8.8",)}
    assert sum(o.wire_bytes for o in seen) < 20_000


@contextlib.contextmanager
def dnsmasq(program, *options):
    """A dnsmasq that knows nothing but its options: its endpoint."""
    port = _free_port()
    command = (
        program, "--no-daemon", "--no-resolv", "--no-hosts", "--conf-file=/dev/null",
        f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces", "--pid-file=",
        f"--user={getpass.getuser()}", *options,
    )  # fmt: skip
    with _running(*command, ready=lambda: _accepts(port)):
        yield f"{HERE}:{port}"


def ask(endpoint, host="video.test", *, family=4):
    """One lookup there: (answers, failure, responses)."""

    async def main():
        network = SystemNetwork()
        return await look_up(
            network, Round("r", network.clock), TARGET, host, resolver="system",
            endpoint=endpoint, family=family, rng=RNG, timeout_s=1.0,
        )  # fmt: skip

    (seen,) = asyncio.run(main())
    return seen.answers, seen.failure, seen.responses


def test_dnsmasq_tells_the_truth(foreign_tool):
    """Innocent: its zone, a name of one family only, and a name that does not exist."""
    with dnsmasq(
        foreign_tool("dnsmasq"), "--host-record=video.test,8.8.8.8", "--local=/test/"
    ) as at:
        assert ask(at) == (("8.8.8.8",), None, 1)
        assert ask(at, family=6) == (None, "dns_no_answer", 1)
        assert ask(at, "gone.test") == (None, "dns_nxdomain_error", 1)
        assert ask(at, "elsewhere.example") == (None, "dns_refused_error", 1)


def test_two_dnsmasq_disagree(foreign_tool):
    """One resolver lies about a name, or denies it; the other does not."""
    program = foreign_tool("dnsmasq")
    with (
        dnsmasq(program, "--address=/video.test/10.10.34.35", "--address=/social.test/") as liar,
        dnsmasq(
            program, "--address=/video.test/8.8.8.8", "--address=/social.test/8.8.4.4"
        ) as other,
    ):
        assert ask(liar) == (("10.10.34.35",), "dns_bogon_error", 1)
        assert ask(other) == (("8.8.8.8",), None, 1)
        assert ask(liar, "social.test") == (None, "dns_nxdomain_error", 1)
        assert ask(other, "social.test") == (("8.8.4.4",), None, 1)
