"""Evenfall finds out, proves and documents internet curfews.

A curfew is the slowing or blocking of chosen services, at certain hours, on some networks,
while the rest of the net works. Facts go in at the left (a probe's own measurements, or
archives), meanings come out at the right (verdicts, curfews, pages); no meaning is ever stored
where a fact belongs. Each room below says in its own docstring what it does and what it may touch.

For whoever works in Python or in a notebook, `evenfall.open` reads a store (docs/python.md):

    import evenfall
    with evenfall.open("kz.evf") as store:
        store.nights("telegram", network="AS33771")

`import evenfall` loads no numpy and no engine; they come with the first `open`.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evenfall.accessor import Answer, CarpetView, Nights, NightsList, OpenStore, Why

__version__ = "0.1.0"
__all__ = [
    "Answer",
    "CarpetView",
    "Nights",
    "NightsList",
    "OpenStore",
    "Why",
    "__version__",
    "open",
]


def open(path: str | os.PathLike[str] | None = None, *, timezone: str = "UTC") -> OpenStore:  # noqa: A001  (the name that one looks for; nothing here opens a file)
    """Open a store for reading.

    Args:
        path: the store's folder; None: the one that the commands use (`$EVENFALL_STORE`, else
            `$XDG_DATA_HOME/evenfall`, else `~/.local/share/evenfall`).
        timezone: IANA zone of observations that carry none.

    Returns:
        An open store; also a context manager. It writes nothing and takes no lock.

    Raises:
        StoreError: there is no store, it is newer than we are, or it cannot be read.
        FormatError: the zone is unknown.
        MissingExtra: the packages of `evenfall[report]` are not installed.
    """
    opened: OpenStore = _accessor().open_for_reading(path, timezone=timezone)
    return opened


def __getattr__(name: str) -> Any:
    """The types of what `open` gives, loaded when one is asked for."""
    if name in __all__:
        return getattr(_accessor(), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _accessor() -> Any:
    try:
        return importlib.import_module("evenfall.accessor")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".", 1)[0] == __name__:
            raise
        from evenfall.model.errors import MissingExtra

        module = error.name or "a module"
        raise MissingExtra(command="evenfall.open", extra="report", module=module) from error
