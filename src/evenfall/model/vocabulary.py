"""The closed vocabularies. A word is here once, with its meaning, or it is not used at all.

Members are append-only: a stored word is never re-meant and never removed. The meanings are what
`docs/data-dictionary.md` prints, so they are data, not comments.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "ANSWER_EXIT_CODES",
    "FAILURES",
    "MECHANISMS",
    "Answer",
    "Arm",
    "ClaimLevel",
    "ClockState",
    "Direction",
    "Explanation",
    "Fact",
    "Pattern",
    "Provenance",
    "Reference",
    "Role",
    "RungName",
    "RungState",
    "Scope",
    "SeriesState",
    "ShapeKind",
    "State",
    "Transport",
]


class Fact(StrEnum):
    """What one observation is a record of."""

    DNS_LOOKUP = "dns_lookup"
    TCP_CONNECT = "tcp_connect"
    TLS_HANDSHAKE = "tls_handshake"
    HTTP_EXCHANGE = "http_exchange"
    TRANSFER = "transfer"
    QUIC_HANDSHAKE = "quic_handshake"
    MTPROTO_EXCHANGE = "mtproto_exchange"  # Telegram's own protocol: one question, one answer
    OUTSIDE_VIEW = "outside_view"  # the signed statement of a measurement server about a target
    PATH_PROBE = "path_probe"  # a name sent with a limited number of hops
    GATEWAY_PROBE = "gateway_probe"  # round trips to the router of the home
    SPEED_TEST = "speed_test"  # ndt7: how much the line carries
    TEST = "test"  # the outcome of somebody else's test, imported


class Role(StrEnum):
    """Why something was measured: in question, or as the baseline of what is in question."""

    TARGET = "target"
    CONTROL = "control"


class Arm(StrEnum):
    """Which half of a paired transfer: the two differ in nothing but the server name sent."""

    TARGET = "target"
    NEUTRAL = "neutral"


class Direction(StrEnum):
    """Which way the bytes of a transfer went, seen from the probe."""

    DOWNLOAD = "download"
    UPLOAD = "upload"


class Provenance(StrEnum):
    """How an observation came to us."""

    PROBE = "probe"
    IMPORT = "import"
    SYNTH = "synth"  # made by the lab's generator: never evidence of anything


class ClockState(StrEnum):
    """What is known about the wall clock a stamp was read from."""

    VERIFIED = "verified"  # within 5 s of the measurement server's signed time or of two controls
    UNVERIFIED = "unverified"  # kept, but left out of windows
    ARCHIVE = "archive"  # an imported stamp: the archive's own clock, not checked by us


class Transport(StrEnum):
    """How a service was reached. Each transport and IP version is a way of its own."""

    TCP = "tcp"
    QUIC = "quic"
    MTPROTO = "mtproto"


class ShapeKind(StrEnum):
    """What a slowed transfer looked like: a qualifier, never a finding of its own."""

    POLICING = "policing"  # losses without a queue; a burst, then a plateau at the token rate
    SHAPING = "shaping"  # the round-trip time grows under load; few losses
    RANDOM_LOSS = "random_loss"  # losses whatever the rate; no plateau
    STALL = "stall"  # no byte after a number of bytes
    CONGESTION = "congestion"  # a queue, and the neutral name stands in it too
    UNCLEAR = "unclear"


class RungName(StrEnum):
    """The rungs of "is it me?", in the order in which they are climbed."""

    DEVICE = "device"
    WIFI = "wifi"
    LINE = "line"
    NEUTRAL_SITES = "neutral_sites"
    DOMESTIC_SITES = "domestic_sites"
    SERVICE = "service"


class RungState(StrEnum):
    """Whether a rung holds."""

    HOLDS = "holds"
    BROKEN = "broken"
    NOT_TESTED = "not_tested"


class State(StrEnum):
    """What the user could do. `insufficient` is a result of its own: neither fine nor a weak no."""

    OK = "ok"
    SLOWED = "slowed"
    BLOCKED = "blocked"
    DOWN = "down"
    INSUFFICIENT = "insufficient"


class Scope(StrEnum):
    """What shares the fate of the target. "Throttled" is said only for slowed *and* targeted."""

    TARGETED = "targeted"
    GENERALIZED = "generalized"
    SERVER_SIDE = "server_side"
    UNDETERMINED = "undetermined"


class Answer(StrEnum):
    """The one answer of `check`, in the order in which several targets are summed up."""

    NOT_MEASURED = "not_measured"
    LINE_SLOW = "line_slow"
    TARGETED_BLOCKING = "targeted_blocking"
    TARGETED_SLOWING = "targeted_slowing"
    CANNOT_TELL = "cannot_tell"
    SITE_DOWN = "site_down"
    OK = "ok"


ANSWER_EXIT_CODES: dict[Answer, int] = {
    Answer.OK: 0,
    Answer.CANNOT_TELL: 3,
    Answer.NOT_MEASURED: 4,
    Answer.TARGETED_SLOWING: 10,
    Answer.TARGETED_BLOCKING: 11,
    Answer.LINE_SLOW: 12,
    Answer.SITE_DOWN: 13,
}
"""Exit status of `check --exit-code`."""


class ClaimLevel(StrEnum):
    """Breadth of a claim, narrowest first. Attribution to an order is never the instrument's."""

    L0 = "L0"  # anecdote
    L1 = "L1"  # measured on one occasion
    L2 = "L2"  # repeated on one line
    L3 = "L3"  # three or more lines on one network
    L4 = "L4"  # two or more networks, controls clean
    L5 = "L5"  # L4, and isolated on two or more networks


class Pattern(StrEnum):
    """The shape of a curfew in time."""

    WINDOW = "window"
    ALWAYS = "always"
    NONE = "none"


class Reference(StrEnum):
    """What an effect was compared with: where the share or the median "outside" was measured."""

    OTHER_HOURS = "other_hours"  # of the same nights
    OTHER_DAYS = "other_days"  # of the same series, before or after
    OTHER_NETWORKS = "other_networks"  # the same service there, in the same hours
    NEUTRAL_NAME = "neutral_name"  # the other arms of the pairs
    CHANCE = "chance"  # nothing was measured: a fair coin, day by day


class SeriesState(StrEnum):
    """What the nights of one network and service show."""

    CURFEW = "curfew"
    ALWAYS = "always"
    NONE = "none"
    INSUFFICIENT = "insufficient"


class ChangeKind(StrEnum):
    """What changed for good within a series, at nobody's request as far as anyone can tell."""

    LEVEL = "level"  # its own speed at all hours: another plan, another device
    LINES = "lines"  # who measures
    SOFTWARE = "software"  # with what program or version
    TARGET = "target"  # what exactly is asked
    RESOLVER = "resolver"  # who is asked for names


class Explanation(StrEnum):
    """Every innocent explanation that an answer has to face."""

    OWN_DEVICE = "own_device"
    WIFI = "wifi"
    LINE = "line"
    TARIFF = "tariff"
    CONGESTION = "congestion"
    SITE_ITSELF = "site_itself"
    CDN = "cdn"
    DNS = "dns"
    VPN = "vpn"
    CAPTIVE_PORTAL = "captive_portal"
    CLOCK = "clock"


MECHANISMS: dict[str, str] = {
    "dns.spoof": "The system's resolver gives addresses at which no valid certificate for the name "
    "is shown, while other resolvers agree with each other and theirs is valid.",
    "dns.nxdomain": "The system's resolver says the name does not exist; other resolvers know it.",
    "dns.injection": "Two different answers to one query, of which the first is wrong.",
    "dns.hijack": "Two resolvers of different owners give the same wrong addresses, while a "
    "resolver asked inside TLS gives right ones: the questions are answered on the way.",
    "dns.drop": "The system's resolver does not answer for this name, and answers for others.",
    "ip.drop": "No answer to a SYN at this address, while controls connect.",
    "tcp.reset": "The connection is refused or reset before any name was sent.",
    "tcp.drop": "The connection opens, and what is sent on it is not answered, though it holds no "
    "name.",
    "tls.drop.sni": "Silence after a ClientHello with this name; a neutral name completes at the "
    "same address.",
    "tls.reset.sni": "A reset after a ClientHello with this name; a neutral name completes at the "
    "same address.",
    "tls.close.sni": "The connection is closed in good form after a ClientHello with this name; a "
    "neutral name completes at the same address.",
    "tls.alert.sni": "A TLS alert after a ClientHello with this name; a neutral name completes at "
    "the same address.",
    "tls.mitm": "The certificate shown is not valid for the name, though the address is right.",
    "tls.throttle.sni": "Transfers with this name are slower than transfers with a neutral name to "
    "the same server and address.",
    "http.blockpage": "The answer is a known block page, or a body unlike the one other networks "
    "get.",
    "quic.drop": "A QUIC Initial with this name is not answered, while TCP to the same address and "
    "QUIC to controls are.",
    "tcp.stall": "The transfer stops after a number of bytes while controls go on.",
}
"""Dotted paths `<layer>.<action>.<qualifier>`; the deepest node that the evidence supports."""


FAILURES: dict[str, str] = {
    "connection_refused": "RST to our SYN.",
    "connection_reset": "RST on a connection that was open.",
    "connection_aborted": "The connection was aborted by the local system.",
    "host_unreachable": "ICMP host unreachable.",
    "network_unreachable": "No route to the network; with IPv6 usually our own side.",
    "generic_timeout_error": "No answer in the time allowed.",
    "eof_error": "The connection was closed before the exchange was complete.",
    "dns_nxdomain_error": "The name does not exist, says the resolver.",
    "dns_no_answer": "The resolver knows the name but gives no address of the family asked for.",
    "dns_refused_error": "The resolver refuses to answer.",
    "dns_server_misbehaving": "The resolver reports a failure of its own.",
    "dns_temporary_failure": "The system's resolver cannot answer just now.",
    "dns_bogon_error": "The answer holds an address that no public service can have.",
    "ssl_invalid_hostname": "The certificate is not for this name.",
    "ssl_unknown_authority": "The certificate's issuer is not trusted.",
    "ssl_invalid_certificate": "The certificate is expired, not yet valid, or broken.",
    "ssl_failed_handshake": "The handshake failed with an alert or a protocol error.",
    "http_request_failed": "The status is an error (400 or above).",
    "http_unexpected_redirect": "More redirects than allowed.",
    "http_invalid_response": "The bytes received are not an HTTP response.",
    "mtproto_invalid_response": "The bytes received are no answer of Telegram's protocol to our "
    "question.",
    "quic_failed_handshake": "The QUIC handshake was ended by the other side.",
    "statement_invalid": "The measurement server's statement is not signed by the pinned key, or "
    "is not about what was asked.",
    "refused_by_server": "The measurement server declined; the reason follows after a colon.",
    "pin_mismatch": "The measurement server's public key is not the pinned one.",
    "stalled": "Bytes came, then none for the rest of the time allowed.",
    "interrupted": "The person stopped the measurement.",
    "unknown_failure": "Something else; the text follows after a colon.",
}
"""OONI df-007 failure strings where it has one; `pin_mismatch`, `stalled`, `http_*`, `mtproto_*`,
`statement_invalid` and `refused_by_server` are ours."""
