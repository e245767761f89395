"""Where a name is acted upon: the search asks the right hops, and says nothing it cannot know."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evenfall.infer.locate import Search, Shown, located
from evenfall.model.observation import Observation
from evenfall.model.verdict import Located
from evenfall.model.vocabulary import ClockState, Fact, Provenance, Role

TARGET, REAL, OTHER = "video.test", "qwert.test", "zxcvb.test"
NAMES = {Shown.SAME: REAL, Shown.NEUTRAL: OTHER, Shown.TARGET: TARGET}
FAST, SLOW = 2_000_000, 130_000


def step(index: int, shown: Shown, hops: int, **fields: object) -> Observation:
    """One path probe that came through fast unless told otherwise."""
    values = {"fate": "expired", "goodput_bps": FAST} | fields
    return Observation(
        observation_id=f"r/{index}", fact=Fact.PATH_PROBE, provenance=Provenance.PROBE,
        service="video", target="video/front", role=Role.TARGET, started_us=0,
        clock=ClockState.UNVERIFIED, host=REAL, sni=NAMES[shown], hops=hops, **values,
    )  # fmt: skip


Answer = Callable[[Shown, int, int], dict[str, object]]


def search(answer: Answer) -> tuple[list[Observation], Located | None]:
    """Do steps against a path that is played by `answer(shown, hops, index)`."""
    steps: list[Observation] = []
    wanted = Search(TARGET, OTHER, steps)
    while (following := wanted.next()) is not None:
        said = answer(following.shown, following.hops, len(steps))
        steps.append(step(len(steps), following.shown, following.hops, **said))
    return steps, located(steps, target_host=TARGET)


def path(server_hops: int, acts_by: int | None, effect: dict[str, object]) -> Answer:
    """A server so many hops away, and something that acts on the name at a hop."""

    def answer(shown: Shown, hops: int, _index: int) -> dict[str, object]:
        if shown is Shown.SAME:
            return {"fate": "reached" if hops >= server_hops else "expired"}
        if shown is Shown.TARGET and acts_by is not None and hops >= acts_by:
            return effect
        return {}

    return answer


EFFECTS = [
    {"goodput_bps": SLOW},
    {"goodput_bps": 0, "failure": "connection_reset", "operation": "tls_handshake"},
    {"goodput_bps": 0, "failure": "generic_timeout_error", "operation": "tls_handshake"},
]


@pytest.mark.parametrize("effect", EFFECTS, ids=["slow", "reset", "silence"])
@pytest.mark.parametrize(("server_hops", "acts_by"), [(4, 3), (12, 2), (12, 1), (9, 8), (31, 17)])
def test_finds_the_hop(server_hops: int, acts_by: int, effect: dict[str, object]) -> None:
    """Wherever it sits short of the server, the stretch is the one hop before it."""
    steps, found = search(path(server_hops, acts_by, effect))
    assert found is not None
    assert (found.after_hop, found.by_hop, found.server_hops) == (acts_by - 1, acts_by, server_hops)
    assert len(steps) <= 24


@pytest.mark.parametrize("server_hops", [2, 5, 20])
def test_nothing_short_of_the_server_is_said_so(server_hops: int) -> None:
    """A name that has no effect on the way (innocent): only the last stretch is left."""
    _, found = search(path(server_hops, None, {}))
    assert found is not None
    assert (found.after_hop, found.by_hop) == (server_hops - 1, server_hops)


def test_the_first_hop_clears_nobody() -> None:
    """A filter at home (innocent) is at hop 1; so is the provider's first router on a mobile line.

    The words hold for both.
    """
    _, found = search(path(6, 1, EFFECTS[1]))
    assert found is not None
    assert (found.after_hop, found.by_hop) == (0, 1)
    for place in ("on this device", "your router", "the provider's"):
        assert place in found.because
    assert "not in" not in found.because


def test_a_method_that_is_punished_itself_says_nothing() -> None:
    """If a neutral name fares badly too when it is shown like that (innocent), nothing is said."""

    def answer(shown: Shown, hops: int, _index: int) -> dict[str, object]:
        if shown is Shown.SAME:
            return {"fate": "reached" if hops >= 6 else "expired"}
        return EFFECTS[0] | {"failure": "connection_reset"}

    steps, found = search(answer)
    assert found is not None
    assert found.after_hop is found.by_hop is None
    assert all(s.sni != TARGET for s in steps)


@pytest.mark.parametrize("poor", [{"goodput_bps": SLOW}, {"capped": True}], ids=["slow", "capped"])
def test_beside_a_base_that_crawls_nothing_is_said(poor: dict[str, object]) -> None:
    """A line that fills up after the first steps (innocent) hides any effect: it is not denied."""
    honest = path(6, None, {})

    def answer(shown: Shown, hops: int, index: int) -> dict[str, object]:
        return poor if shown is not Shown.SAME else honest(shown, hops, index)

    steps, found = search(answer)
    assert found is not None
    assert found.after_hop is found.by_hop is None
    assert "crawls" in found.because
    assert all(s.sni != TARGET for s in steps)


def test_a_slow_line_is_no_crawling_base() -> None:
    """Where every step is as slow as the first ones (innocent), an effect is still found."""

    def answer(shown: Shown, hops: int, index: int) -> dict[str, object]:
        usual = {"goodput_bps": 4 * SLOW} | path(6, None, {})(shown, hops, index)
        return {"goodput_bps": SLOW // 2} if shown is Shown.TARGET and hops >= 3 else usual

    _, found = search(answer)
    assert found is not None
    assert (found.after_hop, found.by_hop) == (2, 3)


def test_residual_slowness_of_the_address_says_nothing() -> None:
    """Once hit, everything to that address is slow: no hop can be told."""
    hit = False

    def answer(shown: Shown, hops: int, _index: int) -> dict[str, object]:
        nonlocal hit
        if shown is Shown.SAME:
            return {"fate": "reached" if hops >= 6 else "expired"}
        hit = hit or (shown is Shown.TARGET and hops >= 3)
        return {"goodput_bps": SLOW} if hit else {}

    _, found = search(answer)
    assert found is not None
    assert found.after_hop is None


def test_one_lost_packet_moves_nothing() -> None:
    """A step that fails once by chance (innocent) is outvoted."""
    honest = path(12, 7, EFFECTS[0])

    def answer(shown: Shown, hops: int, index: int) -> dict[str, object]:
        # Limit 5 is free; the first look there happens to crawl.
        seen = answer.__dict__.setdefault("seen", set())
        if shown is Shown.TARGET and hops < 7 and hops not in seen:
            seen.add(hops)
            return {"goodput_bps": SLOW}
        return honest(shown, hops, index)

    _, found = search(answer)
    assert found is not None
    assert (found.after_hop, found.by_hop) == (6, 7)


@pytest.mark.parametrize("fate", ["lost", "expired"])
def test_a_server_out_of_reach_ends_the_search(fate: str) -> None:
    """No limit reaches it: the search ends, and says that the distance is not known."""
    steps, found = search(lambda *_: {"fate": fate})
    assert found is not None
    assert found.server_hops is None
    assert "distance" in found.because
    assert len(steps) <= 8


@pytest.mark.parametrize(
    "broken",
    [
        {"failure": "interrupted", "operation": "read"},
        {"failure": "generic_timeout_error", "operation": "connect", "fate": None},
        {"failure": "unknown_failure: refused busy", "operation": "read"},
    ],
)
def test_our_own_faults_are_no_answers(broken: dict[str, object]) -> None:
    """Steps that our side ended never count as an effect of the name."""
    honest = path(6, None, {})

    def answer(shown: Shown, hops: int, index: int) -> dict[str, object]:
        return broken if shown is Shown.TARGET else honest(shown, hops, index)

    _, found = search(answer)
    assert found is not None
    assert found.after_hop is None
