"""The two ClientHellos that pairs are sent with: the standard library's, and a browser's.

What it does. `pair_context` makes the TLS context of a paired transfer; `available` says which
profiles this machine has. `stdlib` is always there; `browser` needs the extra of that name (utls).

Why. Some boxes look at the first packet alone. A browser's ClientHello of about 2 KB fills two
segments, and the name is in the second of them as often as not; that of the standard library fits
one. What treats the two differently is found only by sending both.

Rules. Both arms of a pair use one profile, so that the name is still all that differs. TLS 1.3
only; the chain is not checked, because the caller pins the key before any request. ALPN of the
standard library's hello is `http/1.1`; the browser's offers what browsers offer, and the server
takes whatever comes.

How it works. `utls.SSLContext` is a subclass of `ssl.SSLContext` over BoringSSL, with the same
memory BIOs and the same exceptions, so `net.tls` drives it like any other.

What it does not do. It is no disguise: the pair protocol inside, the server's certificate and the
sizes are not a browser's. It follows the extra's newest Chrome, whatever that is by then.

Sources: utls 2026.10.3 (`Fingerprint.from_preset`, "chrome:stable": 1,972 bytes with a key share of
X25519MLKEM768, order of extensions drawn anew for every connection); RFC 8446 section 4.1.2.
"""

from __future__ import annotations

import functools
import importlib.util
import ssl

from evenfall.model.errors import UsageError

__all__ = ["BROWSER", "STDLIB", "available", "pair_context"]

STDLIB = "stdlib"
BROWSER = "browser"
_PRESET = "chrome:stable"


def available() -> tuple[str, ...]:
    """Profiles that can be sent from here; the standard library's first."""
    return (STDLIB, BROWSER) if importlib.util.find_spec("utls") else (STDLIB,)


@functools.cache
def pair_context(profile: str) -> ssl.SSLContext:
    """The context of a paired transfer; made once, as loading takes longer than a handshake.

    Raises:
        UsageError: there is no such profile here.
    """
    if profile == STDLIB:
        return _unchecked(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), alpn=True)
    if profile not in available():
        raise UsageError(
            expected=f"one of {', '.join(available())}",
            seen=repr(profile),
            where="ClientHello profile",
            remedy="Install the extra `browser` for a browser's ClientHello.",
        )
    import utls

    context = utls.SSLContext(utls.PROTOCOL_TLS_CLIENT)
    context.set_fingerprint(_PRESET)
    return _unchecked(context, alpn=False)


def _unchecked(context: ssl.SSLContext, *, alpn: bool) -> ssl.SSLContext:
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.maximum_version = ssl.TLSVersion.TLSv1_3
    if alpn:
        context.set_alpn_protocols(["http/1.1"])
    return context
