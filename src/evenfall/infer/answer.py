"""One answer for several verdicts, in PRODUCT's order.

What it does. `sum_up` gives the first that holds of: not_measured (only if all), line_slow,
targeted_blocking, targeted_slowing, cannot_tell, site_down, ok.

Rules. A targeted answer comes only from scope `targeted`; blocked or slowed with another scope is
cannot_tell. `down` counts as site_down only where the site itself said so (`server_side`). A slow
line is the line's matter, whatever else is found beside it.

What it does not do. It prints nothing; `text.check` finds the words.
"""

from __future__ import annotations

from collections.abc import Sequence

from evenfall.model.verdict import Verdict
from evenfall.model.vocabulary import Answer, Scope, State

__all__ = ["sum_up"]

_NOT_MEASURED = frozenset(
    {"check.not_measured", "check.offline", "check.other_network", "check.own_side"}
)


def sum_up(verdicts: Sequence[Verdict], *, line_slow: bool) -> Answer:
    """The one answer."""
    if all(v.rule_id in _NOT_MEASURED for v in verdicts):
        return Answer.NOT_MEASURED
    if line_slow or any(v.scope is Scope.GENERALIZED for v in verdicts):
        return Answer.LINE_SLOW
    targeted = [v for v in verdicts if v.scope is Scope.TARGETED]
    if any(v.state is State.BLOCKED for v in targeted):
        return Answer.TARGETED_BLOCKING
    if any(v.state is State.SLOWED for v in targeted):
        return Answer.TARGETED_SLOWING
    if any(_is_open(v) for v in verdicts):
        return Answer.CANNOT_TELL
    if any(v.state is State.DOWN for v in verdicts):
        return Answer.SITE_DOWN
    return Answer.OK


def _is_open(verdict: Verdict) -> bool:
    if verdict.state is State.DOWN:
        return verdict.scope is not Scope.SERVER_SIDE
    return verdict.state is not State.OK
