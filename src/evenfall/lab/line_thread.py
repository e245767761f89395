"""The loopback line in a thread of its own, standing while a context is entered."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self

from evenfall.lab.clock import LabClock
from evenfall.lab.line import start_line
from evenfall.lab.plan import Places
from evenfall.lab.scenario import Drawn
from evenfall.model.errors import LabError

__all__ = ["LineThread"]

_START_S = 10.0


class LineThread:
    """A context manager. One event loop holds every bucket and every decision: no locks.

    Args:
        served: where the servers are.
        seen: where the relays listen, one for each place of `served`.
        clock: read with the monotonic clock whenever a flow is decided.
    """

    def __init__(self, drawn: Drawn, *, served: Places, seen: Places, clock: LabClock) -> None:
        self._drawn = drawn
        self._served = served
        self._seen = seen
        self._clock = clock
        self._thread = threading.Thread(target=self._run, name="line", daemon=True)
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leaving: asyncio.Event | None = None
        self._failure: OSError | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._started.wait(_START_S) or self._failure is not None:
            raise LabError(
                expected="free addresses and ports for the lab's relays",
                seen=str(self._failure or f"no answer in {_START_S:.0f} s"),
                where=f"addresses beside {self._seen.block_page}",
                remedy="Stop what holds them, and run it again.",
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._loop is not None and self._leaving is not None:
            self._loop.call_soon_threadsafe(self._leaving.set)
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._stand())

    async def _stand(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._leaving = asyncio.Event()
        async with contextlib.AsyncExitStack() as stack:
            try:
                await start_line(
                    self._drawn,
                    served=self._served,
                    seen=self._seen,
                    clock=self._clock,
                    stack=stack,
                )
            except OSError as error:
                self._failure = error
                return
            finally:
                self._started.set()
            await self._leaving.wait()
