"""The house: arrows go down, pure rooms stay pure, and each room says what it is for."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PURE = ("model", "wire", "infer", "archive")
CLOCK_CALLS = {"now", "utcnow", "today", "time", "time_ns", "monotonic", "perf_counter"}
IO_MODULES = {
    "socket", "ssl", "asyncio", "time", "random", "os", "pathlib", "subprocess", "threading",
    "duckdb", "urllib", "http", "selectors", "shutil", "tempfile", "multiprocessing",
}  # fmt: skip


def sources(repository: Path, room: str = "") -> list[Path]:
    """All Python files of a room (of all rooms if none is named)."""
    return sorted((repository / "src" / "evenfall" / room).rglob("*.py"))


def imported(tree: ast.AST) -> set[str]:
    """Top-level names of all modules imported anywhere in a file.

    `urllib.parse` takes text apart and opens nothing, so it does not count as `urllib`.
    """
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.split(".")[0] for name in names if name != "urllib.parse"}


@pytest.mark.parametrize("room", PURE)
def test_pure_rooms_import_no_io(repository: Path, room: str) -> None:
    """`model wire infer archive` import nothing that touches a socket, file, process or clock."""
    for path in sources(repository, room):
        found = imported(ast.parse(path.read_text())) & IO_MODULES
        assert not found, f"{path}: imports {sorted(found)}; pass the value in as an argument"


@pytest.mark.parametrize("room", PURE)
def test_pure_rooms_read_no_clock_and_open_no_file(repository: Path, room: str) -> None:
    """No `datetime.now()`, no `open()`, no global numpy random state in a pure room."""
    for path in sources(repository, room):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            call = ast.unparse(node.func)
            assert call not in {"open", "print", "input"}, f"{path}:{node.lineno}: {call}()"
            last = call.rsplit(".", 1)[-1]
            clock = call.startswith(("datetime.", "dt.", "time.")) and last in CLOCK_CALLS
            assert not clock, f"{path}:{node.lineno}: {call}() reads a clock"
            assert not re.match(r"(np|numpy)\.random\.(?!default_rng|Generator)", call), (
                f"{path}:{node.lineno}: {call}() uses numpy's global random state"
            )


def test_sockets_are_opened_where_they_may_be(repository: Path) -> None:
    """Only net, server, lab (its own namespaces) import `socket`."""
    allowed = {"net", "server", "lab"}
    for path in sources(repository):
        room = path.relative_to(repository / "src" / "evenfall").parts[0]
        if room not in allowed:
            assert "socket" not in imported(ast.parse(path.read_text())), f"{path} opens sockets"


def test_every_room_and_file_says_what_it_is_for(repository: Path) -> None:
    """Each package and each module begins with a docstring of at least one full sentence."""
    for path in sources(repository):
        docstring = ast.get_docstring(ast.parse(path.read_text()))
        assert docstring, f"{path}: no docstring"
        assert len(docstring) > 20, f"{path}: the docstring does not say what it is for"


@pytest.mark.parametrize("room", ["wire", "net", "infer"])
def test_protocol_and_statistics_files_open_with_prose(repository: Path, room: str) -> None:
    """Files of wire, net and infer explain themselves before their first line of code."""
    for path in sources(repository, room):
        if path.name == "__init__.py":
            continue
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        assert docstring.count("\n") >= 2, f"{path}: say what it does, its rules, its sources"
