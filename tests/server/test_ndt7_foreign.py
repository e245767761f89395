"""M-Lab's own browser client, @m-lab/ndt7 from npm, in headless Chromium against our server.

The package is fetched into a temporary folder by the machine's npm and never kept. Between the two
lies a relay that lets 40 Mbit/s through, so that there is a rate to be found.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import os
import queue
import socket
import subprocess
import tarfile
import tempfile
import threading

import pytest

from evenfall.server import Limits, serve_pairs

_PACKAGE = "@m-lab/ndt7@0.1.4"
_RATE_BPS = 40e6
_CAP_BYTES = 12 * 2**20
_NPM_S, _BROWSER_S = 60, 60

_PAGE = """<!doctype html><script src="ndt7.js"></script><script>
const seen = {errors: [], serverMessages: {download: 0, upload: 0}, last: {}};
const count = (test) => (m) => { if (m.Source === 'server') seen.serverMessages[test] += 1; };
const keep = (test) => (m) => { seen.last[test] = m; };
ndt7.test(
  {server: '127.0.0.1:PORT', protocol: 'wss', mlabDataPolicyInapplicable: true,
   downloadworkerfile: 'ndt7-download-worker.js', uploadworkerfile: 'ndt7-upload-worker.js',
   metadata: {client_name: 'evenfall-test'}},
  {error: (e) => seen.errors.push(String(e)),
   downloadMeasurement: count('download'), uploadMeasurement: count('upload'),
   downloadComplete: keep('download'), uploadComplete: keep('upload')},
).then((code) => { seen.code = code; })
 .catch((e) => { seen.errors.push(String(e)); })
 .finally(() => fetch('/result', {method: 'POST', body: JSON.stringify(seen)}));
</script>"""


def _fetch_package(npm, folder):
    """The package's source, or the test is named as not run."""
    got = subprocess.run(
        [npm, "pack", _PACKAGE, "--pack-destination", folder, "--loglevel", "error"],
        cwd=folder, capture_output=True, text=True, timeout=_NPM_S, check=False,
    )  # fmt: skip
    packed = sorted(folder.glob("*.tgz"))
    if got.returncode != 0 or not packed:
        pytest.skip(f"not run: npm could not fetch {_PACKAGE}")
    with tarfile.open(packed[0]) as archive:
        # Python 3.11.2 knows no filter; the registry's client has checked what it fetched.
        safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(folder, **safe)  # noqa: S202 (checked by npm)
    return folder / "package" / "src"


@contextlib.contextmanager
def _page(source, port):
    """Serves the page and the package; yields its address and the queue of results."""
    results: queue.Queue = queue.Queue()
    page = _PAGE.replace("PORT", str(port)).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.lstrip("/")
            body = page if not name else b""
            if name in ("ndt7.js", "ndt7-download-worker.js", "ndt7-upload-worker.js"):
                body = (source / name).read_bytes()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/javascript" if name else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            results.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_args) -> None:
            pass

    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{site.server_address[1]}/", results
    finally:
        site.shutdown()
        thread.join()
        site.server_close()


async def _pace(reader, writer):
    """Copy at the rate, then end the other direction."""
    loop = asyncio.get_running_loop()
    free_s = loop.time()
    with contextlib.suppress(OSError):
        while data := await reader.read(16_384):
            free_s = max(free_s, loop.time()) + len(data) * 8 / _RATE_BPS
            await asyncio.sleep(max(0.0, free_s - loop.time()))
            writer.write(data)
            await writer.drain()
        writer.write_eof()


def _small_socket():
    """A socket that takes little ahead, so that load cannot hide in it."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
    return sock


async def _relayed(there, reader, writer):
    sock = _small_socket()
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", there))
    other_reader, other_writer = await asyncio.open_connection(sock=sock, limit=65_536)
    try:
        await asyncio.gather(_pace(reader, other_writer), _pace(other_reader, writer))
    finally:
        writer.close()
        other_writer.close()


async def _browse(chromium, source, folder):
    """The result of one run of the browser."""
    limits = Limits(ndt7_bytes=_CAP_BYTES)
    async with serve_pairs(listen=("127.0.0.1", 0), state=folder / "s", limits=limits) as service:
        listener = _small_socket()
        listener.bind(("127.0.0.1", 0))
        relay = await asyncio.start_server(
            lambda r, w: _relayed(service.port, r, w), sock=listener, limit=65_536
        )
        port = relay.sockets[0].getsockname()[1]
        with _page(source, port) as (url, results), tempfile.TemporaryDirectory() as scraps:
            browser = await asyncio.create_subprocess_exec(
                chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", "--disable-component-update",
                "--disable-dev-shm-usage", f"--user-data-dir={folder / 'profile'}",
                # The browser trusts this key alone: our pin, as Chromium computes it.
                f"--ignore-certificate-errors-spki-list={service.pin.removeprefix('sha256/')}",
                url,
                env={**os.environ, "HOME": str(folder), "TMPDIR": scraps},
                stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            try:
                return await asyncio.to_thread(results.get, timeout=_BROWSER_S)
            finally:
                browser.terminate()
                await browser.wait()
                relay.close()


@pytest.mark.foreign
def test_mlabs_client_in_chromium(foreign_tool, tmp_path):
    """Innocent: download and upload end without an error, and both ends agree on the rate."""
    npm, chromium = foreign_tool("npm"), foreign_tool("chromium")
    source = _fetch_package(npm, tmp_path)
    seen = asyncio.run(_browse(chromium, source, tmp_path))
    assert seen["errors"] == []
    assert seen["code"] == 0
    for test, counter in (("download", "BytesAcked"), ("upload", "BytesReceived")):
        assert seen["serverMessages"][test] >= 3
        server = seen["last"][test]["LastServerMeasurement"]
        client_mbps = seen["last"][test]["LastClientMeasurement"]["MeanClientMbps"]
        # What the kernel counted, as ndt7 wants it: bytes over µs are Mbit/s.
        server_mbps = server["TCPInfo"][counter] * 8 / server["TCPInfo"]["ElapsedTime"]
        assert server["AppInfo"]["NumBytes"] > 0.8 * _CAP_BYTES
        assert 0.4 * _RATE_BPS / 1e6 < client_mbps < 1.15 * _RATE_BPS / 1e6, test
        assert client_mbps == pytest.approx(server_mbps, rel=0.3), test
