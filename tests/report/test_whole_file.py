"""One file, whole or not at all; and nothing that is no file is ever replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from evenfall.model.errors import StoreError, UsageError
from evenfall.report.whole_file import whole_file, write_whole


def test_an_old_file_is_replaced_whole(tmp_path: Path) -> None:
    """The new bytes, and no trace beside it."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"old and longer")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    """Whatever goes wrong while writing: the old bytes stand, and nothing lies beside them."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="halfway"):
        _break_off(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def _break_off(path: Path) -> None:
    with whole_file(path) as beside:
        beside.write_bytes(b"half")
        raise RuntimeError("halfway")


def test_places_that_cannot_be_written_are_our_error(tmp_path: Path) -> None:
    """A folder that is not there, and a file in place of a folder: said with a remedy."""
    (tmp_path / "file").write_bytes(b"")
    for place in (tmp_path / "gone" / "a.csv", tmp_path / "file" / "a.csv"):
        with pytest.raises(StoreError, match="--out"):
            write_whole(place, b"x")


def test_folders_devices_and_pipes_are_never_replaced(tmp_path: Path) -> None:
    """A rename over /dev/null would put a file there; a pipe would be gone for its reader."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for place in (tmp_path, pipe, Path(os.devnull)):
        with pytest.raises(UsageError, match="standard output"):
            write_whole(place, b"x")
    assert pipe.is_fifo()
    assert Path(os.devnull).is_char_device()
