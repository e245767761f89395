"""What slowed transfers look like: every kind from made-up samples, and what must stay unclear.

The figures are those that the lab's kernel TCP showed (bench/shape_runs.py): a policer's first loss
comes at the same byte each time, random losses at any.
"""

from __future__ import annotations

import pytest
from pair_maker import PairMaker

from evenfall.infer.shape import shape_of
from evenfall.infer.traits import fit_plateau, traits_of
from evenfall.model.vocabulary import ShapeKind

RTT_US = 40_000


def samples(
    *, rtt_us: int = RTT_US, loss: float = 0.0, first_loss: int = 0, total: int = 65_536
) -> tuple[tuple[int, ...], ...]:
    """Twenty samples of a transfer that goes on evenly."""
    rows = []
    for i in range(20):
        acked = total * (i + 1) // 20
        again = round(loss / (1 - loss) * acked) if acked >= first_loss else 0
        rows.append((50_000 * (i + 1), rtt_us if i else RTT_US, RTT_US, acked, again, total))
    return tuple(rows)


def curve(
    *, burst: int = 0, rate_bps: float = 128_000, total: int = 65_536
) -> tuple[tuple[int, int], ...]:
    """A burst, then a straight line."""
    count = max(0, total - burst)
    return tuple(
        (100_000 + round(count * i / 15 * 8e6 / rate_bps), burst + count * i // 15)
        for i in range(16)
    )


def shape(*arms: dict[str, object], neutral: dict[str, object] | None = None, bps: float = 2e5):
    """The shape of pairs with these target arms."""
    maker = PairMaker()
    for arm in arms:
        pair = maker.add(bps, 10e6)
        target = pair.target.__class__(
            **{f: getattr(pair.target, f) for f in pair.target.__struct_fields__} | arm
        )
        other = pair.neutral.__class__(
            **{f: getattr(pair.neutral, f) for f in pair.neutral.__struct_fields__}
            | {"samples": samples(), "rtt_min_us": RTT_US}
            | (neutral or {})
        )
        maker.pairs[-1] = pair.__class__(target=target, neutral=other, is_null=False)
    return shape_of(maker.pairs)


def test_policing():
    """Losses without a queue, the first at the same byte each time, and a plateau."""
    said = shape(
        *(
            {"samples": samples(loss=0.3, first_loss=32_000), "curve": curve(burst=30_000)}
            for _ in range(3)
        )
    )
    assert said.kind is ShapeKind.POLICING
    assert said.confidence >= 0.9
    assert said.rate_bps == pytest.approx(128_000, rel=0.02)


def test_policing_by_its_rate_alone():
    """A shared bucket: the first loss comes anywhere, and the rate is the same."""
    said = shape(
        *(
            {"samples": samples(loss=0.3, first_loss=at), "curve": curve(burst=at)}
            for at in (8_000, 30_000, 15_000)
        )
    )
    assert said.kind is ShapeKind.POLICING


def test_random_loss():
    """Losses without a queue; neither the first loss nor the rate is the same."""
    said = shape(
        *(
            {"samples": samples(loss=0.15, first_loss=at), "curve": curve(rate_bps=rate)}
            for at, rate in ((672, 90e3), (36_000, 500e3), (9_300, 200e3))
        )
    )
    assert said.kind is ShapeKind.RANDOM_LOSS
    assert said.rate_bps is None


def test_first_segments_lost_by_chance_are_no_bucket():
    """Losses from the very first segment on, three times, at different rates: random."""
    said = shape(
        *(
            {"samples": samples(loss=0.15, first_loss=672), "curve": curve(rate_bps=rate)}
            for rate in (90e3, 500e3, 200e3)
        )
    )
    assert said.kind is ShapeKind.RANDOM_LOSS


@pytest.mark.parametrize("loss", [0.0, 0.05])
def test_shaping(loss: float):
    """A round trip that grows under load, with or without drops at the queue's end."""
    said = shape(
        *({"samples": samples(rtt_us=400_000, loss=loss), "curve": curve()} for _ in range(2))
    )
    assert said.kind is ShapeKind.SHAPING
    assert "10.0 times" in said.because


def test_a_queue_that_all_stand_in():
    """The neutral name's round trip grows as much: congestion."""
    said = shape(
        *({"samples": samples(rtt_us=400_000)} for _ in range(2)),
        neutral={"samples": samples(rtt_us=350_000)},
    )
    assert said.kind is ShapeKind.CONGESTION


def test_losses_that_all_meet():
    """A lossy line: the neutral name loses as much, whatever the first losses look like."""
    said = shape(
        *({"samples": samples(loss=0.2, first_loss=30_000)} for _ in range(3)),
        neutral={"samples": samples(loss=0.15)},
    )
    assert said.kind is ShapeKind.CONGESTION


def test_a_stall():
    """Most stop after about as many bytes."""
    stopped = {"failure": "stalled", "samples": samples(total=16_000)}
    said = shape(*({**stopped, "body_bytes": at} for at in (15_800, 16_200, 16_000)))
    assert said.kind is ShapeKind.STALL
    assert "16 kB" in said.because


def test_stops_at_any_byte_are_no_stall():
    """A line that loses a lot stops transfers too, but not at one place."""
    stopped = {"failure": "stalled", "samples": samples(loss=0.4)}
    said = shape(*({**stopped, "body_bytes": at} for at in (2_000, 40_000, 16_000)))
    assert said.kind is not ShapeKind.STALL


def test_a_single_slow_arm_is_less_sure():
    """One arm: a burst and a straight line after it; half the confidence of two."""
    arm = {"samples": samples(loss=0.3, first_loss=32_000), "curve": curve(burst=30_000)}
    one, two = shape(arm), shape(arm, arm)
    assert one.kind is two.kind is ShapeKind.POLICING
    assert 0 < one.confidence < two.confidence


@pytest.mark.parametrize(
    "arm", [{}, {"samples": samples()}, {"rtt_us": RTT_US, "rtt_min_us": RTT_US}]
)
def test_unclear(arm: dict[str, object]):
    """No samples, or samples without a queue and without losses: unclear, with confidence 0."""
    said = shape(arm, arm, neutral={} if arm else {"samples": None, "rtt_min_us": None})
    assert (said.kind, said.confidence) == (ShapeKind.UNCLEAR, 0.0)


def test_fast_transfers_have_no_shape():
    """Innocent: nothing was slow."""
    said = shape({"samples": samples(loss=0.3)}, bps=9e6)
    assert (said.kind, said.confidence) == (ShapeKind.UNCLEAR, 0.0)
    assert shape_of([]).kind is ShapeKind.UNCLEAR


def test_null_pairs_are_left_out():
    """A slow null pair has no shape."""
    maker = PairMaker()
    maker.add(0.1e6, null=True, samples=samples(loss=0.3))
    assert shape_of(maker.pairs).kind is ShapeKind.UNCLEAR


@pytest.mark.parametrize("rate_bps", [64e3, 128e3, 1e6])
@pytest.mark.parametrize("burst", [0, 16_000, 40_000])
def test_burst_and_plateau_are_read_off_the_curve(burst: int, rate_bps: float):
    """The fitted line has the rate and the burst that the curve was made with."""
    found = fit_plateau(curve(burst=burst, rate_bps=rate_bps))
    assert found is not None
    assert found.rate_bps == pytest.approx(rate_bps, rel=0.01)
    assert found.burst_bytes == pytest.approx(burst, abs=200)
    assert found.residual < 0.01


def test_a_curve_that_says_little():
    """Few points, or no growth: no plateau."""
    assert fit_plateau(curve()[:5]) is None
    assert fit_plateau([(i, 100) for i in range(10)]) is None


def test_what_the_end_of_the_transfer_tells_stands_in_for_samples():
    """Without samples: retransmissions and round trips of the observation itself."""
    pair = PairMaker().add(1e5, rtt_us=120_000, rtt_min_us=40_000, retransmitted_bytes=10_000)
    seen = traits_of(pair.target)
    assert seen.queue == pytest.approx(3.0)
    assert seen.loss == pytest.approx(10_000 / (10_000 + (pair.target.body_bytes or 0)))
    assert seen.first_loss_bytes is None
