"""The line without sockets: when frames leave, in which order, and which do not."""

from __future__ import annotations

import itertools
import random

import pytest

from evenfall.lab.censor import Censor
from evenfall.lab.packets import ACK, SYN, build_tcp, build_udp, pack_address, parse_frame
from evenfall.lab.pipeline import HELD_FRAMES_MAX, PathSettings, Pipeline
from evenfall.lab.scenario import CensorRule

CLIENT, NEIGHBOUR = pack_address("192.168.1.2"), pack_address("100.64.2.2")
SERVER = pack_address("203.0.113.11")
UP = bytes.fromhex("0200000004010200000003020800")  # to the transit, from the ISP
DOWN = bytes.fromhex("0200000003020200000004010800")


def line(*rules: CensorRule, **settings: object) -> Pipeline:
    """A pipeline for a client, 100 Mbit/s and 40 ms unless told otherwise."""
    rng = random.Random(5)  # noqa: S311 (seeded)
    censor = Censor(
        rules,
        hosts={"video": "video.test"},
        addresses={SERVER: "video.test"},
        resolver=bytes(4),
        lie="203.0.113.90",
        block_page=lambda: b"page",
        minute_of_day=lambda _: 0.0,
        rng=rng,
    )
    defaults = {"client": CLIENT, "down_bps": 100e6, "up_bps": 100e6, "rtt_s": 0.04}
    return Pipeline(PathSettings(**{**defaults, **settings}), censor, rng)  # type: ignore[arg-type]  # (options)


def frame(*, upwards: bool, size: int = 100, host: bytes = CLIENT, number: int = 0) -> bytes:
    """A datagram frame of `size` bytes between a host of ours and the server."""
    payload = number.to_bytes(4) + bytes(size - 14 - 28 - 4)
    near, far = (host, 1000), (SERVER, 2000)
    return UP + build_udp(near, far, payload) if upwards else DOWN + build_udp(far, near, payload)


def departures(pipeline: Pipeline) -> list[tuple[float, bytes, bool]]:
    """Turn the clock from event to event until nothing is held."""
    out = []
    while (now_s := pipeline.next_s) is not None:
        out += [(now_s, data, upwards) for data, upwards in pipeline.leaving(now_s)]
    return out


@pytest.mark.parametrize("upwards", [True, False])
def test_one_frame_takes_half_the_round_trip(upwards: bool) -> None:
    """Without load the delay is RTT ÷ 2 each way, to the microsecond, and the frame unchanged."""
    pipeline = line()
    sent = frame(upwards=upwards)
    pipeline.enter(sent, 10.0, upwards=upwards)
    ((at_s, data, direction),) = departures(pipeline)
    assert at_s == pytest.approx(10.02)
    assert (data, direction) == (sent, upwards)


def test_frames_keep_their_order() -> None:
    """A burst comes out as it went in, also frames of one moment."""
    pipeline = line()
    sent = [frame(upwards=False, number=n) for n in range(50)]
    for data in sent:
        pipeline.enter(data, 1.0, upwards=False)
    assert [data for _, data, _ in departures(pipeline)] == sent


@pytest.mark.parametrize(("upwards", "rate"), [(True, "up_bps"), (False, "down_bps")])
def test_the_access_line_serialises(upwards: bool, rate: str) -> None:
    """At 8 Mbit/s 1000-byte frames leave 1 ms apart, behind the burst of two large frames."""
    pipeline = line(**{rate: 8e6})
    for n in range(20):
        pipeline.enter(frame(upwards=upwards, size=1000, number=n), 0.0, upwards=upwards)
    times = [at_s for at_s, _, _ in departures(pipeline)]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times[4:])]
    assert gaps == pytest.approx([0.001] * len(gaps))


def test_a_full_queue_drops_at_the_tail() -> None:
    """The queue holds a tenth of a second; what comes later is lost, what waited is not."""
    pipeline = line(down_bps=8e6)
    for n in range(300):
        pipeline.enter(frame(upwards=False, size=1000, number=n), 0.0, upwards=False)
    passed = departures(pipeline)
    assert pipeline.counters.tail_drops == 300 - len(passed)
    assert 100 <= len(passed) <= 105
    assert passed[-1][0] == pytest.approx(0.02 + 0.1, abs=0.002)


def test_the_neighbour_shares_the_bottleneck_and_not_the_line() -> None:
    """Downwards the client waits behind the neighbour; without a bottleneck it does not."""
    for bottleneck_bps, expected_s in ((8e6, 0.02 + 0.097), (None, 0.02)):
        pipeline = line(bottleneck_bps=bottleneck_bps)
        for _ in range(99):
            pipeline.enter(frame(upwards=False, size=1000, host=NEIGHBOUR), 0.0, upwards=False)
        pipeline.enter(frame(upwards=False, size=1000), 0.0, upwards=False)
        assert departures(pipeline)[-1][0] == pytest.approx(expected_s, abs=0.001)


def test_random_loss_hits_the_client_at_its_share() -> None:
    """About 5 % of the client's frames are lost each way, none of the neighbour's."""
    pipeline = line(loss=0.05)
    for n in range(2000):
        pipeline.enter(frame(upwards=n % 2 == 0), n / 100, upwards=n % 2 == 0)
        pipeline.enter(frame(upwards=True, host=NEIGHBOUR), n / 100, upwards=True)
        pipeline.leaving(n / 100)
    assert 60 <= pipeline.counters.lost <= 140
    departures(pipeline)
    assert pipeline.counters.left == 4000 - pipeline.counters.lost


def test_what_is_not_ipv4_passes_at_once() -> None:
    """ARP is neither delayed nor judged: the first connection must not look slower."""
    pipeline = line(rtt_s=1.0)
    arp = UP[:12] + b"\x08\x06" + bytes(28)
    pipeline.enter(arp, 3.0, upwards=True)
    assert pipeline.leaving(3.0) == [(arp, True)]


def test_a_forged_reset_comes_back_early_and_the_right_way() -> None:
    """What the censor forges is there after half the round trip, with the right addresses."""
    pipeline = line(CensorRule(action="ip.drop", services=("video",)))
    syn = build_tcp((CLIENT, 1), (SERVER, 443), sequence=1, acknowledgement=0, flags=SYN)
    pipeline.enter(UP + syn, 0.0, upwards=True)
    assert departures(pipeline) == []
    assert pipeline.counters.censor_drops == 1
    pipeline = line(CensorRule(action="http.blockpage", services=("video",)))
    pipeline.enter(UP + syn, 0.0, upwards=True)
    departures(pipeline)
    request = build_tcp(
        (CLIENT, 1), (SERVER, 443), sequence=2, acknowledgement=9, flags=ACK,
        payload=b"GET / HTTP/1.1\r\nHost: video.test\r\n\r\n",
    )  # fmt: skip
    pipeline.enter(UP + request, 1.0, upwards=True)
    (down_s, page, _), (up_s, reset, _) = sorted(departures(pipeline), key=lambda event: event[2])
    assert (down_s, up_s) == pytest.approx((1.02, 1.02))
    assert page[:14] == DOWN
    assert reset[:14] == UP
    packet = parse_frame(page)
    assert packet is not None
    assert packet.payload == b"page"


def test_too_many_frames_are_counted_as_overload() -> None:
    """Memory is limited; what does not fit is not passed off as a loss of the scenario."""
    pipeline = line(rtt_s=10.0, up_bps=1e12)
    data = frame(upwards=False)
    for _ in range(HELD_FRAMES_MAX + 3):
        pipeline.enter(data, 0.0, upwards=False)
    assert pipeline.counters.overload == 3
    assert pipeline.counters.lost == pipeline.counters.tail_drops == 0


CLIENT6, SERVER6 = pack_address("2001:db8:1::2"), pack_address("2001:db8:113::11")
IPV6 = UP[:12] + b"\x86\xdd"


def test_ipv6_shares_the_line() -> None:
    """A frame of the client's IPv6 address waits behind one of its IPv4 address."""
    pipeline = line(client6=CLIENT6, up_bps=1e6)
    other = IPV6 + build_udp((CLIENT6, 1), (SERVER6, 2), bytes(1400))
    for _ in range(3):
        pipeline.enter(frame(upwards=True, size=1514), 0.0, upwards=True)
    pipeline.enter(other, 0.0, upwards=True)
    left = departures(pipeline)
    assert left[-1][1] == other
    assert left[-1][0] == pytest.approx(0.02 + (3 * 1514 + len(other) - 2 * 1514) * 8 / 1e6)


def test_nothing_passes_a_line_that_is_down() -> None:
    """Neither way, in neither version; the neighbour and ARP are not meant."""
    pipeline = line(client6=CLIENT6, is_down=True)
    for upwards in (True, False):
        pipeline.enter(frame(upwards=upwards), 0.0, upwards=upwards)
    pipeline.enter(IPV6 + build_udp((CLIENT6, 1), (SERVER6, 2), b"x"), 0.0, upwards=True)
    assert departures(pipeline) == []
    assert pipeline.counters.lost == 3
    neighbour = frame(upwards=True, host=NEIGHBOUR)
    arp = bytes(12) + b"\x08\x06" + bytes(28)
    pipeline.enter(neighbour, 1.0, upwards=True)
    pipeline.enter(arp, 1.0, upwards=True)
    assert {data for _, data, _ in departures(pipeline)} == {neighbour, arp}


def test_neighbour_discovery_passes_at_once() -> None:
    """It is between the ISP and the transit, whatever the line is like."""
    solicitation = IPV6 + bytes.fromhex("6000000000043aff") + CLIENT6 + SERVER6 + b"\x87\0\0\0"
    pipeline = line(client6=CLIENT6, is_down=True)
    pipeline.enter(solicitation, 1.0, upwards=True)
    assert departures(pipeline) == [(1.0, solicitation, True)]
