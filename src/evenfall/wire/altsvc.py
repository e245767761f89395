"""`Alt-Svc`: does this answer say that the same service also speaks HTTP/3 here?

What it does. `offers_h3` reads the value of the field and tells whether one alternative is HTTP/3
at the same host and port over UDP.

Rules. Only `h3` counts, the final protocol; drafts (`h3-29`) are not spoken any more. An
alternative at another host or port is somebody else's address, and says nothing about this one.
`clear` withdraws everything, and is the whole value. `ma=0` is as good as nothing: it is stale at
once. What cannot be read to its end offers nothing: foreign data, and no error of ours.

How it works. One regular expression for one alternative (token, "=", quoted string, parameters),
applied from the left; no part of it can match one text in two ways, so its time is linear.

What it does not do. It keeps no alternatives for later rounds.

Sources: RFC 7838 §3 and 3.1, RFC 9110 §5.6, RFC 9114 §3.1.1.
"""

from __future__ import annotations

import re

__all__ = ["VALUE_CHARS_MAX", "offers_h3"]

VALUE_CHARS_MAX = 4096
_ALTERNATIVES_MAX = 32
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 (a grammar's word, not a secret)
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_PARAMETERS = rf"((?:[ \t]*;[ \t]*{_TOKEN}=(?:{_TOKEN}|\"(?:[^\"\\]|\\.)*\"))*)"
_ALTERNATIVE = re.compile(rf"[ \t,]*({_TOKEN})={_QUOTED}{_PARAMETERS}[ \t]*(?=,|$)")
_NO_AGE = re.compile(r';[ \t]*ma="?0+"?(?![0-9])', re.IGNORECASE)
_ESCAPE = re.compile(r"\\(.)")


def offers_h3(value: str, *, host: str, port: int) -> bool:
    """Whether `Alt-Svc: value` of `https://host:port` offers HTTP/3 at the same host and port."""
    if len(value) > VALUE_CHARS_MAX:
        return False
    place, offered = 0, False
    for _ in range(_ALTERNATIVES_MAX):
        if not value[place:].strip(" \t,"):
            return offered
        found = _ALTERNATIVE.match(value, place)
        if found is None:
            return False
        protocol, authority, parameters = found.groups()
        fresh = not _NO_AGE.search(parameters)
        here = _is_here(_ESCAPE.sub(r"\1", authority), host, port)
        offered = offered or (protocol == "h3" and fresh and here)
        place = found.end()
    return False


def _is_here(authority: str, host: str, port: int) -> bool:
    name, colon, digits = authority.rpartition(":")
    if not colon or not digits.isascii() or not digits.isdecimal() or len(digits) > 5:
        return False
    return int(digits) == port and name.strip("[]").lower() in ("", host.lower())
