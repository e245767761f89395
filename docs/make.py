"""Writes the generated documents: `python docs/make.py`. A test compares them with the code."""

from __future__ import annotations

from pathlib import Path

import click

from evenfall.cli import cli
from evenfall.infer.ruleset import RULES, RULESET
from evenfall.model.dictionary import data_dictionary, json_schemas

DOCS = Path(__file__).resolve().parent


def generated() -> dict[Path, bytes]:
    """Path → bytes of every generated document."""
    schemas = {
        DOCS / "schema" / f"{kind}.json": schema + b"\n" for kind, schema in json_schemas().items()
    }
    return {
        DOCS / "data-dictionary.md": data_dictionary().encode(),
        DOCS / "rules.md": rules().encode(),
        DOCS / "cli.md": commands().encode(),
        **schemas,
    }


def rules() -> str:
    """The rules that may decide, with their ids."""
    head = (
        f"# Rules (ruleset {RULESET})\n\nGenerated from `src/evenfall/infer/ruleset.py`. "
        "An id is a public contract: it is never re-meant.\n\n| rule | decides |\n|---|---|\n"
    )
    return head + "".join(f"| `{rule}` | {what} |\n" for rule, what in sorted(RULES.items()))


def commands() -> str:
    """Every command with its options, as `--help` prints them."""
    head = (
        "# Commands\n\nGenerated from the program's own `--help`. Global options\n"
        "(`--json`, `--lang`, `--tz`, `--store`, `--plan`, `--no-color`, `--quiet`, `--verbose`,\n"
        "`--config`) are accepted before and after the subcommand.\n\n"
        "`--config FILE` names a TOML file with defaults: `store`, `lang`, `tz`. A flag wins\n"
        "over the environment (`EVENFALL_STORE`, `XDG_DATA_HOME`, `NO_COLOR`), then the file.\n"
        "Exit status: 0 it ran, whatever it found; 1 error; 2 usage; 130 interrupted.\n"
    )
    return head + "".join(_help_of(cli, "evenfall"))


def _help_of(command: click.Command, name: str) -> list[str]:
    context = click.Context(command, info_name=name, max_content_width=92, terminal_width=92)
    parts = [f"\n## `{name}`\n\n```\n{command.get_help(context)}\n```\n"]
    if isinstance(command, click.Group):
        for child_name in command.list_commands(context):
            child = command.get_command(context, child_name)
            if child is not None:
                parts += _help_of(child, f"{name} {child_name}")
    return parts


def main() -> None:
    """Write them all."""
    for path, content in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    main()
