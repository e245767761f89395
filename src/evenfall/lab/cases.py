"""The cases that come with the project, and how one is found by name.

A case is a folder with `scenario.toml`: the world, and the verdicts that are right in it. They lie
in `cases/` beside the sources of a checkout, or wherever `--cases` says.
"""

from __future__ import annotations

from pathlib import Path

from evenfall.lab.scenario import Scenario, load
from evenfall.model.errors import FormatError, UsageError

__all__ = ["cases_folder", "find_case", "load_cases", "sort_cases"]

_FILE_NAME = "scenario.toml"
_CASES_MAX = 1000


def cases_folder() -> Path:
    """The folder of cases of this checkout, else `cases` in the current folder.

    Raises:
        UsageError: neither is there.
    """
    for folder in (Path(__file__).resolve().parents[3] / "cases", Path("cases")):
        if folder.is_dir():
            return folder
    raise UsageError(
        expected="the folder of cases",
        seen="none beside the sources or here",
        where="--cases",
        remedy="Cases come with a checkout of the sources; give their folder with --cases.",
    )


def load_cases(folder: Path) -> list[Scenario]:
    """Every case of a folder, by name.

    Raises:
        UsageError: no such folder, or no case in it.
        FormatError: a scenario file that is not one.
    """
    return [load(path) for path in _paths(folder)]


def _paths(folder: Path) -> list[Path]:
    paths = sorted(folder.glob(f"*/{_FILE_NAME}"))[:_CASES_MAX] if folder.is_dir() else []
    if not paths:
        raise UsageError(
            expected=f"folders with a {_FILE_NAME}",
            seen="none",
            where=str(folder),
            remedy="docs/lab.md describes a case.",
        )
    return paths


def sort_cases(folder: Path) -> tuple[list[Scenario], list[FormatError]]:
    """Every case of a folder that is one, by name, and what is wrong with the others.

    Raises:
        UsageError: no such folder, or no case in it.
    """
    good: list[Scenario] = []
    bad: list[FormatError] = []
    for path in _paths(folder):
        try:
            good.append(load(path))
        except FormatError as error:
            bad.append(error)
    return good, bad


def find_case(name: str, folder: Path) -> Scenario:
    """One case by name, or by the path of its folder or file.

    Raises:
        UsageError: there is none of that name; those that there are, are named.
        FormatError: its file is not a scenario file.
    """
    if name.isidentifier():
        path = folder / name / _FILE_NAME
    else:
        given = Path(name)
        path = given / _FILE_NAME if given.is_dir() else given
    if path.is_file():
        return load(path)
    known = sorted(p.parent.name for p in folder.glob(f"*/{_FILE_NAME}"))
    raise UsageError(
        expected="a scenario: " + (", ".join(known[:_CASES_MAX]) or f"none in {folder}"),
        seen=repr(name),
        where="SCENARIO",
        remedy="`evenfall lab list` shows them; a path to a scenario.toml works too.",
    )
