"""What this machine tells of its own side, without sending anything.

A VPN or a proxy means that the measured line is somebody else's; it has to be said.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["proxies_set", "tunnel_of_default_route"]

_ROUTES = Path("/proc/net/route")
_ROUTE_LINES_MAX = 4096
_TUNNELS = ("tun", "tap", "wg", "ppp", "ipsec", "utun", "nordlynx", "proton", "tailscale", "zt")


def tunnel_of_default_route(routes: Path = _ROUTES) -> str | None:
    """Name of the tunnel that the IPv4 default route leaves by.

    "" if it leaves by an ordinary interface; None where there is none, or the system does not tell.
    """
    try:
        lines = routes.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    best: tuple[int, str] | None = None
    for line in lines[1:_ROUTE_LINES_MAX]:
        fields = line.split()
        if len(fields) < 8 or fields[1] != "00000000" or fields[7] != "00000000":
            continue
        metric = int(fields[6]) if fields[6].isdecimal() else 0
        if best is None or metric < best[0]:
            best = (metric, fields[0])
    if best is None:
        return None
    return best[1] if best[1].lower().startswith(_TUNNELS) else ""


def proxies_set() -> tuple[str, ...]:
    """Names of the proxy settings in the environment, which a measurement does not use."""
    wanted = ("http_proxy", "https_proxy", "all_proxy")
    return tuple(sorted(n for n in os.environ if n.lower() in wanted and os.environ[n]))
