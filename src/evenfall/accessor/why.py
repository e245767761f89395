"""Why it says what it says: rule, ruleset, profile, n, and the figures behind the sentence."""

from __future__ import annotations

from dataclasses import dataclass

from evenfall.accessor.html import printable, rendered
from evenfall.infer.ruleset import RULES, RULESET
from evenfall.report.parts import checks
from evenfall.report.subject import Judged, Page
from evenfall.text.beside import beside
from evenfall.text.nights import answer, facts, not_shown, plain
from evenfall.text.notebook import SIMULATED
from evenfall.text.page import method_words

__all__ = ["Why", "why_of"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Why:
    """What a finding rests on.

    Attributes:
        sentence: the answer.
        rule: id of the rule that decided; "" where nothing is claimed.
        rule_means: the rule in words.
        ruleset, profile: of the rules and the constants; profile "" where nothing is claimed.
        n: measurements: of the episode where there is one, else of the series.
        reason: the finding's own reason.
        method: how it was measured and tested, one sentence each.
        figures: (name, value) of everything a stranger needs to make the finding again.
        how_sure: (figure, what it rests on).
        beside: what else was measured, one sentence each.
        not_shown: what it does not show, one sentence each.
    """

    sentence: str
    rule: str
    rule_means: str
    ruleset: str
    profile: str
    n: int
    reason: str
    method: tuple[str, ...]
    figures: tuple[tuple[str, str], ...]
    how_sure: tuple[tuple[str, str], ...]
    beside: tuple[str, ...]
    not_shown: tuple[str, ...]
    simulated: bool

    def __str__(self) -> str:
        lines = [
            *(["SIMULATED: " + SIMULATED] if self.simulated else []),
            self.sentence,
            *self.method,
            *(f"  {name}: {value}" for name, value in (*self.how_sure, *self.figures)),
            *self.beside,
            f"Not shown: {' '.join(self.not_shown)}",
        ]
        return "\n".join(printable(line) for line in lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return rendered(
            "why.html.j2",
            simulated=SIMULATED if self.simulated else "",
            where=" ".join(self.method),
            sentence=self.sentence,
            figures=(*self.how_sure, *self.figures),
            beside=self.beside,
            not_shown=self.not_shown,
        )


def why_of(judged: Judged) -> Why:
    """Gather the reasons of one finding."""
    finding, curfew = judged.finding, judged.curfew
    figures = checks(Page(subject=judged, simulated=judged.series.simulated))
    if curfew is None:
        figures = [("found", str(finding.state)), ("because", finding.reason), *figures]
    return Why(
        sentence=plain(answer(finding, curfew)),
        rule=curfew.rule_id if curfew else "",
        rule_means=RULES.get(curfew.rule_id, "") if curfew else "",
        ruleset=curfew.ruleset if curfew else RULESET,
        profile=curfew.profile if curfew else "",
        n=curfew.n if curfew else finding.n,
        reason=finding.reason,
        method=method_words(judged.series.basis, curfew),
        figures=tuple(figures),
        how_sure=tuple((fact.figure, fact.basis) for fact in facts(finding, curfew)),
        beside=tuple(str(sentence) for sentence in beside(finding, curfew)),
        not_shown=not_shown(finding, curfew),
        simulated=judged.series.simulated,
    )
