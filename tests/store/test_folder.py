"""The store's folder: made, found, refused; and the one writer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evenfall.model.errors import StoreError
from evenfall.store import Store, open_store


def test_a_store_is_made_and_found_again(tmp_path: Path) -> None:
    """Writing makes it, with its version; reading finds it empty."""
    with open_store(tmp_path / "deep" / "store", write=True) as store:
        assert store.imports() == []
    assert 'format = "1.0"' in (tmp_path / "deep" / "store" / "store.toml").read_text()
    with open_store(tmp_path / "deep" / "store", write=False) as store:
        assert store.series() == []
        assert store.findings() == ([], [])


def test_reading_makes_nothing(tmp_path: Path) -> None:
    """A store that is not there is an error with a remedy, and stays not there."""
    with pytest.raises(StoreError, match=r"store\.toml"), open_store(tmp_path / "no", write=False):
        pass
    assert not (tmp_path / "no").exists()


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    """A folder with other things in it does not become a store."""
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(StoreError, match=r"thesis\.txt"), open_store(tmp_path, write=True):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('format = "2.0"\nsoftware = "evenfall 9"\n', "format 2.0, made by evenfall 9"),
        ("format = 1\n[", "something else"),
        ("made = 1\n", "something else"),
    ],
)
def test_a_newer_or_damaged_version_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """A higher major, or a version that cannot be read, for reading and for writing."""
    with open_store(tmp_path / "s", write=True):
        pass
    (tmp_path / "s" / "store.toml").write_text(text)
    for write in (False, True):
        with pytest.raises(StoreError) as refused, open_store(tmp_path / "s", write=write):
            pass
        assert said in str(refused.value)


def test_a_higher_minor_is_read(tmp_path: Path) -> None:
    """Minor versions only add."""
    with open_store(tmp_path / "s", write=True):
        pass
    (tmp_path / "s" / "store.toml").write_text('format = "1.7"\n')
    with open_store(tmp_path / "s", write=True) as store:
        assert store.series() == []


HOLD = """
import sys
from pathlib import Path
from evenfall.store import Store, open_store
with open_store(Path(sys.argv[1]), write=True):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_writer_is_told_who_writes(tmp_path: Path) -> None:
    """Another process's number and command; reading works meanwhile; later it is free again."""
    path = tmp_path / "s"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreError) as refused, open_store(path, write=True):
            pass
        assert f"process {holder.pid} " in refused.value.seen
        assert "only writer" in refused.value.expected
        with open_store(path, write=False) as store:
            assert store.imports() == []
        holder.stdin.close()
    with open_store(path, write=True):
        pass


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    """A writer that was killed leaves its name in the file, and no lock."""
    path = tmp_path / "s"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    with holder:
        holder.stdout.readline()
        holder.kill()
    assert json.loads((path / "lock").read_text())["pid"] == holder.pid
    (path / "tmp").mkdir(exist_ok=True)
    (path / "tmp" / "half").write_text("left over")
    with open_store(path, write=True):
        assert json.loads((path / "lock").read_text())["pid"] != holder.pid
        assert not (path / "tmp" / "half").exists()


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    """Whoever opened for reading is told so."""
    with open_store(tmp_path / "s", write=True):
        pass
    with (
        open_store(tmp_path / "s", write=False) as store,
        pytest.raises(StoreError, match="opened for writing"),
    ):
        store.write_findings([], [])


def test_readers_of_one_program_do_not_share_what_they_spill(tmp_path: Path) -> None:
    """Each has a folder of its own for what does not fit in memory; closing one clears only its."""
    with open_store(tmp_path / "s", write=True):
        pass

    def spills(store: Store) -> str:
        with store.selecting() as engine:
            found = engine.execute("SELECT current_setting('temp_directory')").fetchone()
        assert found is not None
        return str(found[0])

    with (
        open_store(tmp_path / "s", write=False) as one,
        open_store(tmp_path / "s", write=False) as two,
    ):
        assert spills(one) != spills(two)
