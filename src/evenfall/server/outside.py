"""The outside view as a service: who may ask, what is looked at once for all, what is signed.

Questions about the same address share one look, the one under way or the one remembered, and each
gets a statement of its own with its own nonce. So a thousand askers cost a site one visit a minute.
Those who vary the question cost one line of the operator's list `looks_per_host` at most, however
many names `*.domain` has, and likewise each address that they name: nobody is amplified.
"""

from __future__ import annotations

import asyncio
import base64
import random
from collections import OrderedDict

from evenfall.measure.tls import verifying_context
from evenfall.model.errors import ProtocolError, UsageError
from evenfall.net.api import Clock, Network
from evenfall.server.identity import Signer
from evenfall.server.limits import Gate, Limits
from evenfall.server.outside_look import LookPolicy, View, named_addresses, place_of, take_look
from evenfall.wire.outside import (
    LOOK_REFUSALS,
    LookAnswer,
    LookRequest,
    Statement,
    decode,
    signed_bytes,
    write_statement,
)

__all__ = ["Lookout"]

_MINUTE_S = 60.0
_NAMED_MAX = 4_096
"""Addresses named by clients whose visits are counted; the one not named for longest goes."""
_Key = tuple[str, tuple[str, ...]]


class Lookout:
    """Answers look requests.

    Args:
        network: the server's own way out.
        policy: what may be looked at.
        signer: of the server's key.
        limits: how much.
        gate: counts the looks of each address.

    Raises:
        UsageError: the policy's `ca_file` cannot be used.
    """

    def __init__(
        self, network: Network, policy: LookPolicy, signer: Signer, limits: Limits, gate: Gate
    ) -> None:
        self._network = network
        self._policy = policy
        self._signer = signer
        self._limits = limits
        self._gate = gate
        self._rng = random.SystemRandom()
        try:
            self._context = verifying_context(policy.ca_file)
        except OSError as error:
            raise UsageError(
                expected="a PEM file with a certificate",
                seen=str(error),
                where=policy.ca_file,
                remedy="Give the test network's authority, or none.",
            ) from error
        self._running: dict[_Key, asyncio.Task[View]] = {}
        self._views: OrderedDict[_Key, tuple[float, View]] = OrderedDict()
        self._visits: dict[str, list[float]] = {}  # by entry of the list, so no more than it has
        self._named: OrderedDict[str, list[float]] = OrderedDict()

    async def answer(self, line: bytes, *, client: str) -> LookAnswer:
        """The answer to one request line of this client."""
        try:
            request = decode(line, LookRequest)
        except ProtocolError as error:
            code = "version" if error.seen.startswith("version") else "malformed"
            return _refusal(code, None, str(error))
        refused, view = await self._view(request, client)
        if view is None:
            return _refusal(refused, request.id)
        statement = write_statement(
            Statement(
                id=request.id,
                nonce=request.nonce,
                url=request.target.url,
                now_us=max(self._clock.wall_us(), view.seen_us),
                seen_us=view.seen_us,
                ended=view.ended,
                steps=view.steps,
            )
        )
        signature = self._signer.sign(signed_bytes(statement))
        return LookAnswer(
            ok=True,
            id=request.id,
            statement=statement,
            signature=base64.b64encode(signature).decode("ascii"),
            key=base64.b64encode(self._signer.public_key).decode("ascii"),
        )

    async def close(self) -> None:
        """End every look that is under way."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    @property
    def _clock(self) -> Clock:
        return self._network.clock

    async def _view(self, request: LookRequest, client: str) -> tuple[str, View | None]:
        """The view, or the code of a refusal."""
        place = place_of(request.target.url, self._policy.hosts)
        if isinstance(place, str):
            return place, None
        if not self._gate.look(client):
            return "budget", None
        named = named_addresses(request.target, self._policy)
        key = (place.url, named)
        kept = self._kept(key)
        if kept is not None:
            return "", kept
        task = self._running.get(key)
        if task is None:
            full = len(self._running) >= self._limits.looks_at_once
            if full or not self._may_visit(self._policy.hosts.entry_of(place) or place.host, named):
                return "busy", None
            looking = take_look(
                self._network, self._policy, place, request.target,
                context=self._context, rng=self._rng,
            )  # fmt: skip
            task = self._running[key] = asyncio.ensure_future(looking)
            task.add_done_callback(lambda done: self._keep(key, done))
        # Whoever asked first may go away; the others still want to know.
        return "", await asyncio.shield(task)

    def _may_visit(self, entry: str, named: tuple[str, ...]) -> bool:
        """Whether all of these may be visited once more this minute; if so, they are counted."""
        counts = [self._recent(self._visits, entry)]
        counts += [self._recent(self._named, address) for address in named]
        while len(self._named) > _NAMED_MAX:
            self._named.popitem(last=False)
        if any(len(recent) >= self._limits.looks_per_host for recent in counts):
            return False
        for recent in counts:
            recent.append(self._clock.monotonic_s())
        return True

    def _recent(self, visits: dict[str, list[float]], key: str) -> list[float]:
        """The visits of the last minute, now the youngest in the table."""
        oldest_s = self._clock.monotonic_s() - _MINUTE_S
        recent = [at_s for at_s in visits.pop(key, ()) if at_s > oldest_s]
        visits[key] = recent
        return recent

    def _kept(self, key: _Key) -> View | None:
        oldest_s = self._clock.monotonic_s() - self._limits.views_kept_s
        while self._views:
            seen_s, _ = next(iter(self._views.values()))
            if seen_s >= oldest_s and len(self._views) <= self._limits.views:
                break
            self._views.popitem(last=False)
        found = self._views.get(key)
        return found[1] if found else None

    def _keep(self, key: _Key, done: asyncio.Task[View]) -> None:
        del self._running[key]
        if not done.cancelled() and done.exception() is None:
            self._views[key] = (self._clock.monotonic_s(), done.result())


def _refusal(code: str, request_id: str | None, text: str = "") -> LookAnswer:
    return LookAnswer(ok=False, id=request_id, error=code, text=(text or LOOK_REFUSALS[code])[:500])
