"""Words of the rows: what a page with an error's status is called, and speeds near nothing."""

from __future__ import annotations

import pytest

from evenfall.model.verdict import Verdict
from evenfall.model.vocabulary import ClaimLevel, Scope, State
from evenfall.text.rows import row_words
from evenfall.text.words import speed_words

OPENS = Verdict(
    target="youtube/front", service="youtube", state=State.OK, scope=Scope.UNDETERMINED,
    scope_because="why so", mechanism=None, claim_level=ClaimLevel.L1, isolated=False,
    slower_by=None, n_pairs=0, e_value=None, bytes=1, rule_id="check.ok", ruleset="r", profile="p",
    witnesses=(), because="it was seen",
)  # fmt: skip


@pytest.mark.parametrize(("status", "opens"), [(200, True), (403, False), (404, False)])
def test_a_page_of_an_error_does_not_open(status, opens):
    """What answers with 403 or 404 is said to do that, and not to open."""
    row = row_words(OPENS, target_bps=2e7, pairs=None, status=status)
    assert ("opens" in row) is opens
    assert (f"answers with status {status}" in row) is not opens


@pytest.mark.parametrize(
    ("bps", "words"),
    [(0, "under 0.1 Mbit/s"), (4e4, "under 0.1 Mbit/s"), (6e4, "0.1 Mbit/s"), (2e7, "20 Mbit/s")],
)
def test_next_to_nothing_is_no_zero(bps, words):
    """A crawl is not said to be 0.0."""
    assert speed_words(bps) == words
