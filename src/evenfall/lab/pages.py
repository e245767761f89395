"""What the lab's web servers say: bytes of pages, bodies and responses, no sockets.

Every role's content is alike in kind (a short page with a title, 1 MiB that no compression makes
smaller), so that content does not tell scenarios or roles apart.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import random

__all__ = [
    "BLOCK_PAGE",
    "BODY_BYTES",
    "GEO_PAGE",
    "OUT_OF_ORDER_PAGE",
    "PORTAL_PAGE",
    "block_page_response",
    "http_date",
    "large_body",
    "page",
    "response",
]

BODY_BYTES = 1 << 20

BLOCK_PAGE = (
    b"<!doctype html><html><head><meta charset='utf-8'><title>Access restricted</title></head>"
    b"<body><h1>Access to this resource is restricted</h1>"
    b"<p>The page you asked for is not available on this network.</p></body></html>\n"
)
"""A block page that fits in one packet; the words are nobody's in particular."""

GEO_PAGE = (
    b"<!doctype html><html><head><meta charset='utf-8'><title>Not available here</title></head>"
    b"<body><h1>We do not serve your country</h1>"
    b"<p>Our licence does not cover the country that you connect from.</p></body></html>\n"
)
"""A site's own refusal by country, with status 451 (RFC 7725) under its own certificate."""

OUT_OF_ORDER_PAGE = (
    b"<!doctype html><html><head><meta charset='utf-8'><title>Out of order</title></head>"
    b"<body><h1>We are working on it</h1></body></html>\n"
)

PORTAL_PAGE = (
    b"<!doctype html><html><head><meta charset='utf-8'><title>Welcome</title></head>"
    b"<body><h1>Sign in to use this network</h1>"
    b"<form method='post'><input name='room'><button>Go on</button></form></body></html>\n"
)
"""What a hotel's network shows before one has signed in."""

_REASONS = {
    200: "OK",
    302: "Found",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    451: "Unavailable For Legal Reasons",
    503: "Service Unavailable",
}


def large_body(host: str) -> bytes:
    """1 MiB of bytes that look random and are always the same for one host."""
    return random.Random(host).randbytes(BODY_BYTES)  # noqa: S311  (content, not a secret)


def page(host: str) -> bytes:
    """The front page of a host."""
    title = host.split(".", 1)[0].replace("-", " ").title()
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{title}</title></head>"
        f"<body><h1>{title}</h1><p>This is {host}.</p></body></html>\n"
    ).encode()


def http_date(now: dt.datetime) -> str:
    """A `Date` field's value; `now` is aware."""
    return email.utils.format_datetime(now.astimezone(dt.UTC), usegmt=True)


def response(
    status: int,
    body: bytes,
    *,
    content_type: str,
    now: dt.datetime,
    keep_alive: bool,
    fields: tuple[str, ...] = (),
) -> bytes:
    """Head of an HTTP/1.1 response for `body` (the body itself is not in it), with more fields."""
    reason = _REASONS.get(status, "Unknown")
    lines = (
        f"HTTP/1.1 {status} {reason}",
        f"Date: {http_date(now)}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        f"Connection: {'keep-alive' if keep_alive else 'close'}",
        *fields,
        "",
        "",
    )
    return "\r\n".join(lines).encode()


def block_page_response(now: dt.datetime) -> bytes:
    """A whole response with the block page: what a censor puts on the wire in one packet."""
    head = response(
        200, BLOCK_PAGE, content_type="text/html; charset=utf-8", now=now, keep_alive=False
    )
    return head + BLOCK_PAGE
