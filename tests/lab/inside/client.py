"""What the tests run where the emulated client sits: standard library only, one JSON line out.

It is no part of Evenfall on purpose: the net is checked by other eyes than the probe's.
"""

from __future__ import annotations

import contextlib
import errno
import json
import select
import socket
import ssl
import statistics
import struct
import sys
import time
from collections.abc import Callable

TIMEOUT_S = 2.0


def connect_s(address: str, port: int) -> float:
    """Seconds that one TCP connect takes."""
    started_s = time.perf_counter()
    with socket.create_connection((address, port), timeout=TIMEOUT_S):
        return time.perf_counter() - started_s


def rtt(address: str, port: str, times: str) -> dict[str, object]:
    """Connect again and again; quantiles in ms."""
    values = sorted(1000 * connect_s(address, int(port)) for _ in range(int(times)))
    return {
        "min_ms": values[0], "median_ms": statistics.median(values), "max_ms": values[-1],
    }  # fmt: skip


def wrap(raw: socket.socket, name: str) -> ssl.SSLSocket:
    """A handshake with any name, the certificate unseen."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(raw, server_hostname=name)


def tls(address: str, port: str, name: str) -> dict[str, object]:
    """Outcome of connect and of the handshake, with the time it took."""
    started_s = time.perf_counter()
    outcome = "ok"
    try:
        raw = socket.create_connection((address, int(port)), timeout=TIMEOUT_S)
    except OSError as error:
        return {"outcome": f"connect: {type(error).__name__}"}
    with raw:
        try:
            wrap(raw, name).close()
        except OSError as error:
            outcome = type(error).__name__
    return {"outcome": outcome, "ms": 1000 * (time.perf_counter() - started_s)}


def received_bytes(stream: socket.socket) -> tuple[int, float]:
    """What the kernel has received on a connection, and its smoothed RTT in ms (TCP_INFO)."""
    info = stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 136)
    return struct.unpack_from("Q", info, 128)[0], struct.unpack_from("I", info, 68)[0] / 1000


def fetch(address: str, port: str, name: str, seconds: str) -> dict[str, object]:
    """Read bodies of 1 MiB over one connection for some seconds.

    Bytes are the kernel's count (TLS records included), so that 16 KiB records hide nothing.
    """
    raw = socket.create_connection((address, int(port)), timeout=TIMEOUT_S)
    control = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
    with wrap(raw, name) as stream:
        request = f"GET /1M.bin HTTP/1.1\r\nHost: {name}\r\n\r\n".encode()
        before, _ = received_bytes(stream)
        started_s = last_s = time.perf_counter()
        stream.sendall(request * 99)
        stream.setblocking(False)
        first = total = 0
        longest_gap_s = took_s = 0.0
        while took_s < float(seconds):
            if not stream.pending():
                select.select([stream], [], [], 0.02)
            with contextlib.suppress(ssl.SSLWantReadError):
                if not stream.recv(1 << 20):
                    break
            now_s = time.perf_counter()
            took_s = now_s - started_s
            count, rtt_ms = received_bytes(stream)
            if count - before > total:
                longest_gap_s, last_s = max(longest_gap_s, now_s - last_s), now_s
            total = count - before
            if took_s < 1:
                first = total
    return {
        "goodput_bps": 8 * total / took_s, "first_second_bits": 8 * first, "bytes": total,
        "longest_gap_s": longest_gap_s, "congestion_control": control.strip(b"\0").decode(),
        "rtt_ms": rtt_ms,
    }  # fmt: skip


def plain(address: str, port: str, name: str) -> dict[str, object]:
    """One request over plain HTTP: what came, and how the connection ended."""
    body, end = b"", "closed"
    with socket.create_connection((address, int(port)), timeout=TIMEOUT_S) as stream:
        stream.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        try:
            while data := stream.recv(65_536):
                body += data
        except OSError as error:
            end = type(error).__name__
    return {"body": body.decode("latin-1"), "end": end}


def resolve(resolver: str, name: str) -> dict[str, object]:
    """Addresses in all answers to one A query, in the order they came."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    query = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)
    answers = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.connect((resolver, 53))
        asker.send(query)
        asker.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            while True:
                reply = asker.recv(4096)
                has_answer = struct.unpack_from("!6H", reply)[3]
                answers.append(socket.inet_ntoa(reply[-4:]) if has_answer else "none")
    return {"answers": answers}


def hops(address: str) -> dict[str, object]:
    """The smallest TTL with which a connect succeeds."""
    for ttl in range(1, 12):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream:
            stream.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
            stream.settimeout(1.0)
            with contextlib.suppress(OSError):
                stream.connect((address, 443))
                return {"hops": ttl}
    return {"hops": None}


def closed(address: str, port: str, times: str) -> dict[str, object]:
    """Knock at a closed port; how often it said so, and the quickest and slowest answer in ms."""
    answers_ms = []
    for _ in range(int(times)):
        started_s = time.perf_counter()
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream:
            stream.settimeout(0.25)  # less than it takes to repeat a SYN
            with contextlib.suppress(TimeoutError):
                try:
                    stream.connect((address, int(port)))
                except ConnectionRefusedError:
                    answers_ms.append(1000 * (time.perf_counter() - started_s))
    return {
        "answers": len(answers_ms), "min_ms": min(answers_ms, default=None),
        "max_ms": max(answers_ms, default=None),
    }  # fmt: skip


def hello_of(name: str) -> bytes:
    """A ClientHello."""
    out = ssl.MemoryBIO()
    context = ssl.create_default_context()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name).do_handshake()
    return out.read()


def options_of(address: str) -> tuple[int, int, int, int]:
    """Family, level, and the numbers of the options for TTL and for errors (IP_RECVERR)."""
    if ":" in address:
        return socket.AF_INET6, socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 25
    return socket.AF_INET, socket.IPPROTO_IP, socket.IP_TTL, 11


def routers(address: str, port: str) -> dict[str, object]:
    """Connect with TTL 1, 2, …: who says that the SYN expired, or "open"."""
    family, level, ttl_option, error_option = options_of(address)
    seen = []
    for ttl in range(1, 5):
        with socket.socket(family, socket.SOCK_STREAM) as stream:
            stream.setsockopt(level, error_option, 1)
            stream.setsockopt(level, ttl_option, ttl)
            stream.setblocking(False)
            poll = select.poll()
            poll.register(stream, select.POLLOUT)
            stream.connect_ex((address, int(port)))
            poll.poll(1000)
            try:
                _, extra, _, _ = stream.recvmsg(1, 512, socket.MSG_ERRQUEUE)
                seen.append(offender(extra[0][2], family))
            except BlockingIOError:
                seen.append("open" if stream.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
                            else "expired")  # fmt: skip
    return {"seen": seen}


def offender(data: bytes, family: int) -> str:
    """Who sent the ICMP message (struct sock_extended_err, then a socket address)."""
    if family == socket.AF_INET6:
        return socket.inet_ntop(family, data[16 + 8 : 16 + 24])
    return socket.inet_ntoa(data[16 + 4 : 16 + 8])


def expiring(address: str, port: str, name: str) -> dict[str, object]:
    """Send the hello with TTL 1, 2, … behind a whole handshake: expired, reset, answer, silence.

    Linux tells an established connection that a segment of it expired (EHOSTUNREACH, with
    IP_RECVERR), and not where.
    """
    return {"seen": [expiry(address, int(port), name, ttl) for ttl in range(1, 5)]}


def expiry(address: str, port: int, name: str, ttl: int) -> str:
    """What becomes of a hello with this TTL."""
    family, level, ttl_option, error_option = options_of(address)
    with socket.socket(family, socket.SOCK_STREAM) as stream:
        stream.settimeout(TIMEOUT_S)
        stream.setsockopt(level, error_option, 1)
        stream.connect((address, port))
        stream.setsockopt(level, ttl_option, ttl)
        stream.send(hello_of(name))
        stream.settimeout(0.7)
        try:
            return "answer" if stream.recv(1) else "end"
        except TimeoutError:
            return "silence"
        except ConnectionResetError:
            return "reset"
        except OSError as error:
            return "expired" if error.errno == errno.EHOSTUNREACH else type(error).__name__


COMMANDS: dict[str, Callable[..., dict[str, object]]] = {
    "closed": closed, "expiring": expiring, "routers": routers,
    "rtt": rtt, "tls": tls, "fetch": fetch, "plain": plain, "resolve": resolve, "hops": hops,
}  # fmt: skip

if __name__ == "__main__":
    json.dump(COMMANDS[sys.argv[1]](*sys.argv[2:]), sys.stdout)
