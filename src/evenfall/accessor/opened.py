"""A store that is open for reading, from Python.

What was read is kept as long as the same batches count, so that one may ask again without waiting;
a batch that somebody imports meanwhile is seen at the next question. Nothing is written, and no
lock is taken: another process may import at the same time.
"""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from evenfall.accessor.answer import Answer
from evenfall.accessor.html import printable, rendered
from evenfall.accessor.nights import Nights, NightsList
from evenfall.accessor.picking import pick_nights
from evenfall.infer.localtime import load_zone
from evenfall.infer.series import Series
from evenfall.model.curfew import Curfew, SeriesFinding
from evenfall.model.errors import StoreError, UsageError
from evenfall.report.gather import JUDGE_SEED
from evenfall.report.judging import judged_anew, judged_as_stored
from evenfall.report.subject import Judged
from evenfall.store import LedgerEntry, Store, open_store
from evenfall.store.sql import ask
from evenfall.text.notebook import SIMULATED_AMONG, listed_words, more_words, store_words

__all__ = ["OpenStore", "open_for_reading"]

SQL_ROWS_MAX = 1_000_000
_DRAWN_MAX = 60


def open_for_reading(
    path: str | os.PathLike[str] | None = None, *, timezone: str = "UTC"
) -> OpenStore:
    """See `evenfall.open`."""
    load_zone(timezone)
    folder = _default_folder() if path is None else Path(path).expanduser()
    return OpenStore(folder, timezone)


def _default_folder() -> Path:
    """Where the commands look as well."""
    if named := os.environ.get("EVENFALL_STORE"):
        return Path(named)
    data_home = os.environ.get("XDG_DATA_HOME")
    return (Path(data_home) if data_home else Path.home() / ".local" / "share") / "evenfall"


class OpenStore:
    """Made by `evenfall.open`."""

    def __init__(self, folder: Path, timezone: str) -> None:
        with contextlib.ExitStack() as stack:
            self._store: Store | None = stack.enter_context(open_store(folder, write=False))
            self._close = weakref.finalize(self, stack.pop_all().close)
        self.path = folder
        self.timezone = timezone
        self._read: tuple[tuple[str, ...], list[Series]] | None = None
        self._judged: tuple[tuple[list[Curfew], list[SeriesFinding]], list[Judged]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _where: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the engine; what was given stays usable. Twice is once."""
        self._store = None
        self._close()

    def nights(
        self,
        service: str,
        network: str = "",
        *,
        timezone: str = "",
        simulated: bool | None = None,
    ) -> Nights:
        """One service on one network, judged beside all others of the store.

        Args:
            service: its id, any case.
            network: as `AS33771`; may be left out if there is only one.
            timezone: only where the same series is there in two zones.
            simulated: only where it is there measured *and* simulated.

        Raises:
            UsageError: none, or more than one; lists what there is.
            StoreError: closed, or not readable.
        """
        return Nights(
            pick_nights(self._all_judged(), service, network, timezone, simulated=simulated)
        )

    def overview(self) -> NightsList:
        """Every series: as the last `evenfall analyze` found, or judged now if it did not."""
        return NightsList([Nights(judged) for judged in self._all_judged()])

    def judge(
        self,
        services: Sequence[str] | None = None,
        networks: Sequence[str] | None = None,
        *,
        seed: int = JUDGE_SEED,
    ) -> NightsList:
        """Judge anew; nothing is kept. Scope and q know only the series that are judged together.

        Args:
            services: only these; None: all.
            networks: only these; None: all.
            seed: of the rotations; the same seed gives the same p-values.

        Raises:
            UsageError: names that are not in the store; lists what there is.
        """
        self._refuse_unknown("service", services, self.services)
        self._refuse_unknown("network", networks, self.networks)
        series = self.series(services, networks)
        return NightsList([Nights(judged) for judged in judged_anew(series, seed=seed)])

    def series(
        self, services: Sequence[str] | None = None, networks: Sequence[str] | None = None
    ) -> list[Series]:
        """What the estimator is given, ordered by service and network; see `infer.series`."""
        return [
            one
            for one in self._all_series()
            if (services is None or one.service in services)
            and (networks is None or one.network in networks)
        ]

    @property
    def services(self) -> tuple[str, ...]:
        """Services with a series, in order."""
        return tuple(sorted({one.service for one in self._all_series()}))

    @property
    def networks(self) -> tuple[str, ...]:
        """Networks with a series, in order."""
        return tuple(sorted({one.network for one in self._all_series()}))

    @property
    def imports(self) -> list[LedgerEntry]:
        """Every batch that counts, oldest first: file, digest, accounts."""
        return self._open().imports()

    def sql(self, question: str, *, rows_max: int = SQL_ROWS_MAX) -> Answer:
        """The answer to one SELECT on the table `observations`: the rows that count.

        Args:
            question: as `select network, count(*) as n from observations group by all`.
            rows_max: more rows than this are an error, never a silent cut.

        Raises:
            UsageError: not one SELECT, not understood, of another file, or too many rows.
            StoreError: closed, or not readable.
        """
        frame = ask(self._open(), question, rows_max=rows_max)
        return Answer(frame, simulated=self._simulates())

    def refresh(self) -> None:
        """Forget what was read, so that the next question reads the files anew."""
        self._read = self._judged = None

    def _open(self) -> Store:
        if self._store is None:
            raise StoreError(
                expected="an open store",
                seen="one that was closed",
                where=str(self.path),
                remedy="Open it again with evenfall.open.",
            )
        return self._store

    def _all_series(self) -> list[Series]:
        batches = tuple(entry.import_id for entry in self._open().imports())
        if self._read is None or self._read[0] != batches:
            self._read = batches, self._open().series(zone=self.timezone)
            self._judged = None
        return self._read[1]

    def _all_judged(self) -> list[Judged]:
        series, stored = self._all_series(), self._open().findings()
        if self._judged is None or self._judged[0] != stored:
            judged = judged_as_stored(series, *stored)
            if judged is None:
                judged = judged_anew(series, seed=JUDGE_SEED)
            self._judged = stored, judged
        return self._judged[1]

    def _simulates(self) -> bool:
        return any(entry.kind == "synth" for entry in self.imports)

    def _refuse_unknown(self, what: str, asked: Sequence[str] | None, there: Sequence[str]) -> None:
        unknown = [name for name in asked or () if name not in there]
        if unknown:
            raise UsageError(
                expected=f"{what} {listed_words(list(there)) or '(the store holds no series)'}",
                seen=listed_words(unknown),
                where=str(self.path),
                remedy="`services` and `networks` of the store list what there is.",
            )

    def __repr__(self) -> str:
        if self._store is None:
            return f"<evenfall store {self.path}, closed>"
        mark = "SIMULATED rows in it, " if self._simulates() else ""
        return printable(f"<evenfall store {self.path}: {mark}{self._words()}>")

    def _words(self) -> str:
        return store_words(
            len(self._all_series()), len(self.services), len(self.networks), len(self.imports)
        )

    def _repr_html_(self) -> str:
        services = self.services
        return rendered(
            "store.html.j2",
            simulated=SIMULATED_AMONG if self._simulates() else "",
            words=self._words(),
            rows=[
                (service, listed_words(sorted({s.network for s in self.series([service])})))
                for service in services[:_DRAWN_MAX]
            ],
            more=more_words(len(services) - _DRAWN_MAX),
        )
