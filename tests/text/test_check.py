"""Sentences of one occasion: each answer has one, none claims more than one occasion can show."""

from __future__ import annotations

import itertools

import pytest

from evenfall.infer.answer import sum_up
from evenfall.model.verdict import SlowerBy, Verdict
from evenfall.model.vocabulary import Answer, ClaimLevel, Explanation, Scope, State
from evenfall.text.answer import answer_sentence
from evenfall.text.check import NOT_SHOWN, next_step, rival_words
from evenfall.text.reasons import reasons
from evenfall.text.rows import PairFigures, mark_of, row_words


def verdict(state: State, scope: Scope, *, service: str = "youtube", by: bool = False) -> Verdict:
    """A verdict as a rule would print it."""
    return Verdict(
        target=f"{service}/front", service=service, state=state, scope=scope,
        scope_because="why so", mechanism=None, claim_level=ClaimLevel.L1, isolated=by,
        slower_by=SlowerBy(median=41, low=22, high=88) if by else None, n_pairs=3, e_value=5120,
        bytes=1, rule_id="check.ok", ruleset="r", profile="p", witnesses=(), because="it was seen",
    )  # fmt: skip


EVERY = [verdict(state, scope) for state, scope in itertools.product(State, Scope)]
SLOWED = verdict(State.SLOWED, Scope.TARGETED, by=True)


@pytest.mark.parametrize("line_slow", [False, True])
@pytest.mark.parametrize("one", EVERY, ids=lambda v: f"{v.state}-{v.scope}")
def test_one_occasion_claims_no_pattern(one, line_slow):
    """Whatever the verdict and its answer: a full sentence, no curfew, no culprit, no pattern."""
    answer = sum_up([one], line_slow=line_slow)
    sentence = answer_sentence(answer, [one])
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    said = " ".join([sentence, *reasons(answer, [one])]).lower()
    for word in ("curfew", "every evening", "every day", "government", "ministry", "throttled"):
        assert word not in said
    assert next_step(answer, has_server=True).endswith((".", ")."))


def test_targeted_names_the_services():
    """One is, two are; blocking and slowing in one sentence; controls are mentioned."""
    assert answer_sentence(Answer.TARGETED_SLOWING, [SLOWED]).startswith(
        "Right now YouTube is slowed by name;"
    )
    both = [SLOWED, verdict(State.BLOCKED, Scope.TARGETED, service="telegram")]
    said = answer_sentence(Answer.TARGETED_BLOCKING, both)
    assert "YouTube is slowed by name and Telegram does not open" in said
    assert "neutral sites on the same line are fine" in said


def test_the_effect_is_said_with_its_interval():
    """41 times (22–88), control over target."""
    assert any("41 times (22–88)" in line for line in reasons(Answer.TARGETED_SLOWING, [SLOWED]))


def test_cannot_tell_is_said_plainly():
    """Slow and shut together, the service names, and that the reason is not known."""
    found = [
        verdict(State.SLOWED, Scope.UNDETERMINED),
        verdict(State.BLOCKED, Scope.UNDETERMINED, service="telegram"),
    ]
    said = answer_sentence(Answer.CANNOT_TELL, found)
    assert "YouTube is slow and Telegram does not open" in said
    assert "cannot tell" in said


def test_a_slow_line_accuses_no_service():
    """Everything is slow; a name that is slower still is mentioned beside it."""
    said = answer_sentence(Answer.LINE_SLOW, [verdict(State.SLOWED, Scope.GENERALIZED)])
    assert "not one service" in said
    assert "by name" not in said
    assert "by name" in answer_sentence(Answer.LINE_SLOW, [SLOWED])


def test_rows():
    """Marks and words of a row: ✔ ▼ ✖ ?, speeds, and how our own server fared."""
    figures = PairFigures(neutral_bps=36e6, slower=2, total=2)
    row = row_words(SLOWED, target_bps=0.3e6, pairs=figures)
    assert row == "0.3 Mbit/s; same server, other name: 36 Mbit/s (2 of 2)"
    assert [mark_of(verdict(s, Scope.UNDETERMINED)) for s in State] == ["✔", "▼", "✖", "✖", "?"]
    for one in EVERY:
        assert row_words(one, target_bps=None, pairs=None)


def test_what_is_not_shown_and_rivals():
    """The caveat names time, other lines and who; every rival has words."""
    for word in ("other hours", "other days", "other lines", "who"):
        assert word in NOT_SHOWN
    assert len({rival_words(e) for e in Explanation}) == len(Explanation)


def test_a_measurement_server_is_suggested_only_where_there_is_none():
    """Who has one is not told to get one."""
    assert "server" in next_step(Answer.CANNOT_TELL, has_server=False)
    assert "server" not in next_step(Answer.CANNOT_TELL, has_server=True)


def test_a_server_fault_is_not_nothing_to_do():
    """Where everything is fine but the server, the next step is the server; else as it was."""
    said = next_step(Answer.OK, has_server=True, server_failed=True)
    assert "Nothing to do" not in said
    assert "measurement server" in said
    again = next_step(Answer.NOT_MEASURED, has_server=True, interrupted=True)
    assert "again" in again
