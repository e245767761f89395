"""One look at one site from the server's own side: the same steps and words as a probe's.

DNS, TCP, TLS, HTTP and goodput, or Telegram's own protocol, through `measure/`. Bounds:
`BODY_BYTES_MAX` of one body, `LEG_S` for connecting and handshake and as much for a page, `LOOK_S`
for everything, `REDIRECTS_MAX` redirects, each of them checked like the first address. Nothing of a
body leaves this file but its length, its hash, its title and its rate.

**Where it connects.** A name is looked up once and every address is judged: loopback, private,
link-local, metadata, documentation and multicast addresses are not visited, nor IPv6 addresses
that stand for one (`measure.dns.is_bogon`). The connection goes to the very address that was
judged, so that a second, different answer to the same name changes nothing.

**Addresses that the line names.** A site has other addresses elsewhere, and "does the address that
fails there answer here?" is worth knowing. Left unchecked, it would make every server a scanner for
strangers. So such an address is tried over TLS only, and reported only if it shows a certificate
that is valid for the listed host: then it is that site's, and public knowledge. Every other outcome
(closed, silent, somebody else's) is reported as the same words after the same time, `UNPROVEN` and
`NAMED_S`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
import ssl
from collections.abc import Sequence
from typing import Any

import msgspec

from evenfall.measure.dns import is_bogon, look_up
from evenfall.measure.http import get
from evenfall.measure.mtproto import ask_for_key
from evenfall.measure.round import Meter, Round
from evenfall.measure.tcp import connect
from evenfall.measure.tls import handshake
from evenfall.model.observation import Observation
from evenfall.model.target import Target
from evenfall.model.vocabulary import Fact, Role
from evenfall.net.api import Network, Stream
from evenfall.server.allow_list import AllowList
from evenfall.wire.outside import STEPS_MAX, LookTarget, Step
from evenfall.wire.web_address import (
    MTPROTO,
    WebAddress,
    endpoint_of,
    take_apart,
    where_it_leads,
)

__all__ = [
    "BODY_BYTES_MAX",
    "LEG_S",
    "LOOK_S",
    "NAMED_S",
    "REDIRECTS_MAX",
    "UNPROVEN",
    "LookPolicy",
    "View",
    "named_addresses",
    "place_of",
    "take_look",
]

BODY_BYTES_MAX = 262_144
LEG_S = 6.0
LOOK_S = 15.0
NAMED_S = 5.0
"""What an address named by the line takes, unless it proves itself."""
REDIRECTS_MAX = 3
UNPROVEN = "unknown_failure: not shown to be the host's"
_LOOKUP_TRY_S = 1.5
_RECEIVE_BUFFER_BYTES = 262_144
_FAMILIES = (4, 6)
_TITLE_CHARS_MAX = 120
_TEXT_CHARS_MAX = 256
_INTEGER_MAX = 2**53 - 1


class LookPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What may be looked at, and how names are resolved.

    Attributes:
        hosts: the operator's list.
        resolver: `ADDRESS:PORT`; empty: the system's.
        networks: networks that are no public ones and may be visited all the same, as
            `203.0.113.0/24`. Only the lab sets it, from inside the program: there is no option of
            the command for it, because whoever opens a private network to strangers has none left.
        ca_file: further trust anchors (PEM), likewise.
    """

    hosts: AllowList
    resolver: str = ""
    networks: tuple[str, ...] = ()
    ca_file: str = ""

    def may_visit(self, address: str) -> bool:
        """Whether an address is public, or the lab's."""
        if not is_bogon(address):
            return True
        parsed = ipaddress.ip_address(address)
        return any(parsed in ipaddress.ip_network(network) for network in self.networks)


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What one look has shown.

    Attributes:
        seen_us: the server's wall clock at its start.
        ended: a key of `wire.outside.ENDINGS`.
    """

    seen_us: int
    ended: str
    steps: tuple[Step, ...]


def place_of(url: str, hosts: AllowList) -> WebAddress | str:
    """The place to look at, or the code with which the question is refused."""
    place = endpoint_of(url) if url.startswith(f"{MTPROTO}:") else take_apart(url)
    if place is None:
        return "malformed"
    return place if hosts.allows(place) else "not_listed"


def named_addresses(target: LookTarget, policy: LookPolicy) -> tuple[str, ...]:
    """The addresses named in a question that may be visited, each once, in one spelling."""
    spelled = (_spelled(address) for address in target.addresses)
    return tuple(a for a in dict.fromkeys(spelled) if a and policy.may_visit(a))


async def take_look(
    network: Network,
    policy: LookPolicy,
    place: WebAddress,
    target: LookTarget,
    *,
    context: ssl.SSLContext,
    rng: random.Random,
) -> View:
    """Look at a place that `place_of` has let through; never raises for the network's sake."""
    look = _Look(network, policy, named_addresses(target, policy), context, rng)
    async with asyncio.TaskGroup() as group:
        own = group.create_task(look.follow(place))
        for address in look.named if place.scheme == "https" else ():
            group.create_task(look.try_named(place, address))
    return View(seen_us=look.start.wall_us, ended=own.result(), steps=look.steps())


class _Look:
    """One look under way."""

    def __init__(
        self,
        network: Network,
        policy: LookPolicy,
        addresses: Sequence[str],
        context: ssl.SSLContext,
        rng: random.Random,
    ) -> None:
        self._network = network
        self._policy = policy
        self._context = context
        self._rng = rng
        self._round = Round("look", network.clock)
        self.start = self._round.now()
        self._end_s = self.start.monotonic_s + LOOK_S
        self.named = addresses
        self._seen: list[Observation] = []
        self._own: set[str] = set()
        self._visited: set[str] = set()
        self._resolved = asyncio.Event()

    def steps(self) -> tuple[Step, ...]:
        """Everything so far, in order of time, as it goes into a statement."""
        ordered = sorted(self._seen, key=lambda o: o.started_us)
        return tuple(_step(o) for o in ordered[:STEPS_MAX])

    async def follow(self, place: WebAddress) -> str:
        """Visit a place at its own addresses, then where it redirects to; returns why it ended."""
        try:
            for _ in range(REDIRECTS_MAX + 1):
                location = await self._visit_all(place)
                if not location:
                    return "complete" if self._left_s() > 0 else "time"
                there = where_it_leads(place.url, location)
                if there is None or not self._policy.hosts.allows(there):
                    return "redirect_not_listed"
                place = there
            return "too_many_redirects"
        finally:
            self._resolved.set()

    async def try_named(self, place: WebAddress, address: str) -> None:
        """Try an address that the line was sent to, unless it was visited anyway."""
        await self._resolved.wait()
        if address in self._visited:
            return
        if address in self._own:  # our own lookup gives it too: it is the host's
            await self._visit(place, address, fetch=False)
            return
        clock = self._network.clock
        start, end_s = self._round.now(), clock.monotonic_s() + NAMED_S
        opened, shaken, secure = await self._shake(place, address, end_s)
        if secure is not None and shaken is not None:
            secure.abort()
            self._seen += [opened, shaken]
            return
        await clock.sleep(max(0.0, end_s - clock.monotonic_s()))
        self._seen.append(
            self._round.observe(
                Fact.TCP_CONNECT, _TARGET, start, host=place.host, address=address,
                port=place.port, family=_family_of(address), failure=UNPROVEN,
                operation="connect", duration_us=round(NAMED_S * 1e6),
            )
        )  # fmt: skip

    async def _visit_all(self, place: WebAddress) -> str:
        """The page over IPv4 where there is one, over IPv6 the handshake; returns `Location`."""
        location = ""
        addresses = await self._addresses(place)
        self._visited.update(addresses)
        self._resolved.set()
        for index, address in enumerate(addresses):
            if self._left_s() > 0:
                location = await self._visit(place, address, fetch=index == 0) or location
        return location

    async def _addresses(self, place: WebAddress) -> list[str]:
        """At most one address of each family: looked up here and now, and judged."""
        if place.is_literal:
            return [place.host] if self._policy.may_visit(place.host) else []
        found = await asyncio.gather(*(self._look_up(place, family) for family in _FAMILIES))
        return [a for a in found if a and self._network.has_route(_family_of(a), towards=a)]

    async def _look_up(self, place: WebAddress, family: int) -> str | None:
        answers = await look_up(
            self._network, self._round, _TARGET, place.host, resolver="server",
            endpoint=self._policy.resolver, family=family, rng=self._rng,
            timeout_s=max(0.1, min(_LOOKUP_TRY_S, self._left_s())),
            bogons_allowed=bool(self._policy.networks),
        )  # fmt: skip
        self._seen += answers
        given = (a for answer in answers for a in answer.answers or ())
        usable = [a for a in given if self._policy.may_visit(a)]
        self._own.update(usable)
        # The line's own address, where it is among ours, makes the better comparison.
        return next((a for a in usable if a in self.named), usable[0] if usable else None)

    async def _visit(self, place: WebAddress, address: str, *, fetch: bool) -> str:
        """Connect, handshake, page; returns `Location` of a redirect, else nothing."""
        end_s = self._network.clock.monotonic_s() + min(LEG_S, max(0.1, self._left_s()))
        opened, shaken, stream = await self._shake(place, address, end_s)
        self._seen += [seen for seen in (opened, shaken) if seen is not None]
        if stream is None:
            return ""
        try:
            if not fetch or self._left_s() <= 0:
                return ""
            if place.scheme == MTPROTO:
                self._seen.append(await self._ask_for_key(place, address, stream))
                return ""
            page = await get(
                stream, Meter(stream), self._round, _TARGET, host=place.host, path=place.path,
                address=address, port=place.port,
                sni=place.host if place.scheme == "https" else None,
                body_bytes_max=BODY_BYTES_MAX, time_max_s=min(LEG_S, self._left_s()),
            )  # fmt: skip
        finally:
            stream.abort()
        self._seen.append(page.observation)
        return page.location

    async def _ask_for_key(self, place: WebAddress, address: str, stream: Stream) -> Observation:
        return await ask_for_key(
            stream, Meter(stream), self._round, _TARGET, host=place.host, address=address,
            port=place.port, rng=self._rng, timeout_s=min(LEG_S, self._left_s()),
        )  # fmt: skip

    async def _shake(
        self, place: WebAddress, address: str, end_s: float
    ) -> tuple[Observation, Observation | None, Stream | None]:
        """Connect, and do the handshake if the address says https; the stream if both worked."""
        host, port = place.host, place.port
        opened, stream, meter = await connect(
            self._network, self._round, _TARGET, host=host, address=address, port=port,
            timeout_s=self._until(end_s), receive_buffer_bytes=_RECEIVE_BUFFER_BYTES,
        )  # fmt: skip
        if stream is None or meter is None or place.scheme != "https":
            return opened, None, stream
        try:
            shaken, secure = await handshake(
                stream, meter, self._round, _TARGET, host=host, address=address, port=port,
                sni=host, context=self._context, timeout_s=self._until(end_s),
            )  # fmt: skip
        except BaseException:  # a cancellation too: the socket is ours until it is handed on
            stream.abort()
            raise
        return opened, shaken, secure

    def _until(self, end_s: float) -> float:
        return max(0.1, end_s - self._network.clock.monotonic_s())

    def _left_s(self) -> float:
        return self._end_s - self._network.clock.monotonic_s()


_TARGET = Target(target_id="look/outside", url="", role=Role.TARGET)
"""What the steps are about is said by the statement; they never leave the server as they are."""


def _step(seen: Observation) -> Step:
    """The part of an observation that goes into a statement; a site wrote some of it."""
    fields = {name: _bounded(getattr(seen, name)) for name in Step.__struct_fields__}
    if seen.title:
        fields["title"] = seen.title.encode("utf-8", "replace").decode()[:_TITLE_CHARS_MAX]
    return msgspec.convert(fields, Step)


def _bounded(value: Any) -> Any:
    """A number that no JSON reader holds exactly is left out; a text is cut."""
    if isinstance(value, int):
        return value if value <= _INTEGER_MAX else None
    return str(value)[:_TEXT_CHARS_MAX] if isinstance(value, str) else value


def _family_of(address: str) -> int:
    return 6 if ":" in address else 4


def _spelled(address: str) -> str | None:
    """One spelling for each address; None for what is none, or names an interface of ours."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    return None if "%" in str(parsed) else str(parsed)
