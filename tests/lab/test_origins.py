"""An origin that withholds its own page, as a virtual host does: to its own name alone."""

from __future__ import annotations

import asyncio
import subprocess

import pytest

from evenfall.infer.blockpage import phrase_in
from evenfall.lab.origins import origin_site, serve_site
from evenfall.lab.pages import BLOCK_PAGE
from evenfall.lab.plan import Endpoint
from evenfall.lab.tcp_server import TcpServer

HOST = "closed.test"


def asked_by_curl(curl: str, field: str, *, refuses: bool) -> bytes:
    """What curl is given for `/1M.bin` with this `Host` field, over plain HTTP."""

    async def main() -> bytes:
        site = origin_site(HOST, rate_bps=None, conduct="withhold" if refuses else "serve")
        server: TcpServer = await serve_site(site, Endpoint("127.0.0.1", 0), None)
        try:
            assert server._server is not None
            port = server._server.sockets[0].getsockname()[1]
            command = [curl, "-s", "-m", "5", "-H", field, f"http://127.0.0.1:{port}/1M.bin"]
            done = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True)
        finally:
            server.close()
        return bytes(done.stdout)

    return asyncio.run(main())


@pytest.mark.parametrize("field", [f"Host: {HOST}", f"Host: {HOST.upper()}:8080", f"hOST:{HOST}"])
def test_it_refuses_its_own_name(foreign_tool, field: str) -> None:
    """The page is one that `check` takes for a block page, or the case would show nothing."""
    body = asked_by_curl(foreign_tool("curl"), field, refuses=True)
    assert body == BLOCK_PAGE
    assert phrase_in(body.decode()) is not None


def test_any_other_name_and_any_other_site_gets_the_page(foreign_tool) -> None:
    """A neutral name at a site that refuses, and the own name at one that does not: 1 MiB."""
    curl = foreign_tool("curl")
    for field, refuses in (("Host: news.test", True), (f"Host: {HOST}", False), ("Host:", True)):
        assert len(asked_by_curl(curl, field, refuses=refuses)) == 1 << 20
