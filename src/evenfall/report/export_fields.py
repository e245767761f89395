"""The columns of exported tables: name, type, unit, meaning.

The header and the dictionary are made from these, so that they cannot disagree. Units stand last in
the names, as everywhere (`goodput_bps`, `started_us`); a name without one counts or is a ratio. A
value that is not known is empty in CSV and null in Parquet: never 0, −1 or a word.
"""

from __future__ import annotations

from typing import NamedTuple

from evenfall.model.schema import OBSERVATION_COLUMNS

__all__ = [
    "CURFEWS",
    "NETWORK_HOURS",
    "NIGHTS",
    "SERIES",
    "Field",
    "dictionary",
    "observation_fields",
]


class Field(NamedTuple):
    """One column.

    Attributes:
        name: units last.
        sql_type: DuckDB's, and so Parquet's.
        meaning: for the dictionary.
        unit: where it has one.
    """

    name: str
    sql_type: str
    meaning: str
    unit: str = ""


_WHO = (
    Field("service", "VARCHAR", "The service, as its source names it."),
    Field("network", "VARCHAR", "AS number as AS9198, or a fixed text; never a finer place."),
    Field("simulated", "BOOLEAN", "True: made by a seeded generator, evidence of nothing."),
    Field("timezone", "VARCHAR", "IANA zone of the local stamps, and of the judged hours."),
)

_STARTED = (
    Field("started_utc", "VARCHAR", "Start in UTC, ISO 8601 with microseconds."),
    Field("started_local", "VARCHAR", "The same on the clock of `timezone`, with its offset."),
)

_LEFT_OUT = {
    # what a stranger does not need, or could tell a line by
    "line", "timezone", "local_date", "service", "network", "curve", "samples", "statement",
    "signature", "signature_key",
}  # fmt: skip

_FARED = (
    Field("n", "BIGINT", "Measurements that could tell."),
    Field("n_failed", "BIGINT", "Of them, those that did not open or brought no byte."),
    Field("n_slow", "BIGINT", "Of them, those that came, three times slower or more."),
    Field("n_untold", "BIGINT", "Beside them: wrong clock, or a failure beside dead controls."),
)

_RATIOS = (
    Field("n_ratio", "BIGINT", "Measurements whose speed is known; zero bytes are a ratio of 0."),
    Field(
        "ratio_median",
        "DOUBLE",
        "Median of target ÷ control goodput; of target ÷ its own median where `basis` is unpaired.",
    ),
    Field("ratio_p10", "DOUBLE", "Its 10th percentile (inclusive, linear)."),
    Field("ratio_p25", "DOUBLE", "Its 25th percentile."),
    Field("ratio_p75", "DOUBLE", "Its 75th percentile."),
    Field("ratio_p90", "DOUBLE", "Its 90th percentile."),
)

_BASIS = Field(
    "basis", "VARCHAR", "What it is compared with: pairs, control_difference or unpaired."
)

NIGHTS = (
    *_WHO,
    Field("night", "VARCHAR", "Local date on which the night starts (noon, or midnight by day)."),
    Field("weekday", "BIGINT", "Of that date: 0 = Monday … 6 = Sunday."),
    _BASIS,
    *_FARED,
    *_RATIOS,
    Field("measured_inside", "BOOLEAN", "Measured within the hours found; empty: none found."),
    Field(
        "seen_inside", "BOOLEAN", "What was measured there speaks for them; empty: not measured."
    ),
)
"""One row a series and night."""

NETWORK_HOURS = (
    *_WHO,
    Field(
        "night", "VARCHAR", "Local date of the noon before: the night to which the hour belongs."
    ),
    Field("hour_start_utc", "VARCHAR", "Start of the local hour in UTC, ISO 8601."),
    Field("hour_start_local", "VARCHAR", "The same on the clock of `timezone`, with its offset."),
    Field("local_hour", "BIGINT", "Local hour of the day, 0 … 23."),
    _BASIS,
    Field("n_lines", "BIGINT", "Distinct lines; empty: the source does not tell lines apart."),
    *_FARED,
    *_RATIOS,
)
"""One row a network, service and local hour of one night."""

SERIES = (
    *_WHO,
    _BASIS,
    Field("state", "VARCHAR", "curfew, always, none or insufficient."),
    Field("reason", "VARCHAR", "Why, in words."),
    Field("n", "BIGINT", "Measurements that were judged."),
    Field("nights_measured", "BIGINT", "Nights with a measurement."),
    Field("p_value", "DOUBLE", "How often chance alone gives hours as strong."),
    Field("q_value", "DOUBLE", "The same over all series judged."),
    Field("ruleset", "VARCHAR", "Under which it was judged."),
)
"""One row a series, also where nothing was found."""

CURFEWS = (
    *_WHO,
    _BASIS,
    Field("state", "VARCHAR", "slowed or blocked."),
    Field("scope", "VARCHAR", "targeted, generalized, server_side or undetermined."),
    Field("scope_because", "VARCHAR", "Why, in words."),
    Field("pattern", "VARCHAR", "window or always."),
    Field("windows_local", "VARCHAR", "Hours, as 20:00-22:00; several are joined by a space."),
    Field("weekdays", "VARCHAR", "Days on which the hours start, 0 = Monday, as 0123456."),
    Field("starts_local", "VARCHAR", "90 % intervals of the starts, as 19:50-20:10."),
    Field("ends_local", "VARCHAR", "90 % intervals of the ends."),
    Field("onset_earliest", "VARCHAR", "First local date on which it may have begun."),
    Field("onset_latest", "VARCHAR", "Last such date; both empty: the data begin inside it."),
    Field("lifting_earliest", "VARCHAR", "First local date on which it may no longer have held."),
    Field("lifting_latest", "VARCHAR", "Last such date; both empty: the data end inside it."),
    Field("episodes", "BIGINT", "Waves."),
    Field("nights_seen", "BIGINT", "Nights that speak for it."),
    Field("nights_measured", "BIGINT", "Nights of the episodes measured inside the hours."),
    Field("n", "BIGINT", "Measurements of the episodes."),
    Field("lines", "BIGINT", "Distinct lines; empty: the source does not tell lines apart."),
    Field("slower_by_median", "DOUBLE", "Control ÷ target inside; empty unless slowed."),
    Field("slower_by_low", "DOUBLE", "Lower 95 % limit."),
    Field("slower_by_high", "DOUBLE", "Upper 95 % limit."),
    Field(
        "effect_in_window",
        "DOUBLE",
        "Share inside of tests that failed (always: or were slow), or median of ln.",
    ),
    Field("effect_outside", "DOUBLE", "The same where it is compared; 0 if only with chance."),
    Field(
        "effect_outside_of",
        "VARCHAR",
        "Where that is: other_hours, other_days, other_networks, neutral_name or chance.",
    ),
    Field("effect_low", "DOUBLE", "Lower 95 % limit of the effect (see the data dictionary)."),
    Field("effect_high", "DOUBLE", "Upper 95 % limit."),
    Field("p_value", "DOUBLE", "How often chance alone gives hours as strong."),
    Field("q_value", "DOUBLE", "The same over all series judged."),
    Field("claim_level", "VARCHAR", "L0 … L5."),
    Field("isolated", "BOOLEAN", "Paired transfers differed only in the name."),
    Field("caveats", "VARCHAR", "What a reader must know, joined by a semicolon."),
    Field("rule_id", "VARCHAR", "The rule that decided."),
    Field("ruleset", "VARCHAR", "Its edition."),
    Field("profile", "VARCHAR", "The named set of constants."),
)
"""One row a curfew."""


def observation_fields(*, lines: bool) -> tuple[Field, ...]:
    """The columns of the table of observations.

    Args:
        lines: with the pseudonyms of lines.
    """
    own = [
        Field(
            c.name,
            "VARCHAR" if c.sql_type.endswith("]") else c.sql_type,
            c.description,
            c.unit or "",
        )
        for c in OBSERVATION_COLUMNS
        if c.name not in _LEFT_OUT
    ]
    line = [Field("line", "VARCHAR", "Pseudonym of the line: means nothing outside this store.")]
    return (*_WHO, *_STARTED, *(line if lines else []), *own)


def dictionary(title: str, fields: tuple[Field, ...], *, simulated: bool) -> str:
    """The data dictionary of one table, as Markdown."""
    mark = (
        "\n**SIMULATED**: made by a seeded generator, evidence of nothing.\n" if simulated else ""
    )
    head = (
        f"# {title}\n{mark}\nMade by `evenfall export`. What is not known is empty (CSV) or null "
        "(Parquet). In CSV a text that a spreadsheet would take for a formula begins with an "
        "apostrophe.\n\n| column | type | unit | meaning |\n|---|---|---|---|\n"
    )
    rows = (f"| `{f.name}` | {f.sql_type} | {f.unit} | {f.meaning} |\n" for f in fields)
    return head + "".join(rows)
