"""Where a redirect leads: foreign data, so read strictly, and left alone when in doubt."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from evenfall.probe.places import is_off_limits
from evenfall.probe.targets import URL_CHARS_MAX, is_host_name, is_literal

__all__ = ["next_url"]


def next_url(url: str, location: str) -> str | None:
    """The address that `Location: location` of a page at `url` leads to; None: not to be followed.

    Followed are web addresses in plain ASCII whose host is a name that can be looked up or a
    literal address, without user name and password. A port or a host that is none, or an address
    that is off limits (`probe.places`), is somebody's mistake or trick; it is no error of ours, and
    the answer that named it stays as it was seen.
    """
    try:
        joined = urljoin(url, location).partition("#")[0]
        parts = urlsplit(joined)
        port, host = parts.port, (parts.hostname or "").rstrip(".")
    except ValueError:
        return None
    written = len(joined) <= URL_CHARS_MAX and joined.isascii() and joined.isprintable()
    if not written or " " in joined or parts.scheme not in ("http", "https") or port == 0:
        return None
    if parts.username is not None or parts.password is not None:
        return None
    may_follow = is_host_name(host) or (_is_literal(host) and not is_off_limits(host))
    return joined if may_follow else None


def _is_literal(host: str) -> bool:
    return is_literal(host) and "%" not in host  # a zone index names an interface of this machine
