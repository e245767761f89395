"""Pairs of a round for the tests of what weighs them."""

from __future__ import annotations

from evenfall.infer.facts import Pair
from evenfall.model.observation import Observation
from evenfall.model.vocabulary import Arm, ClockState, Direction, Fact, Provenance, Role

START_US = 1_528_210_800_000_000
TARGET = "video/front"


class PairMaker:
    """Adds pairs one after the other, a second between the arms."""

    def __init__(self) -> None:
        self.pairs: list[Pair] = []
        self.now_us = START_US

    def add(
        self, target_bps: float | None, neutral_bps: float | None = 10e6, *, null: bool = False,
        way: Direction = Direction.DOWNLOAD, size: int = 65_536, hello: str = "stdlib",
        address: str = "203.0.113.80", target_first: bool = True, of: str = TARGET, **both: object,
    ) -> Pair:  # fmt: skip
        """One pair; 0 is silence, None no connection."""
        order = (Arm.TARGET, Arm.NEUTRAL) if target_first else (Arm.NEUTRAL, Arm.TARGET)
        speeds = {Arm.TARGET: target_bps, Arm.NEUTRAL: neutral_bps}
        arms = {}
        for position, arm in enumerate(order):
            bps = speeds[arm]
            arms[arm] = Observation(
                observation_id=f"r/{len(self.pairs)}/{arm}", fact=Fact.TRANSFER,
                provenance=Provenance.PROBE, service="s", target="news/front" if null else of,
                role=Role.CONTROL if null else Role.TARGET, started_us=self.now_us,
                clock=ClockState.VERIFIED, address=address, pair_id=str(len(self.pairs)), arm=arm,
                position=position, is_null_pair=null, size_bytes=size, direction=way,
                hello_profile=hello, goodput_bps=None if bps is None else round(bps),
                failure=None if bps else "generic_timeout_error",
                body_bytes=None if bps is None else min(size, round(bps / 2)),
                **both,
            )  # fmt: skip
            self.now_us += 1_000_000
        pair = Pair(target=arms[Arm.TARGET], neutral=arms[Arm.NEUTRAL], is_null=null)
        self.pairs.append(pair)
        return pair

    def quiet(self, count: int = 2, **how: object) -> PairMaker:
        """Null pairs that came through alike."""
        for index in range(count):
            self.add(10e6 * (1.02 if index % 2 else 0.98), 10e6, null=True, **how)
        return self
