"""The first bytes of a connection, and the name that a censor can read in them.

TLS opens with a ClientHello (`wire.hello`), plain HTTP with a request head whose `Host` is the
name; anything else has none. The answer does not depend on how the bytes were cut into segments.
"""

from __future__ import annotations

from evenfall.wire.hello import NEED_MORE, Hello, HelloReader

__all__ = ["Opening"]

_HEAD_BYTES_MAX = 65_536
_END_OF_HEAD = b"\r\n\r\n"


class Opening:
    """Takes a client's first bytes in order.

    Attributes:
        data: all bytes so far; whoever holds the flow back lets them go in one go.
        decided: the name is known, or it is known that there is none.
        layer: `sni`, `http`, or empty.
        name: lower case, without a port; empty if none.
    """

    def __init__(self) -> None:
        self.data = b""
        self.decided = False
        self.layer = ""
        self.name = ""
        self._hello = HelloReader()

    def feed(self, data: bytes) -> bool:
        """Add bytes; true once decided."""
        self.data += data
        answer = self._hello.feed(data)
        if isinstance(answer, Hello):
            self._decide("sni", answer.server_name or "")
        elif answer is not NEED_MORE:
            self._read_head()
        return self.decided

    def _read_head(self) -> None:
        if not self.data[:1].isalpha() or len(self.data) > _HEAD_BYTES_MAX:
            self._decide("", "")
        elif _END_OF_HEAD in self.data:
            self._decide("http", _host(self.data.partition(_END_OF_HEAD)[0]))

    def _decide(self, layer: str, name: str) -> None:
        self.decided, self.layer, self.name = True, layer, name


def _host(head: bytes) -> str:
    for line in head.split(b"\r\n")[1:]:
        field, _, value = line.partition(b":")
        if field.strip().lower() == b"host":
            return value.strip().decode("latin-1").partition(":")[0].lower()
    return ""
