"""The data dictionary as text, made from the structs and vocabularies; never written by hand."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from evenfall.model.coincidence import (
    Coincidence,
    DateComparison,
    GroupComparison,
    OrderComparison,
)
from evenfall.model.curfew import Curfew, SeriesFinding
from evenfall.model.event import EVENT_TYPES, OUTCOMES, PRECISIONS, Event, EventWithdrawn
from evenfall.model.observation import OBSERVATION_SCHEMA_VERSION, Observation
from evenfall.model.schema import OBSERVATION_COLUMNS, Column
from evenfall.model.triage import Triage
from evenfall.model.verdict import Summary, Verdict
from evenfall.model.vocabulary import ANSWER_EXIT_CODES, FAILURES, MECHANISMS

__all__ = ["data_dictionary", "json_schemas"]

_HEAD = """\
# Data dictionary

Generated from `src/evenfall/model/` by `python docs/make.py`; a test holds the two together.
Written by hand here, it would drift.

## Observation (schema {version})

One row per fact. The same fields are the JSON objects of `check --json` (`"kind": "observation"`)
and the columns of `obs/**/*.parquet`. All numbers are integers; a field that does not apply is
null, never −1, 0 or an empty text.

| column | Parquet type | null | unit | meaning |
|---|---|---|---|---|
"""


def data_dictionary() -> str:
    """Markdown of the whole dictionary, ending in a line break."""
    parts = [_HEAD.format(version=OBSERVATION_SCHEMA_VERSION)]
    parts += [_row(column) for column in OBSERVATION_COLUMNS]
    parts.append(_vocabulary("Mechanisms", "mechanism", MECHANISMS.items()))
    parts.append(_vocabulary("Failure codes", "failure", FAILURES.items()))
    exits = ((str(answer), f"exit status {code}") for answer, code in ANSWER_EXIT_CODES.items())
    parts.append(_vocabulary("Answers of `check`, with `--exit-code`", "answer", exits))
    parts.append(_vocabulary("Types of events", "type", EVENT_TYPES.items()))
    parts.append(_vocabulary("Outcomes of takedown requests", "outcome", OUTCOMES.items()))
    parts.append(_vocabulary("Precision of an event's time", "precision", PRECISIONS.items()))
    return "".join(parts)


def json_schemas() -> dict[str, bytes]:
    """JSON Schema of every object that `--json` prints, by its `kind`, indented."""
    nights = (Curfew, SeriesFinding, Coincidence, DateComparison, OrderComparison, GroupComparison)
    printed = (Observation, Verdict, Summary, Triage, *nights, Event, EventWithdrawn)
    return {
        str(struct.__struct_config__.tag): msgspec.json.format(
            msgspec.json.encode(msgspec.json.schema(struct)), indent=1
        )
        for struct in printed
    }


def _row(column: Column) -> str:
    words = f" One of: {', '.join(f'`{w}`' for w in column.words)}." if column.words else ""
    null = "yes" if column.nullable else "no"
    unit = column.unit or ""
    return (
        f"| `{column.name}` | {column.sql_type} | {null} | {unit} | {column.description}{words} |\n"
    )


def _vocabulary(title: str, head: str, rows: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f"| `{word}` | {meaning} |\n" for word, meaning in rows)
    return f"\n## {title}\n\n| {head} | meaning |\n|---|---|\n{lines}"
