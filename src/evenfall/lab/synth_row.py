"""One synthetic measurement: what a limiter, a reset or nothing at all makes of a transfer."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from evenfall.lab.synth_case import Truth
from evenfall.model.observation import Observation
from evenfall.model.vocabulary import Arm, ClockState, Direction, Fact, Provenance, Role

__all__ = ["CAP_S", "SIZE_BYTES", "Moment", "fetch", "pair"]

SIZE_BYTES = 262_144
CAP_S = 4.0

_BURST_BYTES = 16_000
_HELLO_RTTS = 2.0
_SLOW_START_BYTES = 14_600
_FETCH_BYTES = 1_048_576
_ARM_GAP_US = 1_200_000
_PAIR_US = 6_000_000
_NOISE_MAX = math.log(100)
"""Two transfers that nobody treats differently differ by no more; a t with 2 d.o.f. would."""


class Moment(NamedTuple):
    """What all measurements of one round share.

    Attributes:
        level_bps: what the line carries at that moment.
        noise: scale of the heavy-tailed difference between two transfers, natural log.
        fail_share: share of hit flows that fail outright.
    """

    record_id: str
    started_us: int
    level_bps: float
    rtt_s: float
    noise: float
    network: str
    timezone: str
    fail_share: float


def pair(
    moment: Moment,
    service: str,
    index: int,
    acts: Truth | None,
    rng: np.random.Generator,
    *,
    is_null: bool = False,
) -> tuple[Observation, Observation]:
    """Both arms of a paired transfer, in order of time.

    Args:
        moment: the round.
        service: what the first arm is named for (of a null pair: what it is filed under).
        index: of the first arm in the round's record.
        acts: what is done to the named arm; None: nothing.
        rng: order and noise.
        is_null: both arms carry neutral names.
    """
    order = [Arm.TARGET, Arm.NEUTRAL]
    if rng.random() < 0.5:
        order.reverse()
    difference = float(np.clip(rng.standard_t(2) * moment.noise, -_NOISE_MAX, _NOISE_MAX))
    started = moment.started_us + index // 2 * _PAIR_US
    arms = []
    for position, arm in enumerate(order):
        lean = math.exp(difference / (2 if arm is Arm.TARGET else -2))
        did = acts if arm is Arm.TARGET else None
        went = _transfer(_free_bps(moment, lean), did, moment.fail_share, rng)
        arms.append(
            _observation(
                moment,
                service,
                index + position,
                started + position * _ARM_GAP_US,
                fact=Fact.TRANSFER,
                role=Role.TARGET,
                pair_id=f"{moment.record_id[:12]}{index:04x}",
                arm=arm,
                position=position,
                is_null_pair=is_null,
                direction=Direction.DOWNLOAD,
                size_bytes=SIZE_BYTES,
                sni=f"{service}.test" if arm is Arm.TARGET and not is_null else "neutral.test",
                rtt_min_us=int(moment.rtt_s * 1e6),
                **went,
            )
        )
    return arms[0], arms[1]


def fetch(
    moment: Moment,
    service: str,
    index: int,
    site_bps: float,
    acts: Truth | None,
    rng: np.random.Generator,
    *,
    role: Role,
) -> Observation:
    """A fetch from a site's own server: the secondary evidence, which shares no server.

    Args:
        moment: the round.
        service: whose site.
        index: in the round's record.
        site_bps: what the site's own server sends at.
        acts: what is done to the site's name; None: nothing.
        rng: noise.
        role: of the site in this history.
    """
    bps = min(site_bps, _free_bps(moment, 1.0) * 1.6) * math.exp(rng.normal(0, 0.25))
    went = _transfer(bps, acts, moment.fail_share, rng, size_bytes=_FETCH_BYTES)
    went.pop("capped")
    return _observation(
        moment,
        service,
        index,
        moment.started_us + index // 2 * _PAIR_US,
        fact=Fact.HTTP_EXCHANGE,
        role=role,
        host=f"{service}.test",
        status_code=None if went.get("failure") else 200,
        **went,
    )


def _free_bps(moment: Moment, lean: float) -> float:
    """Goodput of an untouched transfer: handshake, slow start, then the line's level."""
    rounds = _HELLO_RTTS + math.log2(1 + SIZE_BYTES / _SLOW_START_BYTES)
    seconds = rounds * moment.rtt_s + SIZE_BYTES * 8 / moment.level_bps
    return SIZE_BYTES * 8 / seconds * lean


def _transfer(
    free_bps: float,
    acts: Truth | None,
    fail_share: float,
    rng: np.random.Generator,
    size_bytes: int = SIZE_BYTES,
) -> dict[str, Any]:
    """Fields of one transfer under a limiter (`acts`), or free."""
    if acts is None or rng.random() * 100 >= acts.share_percent:
        return _arrived(size_bytes, size_bytes * 8 / free_bps)
    if not acts.rate_bps or rng.random() < fail_share:
        reset = acts.mechanism == "sni.reset"
        return {
            "failure": "connection_reset" if reset else "generic_timeout_error",
            "operation": "tls_handshake",
            "body_bytes": 0,
            "goodput_bps": 0,
            "capped": not reset,
            "duration_us": 60_000 if reset else int(CAP_S * 1e6),
        }
    rate = acts.rate_bps * float(rng.uniform(0.9, 1.02))
    burst = _BURST_BYTES if acts.mechanism == "sni.police" else 2_000
    return _arrived(size_bytes, (size_bytes - burst) * 8 / rate)


def _arrived(size_bytes: int, seconds: float) -> dict[str, Any]:
    """All bytes after `seconds`, or what had come when the cap cut it."""
    cut = seconds > CAP_S
    body_bytes = int(size_bytes * CAP_S / seconds) if cut else size_bytes
    took = min(seconds, CAP_S)
    return {
        "body_bytes": body_bytes,
        "goodput_bps": round(body_bytes * 8 / took),
        "capped": cut,
        "duration_us": int(took * 1e6),
    }


def _observation(
    moment: Moment, service: str, index: int, started_us: int, **fields: Any
) -> Observation:
    return Observation(
        observation_id=f"{moment.record_id}/{index}",
        provenance=Provenance.SYNTH,
        service=service,
        target=f"{service}/front",
        network=moment.network,
        line="line-1",
        timezone=moment.timezone,
        started_us=started_us,
        clock=ClockState.VERIFIED,
        round_id=moment.record_id,
        **fields,
    )
