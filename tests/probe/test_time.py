"""A check ends within 75 s, whatever falls silent and whenever it does."""

from __future__ import annotations

import pytest

from evenfall.model.vocabulary import Scope
from evenfall.net.fake import Line
from evenfall.probe.check import CHECK_S_MAX


def silence_from(world, second: float) -> None:
    """The measurement server says nothing more from this second of the round on."""
    start_s = world.clock.monotonic_s()
    inside = world.server_peer

    async def until_then(stream) -> None:
        await inside(_Hushed(stream, world.clock, start_s + second))

    world.put_server(peer=until_then)


class _Hushed:
    """A server's end of a connection that stops speaking at a given time."""

    def __init__(self, stream, clock, end_s: float) -> None:
        self._stream = stream
        self._clock = clock
        self._end_s = end_s

    async def write(self, data: bytes, *, timeout_s: float) -> None:
        if self._clock.monotonic_s() >= self._end_s:
            await self._clock.sleep(3600)
        await self._stream.write(data, timeout_s=timeout_s)

    def __getattr__(self, name: str):
        return getattr(self._stream, name)


@pytest.mark.parametrize("rtt_s", [0.2, 0.3])
@pytest.mark.parametrize("second", [50, 60, 62, 64, 66, 67, 68, 70, 72])
def test_a_server_that_falls_silent_ends_nothing_later(make_world, rtt_s, second):
    """Three slow sites, pairs to the end, silence on the way: 75 s, and the cut accuses nobody."""
    world = make_world(line=Line(rtt_s=rtt_s, rate_bps=20e6))
    silence_from(world, second)
    for name in ("video", "social", "messenger"):
        world.put(name, line=Line(rtt_s=rtt_s, rate_bps=200_000))
    result = world.check()
    assert result.duration_s <= CHECK_S_MAX
    cut = [o for o in result.observations if o.failure == "interrupted"]
    assert all(o.goodput_bps is None and o.capped is None for o in cut)
    assert {v.scope for v in result.judged.verdicts} == {Scope.UNDETERMINED}


@pytest.mark.parametrize("silent", ["resolvers", "sites", "everything", "redirects"])
def test_silence_elsewhere(world, silent):
    """Resolvers, sites or all of it silent, and redirects without an end to names unknown."""
    if silent in ("resolvers", "everything"):
        world.network.answers.clear()
    if silent in ("sites", "everything"):
        world.network.at.clear()
    if silent == "redirects":
        for name in ("video", "social", "news"):
            world.put(name, peer=world.tls(name, _onward(world)))
    result = world.check()
    assert result.duration_s <= CHECK_S_MAX
    assert len(result.judged.verdicts) == 3


def _onward(world):
    """Redirects to a new name each time, after five seconds; its resolvers stay silent."""
    count = 0

    async def peer(stream) -> None:
        nonlocal count
        await stream.read(65_536, timeout_s=60)
        await world.clock.sleep(5)
        count += 1
        world.network.answers.clear()
        head = f"HTTP/1.1 302 X\r\nLocation: https://n{count}.test/\r\nContent-Length: 0\r\n\r\n"
        await stream.write(head.encode(), timeout_s=60)
        stream.close()

    return peer
