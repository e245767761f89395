"""One series on its way through the judgement, and its rows when somebody asks for them.

A claim needs its own series in full, and of the others the rows alone. So rows are kept as long as
there is room for those of a few thousand series (a row takes about 40 bytes, since most columns are
the series' own), and of the readings, with the bins of every night, the last few only. What was let
go is made again when asked for: the same rows and profile always give the same reading.

What it does not do: judge.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from evenfall.infer.always import Run, RunTest
from evenfall.infer.in_part import PartRun
from evenfall.infer.localtime import load_zone
from evenfall.infer.mix import MixChange
from evenfall.infer.mix_gate import MixGate
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.reading import Reading, read
from evenfall.infer.scores import Rows, in_zone
from evenfall.infer.series import Basis, Series
from evenfall.infer.steady import line_changes, own_changes, steady
from evenfall.infer.window import Found, Trial
from evenfall.model.curfew import Change, Curfew

__all__ = ["Case", "Readings", "can_witness"]

_ROWS_KEPT_MAX = 6_000_000  # about 250 MB
_READINGS_KEPT_MAX = 8


@dataclass
class Case:
    """One series, and what was made of it so far.

    Attributes:
        index: place of the series among all.
        n, nights_measured, insufficient: as in its reading.
        left_out: rows that were not used, by reason.
        trial: of recurring hours; None where the series is insufficient.
        part: speeds that gather at one rate at all hours, in part; not yet tested.
        run, run_test: of a run of days that went wrong at all hours, or of `part` where it holds.
        changes: of its level and of the mix, which are no curfew.
        mix_changes: of the mix of those who measure.
        mixed: what the gate of the mix says of what was found.
    """

    index: int
    series: Series
    n: int
    nights_measured: int
    insufficient: str
    left_out: dict[str, int]
    trial: Trial | None = None
    part: PartRun | None = None
    run: Run | None = None
    run_test: RunTest | None = None
    curfew: Curfew | None = None
    changes: tuple[Change, ...] = ()
    mix_changes: tuple[MixChange, ...] = ()
    mixed: MixGate = field(default_factory=MixGate)

    @property
    def windowed(self) -> Found | None:
        """The window, if it may be claimed; what lies at one rate at all hours is no window."""
        if isinstance(self.run, PartRun):
            return None
        if self.trial is None or self.trial.reason or self.mixed.reason:
            return None
        return self.trial.found

    @property
    def p_value(self) -> float | None:
        """Of what would be claimed, else of the hours; None where nothing was tested."""
        if self.trial is None or self.trial.insufficient:
            return None
        if (
            self.windowed is None
            and self.run_test is not None
            and self.run_test.p_value is not None
        ):
            return self.run_test.p_value
        return self.trial.p_value


def _left_out(rows: Rows | None) -> dict[str, int]:
    """Rows that were not used, by reason; only reasons that there are."""
    if rows is None:
        return {}
    counts = {
        "clock": rows.left_out_clock,
        "time": rows.left_out_time,
        "value": rows.left_out_other - rows.left_out_time,
    }
    return {reason: count for reason, count in counts.items() if count}


@dataclass
class Readings:
    """The readings of all series, by index.

    Attributes:
        series: all that are judged.
        profile: the constants.
    """

    series: Sequence[Series]
    profile: NightlyProfile
    _steady: dict[int, Series] = field(default_factory=dict)
    _kept: OrderedDict[int, Reading] = field(default_factory=OrderedDict)
    _rows: OrderedDict[int, Rows] = field(default_factory=OrderedDict)
    _rows_kept: int = 0

    def __getitem__(self, index: int) -> Reading:
        """The reading of one series, made anew if it was let go."""
        if index in self._kept:
            self._kept.move_to_end(index)
            return self._kept[index]
        reading = self._kept[index] = self._read(index)
        if len(self._kept) > _READINGS_KEPT_MAX:
            self._kept.popitem(last=False)
        if reading.rows is not None:
            self._keep(index, reading.rows)
        return reading

    def _keep(self, index: int, rows: Rows) -> None:
        self._drop_rows(index)
        self._rows[index] = rows
        self._rows_kept += rows.n
        while self._rows_kept > _ROWS_KEPT_MAX and len(self._rows) > 1:
            self._drop_rows(next(iter(self._rows)))

    def _drop_rows(self, index: int) -> None:
        if index in self._rows:
            self._rows_kept -= self._rows.pop(index).n

    def case(self, index: int) -> Case:
        """A fresh case of one series, changes of its level named."""
        changes = self._level_changes(index)
        reading = self[index]
        return Case(
            index=index,
            series=self.series[index],
            n=reading.n,
            nights_measured=reading.nights_measured,
            insufficient=reading.insufficient,
            left_out=_left_out(reading.rows),
            changes=changes,
        )

    def _read(self, index: int) -> Reading:
        return read(self._steady.get(index, self.series[index]), self.profile)

    def _level_changes(self, index: int) -> tuple[Change, ...]:
        """Name the changes of a level; from here on a lone series is read without its steps."""
        series, rows = self.series[index], self[index].rows
        if rows is None or rows.n == 0:
            return ()
        own = () if series.basis is Basis.PAIRS else own_changes(rows)
        named = own if series.basis is Basis.UNPAIRED else line_changes(rows)
        without = steady(series, own)
        if without is not series:
            self._steady[index] = without
            self._forget(index)
        return tuple(one.change for one in named)

    def with_steps(self, case: Case) -> Rows:
        """From here on a series beside controls is read with the steps of its ratio again."""
        if case.series.basis is Basis.CONTROL_DIFFERENCE and case.index in self._steady:
            del self._steady[case.index]
            self._forget(case.index)
        return self.rows(case)

    def _forget(self, index: int) -> None:
        self._kept.pop(index, None)
        self._drop_rows(index)

    def rows(self, case: Case) -> Rows:
        """The usable rows of a case that has any."""
        if case.index in self._rows:
            return self._rows[case.index]
        rows = self[case.index].rows
        if rows is None:
            raise AssertionError("only series with rows are asked for them")
        return rows

    def rows_beside(self, own: Case, other: Case) -> Rows:
        """The usable rows of another case, at the hours of the first one's clock."""
        rows, zone = self.rows(other), own.series.timezone
        if other.series.timezone == zone:
            return rows
        return in_zone(rows, load_zone(zone), self.profile)


def can_witness(own: Series, other: Series) -> bool:
    """Whether another network's series says something about what this one asked.

    Pairs of another network are no witness of a site that this network's visits could not reach.
    """
    return own.basis is Basis.PAIRS or other.basis is not Basis.PAIRS
