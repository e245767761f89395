"""Which sites a measurement server may look at: its operator's list, and nothing else.

    # one host a line
    www.youtube.com
    *.youtube.com           every name below it, and not itself
    video.example:8443      this host on this port too, beside 80 and 443
    203.0.113.7             a literal address, only if it stands here

Names of other scripts are written as they are looked up (`xn--…`). A list may hold no more than
`ENTRIES_MAX` lines; an empty list looks at nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from pathlib import Path

import msgspec

from evenfall.model.errors import FormatError, UsageError
from evenfall.net.own_files import read_own_file
from evenfall.wire.web_address import WebAddress, take_apart

__all__ = ["ENTRIES_MAX", "MASS_MARKET", "AllowList", "read_allow_list"]

ENTRIES_MAX = 4_096
_FILE_BYTES_MAX = 262_144
_PORTS = frozenset({80, 443})

_MASS_MARKET_DOMAINS = (
    "youtube.com", "googlevideo.com", "google.com", "facebook.com", "fbcdn.net", "instagram.com",
    "cdninstagram.com", "x.com", "twitter.com", "twimg.com", "telegram.org", "t.me", "whatsapp.com",
    "whatsapp.net", "vk.com", "vk.ru", "ok.ru", "tiktok.com", "signal.org", "wikipedia.org",
    "rfc-editor.org", "iana.org", "gnu.org", "python.org",
)  # fmt: skip
"""Services and neutral sites of the built-in list, and where those redirect to."""


_TELEGRAM = (
    "149.154.175.50", "149.154.167.51", "149.154.175.100", "149.154.167.91", "149.154.171.5",
)  # fmt: skip
"""Its data centres, to which its apps speak by address."""


class AllowList(msgspec.Struct, frozen=True, kw_only=True):
    """What may be looked at.

    Attributes:
        hosts: host (a name, `*.domain`, or a literal address) → ports beside 80 and 443.
    """

    hosts: dict[str, frozenset[int]]

    def allows(self, place: WebAddress) -> bool:
        """Whether this host may be looked at on this port; an exact entry wins over `*.`."""
        return self.entry_of(place) is not None

    def entry_of(self, place: WebAddress) -> str | None:
        """The entry that lets it be looked at, the nearest one above it; None: no entry does."""
        if place.host in self.hosts:
            return place.host if place.port in self.hosts[place.host] | _PORTS else None
        if place.is_literal:
            return None
        labels = place.host.split(".")
        above = ("*." + ".".join(labels[i:]) for i in range(1, len(labels)))
        fitting = (e for e in above if e in self.hosts and place.port in self.hosts[e] | _PORTS)
        return next(fitting, None)


MASS_MARKET = AllowList(
    hosts=dict.fromkeys(
        (*_MASS_MARKET_DOMAINS, *(f"*.{domain}" for domain in _MASS_MARKET_DOMAINS), *_TELEGRAM),
        frozenset(),
    )
)
"""Without a list of the operator's: the hosts of the list that `check` has built in."""


def read_allow_list(path: Path) -> AllowList:
    """Read an operator's list.

    Raises:
        UsageError: the file cannot be read.
        FormatError: a line is no host, or there are too many; says which.
    """
    try:
        raw = read_own_file(path, _FILE_BYTES_MAX + 1)
    except OSError as error:
        raise UsageError(
            expected="a readable list of hosts",
            seen=error.strerror or str(error),
            where=f"--look-at {path}",
            remedy="One host a line, as docs/server.md shows.",
        ) from error
    lines = raw.decode("utf-8", "replace").splitlines()
    if len(raw) > _FILE_BYTES_MAX:
        raise _too_much(path, "more than 256 KiB")
    if len(lines) > ENTRIES_MAX:
        raise _too_much(path, f"{len(lines)} lines")
    return _parse(lines, str(path))


def _parse(lines: Iterable[str], where: str) -> AllowList:
    hosts: dict[str, frozenset[int]] = {}
    for number, line in enumerate(lines, start=1):
        entry = line.partition("#")[0].strip().lower()
        if not entry:
            continue
        host, ports = _entry(entry, f"{where}, line {number}")
        hosts[host] = hosts.get(host, frozenset()) | ports
    return AllowList(hosts=hosts)


def _entry(entry: str, where: str) -> tuple[str, frozenset[int]]:
    """Host and extra ports of one line; it is read like the host of a web address."""
    wildcard = entry.startswith("*.")
    bare = _bracketed(entry.removeprefix("*."))
    place = take_apart(f"http://{bare}/")
    if place is None or place.path != "/" or "@" in entry or (wildcard and place.is_literal):
        raise _refusal(where, "a host, *.domain or address, perhaps with :PORT", repr(entry[:80]))
    host = f"*.{place.host}" if wildcard else place.host
    return host, frozenset({place.port} - _PORTS)


def _bracketed(entry: str) -> str:
    """IPv6 addresses may stand without brackets where no port follows."""
    try:
        return f"[{ipaddress.IPv6Address(entry)}]"
    except ValueError:
        return entry


def _too_much(path: Path, seen: str) -> FormatError:
    return FormatError(
        expected=f"at most {ENTRIES_MAX} lines and 256 KiB",
        seen=seen,
        where=str(path),
        remedy="Leave some out, or write *.domain for many names of one; docs/server.md.",
    )


def _refusal(where: str, expected: str, seen: str) -> FormatError:
    return FormatError(
        expected=expected, seen=seen, where=where, remedy="Correct that line; docs/server.md."
    )
