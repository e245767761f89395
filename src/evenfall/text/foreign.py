"""Names that come from archives, made fit for a line of text.

A service or a network is called whatever its archive says. In a sentence such a name must not break
the line, move the cursor or turn the direction of the text: what is not printable becomes the sign
for a character that could not be read (U+FFFD).
"""

from __future__ import annotations

__all__ = ["one_line"]

_LENGTH_MAX = 200


def one_line(name: str) -> str:
    """The name on one line, printable, at most 200 characters."""
    cut = name if len(name) <= _LENGTH_MAX else name[: _LENGTH_MAX - 1] + "…"
    return "".join(c if c.isprintable() else "\ufffd" for c in cut)
