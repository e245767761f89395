"""The one file the probe gets: targets, controls, resolvers, both addresses of our server.

The same lines in every scenario: roles, addresses and ports never change, host names depend on the
seed alone, and the pin is a random key's.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from evenfall.lab.plan import DOH_PATH, Places
from evenfall.lab.prepare import Prepared
from evenfall.lab.scenario import APP_TARGET, CONTROL_ROLES, TARGET_ROLES, Drawn

__all__ = [
    "DOMESTIC_ROLES",
    "PLAIN_ROLES",
    "url_of",
    "write_client_folder",
    "write_targets",
]

PLAIN_ROLES = frozenset({"messenger"})
"""Asked over plain HTTP in every scenario: a block page needs a name that can be read."""

DOMESTIC_ROLES = frozenset({"news"})
"""Controls in the client's own country."""

_PORTS_OF_SCHEMES = {"https": 443, "http": 80}


def url_of(role: str, *, drawn: Drawn, seen: Places) -> str:
    """The address of a role's 1 MiB body, as the client is given it."""
    scheme, port = ("http", seen.http_port) if role in PLAIN_ROLES else ("https", seen.https_port)
    suffix = "" if port == _PORTS_OF_SCHEMES[scheme] else f":{port}"
    return f"{scheme}://{drawn.hosts[role]}{suffix}/1M.bin"


def write_client_folder(folder: Path, *, drawn: Drawn, seen: Places, world: Prepared) -> Path:
    """Fill the folder that the process under test is given; the target file's path.

    It holds `targets.toml`, `ca.pem` and an empty `home`, in every scenario.
    """
    (folder / "home").mkdir(parents=True)
    shutil.copyfile(world.authority, folder / "ca.pem")
    path = folder / "targets.toml"
    write_targets(path, drawn=drawn, seen=seen, pin=world.pin)
    return path


def write_targets(path: Path, *, drawn: Drawn, seen: Places, pin: str) -> None:
    """Write the target file (PRODUCT, "Target file"); `ca.pem` is expected beside it."""
    lines = [
        "[network]",
        f'resolver = "{seen.resolver}"',
        f'public_resolver = "{seen.public_resolver}"',
        f'doh = "https://{seen.doh}{DOH_PATH}"',
        'ca_file = "ca.pem"',
    ]
    for kind, roles in (("target", TARGET_ROLES), ("control", CONTROL_ROLES)):
        for role in roles:
            url = url_of(role, drawn=drawn, seen=seen)
            lines += ["", f"[[{kind}]]", f'id = "{role}/front"', f'url = "{url}"']
            lines += ["domestic = true"] if role in DOMESTIC_ROLES else []
    lines += ["", "[[target]]", f'id = "{APP_TARGET}"', f'url = "mtproto://{seen.mtproto}"']
    for server in (seen.measurement, seen.second_measurement) if pin else ():
        lines += ["", "[[server]]", f'url = "https://{server}"', f'pin = "{pin}"']
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
