"""The commands: reads options once and passes them down; every command is a few lines.

One file a command, loaded only when it is asked for, so that `evenfall --help` imports neither
numpy nor duckdb. The table below is the list of commands that the documentation test reads.
Global options are accepted before and after the subcommand.
"""

from __future__ import annotations

import errno
import os
import sys

import click

from evenfall.cli.options import EvenfallGroup, missing_extra
from evenfall.model.errors import EvenfallError

__all__ = ["COMMANDS", "cli", "main"]

COMMANDS: dict[str, tuple[str, str]] = {
    # name: (module, one line for --help)
    "check": ("check", "Is it me, my line, the site, or is this service being slowed?"),
    "triage": ("triage", "For an ISP's staff: our network, this name, or the service itself?"),
    "nights": ("nights", "The carpet of local hours and nights, in the terminal."),
    "show": ("show", "What was measured around one moment, or in one night."),
    "quote": ("quote", "One true sentence that can be printed, for each service."),
    "report": ("report", "One self-contained page about a service on a network."),
    "export": ("export", "What was measured and found, for other programs to read."),
    "import": ("import_table", "Read somebody's history into the store."),
    "analyze": ("analyze", "Which services have a curfew, on which networks, at which hours."),
    "events": ("events", "Rulings, orders, requests, broadcasts: a register, beside the nights."),
    "server": ("server", "Run a measurement server for paired transfers."),
    "lab": ("lab", "Emulated networks with known truth."),
    "demo": ("demo", "One emulated evening, a fortnight of nights, and the page."),
}


@click.group(cls=EvenfallGroup, commands_table=COMMANDS)
def cli() -> None:
    """Find out, prove and document internet curfews."""


def main() -> None:
    """Entry point: run a command; an error of ours is one clear message, never a traceback."""
    try:
        status = cli.main(standalone_mode=False)
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except (click.exceptions.Abort, KeyboardInterrupt):
        sys.exit(130)
    except click.ClickException as error:
        error.show(sys.stderr)
        sys.exit(2 if isinstance(error, click.UsageError) else error.exit_code)
    except EvenfallError as error:
        _say(error)
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        # A command that imports an optional library only when it gets there.
        named = missing_extra(" ".join(sys.argv[1:2]), error)
        if named is error:
            raise
        _say(named)
        sys.exit(1)
    except BrokenPipeError:
        _leave_output()  # The reader of our output went away; that is its right.
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EIO):
            raise
        _say(f"the output could not be written: {error.strerror}. What was stored before, is.")
        _leave_output()
    sys.exit(status if isinstance(status, int) else 0)


def _say(what: object) -> None:
    click.echo(f"evenfall: {what}", err=True)


def _leave_output() -> None:
    """Exit with status 1 without letting Python flush into what cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)
