"""Shared fixtures, and the rule that nothing is left out in silence.

A test that cannot run here says so through `real_data`, `foreign_tool` or the `netns` marker; the
reasons are counted and printed at the very end, also by `./run test`.
"""

from __future__ import annotations

import collections
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # A shell starts background jobs with SIGINT ignored, and children inherit that: the tests of
    # Ctrl-C would wait for a program that cannot hear it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data, or the test is named as not run."""
    folder = Path(os.environ.get("EVENFALL_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "README.md").is_file():
        pytest.skip("not run: no real data (set EVENFALL_REAL_DATA to its folder)")
    return folder


@pytest.fixture(scope="session")
def foreign_tool() -> Callable[[str], str]:
    """Path of a program that nobody here wrote, or the test is named as not run."""

    def find(name: str) -> str:
        path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
        if path is None:
            pytest.skip(f"not run: no {name} on this machine")
        return path

    return find


@lru_cache(maxsize=1)
def _namespaces_missing() -> str | None:
    """Why network namespaces cannot be used here, or None if they can."""
    for tool in ("unshare", "nsenter"):
        if not (shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin")):
            return f"no {tool} on this machine"
    probe = subprocess.run(
        ["unshare", "-Urnm", "true"], capture_output=True, text=True, timeout=20, check=False
    )
    return None if probe.returncode == 0 else f"no namespaces here: {probe.stderr.strip()}"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out what needs namespaces where there are none, and say so."""
    if item.get_closest_marker("netns") and (reason := _namespaces_missing()):
        pytest.skip(f"not run: {reason}")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on the proxies, zone, colours or store of whoever runs it."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith(("EVENFALL_STORE", "SSL_CERT")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_COLOR", "1")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was not run, with counts, so that green never means "left out"."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = collections.Counter(
        report.longrepr[2].removeprefix("Skipped: ") for report in skipped
    )
    terminalreporter.section("not run")
    if not reasons:
        terminalreporter.line("nothing was left out")
    for reason, count in sorted(reasons.items()):
        terminalreporter.line(f"{count:4d}  {reason}")
