"""`evenfall report`: one self-contained page about a service on a network."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import re
from pathlib import Path

import click

from evenfall.cli.options import EvenfallCommand, Settings, settings_of
from evenfall.model.encoding import to_json_line

__all__ = ["command"]


@click.command(name="report", cls=EvenfallCommand)
@click.argument("service")
@click.option("--network", default="", help="Which network, if the service was seen on several.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Where to write the page [else evenfall-SERVICE-NETWORK.html here].",
)
@click.pass_context
def command(ctx: click.Context, service: str, network: str, out: Path | None) -> None:
    """Write one self-contained page about SERVICE: no script, nothing fetched, fit to print."""
    from evenfall.report.gather import gather, page_of, pick
    from evenfall.report.page import build_page
    from evenfall.report.whole_file import write_whole
    from evenfall.store import open_store
    from evenfall.text.nights import answer, plain

    settings = settings_of(ctx)
    if settings.plan:
        click.echo("Nothing is sent: this command reads the store and writes one file.", err=True)
        return
    with open_store(settings.store, write=False) as store:
        judged = gather(store, zone=settings.timezone or "UTC")
        subject = pick(judged, service, network)
        page = page_of(store, judged, subject, made_local=f"{dt.date.today():%Y-%m-%d}")  # noqa: DTZ011  (the reader's day)
    text = build_page(page)
    path = out or Path(_file_name(subject.finding.service, subject.finding.network))
    write_whole(path, text.encode())
    _say(settings, path, text, plain(answer(subject.finding, subject.curfew)))


def _say(settings: Settings, path: Path, text: str, sentence: str) -> None:
    raw = text.encode()
    light = len(gzip.compress(raw, mtime=0))
    if settings.json:
        row = {
            "kind": "report",
            "path": str(path),
            "bytes": len(raw),
            "gzip_bytes": light,
            "sha256": hashlib.sha256(raw).hexdigest(),
            "sentence": sentence,
        }
        click.echo(to_json_line(row))
        return
    if settings.verbosity >= 0:
        click.echo(sentence)
    click.echo(f"{path}  ({light / 1000:.0f} kB gzipped)")


def _file_name(service: str, network: str) -> str:
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{service}-{network}").strip("-")
    return f"evenfall-{safe or 'page'}.html"
