"""What a server may look at: the operator's list, read strictly."""

from __future__ import annotations

from pathlib import Path

import pytest

from evenfall.model.errors import FormatError, UsageError
from evenfall.probe.builtin import BUILT_IN
from evenfall.server.allow_list import ENTRIES_MAX, MASS_MARKET, read_allow_list
from evenfall.server.outside_look import place_of


def _list(tmp_path, text):
    path = tmp_path / "hosts"
    path.write_text(text)
    return read_allow_list(path)


def test_the_built_in_list_may_be_looked_at_without_a_list():
    """Innocent: whatever `check` measures by itself, a server answers for by itself."""
    sites = (*BUILT_IN.targets, *BUILT_IN.controls)
    assert len(sites) >= 10
    assert [s.url for s in sites if isinstance(place_of(s.url, MASS_MARKET), str)] == []


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://WWW.Video.Example./watch?v=1", "www.video.example"),
        ("https://video.example:443/", "video.example"),
        ("http://video.example/", "video.example"),
        ("https://deep.er.shop.example/", "deep.er.shop.example"),
        ("https://video.example:8443/", "video.example"),
        ("https://[2001:DB8:0::1]/", "2001:db8::1"),
        ("https://xn--80ak6aa92e.example/", "xn--80ak6aa92e.example"),
    ],
)
def test_listed_places(tmp_path, url, host):
    """Innocent: other spellings of a listed host are that host."""
    hosts = _list(
        tmp_path,
        "# ours\nwww.video.example\nVideo.example:8443 # and a port\n*.shop.example\n"
        "2001:db8::1\nxn--80ak6aa92e.example\n",
    )
    assert place_of(url, hosts).host == host


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://evil.example/", "not_listed"),
        ("https://shop.example/", "not_listed"),  # *. is every name below it, not itself
        ("https://notshop.example/", "not_listed"),
        ("https://video.example.evil.example/", "not_listed"),
        ("https://video.example:22/", "not_listed"),
        ("https://video.example:0/", "malformed"),
        ("https://a.shop.example:8443/", "not_listed"),
        ("https://203.0.113.7/", "not_listed"),
        ("https://127.0.0.1/", "not_listed"),
        ("https://[::ffff:10.0.0.1]/", "not_listed"),
        ("https://127.1/", "malformed"),
        ("https://2130706433/", "malformed"),
        ("https://0x7f000001/", "malformed"),
        ("https://user@video.example/", "malformed"),
        ("https://user:word@video.example/", "malformed"),
        ("https://video.example@evil.example/", "malformed"),
        ("https://video.example\\@evil.example/", "malformed"),
        ("https://video.example%2eevil.example/", "malformed"),
        ("https://vіdeo.example/", "malformed"),  # a Cyrillic letter
        ("https://video.example/ x", "malformed"),
        ("https://video.example/\r\nHost: evil.example", "malformed"),
        ("ftp://video.example/", "malformed"),
        ("file:///etc/passwd", "malformed"),
        ("mtproto://203.0.113.7:443", "not_listed"),
        ("mtproto://video.example", "malformed"),
        ("mtproto://video.example:443/path", "malformed"),
        ("mtproto://u:w@video.example:443", "malformed"),
        ("mtproto:video.example:443", "malformed"),
        ("mtproto://video.example:25", "not_listed"),
        ("//video.example/", "malformed"),
        ("https://[fe80::1%25eth0]/", "malformed"),
        ("https:///", "malformed"),
        ("", "malformed"),
        ("https://video.example/" + "a" * 2000, "malformed"),
    ],
)
def test_places_that_are_refused(tmp_path, url, code):
    """Neither another host, nor another port, nor a host hidden in another spelling."""
    hosts = _list(tmp_path, "video.example\n*.shop.example\n")
    assert place_of(url, hosts) == code


def test_an_empty_list_looks_at_nothing(tmp_path):
    """How an operator switches it off."""
    assert place_of("https://www.youtube.com/", _list(tmp_path, "# nothing\n")) == "not_listed"


@pytest.mark.parametrize(
    "line", ["https://video.example/", "video.example/x", "*", "*.", "a b", "x@y", "*.1.2.3.4", "é"]
)
def test_a_line_that_is_no_host_is_named(tmp_path, line):
    """The operator is told which line."""
    with pytest.raises(FormatError, match="line 2"):
        _list(tmp_path, f"video.example\n{line}\n")


def test_lists_are_bounded_and_have_to_exist(tmp_path):
    """No endless list, no missing one."""
    with pytest.raises(FormatError, match="lines"):
        _list(tmp_path, "a.example\n" * (ENTRIES_MAX + 1))
    with pytest.raises(UsageError, match="--look-at"):
        read_allow_list(tmp_path / "absent")


def test_too_much_says_what_is_too_much(tmp_path):
    """Bytes or lines, each with its own bound; a long entry is not repeated whole."""
    for text, said in (
        ("#" + "x" * 300_000, "more than 256 KiB"),
        ("a.example\n" * (ENTRIES_MAX + 1), f"{ENTRIES_MAX + 1} lines"),
    ):
        with pytest.raises(FormatError) as refused:
            _list(tmp_path, text)
        assert f"found {said}" in str(refused.value)
    with pytest.raises(FormatError) as refused:
        _list(tmp_path, "x " * 2_500)
    assert len(str(refused.value)) < 400 + len(str(tmp_path))


def test_a_list_is_a_file(tmp_path):
    """A device or a pipe is refused, not waited for."""
    with pytest.raises(UsageError, match="no regular file"):
        read_allow_list(Path("/dev/full"))
