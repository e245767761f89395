"""One QUIC handshake by aioquic's own client, for the tests that run where the client sits.

Arguments: ADDRESS PORT NAME. Prints one JSON line: the outcome, the protocol, the milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time

from aioquic.asyncio.client import connect
from aioquic.quic.configuration import QuicConfiguration

TIMEOUT_S = 1.0


async def shake(address: str, port: int, name: str) -> dict[str, object]:
    """Handshake, and say how it went."""
    configuration = QuicConfiguration(
        is_client=True, alpn_protocols=["h3"], server_name=name, verify_mode=ssl.CERT_NONE
    )
    started_s = time.perf_counter()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            async with connect(address, port, configuration=configuration) as protocol:
                await protocol.ping()
    except TimeoutError:
        return {"outcome": "timeout"}
    except (ConnectionError, OSError) as error:
        return {"outcome": type(error).__name__}
    return {"outcome": "ok", "ms": 1000 * (time.perf_counter() - started_s)}


if __name__ == "__main__":
    json.dump(asyncio.run(shake(sys.argv[1], int(sys.argv[2]), sys.argv[3])), sys.stdout)
