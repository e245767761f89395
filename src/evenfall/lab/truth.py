"""Truth beside verdict: what a scenario says is right, and whether `check` said it.

Reads what `check --json` printed (CONTRACTS: unknown fields are ignored), and knows that a censor
with hours does nothing outside them.
"""

from __future__ import annotations

import msgspec

from evenfall.lab.clock import within
from evenfall.lab.scenario import (
    EVERY_SERVICE,
    NO_MECHANISM,
    TARGETS,
    CensorRule,
    Expected,
    Scenario,
)
from evenfall.model.errors import LabError
from evenfall.model.vocabulary import Scope, State

__all__ = ["Comparison", "Found", "Seen", "compare", "expected_answers", "read_check"]

_OK = (State.OK,)


class FoundWay(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a way to a target that is compared."""

    mechanism: str | None = None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a verdict that is compared."""

    service: str
    target: str = ""
    state: str
    scope: str
    mechanism: str | None = None
    rule_id: str = ""
    because: str = ""
    ways: tuple[FoundWay, ...] = ()


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What one `check` said.

    Attributes:
        answer: the summary's.
        found: one a target.
    """

    answer: str
    found: tuple[Found, ...]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One target: the truth in words, what was found, whether that is one of the right verdicts.

    Attributes:
        found: null if `check` said nothing about the target.
    """

    service: str
    target: str = ""
    truth: str
    found: Found | None
    match: bool


class _Line(msgspec.Struct, frozen=True):
    kind: str = ""
    answer: str = ""


def read_check(output: bytes) -> Seen:
    """Verdicts and summary from JSON Lines.

    Raises:
        LabError: no summary in it: the check did not come to its end.
    """
    found: list[Found] = []
    answer = ""
    for line in output.splitlines():
        try:
            head = msgspec.json.decode(line, type=_Line)
            if head.kind == "verdict":
                found.append(msgspec.json.decode(line, type=Found))
        except msgspec.DecodeError as error:
            raise _no_result(f"a line that is not its JSON ({error})") from error
        if head.kind == "summary":
            answer = head.answer
    if not answer:
        raise _no_result("no summary line")
    return Seen(answer=answer, found=tuple(found))


def compare(scenario: Scenario, seen: Seen, *, minute_of_day: float) -> list[Comparison]:
    """Every target's verdict against the truth at that time of day."""
    by_target = {found.target: found for found in seen.found}
    return [
        _compare_one(target, _expected(scenario, target, minute_of_day), by_target.get(target))
        for target in TARGETS
    ]


def expected_answers(scenario: Scenario, *, minute_of_day: float) -> tuple[str, ...]:
    """Right values of the summary's answer: `ok` if all that the censor does rests now."""
    resting = scenario.censor and not any(_is_active(r, minute_of_day) for r in scenario.censor)
    return ("ok",) if resting and not scenario.innocents else scenario.answers


def _expected(scenario: Scenario, target: str, minute_of_day: float) -> Expected | None:
    """The case's own expectation; None: the target has to be ok."""
    service, _, which = target.partition("/")
    rules = [r for r in scenario.censor if service in r.services or not r.services]
    if rules and not any(_is_active(rule, minute_of_day) for rule in rules):
        return None
    wanted = ((service, which), (service, ""), (EVERY_SERVICE, ""))
    entries = {(e.service, e.target): e for e in reversed(scenario.expected)}
    return next((entries[key] for key in wanted if key in entries), None)


def _is_active(rule: CensorRule, minute_of_day: float) -> bool:
    return within(minute_of_day, rule.from_local, rule.to_local)


def _compare_one(target: str, expected: Expected | None, found: Found | None) -> Comparison:
    states = _OK if expected is None else expected.state
    scopes: tuple[Scope, ...] = () if expected is None else expected.scope
    mechanisms = () if expected is None else expected.mechanism
    ways = () if expected is None else expected.ways
    match = (
        found is not None
        and found.state in states
        and (found.state == State.OK or found.scope in scopes)
        and (found.mechanism or NO_MECHANISM) in (mechanisms or (NO_MECHANISM,))
        and {way.mechanism for way in found.ways}.issuperset(ways)
    )
    return Comparison(
        service=target.partition("/")[0],
        target=target,
        truth=_words(states, scopes, (*mechanisms, *ways)),
        found=found,
        match=match,
    )


def _words(
    states: tuple[State, ...], scopes: tuple[Scope, ...], mechanisms: tuple[str, ...]
) -> str:
    return ", ".join("|".join(part) for part in (states, scopes, mechanisms) if part)


def _no_result(seen: str) -> LabError:
    return LabError(
        expected="verdicts and a summary from `evenfall check --json`",
        seen=seen,
        where="its output",
        remedy="Run `evenfall lab run SCENARIO -- evenfall check --targets {targets} --yes` to "
        "see what it says.",
    )
