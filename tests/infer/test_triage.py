"""Whose matter it is: conclusions from rounds made by hand, the innocent ones among them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from evenfall.infer.triage import ticket_of, triage_of
from evenfall.model.triage import Conclusion
from evenfall.model.vocabulary import Answer, State


@pytest.fixture(scope="module")
def make() -> ModuleType:
    """Rounds told in few words."""
    path = Path(__file__).resolve().parents[1] / "cli" / "screens" / "make.py"
    spec = importlib.util.spec_from_file_location("screens_for_infer", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def of(make: ModuleType, story, service: str):
    """The triage of a story."""
    result = story.result()
    return triage_of(result.judged, result.observations, service, answer=result.answer)


@pytest.mark.parametrize(
    ("case", "service", "conclusion"),
    [
        ("ok", "youtube", Conclusion.NOTHING_WRONG),
        ("slowed", "youtube", Conclusion.BY_NAME),
        ("slowed", "telegram", Conclusion.NOTHING_WRONG),
        ("blocked", "telegram", Conclusion.BY_NAME),
        ("blocked", "youtube", Conclusion.NOTHING_WRONG),
        ("congested", "youtube", Conclusion.OWN_NETWORK),
        ("site-down", "telegram", Conclusion.AT_SERVICE),
        ("site-down", "youtube", Conclusion.NOTHING_WRONG),
        ("cannot-tell", "youtube", Conclusion.CANNOT_TELL),
        ("vpn", "youtube", Conclusion.NOT_MEASURED),
        ("no-network", "youtube", Conclusion.NOT_MEASURED),
    ],
)
def test_conclusions(make, case, service, conclusion):
    """One service decides; what happens to others does not rub off on it."""
    said = of(make, make.CASES[case](), service)
    assert said.conclusion is conclusion
    assert said.service == service
    assert service not in [other.service for other in said.others]


def test_a_full_uplink_is_not_a_name(make):
    """Everything slow and pairs alike: ours. Everything slow and one name slower still: both."""
    full = make.congested()
    full.pairs(make.TARGETS[0], 8, kbit=850, neutral_kbit=900)
    said = of(make, full, "youtube")
    assert said.conclusion is Conclusion.OWN_NETWORK
    assert said.access_slow is True
    both = make.congested()
    both.pairs(make.TARGETS[0], 12, kbit=60, neutral_kbit=900)
    said = of(make, both, "youtube")
    assert (said.conclusion, said.answer) == (Conclusion.BY_NAME, Answer.LINE_SLOW)


def test_a_fast_access_behind_slow_upstreams(make):
    """Our own server is fast and all sites are slow: still ours, but not the access."""
    story = make.Story().router().names(*make.TARGETS, *make.CONTROLS)
    for site in (*make.CONTROLS, *make.TARGETS):
        story.visit(site, kbit=900)
    story.pairs(make.CONTROLS[0], 3, kbit=90_000, neutral_kbit=90_000, null=True)
    said = of(make, story, "youtube")
    assert said.conclusion is Conclusion.OWN_NETWORK
    assert (said.access_bps, said.access_slow) == (90_000_000, False)


def test_figures(make):
    """Medians of pairs, how many were slower, sites on both sides of the border, other services."""
    said = of(make, make.slowed(), "youtube")
    assert (said.by_name_bps, said.neutral_bps) == (300_000, 36_000_000)
    assert (said.slower_pairs, said.n_pairs) == (12, 12)
    assert (said.upstream_works, said.upstream_listed) == (3, 3)
    assert (said.domestic_works, said.domestic_listed) == (1, 1)
    assert {o.service: o.state for o in said.others} == {
        "facebook": State.SLOWED, "telegram": State.OK,
    }  # fmt: skip
    assert said.neutral_name_opens is None
    assert of(make, make.blocked(), "telegram").neutral_name_opens is True


@pytest.mark.parametrize(("kbit", "slow"), [(900, True), (90_000, False)])
def test_domestic_sites_that_answer_may_be_slow(make, kbit, slow):
    """All answer, and are slow like the rest or not: only the latter are fine."""
    story = make.Story().router().names(*make.TARGETS, *make.CONTROLS)
    for site in (*make.CONTROLS, *make.TARGETS):
        story.visit(site, kbit=kbit if site.domestic else 900)
    said = of(make, story, "youtube")
    assert (said.domestic_works, said.domestic_listed) == (1, 1)
    assert (said.domestic_slow, said.domestic_fine) == (slow, not slow)


def test_without_a_server_there_is_no_access_to_speak_of(make):
    """No pairs, no figures of our own; a null and never a zero."""
    said = of(make, make.cannot_tell(), "youtube")
    assert (said.access_bps, said.access_slow, said.neutral_bps, said.n_pairs) == (
        None, None, None, 0,
    )  # fmt: skip


def test_a_ticket_is_the_rounds(make):
    """The same round, the same ticket; another round, another; nothing observed, a fixed one."""
    observations = make.slowed().observations
    first = ticket_of(observations)
    assert first == ticket_of(observations[:1])
    other = [msgspec.structs.replace(observations[0], round_id="7b")]
    assert ticket_of(other) != first
    assert ticket_of([]) == "0A-000"
    tickets = {
        ticket_of([msgspec.structs.replace(observations[0], round_id=f"{n:x}")]) for n in range(500)
    }
    assert len(tickets) > 490
    assert all(len(t) == 6 and t[2] == "-" and "O" not in t and "I" not in t for t in tickets)


def test_a_service_that_was_not_measured_is_refused(make):
    """Nothing is concluded about what is not in the round."""
    with pytest.raises(ValueError, match="nobody"):
        of(make, make.ok(), "nobody")
