"""Redirects are foreign data: what is followed, what is not, and that none ends a check."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfall.model.vocabulary import Fact
from evenfall.probe.redirects import next_url

HERE = "https://video.test/a/b?c=d"

FOLLOWED = {
    "https://other.test/x": "https://other.test/x",
    "/x?y#z": "https://video.test/x?y",
    "c": "https://video.test/a/c",
    "//other.test": "https://other.test",
    "http://OTHER.test:8080/": "http://OTHER.test:8080/",
    "http://203.0.113.9/": "http://203.0.113.9/",
    "http://[2001:db8::1]:80/": "http://[2001:db8::1]:80/",
}

LEFT_ALONE = [
    "http://known.host:99999/", "http://known.host:0/", "http://known.host:x/", "http://[oops/",
    "http://a..b/", "http://" + "a" * 64 + ".test/", "http://-/", "http://me:pw@other.test/",
    "ftp://other.test/", "javascript:alert(1)", "http:///x", "http://\x00/", "http://a.test/a b",
    "http://пример.test/", "http://a.test/" + "x" * 2000, "http://127.1/", "http://2130706433/",
    "http://0x7f000001/", "http://[fe80::1%25lo]/",
    "http://169.254.169.254/latest", "http://[fe80::1]/", "http://[::ffff:169.254.169.254]/",
    "http://0.0.0.0/", "http://224.0.0.1/", "http://[fd00:ec2::254]/",
]  # fmt: skip


@pytest.mark.parametrize(("location", "expected"), FOLLOWED.items())
def test_followed(location, expected):
    """Absolute, relative and scheme-less addresses lead where RFC 3986 says."""
    assert next_url(HERE, location) == expected


@pytest.mark.parametrize("location", LEFT_ALONE)
def test_left_alone(location):
    """Bad ports, hosts that are none, user names, other schemes: not followed, no error."""
    assert next_url(HERE, location) is None


@given(st.text(max_size=60) | st.text(alphabet="htps:/[]@%.0123x#?\\ -_", max_size=60))
def test_any_text_is_a_location(location):
    """Whatever a header holds, the answer is an address or None."""
    found = next_url(HERE, location)
    assert found is None or found.startswith(("http://", "https://"))


@pytest.mark.parametrize("location", LEFT_ALONE[:8])
def test_a_check_survives_it(world, location):
    """A site that redirects to nonsense costs one visit; the round ends with all its verdicts."""

    async def elsewhere(stream):
        await stream.read(65_536, timeout_s=60)
        head = f"HTTP/1.1 302 X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        await stream.write(head.encode(), timeout_s=60)
        stream.close()

    world.put("video", peer=world.tls("video", elsewhere))
    result = world.check()
    assert len(result.judged.verdicts) == 3
    assert any(
        o.status_code == 302
        for o in result.observations
        if (o.target, o.fact) == ("video/front", Fact.HTTP_EXCHANGE)
    )
