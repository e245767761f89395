"""examples/first-look.ipynb, executed by Jupyter's own client: it finds what is in its data.

The kernel runs in a process of its own, as it does for a reader.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXECUTE = """
import asyncio, sys, warnings
import nbformat
from nbclient import NotebookClient
book = nbformat.read(sys.argv[1], as_version=4)
nbformat.validate(book)
NotebookClient(book, timeout=120, kernel_name="python3").execute()
nbformat.write(book, sys.argv[2])
"""


def texts(cell: dict[str, Any], kind: str) -> str:
    """All outputs of a cell of one kind (`stream`, `text/plain`, `text/html`)."""
    found = []
    for output in cell["outputs"]:
        if kind == "stream" and output["output_type"] == "stream":
            found.append(output["text"])
        elif kind in output.get("data", {}):
            found.append(output["data"][kind])
    return "".join("".join(part) for part in found)


@pytest.fixture(scope="module")
def executed(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The notebook with its outputs; cells by their first words are found with `cell`."""
    folder = tmp_path_factory.mktemp("notebook")
    source, target = repository / "examples" / "first-look.ipynb", folder / "done.ipynb"
    environment = {
        "HOME": str(folder),
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "JUPYTER_PATH": f"{sys.prefix}/share/jupyter",
        "IPYTHONDIR": str(folder / "ipython"),
    }
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, str(source), str(target)],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    book: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    return book


def cell(book: dict[str, Any], words: str) -> dict[str, Any]:
    """The one code cell that holds these words."""
    (found,) = [
        c for c in book["cells"] if c["cell_type"] == "code" and words in "".join(c["source"])
    ]
    assert isinstance(found, dict)
    return found


def test_every_cell_runs_without_a_word_of_complaint(executed: dict[str, Any]) -> None:
    """No error, nothing on stderr, and every cell but the making of the data shows something."""
    codes = [c for c in executed["cells"] if c["cell_type"] == "code"]
    for number, one in enumerate(codes):
        assert all(o["output_type"] != "error" for o in one["outputs"]), one
        assert all(o.get("name") != "stderr" for o in one["outputs"]), one
        assert bool(one["outputs"]) == (number > 0), one


def test_the_window_is_found(executed: dict[str, Any]) -> None:
    """20:00 to 22:00 lie in the printed intervals, on all fourteen nights."""
    said = texts(cell(executed, "window = video.window()"), "stream").splitlines()
    for line, true in zip(said, ("20:00", "22:00"), strict=False):
        low, high = line.split()[-2:]
        assert low <= true <= high, line
    assert "of 14 nights" in said[2]


def test_the_picture_is_drawn_and_marked(executed: dict[str, Any]) -> None:
    """A carpet in SVG with fourteen rows for each service, SIMULATED over each, window in one."""
    for words, is_found in (("video = store.nights", True), ("messenger = store.nights", False)):
        html = texts(cell(executed, words), "text/html")
        assert html.count('<a href="#e') == 14
        assert "SIMULATED" in html
        assert ('class="win"' in html) is is_found
        assert ("No recurring hours" in html) is not is_found


def test_the_numbers_agree_with_the_picture(executed: dict[str, Any]) -> None:
    """Inside far below one, outside and for the innocent about one; SQL sees the same hours."""
    inside, outside, innocent = (
        float(line.split()[-1])
        for line in texts(cell(executed, "rows = video.rows"), "stream").splitlines()
    )
    assert inside < 0.1
    assert 0.9 < outside < 1.1
    assert 0.9 < innocent < 1.1
    table = texts(cell(executed, "store.sql("), "text/html")
    assert table.count("<tr>") >= 20
    assert "SIMULATED" in table


def test_it_says_what_it_does_not_show(executed: dict[str, Any]) -> None:
    """Who did it is the first thing that is not shown."""
    assert texts(cell(executed, "not_shown"), "stream").startswith("– Who did it, or why.")


def test_it_is_kept_without_outputs(repository: Path) -> None:
    """The committed notebook holds no output, no count and nothing of a machine."""
    text = (repository / "examples" / "first-look.ipynb").read_text(encoding="utf-8")
    book = json.loads(text)
    for one in book["cells"]:
        assert one.get("outputs", []) == []
        assert one.get("execution_count") is None
    assert str(repository) not in text
