"""`Alt-Svc`: what offers HTTP/3 here, and what does not."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfall.wire.altsvc import VALUE_CHARS_MAX, offers_h3

OFFERS = [
    'h3=":443"; ma=2592000,h3-29=":443"; ma=2592000',
    'h3=":443"',
    'h2="other.example:443", h3=":443"; ma=86400; persist=1',
    'h3="video.test:443"',
    'h3="VIDEO.test:443" ; ma="60"',
    'h3=":4\\43"',
    ', ,h3=":443",',
    'w%3Dx%3Ay=":80",h3=":443"',
    'h3=":443";ma=0,h3=":443";ma=05',
]
NOTHING = [
    "",
    "clear",
    "Clear",
    'h3-29=":443"; ma=86400',
    'h3=":8443"',
    'h3="other.example:443"',
    'h3=":443"; ma=0',
    'h3=":443"; ma="00"',
    "h3=443",
    'h3=":443" ma=5',
    'h3=":443", nonsense',
    'H3=":443"',
    'h3=":443',
    'h3=""',
    'h3=":44३"',
    'h2=":443"',
    "h3",
]


@pytest.mark.parametrize("value", OFFERS)
def test_an_offer_is_seen(value):
    """HTTP/3 at our own host and port, whatever else is offered beside it (RFC 7838 §3)."""
    assert offers_h3(value, host="video.test", port=443)


@pytest.mark.parametrize("value", NOTHING)
def test_no_offer_is_made_up(value):
    """Drafts, other places, stale or withdrawn offers, and what cannot be read: nothing."""
    assert not offers_h3(value, host="video.test", port=443)


def test_the_port_is_ours():
    """A lab's site on another port offers HTTP/3 on that port."""
    assert offers_h3('h3=":8443"', host="video.test", port=8443)
    assert offers_h3('h3="[2001:db8::1]:443"', host="2001:db8::1", port=443)


@given(st.text(max_size=200))
def test_nothing_raises(value):
    """Foreign text never raises."""
    offers_h3(value, host="video.test", port=443)


@pytest.mark.parametrize(
    "value",
    ['h3=":443";ma=' * 300, 'h3="' + "\\a" * 2000, ";" * 4000, 'a="b"' + ";a=b" * 900 + "!",
     ", " * 2000, 'h3=":443",' * 400],
)  # fmt: skip
def test_no_value_takes_long(value):
    """The longest tricks are over in milliseconds."""
    before = time.perf_counter()
    offers_h3(value[:VALUE_CHARS_MAX], host="video.test", port=443)
    assert time.perf_counter() - before < 0.25
