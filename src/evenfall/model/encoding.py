"""Canonical JSON: one value, one sequence of bytes (CONTRACTS, "Record").

Keys sorted by code point, no spaces, UTF-8, no floats. Two programs that hash the same facts get
the same digest. Numbers that are not integers are refused rather than rounded: whoever wants a
ratio in a signed thing writes it in millionths.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from evenfall.model.errors import FormatError

__all__ = ["canonical_json", "digest_hex", "to_json_line"]

_DEPTH_MAX = 32


def canonical_json(value: Any) -> bytes:
    """Encode structs, mappings, sequences, strings, integers, booleans and null.

    Raises:
        FormatError: a float, a key that is not text, or nesting deeper than 32.
    """
    builtins = msgspec.to_builtins(value, str_keys=False)
    _refuse_floats(builtins, path="$", depth=0)
    return msgspec.json.encode(builtins, order="sorted")


def digest_hex(value: Any) -> str:
    """Hex SHA-256 of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def to_json_line(value: Any) -> str:
    """One JSON object as printed by `--json`: compact, in field order, no line break."""
    return msgspec.json.encode(value, enc_hook=_plain).decode()


def _plain(value: Any) -> str:
    """A `Saying` is printed as what it says in English.

    Raises:
        NotImplementedError: anything else that JSON has no form for.
    """
    if isinstance(value, str):
        return str(value)
    raise NotImplementedError(f"no JSON form for {type(value).__name__}")


def _refuse_floats(value: Any, *, path: str, depth: int) -> None:
    if depth > _DEPTH_MAX:
        raise FormatError(
            expected=f"at most {_DEPTH_MAX} levels of nesting",
            seen="more",
            where=path,
            remedy="Flatten the value.",
        )
    if isinstance(value, float):
        raise FormatError(
            expected="integers only",
            seen=f"the float {value!r}",
            where=path,
            remedy="Write µs, bytes, bit/s, or millionths for a ratio.",
        )
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise FormatError(
                    expected="text keys",
                    seen=f"the key {key!r}",
                    where=path,
                    remedy="Turn the key into text.",
                )
            _refuse_floats(item, path=f"{path}.{key}", depth=depth + 1)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _refuse_floats(item, path=f"{path}[{index}]", depth=depth + 1)
