"""Where on the way a name is acted upon: which hop to ask next, and what the answers mean.

What it does. `Search` says which step is to be done next, from the steps done so far; `located`
reads all of them and gives the stretch between two hops. Both see observations (fact `path_probe`)
and nothing else.

Rules.
- First the server's distance: a neutral name limited to k hops reaches it or not; bisection over
  1 … `HOPS_MAX`.
- Then the base: a *second* neutral name, shown to all hops short of the server. It has to come
  through, in time, and less than `FACTOR` times slower than the steps that found the distance. Else
  the method itself (a name that changes under way, a late first flight) is what is punished here,
  or the line fills up at this minute, and beside a base that crawls no effect could be seen:
  nothing is said.
- Then the name in question, shown to all hops short of the server: without an effect, whatever
  acts on it sits on the last stretch, or does not fall for a name shown once; the search ends.
- Then bisection. A limit counts as hit when two steps agree; a third decides.
- Last the base again: if that is hit by now, the address itself is what is slowed (residual
  blocking), and nothing is said.

A step is hit if it fails, or is slower than the base by `FACTOR` or more. A provider with several
paths (equal-cost multipath) can put a hop more or less between two steps: the answer is a stretch,
not a router.

What it does not do. It names no router and no owner: addresses of routers are not collected. Hop 1
is the home router only where there is one: on a mobile line, behind a bridge or with PPPoE on the
device itself it is the provider's, so "by hop 1" clears nobody.

Sources: Xue et al., "Throttling Twitter" (IMC 2021), section 6, for TTL-limited triggers.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from evenfall.model.observation import Observation
from evenfall.model.saying import Saying, say
from evenfall.model.verdict import Located
from evenfall.model.vocabulary import Fact

__all__ = ["FACTOR", "HOPS_MAX", "Next", "Search", "Shown", "located"]

HOPS_MAX = 32
FACTOR = 3.0
_AGREE = 2
_STEPS_MAX = 40
_OWN_SIDE = frozenset({"network_unreachable", "interrupted", "pin_mismatch"})


class Shown(StrEnum):
    """Which name a step shows."""

    SAME = "same"  # the very name under which the connection goes on: finds the distance
    NEUTRAL = "neutral"  # another name that nobody lists
    TARGET = "target"


@dataclass(frozen=True)
class Next:
    """The step to do."""

    shown: Shown
    hops: int


class Search:
    """Which step comes next.

    Args:
        target: name in question.
        neutral: the second neutral name.
        steps: path probes done so far, in order; the caller appends to it.
    """

    def __init__(self, target: str, neutral: str, steps: Sequence[Observation]) -> None:
        self._target, self._neutral = target, neutral
        self._steps = steps

    def next(self) -> Next | None:
        """The next step; None: all is known that can be."""
        if len(self._steps) >= _STEPS_MAX:
            return None
        low, high, is_known = self._distance()
        if not is_known:
            if low >= HOPS_MAX:
                return None
            return Next(Shown.SAME, (low + high) // 2 if high - low > 1 else high)
        last = high - 1
        if last < 1:
            return None
        if not self._done(Shown.NEUTRAL, last):
            return Next(Shown.NEUTRAL, last)
        if self._is_poor(self._done(Shown.NEUTRAL, last)[0]):
            return None
        return self._bisect(last)

    def stretch(self) -> tuple[int, int, int] | None:
        """(after, by, server): no effect as far as `after`, one by `by`; None: not determined."""
        _, high, is_known = self._distance()
        if not is_known or high < 2:
            return None
        bases = self._done(Shown.NEUTRAL, high - 1)
        if not bases or any(self._is_poor(step) for step in bases):
            return None
        hit = self._hit(high - 1)
        if hit is None:
            return None
        if not hit:
            return high - 1, high, high
        if len(bases) < 2 or _is_hit(bases[-1], bases[0]):
            return None  # nothing says that the address itself is free again
        after, by = self._between(high - 1)
        return (after, by, high) if by - after == 1 else None

    def _bisect(self, last: int) -> Next | None:
        at_last = self._hit(last)
        if at_last is None:
            return Next(Shown.TARGET, last)
        if not at_last:
            return None
        after, by = self._between(last)
        if by - after > 1:
            return Next(Shown.TARGET, (after + by) // 2)
        if len(self._done(Shown.NEUTRAL, last)) < 2:
            return Next(Shown.NEUTRAL, last)
        return None

    def _between(self, last: int) -> tuple[int, int]:
        """Hops known to be free, and known to be hit; hop 0 is the device itself."""
        after, by = 0, last
        while by - after > 1:
            middle = (after + by) // 2
            hit = self._hit(middle)
            if hit is None:
                break
            after, by = (after, middle) if hit else (middle, by)
        return after, by

    def _distance(self) -> tuple[int, int, bool]:
        """Limits that fall short of the server, that reach it, and whether these are neighbours."""
        low, high, reached = 0, HOPS_MAX, False
        for step in self._of(self._host()):
            if step.fate == "reached":
                high, reached = min(high, step.hops or HOPS_MAX), True
            elif step.fate is not None:
                low = max(low, step.hops or 0)
        return low, high, reached and high - low == 1

    def _hit(self, hops: int) -> bool | None:
        """Whether the name shown as far as `hops` has an effect; None: not known yet."""
        base = self._base()
        seen = [_is_hit(step, base) for step in self._done(Shown.TARGET, hops)]
        for answer in (True, False):
            if seen.count(answer) >= _AGREE:
                return answer
        return None

    def _is_poor(self, base: Observation) -> bool:
        """Whether a base failed, was cut by its cap, or crawls beside the first steps.

        Those are shorter, so slow start makes them look slower than they are, never faster.
        """
        own = [s.goodput_bps for s in self._of(self._host()) if s.goodput_bps and not s.failure]
        usual_bps = statistics.median(own) if own else 0
        return _is_hit(base, None) or bool(base.capped) or _crawls(base, usual_bps)

    def _base(self) -> Observation | None:
        steps = self._of(self._neutral)
        return steps[0] if steps else None

    def _done(self, shown: Shown, hops: int) -> list[Observation]:
        names = {
            Shown.TARGET: self._target,
            Shown.NEUTRAL: self._neutral,
            Shown.SAME: self._host(),
        }
        return [step for step in self._of(names[shown]) if step.hops == hops]

    def _of(self, name: str) -> list[Observation]:
        return [s for s in self._steps if s.sni == name and _is_usable(s)]

    def _host(self) -> str:
        """The name under which connections go on."""
        return next((s.host or "" for s in self._steps), "")


def located(observations: Iterable[Observation], *, target_host: str) -> Located | None:
    """What the path probes of one target say; None: none was made.

    Args:
        observations: of this target; those that are no path probes are left out.
        target_host: the name in question.
    """
    steps = [o for o in observations if o.fact is Fact.PATH_PROBE]
    if not steps:
        return None
    others = [s.sni for s in steps if s.sni not in (target_host, s.host)]
    search = Search(target_host, others[0] or "" if others else "", steps)
    found = search.stretch()
    if found is None:
        return Located(
            after_hop=None, by_hop=None, server_hops=None, because=_why_not(steps, target_host)
        )
    after, by, server = found
    return Located(after_hop=after, by_hop=by, server_hops=server, because=_why(found))


def _why(found: tuple[int, int, int]) -> Saying:
    after, by, server = found
    if by == server:
        return say(
            "shown as far as hop {after} of {server} the name has no effect: what acts on it sits "
            "beyond, or waits for more than one packet",
            after=after,
            server=server,
        )
    if by == 1:
        return say(
            "the name has its effect before the first router is passed, or in it: on this device, "
            "in your router, or, where you have none, at the provider's first one"
        )
    return say(
        "the name has no effect as far as hop {after}, and has one as far as hop {by}, of {server}",
        after=after,
        by=by,
        server=server,
    )


def _why_not(steps: Sequence[Observation], target_host: str) -> Saying:
    own = [s for s in steps if s.sni == s.host]
    if not any(s.fate == "reached" for s in own):
        return say("the distance of the measurement server could not be found")
    if not any(s.sni == target_host for s in steps):
        return say("a neutral name, sent in the same way, fails or crawls too")
    return say("the steps do not agree, or the time was up")


def _is_usable(step: Observation) -> bool:
    """Whether it says anything: our own side did not end it, and the connection was made."""
    if step.operation == "connect" or (step.failure or "").startswith("unknown_failure"):
        return False
    return step.failure not in _OWN_SIDE


def _is_hit(step: Observation, base: Observation | None) -> bool:
    """Whether a step failed, or crawls beside the base."""
    if step.failure is not None or not step.goodput_bps:
        return True
    return base is not None and _crawls(step, base.goodput_bps or 0)


def _crawls(step: Observation, usual_bps: float) -> bool:
    return usual_bps > 0 and (step.goodput_bps or 0) * FACTOR <= usual_bps
