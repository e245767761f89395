"""Ctrl-C while a check runs: the first one ends the measuring, and what was seen is still said.

Judging takes a moment, and whoever presses Ctrl-C presses it again: repeats are ignored for
`GRACE_S`, so that the answer is not lost. After that, one more ends the program at once.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Coroutine
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

__all__ = ["GRACE_S", "Patience"]

GRACE_S = 3.0
_T = TypeVar("_T")


class Patience:
    """Holds the interrupt while it is entered; elsewhere than in the main thread it does nothing.

    The handler before is put back when it is left, but for a program that is ending.
    """

    def __init__(self) -> None:
        self._before: Any = None
        self._since_s: float | None = None
        self._task: asyncio.Task[Any] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._interrupted)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _where: TracebackType | None,
    ) -> None:
        if self._before is not None:
            was_interrupted = self._since_s is not None  # the program ends now, in its own way
            signal.signal(signal.SIGINT, signal.SIG_IGN if was_interrupted else self._before)

    def run(self, steps: Coroutine[Any, Any, _T]) -> _T:
        """As `asyncio.run`; the first interrupt cancels the steps."""

        async def watched() -> _T:
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
            try:
                return await steps
            finally:
                self._loop = self._task = None

        return asyncio.run(watched())

    def _interrupted(self, _number: int, _frame: FrameType | None) -> None:
        now_s = time.monotonic()
        if self._since_s is not None:
            if now_s - self._since_s > GRACE_S:
                raise KeyboardInterrupt
            return
        if self._loop is None or self._task is None:
            raise KeyboardInterrupt
        self._since_s = now_s
        self._loop.call_soon_threadsafe(self._task.cancel)
