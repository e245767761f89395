"""A scenario: topology, rates, censor rules with schedule, innocents, and the expected verdicts.

One TOML file under `cases/NAME/scenario.toml` holds the world and the truth about it. Ranges are
drawn by seed (`draw`), so that neither a rate nor a name tells the probe which scenario it sits in.
The file is read by the lab only; nothing in it ever reaches the process under test.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Literal

import msgspec

from evenfall.model.errors import FormatError
from evenfall.model.vocabulary import Scope, State

__all__ = ["CensorRule", "Drawn", "Expected", "Innocent", "Line", "Scenario", "draw", "load"]

Observable = Literal[
    "dns", "tls", "http", "goodput", "rtt", "retransmissions", "ttl", "tcp_drop", "quic", "ipv6",
    "interfaces",
]  # fmt: skip

CensorAction = Literal[
    "sni.police", "sni.shape", "sni.reset", "sni.drop", "dns.lie", "ip.drop", "http.blockpage"
]

InnocentKind = Literal[
    "congestion",
    "own_refusal",
    "slow_server",
    "tariff",
    "site_down",
    "geo_refusal",
    "server_dead",
    "no_dns",
    "captive_portal",
    "vpn",
    "clock_off",
    "cdn",
    "ipv6_broken",
    "quic_closed",
]

Resolvers = Literal["isp", "public", "doh"]


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The client's access line; each value is a range [low, high] drawn log-uniformly."""

    down_bps: tuple[float, float] = (20e6, 50e6)
    up_bps: tuple[float, float] = (8e6, 20e6)
    rtt_s: tuple[float, float] = (0.015, 0.08)
    loss: tuple[float, float] = (0.0, 0.0)


class CensorRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing the emulated censor does.

    Attributes:
        services: roles of the world (`video`, `social` …) whose host names it acts on.
        rate_bps, burst_bytes: of `sni.police` and `sni.shape`; per flow, both directions.
        share: share of flows it acts on.
        from_local, to_local: `HH:MM`, half-open, may cross midnight; empty: always.
    """

    action: CensorAction
    services: tuple[str, ...]
    rate_bps: float = 128_000
    burst_bytes: int = 16_000
    share: float = 1.0
    from_local: str = ""
    to_local: str = ""


class Innocent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something slow or closed that nobody on the path did.

    Attributes:
        services: whose server is slow (`slow_server`), or answers its own name, and no other, with
            a page that says that access is restricted (`own_refusal`); empty for what hits
            everything.
        rate_bps: what the slow server sends at, the tariff allows, or, for congestion, what the
            shared bottleneck carries; drawn log-uniformly from [low, high].
        flows: competing flows of `congestion`.
        how: of `site_down` and `server_dead`: nobody listens, nobody answers, or the site says
            that it is out of order (503).
        resolvers: which of them `no_dns` silences.
        offset_s: how far `clock_off` sets the client's clock back, seconds: the whole world's
            clocks, dates and certificates are ahead by it.
    """

    kind: InnocentKind
    services: tuple[str, ...] = ()
    rate_bps: tuple[float, float] = (200_000, 400_000)
    flows: int = 6
    how: Literal["refuse", "silent", "error"] = "refuse"
    resolvers: tuple[Resolvers, ...] = ("isp", "public", "doh")
    offset_s: float = 3600


class Expected(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The verdicts that are right for one service; any of the listed is.

    Attributes:
        target: the second half of the target's id, where one target of a service is meant; empty:
            every target of the service that no other entry names.
        mechanism: empty: it must be null; "none" among others: it may be.
    """

    service: str
    state: tuple[State, ...]
    scope: tuple[Scope, ...]
    mechanism: tuple[str, ...] = ()
    target: str = ""


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One world with its truth.

    Attributes:
        innocent: true if nobody does anything on purpose in it.
        needs: observables without which a backend cannot emulate it faithfully.
        answers: right values of the summary's `answer`.
    """

    name: str = ""
    title: str
    source: str = ""
    innocent: bool
    needs: tuple[Observable, ...] = ()
    line: Line = Line()
    censor: tuple[CensorRule, ...] = ()
    innocents: tuple[Innocent, ...] = ()
    expected: tuple[Expected, ...]
    answers: tuple[str, ...]


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario with every range drawn.

    Attributes:
        hosts: role → host name; the same roles exist in every scenario.
        innocent_rates_bps: one a member of `scenario.innocents`.
    """

    scenario: Scenario
    seed: int
    down_bps: float
    up_bps: float
    rtt_s: float
    loss: float
    hosts: dict[str, str]
    innocent_rates_bps: tuple[float, ...]


TARGET_ROLES = ("video", "social", "messenger")
CONTROL_ROLES = ("encyclopedia", "news", "software")
ROLES = (*TARGET_ROLES, *CONTROL_ROLES)

_SYLLABLES = ("ba", "ko", "mi", "ru", "ta", "ve", "lo", "sha", "ni", "du", "pe", "zo")


def load(path: Path) -> Scenario:
    """Read `scenario.toml`; its folder's name is the scenario's name.

    Raises:
        FormatError: unknown keys, wrong types, or an unknown service role.
    """
    try:
        scenario = msgspec.toml.decode(path.read_bytes(), type=Scenario)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FormatError(
            expected="a scenario file",
            seen=str(error),
            where=str(path),
            remedy="docs/lab.md lists every key.",
        ) from error
    for role in _roles_named(scenario):
        if role not in ROLES:
            raise FormatError(
                expected=f"a role of the lab's world ({', '.join(ROLES)})",
                seen=repr(role),
                where=str(path),
                remedy="Use one of these roles.",
            )
    return msgspec.structs.replace(scenario, name=path.parent.name)


def draw(scenario: Scenario, seed: int) -> Drawn:
    """Draw rates and names; the same seed and scenario always give the same world.

    Names and line rates depend on the seed alone, so that two scenarios with one seed look alike
    to the probe.
    """
    rng = random.Random(seed)  # noqa: S311  (a simulation, not a secret)
    hosts = _hosts(rng)
    line = scenario.line
    return Drawn(
        scenario=scenario,
        seed=seed,
        down_bps=_log_uniform(rng, line.down_bps),
        up_bps=_log_uniform(rng, line.up_bps),
        rtt_s=_log_uniform(rng, line.rtt_s),
        loss=rng.uniform(*line.loss),
        hosts=hosts,
        innocent_rates_bps=tuple(_log_uniform(rng, i.rate_bps) for i in scenario.innocents),
    )


def _hosts(rng: random.Random) -> dict[str, str]:
    """A host name a role, no two alike."""
    hosts: dict[str, str] = {}
    for role in ROLES:
        host = f"{_word(rng)}-{_word(rng)}.test"
        while host in hosts.values():  # six of some three million names: soon another
            host = f"{_word(rng)}-{_word(rng)}.test"
        hosts[role] = host
    return hosts


def _word(rng: random.Random) -> str:
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(2, 3)))


def _log_uniform(rng: random.Random, bounds: tuple[float, float]) -> float:
    low, high = bounds
    return low if low == high else float(low * (high / low) ** rng.random())


def _roles_named(scenario: Scenario) -> set[str]:
    named = {role for rule in scenario.censor for role in rule.services}
    named |= {role for innocent in scenario.innocents for role in innocent.services}
    return named | {expected.service for expected in scenario.expected}
