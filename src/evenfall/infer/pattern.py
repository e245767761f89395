r"""Regular expressions of foreign files, in bounded time: no pattern can make a check hang.

What it does. `compile_pattern` reads a pattern of the usual kind and gives a `Pattern`, whose
`found_in` says whether it occurs in a text. Python's own `re` tries every way in which a pattern
can fit, which takes `(a+)+$` longer than the universe on forty letters; here all ways are followed
at once.

Rules.
- Read are letters, `.` (any character, newlines too), classes `[…]`, `\d \w \s` and their
  opposites, groups, `|`, `* + ? {m,n}` (greedy or lazy, which makes no difference to being found),
  `^`, `$`, `\A`, `\Z`, and `(?i)`, `(?s)` at the beginning.
- Refused, with `PatternError`: backreferences, looking ahead or behind, word boundaries, possessive
  quantifiers, conditions, other flags, more than `STATES_MAX` states, more than `DEPTH_MAX` groups
  inside each other.
- Searched are the first `TEXT_CHARS_MAX` characters. A search that needs more than `STEPS_MAX`
  steps ends without a find: a doubt never makes a block page. Several searches may share an
  `Allowance` of steps; whoever finds it used up does not search.

How it works. Thompson's construction: the pattern becomes a graph of states; the set of states that
a text can have reached is carried on character by character, and sets that occurred before are
remembered with where each character leads (a lazy automaton). One-character pieces are given to
`re`, so that classes mean what they mean everywhere. A piece of letters that every find has to
contain is looked for first, because most patterns of a file fit nothing.

What it does not do. No captured groups, no positions, no MULTILINE.

Sources: K. Thompson, "Regular Expression Search Algorithm", CACM 11 (1968); R. Cox, "Regular
Expression Matching Can Be Simple And Fast" (2007); Python `re` for the grammar.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from evenfall.infer.pattern_grammar import (
    DEPTH_MAX,
    STATES_MAX,
    Graph,
    Mark,
    PatternError,
    read_pattern,
)

__all__ = [
    "DEPTH_MAX",
    "STATES_MAX",
    "STEPS_MAX",
    "TEXT_CHARS_MAX",
    "Allowance",
    "Pattern",
    "PatternError",
    "compile_pattern",
]

STEPS_MAX = 200_000
TEXT_CHARS_MAX = 16_384
_SETS_MAX = 500
_COMPILED_MAX = 4096
_CHARS_A_STEP = 512
"""Looking for plain letters is that much cheaper a character."""


@dataclass
class Allowance:
    """Steps that several searches share.

    Attributes:
        left: how many are left; below zero: it is used up, and what was not searched by then is
            not searched.
    """

    left: int

    @property
    def is_used_up(self) -> bool:
        """Something was left unsearched, or may have been."""
        return self.left < 0

    def spend(self, steps: int) -> bool:
        """Take so many; False if there were not enough."""
        self.left -= steps
        return self.left >= 0


class Pattern:
    """A pattern that can be looked for; made by `compile_pattern`."""

    def __init__(self, graph: Graph) -> None:
        self._states = graph.states
        self._first = graph.first
        self._accept = graph.accept
        self._needed = graph.needed
        self._sets: dict[frozenset[int], dict[str, frozenset[int]]] = {}
        self._steps = 0

    def found_in(self, text: str, allowance: Allowance | None = None) -> bool:
        """Whether it occurs in the text; False also if that would take too long to say."""
        shared = allowance or Allowance(STEPS_MAX + TEXT_CHARS_MAX)
        text = text[:TEXT_CHARS_MAX]
        if not shared.spend(1 + len(text) // _CHARS_A_STEP):
            return False
        if self._needed and self._needed not in text:
            return False
        self._steps = 0
        found, read = self._search(text, most=min(STEPS_MAX, shared.left))
        shared.spend(self._steps + read)
        return found and not shared.is_used_up

    def _search(self, text: str, *, most: int) -> tuple[bool, int]:
        """Whether it was found within so many steps, and how many characters were read."""
        last_at = len(text) - 1 if text.endswith("\n") else -1
        marks = self._marks(0, len(text), last_at)
        marks.add("start")
        now = self._closure({self._first}, marks)
        for at, character in enumerate(text):
            if self._accept in now:
                return True, at
            if self._steps > most:
                return False, at
            now = self._after(now, character)
            if at + 2 >= len(text) and (marks := self._marks(at + 1, len(text), last_at)):
                now = self._closure(set(now), marks)
        return self._accept in now, len(text)

    @staticmethod
    def _marks(at: int, end: int, last_at: int) -> set[Mark]:
        """Which of the marks of an end hold at a place."""
        marks: set[Mark] = set()
        if at == end:
            marks |= {"end", "last"}
        elif at == last_at:
            marks.add("last")
        return marks

    def _after(self, now: frozenset[int], character: str) -> frozenset[int]:
        """The states after one more character, those of a find that begins behind it included."""
        known = self._sets.get(now)
        if known is None:
            if len(self._sets) >= _SETS_MAX:
                self._sets.clear()
            known = self._sets.setdefault(now, {})
        there = known.get(character)
        if there is None:
            reached = {self._first}
            self._steps += len(now)
            for index in now:
                state = self._states[index]
                if state.piece is not None and state.piece.match(character):
                    reached.update(state.ways)
            there = known[character] = self._closure(reached, set())
        return there

    def _closure(self, states: set[int], marks: set[Mark]) -> frozenset[int]:
        """All states that are reached without a character, where these marks hold."""
        seen, waiting = set(states), list(states)
        while waiting:
            state = self._states[waiting.pop()]
            if state.piece is not None or (state.mark is not None and state.mark not in marks):
                continue
            for way in state.ways:
                if way not in seen:
                    seen.add(way)
                    waiting.append(way)
        self._steps += len(seen)
        return frozenset(seen)


@lru_cache(maxsize=_COMPILED_MAX)
def compile_pattern(pattern: str) -> Pattern:
    """Read a pattern.

    Raises:
        PatternError: it holds what is refused above, or is no pattern.
    """
    return Pattern(read_pattern(pattern))
