"""Global options: where they may stand, which wins, and what happens to a broken output."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from evenfall.cli import cli
from evenfall.cli.options import EvenfallCommand, EvenfallGroup, Settings, settings_of


def run(*arguments: str, **kwargs: object) -> subprocess.CompletedProcess[str]:
    """The program as a person starts it."""
    return subprocess.run(
        [sys.executable, "-m", "evenfall.cli", *arguments],
        capture_output="stdout" not in kwargs, text=True, check=False, **kwargs,
    )  # fmt: skip


def settings(*arguments: str) -> Settings:
    """What the options come to for a command that does nothing else."""
    seen: list[Settings] = []

    @click.command("look", cls=EvenfallCommand)
    @click.pass_context
    def look(ctx: click.Context) -> None:
        seen.append(settings_of(ctx))

    group = EvenfallGroup("evenfall", commands=[look])
    group.main(list(arguments), standalone_mode=False)
    return seen[0]


def test_an_option_counts_before_and_after_the_command() -> None:
    """Both places work, and the later one wins."""
    assert settings("--json", "look").json
    assert settings("look", "--json").json
    assert settings("--tz", "UTC", "look", "--tz", "Asia/Almaty").timezone == "Asia/Almaty"


def test_flag_beats_environment_beats_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearer to the person, the stronger."""
    file = tmp_path / "evenfall.toml"
    file.write_text('store = "/from/file"\ntz = "Asia/Aqtobe"\nlang = "kk"\n')
    told = ("--config", str(file), "look")
    assert settings(*told).store == Path("/from/file")
    assert settings(*told).timezone == "Asia/Aqtobe"
    assert settings(*told).language == "kk"
    monkeypatch.setenv("EVENFALL_STORE", "/from/environment")
    assert settings(*told).store == Path("/from/environment")
    assert settings(*told, "--store", "/from/flag").store == Path("/from/flag")


@pytest.mark.parametrize("content", ['stroe = "x"', "store = 5", "not toml", 'lang = "xx"'])
def test_a_wrong_configuration_is_a_usage_error(tmp_path: Path, content: str) -> None:
    """A misspelt key is not ignored, and the message names the file."""
    file = tmp_path / "evenfall.toml"
    file.write_text(content)
    done = run("--config", str(file), "nights")
    assert done.returncode == 2
    assert str(file) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_output_is_one_message(tmp_path: Path) -> None:
    """Writing into a full device ends with status 1 and no traceback."""
    if not os.access("/dev/full", os.W_OK):
        pytest.skip("not run: no /dev/full here")
    with Path("/dev/full").open("w") as full:
        done = run("lab", "list", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert "could not be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_zone_is_a_usage_error() -> None:
    """A wrong zone would shift every evening; it is refused."""
    done = run("--tz", "Asia/Almatty", "--store", "/nonexistent", "nights")
    assert done.returncode == 2
    assert "IANA" in done.stderr


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    """Without duckdb the command says which extra to install, whenever it is imported."""
    code = (
        "import sys\nsys.modules['duckdb'] = None\n"
        "from evenfall.cli import main\n"
        f"sys.argv = ['evenfall', '--store', {str(tmp_path)!r}, 'lab', 'synth', 'null_clean']\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "evenfall[analysis]" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_command_takes_the_global_options() -> None:
    """No command was made without them."""
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        assert "--json" in {option for p in command.params for option in p.opts}, name
