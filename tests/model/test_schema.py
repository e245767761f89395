"""One definition of an observation: columns, JSON and the dictionary agree."""

from __future__ import annotations

import msgspec
import pytest

from evenfall.model import OBSERVATION_COLUMNS, Observation
from evenfall.model.vocabulary import FAILURES, MECHANISMS, ClockState, Fact, Provenance, Role

MINIMAL = Observation(
    observation_id="r/0", fact=Fact.TEST, provenance=Provenance.IMPORT, service="telegram",
    target="telegram/app", role=Role.TARGET, started_us=1_699_430_400_000_000,
    clock=ClockState.ARCHIVE,
)  # fmt: skip


def test_columns_are_the_struct_fields_in_order() -> None:
    """Every field is a column, and there is no other column."""
    assert tuple(c.name for c in OBSERVATION_COLUMNS) == Observation.__struct_fields__


def test_every_column_is_described() -> None:
    """Each column has a sentence, and each number that measures something has a unit."""
    for column in OBSERVATION_COLUMNS:
        assert column.description.endswith("."), column.name
        if column.name.endswith(("_us", "_bytes", "_bps")):
            assert column.unit, f"{column.name} has no unit"


def test_units_stand_last_in_names() -> None:
    """A column with a unit says so in its name."""
    suffixes = {"µs": "_us", "bytes": "_bytes", "bit/s": "_bps", "h": "_hour"}
    for column in OBSERVATION_COLUMNS:
        if column.unit and "since" not in column.unit:
            assert column.name.endswith(suffixes[column.unit]), column.name


def test_json_round_trip_keeps_everything() -> None:
    """What is written as JSON is read back the same, null fields included."""
    assert msgspec.json.decode(msgspec.json.encode(MINIMAL), type=Observation) == MINIMAL
    assert msgspec.to_builtins(MINIMAL)["kind"] == "observation"


@pytest.mark.parametrize(
    ("field", "value"),
    [("started_us", -1), ("started_us", 2**62), ("local_hour", 24), ("goodput_bps", -5),
     ("role", "enemy"), ("fact", "rumour")],
)  # fmt: skip
def test_impossible_values_are_refused(field: str, value: object) -> None:
    """A value outside its range or vocabulary does not become an observation."""
    row = msgspec.to_builtins(MINIMAL) | {field: value}
    with pytest.raises(msgspec.ValidationError, match=field):
        msgspec.convert(row, type=Observation)


def test_unknown_fields_of_a_higher_minor_are_tolerated() -> None:
    """A reader of today reads a row written by a newer minor version."""
    row = msgspec.to_builtins(MINIMAL) | {"a_field_of_tomorrow": 1}
    assert msgspec.convert(row, type=Observation) == MINIMAL


def test_vocabularies_say_what_they_mean() -> None:
    """Every mechanism and failure code carries a sentence."""
    for name, meaning in (MECHANISMS | FAILURES).items():
        assert meaning.endswith("."), name
