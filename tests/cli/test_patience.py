"""Ctrl-C, pressed once and more often: the answer is not lost, and nobody is held for long."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest

from evenfall.cli.patience import GRACE_S, Patience


@pytest.fixture(autouse=True)
def _put_back():
    """The handler of the tests themselves."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


async def interrupted_at_once() -> str:
    """What a check does: a cancelled step is caught, and judged."""
    try:
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        return "judged"
    return "never"


def test_repeats_are_ignored_while_it_judges():
    """The first ends the measuring; two more, during the judging and the printing, do nothing."""
    with Patience() as patience:
        assert patience.run(interrupted_at_once()) == "judged"
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)  # and while the program ends


def test_a_later_one_ends_it(monkeypatch):
    """Whoever still waits after the grace is let go."""
    with Patience() as patience:
        patience.run(interrupted_at_once())
        later_s = time.monotonic() + GRACE_S + 1
        monkeypatch.setattr("evenfall.cli.patience.time.monotonic", lambda: later_s)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_without_a_measurement_one_is_enough():
    """Before the first packet, and after the last: an interrupt is an interrupt."""
    with Patience(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_steps_that_nobody_interrupts():
    """Innocent: the result comes through, and the handler is put back."""

    async def steps() -> int:
        return 7

    with Patience() as patience:
        assert patience.run(steps()) == 7
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
