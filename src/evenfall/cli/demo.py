"""`evenfall demo`: one emulated evening, a fortnight of nights, the page, and then the truth."""

from __future__ import annotations

import shutil
import tempfile
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evenfall.cli.options import EvenfallCommand, Settings, settings_of
from evenfall.model.encoding import to_json_line
from evenfall.model.errors import LabError, UsageError

if TYPE_CHECKING:
    from evenfall.infer.evening import Stretch
    from evenfall.lab.demo import Fortnight
    from evenfall.lab.evening_probe import PairLine

__all__ = ["command"]

_COLUMNS_MAX = 100


@click.command(
    "demo",
    cls=EvenfallCommand,
    help="One emulated evening, a fortnight of nights, and the page; then the truth beside them. "
    "At most two minutes; everything is SIMULATED and nothing leaves this machine.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Draws window, services, depth and mechanism; 0 is the known evening of 20:00–22:00.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for measurements, findings and pages [else a new temporary one].",
)
@click.option("--backend", default="auto", show_default=True, help="auto, netns or loopback.")
@click.option("--no-evening", is_flag=True, help="Leave the emulated evening out: a few seconds.")
@click.pass_context
def command(
    ctx: click.Context, seed: int, out: Path | None, backend: str, no_evening: bool
) -> None:
    """Play, judge, write, and only then open the truth."""
    settings = settings_of(ctx)
    if settings.plan:
        click.echo("Nothing leaves this machine: the networks are emulated on it.", err=True)
        return
    from evenfall.lab.demo import compare, fortnight, seal, write_pages
    from evenfall.lab.demo_words import opening, truth_lines

    say = _Voice(settings)
    folder = _folder(out)
    sealed = seal(seed, folder)
    say.lines(opening(seed, sealed.sha256))
    stretches = None if no_evening else _evening(say, seed, folder, backend)
    say.lines(["", "2. A fortnight of nights from the generator, judged as any history is."])
    found = fortnight(seed, folder)
    _say_fortnight(say, found)
    pages = write_pages(found, folder)
    say.lines(["", f"3. The page: {pages[0]}" if pages else "3. No page: nothing was measured."])
    say.lines(["", "4. The findings are on the disk; the sealed truth is opened."])
    comparison = compare(sealed, found, stretches)
    say.lines(truth_lines(comparison))
    say.row(comparison)
    say.row({"kind": "demo", "seed": seed, "folder": str(folder), "pages": [str(p) for p in pages]})
    if pages:
        click.echo(f"\nOpen {pages[0]}", err=settings.json)


class _Voice:
    """Human lines to stdout, or to stderr while stdout carries JSON."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._columns = min(shutil.get_terminal_size().columns, _COLUMNS_MAX)

    def lines(self, lines: Iterable[str]) -> None:
        """Print lines, each broken at the terminal's width; nothing with --quiet."""
        if self.settings.verbosity < 0:
            return
        for line in lines:
            indent = len(line) - len(line.lstrip())
            broken = textwrap.wrap(
                line,
                self._columns,
                subsequent_indent=" " * (indent + 2),
                break_long_words=False,
                break_on_hyphens=False,
                drop_whitespace=True,
                replace_whitespace=False,
                expand_tabs=False,
            )
            click.echo("\n".join(broken), err=self.settings.json)

    def row(self, value: object) -> None:
        """Print one JSON line, with --json alone."""
        if self.settings.json:
            click.echo(to_json_line(value))


def _evening(
    say: _Voice, seed: int, folder: Path, backend: str
) -> dict[str, Stretch | None] | None:
    """Part one; None where this machine cannot emulate a network at all."""
    from evenfall.lab.demo import evening
    from evenfall.lab.demo_words import Rows, evening_head, stretch_words

    rows = Rows()
    counts: dict[str, int] = {}

    def on_pair(pair: PairLine) -> None:
        if not pair.target.is_null_pair:
            counts[pair.target.service] = counts.get(pair.target.service, 0) + 1
        if (line := rows.add(pair)) is not None:
            say.lines([line])

    say.lines([""])
    try:
        found = evening(
            seed,
            folder,
            backend=backend,
            on_pair=on_pair,
            on_backend=lambda name: say.lines(evening_head(name)),
        )
    except LabError as error:
        if backend != "auto":
            raise
        say.lines([f"1. The evening is left out: {error}"])
        return None
    say.lines([line for line in (rows.flush(),) if line])
    for service, stretch in found.items():
        say.lines(["   " + stretch_words(service, stretch, counts.get(service, 0))])
        say.row({"kind": "demo_evening", "service": service, "stretch": stretch})
    say.lines(["   One evening is no pattern: it takes five nights or more to speak of one."])
    return found


def _say_fortnight(say: _Voice, found: Fortnight) -> None:
    from evenfall.text.nights import answer, facts, plain

    curfew_of = {(c.service, c.network): c for c in found.curfews}
    for finding in found.findings:
        curfew = curfew_of.get((finding.service, finding.network))
        say.lines(["   " + plain(answer(finding, curfew))])
        if curfew is not None:
            figures = "; ".join(f"{f.figure} ({f.basis})" for f in facts(finding, curfew))
            say.lines([f"      {figures}"])
            say.row(curfew)
        say.row(finding)


def _folder(out: Path | None) -> Path:
    """A folder of the demonstration's own: new, or empty.

    Raises:
        UsageError: it cannot be made, or holds something already.
    """
    if out is None:
        return Path(tempfile.mkdtemp(prefix="evenfall-demo-"))
    try:
        out.mkdir(parents=True, exist_ok=True)
        holds = any(out.iterdir())
    except OSError as error:
        seen = (error.strerror or str(error)).lower()
        raise _refused(out, seen) from error
    if holds:
        raise _refused(out, "a folder with something in it")
    return out.resolve()


def _refused(out: Path, seen: str) -> UsageError:
    return UsageError(
        expected="a new or empty folder that can be written",
        seen=seen,
        where=f"--out {out}",
        remedy="Name another one, or leave --out away.",
    )
