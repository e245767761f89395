"""Map files: the one of CONTRACTS is read, and every mistake is named with its place and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from evenfall.archive.mapping import (
    INDEX_UNIT,
    UNITS_BPS,
    ColumnText,
    FailureKeys,
    FileKeys,
    GoodputKeys,
    LocalKeys,
    SeriesKeys,
    TimeKeys,
    read_map,
)
from evenfall.model.errors import FormatError

CONTRACT = """
[time]
column = "measurement_start_time"
format = "iso"
zone = "UTC"
[local]
zone = "Africa/Nairobi"
[series]
service = "telegram"
network = { column = "probe_asn", prefix = "AS" }
line = { column = "probe_id" }
[failure]
group = "measurement_uid"
endpoint = "http_request_url"
where = "endpoint_host not like '%:%'"
failed = "failure_class != 'ok'"
share_over = 0.3
[goodput]
target = "test_result"
controls = ["control_result", "control_taco_result"]
unit = "kbit/s"
"""


def read(text: str):
    """The map in a file called m.toml."""
    return read_map(text, name="m.toml")


def test_the_map_of_the_contract_is_read() -> None:
    """Every key of CONTRACTS' example is understood."""
    plan = read(CONTRACT)
    assert plan.time.column == "measurement_start_time"
    assert plan.local.zone == "Africa/Nairobi"
    assert plan.series.network == ColumnText(column="probe_asn", prefix="AS")
    assert plan.share_over_ppm == 300_000
    assert plan.where is not None
    assert plan.failed is not None
    assert plan.goodput is not None
    assert plan.goodput.controls == ("control_result", "control_taco_result")


def test_the_examples_are_read(repository: Path) -> None:
    """The map files in examples/ are good ones."""
    found = sorted((repository / "examples").glob("*.toml"))
    names = {path.name for path in found}
    assert {"kenya-2023.toml", "twitter-ru-2021.toml", "youtube-traffic-ru.toml"} <= names
    for path in found:
        read_map(path.read_text(), name=path.name)


def test_failure_or_goodput_alone_is_enough() -> None:
    """Either section may be missing, not both."""
    assert read(CONTRACT.partition("[goodput]")[0]).goodput is None
    head = CONTRACT.partition("[failure]")[0]
    goodput = "[goodput]" + CONTRACT.partition("[goodput]")[2]
    assert read(head + goodput).failure is None
    with pytest.raises(FormatError, match=r"\[failure\] or \[goodput\]"):
        read(head)


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("[time]", "[tme]", ["'tme'", "Did you mean time?", "only the sections"]),
        ('column = "measurement_start_time"', "colum = 3", ["[time]", "'colum'", "mean column"]),
        ('format = "iso"', 'format = 3', ["[time] format", "expected str", "found int"]),
        ('column = "measurement_start_time"\n', "", ["[time]", "the key column", "none"]),
        ('[local]\nzone = "Africa/Nairobi"', "", ["a section [local]"]),
        ('zone = "UTC"', 'zone = "Utc+3"', ["[time] zone", "'Utc+3'"]),
        ("Africa/Nairobi", "Africa/Niarobi", ["[local] zone", "Did you mean Africa/Nairobi"]),
        ("Africa/Nairobi", "../../etc/passwd", ["[local] zone"]),
        ('zone = "Africa/Nairobi"', "", ["exactly one of zone, zone_column", "none"]),
        (
            'zone = "Africa/Nairobi"',
            'zone = "Africa/Nairobi"\nzone_column = "z"',
            ["exactly one", "zone and zone_column"],
        ),
        (
            'zone = "Africa/Nairobi"',
            'zone_by_network = { AS9198 = "Asia/Alma_Ata" }',
            ["zone_by_network, AS9198", "'Asia/Alma_Ata'"],
        ),
        ('prefix = "AS"', 'prefx = "AS"', ["network", "'prefx'", "mean prefix"]),
        ('unit = "kbit/s"', 'unit = "kbps"', ["[goodput] unit", "kbit/s", "'kbps'"]),
        ("share_over = 0.3", "share_over = 30", ["[failure] share_over", "30"]),
        ("share_over = 0.3", 'share_over = "0.3"', ["[failure] share_over", "float"]),
        ('failed = "failure_class != \'ok\'"', 'failed = ""', ["[failure] failed", "a condition"]),
        ("!= 'ok'", "<> 'ok'", ["[failure] failed, offset 14", "expected !="]),
        ("not like '%:%'", "not like %:%", ["[failure] where, offset 23"]),
        ('group = "measurement_uid"', "", ["[failure]", "endpoint alone"]),
        ('format = "iso"', 'format = "%Y-%m-%d"', ["[time] format", "an hour"]),
        ('format = "iso"', 'format = "ISO8601"', ["[time] format", "'ISO8601'"]),
        ("[time]", "[time", ["m.toml", "a TOML file"]),
        ('service = "telegram"', "service = 3", ["[series] service"]),
        ("[time]", '[file]\nheadr = ["a"]\n[time]', ["[file]", "'headr'", "mean header"]),
        ("[time]", '[file]\nheader = "a,b"\n[time]', ["[file] header", "array"]),
        ("[time]", '[file]\nheader = ["a", "b", "a"]\n[time]', ["[file] header", "'a' twice"]),
        ("[time]", '[file]\nheader = ["a", " "]\n[time]', ["[file] header", "an empty one"]),
        ('line = { column = "probe_id" }', 'software = "v1"', ["[series] software"]),
    ],
)  # fmt: skip
def test_every_mistake_is_named(old: str, new: str, parts: list[str]) -> None:
    """Unknown keys, wrong types, zones, units and conditions: where, expected, seen, remedy."""
    assert old in CONTRACT
    with pytest.raises(FormatError) as refused:
        read(CONTRACT.replace(old, new, 1))
    message = str(refused.value)
    assert message.startswith("m.toml"), message
    for part in parts:
        assert part in message, message
    assert refused.value.remedy


def test_every_key_and_unit_is_documented(repository: Path) -> None:
    """docs/import.md has a row for each key, and each unit."""
    text = (repository / "docs" / "import.md").read_text()
    sections = {
        "time": TimeKeys,
        "local": LocalKeys,
        "series": SeriesKeys,
        "failure": FailureKeys,
        "goodput": GoodputKeys,
        "file": FileKeys,
    }
    for section, struct in sections.items():
        for key in struct.__struct_fields__:
            assert f"| `[{section}]` `{key}` |" in text, f"[{section}] {key}"
    for unit in (*UNITS_BPS, INDEX_UNIT):
        assert f"`{unit}`" in text, unit


def test_a_huge_map_is_refused() -> None:
    """64 KiB is room for any map."""
    with pytest.raises(FormatError, match="64 KiB"):
        read("#" * 70_000)


def test_the_keys_of_who_measured_and_of_the_file() -> None:
    """Optional; without them nothing is told and the first line names the columns."""
    plain = read(CONTRACT)
    assert (plain.series.software, plain.series.resolver, plain.file.header) == (None, None, ())
    told = 'software = { column = "v" }\nresolver = { column = "r" }\n[failure]'
    full = read('[file]\nheader = ["t", "v"]\n' + CONTRACT.replace("[failure]", told, 1))
    assert full.series.software == ColumnText(column="v")
    assert full.series.resolver == ColumnText(column="r")
    assert full.file.header == ("t", "v")


def test_an_index_is_a_unit_and_no_speed() -> None:
    """It has no factor to bit/s."""
    plan = read(CONTRACT.replace('unit = "kbit/s"', 'unit = "index"'))
    assert plan.goodput is not None
    assert plan.goodput.unit == INDEX_UNIT
    assert INDEX_UNIT not in UNITS_BPS
