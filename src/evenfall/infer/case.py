"""One series on its way through the judgement, and its rows when somebody asks for them.

Rows of a thousand series do not fit into memory at once with everything that is worked out from
them, and a claim needs only those of its own series and of a few others. So a case keeps what was
found; readings are kept while there is room, the last ones used first, and made again when asked
for: the same rows and profile always give the same reading.

What it does not do: judge.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from evenfall.infer.always import Run, RunTest
from evenfall.infer.in_part import PartRun
from evenfall.infer.mix import MixChange
from evenfall.infer.mix_gate import MixGate
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.reading import Reading, read
from evenfall.infer.scores import Rows
from evenfall.infer.series import Basis, Series
from evenfall.infer.steady import line_changes, own_changes, steady
from evenfall.infer.window import Found, Trial
from evenfall.model.curfew import Change, Curfew

__all__ = ["Case", "Readings", "can_witness"]

_ROWS_KEPT_MAX = 6_000_000  # 1,389 series of 60 nights × 72; about 110 B a row of readings


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
    _rows: int = 0

    def __getitem__(self, index: int) -> Reading:
        """The reading of one series, made anew if it was let go."""
        if index in self._kept:
            self._kept.move_to_end(index)
            return self._kept[index]
        reading = self._kept[index] = self._read(index)
        self._rows += reading.n
        while self._rows > _ROWS_KEPT_MAX and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._rows -= oldest.n
        return reading

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
        changes = (own_changes if series.basis is Basis.UNPAIRED else line_changes)(rows)
        without = steady(series, changes)
        if without is not series:
            self._steady[index] = without
            self._rows -= self._kept.pop(index).n
        return tuple(one.change for one in changes)

    def rows(self, case: Case) -> Rows:
        """The usable rows of a case that has any."""
        rows = self[case.index].rows
        if rows is None:
            raise AssertionError("only series with rows are asked for them")
        return rows


def can_witness(own: Series, other: Series) -> bool:
    """Whether another network's series says something about what this one asked.

    Pairs of another network are no witness of a site that this network's visits could not reach.
    """
    return own.basis is Basis.PAIRS or other.basis is not Basis.PAIRS
