"""What our measurement server says over plain HTTP, and how a probe knows it again.

What it does. A block page that comes over plain HTTP may be the site's own: any other `Host` gets
another page at the same address anyway. So a probe asks *our* server with the same `Host`, once,
and once with a neutral one. Nothing can be pinned over plain HTTP; what comes back is only compared
with what our server says: `page_of` with a token that the probe drew.

Rules. Only `GET` is answered, whatever the `Host`, with one small page of fixed words. A path of
`/plain/` and exactly 32 lower-case hexadecimal digits is repeated in the page; nothing else of a
request ever is. A head is at most `HEAD_BYTES_MAX`; an answer at most `ANSWER_BYTES_MAX`, less than
an ordinary client's request. What is no such request gets no answer at all.

How it works. The tokens of both questions come from one random `pair_id`, so that whoever reads the
observations can compute which page was due (its SHA-256 is `body_sha256`), and no old copy fits.

What it does not do. It proves nothing about who answers: whoever stands on the way sees the token
and could repeat it. Somebody who imitates our page only hides a block page, and never makes one.

Sources: RFC 9110, RFC 9112; METHOD 1 (the same fate at our own server).
"""

from __future__ import annotations

import hashlib
import re

from evenfall.model.vocabulary import Arm

__all__ = [
    "ANSWER_BYTES_MAX",
    "HEAD_BYTES_MAX",
    "HEAD_END",
    "answer_to",
    "is_plain",
    "page_of",
    "page_sha256",
    "path_of",
    "token_of",
]

HEAD_BYTES_MAX = 4096
HEAD_END = b"\r\n\r\n"
ANSWER_BYTES_MAX = 160
TOKEN_DIGITS = 32

_REQUEST_LINE = re.compile(rb"GET ([!-~]+) HTTP/1\.[01]\r\n")
_TOKEN_PATH = re.compile(rb"/plain/([0-9a-f]{32})")


def is_plain(first: bytes) -> bool:
    """Whether a connection's first bytes are plain HTTP: methods are letters, TLS starts 0x16."""
    return first[:1].isalpha()


def token_of(pair_id: str, arm: Arm) -> str:
    """The token of one of two questions: 32 hexadecimal digits."""
    return hashlib.sha256(f"{pair_id} {arm}".encode()).hexdigest()[:TOKEN_DIGITS]


def path_of(token: str) -> str:
    """What to ask for, so that `token` comes back."""
    return f"/plain/{token}"


def page_of(token: str) -> bytes:
    """The page; without a token, its first line alone."""
    return b"Evenfall measurement server\n" + (f"{token}\n".encode() if token else b"")


def page_sha256(token: str) -> str:
    """SHA-256 of the page, as `body_sha256` of an observation gives it."""
    return hashlib.sha256(page_of(token)).hexdigest()


def answer_to(head: bytes) -> bytes | None:
    """The whole answer to a request head; None: it is no request that is answered."""
    line = _REQUEST_LINE.match(head)
    if line is None:
        return None
    token = _TOKEN_PATH.fullmatch(line.group(1))
    body = page_of(token.group(1).decode("ascii") if token else "")
    lines = (
        "HTTP/1.1 200 OK",
        "Content-Type: text/plain",
        f"Content-Length: {len(body)}",
        "Connection: close",
        "",
        "",
    )
    return "\r\n".join(lines).encode("ascii") + body
