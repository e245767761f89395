"""From the errors of the operating system to the words of df-007: by number, never by text.

What it does. One table for `errno`, one for the `EAI_*` codes of getaddrinfo. Texts change with
the language of the system and the version of Python; numbers do not.

Rules. What is in neither table becomes `unknown_failure: NAME`, with the symbolic name, so that
nothing is lost and nothing is mistaken for interference. That includes the faults of our own side
(EMFILE, EPERM of a local firewall): they are no evidence against anybody.

Sources: OONI df-007 (failure strings), Linux tcp(7) and ip(7), getaddrinfo(3).
"""

from __future__ import annotations

import errno
import socket

from evenfall.net.api import NetworkFailure

__all__ = ["from_gaierror", "from_oserror"]

_BY_ERRNO: dict[int, str] = {
    errno.ECONNREFUSED: "connection_refused",
    errno.ECONNRESET: "connection_reset",
    errno.EPIPE: "connection_reset",  # a write after the other side's RST was already read
    errno.ECONNABORTED: "connection_aborted",
    errno.EHOSTUNREACH: "host_unreachable",
    errno.EHOSTDOWN: "host_unreachable",
    errno.ENETUNREACH: "network_unreachable",
    errno.ENETDOWN: "network_unreachable",
    errno.EADDRNOTAVAIL: "network_unreachable",  # no source address of this family
    errno.EAFNOSUPPORT: "network_unreachable",
    errno.ETIMEDOUT: "generic_timeout_error",
}

_BY_EAI: dict[int, str] = {
    socket.EAI_NONAME: "dns_nxdomain_error",
    socket.EAI_AGAIN: "dns_temporary_failure",
    socket.EAI_FAIL: "dns_server_misbehaving",
}
for _name in ("EAI_NODATA", "EAI_ADDRFAMILY"):  # absent on some systems
    if hasattr(socket, _name):
        _BY_EAI[getattr(socket, _name)] = "dns_no_answer"


def from_oserror(error: OSError, operation: str) -> NetworkFailure:
    """The failure that an `OSError` of a socket call stands for."""
    number = error.errno
    if number in _BY_ERRNO:
        return NetworkFailure(_BY_ERRNO[number], operation)
    name = errno.errorcode.get(number, str(number)) if number is not None else type(error).__name__
    return NetworkFailure(f"unknown_failure: {name}", operation)


def from_gaierror(error: socket.gaierror) -> NetworkFailure:
    """The failure that an error of getaddrinfo stands for."""
    number = error.errno
    if number in _BY_EAI:
        return NetworkFailure(_BY_EAI[number], "resolve")
    return NetworkFailure(f"unknown_failure: EAI {number}", "resolve")
