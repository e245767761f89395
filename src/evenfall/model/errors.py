"""Our own failures, as one small tree.

    EvenfallError
     ├── UsageError        the person asked for something impossible        (exit 2)
     ├── FormatError       bytes or a file that do not hold what they should (exit 1)
     ├── StoreError        the store folder: locked, full, newer, damaged    (exit 1)
     ├── BudgetExceeded    a step would have gone past the byte budget        (exit 1)
     ├── ProtocolError     the other side of our own protocol misbehaved      (exit 1)
     ├── LabError          the emulated network could not be set up           (exit 1)
     └── MissingExtra      a command whose optional packages are not there    (exit 1)

A failure of the *measured* network is never one of these: it is a value in an observation
(`Observation.failure`). Every message says what was expected, what was seen, where, and what
to do about it; the four parts are arguments so that none can be forgotten.
"""

from __future__ import annotations

__all__ = [
    "BudgetExceeded",
    "EvenfallError",
    "FormatError",
    "LabError",
    "MissingExtra",
    "ProtocolError",
    "StoreError",
    "UsageError",
]


class EvenfallError(Exception):
    """Base of everything we raise on purpose; never raised itself.

    Args:
        expected: what should have been there.
        seen: what was there instead.
        where: file, line, offset, address or option; what a person can point at.
        remedy: what to do now.
    """

    exit_code = 1

    def __init__(self, *, expected: str, seen: str, where: str, remedy: str) -> None:
        if type(self) is EvenfallError:
            raise TypeError("raise one of the named errors, not EvenfallError")
        self.expected = expected
        self.seen = seen
        self.where = where
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, found {self.seen}. {self.remedy}"


class UsageError(EvenfallError):
    """The person asked for something that cannot be done; nothing was started."""

    exit_code = 2


class FormatError(EvenfallError):
    """A file or a message does not hold what its format says."""


class StoreError(EvenfallError):
    """The store folder cannot be read or written as asked."""


class BudgetExceeded(EvenfallError):
    """The next step would not fit in what is left of the byte budget."""


class ProtocolError(EvenfallError):
    """The other end of one of our own protocols broke it."""


class LabError(EvenfallError):
    """The emulated network could not be set up or taken down."""


class MissingExtra(EvenfallError):
    """A command needs an optional group of packages that is not installed."""

    def __init__(self, *, command: str, extra: str, module: str) -> None:
        super().__init__(
            expected=f"the optional packages of evenfall[{extra}]",
            seen=f"no module {module}",
            where=command,
            remedy=f"Install them with: pip install 'evenfall[{extra}]'",
        )
