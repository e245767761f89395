"""The outside view over real sockets, with a site that is not ours, and the command's options."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import subprocess
import sys
import threading

from evenfall.measure.outside import Question, look
from evenfall.measure.round import Round
from evenfall.measure.transfer import PairServer
from evenfall.model.target import Target
from evenfall.model.vocabulary import Fact, Role
from evenfall.net.sockets import SystemNetwork
from evenfall.server import AllowList, LookPolicy, serve_pairs

_COMMAND = (sys.executable, "-c", "from evenfall.cli import main; main()", "server")


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<title>Local</title>" + bytes(100_000)
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args) -> None:
        pass


@contextlib.contextmanager
def _site():
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    try:
        yield site.server_address[1]
    finally:
        site.shutdown()
        thread.join()
        site.server_close()


async def _look(tmp_path, port, networks):
    hosts = AllowList(hosts={"localhost": frozenset({port})})
    looks = LookPolicy(hosts=hosts, networks=networks)
    network = SystemNetwork()
    async with serve_pairs(listen=("127.0.0.1", 0), state=tmp_path / "s", looks=looks) as service:
        target = Target(target_id="a/b", url=f"http://localhost:{port}/", role=Role.TARGET)
        place = PairServer(address="127.0.0.1", port=service.port, pin=service.pin)
        questions = [Question(target, "localhost", ())]
        return await look(
            network, place, Round("r", network.clock), questions, sni="n.example", timeout_s=20
        )


def test_a_site_on_this_machine_looked_at_over_real_sockets(tmp_path):
    """Innocent: Python's own web server, where the program that starts it allows loopback."""
    with _site() as port:
        seen = asyncio.run(_look(tmp_path, port, ("127.0.0.0/8",)))
    page = next(o for o in seen if o.fact is Fact.HTTP_EXCHANGE)
    assert (page.status_code, page.title, page.body_bytes) == (200, "Local", 100_020)
    assert page.goodput_bps > 1e6
    assert seen[0].failure is None


def test_without_that_loopback_is_not_visited_even_if_listed(tmp_path):
    """The same question to a server as anybody would start it."""
    with _site() as port:
        seen = asyncio.run(_look(tmp_path, port, ()))
    assert {o.fact for o in seen} == {Fact.OUTSIDE_VIEW, Fact.DNS_LOOKUP}
    assert "dns_bogon_error" in {o.failure for o in seen}


def _plan(tmp_path, *options):
    return subprocess.run(
        [*_COMMAND, "--plan", "--json", "--listen", "127.0.0.1:0", "--state", tmp_path, *options],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_plan_says_what_would_be_looked_at(tmp_path):
    """Innocent: the built-in hosts; an operator's; none."""
    (tmp_path / "hosts").write_text("video.example\n")
    (tmp_path / "none").write_text("")
    assert "*.youtube.com" in json.loads(_plan(tmp_path).stdout)["looks_at"]
    own = _plan(tmp_path, "--look-at", tmp_path / "hosts")
    assert json.loads(own.stdout)["looks_at"] == ["video.example"]
    assert "1 names on its list" in own.stderr
    assert "no site for others" in _plan(tmp_path, "--look-at", tmp_path / "none").stderr


def test_a_bad_list_is_refused_before_anything_listens(tmp_path):
    """The line is named; nothing was made."""
    (tmp_path / "hosts").write_text("https://video.example/\n")
    said = _plan(tmp_path, "--look-at", tmp_path / "hosts")
    assert said.returncode == 1
    assert "line 1" in said.stderr
