"""Rounds made by hand: writes the observations of one `check` as a probe would, in few words.

Shared by the tests of verdicts; `conftest.py` makes it importable. Nothing here calls what it is to
test but `judge_round`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from evenfall.infer.facts import Page
from evenfall.infer.verdicts import Judged, judge_round
from evenfall.model.observation import Observation
from evenfall.model.target import MeasurementServer, Target, TargetList
from evenfall.model.verdict import Verdict
from evenfall.model.vocabulary import Arm, ClockState, Fact, Provenance, Role
from evenfall.wire.plain import page_sha256, token_of

TARGET = Target(target_id="video/front", url="https://video.test/1M.bin", role=Role.TARGET)
PLAIN = Target(target_id="messenger/front", url="http://messenger.test/1M.bin", role=Role.TARGET)
CONTROLS = tuple(
    Target(target_id=f"{name}/front", url=f"https://{name}.test/1M.bin", role=Role.CONTROL)
    for name in ("encyclopedia", "news", "software")
)
SERVER = MeasurementServer(url="https://203.0.113.80:8443", pin="sha256/x")
FULL = 262_144
BLOCK_PAGE = Page(text="<title>Access</title><h1>Access to this resource is restricted</h1>")


class RoundMaker:
    """Writes observations as a probe would, in few words."""

    def __init__(self, target: Target = TARGET, *, has_server: bool = True) -> None:
        self.target = target
        self.targets = TargetList(
            targets=(target,), controls=CONTROLS, servers=(SERVER,) if has_server else ()
        )
        self.observations: list[Observation] = []
        self.pages: dict[str, Page] = {}
        self.pairs = 0
        self.now_us = 1_528_210_800_000_000

    def add(self, fact: Fact, target: Target, **fields: Any) -> Observation:
        observation = Observation(
            observation_id=f"r/{len(self.observations)}", fact=fact, provenance=Provenance.PROBE,
            service=target.service, target=target.target_id, role=target.role,
            started_us=self.now_us, clock=ClockState.VERIFIED, wire_bytes=100, **fields,
        )  # fmt: skip
        self.observations.append(observation)
        return observation

    def name(
        self, target: Target, resolver: str = "system", *answers: str, failure: str | None = None
    ) -> None:
        self.add(
            Fact.DNS_LOOKUP, target, host=host(target), resolver=resolver, family=4,
            answers=answers or None, failure=failure,
        )  # fmt: skip

    def inside_tls(self, target: Target, *answers: str, failure: str | None = None) -> None:
        """A resolver asked over HTTPS."""
        self.name(target, "doh", *answers, failure=failure)

    def visit(
        self, target: Target, address: str, *, tcp: str | None = None, tls: str | None = None,
        http: str | None = None, name: str = "", kbit: float = 20_000, status: int = 200,
        body: int = FULL, page: Page | None = None, rtt_us: int = 40_000, family: int = 4,
        **seen_too: Any,
    ) -> None:  # fmt: skip
        """One connection; the first failure given ends it."""
        where = {"host": host(target), "address": address, "port": 443, "family": family}
        self.add(Fact.TCP_CONNECT, target, duration_us=rtt_us, failure=tcp, **where)
        if tcp:
            return
        sent = name or host(target)
        if target.url.startswith("https"):
            self.add(Fact.TLS_HANDSHAKE, target, sni=sent, failure=tls, **where)
            if tls:
                return
        where["host"] = sent
        if http == "generic_timeout_error" or (http or "").startswith("connection"):
            self.add(Fact.HTTP_EXCHANGE, target, failure=http, body_bytes=0, capped=True, **where)
            return
        full_us = round(body * 8e3 / kbit)
        cap_us = 6_000_000
        capped = full_us > cap_us
        came = round(body * min(1.0, cap_us / full_us)) if full_us else body
        used_us = min(full_us, cap_us)
        seen = self.add(
            Fact.HTTP_EXCHANGE, target, status_code=status, body_bytes=came, capped=capped,
            failure=http or ("http_request_failed" if status >= 400 else None),
            duration_us=used_us, goodput_bps=round(kbit * 1000),
            curve=((used_us // 2, came // 2), (used_us, came)), **where, **seen_too,
        )  # fmt: skip
        if page:
            self.pages[seen.observation_id] = page

    def half_a_head(self, target: Target, address: str, *, failure: str | None) -> None:
        """One connection; the answer's head is not whole when the time is up."""
        where = {"host": host(target), "address": address, "port": 443, "family": 4}
        self.add(Fact.TCP_CONNECT, target, duration_us=40_000, **where)
        if target.url.startswith("https"):
            self.add(Fact.TLS_HANDSHAKE, target, sni=host(target), **where)
        self.add(
            Fact.HTTP_EXCHANGE, target, failure=failure, body_bytes=0, capped=True,
            duration_us=6_000_000, first_byte_us=1_000_000, **where,
        )  # fmt: skip

    def ask_messenger(
        self, address: str, *, tcp: str | None = None, answer: str | None = None
    ) -> None:
        """One connection to a data centre, and the protocol's first question."""
        where = {"host": address, "address": address, "port": 5222, "family": 4}
        self.add(Fact.TCP_CONNECT, self.target, duration_us=40_000, failure=tcp, **where)
        if tcp is None:
            self.add(Fact.MTPROTO_EXCHANGE, self.target, failure=answer, **where)

    def quic(
        self, target: Target, address: str, *, failure: str | None = None, name: str = "",
        family: int = 4,
    ) -> None:  # fmt: skip
        """One QUIC handshake."""
        self.add(
            Fact.QUIC_HANDSHAKE, target, host=host(target), address=address, port=443,
            family=family, sni=name or host(target), failure=failure,
        )  # fmt: skip

    def outside(self, *, failure: str | None = None, address: str = "", **visit: Any) -> None:
        """A look of our server: it came to nothing, or what the server met at an address."""
        self.add(
            Fact.OUTSIDE_VIEW, self.target, host=host(self.target), failure=failure,
            statement=None if failure else "{}", signature=None if failure else "x",
            seen_by="server",
        )  # fmt: skip
        if failure or not address:
            return
        begin = len(self.observations)
        self.name(self.target, "server", address)
        self.visit(self.target, address, **visit)
        for index in range(begin, len(self.observations)):
            seen = msgspec.structs.replace(self.observations[index], seen_by="server", curve=None)
            self.observations[index] = seen

    def pair(
        self, target_bps: float | None, neutral_bps: float | None = 10e6, *,
        failure: str | None = None, null: bool = False,
    ) -> None:  # fmt: skip
        self.pairs += 1
        about = CONTROLS[0] if null else self.target
        for arm, bps, code in ((Arm.TARGET, target_bps, failure), (Arm.NEUTRAL, neutral_bps, None)):
            self.add(
                Fact.TRANSFER, about, pair_id=str(self.pairs), arm=arm, is_null_pair=null,
                goodput_bps=None if bps is None else round(bps), failure=code,
                body_bytes=None if bps is None else round(bps / 10),
            )  # fmt: skip

    def asked(
        self, *, target: Page | str = "ours", neutral: Page | str = "ours", status: int = 200,
        sha256: str = "strange",
    ) -> None:  # fmt: skip
        """Our own server over plain HTTP by both names: its own page, another, or a failure."""
        pair_id = f"{len(self.observations):032x}"
        for arm, answer in ((Arm.TARGET, target), (Arm.NEUTRAL, neutral)):
            ours = answer == "ours"
            failed = isinstance(answer, str) and not ours
            seen = self.add(
                Fact.HTTP_EXCHANGE, self.target, address="203.0.113.80", port=8443, family=4,
                host=host(self.target) if arm is Arm.TARGET else "news.test",
                pair_id=pair_id, arm=arm, status_code=None if failed else 200 if ours else status,
                failure=str(answer) if failed else None,
                body_sha256=page_sha256(token_of(pair_id, arm)) if ours else sha256,
            )  # fmt: skip
            if isinstance(answer, Page):
                self.pages[seen.observation_id] = answer

    def good_controls(self, kbit: float = 20_000) -> RoundMaker:
        """Three controls that load, and two quiet null pairs if there is a server."""
        for index, control in enumerate(CONTROLS):
            self.name(control, "system", f"203.0.113.{14 + index}")
            self.visit(control, f"203.0.113.{14 + index}", kbit=kbit * (1 + index / 10))
        if self.targets.servers:
            for _ in range(2):
                self.pair(9.5e6, 10e6, null=True)
        return self

    def known(self, *system: str, public: tuple[str, ...] = ("203.0.113.11",)) -> RoundMaker:
        """Both resolvers' answers for the target."""
        self.name(self.target, "system", *(system or ("203.0.113.11",)))
        self.name(self.target, "public", *public)
        return self

    def judge(self, **more: Any) -> Judged:
        return judge_round(self.observations, self.targets, pages=self.pages, **more)

    def verdict(self, **more: Any) -> Verdict:
        return self.judge(**more).verdicts[0]


def host(target: Target) -> str:
    """Host of a test target."""
    return target.url.split("/")[2]
