"""A full disk, really full: a tmpfs of a few hundred KiB to 4 MiB in a namespace of its own.

Whatever the size: one clear message, the right exit status, what was complete before reads as
before, and with room again the same import gives the same result as on a disk that was never full.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from foreign_table import HEADER, MAP, table

INSIDE = """
import json, subprocess, sys
from pathlib import Path
from evenfall.store import open_store
mount, home, sizes = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
evenfall = [sys.executable, "-m", "evenfall.cli"]

def command(*words):
    code = "import sys; from evenfall.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)

def add(name, store):
    return command("import", "table", str(home / name), "--map", str(home / "m.toml"),
                   "--store", str(store), "--json", "-q")

def digest(store):
    with open_store(store, write=False) as opened:
        return [opened.digest(), len(opened.imports())]

told = []
for size in sizes:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(mount)], check=True)
    store = mount / "s"
    first = add("first.csv", store)
    before = digest(store) if first.returncode == 0 else None
    second = add("second.csv", store)
    after = digest(store) if before else None
    subprocess.run(["mount", "--options-mode", "ignore", "-o", "remount,size=64m",
                    "tmpfs", str(mount)], check=True)
    again = [add("first.csv", store).returncode, add("second.csv", store).returncode]
    told.append({"size": size, "first": [first.returncode, first.stderr],
                 "second": [second.returncode, second.stderr], "before": before, "after": after,
                 "again": again, "end": digest(store)})
    subprocess.run(["umount", str(mount)], check=True)
print(json.dumps(told))
"""


@pytest.mark.slow
@pytest.mark.netns
def test_a_full_disk_loses_nothing_that_was_complete(tmp_path: Path) -> None:
    """Sizes from "not even the folder" to "almost enough", each in the middle of another step."""
    lines = table(days=12, networks=8, tests=20)
    (tmp_path / "first.csv").write_text("\n".join([HEADER, *lines[:1200], ""]))
    (tmp_path / "second.csv").write_text("\n".join([HEADER, *lines, "broken", ""]))
    (tmp_path / "m.toml").write_text(MAP)
    mount = tmp_path / "mount"
    mount.mkdir()
    sizes = [4, 150, 320, 700, 1300, 2000, 4096]
    done = subprocess.run(
        ["unshare", "-Urm", sys.executable, "-c", INSIDE, mount, tmp_path, json.dumps(sizes)],
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    ends = {tuple(case["end"]) for case in told}
    assert len(ends) == 1, told
    outcomes = set()
    for case in told:
        outcomes.add((case["first"][0], case["second"][0]))
        for status, message in (case["first"], case["second"]):
            assert status in (0, 1), case
            if status:
                assert "no space left on device" in message, case
                assert "What was complete before is still there" in message, case
                assert message.count("\n") == 1, case
        if case["second"][0]:
            assert case["after"] == case["before"], case
        assert case["again"] == [0, 0], case
    # The sizes do cover: nothing fits, the first fits and the second does not, all fits.
    assert {(1, 1), (0, 1), (0, 0)} <= outcomes, outcomes


@pytest.mark.netns
def test_a_disk_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    """A read-only mount: status 1, the folder and the reason; root included."""
    (tmp_path / "f.csv").write_text("\n".join([HEADER, *table()]))
    (tmp_path / "m.toml").write_text(MAP)
    (tmp_path / "ro").mkdir()
    script = (
        f"mount -t tmpfs -o ro tmpfs {tmp_path}/ro && exec {sys.executable} -c "
        '"from evenfall.cli import main; main()" '
        f"import table {tmp_path}/f.csv --map {tmp_path}/m.toml --store {tmp_path}/ro/s -q"
    )
    done = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "read-only file system" in done.stderr
    assert f"{tmp_path}/ro/s" in done.stderr
    assert done.stderr.count("\n") == 1
