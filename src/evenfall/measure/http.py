"""One GET over an open stream, with a byte cap and a time cap.

A body cut by either cap is data: the bytes so far over the time so far. What had arrived of a TLS
record that was not yet complete counts as arrived (a record of 16 KB takes a second at 128 kbit/s),
though it is in no hash. A head that is not complete when time is up is no answer, however slowly it
still comes: `stalled`. The observation holds
status, bytes, body hash, title, goodput and the byte curve; what a rule may want beside them (the
page's words, where it redirects, the server's date) travels in the `Exchange`, and is committed to
by the body hash.
"""

from __future__ import annotations

import email.utils
import hashlib
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from evenfall.measure.curve import ByteCurve
from evenfall.measure.round import SEGMENT_OVERHEAD_BYTES, Meter, Moment, Round
from evenfall.model.observation import Observation
from evenfall.model.target import Target
from evenfall.model.vocabulary import Direction, Fact
from evenfall.net.api import NetworkFailure, Stream, TcpInfo
from evenfall.wire.altsvc import offers_h3
from evenfall.wire.http1 import ResponseReader, request

__all__ = ["Exchange", "get"]

_READ_BYTES_MAX = 65_536
_TEXT_BYTES_MAX = 16_384  # of the page are kept to look for a title and for a block page's words
_TITLE_CHARS_MAX = 200
_WINDOW_BYTES = 98_304  # `probe.budget.RECEIVE_BUFFER_BYTES`: no more can be on its way unasked
_FIRST_WINDOW_BYTES = 14_600
_SEGMENT_PAYLOAD_BYTES = 1448
_DOUBLING_SHARE = 0.2  # of all bytes in the last round trip: the rate is still growing
_RECORD_BYTES = 16_384 + 22
_TLS_EXTRA_BYTES = 600  # session tickets and a record's frame
_STALL_S = 3.0  # silent for this long at the end of the time allowed: it stopped, it did not crawl
_DATE_YEARS = (1990, 2100)
_MICROSECOND = datetime.resolution


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """What one GET brought.

    Attributes:
        observation: the fact.
        text: the first 16 KiB of the body as text (empty if it is not text).
        location: value of `Location` of a 3xx answer, else empty.
        date_us: the server's `Date`, µs since 1970 UTC; None if it sent none.
        date_read_us: our wall clock when the head arrived.
        headers: fields of the answer, names in lower case.
    """

    observation: Observation
    text: str = ""
    location: str = ""
    date_us: int | None = None
    date_read_us: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)


class _Body:
    """Counts, hashes and times a body while it arrives."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.bytes_count = 0
        self.head = b""
        self.curve = ByteCurve()
        self.last_us = 0
        self._hash = hashlib.sha256()

    def add(self, piece: bytes, at_us: int) -> None:
        piece = piece[: self.bytes_max - self.bytes_count]
        if not piece:
            return
        self._hash.update(piece)
        self.head += piece[: _TEXT_BYTES_MAX - len(self.head)]
        self.bytes_count += len(piece)
        self.last_us = at_us
        self.curve.add(at_us, self.bytes_count)

    @property
    def full(self) -> bool:
        return self.bytes_count >= self.bytes_max

    def digest(self) -> str:
        return self._hash.hexdigest()


async def get(
    stream: Stream,
    meter: Meter,
    round_: Round,
    target: Target,
    *,
    host: str,
    path: str,
    address: str,
    port: int,
    sni: str | None,
    body_bytes_max: int,
    time_max_s: float,
) -> Exchange:
    """Ask for `path` with `Host: host`, and read at most `body_bytes_max` in `time_max_s`.

    The stream is closed afterwards. Failures are in the observation; nothing is raised.
    """
    start = round_.now()
    reader, body = ResponseReader(), _Body(body_bytes_max)
    before_bytes = stream.bytes_read
    fields: dict[str, Any] = {
        "host": host,
        "address": address,
        "port": port,
        "family": 6 if ":" in address else 4,
        "sni": sni,
        "direction": Direction.DOWNLOAD,
    }
    try:
        message = request(_host_field(host, port, is_tls=sni is not None), path)
        await stream.write(message, timeout_s=time_max_s)
        progress = await _read(stream, round_, start, reader, body, time_max_s)
    except NetworkFailure as failure:
        progress = _Progress(failure=failure.code, operation=failure.operation)
    if progress.capped and sni is not None:
        pending = stream.bytes_read - before_bytes - progress.app_bytes - _TLS_EXTRA_BYTES
        progress.pending_bytes = max(0, min(pending, _RECORD_BYTES))
    observation = _observed(round_, target, start, reader, body, progress, meter, stream, fields)
    stream.abort()  # what is still on its way is of no use to us, and costs the person
    return Exchange(
        observation=observation,
        text=_text_of(body.head, reader.headers.get("content-type", "")),
        location=reader.headers.get("location", "") if _is_redirect(reader.status) else "",
        date_us=_date_us(reader.headers.get("date", "")),
        date_read_us=start.wall_us + progress.head_us,
        headers=reader.headers,
    )


@dataclass
class _Progress:
    """How the reading went."""

    failure: str | None = None
    operation: str | None = None
    capped: bool = False
    first_us: int | None = None
    head_us: int = 0
    elapsed_us: int = 0
    ended: bool = False
    app_bytes: int = 0
    pending_bytes: int = 0


async def _read(
    stream: Stream,
    round_: Round,
    start: Moment,
    reader: ResponseReader,
    body: _Body,
    time_max_s: float,
) -> _Progress:
    """Read until the response, the byte cap, the time cap or the connection ends."""
    progress = _Progress()
    while not (reader.done or reader.failed or body.full):
        left_s = time_max_s - round_.since_us(start) / 1e6
        if left_s <= 0:
            progress.capped = True
            break
        try:
            data = await stream.read(_READ_BYTES_MAX, timeout_s=left_s)
        except NetworkFailure as failure:
            if failure.code == "generic_timeout_error":
                progress.capped = True
            elif failure.code == "eof_error" and reader.status is not None:
                progress.ended = True
                reader.end()  # many servers end TLS without close_notify; the framing decides
            else:
                progress.failure, progress.operation = failure.code, failure.operation
            break
        at_us = round_.since_us(start)
        progress.app_bytes += len(data)
        if data:
            progress.first_us = at_us if progress.first_us is None else progress.first_us
            had_head = reader.status is not None
            body.add(reader.feed(data), at_us)
            if not had_head and reader.status is not None:
                progress.head_us = at_us
        else:
            progress.ended = True
            reader.end()
    progress.elapsed_us = round_.since_us(start)
    return progress


def _observed(
    round_: Round,
    target: Target,
    start: Moment,
    reader: ResponseReader,
    body: _Body,
    progress: _Progress,
    meter: Meter,
    stream: Stream,
    fields: dict[str, Any],
) -> Observation:
    elapsed_us = progress.elapsed_us or round_.since_us(start)
    failure, operation = _failure(reader, body, progress, elapsed_us)
    used_us = elapsed_us if progress.capped or failure else body.last_us
    info = stream.tcp_info()
    arrived_bytes = body.bytes_count
    if reader.status is not None:
        arrived_bytes += progress.pending_bytes
    goodput_bps = round(arrived_bytes * 8_000_000 / used_us) if used_us > 0 else 0
    stopped = (body.full or progress.capped) and not reader.done
    coming_bytes = (
        _coming_bytes(body.curve.points(), info, capped=progress.capped) if stopped else 0
    )
    return round_.observe(
        Fact.HTTP_EXCHANGE,
        target,
        start,
        duration_us=elapsed_us,
        failure=failure,
        operation=operation,
        first_byte_us=progress.first_us,
        status_code=reader.status,
        body_bytes=arrived_bytes,
        body_sha256=body.digest() if body.bytes_count else None,
        title=_title(_text_of(body.head, reader.headers.get("content-type", ""))),
        size_bytes=reader.content_length,
        goodput_bps=goodput_bps,
        capped=progress.capped,
        offers_quic=_offers_quic(reader, fields),
        rtt_min_us=info.rtt_min_us,
        rtt_us=info.rtt_us,
        curve=body.curve.points() or None,
        wire_bytes=meter.spent(in_flight_bytes=coming_bytes),
        **fields,
    )


def _offers_quic(reader: ResponseReader, fields: dict[str, Any]) -> bool | None:
    """Whether the answer says so; None if there is no answer, or it came in the open."""
    if reader.status is None or fields["sni"] is None:
        return None
    value = reader.headers.get("alt-svc", "")
    return offers_h3(value, host=fields["host"], port=fields["port"])


def _coming_bytes(curve: tuple[tuple[int, int], ...], info: TcpInfo, *, capped: bool) -> int:
    """IP bytes that are on their way when we stop reading, and still cost the line.

    What the mean rate puts into a round trip, the queue included; but while slow start doubles it,
    twice what came in the last trip. Never more than the window. A slow line without loss has a
    queue that our own round trips, seen only at the beginning, do not tell of.
    """
    trip_us = max(info.receiver_rtt_us or 0, info.rtt_us or 0)
    if capped and not curve and info.segments_out_of_order == 0:
        return _FIRST_WINDOW_BYTES  # the answer, or its beginning, stands in a queue
    if not curve or not trip_us:
        return 0
    end_us, end = curve[-1]
    last_trip = end - next((n for t, n in reversed(curve) if t <= end_us - trip_us), 0)
    doubling = not capped and last_trip > _DOUBLING_SHARE * end
    coming = 2 * last_trip if doubling else end * trip_us // max(1, end_us)
    if capped and info.segments_out_of_order == 0:
        # Nothing was lost yet, so slow start goes on: what we have taken was answered by as much
        # again, and it stands in a queue before the line, beyond the first window (RFC 6928).
        coming = max(coming, _FIRST_WINDOW_BYTES + end)
    coming = min(_WINDOW_BYTES, coming)
    return coming + coming // _SEGMENT_PAYLOAD_BYTES * SEGMENT_OVERHEAD_BYTES


def _failure(
    reader: ResponseReader, body: _Body, progress: _Progress, elapsed_us: int
) -> tuple[str | None, str | None]:
    """Failure code and operation. A body cut by a cap is no failure unless it had stopped."""
    if progress.failure:
        return progress.failure, progress.operation
    if progress.capped:
        if progress.first_us is None:
            return "generic_timeout_error", "read"
        if reader.status is None:
            return "stalled", "read"  # no whole head in all the time: no answer, however it drips
        if progress.pending_bytes:
            return None, None  # a record was on its way
        silent_s = (elapsed_us - max(body.last_us, progress.first_us)) / 1e6
        return ("stalled", "read") if silent_s >= _STALL_S else (None, None)
    if reader.failed:
        return ("eof_error" if progress.ended else "http_invalid_response"), "read"
    if reader.status is not None and reader.status >= 400:
        return "http_request_failed", "read"
    return None, None


def _host_field(host: str, port: int, *, is_tls: bool) -> str:
    """What `Host` says: the port only where it is not the scheme's own (RFC 9110 §7.2)."""
    name = f"[{host}]" if ":" in host else host
    return name if port == (443 if is_tls else 80) else f"{name}:{port}"


def _is_redirect(status: int | None) -> bool:
    return status in (301, 302, 303, 307, 308)


def _text_of(head: bytes, content_type: str) -> str:
    if content_type and not content_type.startswith(("text/", "application/xhtml")):
        return ""
    found = re.search(r"charset=[\"']?([\w-]+)", content_type)
    try:
        return head.decode(found.group(1) if found else "utf-8", errors="replace")
    except (LookupError, UnicodeError):  # no such codec, or one that cannot replace
        return head.decode("utf-8", errors="replace")


def _title(text: str) -> str | None:
    found = re.search(r"<title[^>]*>([^<]*)", text, flags=re.IGNORECASE)
    if not found:
        return None
    return " ".join(html.unescape(found.group(1)).split())[:_TITLE_CHARS_MAX]


def _date_us(value: str) -> int | None:
    if not value:
        return None
    try:
        stamp = email.utils.parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if stamp.tzinfo is None:
        stamp = stamp.replace(tzinfo=UTC)
    if not _DATE_YEARS[0] <= stamp.year < _DATE_YEARS[1]:
        return None
    return (stamp - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND
