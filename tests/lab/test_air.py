"""Bad air: losses, waiting, order, and what is let through at once."""

from __future__ import annotations

import random
import statistics

import pytest

from evenfall.lab.air import Air, AirSettings
from evenfall.lab.packets import build_udp, pack_address

ENDS = (pack_address("192.168.1.2"), 1000), (pack_address("192.168.1.1"), 2000)
HEADER = bytes(12) + b"\x08\x00"


def frame(number: int) -> bytes:
    """A datagram with a number."""
    return HEADER + build_udp(*ENDS, number.to_bytes(4))


def air(loss: float, jitter_s: float) -> Air:
    """One with a fixed seed."""
    return Air(AirSettings(loss=loss, jitter_s=jitter_s), random.Random(2))  # noqa: S311 (seeded)


def crossing(through: Air, count: int, *, upwards: bool, gap_s: float) -> list[tuple[float, bytes]]:
    """Send frames `gap_s` apart; when each leaves, and which."""
    for number in range(count):
        through.enter(frame(number), number * gap_s, upwards=upwards)
    out = []
    while (now_s := through.next_s) is not None:
        for data, direction in through.leaving(now_s):
            assert direction is upwards
            out.append((now_s, data))
    return out


@pytest.mark.parametrize("upwards", [True, False])
def test_the_share_lost_is_the_share_told(upwards: bool) -> None:
    """8 % of 4,000, within four standard errors, and counted."""
    through = air(0.08, 0.0)
    left = crossing(through, 4000, upwards=upwards, gap_s=0.001)
    assert (4000 - len(left)) / 4000 == pytest.approx(0.08, abs=4 * (0.08 * 0.92 / 4000) ** 0.5)
    assert through.counters.lost == 4000 - len(left)


def test_frames_wait_and_keep_their_order() -> None:
    """Far apart, the mean wait is the jitter; close together, nobody overtakes."""
    far = crossing(air(0.0, 0.02), 2000, upwards=True, gap_s=1.0)
    waits = [at_s - number for number, (at_s, _) in enumerate(far)]
    assert statistics.mean(waits) == pytest.approx(0.02, rel=0.1)
    assert min(waits) >= 0
    close = crossing(air(0.0, 0.02), 500, upwards=True, gap_s=0.0001)
    assert [data for _, data in close] == [frame(number) for number in range(500)]


def test_good_air_is_no_air() -> None:
    """Without loss and jitter all leave at once."""
    left = crossing(air(0.0, 0.0), 100, upwards=False, gap_s=0.01)
    assert [at_s for at_s, _ in left] == pytest.approx([n * 0.01 for n in range(100)])


def test_neighbours_find_each_other() -> None:
    """ARP is neither lost nor held."""
    through = air(1.0, 1.0)
    arp = bytes(12) + b"\x08\x06" + bytes(28)
    through.enter(arp, 5.0, upwards=True)
    assert through.leaving(5.0) == [(arp, True)]
