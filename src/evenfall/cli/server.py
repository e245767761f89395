"""`evenfall server`: run a measurement server, or print the pin of its key."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evenfall.cli.options import EvenfallCommand, Settings, settings_of
from evenfall.model.encoding import to_json_line
from evenfall.model.errors import UsageError

if TYPE_CHECKING:
    from evenfall.server import LookPolicy, PairService

__all__ = ["command"]

_SERVER_EVENT_SCHEMA = "1.0"
_PORT_MAX = 65_535
_NDT7_WORDS = {"off": "none", "tls": "inside TLS", "also-plain": "inside TLS and without it"}


@click.command(
    "server",
    cls=EvenfallCommand,
    help="Run a measurement server: paired transfers, looks from outside, speed tests.",
)
@click.option(
    "--listen", metavar="ADDR:PORT", help="Where to listen, as 0.0.0.0:8443 or [::]:8443."
)
@click.option(
    "--state",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the key; the key is made on the first start.",
)
@click.option(
    "--look-at",
    "look_at",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Hosts that it may look at for others, one a line (docs/server.md) [else those of the "
    "list that check has built in; an empty file: none].",
)
@click.option(
    "--ndt7",
    "ndt7",
    type=click.Choice(["off", "tls", "also-plain"]),
    default="tls",
    show_default=True,
    help="Where it answers ndt7 speed tests: nowhere, inside TLS, or without TLS as well.",
)
@click.option("--print-pin", is_flag=True, help="Print the pin of the key, and nothing else.")
@click.pass_context
def command(
    ctx: click.Context,
    listen: str | None,
    state: Path,
    look_at: Path | None,
    ndt7: str,
    print_pin: bool,
) -> None:
    """Print the pin, say what would be done, or serve until interrupted."""
    settings = settings_of(ctx)
    if print_pin:
        from evenfall.server import pin_of

        _refuse_without_key(state)
        pin = pin_of(state)
        click.echo(to_json_line({"kind": "pin", "pin": pin}) if settings.json else pin)
        return
    if listen is None:
        raise UsageError(
            expected="--listen ADDR:PORT, or --print-pin",
            seen="neither",
            where="evenfall server",
            remedy="For example: evenfall server --listen 0.0.0.0:8443 --state ./server-state",
        )
    where = _address_and_port(listen)
    looks = _looks(look_at)
    if settings.plan:
        _say_plan(settings, where, state, looks, ndt7)
        return
    asyncio.run(_serve(settings, where, state, looks, ndt7))


def _looks(path: Path | None) -> LookPolicy:
    """What may be looked at: public addresses of the listed hosts."""
    from evenfall.server import MASS_MARKET, LookPolicy, read_allow_list

    return LookPolicy(hosts=read_allow_list(path) if path else MASS_MARKET)


def _refuse_without_key(state: Path) -> None:
    """A pin is asked for; a key made for a mistyped folder would have one nobody can use.

    Raises:
        UsageError: the folder holds no key.
    """
    try:
        (state / "key.pem").stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(
            expected="a folder with the key of a server",
            seen="no key.pem in it",
            where=f"--state {state}",
            remedy="Check the path; the key is made on the first start of evenfall server "
            "--listen ADDR:PORT.",
        ) from error
    except OSError:
        return  # it says so itself when it is read


async def _serve(
    settings: Settings, where: tuple[str, int], state: Path, looks: LookPolicy, ndt7: str
) -> None:
    from evenfall.server import Ndt7, serve_pairs

    stop = asyncio.Event()
    async with serve_pairs(listen=where, state=state, looks=looks, ndt7=Ndt7(ndt7)) as service:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        _announce(settings, service)
        await stop.wait()
    click.echo("Stopped.", err=True)


def _announce(settings: Settings, service: PairService) -> None:
    """Print the lines for a target file, and what has to be filled in."""
    everywhere = ipaddress.ip_address(service.address).is_unspecified
    host = "YOUR-ADDRESS" if everywhere else _bracketed(service.address)
    url = f"https://{host}:{service.port}"
    if settings.json:
        event = {
            "kind": "server",
            "schema": _SERVER_EVENT_SCHEMA,
            "address": service.address,
            "port": service.port,
            "url": None if everywhere else url,
            "pin": service.pin,
        }
        click.echo(to_json_line(event))
    else:
        click.echo(f'[[server]]\nurl = "{url}"\npin = "{service.pin}"')
    if everywhere:
        click.echo(
            "Write this machine's public address or name in place of YOUR-ADDRESS.", err=True
        )
    click.echo(
        f"Listening on {_bracketed(service.address)}:{service.port}; no log is kept of who "
        "connects. Paste the lines above into a target file. Ctrl-C stops.",
        err=True,
    )


def _say_plan(
    settings: Settings, where: tuple[str, int], state: Path, looks: LookPolicy, ndt7: str
) -> None:
    from evenfall.server import Limits

    limits = Limits()
    address = f"{_bracketed(where[0])}:{where[1]}"
    if settings.json:
        plan = {
            "kind": "plan",
            "listen": address,
            "bytes_per_minute": limits.bytes_per_minute,
            "looks_at": sorted(looks.hosts.hosts),
            "ndt7": ndt7,
        }
        click.echo(to_json_line(plan))
    click.echo(
        f"Would listen on {address} with the key in {state}, and send only what is asked for over "
        f"a completed TLS connection: at most {limits.bytes_per_minute // 2**20} MiB a minute to "
        f"one address, {limits.transfers} transfers at a time. {_looks_words(looks)} Speed tests: "
        f"{_NDT7_WORDS[ndt7]}, {limits.ndt7_bytes // 2**20} MiB each at most. Nothing was "
        "sent or written.",
        err=True,
    )


def _looks_words(looks: LookPolicy) -> str:
    from evenfall.server.outside_look import BODY_BYTES_MAX, LOOK_S

    count = len(looks.hosts.hosts)
    if not count:
        return "It would look at no site for others."
    return (
        f"If a probe asks, it would visit public addresses of the {count} names on its list, at "
        f"most {BODY_BYTES_MAX // 1024} KiB and {LOOK_S:g} s each, and hand on figures only."
    )


def _address_and_port(listen: str) -> tuple[str, int]:
    """Split `ADDR:PORT` or `[ADDR]:PORT`.

    Raises:
        UsageError: it is neither.
    """
    address, _, port = listen.rpartition(":")
    bracketed = address.startswith("[") and address.endswith("]")
    bare = address[1:-1] if bracketed else address
    is_port = port.isascii() and port.isdigit() and int(port) <= _PORT_MAX
    if bare and is_port and (bracketed or ":" not in bare):
        return bare, int(port)
    raise UsageError(
        expected="ADDR:PORT with a port of at most 65535, as 0.0.0.0:8443 or [::]:8443",
        seen=repr(listen),
        where="--listen",
        remedy="Put an IPv6 address in square brackets.",
    )


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
