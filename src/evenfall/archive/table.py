"""Anybody's table: rows of a CSV, TSV or Parquet file → observations and quarantine.

The map file says which column is what. For every row, in this order: is it about an endpoint, does
`where` select it, does it belong to a test, can its time be read and is it possible, who was
measured where, in which zone is it judged, did it fail, how fast was it. The first question
without an answer is the reason under which the row is quarantined; nothing is guessed, and nothing
is lost without a count.

A stored row makes one fact per section of the map: a `test` (failure), a `transfer` of the target
(goodput), and one `transfer` per control, all with the same record id and the same round.

Pure: the store's reader opens the file, `now_us` is an argument.

What it does not do: join rows of different files, read two targets from one row, repair.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from evenfall.archive.columns import ObservationColumns
from evenfall.archive.conditions import TRUE, UNKNOWN, evaluate
from evenfall.archive.facts import build_facts
from evenfall.archive.goodput import GoodputReader
from evenfall.archive.grammar import columns_in
from evenfall.archive.mapping import ColumnText, TableMap
from evenfall.archive.row_ids import RowIds
from evenfall.archive.rows import Quarantined, Reason, RowBatch
from evenfall.archive.stamps import StampReader, local_date_hour
from evenfall.model.errors import FormatError

__all__ = ["ENDPOINT_HOST", "TABLE_FORMAT", "TableBatch", "TableReader", "host_of"]

TABLE_FORMAT = "table/1"
ENDPOINT_HOST = "endpoint_host"
TEXT_LENGTH_MAX = 2048
_URL = re.compile(  # RFC 3986, 3.2
    r"[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?(?:\[(?P<bracketed>[^\]/]*)\]|(?P<name>[^/?#:\[]*))",
    re.IGNORECASE | re.ASCII,
)
_DETAIL_LENGTH = 80
_FAILURE_LENGTH = 200


@dataclass(frozen=True, kw_only=True)
class TableBatch:
    """What became of one batch of rows.

    Attributes:
        rows_in: rows of the batch, broken and blank ones included.
        rows_kept: rows that made observations; of those, `repeated` were seen before in the file.
    """

    observations: ObservationColumns
    quarantined: list[Quarantined]
    rows_in: int
    rows_kept: int
    repeated: int
    blank: int


class TableReader:
    """Reads the batches of one file, in order.

    Args:
        plan: the map.
        header: names of the file's columns.
        name: of the file, for messages.
        now_us: this machine's clock; stamps more than a day ahead of it are refused.

    Raises:
        FormatError: the map names a column that the file does not have, or has twice.
    """

    def __init__(self, plan: TableMap, header: Sequence[str], *, name: str, now_us: int) -> None:
        self._plan = plan
        self._positions = _bind(plan, header, name)
        self._ids = RowIds(TABLE_FORMAT, header, name=name)
        self._stamps = StampReader(
            plan.time.format, plan.time.zone, now_us=now_us, where=f"{name} with {plan.name}"
        )
        self._goodput = (
            GoodputReader(plan.goodput, is_required=plan.failure is None) if plan.goodput else None
        )
        self._zones: dict[str, ZoneInfo | None] = {}

    def read(self, batch: RowBatch) -> TableBatch:
        """Observations and quarantine of one batch.

        Raises:
            FormatError: naive stamps without a zone, or too many rows; see the readers used.
        """
        work = _Work(batch, self._positions)
        self._select(work)
        self._place_in_time(work)
        self._name_series(work)
        self._place_in_zone(work)
        self._judge_failure(work)
        if self._goodput is not None:
            work.refuse(*self._goodput.judge(work.columns, work.rows))
        ids, repeats = self._identify(batch, work)
        return TableBatch(
            observations=build_facts(self._plan, work.columns, ids, repeats),
            quarantined=batch.broken + work.refused,
            rows_in=len(batch.rows) + len(batch.broken) + batch.blank,
            rows_kept=work.rows,
            repeated=sum(1 for repeat in repeats if repeat),
            blank=batch.blank,
        )

    def _identify(self, batch: RowBatch, work: _Work) -> tuple[list[str], list[int]]:
        pairs = [self._ids.next(batch.rows[index]) for index in work.index]
        return [record_id for record_id, _ in pairs], [repeat for _, repeat in pairs]

    def _select(self, work: _Work) -> None:
        failure = self._plan.failure
        if failure is None:
            return
        if failure.endpoint:
            work.refuse_empty(failure.endpoint, Reason.NO_ENDPOINT)
            if ENDPOINT_HOST not in self._positions:
                endpoints = work.columns[failure.endpoint]
                hosts = {endpoint: host_of(endpoint) for endpoint in set(endpoints)}
                work.columns[ENDPOINT_HOST] = [hosts[endpoint] for endpoint in endpoints]
        if self._plan.where is not None:
            truth = evaluate(self._plan.where, work.columns)
            work.refuse([None if t == TRUE else Reason.NOT_SELECTED for t in truth.tolist()])
        if failure.group:
            work.refuse_empty(failure.group, Reason.GROUP_MISSING)

    def _place_in_time(self, work: _Work) -> None:
        fields = work.columns[self._plan.time.column]
        work.columns["@started_us"] = stamps = self._stamps.read_all(fields)
        work.refuse([s if isinstance(s, Reason) else None for s in stamps], fields)

    def _name_series(self, work: _Work) -> None:
        series, failure = self._plan.series, self._plan.failure
        work.columns["@service"] = work.texts(series.service)
        work.refuse_empty("@service", Reason.SERVICE_MISSING)
        work.columns["@network"] = work.texts(series.network)
        work.refuse_empty("@network", Reason.NETWORK_MISSING)
        work.columns["@line"] = work.texts(series.line)
        for key in ("software", "resolver"):
            work.columns[f"@{key}"] = work.texts(getattr(series, key))
        names = ["@service", "@network", "@line", "@software", "@resolver"]
        if failure is not None:
            names += [name for name in (failure.group, failure.endpoint) if name]
        for name in names:
            fields = work.columns[name]
            if any(field is not None and len(field) > TEXT_LENGTH_MAX for field in set(fields)):
                long = [f is not None and len(f) > TEXT_LENGTH_MAX for f in fields]
                work.refuse([Reason.TEXT_TOO_LONG if is_long else None for is_long in long])

    def _place_in_zone(self, work: _Work) -> None:
        local = self._plan.local
        if local.zone:
            zones: list[Any] = [local.zone] * work.rows
        elif local.zone_column:
            zones = work.columns[local.zone_column]
        else:
            zones = [local.zone_by_network.get(n) for n in work.columns["@network"]]
        work.columns["@timezone"] = zones
        work.refuse([self._zone_reason(zone) for zone in zones], zones)
        places = list(zip(work.columns["@started_us"], work.columns["@timezone"], strict=True))
        local_of = {p: local_date_hour(p[0], self._known_zone(p[1])) for p in set(places)}
        work.columns["@local_date"] = [local_of[place][0] for place in places]
        work.columns["@local_hour"] = [local_of[place][1] for place in places]

    def _zone_reason(self, zone: str | None) -> Reason | None:
        if not zone:
            return Reason.ZONE_AMBIGUOUS
        if zone not in self._zones:
            self._zones[zone] = _zone_or_none(zone)
        return None if self._zones[zone] is not None else Reason.ZONE_UNKNOWN

    def _known_zone(self, zone: str) -> ZoneInfo:
        found = self._zones[zone]
        return found if found is not None else ZoneInfo(zone)

    def _judge_failure(self, work: _Work) -> None:
        failed = self._plan.failed
        if failed is None:
            return
        truth = evaluate(failed, work.columns).tolist()
        work.columns["@failed"] = [t == TRUE for t in truth]
        work.refuse([Reason.OUTCOME_UNKNOWN if t == UNKNOWN else None for t in truth])
        names = columns_in(failed)
        cases = list(zip(*(work.columns[name] for name in names), strict=True))
        said = {case: _failure_text(names, case) for case in set(cases)}
        work.columns["@failure"] = [
            said[case] if is_failed else None
            for case, is_failed in zip(cases, work.columns["@failed"], strict=True)
        ]


class _Work:
    """The rows of a batch that are still in the running, column by column.

    Columns whose name starts with @ are ours, the others are the file's.
    """

    def __init__(self, batch: RowBatch, positions: dict[str, int]) -> None:
        self._batch = batch
        self.index = list(range(len(batch.rows)))
        self.refused: list[Quarantined] = []
        self.columns: dict[str, list[Any]] = {
            name: [row[position] or None for row in batch.rows]
            for name, position in positions.items()
        }

    @property
    def rows(self) -> int:
        return len(self.index)

    def refuse_empty(self, column: str, reason: Reason) -> None:
        self.refuse([reason if field is None else None for field in self.columns[column]])

    def refuse(
        self, reasons: Sequence[Reason | None], details: Sequence[str | None] | None = None
    ) -> None:
        """Quarantine the rows that have a reason; the others go on."""
        keep = [position for position, reason in enumerate(reasons) if reason is None]
        if len(keep) == self.rows:
            return
        for position, reason in enumerate(reasons):
            if reason is not None:
                detail = (details[position] if details else None) or ""
                self.refused.append(self._quarantined(self.index[position], reason, detail))
        self.index = [self.index[position] for position in keep]
        for name, fields in self.columns.items():
            self.columns[name] = [fields[position] for position in keep]

    def _quarantined(self, index: int, reason: Reason, detail: str) -> Quarantined:
        offsets = self._batch.offsets
        return Quarantined(
            line=self._batch.lines[index],
            offset=offsets[index] if offsets is not None else None,
            reason=reason,
            detail=detail[:_DETAIL_LENGTH],
        )

    def texts(self, source: str | ColumnText | None) -> list[str | None]:
        """A fixed text, or a column's values with their prefix."""
        if source is None or isinstance(source, str):
            return [source] * self.rows
        fields = self.columns[source.column]
        prefixed = {field: _with_prefix(field, source.prefix) for field in set(fields)}
        return [prefixed[field] for field in fields]


def _with_prefix(field: str | None, prefix: str) -> str | None:
    if field is None or not (text := field.strip()):
        return None
    if prefix == "AS":  # tables that went through floating point write AS numbers as 33771.0
        text = text.removesuffix(".0")
    if text[: len(prefix)].upper() == prefix.upper():
        text = text[len(prefix) :]
    return prefix + text


def host_of(endpoint: str) -> str:
    """Host of a URL, in small letters, IPv6 without its brackets; anything else is itself."""
    match = _URL.match(endpoint)
    if match is None:
        return endpoint
    return (match["bracketed"] or match["name"]).lower() or endpoint


def _zone_or_none(zone: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _failure_text(names: Sequence[str], case: Sequence[str | None]) -> str:
    told = ", ".join(f"{name}={field or ''}" for name, field in zip(names, case, strict=True))
    return f"unknown_failure: {told}"[:_FAILURE_LENGTH]


def _bind(plan: TableMap, header: Sequence[str], name: str) -> dict[str, int]:
    positions: dict[str, int] = {}
    for column, key in _wanted(plan):
        if header.count(column) > 1:
            raise FormatError(
                expected=f"one column {column!r}, for {key} of {plan.name}",
                seen=f"{header.count(column)} of that name",
                where=f"{name}, line 1",
                remedy="Rename the columns so that each name is there once.",
            )
        if column in header:
            positions[column] = header.index(column)
        elif column != ENDPOINT_HOST or not (plan.failure and plan.failure.endpoint):
            raise _missing_column(column, key, plan, header, name)
    return positions


def _missing_column(
    column: str, key: str, plan: TableMap, header: Sequence[str], name: str
) -> FormatError:
    close = difflib.get_close_matches(column, header, n=1)
    shown = ", ".join(header[:60]) + (", …" if len(header) > 60 else "")
    hint = f"Did you mean {close[0]}? " if close else ""
    return FormatError(
        expected=f"a column {column!r}, for {key} of {plan.name}",
        seen=f"the columns {shown}",
        where=f"{name}, line 1",
        remedy=f"{hint}Change the map file, or check that this is the file it was written for.",
    )


def _wanted(plan: TableMap) -> list[tuple[str, str]]:
    """Column → the key that wants it, for the message."""
    wanted = [(plan.time.column, "[time] column")]
    if plan.local.zone_column:
        wanted.append((plan.local.zone_column, "[local] zone_column"))
    for key in ("service", "network", "line", "software", "resolver"):
        source = getattr(plan.series, key)
        if isinstance(source, ColumnText):
            wanted.append((source.column, f"[series] {key}"))
    if plan.failure is not None:
        wanted += [(c, "[failure] group") for c in (plan.failure.group,) if c]
        wanted += [(c, "[failure] endpoint") for c in (plan.failure.endpoint,) if c]
    for condition, key in ((plan.where, "where"), (plan.failed, "failed")):
        if condition is not None:
            wanted += [(column, f"[failure] {key}") for column in columns_in(condition)]
    if plan.goodput is not None:
        wanted.append((plan.goodput.target, "[goodput] target"))
        wanted += [(column, "[goodput] controls") for column in plan.goodput.controls]
    return wanted
