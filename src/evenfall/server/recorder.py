"""What a transfer looked like from the server: TCP_INFO in samples, and the results kept by id."""

from __future__ import annotations

from collections import OrderedDict

from evenfall.net.api import Clock, Stream, TcpInfo
from evenfall.wire.pair_messages import SAMPLES_MAX, Request, Sample, TcpCounters, Trailer

__all__ = ["SAMPLE_EVERY_S", "Recorder", "Results"]

SAMPLE_EVERY_S = 0.05
"""At first; each thinning to half of `SAMPLES_MAX` doubles it (0.1 s from 3.2 s on)."""


class Recorder:
    """Samples one transfer.

    Args:
        request: get or put.
        stream: the connection.
        clock: the server's.
        hello_s: monotonic time of the server's answer to the ClientHello.
    """

    def __init__(self, request: Request, stream: Stream, clock: Clock, *, hello_s: float) -> None:
        self.body_bytes = 0
        """Handed to the kernel (get) or arrived (put); kept up to date by the session."""
        self.last_body_s = hello_s
        self._request = request
        self._stream = stream
        self._clock = clock
        self._hello_s = hello_s
        self._samples: list[Sample] = []
        self._every_s = SAMPLE_EVERY_S
        self.sample()

    async def run(self) -> None:
        """Sample until cancelled; the first sample is taken at the start, by the constructor."""
        while True:
            await self._clock.sleep(self._every_s)
            self.sample()

    def note_body(self, bytes_so_far: int) -> None:
        """The body has got so far just now."""
        self.body_bytes = bytes_so_far
        self.last_body_s = self._clock.monotonic_s()

    def sample(self) -> TcpInfo:
        """Take one sample now."""
        info = self._stream.tcp_info()
        if len(self._samples) >= SAMPLES_MAX:
            del self._samples[1::2]
            self._every_s *= 2
        self._samples.append(
            Sample(
                t_us=self._since_us(self._clock.monotonic_s()),
                rtt_us=info.rtt_us,
                rtt_min_us=info.rtt_min_us,
                bytes_acked=info.bytes_acked,
                bytes_retransmitted=info.bytes_retransmitted,
                body_bytes=self.body_bytes,
            )
        )
        return info

    def trailer(self) -> Trailer:
        """Everything so far, with one last sample."""
        info = self.sample()
        return Trailer(
            id=self._request.id,
            op="get" if self._request.op == "get" else "put",
            body_bytes=self.body_bytes,
            elapsed_us=self._since_us(self.last_body_s),
            complete=self.body_bytes == self._request.size_bytes,
            tcp=_counters(info),
            samples=tuple(self._samples),
        )

    def _since_us(self, at_s: float) -> int:
        return max(0, round((at_s - self._hello_s) * 1e6))


class Results:
    """Transfers by id, under way or ended a short while ago; no address is kept with them.

    Args:
        kept_s: how long after the end.
        count_max: the oldest goes when there are more.
    """

    def __init__(self, clock: Clock, *, kept_s: float, count_max: int) -> None:
        self._clock = clock
        self._kept_s = kept_s
        self._count_max = count_max
        self._running: dict[str, Recorder] = {}
        self._ended: OrderedDict[str, tuple[float, Trailer]] = OrderedDict()

    def started(self, transfer_id: str, recorder: Recorder) -> None:
        """A transfer is under way."""
        self._running[transfer_id] = recorder

    def ended(self, transfer_id: str) -> Trailer | None:
        """It is over; its trailer is made and kept. None: it was not under way."""
        recorder = self._running.pop(transfer_id, None)
        if recorder is None:
            return None
        trailer = recorder.trailer()
        self._ended[transfer_id] = (self._clock.monotonic_s(), trailer)
        self._drop_old()
        return trailer

    def find(self, transfer_id: str) -> Trailer | None:
        """The trailer of a transfer; of one under way, as it stands now."""
        if transfer_id in self._running:
            return self._running[transfer_id].trailer()
        self._drop_old()
        kept = self._ended.get(transfer_id)
        return kept[1] if kept else None

    def _drop_old(self) -> None:
        oldest_s = self._clock.monotonic_s() - self._kept_s
        while self._ended:
            ended_s, _ = next(iter(self._ended.values()))
            if len(self._ended) <= self._count_max and ended_s >= oldest_s:
                return
            self._ended.popitem(last=False)


def _counters(info: TcpInfo) -> TcpCounters:
    return TcpCounters(
        rtt_us=info.rtt_us,
        rtt_min_us=info.rtt_min_us,
        bytes_sent=info.bytes_sent,
        bytes_acked=info.bytes_acked,
        bytes_received=info.bytes_received,
        bytes_retransmitted=info.bytes_retransmitted,
        segments_out=info.segments_out,
        segments_in=info.segments_in,
        delivery_rate_bps=info.delivery_rate_bps,
        congestion_control=info.congestion_control,
    )
