"""What an export is asked for, and what is refused before anything is written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from evenfall.cli.options import Settings
from evenfall.model.errors import StoreError, UsageError

if TYPE_CHECKING:
    from evenfall.report.export_tables import Survey

__all__ = [
    "STDOUT", "Wanted", "file_name", "kinds_kept", "kinds_there", "known_services",
    "nothing_there", "refuse_two_on_stdout", "refuse_unknown", "refuse_useless", "wanted_of",
]  # fmt: skip

STDOUT = "-"
_LISTED_MAX = 12


class Wanted(NamedTuple):
    """What is to be exported, as it was asked for.

    Attributes:
        form: csv, parquet, ics or atom.
        services, networks: only these; empty: all.
        out: where to; None: a name made here; `-`: standard output.
        simulated: refuse, only, without or mixed.
    """

    form: str
    services: tuple[str, ...]
    networks: tuple[str, ...]
    out: str | None
    simulated: str


def kinds_there(there: Sequence[Survey], wanted: Wanted, settings: Settings) -> set[bool]:
    """Which kinds of observations are exported, or refuse."""
    if not there:
        raise nothing_there(settings, wanted)
    return kinds_kept(wanted, {one.simulated for one in there})


def kinds_kept(wanted: Wanted, kinds: set[bool]) -> set[bool]:
    """Simulated, measured, or both: what may stand in one file."""
    if wanted.simulated == "only":
        return kinds & {True}
    if wanted.simulated == "without":
        return kinds & {False}
    if wanted.simulated == "refuse" and len(kinds) > 1:
        raise UsageError(
            expected="simulated or measured rows, not both in one file",
            seen="both in this store",
            where="--simulated",
            remedy="Say --simulated without, only, or mixed (a column tells them apart).",
        )
    return kinds


def known_services(there: Sequence[Survey], wanted: Wanted) -> list[str]:
    """The services asked for, as the store spells them."""
    names = {one.service for one in there}
    _refuse_services(wanted, names)
    asked = {name.lower() for name in wanted.services}
    return sorted(name for name in names if name.lower() in asked)


def refuse_unknown(wanted: Wanted, there: set[str], settings: Settings) -> None:
    """Refuse services that are not there, and a store without measurements."""
    if not there:
        raise nothing_there(settings, wanted)
    _refuse_services(wanted, there)


def _refuse_services(wanted: Wanted, there: set[str]) -> None:
    known = {name.lower() for name in there}
    if missing := [name for name in wanted.services if name.lower() not in known]:
        listed = ", ".join(sorted(there)[:_LISTED_MAX])
        raise UsageError(
            expected=f"one of {listed}" + (", …" if len(there) > _LISTED_MAX else ""),
            seen=", ".join(missing),
            where="--service",
            remedy="`evenfall nights` lists what there is.",
        )


def nothing_there(settings: Settings, wanted: Wanted) -> StoreError:
    """The error of a store without what was asked for."""
    on = f" on {', '.join(wanted.networks)}" if wanted.networks else ""
    return StoreError(
        expected=f"measurements{on}",
        seen="none",
        where=str(settings.store),
        remedy="`evenfall nights` lists what there is; `evenfall import` brings a history in.",
    )


def refuse_two_on_stdout(settings: Settings, wanted: Wanted) -> None:
    """Refuse JSON lines and data in one stream, and Parquet in any."""
    if wanted.out != STDOUT:
        return
    if settings.json:
        raise UsageError(
            expected="one thing on the standard output",
            seen="--json and --out -",
            where="--out",
            remedy="Name a file with --out.",
        )
    if wanted.form == "parquet":
        raise UsageError(
            expected="a file for Parquet",
            seen="the standard output",
            where="--out",
            remedy="Name a file with --out; Parquet is read from its end.",
        )


def refuse_useless(what: str, asked: dict[str, Any]) -> None:
    """Refuse an option that would change nothing."""
    if asked["lines"] and what != "observations":
        raise UsageError(
            expected="--lines with observations",
            seen=f"--lines with {what}",
            where="--lines",
            remedy="Leave it out: no other table names lines.",
        )


def wanted_of(form: str, asked: dict[str, Any]) -> Wanted:
    """From the parsed options."""
    return Wanted(form, asked["services"], asked["networks"], asked["out"], asked["simulated"])


def file_name(wanted: Wanted, what: str) -> str:
    """The name of a file that was not named."""
    parts = ["evenfall", *wanted.services, *wanted.networks, *([what] if what else [])]
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", "-".join(parts)).strip("-")[:120]
    return f"{safe}.{wanted.form}"
