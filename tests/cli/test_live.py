"""Rows that appear while a round runs: in order, replaced by later ones, plain where need be."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from evenfall.cli.live import Board, progress_printer
from evenfall.cli.options import Settings
from evenfall.cli.screen import Row, Screen
from evenfall.model.saying import say
from evenfall.model.verdict import Rung, Verdict
from evenfall.model.vocabulary import ClaimLevel, RungName, RungState, Scope, State
from evenfall.probe.session import Progress, RungDone, TargetDone


def settings(language: str = "en", **more) -> Settings:
    """Settings without colour."""
    return Settings(store=Path(), color=False, language=language, **more)


def rung(name: RungName, state: RungState, because: str) -> RungDone:
    """A rung as the round tells of it."""
    return RungDone(rung=Rung(name=name, state=state, because=because))


def target(state: State, **more) -> TargetDone:
    """A target as the round tells of it."""
    verdict = Verdict(
        target="youtube/front", service="youtube", state=state, scope=Scope.UNDETERMINED,
        scope_because="", mechanism=None, claim_level=ClaimLevel.L1, isolated=True,
        slower_by=None, n_pairs=0, e_value=None, bytes=0, rule_id="", ruleset="", profile="",
        witnesses=(),
    )  # fmt: skip
    return TargetDone(verdict=verdict, **more)


LINE = rung(RungName.LINE, RungState.HOLDS, say("{speed:.0f} Mbit/s", speed=41.0))


def test_rows_come_in_order_and_a_later_one_replaces():
    """A rung, a target, the same rung again: two rows, the first with its new words."""
    board = Board(Screen(settings(), width=80))
    assert len(board.take(LINE)) == 1
    assert len(board.take(target(State.OK, goodput_bps=5.7e6))) == 1
    assert board.take(LINE) == []
    assert len(board.take(rung(RungName.LINE, RungState.BROKEN, "slow"))) == 1
    assert [line.split() for line in board.lines()] == [
        ["your", "line", "▼", "slow"],
        ["YouTube", "✔", "5.7", "Mbit/s,", "opens"],
    ]


def test_a_step_is_no_row():
    """What is being done stands by itself; the rung of the service is no row of its own."""
    board = Board(Screen(settings(), width=80))
    assert board.take(Progress(stage="sites", what="vk/front", done=3, total=15)) == []
    assert board.take(rung(RungName.SERVICE, RungState.BROKEN, "1 of 8")) == []
    assert board.lines() == []
    assert board.step == "opening sites: 3 of 15  vk/front"


def test_pairs_stand_in_the_row():
    """A slow target with pairs says how the same server fared under another name."""
    board = Board(Screen(settings(), width=100))
    board.take(target(State.SLOWED, goodput_bps=3e5, neutral_bps=36e6, slower=2, pairs=2))
    assert "0.3 Mbit/s; same server, other name: 36 Mbit/s (2 of 2)" in board.lines()[0]


@pytest.mark.parametrize(("verbosity", "lines"), [(-1, 0), (0, 0), (1, 2)])
def test_without_a_terminal_only_when_asked(monkeypatch, verbosity, lines):
    """Into a file nothing is said, with -v one plain line a row and a step, with -q nothing."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    with progress_printer(settings(verbosity=verbosity)) as emit:
        emit(Progress(stage="sites", what="x", done=1, total=2))
        emit(LINE)
        emit(LINE)
    assert len(written.getvalue().splitlines()) == lines


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("kind", ["dumb", "xterm"])
def test_on_a_terminal_a_row_appears_at_once(monkeypatch, kind):
    """The row is there before the round is over, moving or, where nothing can move, plainly."""
    written = Terminal()
    monkeypatch.setattr(sys, "stderr", written)
    monkeypatch.setenv("TERM", kind)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    with progress_printer(settings()) as emit:
        emit(LINE)
        emit(target(State.OK))
    assert "41 Mbit/s" in written.getvalue()
    assert ("\x1b" in written.getvalue()) is (kind != "dumb")


def test_rows_fit_and_line_up():
    """Long words are folded under their own column, at any width from 40 on."""
    rows = [Row("▼", "YouTube", "slow " * 30), Row("✖", say("IPv{family}", family=6), "shut", 1)]
    for width in (10, 40, 80, 200):
        lines = Screen(settings(), width=width).row_lines(rows)
        assert max(map(len, lines)) <= max(40, min(80, width))
        assert lines[1].startswith("            slow")
    assert lines[-1] == "   IPv6   ✖ shut"
