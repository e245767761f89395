"""A sentence is a string, and remembers how it was made."""

from __future__ import annotations

import json

import pytest

from evenfall.model.encoding import to_json_line
from evenfall.model.saying import say, say_n


def test_is_an_ordinary_string() -> None:
    """Equal to the English sentence, usable wherever one is."""
    said = say("it failed {times} times ({code})", times=2, code="eof_error")
    assert said == "it failed 2 times (eof_error)"
    assert said.template == "it failed {times} times ({code})"
    assert said.values == {"times": 2, "code": "eof_error"}


def test_holds_sayings_as_values() -> None:
    """A part that is a saying itself keeps its own template."""
    part = say("a neutral site")
    assert say("{what} works", what=part).values["what"].template == "a neutral site"


@pytest.mark.parametrize(("n", "expected"), [(0, "0 pairs"), (1, "1 pair"), (2, "2 pairs")])
def test_chooses_by_number(n: int, expected: str) -> None:
    """English has two forms; the number itself is `{n}`."""
    assert say_n("{n} pair", "{n} pairs", n) == expected


def test_a_missing_value_is_a_fault_of_ours() -> None:
    """A template that names what is not given fails where it is written, not on a screen."""
    with pytest.raises(KeyError):
        say("{who} did it")


def test_json_holds_the_english_sentence() -> None:
    """`--json` prints plain strings, nested ones too."""
    line = to_json_line({"because": say("slow by ×{factor:.1f}", factor=3.21), "n": [say("x")]})
    assert json.loads(line) == {"because": "slow by ×3.2", "n": ["x"]}


def test_json_refuses_what_it_has_no_form_for() -> None:
    """Nothing else slips through the hook that lets sayings pass."""
    with pytest.raises(NotImplementedError):
        to_json_line({"x": object()})
