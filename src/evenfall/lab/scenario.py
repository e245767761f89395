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

__all__ = [
    "CensorRule",
    "Drawn",
    "Expected",
    "Innocent",
    "Line",
    "Scenario",
    "draw",
    "load",
    "whitelists",
]

Observable = Literal[
    "dns", "tls", "http", "goodput", "rtt", "retransmissions", "ttl", "tcp_drop", "quic", "ipv6",
    "interfaces", "gateway",
]  # fmt: skip

CensorAction = Literal[
    "sni.police", "sni.shape", "sni.loss", "sni.stall", "sni.reset", "sni.close", "sni.alert",
    "sni.drop", "sni.mitm", "quic.drop", "udp443.drop", "dns.lie", "dns.nxdomain", "dns.inject",
    "dns.drop", "dns.hijack", "ip.drop", "ip.refuse", "http.blockpage", "http.redirect",
]  # fmt: skip

Direction = Literal["down", "up", "both"]

CongestionControl = Literal["cubic", "bbr"]

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
    "wifi_loss",
    "line_down",
    "whitelist",
]

Resolvers = Literal["isp", "public", "doh"]


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The client's access line; each value is a range [low, high] drawn log-uniformly.

    Attributes:
        loss: share of packets lost at random behind the home router, drawn uniformly.
        congctl: what the servers' TCP may use; one is drawn.
    """

    down_bps: tuple[float, float] = (20e6, 50e6)
    up_bps: tuple[float, float] = (8e6, 20e6)
    rtt_s: tuple[float, float] = (0.015, 0.08)
    loss: tuple[float, float] = (0.0, 0.0)
    congctl: tuple[CongestionControl, ...] = ("cubic",)


class CensorRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing the emulated censor does.

    Attributes:
        services: roles of the world (`video`, `social` …) whose host names it acts on. Empty:
            everything, which `udp443.drop` and `dns.hijack` alone may.
        others: it acts on every name, and flows without one, but not on names of `services`.
        rate_bps, burst_bytes: of `sni.police` and `sni.shape`, a flow and direction.
        shared: all flows of the rule share one bucket a direction.
        loss: of `sni.loss`: share of the flow's packets that is dropped at random.
        stall_bytes: of `sni.stall`: nothing passes after so many bytes of payload in its direction.
        direction: where `sni.police`, `sni.shape`, `sni.loss`, `sni.stall` act, as the client sees
            it.
        delay_bytes: of `sni.police`, `sni.shape`, `sni.loss`: the flow is left alone until so many
            bytes of payload, both directions together, have passed.
        residual_s: of every `sni` rule but `sni.mitm`: so long after a hit the server's address is
            treated alike for this client, whatever the name.
        isp_resolver_only: of `dns` rules: whether they act on queries to the ISP's resolver alone.
            Left out: yes for `dns.lie`, `dns.nxdomain` and `dns.drop`, no for `dns.inject`, which
            sits on the path; `dns.hijack` takes every query anyway.
        families: IP versions that it acts on.
        share: share of flows it acts on.
        from_local, to_local: `HH:MM`, half-open, may cross midnight; empty: always.
    """

    action: CensorAction
    services: tuple[str, ...]
    others: bool = False
    rate_bps: float = 128_000
    burst_bytes: int = 16_000
    shared: bool = False
    loss: float = 0.1
    stall_bytes: int = 16_000
    direction: Direction = "both"
    delay_bytes: int = 0
    residual_s: float = 0.0
    isp_resolver_only: bool | None = None
    families: tuple[int, ...] = (4, 6)
    share: float = 1.0
    from_local: str = ""
    to_local: str = ""

    @property
    def isp_alone(self) -> bool:
        """Whether a `dns` rule acts on queries to the ISP's resolver alone."""
        if self.isp_resolver_only is None:
            return self.action in ("dns.lie", "dns.nxdomain", "dns.drop")
        return self.isp_resolver_only


class Innocent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something slow or closed that nobody on the path did.

    Attributes:
        services: whose server is slow (`slow_server`), or answers its own name, and no other, with
            a page that says that access is restricted (`own_refusal`); whose names `whitelist`
            leaves fast (empty: the controls'); empty otherwise for what hits everything.
        rate_bps: what the slow server sends at, the tariff allows, `whitelist` leaves to all other
            names and to flows without one together, or, for congestion, what the
            shared bottleneck carries; drawn log-uniformly from [low, high].
        flows: competing flows of `congestion`.
        loss, jitter_s: of `wifi_loss`: share of frames lost each way between client and home
            router, and the mean of what the others wait there beyond the rest.
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
    loss: float = 0.08
    jitter_s: float = 0.02


class Expected(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The verdicts that are right for one service; any of the listed is.

    Attributes:
        target: the second half of the target's id, where one target of a service is meant; empty:
            every target of the service that no other entry names.
        service: a role, or "*": every target that no other entry names.
        mechanism: empty: it must be null; "none" among others: it may be.
        ways: mechanisms that ways to the target (IP version and transport) have to show.
    """

    service: str
    state: tuple[State, ...]
    scope: tuple[Scope, ...]
    mechanism: tuple[str, ...] = ()
    target: str = ""
    ways: tuple[str, ...] = ()


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
        congctl: what the servers' TCP is to use, where the kernel has it.
    """

    scenario: Scenario
    seed: int
    down_bps: float
    up_bps: float
    rtt_s: float
    loss: float
    hosts: dict[str, str]
    innocent_rates_bps: tuple[float, ...]
    congctl: CongestionControl = "cubic"


TARGET_ROLES = ("video", "social", "messenger")
CONTROL_ROLES = ("encyclopedia", "news", "software")
ROLES = (*TARGET_ROLES, *CONTROL_ROLES)
APP_TARGET = "messenger/app"
"""The messenger's own protocol; every other target is `ROLE/front`."""
EVERY_SERVICE = "*"
"""In `Expected.service`."""
NO_MECHANISM = "none"
"""In `Expected.mechanism`: that there is none."""
TARGETS = (*(f"{role}/front" for role in TARGET_ROLES), APP_TARGET)

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
    for number, rule in enumerate(scenario.censor):
        _check_rule(rule, where=f"{path}, censor rule {number + 1}")
    return msgspec.structs.replace(scenario, name=path.parent.name)


def draw(
    scenario: Scenario,
    seed: int,
    *,
    down_bps: float | None = None,
    up_bps: float | None = None,
    rtt_s: float | None = None,
    loss: float | None = None,
    congctl: CongestionControl | None = None,
) -> Drawn:
    """Draw rates and names; the same seed and scenario always give the same world.

    Names and line rates depend on the seed alone, so that two scenarios with one seed look alike
    to the probe. A value that is given replaces the drawn one and changes no other, so that a case
    can be placed on a grid of lines.
    """
    rng = random.Random(seed)  # noqa: S311  (a simulation, not a secret)
    hosts = _hosts(rng)
    line = scenario.line
    drawn = Drawn(
        scenario=scenario,
        seed=seed,
        down_bps=_log_uniform(rng, line.down_bps),
        up_bps=_log_uniform(rng, line.up_bps),
        rtt_s=_log_uniform(rng, line.rtt_s),
        loss=rng.uniform(*line.loss),
        hosts=hosts,
        innocent_rates_bps=tuple(_log_uniform(rng, i.rate_bps) for i in scenario.innocents),
        congctl=rng.choice(line.congctl),
    )
    given = {
        "down_bps": down_bps, "up_bps": up_bps, "rtt_s": rtt_s, "loss": loss, "congctl": congctl,
    }  # fmt: skip
    return msgspec.structs.replace(drawn, **{k: v for k, v in given.items() if v is not None})


def whitelists(drawn: Drawn) -> tuple[CensorRule, ...]:
    """What `whitelist` innocents do, as rules: one shaper for whatever names no control."""
    return tuple(
        CensorRule(
            action="sni.shape",
            services=innocent.services or CONTROL_ROLES,
            others=True,
            shared=True,
            rate_bps=rate_bps,
        )
        for innocent, rate_bps in zip(
            drawn.scenario.innocents, drawn.innocent_rates_bps, strict=True
        )
        if innocent.kind == "whitelist"
    )


def _check_rule(rule: CensorRule, *, where: str) -> None:
    """Refuse numbers that no box could act on. Raises FormatError."""
    faults = {
        "services, unless it is udp443.drop or dns.hijack": not rule.services
        and rule.action not in ("udp443.drop", "dns.hijack"),
        "a share from 0 to 1": not 0 <= rule.share <= 1,
        "a loss from 0 to 1": not 0 <= rule.loss <= 1,
        "a rate_bps above 0": rule.rate_bps <= 0,
        "bytes and seconds of 0 or more": min(
            rule.burst_bytes, rule.stall_bytes, rule.delay_bytes, rule.residual_s
        )
        < 0,
        "families of 4 and 6": not rule.families or not set(rule.families) <= {4, 6},
        "residual_s with an sni rule other than sni.mitm": rule.residual_s > 0
        and (not rule.action.startswith("sni.") or rule.action == "sni.mitm"),
    }
    for expected, at_fault in faults.items():
        if at_fault:
            raise FormatError(
                expected=expected,
                seen=f"{rule.action} otherwise",
                where=where,
                remedy="docs/lab.md lists every key and what it may be.",
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
    return named | {e.service for e in scenario.expected if e.service != EVERY_SERVICE}
