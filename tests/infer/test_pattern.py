"""Patterns in bounded time find what Python's `re` finds, and never hang."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenfall.infer.fingerprints import read_fingerprints
from evenfall.infer.pattern import (
    STATES_MAX,
    STEPS_MAX,
    Allowance,
    PatternError,
    compile_pattern,
)
from evenfall.model.errors import FormatError

KINDS = [
    r"<title>Access (denied|blocked)</title>", r"(?i)ЗАБЛОКИРОВАН", r"^<html>.*</html>$",
    r"a{2,3}b",
    r"x{0}y", r"(ab)*c", r"(?:a|b|)+z", r"[^<>]+>", r"\d{1,3}(\.\d{1,3}){3}", r"a.*?b.*?c", r"\Aq",
    r"q\Z", r"q$", r"[]a]+", r"[a\]]x", r"{literal}", r"a{,2}b", r"\x41\u0416", r"(?P<name>ab)+c",
    r"\.\*", r"", r"a|", r"()", r"(a?){4}a{4}", r"[\w-]+@", r"\s\S", r"http:\/\/10\.10\.",
]  # fmt: skip
TEXTS = [
    "", "q", "q\n", "aq", "<title>Access blocked</title>", "доступ заблокирован", "<html>x</html>",
    "<html>\n</html>\n", "aab", "aaab", "ab", "y", "ababc", "c", "z", "abz", ">", "x>",
    "10.10.34.35",
    "a1b2c", "]x", "{literal}", "AЖ", ".*", "aaaa", "aaa", "me-too@", " x", "http://10.10.34.1",
]  # fmt: skip


@pytest.mark.parametrize("pattern", KINDS)
def test_it_finds_what_re_finds(pattern):
    """Every kind of piece, on texts that fit and that do not."""
    theirs = re.compile(pattern, re.DOTALL)
    ours = compile_pattern(pattern)
    for text in TEXTS:
        assert ours.found_in(text) == bool(theirs.search(text)), text


def _patterns():
    atoms = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "\\w", "^", "$", "\n", "ba"])
    return st.recursive(
        atoms,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=4).map("".join),
            st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
            st.tuples(
                inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,3}?", "{2,}"])
            ).map(lambda two: f"(?:{two[0]}){two[1]}"),
        ),
        max_leaves=8,
    )


@settings(max_examples=400, deadline=None)
@given(_patterns(), st.lists(st.text("ab\n", max_size=12), min_size=1, max_size=5))
def test_any_pattern_agrees_with_re(pattern, texts):
    """Drawn patterns and texts; `re` is the independent reference."""
    theirs = re.compile(pattern, re.DOTALL)
    ours = compile_pattern(pattern)
    for text in texts:
        assert ours.found_in(text) == bool(theirs.search(text))


SLOW = [r"(a+)+$", r"(a|aa)+b", r"(a*)*b", r".*.*.*.*x", r"(.*a){20}b", r"(a?){80}a{80}c",
        r"([a-z]+[0-9]*)+!", r"(\w+\s?)*\."]  # fmt: skip


@pytest.mark.parametrize("pattern", SLOW)
@pytest.mark.parametrize("text", ["a" * 16_384, "ab1 " * 4096, "".join(map(chr, range(32, 9000)))])
def test_no_pattern_takes_long(pattern, text):
    """What `re` would not end in a lifetime is over in a moment."""
    ours = compile_pattern(pattern)
    before = time.perf_counter()
    ours.found_in(text)
    assert time.perf_counter() - before < 1.5


@pytest.mark.parametrize(
    "pattern",
    [r"(a)\1", r"(?=a)", r"(?<!a)b", r"\bword", r"a**", r"a++", r"(?x)a", r"(a", r"a)", r"[a",
     r"*a", r"a{300}", r"a{3,1}", r"(a{100}){100}", r"(?(1)a|b)", "\\", r"[z-a]", "(" * 30,
     r"\Qa", r"(?#x)", "a" * (STATES_MAX + 1)],
)  # fmt: skip
def test_the_rest_is_refused(pattern):
    """What cannot be done in bounded time, or is no pattern, says so before anything is sent."""
    with pytest.raises(PatternError):
        compile_pattern(pattern)


@settings(max_examples=300, deadline=None)
@given(st.text("ab()[]{}*+?|^$.\\,19", max_size=20))
def test_foreign_text_never_raises_anything_else(pattern):
    """Either it is read, or it is a `PatternError`."""
    try:
        ours = compile_pattern(pattern)
    except PatternError:
        return
    ours.found_in("ab1" * 20)


def test_a_file_of_patterns_is_held_to_it():
    """A row that could hang a check is refused with its line; one that only looks so is read."""
    head = "name,scope,location_found,pattern_type,pattern\n"
    with pytest.raises(FormatError, match=r"line 3.*bounded time"):
        read_fingerprints(head + "a,nat,body,regexp,x\nb,nat,body,regexp,(a)\\1\n", where="f.csv")
    (row,) = read_fingerprints(head + "a,nat,body,regexp,(a+)+$\n", where="f.csv")
    before = time.perf_counter()
    assert not row.fits("a" * 16_000 + "!", Allowance(STEPS_MAX))
    assert time.perf_counter() - before < 1.5
    with pytest.raises(FormatError, match=r"f\.csv"):
        read_fingerprints(head + 'a,nat,body,contains,"' + "x" * 200_000, where="f.csv")
