"""The design of `lab score --check`: which case on which line a seed stands for.

A seed draws a family, then a line: round trip 10–200 ms, rate 1–100 Mbit/s, loss 0–2 %, cubic or
BBR, and which ClientHello the pairs send. More than half of the draws are innocent. The same seed
always gives the same run, so rows from several sessions add up, and a row can be made again.

Where the line itself would be slower than what the censor leaves, nothing is throttled: the
families of a fixed rate (`policer_128`, `policer_512`, `policer_1024`) therefore have a line of
20 Mbit/s, as the figures that they are held to ask for.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import msgspec

from evenfall.lab.cases import find_case
from evenfall.lab.scenario import CensorRule, CongestionControl, Expected, Line, Scenario
from evenfall.model.errors import UsageError
from evenfall.model.vocabulary import Scope, State

__all__ = ["FAMILIES", "FIRST_SEED", "Design", "Family", "draw_design", "families_named"]

FIRST_SEED = 10_000
"""Constants are tuned on lower seeds only (METHOD 8)."""

_RTT_S = (0.010, 0.200)
_DOWN_BPS = (1e6, 100e6)
_LOSS_MAX = 0.02
_UP_SHARE = 0.4
_HELLOS = ("stdlib", "browser")
_MSS_BYTES = 1448
_SLOW_BPS = 3e6
"""`check` calls a line slow below 2 Mbit/s of payload, and a page of 256 KB gets less than all."""
_MAYBE_SLOW = Expected(
    service="*",
    state=(State.OK, State.SLOWED, State.INSUFFICIENT),
    scope=(Scope.GENERALIZED, Scope.UNDETERMINED),
)
_CONTROLS: tuple[CongestionControl, ...] = ("cubic", "bbr")


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of run.

    Attributes:
        case: folder under cases/.
        innocent: nobody does anything on purpose.
        down_bps: range of the line's rate.
        loss_max: of the line.
        rate_bps: range of the censor's rate; null: the case's own.
        services: what the censor acts on, and no other; empty: the case's own.
        bursts_bytes: one is drawn for the censor's bucket; empty: the case's own.
        congctl: of the servers; null: drawn.
        weight: how often it is drawn beside others.
    """

    case: str
    innocent: bool
    down_bps: tuple[float, float] = _DOWN_BPS
    loss_max: float = _LOSS_MAX
    rate_bps: tuple[float, float] | None = None
    services: tuple[str, ...] = ()
    congctl: CongestionControl | None = None
    bursts_bytes: tuple[int, ...] = ()
    weight: int = 1


def _policer(rate_bps: float) -> Family:
    return Family(
        case="throttle_sni_policer",
        innocent=False,
        down_bps=(20e6, 20e6),
        loss_max=0.0,
        rate_bps=(rate_bps, rate_bps),
        services=("video",),
        bursts_bytes=(8_000, 16_000, 64_000, 256_000),
    )


FAMILIES: dict[str, Family] = {
    "clean": Family(case="clean", innocent=True, weight=3),
    "congestion": Family(case="congestion", innocent=True, down_bps=(4e6, 50e6), weight=3),
    "slow_server": Family(case="slow_server", innocent=True, down_bps=(4e6, 100e6), weight=3),
    "tariff": Family(case="tariff", innocent=True, weight=2),
    "own_refusal": Family(case="own_refusal", innocent=True, weight=2),
    "slow_control": Family(case="slow_control", innocent=True, down_bps=(4e6, 100e6), weight=2),
    "site_down": Family(case="site_down", innocent=True),
    "bad_wifi": Family(case="bad_wifi", innocent=True, down_bps=(4e6, 100e6), loss_max=0.0),
    "whitelist": Family(case="controls_whitelisted", innocent=True, down_bps=(4e6, 100e6)),
    "cdn": Family(case="cdn", innocent=True),
    "policer_128": _policer(128e3),
    "policer_512": _policer(512e3),
    "policer_1024": _policer(1024e3),
    "policer_wide": Family(
        case="throttle_sni_policer", innocent=False, down_bps=(4e6, 100e6), loss_max=0.01,
        rate_bps=(64e3, 200e3),
    ),
    "shaper": Family(
        case="throttle_sni_shaper", innocent=False, down_bps=(4e6, 100e6), loss_max=0.01,
    ),
    "reset": Family(case="reset_sni", innocent=False),
    "drop": Family(case="drop_sni", innocent=False),
    "dns_lie": Family(case="dns_lie", innocent=False),
    "block_page": Family(case="blockpage", innocent=False),
    "ip_drop": Family(case="ip_drop", innocent=False),
    "mitm": Family(case="mitm_sni", innocent=False),
    "random_loss": Family(
        case="russia_youtube_2024", innocent=False, down_bps=(4e6, 100e6), congctl="cubic",
    ),
    "stall": Family(case="russia_2025", innocent=False, down_bps=(4e6, 100e6)),
}  # fmt: skip


class Design(msgspec.Struct, frozen=True, kw_only=True):
    """What one seed stands for.

    Attributes:
        scenario: the case, with the line and the censor's rate drawn.
        hello: which ClientHello the pairs send.
    """

    seed: int
    family: str
    scenario: Scenario
    hello: str


def families_named(names: Sequence[str]) -> tuple[str, ...]:
    """The families to draw from; all if none is named.

    Raises:
        UsageError: an unknown name.
    """
    for name in names:
        if name not in FAMILIES:
            raise UsageError(
                expected=f"a family ({', '.join(FAMILIES)})",
                seen=repr(name),
                where="--families",
                remedy="Use one of these names.",
            )
    return tuple(names) or tuple(FAMILIES)


def draw_design(seed: int, families: Sequence[str], cases: Path) -> Design:
    """Draw the run that a seed stands for.

    Args:
        seed: from `FIRST_SEED` for figures that are published.
        families: keys of `FAMILIES`; the draw depends on them.
        cases: folder of the cases.

    Raises:
        UsageError: a case is not there.
    """
    rng = random.Random(f"check-design-{seed}")  # noqa: S311  (a simulation, not a secret)
    name = rng.choices(families, [FAMILIES[f].weight for f in families])[0]
    family = FAMILIES[name]
    down_bps = _log_uniform(rng, family.down_bps)
    rtt_s = _log_uniform(rng, _RTT_S)
    loss = rng.choice((0.0, rng.uniform(0.0, family.loss_max)))
    line = Line(
        down_bps=(down_bps, down_bps),
        up_bps=(_UP_SHARE * down_bps,) * 2,
        rtt_s=(rtt_s, rtt_s),
        loss=(loss, loss),
        congctl=(family.congctl,) if family.congctl else (rng.choice(_CONTROLS),),
    )
    scenario = find_case(family.case, cases)
    censor = tuple(_drawn_rule(rule, family, rng) for rule in scenario.censor)
    return Design(
        seed=seed,
        family=name,
        scenario=msgspec.structs.replace(truth(scenario, name, line), line=line, censor=censor),
        hello=rng.choice(_HELLOS),
    )


def truth(scenario: Scenario, family: str, line: Line) -> Scenario:
    """The case with what is right on this line.

    Services that are left alone after all are fine, and a line on which nothing can be fast may be
    called slow.
    """
    chosen = FAMILIES[family].services
    expected = tuple(e for e in scenario.expected if not chosen or e.service in chosen)
    answers = scenario.answers
    if attainable_bps(line) < _SLOW_BPS:
        answers = (*answers, "line_slow")
        expected = (*expected, _MAYBE_SLOW)
    return msgspec.structs.replace(scenario, expected=expected, answers=answers)


def attainable_bps(line: Line) -> float:
    """What one connection can reach at most: the line's rate, or what its losses leave.

    Cubic gets about 1.22 · MSS ÷ (RTT · √p) of a path that loses a share p at random (Mathis et
    al., CCR 1997); BBR does not slow down for losses.
    """
    down_bps, loss, rtt_s = line.down_bps[0], line.loss[0], line.rtt_s[0]
    if not loss or line.congctl[0] == "bbr":
        return down_bps
    return float(min(down_bps, 1.22 * _MSS_BYTES * 8 / (rtt_s * loss**0.5)))


def _drawn_rule(rule: CensorRule, family: Family, rng: random.Random) -> CensorRule:
    changes: dict[str, object] = {"services": family.services} if family.services else {}
    if family.rate_bps is not None:
        changes["rate_bps"] = _log_uniform(rng, family.rate_bps)
    if family.bursts_bytes:
        changes["burst_bytes"] = rng.choice(family.bursts_bytes)
    return msgspec.structs.replace(rule, **changes)


def _log_uniform(rng: random.Random, bounds: tuple[float, float]) -> float:
    low, high = bounds
    return low if low == high else float(low * (high / low) ** rng.random())
