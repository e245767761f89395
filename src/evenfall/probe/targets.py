"""The target file: what to measure, read strictly, refused clearly.

A target file is written by a person or handed on by a group, so it is foreign data: unknown keys,
wrong types, credentials in addresses, doubles and private addresses are refused before anything is
sent. With `ca_file` the file describes a test network, and private addresses are allowed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn
from urllib.parse import SplitResult, urlsplit

import msgspec

from evenfall.measure.dns import is_bogon, split_endpoint
from evenfall.model.errors import FormatError, UsageError
from evenfall.model.target import MeasurementServer, Target, TargetList
from evenfall.model.vocabulary import Role
from evenfall.net.own_files import read_own_file
from evenfall.probe.places import is_off_limits

__all__ = [
    "CONTROLS_MAX",
    "MTPROTO",
    "SERVERS_MAX",
    "TARGETS_MAX",
    "URL_CHARS_MAX",
    "host_of",
    "is_host_name",
    "is_literal",
    "is_mtproto",
    "port_of",
    "read_targets",
]

MTPROTO = "mtproto"
"""URL scheme of Telegram's own protocol: `mtproto://ADDRESS:PORT`."""
TARGETS_MAX = 12
CONTROLS_MAX = 12
SERVERS_MAX = 4
_FILE_BYTES_MAX = 65_536
URL_CHARS_MAX = 2000
_SHOWN_CHARS_MAX = 80
_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,40}/[a-z0-9][a-z0-9_.-]{0,40}")
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_-]{1,63})*\.?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PIN = re.compile(r"sha256/[A-Za-z0-9+/]{43}=")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SCHEMES = {"target": ("http", "https", MTPROTO), "control": ("http", "https")}


class _Network(msgspec.Struct, forbid_unknown_fields=True):
    resolver: str = ""
    public_resolver: str = ""
    doh: str = ""
    ca_file: str = ""


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    url: str
    domestic: bool = False
    quic: bool = False


class _Server(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    pin: str
    neutral: str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    network: _Network = msgspec.field(default_factory=_Network)
    target: list[_Entry] = msgspec.field(default_factory=list)
    control: list[_Entry] = msgspec.field(default_factory=list)
    server: list[_Server] = msgspec.field(default_factory=list)


def read_targets(path: Path) -> TargetList:
    """Read and check a target file.

    Raises:
        UsageError: the file cannot be read.
        FormatError: something in it is not as PRODUCT says; names the place and the remedy.
    """
    file = _decode(path)
    check = _Checker(path, private_allowed=bool(file.network.ca_file))
    check.count("target", len(file.target), 1, TARGETS_MAX)
    check.count("control", len(file.control), 0, CONTROLS_MAX)
    check.count("server", len(file.server), 0, SERVERS_MAX)
    for kind, entries in (("target", file.target), ("control", file.control)):
        for index, entry in enumerate(entries):
            check.entry(f"{kind}[{index}]", entry, _SCHEMES[kind])
    check.doubles([*file.target, *file.control])
    for index, server in enumerate(file.server):
        check.server(f"server[{index}]", server)
    check.resolver("network.resolver", file.network.resolver)
    check.resolver("network.public_resolver", file.network.public_resolver)
    check.doh(file.network.doh)
    return TargetList(
        targets=_targets(file.target, Role.TARGET),
        controls=_targets(file.control, Role.CONTROL),
        servers=tuple(
            MeasurementServer(url=s.url, pin=s.pin, neutral=s.neutral.lower()) for s in file.server
        ),
        resolver=file.network.resolver,
        public_resolver=file.network.public_resolver,
        doh=file.network.doh,
        ca_file=check.ca_file(file.network.ca_file),
    )


def host_of(url: str) -> str:
    """Host name or literal address of a checked URL, lower case."""
    return (urlsplit(url).hostname or "").lower().rstrip(".")


def is_literal(host: str) -> bool:
    """Whether a checked URL's host is an address and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_mtproto(url: str) -> bool:
    """Whether a checked URL is of Telegram's own protocol: no names in it, no pages."""
    return urlsplit(url).scheme == MTPROTO


def is_host_name(host: str) -> bool:
    """Whether `host` is a name that can be looked up, and no address written in another way.

    `127.1`, `2130706433` and `0x7f000001` are the loopback address to many programs: a name whose
    last label is a number is read as an address (WHATWG URL, "ends in a number").
    """
    if not _HOST.fullmatch(host):
        return False
    return not _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2])


def port_of(url: str) -> int:
    """Port of a checked URL."""
    parts = urlsplit(url)
    return parts.port or _DEFAULT_PORTS[parts.scheme]


def _decode(path: Path) -> _File:
    try:
        raw = read_own_file(path, _FILE_BYTES_MAX + 1)
    except OSError as error:
        raise UsageError(
            expected="a readable target file",
            seen=error.strerror or str(error),
            where=str(path),
            remedy="Give its path with --targets.",
        ) from error
    if len(raw) > _FILE_BYTES_MAX:
        raise _refusal(
            path,
            f"a target file of at most 64 KiB with {TARGETS_MAX} targets, {CONTROLS_MAX} controls "
            f"and {SERVERS_MAX} servers",
            "more than 64 KiB",
            "Shorten it.",
        )
    try:
        return msgspec.toml.decode(raw, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _refusal(
            path,
            "a target file in TOML with the keys that docs/check.md lists",
            str(error),
            "Correct that line.",
        ) from error


def _targets(entries: Iterable[_Entry], role: Role) -> tuple[Target, ...]:
    return tuple(
        Target(target_id=e.id, url=e.url, role=role, domestic=e.domestic, quic=e.quic)
        for e in entries
    )


def _short(text: str) -> str:
    """What was written, quoted; of a long text the beginning."""
    return repr(text if len(text) <= _SHOWN_CHARS_MAX else f"{text[:_SHOWN_CHARS_MAX]}…")


def _refusal(path: Path, expected: str, seen: str, remedy: str, place: str = "") -> FormatError:
    where = f"{path}, {place}" if place else str(path)
    return FormatError(expected=expected, seen=seen, where=where, remedy=remedy)


class _Checker:
    """The checks that a type cannot hold."""

    def __init__(self, path: Path, *, private_allowed: bool) -> None:
        self.path = path
        self.private_allowed = private_allowed

    def count(self, kind: str, seen: int, least: int, most: int) -> None:
        if not least <= seen <= most:
            remedy = "Leave some out." if seen > most else "Add one."
            self._refuse(f"{least} to {most} entries [[{kind}]]", str(seen), remedy, kind)

    def entry(self, place: str, entry: _Entry, schemes: tuple[str, ...]) -> None:
        if not _ID.fullmatch(entry.id):
            self._refuse(
                "an id service/what in small letters, digits, - _ .",
                _short(entry.id),
                "For example youtube/front.",
                place,
            )
        parts = self.url(place, entry.url, schemes)
        self.address(place, parts)
        if parts.scheme == MTPROTO and (parts.port is None or parts.path or parts.query):
            self._refuse(f"{MTPROTO}://ADDRESS:PORT", _short(entry.url), "No path here.", place)
        if entry.quic and parts.scheme != "https":
            self._refuse("quic = true with https only", _short(entry.url), "Leave it out.", place)

    def doubles(self, entries: list[_Entry]) -> None:
        for what, values in (("id", [e.id for e in entries]), ("url", [e.url for e in entries])):
            seen = next((v for v in values if values.count(v) > 1), None)
            if seen is not None:
                self._refuse(
                    f"every {what} once", _short(seen), "Leave one of them out.", f"{what}s"
                )

    def server(self, place: str, server: _Server) -> None:
        self.host(place, self.url(place, server.url, ("https",)))
        if not _PIN.fullmatch(server.pin):
            self._refuse(
                "a pin sha256/… of 44 characters, as `evenfall server --print-pin` prints it",
                _short(server.pin),
                "Copy it from whoever runs the server; never leave it out.",
                place,
            )
        if server.neutral and not is_host_name(server.neutral.lower()):
            self._refuse("a host name", _short(server.neutral), "Or leave `neutral` out.", place)

    def url(self, place: str, url: str, schemes: tuple[str, ...]) -> SplitResult:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            self._refuse("a web address", f"{_short(url)} ({error})", "Correct it.", place)
        if len(url) > URL_CHARS_MAX or not url.isascii() or not url.isprintable() or " " in url:
            self._refuse("a web address in plain ASCII", _short(url), "Encode it.", place)
        if parts.scheme not in schemes or not parts.hostname or port == 0:
            wanted = " or ".join(f"{s}://HOST[:PORT]/…" for s in schemes)
            self._refuse(wanted, _short(url), "Correct it.", place)
        if parts.username is not None or parts.password is not None:
            self._refuse(
                "a web address without user name and password",
                "one with",
                "Take them out: they would be sent in the open.",
                place,
            )
        if parts.fragment:
            self._refuse("a web address without #…", _short(url), "Take that part out.", place)
        return parts

    def address(self, place: str, parts: SplitResult) -> None:
        host = self.host(place, parts)
        if is_literal(host):
            private = is_bogon(host)
        else:
            private = host == "localhost" or host.endswith(".localhost")
        if private and not self.private_allowed:
            self._refuse(
                "a public address",
                _short(host),
                "Loopback and private addresses are measured in test networks only (set "
                "network.ca_file).",
                place,
            )

    def host(self, place: str, parts: SplitResult) -> str:
        """The host, lower case: a name that can be looked up, or an address that may be sought."""
        host = (parts.hostname or "").lower()
        if not is_literal(host):
            if not is_host_name(host):
                self._refuse("a host name", _short(host), "Write it as it is looked up.", place)
        elif is_off_limits(host):
            self._refuse(
                "a public address",
                _short(host),
                "Link-local and multicast addresses and those of clouds' metadata are never "
                "visited.",
                place,
            )
        return host

    def resolver(self, place: str, endpoint: str) -> None:
        if not endpoint:
            return
        try:
            _parse_endpoint(endpoint)
        except ValueError:
            self._refuse(
                "ADDRESS, ADDRESS:PORT or [V6]:PORT, with a port of 1 to 65535",
                _short(endpoint),
                "Give the resolver's address, not its name.",
                place,
            )

    def doh(self, url: str) -> None:
        if not url:
            return
        parts = self.url("network.doh", url, ("https",))
        self.address("network.doh", parts)
        if not parts.path or parts.query:
            self._refuse(
                "https://HOST/PATH without a query (RFC 8484)",
                _short(url),
                "For example https://doh.example/dns-query.",
                "network.doh",
            )

    def ca_file(self, name: str) -> str:
        if not name:
            return ""
        path = self.path.parent / name
        if not path.is_file():
            self._refuse(
                "a PEM file with the test network's authority",
                "no such file",
                "The path is taken from the target file's folder.",
                f"network.ca_file = {_short(name)}",
            )
        return str(path)

    def _refuse(self, expected: str, seen: str, remedy: str, place: str) -> NoReturn:
        raise _refusal(self.path, expected, seen, remedy, place)


def _parse_endpoint(endpoint: str) -> tuple[str, int]:
    address, port = split_endpoint(endpoint)
    ipaddress.ip_address(address)
    if not 0 < port < 65_536:
        raise ValueError(endpoint)
    return address, port
