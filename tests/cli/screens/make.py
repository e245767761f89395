"""Writes the golden screens: `.venv/bin/python tests/cli/screens/make.py`.

A screen is what `check` or `triage` prints of one round. The rounds are made here, observation by
observation, and judged by the program's own rules; so a screen shows what a person would see, and a
changed rule or word is seen in the difference. Each is written in every language.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from evenfall.cli.check_output import print_human
from evenfall.cli.options import Settings
from evenfall.cli.triage_output import print_screen
from evenfall.infer.answer import sum_up
from evenfall.infer.ladder import climb
from evenfall.infer.rivals import list_rivals
from evenfall.infer.surroundings import Surroundings
from evenfall.infer.triage import triage_of
from evenfall.infer.verdicts import judge_round
from evenfall.model.observation import Observation
from evenfall.model.target import MeasurementServer, Target, TargetList
from evenfall.model.vocabulary import Arm, ClockState, Fact, Provenance, Role
from evenfall.probe.check import CheckResult
from evenfall.probe.server_faults import ServerFault
from evenfall.text.speech import LANGUAGES

FOLDER = Path(__file__).resolve().parent
WIDTH = 80
START_US = 1_529_332_860_000_000  # 18 Jun 2018, 20:41 in Almaty
FULL = 262_144
SERVER = MeasurementServer(url="https://203.0.113.80:8443", pin="sha256/x")
SERVICES = ("youtube", "facebook", "telegram")


def site(name: str, role: Role, *, domestic: bool = False) -> Target:
    """A target or a control."""
    url = f"https://{name}.test/1M.bin"
    return Target(target_id=f"{name}/front", url=url, role=role, domestic=domestic)


TARGETS = tuple(site(name, Role.TARGET) for name in SERVICES)
CONTROLS = (
    *(site(name, Role.CONTROL) for name in ("encyclopedia", "standards", "software")),
    site("news", Role.CONTROL, domestic=True),
)
ADDRESSES = {
    target.target_id: f"203.0.113.{11 + index}"
    for index, target in enumerate((*TARGETS, *CONTROLS))
}


class Story:
    """One round, told in few words."""

    def __init__(self, *, has_server: bool = True, around: Surroundings | None = None) -> None:
        self.targets = TargetList(
            targets=TARGETS, controls=CONTROLS, servers=(SERVER,) if has_server else ()
        )
        self.around = around or Surroundings(tunnel="", clock_off_s=0.2, has_route=True)
        self.observations: list[Observation] = []
        self.faults: tuple[ServerFault, ...] = ()

    def add(self, fact: Fact, target: Target, **fields: Any) -> None:
        """One observation."""
        at_us = START_US + 100_000 * len(self.observations)
        self.observations.append(
            Observation(
                observation_id=f"r/{len(self.observations)}", fact=fact, round_id="7a",
                provenance=Provenance.PROBE, service=target.service, target=target.target_id,
                role=target.role, started_us=at_us, clock=ClockState.VERIFIED, wire_bytes=1500,
                **fields,
            )
        )  # fmt: skip

    def router(self, lost: int = 0) -> Story:
        """Twelve probes to the gateway."""
        about = Target(target_id="line/gateway", url="", role=Role.CONTROL)
        self.add(
            Fact.GATEWAY_PROBE, about, probes_sent=12, probes_lost=lost, rtt_us=3000,
            rtt_min_us=2000,
        )  # fmt: skip
        return self

    def names(self, *targets: Target, failure: str | None = None) -> Story:
        """Two resolvers are asked and agree, or the system's fails."""
        for target in targets:
            answers = None if failure else (ADDRESSES[target.target_id],)
            for resolver in ("system", "public"):
                self.add(
                    Fact.DNS_LOOKUP, target, host=_host(target), resolver=resolver, family=4,
                    answers=answers, failure=failure, duration_us=20_000,
                )  # fmt: skip
        return self

    def visit(
        self, target: Target, *, kbit: float = 20_000, tcp: str | None = None,
        tls: str | None = None, status: int = 200, name: str = "", family: int = 4,
    ) -> Story:  # fmt: skip
        """One connection and one page; the first failure given ends it."""
        address = ADDRESSES[target.target_id] if family == 4 else "2001:db8::11"
        sent = name or _host(target)
        where: dict[str, Any] = {"host": _host(target), "address": address}
        where |= {"port": 443, "family": family}
        self.add(Fact.TCP_CONNECT, target, duration_us=40_000, failure=tcp, **where)
        if tcp:
            return self
        self.add(Fact.TLS_HANDSHAKE, target, sni=sent, failure=tls, duration_us=80_000, **where)
        if tls:
            return self
        where["host"] = sent
        full_us = round(FULL * 8e3 / kbit)
        used_us = min(full_us, 6_000_000)
        came = round(FULL * used_us / full_us)
        self.add(
            Fact.HTTP_EXCHANGE, target, status_code=status, body_bytes=came,
            capped=full_us > used_us, failure="http_request_failed" if status >= 400 else None,
            duration_us=used_us, goodput_bps=round(kbit * 1000),
            curve=((used_us // 2, came // 2), (used_us, came)), **where,
        )  # fmt: skip
        return self

    def pairs(
        self, target: Target, count: int, *, kbit: float, neutral_kbit: float = 36_000,
        failure: str | None = None, null: bool = False,
    ) -> Story:  # fmt: skip
        """The same bytes under two names."""
        for number in range(count):
            arms = ((Arm.TARGET, kbit, failure), (Arm.NEUTRAL, neutral_kbit, None))
            for position, (arm, speed, code) in enumerate(arms):
                came = 0 if code else 65_536
                self.add(
                    Fact.TRANSFER, target, pair_id=f"{target.service}{null}{number}", arm=arm,
                    position=position, is_null_pair=null, size_bytes=65_536, body_bytes=came,
                    goodput_bps=round(speed * 1000) if came else 0, failure=code, family=4,
                    address="203.0.113.80", port=8443, capped=False, rtt_min_us=40_000,
                    **_timing(came, speed),
                )  # fmt: skip
        return self

    def sound(self, kbit: float = 38_000) -> Story:
        """A router that answers, names, controls that load, and quiet null pairs."""
        self.router().names(*TARGETS, *CONTROLS)
        for index, control in enumerate(CONTROLS):
            self.visit(control, kbit=kbit * (1 - index / 20))
        if self.targets.servers:
            self.pairs(CONTROLS[0], 2, kbit=kbit, neutral_kbit=kbit, null=True)
        return self

    def result(self) -> CheckResult:
        """As `probe.check` would conclude it."""
        judged = judge_round(self.observations, self.targets, surroundings=self.around)
        observations = tuple(self.observations)
        return CheckResult(
            observations=observations,
            judged=judged,
            answer=sum_up(judged.verdicts, line_slow=judged.ground.line_slow),
            rivals=list_rivals(judged, self.around, observations),
            ladder=climb(judged, observations, self.around),
            around=self.around,
            bytes_spent=1_830_000,
            duration_s=41.2,
            server_faults=self.faults,
        )


def _timing(came: int, kbit: float) -> dict[str, Any]:
    """Duration and byte curve of an even transfer; of one that brought nothing, none."""
    if not came:
        return {"duration_us": 6_000_000}
    used_us = round(came * 8e3 / kbit)
    return {"duration_us": used_us, "curve": ((used_us // 2, came // 2), (used_us, came))}


def _host(target: Target) -> str:
    return target.url.split("/")[2]


def all_open(*, but: int = 3) -> Story:
    """Everything is as it should be, from the service numbered `but` on it is left out."""
    story = Story().sound()
    for target in TARGETS[:but]:
        story.visit(target)
    return story


def ok() -> Story:
    """A healthy line."""
    return all_open().pairs(TARGETS[0], 6, kbit=35_000)


def slowed() -> Story:
    """Two services slowed by name; one of them does not come through over IPv6."""
    story = Story().sound()
    story.visit(TARGETS[0], kbit=300).visit(TARGETS[1], kbit=400).visit(TARGETS[2], kbit=5_700)
    story.visit(TARGETS[0], family=6, tls="connection_reset")
    return story.pairs(TARGETS[0], 12, kbit=300).pairs(TARGETS[1], 12, kbit=400)


def blocked() -> Story:
    """One service is cut off when its name is sent, at its own address and at our server."""
    story = all_open(but=2)
    for _ in range(2):
        story.visit(TARGETS[2], tls="generic_timeout_error")
    story.visit(TARGETS[2], name="encyclopedia.test")
    return story.pairs(TARGETS[2], 6, kbit=0, failure="generic_timeout_error")


def congested() -> Story:
    """Everything crawls, the neutral sites too."""
    story = Story().sound(kbit=900)
    for target in TARGETS:
        story.visit(target, kbit=800)
    return story


def bad_wifi() -> Story:
    """The router loses a third of what is sent; everything is slow."""
    story = Story()
    story.router(lost=4).names(*TARGETS, *CONTROLS)
    for each in (*CONTROLS, *TARGETS):
        story.visit(each, kbit=700)
    return story


def vpn() -> Story:
    """A tunnel is on the way."""
    around = Surroundings(tunnel="tun0", clock_off_s=0.2, has_route=True)
    story = Story(around=around).sound()
    for target in TARGETS:
        story.visit(target)
    return story


def clock() -> Story:
    """This clock is an hour off."""
    around = Surroundings(tunnel="", clock_off_s=3600.0, has_route=True)
    story = Story(around=around).sound()
    for target in TARGETS:
        story.visit(target, tls="ssl_invalid_certificate")
    return story


def site_down() -> Story:
    """A service answers with a server error under its own certificate."""
    story = all_open(but=2)
    story.visit(TARGETS[2], status=503).visit(TARGETS[2], status=503)
    return story.pairs(TARGETS[2], 6, kbit=35_000)


def cannot_tell() -> Story:
    """One service is slow, and there is no server to compare its name with."""
    story = Story(has_server=False).sound()
    story.visit(TARGETS[0], kbit=300).visit(TARGETS[0], kbit=300)
    return story.visit(TARGETS[1]).visit(TARGETS[2])


def no_server() -> Story:
    """All is well, and the measurement server has another key than the pinned one."""
    story = Story(has_server=False).sound()
    for target in TARGETS:
        story.visit(target)
    story.faults = (ServerFault(place="203.0.113.80:8443", failure="pin_mismatch"),)
    return story


def no_network() -> Story:
    """Nothing answers, not even a resolver."""
    return Story().names(*TARGETS, *CONTROLS, failure="generic_timeout_error")


CASES: dict[str, Callable[[], Story]] = {
    "ok": ok, "slowed": slowed, "blocked": blocked, "congested": congested,
    "bad-wifi": bad_wifi, "vpn": vpn, "clock": clock, "site-down": site_down,
    "cannot-tell": cannot_tell, "no-server": no_server, "no-network": no_network,
}  # fmt: skip
TRIAGES = {
    "slowed": "youtube", "blocked": "telegram", "congested": "youtube", "ok": "youtube",
    "site-down": "telegram", "cannot-tell": "youtube", "no-network": "youtube",
}  # fmt: skip


def settings(language: str) -> Settings:
    """Almaty, no colours."""
    return Settings(store=Path(), color=False, language=language, timezone="Asia/Almaty")


def check_screen(case: str, language: str) -> str:
    """What `check` prints."""
    story = CASES[case]()
    return _printed(
        lambda: print_human(story.result(), story.targets, settings(language), width=WIDTH)
    )


def triage_screen(case: str, language: str) -> str:
    """What `triage` prints."""
    result = CASES[case]().result()
    triage = triage_of(
        result.judged, result.observations, TRIAGES[case], answer=result.answer, since="19:00"
    )
    return _printed(lambda: print_screen(result, triage, settings(language), width=WIDTH))


def _printed(print_it: Callable[[], None]) -> str:
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        print_it()
    return written.getvalue()


def screens() -> Iterator[tuple[str, str]]:
    """File name and text of every golden screen."""
    for language in LANGUAGES:
        for case in CASES:
            yield f"{case}.{language}.txt", check_screen(case, language)
        for case in TRIAGES:
            yield f"triage-{case}.{language}.txt", triage_screen(case, language)


def main() -> None:
    """Write them all; screens of cases that are gone go."""
    current = dict(screens())
    for path in FOLDER.glob("*.txt"):
        if path.name not in current:
            path.unlink()
    for name, text in current.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
