"""Style that is executed: size, banned words, and names."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

FILE_LINES_MAX = 450
FUNCTION_LINES_MAX = 70
BANNED_MODULES = {"utils", "util", "common", "helpers", "helper", "core", "manager", "misc"}
NOT_OURS_TO_COMMIT = re.compile(
    r"(?:index|find)-?_?(?:url|links)\s*=|registry\.[a-z]|/home/\w|\bissue \d+\b",
    re.IGNORECASE,
)


def tracked(repository: Path) -> list[Path]:
    """Files that are, or would be, committed."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=repository, capture_output=True, check=True,
    )  # fmt: skip
    names = [name for name in listing.stdout.decode().split("\0") if name]
    return [repository / name for name in names if (repository / name).is_file()]


def python_sources(repository: Path) -> list[Path]:
    """Python files of the package."""
    return sorted((repository / "src").rglob("*.py"))


def test_files_and_functions_stay_small(repository: Path) -> None:
    """A file over 450 lines or a function over 70 asks to be split."""
    for path in python_sources(repository):
        text = path.read_text()
        assert text.count("\n") <= FILE_LINES_MAX, f"{path}: {text.count(chr(10))} lines"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                assert lines <= FUNCTION_LINES_MAX, f"{path}:{node.lineno} {node.name}: {lines}"


def test_no_drawer_for_everything(repository: Path) -> None:
    """No module called utils, common, helpers, core or manager."""
    for path in python_sources(repository):
        assert path.stem not in BANNED_MODULES, path


def test_nothing_of_one_machine_is_committed(repository: Path) -> None:
    """No package index, no path of a machine, no tracker number in any tracked text file."""
    own = Path(__file__).resolve()
    places = [f"{place}/" for place in (repository.parent, Path.home()) if len(place.parts) > 1]
    for path in tracked(repository):
        if path == own or path.suffix in {".zst", ".gz", ".png", ".parquet"}:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for place in places:
            assert place not in text, f"{path}: {place}"
        found = NOT_OURS_TO_COMMIT.search(text)
        assert not found, f"{path}: {found.group(0)!r}" if found else ""


def test_large_files_stay_out(repository: Path) -> None:
    """Data does not belong in the repository: no tracked file over 512 KiB."""
    for path in tracked(repository):
        assert path.stat().st_size <= 512 * 1024, path


def test_excuses_carry_their_reason(repository: Path) -> None:
    """Every `type: ignore` and `noqa` in sources, tests and benchmarks says why beside it."""
    excuse = re.compile(r"#\s*(type: ignore\[[^\]]+\]|noqa: [A-Z0-9, ]+)(?P<rest>.*)$")
    for path in [p for p in tracked(repository) if p.suffix == ".py"]:
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            found = excuse.search(line)
            if found:
                assert "(" in found["rest"] or "#" in found["rest"], f"{path}:{number}: say why"


def test_readme_is_short(repository: Path) -> None:
    """The README fits in 150 lines."""
    assert len((repository / "README.md").read_text().splitlines()) <= 150
