r"""The grammar of patterns in foreign files: from letters to a graph of states.

What it does. `read_pattern` reads a pattern from left to right, by Thompson's construction, into
the states that `infer.pattern` carries a text through.

Rules. What is read and what is refused stands in `infer.pattern`; whatever is refused raises
`PatternError` and says where.

What it does not do. It searches nothing.

Sources: those of `infer.pattern`.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "DEPTH_MAX",
    "REPEAT_MAX",
    "STATES_MAX",
    "Graph",
    "Mark",
    "PatternError",
    "State",
    "read_pattern",
]

STATES_MAX = 1000
DEPTH_MAX = 20
REPEAT_MAX = 255

Mark = Literal["start", "end", "last"]
_ESCAPED = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[dDwWsSnrtfv]|[^A-Za-z0-9])")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_COUNT = re.compile(r"\{(\d{0,4})(?:(,)(\d{0,4}))?\}")
_GROUP = re.compile(r"\((?:\?(?::|P<\w{1,64}>))?(?!\?)")
_FLAGS = re.compile(r"\(\?([is]+)\)")
_ANCHORS: dict[str, Mark] = {"A": "start", "Z": "end"}


class PatternError(ValueError):
    """A pattern that is not read here; says what and where in it."""


@dataclass
class State:
    """One state: a piece that one character has to fit, a mark, or a fork."""

    piece: re.Pattern[str] | None = None
    mark: Mark | None = None
    ways: list[int] = field(default_factory=list)


@dataclass
class _Part:
    """A part of the graph under construction: where it begins, and its last state."""

    first: int
    last: int


@dataclass(frozen=True)
class Graph:
    """A pattern that was read.

    Attributes:
        states: `first` is where it begins, `accept` where it has been found.
        needed: letters that every find contains.
    """

    states: list[State]
    first: int
    accept: int
    needed: str


def read_pattern(pattern: str) -> Graph:
    """Read a pattern.

    Raises:
        PatternError: it holds what is refused, or is no pattern.
    """
    reader = _Reader(pattern)
    part = reader.read()
    return Graph(reader.states, part.first, part.last, reader.needed)


class _Reader:
    """Reads a pattern from left to right into a graph."""

    def __init__(self, pattern: str) -> None:
        self.states: list[State] = []
        self.needed = ""
        self._text = pattern
        self._at = 0
        self._depth = 0
        self._flags = re.DOTALL
        self._run = ""

    def read(self) -> _Part:
        """The whole pattern."""
        if found := _FLAGS.match(self._text):
            self._at = found.end()
            if "i" in found.group(1):
                self._flags |= re.IGNORECASE
        part = self._choice()
        if self._at < len(self._text):
            raise self._refused("a closing bracket without an opening one")
        accept = self._new()
        self._join(part.last, accept)
        return _Part(part.first, accept)

    def _choice(self) -> _Part:
        parts = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            self.needed = self._run = ""  # of several ways, none is needed
            parts.append(self._sequence())
        if len(parts) == 1:
            return parts[0]
        self.needed = ""
        fork, end = self._new(), self._new()
        for part in parts:
            self._join(fork, part.first)
            self._join(part.last, end)
        return _Part(fork, end)

    def _sequence(self) -> _Part:
        start = self._new()
        whole = _Part(start, start)
        while self._peek() not in ("", "|", ")"):
            before = self._at
            part = self._repeated(self._piece())
            self._note(self._text[before : self._at])
            self._join(whole.last, part.first)
            whole = _Part(whole.first, part.last)
        self._note("")
        return whole

    def _note(self, written: str) -> None:
        """Keep the longest run of plain letters outside all groups."""
        plain = len(written) == 1 and written not in ".^$" and not self._depth
        if plain and not self._flags & re.IGNORECASE:
            self._run += written
            return
        if len(self._run) > len(self.needed) and not self._depth:
            self.needed = self._run
        self._run = ""

    def _piece(self) -> _Part:
        character = self._peek()
        if character == "(":
            return self._group()
        if character in "*+?":
            raise self._refused("nothing to repeat")
        if character == "^":
            return self._marked("start", 1)
        if character == "$":
            return self._marked("last", 1)
        if character == "\\":
            mark = _ANCHORS.get(self._text[self._at + 1 : self._at + 2])
            if mark is not None:
                return self._marked(mark, 2)
            return self._one(_ESCAPED, "this escape")
        if character == "[":
            return self._one(_CLASS, "a class without an end")
        self._at += 1
        return self._single("." if character == "." else re.escape(character))

    def _group(self) -> _Part:
        found = _GROUP.match(self._text, self._at)
        if not found or self._depth >= DEPTH_MAX:
            raise self._refused("this kind of group")
        self._at = found.end()
        self._note("")
        self._depth += 1
        needed = self.needed
        part = self._choice()
        self.needed = needed
        self._depth -= 1
        if self._peek() != ")":
            raise self._refused("a group without an end")
        self._at += 1
        return part

    def _one(self, grammar: re.Pattern[str], what: str) -> _Part:
        found = grammar.match(self._text, self._at)
        if not found:
            raise self._refused(what)
        self._at = found.end()
        return self._single(found.group(0))

    def _single(self, written: str) -> _Part:
        try:
            with warnings.catch_warnings():
                # "[[" may mean something else in a Python to come; it does not in these files.
                warnings.simplefilter("ignore", FutureWarning)
                piece = re.compile(written, self._flags)
        except (re.error, OverflowError) as error:
            raise self._refused(str(error)) from error
        state, end = self._new(), self._new()
        self.states[state].piece = piece
        self._join(state, end)
        return _Part(state, end)

    def _marked(self, mark: Mark, length: int) -> _Part:
        self._at += length
        state, end = self._new(), self._new()
        self.states[state].mark = mark
        self._join(state, end)
        return _Part(state, end)

    def _repeated(self, part: _Part) -> _Part:
        """What follows a piece: how often it may come."""
        begin = part.first
        least, most = self._times()
        if (least, most) == (1, 1):
            return part
        if self._peek() == "?":
            self._at += 1  # lazy: the same finds
        elif self._peek() in ("+", "*", "{") and self._peek():
            raise self._refused("a repetition of a repetition")
        copies = (self._copy(part, begin) for _ in range(max(least, most or least + 1) - 1))
        return self._chain([part, *copies], least, most)

    def _times(self) -> tuple[int, int | None]:
        character = self._peek()
        if character in ("*", "+", "?") and character:
            self._at += 1
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[character]
        found = _COUNT.match(self._text, self._at) if character == "{" else None
        if not found or found.group(0) in ("{}", "{,}"):
            return 1, 1
        self._at = found.end()
        least = int(found.group(1) or 0)
        most = least if not found.group(2) else int(found.group(3)) if found.group(3) else None
        if least > REPEAT_MAX or (most is not None and not least <= most <= REPEAT_MAX):
            raise self._refused(f"a repetition beyond {REPEAT_MAX}")
        return least, most

    def _chain(self, parts: list[_Part], least: int, most: int | None) -> _Part:
        """Copies one after the other; those beyond the least may be left out."""
        start, end = self._new(), self._new()
        last = start
        for index, part in enumerate(parts):
            if index >= least:
                self._join(last, end)
            if most == 0:
                break
            self._join(last, part.first)
            last = part.last
        if most is None:
            self._join(last, parts[-1].first)
        self._join(last, end)
        return _Part(start, end)

    def _copy(self, part: _Part, begin: int) -> _Part:
        """The states of a part once more; they are those from its first on that it can reach."""
        old: dict[int, int] = {}
        waiting = [begin]
        while waiting:
            index = waiting.pop()
            if index in old:
                continue
            old[index] = self._new()
            if index != part.last:
                waiting.extend(self.states[index].ways)
        for index, copied in old.items():
            state = self.states[index]
            self.states[copied].piece, self.states[copied].mark = state.piece, state.mark
            if index != part.last:
                self.states[copied].ways = [old[way] for way in state.ways]
        return _Part(old[part.first], old[part.last])

    def _new(self) -> int:
        if len(self.states) >= STATES_MAX:
            raise self._refused(f"more than {STATES_MAX} states")
        self.states.append(State())
        return len(self.states) - 1

    def _join(self, from_: int, to: int) -> None:
        self.states[from_].ways.append(to)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _refused(self, what: str) -> PatternError:
        return PatternError(f"{what}, at character {self._at + 1}")
