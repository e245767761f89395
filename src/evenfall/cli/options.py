"""Global options (before and after the subcommand) and the lazily loaded group."""

from __future__ import annotations

import importlib
import math
import os
from pathlib import Path
from typing import Any

import click
import msgspec

from evenfall import __version__
from evenfall.cli.config import Config, read_config
from evenfall.model.errors import MissingExtra, UsageError
from evenfall.text.speech import LANGUAGES, language_of_locale

__all__ = [
    "LANGUAGES",
    "EvenfallCommand",
    "EvenfallGroup",
    "Megabits",
    "Settings",
    "missing_extra",
    "settings_of",
]


_MBIT_MAX = 1e6


class Megabits(click.FloatRange):
    """A speed in Mbit/s: above 0, and no more than a terabit, which nobody's line has."""

    name = "Mbit/s"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True, max=_MBIT_MAX)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As a range does; "nan" is below and above nothing, and no number."""
        speed = super().convert(value, param, ctx)
        if not math.isfinite(speed):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return speed


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The global options, read once.

    Attributes:
        json: stdout carries JSON Lines and nothing else; human text goes to stderr.
        language: of the sentences; `language_given` if it was chosen, and not guessed from the
            locale.
        plan: say what would be sent; send nothing.
        timezone: IANA name given with --tz, or empty: the machine's.
        store: the store folder (need not exist yet).
        verbosity: −1 quiet, 0 normal, 1 and more: more.
    """

    json: bool = False
    language: str = "en"
    language_given: bool = False
    timezone: str = ""
    store: Path
    plan: bool = False
    color: bool = True
    verbosity: int = 0
    config: str = ""


def _global_options() -> list[click.Option]:
    # Defaults are None so that the subcommand's value, if given, wins over the group's.
    return [
        click.Option(
            ["--json", "json_"],
            is_flag=True,
            default=None,
            help="JSON Lines on stdout, human text on stderr.",
        ),
        click.Option(
            ["--lang", "lang"],
            type=click.Choice(LANGUAGES),
            default=None,
            help="Language of the sentences [else that of the locale].",
        ),
        click.Option(["--tz", "tz"], default=None, help="IANA time zone, as Asia/Almaty."),
        click.Option(
            ["--store", "store"],
            type=click.Path(path_type=Path),
            default=None,
            help="Store folder [else $EVENFALL_STORE].",
        ),
        click.Option(
            ["--plan", "plan"],
            is_flag=True,
            default=None,
            help="Say what would be sent, to whom, how many bytes; send nothing.",
        ),
        click.Option(
            ["--no-color", "no_color"],
            is_flag=True,
            default=None,
            help="No colours (also $NO_COLOR).",
        ),
        click.Option(["-q", "--quiet", "quiet"], is_flag=True, default=None, help="Say less."),
        click.Option(["-v", "--verbose", "verbose"], count=True, default=None, help="Say more."),
        click.Option(["--config", "config"], default=None, help="Configuration file (TOML)."),
    ]


_GLOBAL_NAMES = (
    "json_",
    "lang",
    "tz",
    "store",
    "plan",
    "no_color",
    "quiet",
    "verbose",
    "config",
)


def _collect(ctx: click.Context) -> None:
    """Move the global options out of the command's parameters into the context's own table."""
    table: dict[str, Any] = ctx.ensure_object(dict)
    for name in _GLOBAL_NAMES:
        value = ctx.params.pop(name, None)
        if value is not None and value != 0:
            table[name] = value
    if "config" in table and "config_read" not in table:
        table["config_read"] = read_config(table["config"])


class EvenfallCommand(click.Command):
    """A command that takes the global options too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params = [*self.params, *_global_options()]

    def invoke(self, ctx: click.Context) -> Any:
        """Collect the global options, then run the command."""
        _collect(ctx)
        return super().invoke(ctx)


class EvenfallGroup(click.Group):
    """A group whose commands are imported when they are asked for, and not before.

    Args:
        commands_table: name → (module in `evenfall.cli`, one line of help).
    """

    command_class = EvenfallCommand

    def __init__(
        self, *args: Any, commands_table: dict[str, tuple[str, str]] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.commands_table = commands_table or {}
        self.params = [*self.params, *_global_options()]
        if commands_table is not None:
            self.params.append(
                click.Option(
                    ["--version"],
                    is_flag=True,
                    is_eager=True,
                    expose_value=False,
                    callback=_print_version,
                    help="Print the version.",
                )
            )

    def invoke(self, ctx: click.Context) -> Any:
        """Collect the global options, then go on to the subcommand."""
        _collect(ctx)
        return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, without importing any."""
        return [*self.commands_table, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of the command asked for."""
        if cmd_name not in self.commands_table:
            return super().get_command(ctx, cmd_name)
        module_name, _ = self.commands_table[cmd_name]
        try:
            module = importlib.import_module(f"evenfall.cli.{module_name}")
        except ModuleNotFoundError as error:
            raise missing_extra(cmd_name, error) from error
        command = module.command
        assert isinstance(command, click.Command)  # noqa: S101  (a mistake of ours, not of a user)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, so that help imports none of them."""
        if not self.commands_table:
            super().format_commands(ctx, formatter)
            return
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.commands_table.items()])


_EXTRA_OF_MODULE = {
    "duckdb": "analysis",
    "icalendar": "analysis",
    "numpy": "analysis",
    "isal": "analysis",
    "jinja2": "report",
}


def missing_extra(command: str, error: ModuleNotFoundError) -> Exception:
    """The error that names the extra, where a module of one is missing; else `error` itself."""
    name = (error.name or "").split(".", 1)[0]
    if name not in _EXTRA_OF_MODULE:
        return error
    return MissingExtra(command=f"evenfall {command}", extra=_EXTRA_OF_MODULE[name], module=name)


def settings_of(ctx: click.Context) -> Settings:
    """The global options as one frozen value: flag, else environment, else file, else default.

    Raises:
        UsageError: a time zone that is not in the zone database, or a language we do not speak.
    """
    table: dict[str, Any] = ctx.ensure_object(dict)
    config: Config = table.get("config_read", Config())
    chosen = table.get("lang") or config.lang
    language = chosen or language_of_locale(os.environ)
    if language not in LANGUAGES:
        raise UsageError(
            expected=f"one of {', '.join(LANGUAGES)}",
            seen=repr(language),
            where=f"lang in {table.get('config', '--lang')}",
            remedy="Choose one of these.",
        )
    return Settings(
        json=table.get("json_", False),
        language=language,
        language_given=bool(chosen),
        timezone=_known_zone(table.get("tz") or config.tz),
        store=Path(table.get("store") or _default_store(config.store)),
        plan=table.get("plan", False),
        color=not table.get("no_color", False) and "NO_COLOR" not in os.environ,
        verbosity=-1 if table.get("quiet") else table.get("verbose", 0),
        config=table.get("config", ""),
    )


def _known_zone(timezone: str) -> str:
    if not timezone:
        return ""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UsageError(
            expected="an IANA zone name such as Asia/Almaty",
            seen=repr(timezone),
            where="--tz",
            remedy="Names are listed in the tz database's zone1970.tab.",
        ) from error
    return timezone


def _default_store(configured: str) -> Path:
    if named := os.environ.get("EVENFALL_STORE") or configured:
        return Path(named)
    data_home = os.environ.get("XDG_DATA_HOME")
    return (Path(data_home) if data_home else Path.home() / ".local" / "share") / "evenfall"


def _print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"evenfall {__version__}")
        ctx.exit()
