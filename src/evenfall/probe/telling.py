"""What a person is told while a round runs: each rung and each target, once it is known.

Judged from the facts so far, with the same rules as at the end; nothing here measures. A rung is
told again only if it has changed.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from evenfall.infer.ground import end_status
from evenfall.infer.ladder import climb
from evenfall.infer.profiles import CheckProfile
from evenfall.infer.surroundings import Surroundings
from evenfall.infer.verdicts import Judged, judge_round
from evenfall.model.verdict import Rung, Verdict
from evenfall.model.vocabulary import RungName
from evenfall.probe.session import RungDone, Session, TargetDone

__all__ = ["SLOWER_FACTOR", "Telling", "done_with"]

SLOWER_FACTOR = 1.5
"""METHOD 2: the smallest slowing that is looked for."""
_ORDER = tuple(RungName)


class Telling:
    """The events of one round.

    Args:
        session: the round; its `emit` is told.
        around: our own side, as far as it is known before the first packet.
        tariff_bps: what the person pays for.
        profile: parameters of the judgement.
    """

    def __init__(
        self,
        session: Session,
        around: Surroundings,
        *,
        tariff_bps: float | None,
        profile: CheckProfile,
    ) -> None:
        self._session = session
        self._around = around
        self._tariff_bps = tariff_bps
        self._profile = profile
        self._rungs: dict[RungName, Rung] = {}
        self._told: set[str] = set()

    def judge(self) -> Judged:
        """What the round shows so far."""
        return judge_round(
            self._session.observations,
            self._session.targets,
            pages=self._session.pages,
            unfinished=self._session.unfinished,
            tariff_bps=self._tariff_bps,
            surroundings=self._around,
            fingerprints=self._session.fingerprints,
            profile=self._profile,
        )

    def rungs(self, *, upto: RungName) -> None:
        """Tell the rungs as far as they are known, up to and with `upto`."""
        found = climb(self.judge(), self._session.observations, self._around)
        for rung in found:
            is_known = _ORDER.index(rung.name) <= _ORDER.index(upto)
            if is_known and self._rungs.get(rung.name) != rung:
                self._rungs[rung.name] = rung
                self._session.emit(RungDone(rung=rung))

    def targets(self, *, except_for: Iterable[str] = ()) -> None:
        """Tell of all targets that nothing more will be done about, in the order of the list."""
        judged = self.judge()
        left_out = self._told | set(except_for)
        for verdict in judged.verdicts:
            if verdict.target not in left_out:
                self._told.add(verdict.target)
                self._session.emit(done_with(verdict, judged))


def done_with(verdict: Verdict, judged: Judged) -> TargetDone:
    """A verdict with the speeds that a row shows."""
    site = judged.sites[verdict.target]
    own = [
        a.http.goodput_bps
        for a in site.attempts
        if a.http and a.http.goodput_bps and not a.is_neutral
    ]
    pairs = _speeds(judged, verdict.target)
    return TargetDone(
        verdict=verdict,
        goodput_bps=max(own, default=None),
        neutral_bps=statistics.median(neutral for _, neutral in pairs) if pairs else None,
        slower=sum(SLOWER_FACTOR * target <= neutral for target, neutral in pairs),
        pairs=len(pairs),
        status=end_status(site),
    )


def _speeds(judged: Judged, target_id: str) -> Sequence[tuple[float, float]]:
    """Goodput under the target's name and under the neutral one, of each pair that counts."""
    pairs = judged.pairs[target_id].pairs
    return [((p.target.goodput_bps or 0), (p.neutral.goodput_bps or 0)) for p in pairs]
