"""Anybody's table: which facts a row makes, why a row makes none, and that every row is counted."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenfall.archive.delimited import DelimitedReader
from evenfall.archive.mapping import read_map
from evenfall.archive.rows import REASONS, Reason
from evenfall.archive.table import TABLE_FORMAT, TableReader, host_of
from evenfall.model.errors import FormatError

NOW_US = 1_800_000_000_000_000

TESTS = """
[time]
column = "when"
zone = "UTC"
[local]
zone = "Africa/Nairobi"
[series]
service = "telegram"
network = { column = "asn", prefix = "AS" }
line = { column = "probe" }
[failure]
group = "uid"
endpoint = "url"
where = "endpoint_host not like '%:%' and proto != 'quic'"
failed = "outcome != 'ok'"
share_over = 0.3
"""
SPEEDS = """
[time]
column = "when"
format = "unix_s"
[local]
zone_by_network = { AS1 = "Asia/Almaty", AS2 = "Asia/Aqtobe" }
[series]
service = { column = "site" }
network = { column = "asn", prefix = "AS" }
[goodput]
target = "fast"
controls = ["c1", "c2"]
unit = "kbit/s"
"""
TEST_HEADER = "when,asn,probe,uid,url,proto,outcome"
GOOD_TEST = "2023-11-08 05:00:00,33771,p1,u1,http://1.2.3.4/,tcp,ok"
SPEED_HEADER = "when,asn,site,fast,c1,c2"
GOOD_SPEED = "1521000000,1,video,100,2000.5,0"


def read(plan_text: str, header: str, *lines: str):
    """(facts as dicts, refusals as (line, reason, detail)); the accounts are checked here."""
    content = "\n".join([header, *lines, ""]).encode()
    source = DelimitedReader([content], delimiter=",", name="f.csv")
    reader = TableReader(
        read_map(plan_text, name="m.toml"), source.header, name="f.csv", now_us=NOW_US
    )
    facts, refused = [], []
    for batch in source:
        done = reader.read(batch)
        columns = {n: c.tolist() for n, c in done.observations.columns.items()}
        facts += [{n: c[i] for n, c in columns.items()} for i in range(done.observations.rows)]
        refused += [(q.line, q.reason, q.detail) for q in done.quarantined]
        assert done.rows_in == done.rows_kept + len(done.quarantined) + done.blank
    return facts, refused


def test_a_row_of_a_test_makes_one_fact() -> None:
    """Every mapped column arrives in its field; the local clock is that of the map."""
    (fact,), refused = read(TESTS, TEST_HEADER, GOOD_TEST)
    assert refused == []
    assert fact["fact"] == "test"
    assert fact["provenance"] == "import"
    assert fact["clock"] == "archive"
    assert (fact["service"], fact["network"], fact["line"]) == ("telegram", "AS33771", "p1")
    assert (fact["round_id"], fact["endpoint"]) == ("u1", "http://1.2.3.4/")
    assert fact["started_us"] == 1_699_419_600_000_000
    assert (fact["local_date"], fact["local_hour"]) == ("2023-11-08", 8)
    assert fact["failure"] is None
    assert fact["repeat"] == 0


def test_a_failure_says_what_the_file_said() -> None:
    """The columns that `failed` compares stand in the failure text."""
    (fact,), _ = read(TESTS, TEST_HEADER, GOOD_TEST.replace(",ok", ",tcp_reset"))
    assert fact["failure"] == "unknown_failure: outcome=tcp_reset"


def test_a_row_of_speeds_makes_a_fact_for_target_and_controls() -> None:
    """Same round and record, speeds in bit/s, zero kept, an empty control makes none."""
    facts, refused = read(SPEEDS, SPEED_HEADER, GOOD_SPEED, "1521000060,2,video,0,,7")
    assert refused == []
    told = [(f["service"], f["role"], f["goodput_bps"], f["timezone"]) for f in facts]
    assert sorted(told) == [
        ("c1", "control", 2_000_500, "Asia/Almaty"),
        ("c2", "control", 0, "Asia/Almaty"),
        ("c2", "control", 7_000, "Asia/Aqtobe"),
        ("video", "target", 0, "Asia/Aqtobe"),
        ("video", "target", 100_000, "Asia/Almaty"),
    ]
    assert len({f["round_id"] for f in facts}) == 2
    assert len({f["observation_id"] for f in facts}) == 5
    assert {f["fact"] for f in facts} == {"transfer"}


def test_an_index_is_kept_in_millionths_under_another_target() -> None:
    """Nobody can take it for bit/s: the target says what it is."""
    facts, _ = read(SPEEDS.replace("kbit/s", "index"), SPEED_HEADER, "1521000000,1,video,8.5,0.25,")
    told = sorted((f["role"], f["target"], f["goodput_bps"]) for f in facts)
    assert told == [("control", "c1/index", 250_000), ("target", "video/index", 8_500_000)]


def test_software_and_resolver_come_with_every_fact() -> None:
    """Of the target and of its controls; an empty field tells nothing."""
    who = 'software = { column = "v", prefix = "app " }\nresolver = { column = "r" }\n[goodput]'
    facts, refused = read(
        SPEEDS.replace("[goodput]", who, 1), SPEED_HEADER + ",v,r",
        GOOD_SPEED + ",1.2,system", "1521000060,2,video,5,,7,,",
    )  # fmt: skip
    assert refused == []
    who_measured = {(f["software"], f["resolver"]) for f in facts}
    assert who_measured == {("app 1.2", "system"), (None, None)}
    assert [f["software"] for f in facts].count("app 1.2") == 3


def test_a_software_that_is_too_long_is_refused() -> None:
    """Like every text of a row."""
    plan = SPEEDS.replace("[goodput]", 'software = { column = "v" }\n[goodput]', 1)
    _, refused = read(plan, SPEED_HEADER + ",v", GOOD_SPEED + "," + "x" * 2049)
    assert [reason for _, reason, _ in refused] == [Reason.TEXT_TOO_LONG]


def test_failure_and_goodput_together() -> None:
    """A table may tell both; a row without a speed still tells whether it failed."""
    both = TESTS + '[goodput]\ntarget = "speed"\nunit = "Mbit/s"\n'
    header = TEST_HEADER + ",speed"
    facts, refused = read(both, header, GOOD_TEST + ",1.5", GOOD_TEST.replace("u1", "u2") + ",")
    assert refused == []
    told = sorted((f["round_id"], f["fact"], f["goodput_bps"]) for f in facts if f["goodput_bps"])
    assert told == [("u1", "transfer", 1_500_000)]
    assert sorted(f["round_id"] for f in facts if f["fact"] == "test") == ["u1", "u2"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("http://1.2.3.4/", "", Reason.NO_ENDPOINT),
        ("http://1.2.3.4/", "http://[2001:db8::1]:443/x", Reason.NOT_SELECTED),
        (",tcp,", ",quic,", Reason.NOT_SELECTED),
        (",tcp,", ",,", Reason.NOT_SELECTED),
        ("u1", "", Reason.GROUP_MISSING),
        ("2023-11-08 05:00:00", "", Reason.TIME_MISSING),
        ("2023-11-08 05:00:00", "2023-11-08", Reason.TIME_UNREADABLE),
        ("2023", "1971", Reason.TIME_OUT_OF_RANGE),
        ("2023", "2028", Reason.TIME_FUTURE),
        ("33771", "", Reason.NETWORK_MISSING),
        ("33771", "9" * 3000, Reason.TEXT_TOO_LONG),
        (",ok", ",", Reason.OUTCOME_UNKNOWN),
        (",ok", "", Reason.FIELD_COUNT),
    ],
)
def test_a_row_without_an_answer_has_a_reason(old: str, new: str, reason: Reason) -> None:
    """One bad row among good ones is named with its line, and the others are kept."""
    facts, refused = read(TESTS, TEST_HEADER, GOOD_TEST, GOOD_TEST.replace(old, new), GOOD_TEST)
    assert len(facts) == 2
    assert [(line, why) for line, why, _ in refused] == [(3, reason)]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (",100,", ",,", Reason.GOODPUT_MISSING),
        (",100,", ",NaN,", Reason.GOODPUT_NOT_A_NUMBER),
        (",100,", ",inf,", Reason.GOODPUT_NOT_A_NUMBER),
        (",100,", ",1_000,", Reason.GOODPUT_NOT_A_NUMBER),
        (",100,", ",-1,", Reason.GOODPUT_NEGATIVE),
        (",100,", ",1e13,", Reason.GOODPUT_OUT_OF_RANGE),
        (",100,", ",1e999,", Reason.GOODPUT_OUT_OF_RANGE),
        (",100,", ",18446744073709551616,", Reason.GOODPUT_OUT_OF_RANGE),
        ("2000.5", "nan", Reason.GOODPUT_NOT_A_NUMBER),
        ("video", "", Reason.SERVICE_MISSING),
        (",1,video", ",3,video", Reason.ZONE_AMBIGUOUS),
    ],
)
def test_a_speed_that_cannot_be_has_a_reason(old: str, new: str, reason: Reason) -> None:
    """NaN, infinities, negative and impossible speeds, and networks whose zone is not told."""
    facts, refused = read(SPEEDS, SPEED_HEADER, GOOD_SPEED.replace(old, new), GOOD_SPEED)
    assert len(facts) == 3
    assert [(line, why) for line, why, _ in refused] == [(2, reason)]


def test_a_zone_column_is_checked_row_by_row() -> None:
    """An empty zone is undecidable, an unknown one is named."""
    plan = SPEEDS.replace(
        'zone_by_network = { AS1 = "Asia/Almaty", AS2 = "Asia/Aqtobe" }', 'zone_column = "tz"'
    )
    lines = [f"{GOOD_SPEED},{zone}" for zone in ("Asia/Almaty", "", "Asia/Nowhere", "../x")]
    facts, refused = read(plan, SPEED_HEADER + ",tz", *lines)
    assert len(facts) == 3
    assert [(why, detail) for _, why, detail in refused] == [
        (Reason.ZONE_AMBIGUOUS, ""),
        (Reason.ZONE_UNKNOWN, "Asia/Nowhere"),
        (Reason.ZONE_UNKNOWN, "../x"),
    ]


@pytest.mark.parametrize(("cell", "network"), [("1", "AS1"), ("1.0", "AS1"), ("as1", "AS1")])
def test_networks_are_written_in_one_way(cell: str, network: str) -> None:
    """Numbers that went through floating point, and prefixes that are there already."""
    facts, _ = read(SPEEDS, SPEED_HEADER, GOOD_SPEED.replace(",1,video", f",{cell},video"))
    assert {f["network"] for f in facts} == {network}


@pytest.mark.parametrize(
    "url",
    [
        "http://1.2.3.4/",
        "https://Example.org:443/x?y#z",
        "http://[2001:db8::1]:80/",
        "http://user:word@host.test/a@b",
        "http://149.154.175.50:443",
        "http://host.test?x=http://other.test/",
        "tcp://[::1]",
    ],
)
def test_hosts_are_those_of_the_standard_library(url: str) -> None:
    """The host of a URL, as urllib finds it."""
    assert host_of(url) == urlsplit(url).hostname


@pytest.mark.parametrize("text", ["host.test", "1.2.3.4:443", "::1", "", "http://", "a b"])
def test_what_is_no_url_stands_for_itself(text: str) -> None:
    """An endpoint column may hold plain names and addresses."""
    assert host_of(text) == text


# --- record ids ------------------------------------------------------------------------------


def ids(header: str, *lines: str) -> list[str]:
    """Record ids of the kept rows, and how often each was seen before."""
    facts, _ = read(TESTS, header, *lines)
    return [(f["observation_id"].removesuffix("/0"), f["repeat"]) for f in facts]


def test_record_id_is_the_documented_hash() -> None:
    """SHA-256 over version, format, names, fields and k, computed here from the definition."""
    names = sorted(TEST_HEADER.split(","))
    fields = dict(zip(TEST_HEADER.split(","), GOOD_TEST.split(","), strict=True))

    def expected(k: int) -> str:
        def text(value: list[str]) -> bytes:
            return json.dumps(value, separators=(",", ":")).encode()

        parts = [b"evenfall-row-v1", TABLE_FORMAT.encode(), text(names)]
        parts += [text([fields[name] for name in names]), str(k).encode()]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()

    found = ids(TEST_HEADER, GOOD_TEST, GOOD_TEST, GOOD_TEST)
    assert found == [(expected(0), 0), (expected(1), 1), (expected(2), 2)]


def test_the_order_of_columns_does_not_matter_but_every_column_does() -> None:
    """The same row under a shuffled header is the same record; one more column makes another."""
    names, cells = TEST_HEADER.split(","), GOOD_TEST.split(",")
    shuffled = ids(",".join(reversed(names)), ",".join(reversed(cells)))
    assert shuffled == ids(TEST_HEADER, GOOD_TEST)
    assert ids(TEST_HEADER + ",note", GOOD_TEST + ",x") != shuffled


# --- refusals of the whole file --------------------------------------------------------------


def test_a_missing_column_is_named_with_those_that_are_there() -> None:
    """Expected which, for what key; seen which columns; did you mean."""
    with pytest.raises(FormatError) as refused:
        read(TESTS, TEST_HEADER.replace("outcome", "outcom"), GOOD_TEST)
    message = str(refused.value)
    for part in (
        "f.csv, line 1",
        "'outcome'",
        "[failure] failed of m.toml",
        "when, asn",
        "outcom?",
    ):
        assert part in message, message


def test_a_column_that_is_there_twice_is_refused() -> None:
    """Which of two columns is meant cannot be guessed."""
    with pytest.raises(FormatError, match="one column 'when'"):
        read(TESTS, TEST_HEADER + ",when", GOOD_TEST + ",x")


# --- everything is counted -------------------------------------------------------------------

cell = st.sampled_from(
    [
        "",
        "x",
        "ok",
        "u1",
        "33771",
        "2023-11-08 05:00:00",
        "nan",
        "http://1.2.3.4/",
        '"',
        "a\nb",
        "é",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(cell, min_size=6, max_size=8), max_size=20))
def test_every_row_is_kept_or_has_a_reason(rows) -> None:
    """Any rows at all: kept and quarantined add up (checked in `read`), reasons are known."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    facts, refused = read(TESTS, TEST_HEADER, *out.getvalue().removesuffix("\n").split("\n"))
    assert len({fact["observation_id"] for fact in facts}) == len(facts)
    assert all(reason in REASONS for _, reason, _ in refused)


def test_every_reason_has_a_meaning_in_the_documents(repository) -> None:
    """docs/import.md lists each reason; a reason nobody explains helps nobody."""
    text = (repository / "docs" / "import.md").read_text()
    assert set(REASONS) == set(Reason)
    for reason in Reason:
        assert f"`{reason}`" in text, reason
