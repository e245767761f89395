"""The one definition of an observation: struct, JSON, Parquet columns and data dictionary.

An observation is a fact: one lookup, one connection, one handshake, one exchange, one transfer, or
one row of somebody else's test. It says what happened and never what it means. All numbers are
integers (µs, bytes, bit/s), so that a signed record can hold it. A field that does not apply is
null: never −1, 0 or "".

`model.schema` derives the columns and the dictionary from the annotations below; to add a field,
add it here (at the end, with a default) and raise `OBSERVATION_SCHEMA_VERSION`.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from evenfall.model.vocabulary import Arm, ClockState, Direction, Fact, Provenance, Role

__all__ = ["OBSERVATION_SCHEMA_VERSION", "Observation"]

OBSERVATION_SCHEMA_VERSION = "1.2"

Text = Annotated[str, Meta(max_length=2048)]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class Observation(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="observation"):
    """One typed row per fact. See the data dictionary for each field."""

    observation_id: Annotated[
        Text, Meta(description="Record id, a slash, and the index within the record.")
    ]
    fact: Annotated[Fact, Meta(description="What kind of fact this is.")]
    provenance: Annotated[Provenance, Meta(description="How it came to us.")]
    service: Annotated[Text, Meta(description="The service, the target id's first part.")]
    target: Annotated[Text, Meta(description="Stable name of what was measured: service/what.")]
    role: Annotated[Role, Meta(description="In question, or a baseline.")]
    network: Annotated[
        Text | None, Meta(description="AS number as AS9198, or a fixed text; null: not known.")
    ] = None
    line: Annotated[
        Text | None,
        Meta(
            description="Pseudonym of the line, where the source tells lines apart; "
            "imported: a salted hash."
        ),
    ] = None
    timezone: Annotated[
        Text | None, Meta(description="IANA zone in which this line's evenings are judged.")
    ] = None
    started_us: Annotated[
        int,
        Meta(
            description="Start, from the wall clock read once per measurement.",
            ge=0,
            le=4_102_444_800_000_000,
            extra={"unit": "µs since 1970-01-01 UTC"},
        ),
    ]
    clock: Annotated[ClockState, Meta(description="What is known about that clock.")]
    local_date: Annotated[
        Text | None,
        Meta(description="Derived: local calendar date in `timezone`, YYYY-MM-DD."),
    ] = None
    local_hour: Annotated[
        Annotated[int, Meta(ge=0, le=23)] | None,
        Meta(description="Derived: local hour of the day in `timezone`.", extra={"unit": "h"}),
    ] = None
    round_id: Annotated[
        Text | None, Meta(description="What was measured together: one check, one foreign test.")
    ] = None
    endpoint: Annotated[
        Text | None, Meta(description="The endpoint within a foreign test, as its source names it.")
    ] = None
    host: Annotated[Text | None, Meta(description="Host name asked for.")] = None
    address: Annotated[
        Text | None, Meta(description="Address of the server, never of the line.")
    ] = None
    port: Annotated[Count | None, Meta(description="Port of the server.")] = None
    family: Annotated[int | None, Meta(description="IP version of the address: 4 or 6.")] = None
    sni: Annotated[Text | None, Meta(description="Server name sent in the ClientHello.")] = None
    resolver: Annotated[
        Text | None, Meta(description="Which resolver: system, public, or doh. Never its address.")
    ] = None
    answers: Annotated[
        tuple[Text, ...] | None, Meta(description="Addresses that the resolver gave, in order.")
    ] = None
    failure: Annotated[Text | None, Meta(description="Failure code (df-007); null: it worked.")] = (
        None
    )
    operation: Annotated[
        Text | None,
        Meta(
            description="What failed: resolve, connect, tls_handshake, quic_handshake, read, "
            "write, pin."
        ),
    ] = None
    duration_us: Annotated[
        Count | None, Meta(description="Time the whole step took.", extra={"unit": "µs"})
    ] = None
    first_byte_us: Annotated[
        Count | None,
        Meta(description="From the request to the first byte of the answer.", extra={"unit": "µs"}),
    ] = None
    status_code: Annotated[Count | None, Meta(description="HTTP status.")] = None
    body_bytes: Annotated[
        Count | None,
        Meta(
            description="Bytes of the body, or of a transfer, that arrived. Zero is evidence.",
            extra={"unit": "bytes"},
        ),
    ] = None
    body_sha256: Annotated[Text | None, Meta(description="SHA-256 of the body received.")] = None
    title: Annotated[Text | None, Meta(description="The page's title, cut at 200 characters.")] = (
        None
    )
    certificate_sha256: Annotated[
        Text | None, Meta(description="SHA-256 of the leaf certificate (DER).")
    ] = None
    size_bytes: Annotated[
        Count | None, Meta(description="Bytes a transfer asked for.", extra={"unit": "bytes"})
    ] = None
    goodput_bps: Annotated[
        Count | None,
        Meta(
            description="Bytes that arrived over the time from ClientHello to last byte, or to the "
            "cap. Zero bytes give zero. Of a target that ends in /index: millionths of that index.",
            extra={"unit": "bit/s"},
        ),
    ] = None
    capped: Annotated[
        bool | None, Meta(description="True: cut by the time cap; the bytes so far are the data.")
    ] = None
    direction: Annotated[Direction | None, Meta(description="Which way the bytes went.")] = None
    pair_id: Annotated[
        Text | None,
        Meta(
            description="Same for the two arms of one paired transfer, or of one question to our "
            "own server over plain HTTP."
        ),
    ] = None
    arm: Annotated[Arm | None, Meta(description="Which arm of the pair.")] = None
    position: Annotated[
        Count | None, Meta(description="0 if this arm went first in its pair, else 1.")
    ] = None
    is_null_pair: Annotated[
        bool | None,
        Meta(description="True: both arms carry neutral names; the line's own noise."),
    ] = None
    rtt_min_us: Annotated[
        Count | None,
        Meta(
            description="Smallest round-trip time TCP saw; null where not emulated or not Linux.",
            extra={"unit": "µs"},
        ),
    ] = None
    rtt_us: Annotated[
        Count | None, Meta(description="Smoothed round-trip time at the end.", extra={"unit": "µs"})
    ] = None
    retransmitted_bytes: Annotated[
        Count | None,
        Meta(
            description="Bytes the sender sent again, from its TCP_INFO.", extra={"unit": "bytes"}
        ),
    ] = None
    congestion_control: Annotated[
        Text | None, Meta(description="The sender's congestion control, as the server reports it.")
    ] = None
    curve: Annotated[
        tuple[tuple[Count, Count], ...] | None,
        Meta(
            description="Byte curve: pairs of (µs since the ClientHello, bytes so far); "
            "at most 64 points."
        ),
    ] = None
    wire_bytes: Annotated[
        Count | None,
        Meta(
            description="Estimated IP bytes both ways that this step cost the line.",
            extra={"unit": "bytes"},
        ),
    ] = None
    hello_profile: Annotated[
        Text | None, Meta(description="Which ClientHello was sent: stdlib or browser.")
    ] = None
    import_id: Annotated[
        Text | None, Meta(description="Ledger id of the imported file; null: our own.")
    ] = None
    repeat: Annotated[
        Count | None,
        Meta(description="How often this very row was already seen in its file; 0: first time."),
    ] = None
    seen_by: Annotated[
        Text | None,
        Meta(
            description="Who looked: null, this line; `server`, a measurement server of ours, from "
            "its own side."
        ),
    ] = None
    responses: Annotated[
        Count | None,
        Meta(description="Answers that came to one DNS query; two that differ: injected."),
    ] = None
    offers_quic: Annotated[
        bool | None,
        Meta(description="Whether the answer said that the service also speaks HTTP/3 (Alt-Svc)."),
    ] = None
    hops: Annotated[
        Count | None, Meta(description="Hops the packet was allowed to go (IP TTL or hop limit).")
    ] = None
    fate: Annotated[
        Text | None,
        Meta(
            description="What became of the packet with limited hops: reached, expired (a router "
            "said so), lost."
        ),
    ] = None
    probes_sent: Annotated[
        Count | None, Meta(description="Probes of a series, such as round trips to the gateway.")
    ] = None
    probes_lost: Annotated[Count | None, Meta(description="Of them, those without an answer.")] = (
        None
    )
    statement: Annotated[
        Annotated[str, Meta(max_length=8192)] | None,
        Meta(description="What a measurement server signed, byte for byte (JSON)."),
    ] = None
    signature: Annotated[
        Text | None,
        Meta(description="Signature over `statement` by the pinned key (base64 of DER ECDSA)."),
    ] = None
    samples: Annotated[
        tuple[tuple[Count, ...], ...] | None,
        Meta(
            description="The sender's TCP_INFO during a transfer: µs since its first byte, RTT, "
            "smallest RTT, bytes acknowledged, bytes retransmitted, bytes of body; at most 64."
        ),
    ] = None
    signature_key: Annotated[
        Text | None,
        Meta(
            description="Public key of `signature` (base64 of DER SubjectPublicKeyInfo); its "
            "SHA-256 is the server's pin."
        ),
    ] = None
    software: Annotated[
        Text | None,
        Meta(description="Program and version that measured, where the source tells."),
    ] = None
