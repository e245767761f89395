"""Documentation is tested: what exists is described, and what is generated is current."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from evenfall.cli import COMMANDS, cli
from evenfall.infer.ruleset import RULES
from evenfall.model.vocabulary import (
    FAILURES,
    MECHANISMS,
    Answer,
    ClaimLevel,
    Explanation,
    Scope,
    State,
)


def all_docs(repository: Path) -> str:
    """README and everything under docs/, as one text."""
    pages = [repository / "README.md", *sorted((repository / "docs").rglob("*.md"))]
    return "\n".join(page.read_text() for page in pages)


def commands(group: click.Group, prefix: str = "") -> list[tuple[str, click.Command]]:
    """Every command and subcommand with its full name."""
    context = click.Context(group)
    found: list[tuple[str, click.Command]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        found.append((f"{prefix}{name}", command))
        if isinstance(command, click.Group):
            found += commands(command, f"{prefix}{name} ")
    return found


def test_generated_documents_are_current(repository: Path) -> None:
    """Whoever changes the model runs `python docs/make.py`."""
    spec = importlib.util.spec_from_file_location("docs_make", repository / "docs" / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for path, content in module.generated().items():
        assert path.read_bytes() == content, f"{path.name} is stale: run python docs/make.py"


def test_every_command_and_option_is_documented(repository: Path) -> None:
    """A command or option that stands in no document does not exist for its user."""
    text = all_docs(repository)
    for name, command in commands(cli):
        assert f"evenfall {name}" in text or f"`{name}`" in text, f"command {name}"
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                option = max(parameter.opts, key=len)
                assert option in text, f"{name} {option}"


def test_every_command_has_one_line_of_help() -> None:
    """`evenfall --help` says in one line what each command is for."""
    for name, (_, line) in COMMANDS.items():
        assert line.endswith((".", "?")), name


@pytest.mark.parametrize(
    "words",
    [MECHANISMS, FAILURES, RULES, State, Scope, Answer, Explanation, ClaimLevel],
    ids=["mechanisms", "failures", "rules", "states", "scopes", "answers", "rivals", "claims"],
)
def test_every_word_is_documented(repository: Path, words: object) -> None:
    """Each mechanism, failure code, rule id, state, scope, answer and claim level is in docs/."""
    text = all_docs(repository)
    assert words, "an empty vocabulary would make this test pass without looking"
    for word in words:  # type: ignore[attr-defined]  # (narrower)
        assert f"`{word}`" in text, f"{word} is in no document"


def test_help_is_light() -> None:
    """`--help` loads none of the heavy libraries: a person on a slow machine waits for nothing."""
    heavy = ("numpy", "scipy", "duckdb", "cryptography", "dns", "jinja2")
    code = (
        "import sys\nsys.argv=['evenfall','--help']\nfrom evenfall.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        f"print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "check" in done.stdout


def test_links_between_documents_lead_somewhere(repository: Path) -> None:
    """Every relative link in README and docs/ names a file that is there."""
    for page in [repository / "README.md", *(repository / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_decisions_have_their_parts(repository: Path) -> None:
    """Each decision record has a status, a date, a question, a decision and what was cut."""
    records = sorted((repository / "docs" / "decisions").glob("[0-9]*.md"))
    assert len(records) >= 5
    for number, record in enumerate(records, start=1):
        text = record.read_text()
        assert record.name.startswith(f"{number:04d}-"), record.name
        for part in ("Status:", "Date:", "## Question", "## Decision", "## Cut"):
            assert part in text, f"{record.name}: no {part}"


def test_changelog_puts_changed_verdicts_first(repository: Path) -> None:
    """Whoever relies on verdicts reads first which of them changed."""
    text = (repository / "CHANGELOG.md").read_text()
    sections = re.findall(r"^### (.+)$", text, flags=re.MULTILINE)
    assert sections[0] == "Verdicts changed"
