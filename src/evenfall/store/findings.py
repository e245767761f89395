"""Meanings, kept apart from facts: `findings/curfews.jsonl` and `findings/series.jsonl`.

Derived: `analyze` replaces both at once, in the form that it prints; a batch of new rows drops
both, so that a finding never speaks about a store that has changed since.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from evenfall.model.curfew import Curfew, SeriesFinding
from evenfall.model.encoding import to_json_line
from evenfall.model.errors import StoreError
from evenfall.store.durable import store_faults, write_durably
from evenfall.store.folder import Folder

__all__ = ["drop_findings", "read_findings", "write_findings"]

_Struct = TypeVar("_Struct", Curfew, SeriesFinding)


def write_findings(
    folder: Folder, curfews: Sequence[Curfew], series: Sequence[SeriesFinding]
) -> None:
    """Replace the findings."""
    with store_faults("write the findings", folder.findings):
        folder.findings.mkdir(exist_ok=True)
        write_durably(folder.findings / "curfews.jsonl", _lines(curfews))
        write_durably(folder.findings / "series.jsonl", _lines(series))


def read_findings(folder: Folder) -> tuple[list[Curfew], list[SeriesFinding]]:
    """The findings of the last `analyze`; two empty lists before the first."""
    with store_faults("read the findings", folder.findings):
        return (
            _read(folder.findings / "curfews.jsonl", Curfew),
            _read(folder.findings / "series.jsonl", SeriesFinding),
        )


def drop_findings(folder: Folder) -> None:
    """Forget what was made of the facts, because the facts are about to be more."""
    with store_faults("drop the findings of the last analysis", folder.findings):
        for name in ("curfews.jsonl", "series.jsonl"):
            (folder.findings / name).unlink(missing_ok=True)


def _lines(values: Sequence[Curfew] | Sequence[SeriesFinding]) -> bytes:
    return b"".join(to_json_line(value).encode() + b"\n" for value in values)


def _read(path: Path, kind: type[_Struct]) -> list[_Struct]:
    if not path.exists():
        return []
    try:
        return [msgspec.json.decode(line, type=kind) for line in path.read_bytes().splitlines()]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreError(
            expected="findings as analyze wrote them",
            seen=str(error),
            where=str(path),
            remedy="Run evenfall analyze again: findings are derived from the observations.",
        ) from error
