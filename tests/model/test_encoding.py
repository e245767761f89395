"""Canonical JSON: one value, one sequence of bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfall.model import FormatError, canonical_json, digest_hex

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@given(VALUES)
def test_agrees_with_an_independent_encoder(value: object) -> None:
    """The standard library, told the same rules, writes the same bytes."""
    expected = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert json.loads(canonical_json(value)) == value
    # The two may differ in how control characters are escaped, never in order or spacing.
    if all(ord(c) >= 0x20 and c not in '"\\\x7f' for c in expected.replace('"', "")):
        assert canonical_json(value).decode() == expected


@given(VALUES)
def test_order_of_keys_does_not_matter(value: object) -> None:
    """A mapping written in another order has the same digest."""
    if isinstance(value, dict):
        turned = dict(reversed(list(value.items())))
        assert digest_hex(turned) == digest_hex(value)


@pytest.mark.parametrize("value", [1.0, {"a": [0.5]}, {"a": {"b": float("nan")}}])
def test_floats_are_refused(value: object) -> None:
    """A float never enters a signed or hashed thing, and the message says where it was."""
    with pytest.raises(FormatError, match=r"integers only"):
        canonical_json(value)


def test_depth_is_bounded() -> None:
    """Nesting without end is refused, not followed."""
    value: list[object] = []
    for _ in range(40):
        value = [value]
    with pytest.raises(FormatError, match="levels of nesting"):
        canonical_json(value)
