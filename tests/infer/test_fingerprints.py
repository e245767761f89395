"""The person's own list of block pages: its format, and what a match may decide."""

from __future__ import annotations

import time

import pytest
from round_maker import BLOCK_PAGE, PLAIN, TARGET, RoundMaker

from evenfall.infer.facts import Page
from evenfall.infer.fingerprints import (
    REGEXPS_MAX,
    ROWS_MAX,
    Fingerprint,
    match,
    match_address,
    read_fingerprints,
)
from evenfall.model.errors import FormatError
from evenfall.model.vocabulary import Scope, State

SITE = "203.0.113.11"
HEAD = (
    "name,scope,other_names,location_found,pattern_type,pattern,confidence_no_fp,expected_countries,"
    "source,exp_url,notes\n"
)
"""The columns of ooni/blocking-fingerprints as of 2024-10."""
FILE = HEAD + (
    'nat.one,nat,,body,contains,"withheld, by order",10,KZ,,,\n'
    "isp.two,isp,,header.location,prefix,http://block.isp.test/,10,KZ,,,\n"
    "isp.three,isp,,header.Server,full,Blocker/1.0,10,KZ,,,\n"
    "prod.four,prod,,body,regexp,Category: \\d+,5,,,,\n"
    "vbw.five,vbw,,body,contains,blocked,1,,,,\n"
    "fp.six,fp,,body,contains,captcha,0,,,,\n"
    "dns.seven,isp,,dns,full,203.0.113.90,10,KZ,,,\n"
)


def rows() -> tuple[Fingerprint, ...]:
    """The file above."""
    return read_fingerprints(FILE, where="own.csv")


@pytest.mark.parametrize(
    ("text", "headers", "name"),
    [
        ("<p>withheld, by order of somebody", {}, "nat.one"),
        ("", {"location": "http://block.isp.test/?id=7"}, "isp.two"),
        ("", {"server": "Blocker/1.0"}, "isp.three"),
        ("", {"server": "Blocker/1.0 beta"}, None),  # `full` is the whole
        ("Category: 17", {}, "prod.four"),
        ("Category: 17, withheld, by order", {}, "nat.one"),  # a network's page weighs more
        ("blocked", {}, None),  # a vague sign never counts
        ("captcha: withheld, by order", {}, "fp.six"),  # and this one says that it is none
        ("an ordinary page", {"server": "nginx"}, None),
        ("203.0.113.90", {}, None),  # an address is looked for in answers of resolvers alone
    ],
)
def test_a_row_fits_where_it_says(text: str, headers: dict[str, str], name: str | None) -> None:
    """Each location and pattern type, and which row decides if several fit."""
    found = match(rows(), text=text, headers=headers)
    assert (found.name if found else None) == name


def test_an_address_that_is_known() -> None:
    """`dns` rows are asked about addresses."""
    assert match_address(rows(), ["198.51.100.1", "203.0.113.90"]) == "dns.seven"
    assert match_address(rows(), ["203.0.113.9"]) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,scope\n", "no column location_found, pattern_type, pattern"),
        (HEAD + "a,nat,,body,glob,x,,,,,\n", "'glob'"),
        (HEAD + "a,zzz,,body,full,x,,,,,\n", "'zzz'"),
        (HEAD + "a,,,body,full,x,,,,,\n", "a scope of"),
        (HEAD + "a,nat,,body,regexp,x,,,,,\n" * (REGEXPS_MAX + 1), f"{REGEXPS_MAX} regular"),
        (HEAD + "a,nat,,footer,full,x,,,,,\n", "'footer'"),
        (HEAD + "a,nat,,body,full,,,,,,\n", "0 characters"),
        (HEAD + "a,nat,,body,regexp,(,,,,,\n", "line 2"),
        (HEAD + "a,nat,,body,full,x,,,,,\n" * (ROWS_MAX + 1), f"at most {ROWS_MAX} rows"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(text: str, said: str) -> None:
    """With the file, the line, and what was there."""
    with pytest.raises(FormatError, match=r"own\.csv") as refused:
        read_fingerprints(text, where="own.csv")
    assert said in str(refused.value)


HARD = "".join(f"h{i},isp,,body,regexp,(.*a){{12}}(b{i}),,,,,\n" for i in range(REGEXPS_MAX))
PLAINEST = "p,isp,,body,contains,x,,,,,\n"


def test_a_long_list_takes_a_moment_a_page() -> None:
    """A thousand patterns that fit nothing end early; the same page costs nothing again."""
    hard = read_fingerprints(HEAD + HARD, where="own.csv")
    before = time.perf_counter()
    assert match(hard, text="ac" * 8_000, headers={}) is None
    assert time.perf_counter() - before < 2  # 0.2 s on a machine that does nothing else
    before = time.perf_counter()
    for _ in range(1_000):
        assert match(hard, text="ac" * 8_000, headers={}) is None
    assert time.perf_counter() - before < 1


def test_a_list_that_was_not_searched_to_its_end_fits_nothing() -> None:
    """The rows behind might have said that it is no block page; a short list is searched."""
    hard = read_fingerprints(HEAD + PLAINEST + HARD, where="own.csv")
    assert match(hard, text="x" + "ac" * 8_000, headers={}) is None
    few = read_fingerprints(HEAD + PLAINEST, where="own.csv")
    assert match(few, text="x" + "ac" * 8_000, headers={}) is few[0]


def test_a_long_plain_list_is_searched_to_its_end() -> None:
    """Innocent: twenty thousand rows of plain words, the last one fits."""
    many = "q,isp,,body,contains,withheld,,,,,\n" * (ROWS_MAX - 1) + PLAINEST
    found = match(
        read_fingerprints(HEAD + many, where="own.csv"), text="a" * 16_000 + "x", headers={}
    )
    assert found is not None
    assert found.name == "p"


def known_page(r: RoundMaker, *, page: Page, sha256: str = "here") -> RoundMaker:
    """A page over plain HTTP, and a neutral name that gets another."""
    r.good_controls().known().visit(PLAIN, SITE, page=page, body=300, body_sha256=sha256)
    r.visit(PLAIN, SITE, name="news.test")
    return r


NETWORKS = Page(text="<p>withheld, by order of somebody")
PRODUCTS = Page(text="Category: 17")
CAPTCHA = Page(text=BLOCK_PAGE.text + " captcha")


@pytest.mark.parametrize(
    ("page", "outside", "scope", "state"),
    [
        (NETWORKS, "there", Scope.TARGETED, State.BLOCKED),
        (NETWORKS, "here", Scope.UNDETERMINED, State.BLOCKED),  # everybody gets that page
        (NETWORKS, None, Scope.UNDETERMINED, State.BLOCKED),  # nobody looked
        (PRODUCTS, "there", Scope.UNDETERMINED, State.BLOCKED),  # it may stand at the site
        (BLOCK_PAGE, "there", Scope.UNDETERMINED, State.BLOCKED),  # a phrase, in no list
        (CAPTCHA, "there", Scope.UNDETERMINED, State.OK),  # the list says that it is none
    ],
)
def test_what_a_match_decides(page: Page, outside: str | None, scope: Scope, state: State) -> None:
    """Only a network's own page, and another one outside from the same address; never isolated."""
    r = known_page(RoundMaker(PLAIN), page=page)
    if outside:
        r.outside(address=SITE, body_sha256=outside)
    verdict = r.verdict(fingerprints=rows())
    assert (verdict.state, verdict.scope) == (state, scope)
    assert not verdict.isolated


def test_under_the_sites_own_certificate_it_is_the_sites_word() -> None:
    """Innocent: a network's page that the site itself shows."""
    r = RoundMaker().good_controls().known()
    r.visit(TARGET, SITE, page=NETWORKS, body=300, body_sha256="here")
    r.outside(address=SITE, body_sha256="there")
    assert r.verdict(fingerprints=rows()).scope is Scope.SERVER_SIDE
