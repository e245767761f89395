"""Plain HTTP on the server's one port: one small page, whatever the `Host`; see `wire.plain`."""

from __future__ import annotations

from evenfall.net.api import Clock, NetworkFailure, Stream
from evenfall.wire import plain

__all__ = ["answer_plainly"]


async def answer_plainly(stream: Stream, first: bytes, *, clock: Clock, timeout_s: float) -> None:
    """Read the rest of one request head and answer it; the caller closes.

    Args:
        stream: the accepted connection.
        first: bytes that were read already.
        clock: the server's.
        timeout_s: for head and answer together.

    Raises:
        NetworkFailure: the client went away or was too slow, or it is no request that is answered
            (`http_invalid_response` of the read).
    """
    deadline_s = clock.monotonic_s() + timeout_s
    head = first
    while plain.HEAD_END not in head:
        room_bytes = plain.HEAD_BYTES_MAX - len(head)
        left_s = deadline_s - clock.monotonic_s()
        if room_bytes <= 0 or left_s <= 0:
            raise NetworkFailure("http_invalid_response", "read")
        data = await stream.read(room_bytes, timeout_s=left_s)
        if not data:
            raise NetworkFailure("eof_error", "read")
        head += data
    answer = plain.answer_to(head)
    if answer is None:
        raise NetworkFailure("http_invalid_response", "read")
    await stream.write(answer, timeout_s=max(0.0, deadline_s - clock.monotonic_s()))
