"""Web addresses that somebody else wrote: taken apart strictly, or not at all.

What it does. `take_apart` gives scheme, host, port and path of an address that may be fetched;
`where_it_leads` does the same for a `Location` seen on a page, and `endpoint_of` for an endpoint of
Telegram's own protocol, `mtproto://HOST:PORT`, to which no page ever leads.

Rules. Plain ASCII without spaces or control characters, http or https, a host that is a name or a
literal address, no user name and no password, a port from 1 on. Hosts come out in small letters
without a trailing dot, literal addresses in their shortest form without a zone index. A name whose
last label is a number is no name: to many programs `127.1`, `2130706433` and `0x7f000001` are the
loopback address. Letters of other scripts have to be written as they are looked up (`xn--…`).
Whatever is not like that is None; it is somebody's mistake or trick, and no error of ours.

What it does not do. It looks nothing up, and it does not say whether an address may be visited.

Sources: RFC 3986, RFC 1123 §2.1, RFC 5890, WHATWG URL ("ends in a number").
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

__all__ = ["MTPROTO", "URL_CHARS_MAX", "WebAddress", "endpoint_of", "take_apart", "where_it_leads"]

URL_CHARS_MAX = 2_000
MTPROTO = "mtproto"
_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_-]{1,63})*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class WebAddress(NamedTuple):
    """An address that may be fetched.

    Attributes:
        url: as it was written, without a fragment.
        host: a name in small letters, or a literal address without brackets.
        path: with the query, as a request line has it.
        is_literal: the host is an address.
    """

    url: str
    scheme: str
    host: str
    port: int
    path: str
    is_literal: bool


def take_apart(url: str) -> WebAddress | None:
    """The parts of a web address; None if it is not one that may be fetched."""
    url = url.partition("#")[0]
    if len(url) > URL_CHARS_MAX or not (url.isascii() and url.isprintable()) or " " in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or port == 0 or parts.username is not None:
        return None
    literal = _literal(parts.hostname or "")
    host = literal or (parts.hostname or "").lower().removesuffix(".")
    if not literal and not _is_name(host):
        return None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WebAddress(url, parts.scheme, host, port or _PORTS[parts.scheme], path, bool(literal))


def where_it_leads(url: str, location: str) -> WebAddress | None:
    """Where `Location: location` of a page at `url` leads; None: nowhere that may be fetched."""
    try:
        return take_apart(urljoin(url, location))
    except ValueError:
        return None


def endpoint_of(url: str) -> WebAddress | None:
    """The parts of `mtproto://HOST:PORT`; the port has to be there, and nothing may follow it."""
    scheme, separator, rest = url.partition("://")
    if scheme != MTPROTO or not separator or not rest.rpartition(":")[2].isdecimal():
        return None
    place = take_apart(f"http://{rest}/")
    if place is None or place.path != "/":
        return None
    return place._replace(url=url, scheme=MTPROTO, path="")


def _is_name(host: str) -> bool:
    return bool(_NAME.fullmatch(host)) and not _NUMBER.fullmatch(host.rpartition(".")[2])


def _literal(host: str) -> str | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    # a zone index names an interface of this machine
    return None if "%" in str(address) else str(address)
