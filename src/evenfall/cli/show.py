"""`evenfall show WHEN [SERVICE]`: what was measured around a moment, or in one night."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from evenfall.cli.chosen import chosen
from evenfall.cli.options import EvenfallCommand, Settings, settings_of
from evenfall.model.encoding import to_json_line

if TYPE_CHECKING:
    from evenfall.infer.moment import Fared, Moment
    from evenfall.infer.when import Asked
    from evenfall.report.subject import Judged
    from evenfall.store import Store
    from evenfall.text.show import FaredWords, MomentWords

__all__ = ["IDS_SHOWN_MAX", "command"]

IDS_SHOWN_MAX = 4
"""Observation ids that are printed for a service; the rest is counted."""

PARAGRAPHS_MAX = 12
"""Services that are told about at once; the rest is counted."""

SCHEMA = "1.0"


@click.command(name="show", cls=EvenfallCommand)
@click.argument("when")
@click.argument("service", required=False, default="")
@click.option("--network", default="", help="Which network, if the service was seen on several.")
@click.pass_context
def command(ctx: click.Context, when: str, service: str, network: str) -> None:
    """Tell what was measured around WHEN: a local date-time, a time (the last such), or a date.

    A date is that night, from noon to noon. Without SERVICE: a paragraph for each. The zone is that
    of the measurements, or --tz.
    """
    from evenfall.infer.when import asked_of
    from evenfall.store import open_store

    settings = settings_of(ctx)
    asked = asked_of(when)
    if settings.plan:
        click.echo("Nothing is sent: this command reads the store.", err=True)
        return
    with open_store(settings.store, write=False) as store:
        judged = chosen(store, settings, service, network)
        _tell(store, judged, asked, settings)


def _tell(store: Store, judged: Sequence[Judged], asked: Asked, settings: Settings) -> None:
    from evenfall.text.show import clock_note

    looks = [_Look(one, asked, settings.timezone) for one in judged]
    looks.sort(key=lambda look: not look.is_measured)
    if settings.json:
        for look in looks:
            click.echo(to_json_line(look.row(look.ids(store))))
        return
    if any(look.judged.series.simulated for look in looks):
        click.echo("SIMULATED: made by a seeded generator, evidence of nothing.")
    notes = (clock_note(look.note, asked.text, look.zone_name) for look in looks)
    for note in dict.fromkeys(note for note in notes if note):
        click.echo(note)
    for look in looks[:PARAGRAPHS_MAX]:
        look.echo(store, quiet=settings.verbosity < 0)
    if len(looks) > PARAGRAPHS_MAX:
        click.echo(f"{len(looks) - PARAGRAPHS_MAX} more series: name a SERVICE, or use --json.")


class _Look:
    """One series at what was asked."""

    def __init__(self, judged: Judged, asked: Asked, zone_name: str) -> None:
        from evenfall.infer.carpet import axis_for
        from evenfall.infer.localtime import load_zone
        from evenfall.infer.moment import moment_of
        from evenfall.infer.when import stretch_of

        self.judged = judged
        self.zone_name = zone_name or judged.series.timezone
        self.zone = load_zone(self.zone_name)
        windows = judged.curfew.windows if judged.curfew else ()
        self.day_from_h = axis_for(windows)
        stretch = stretch_of(asked, self.zone, last_us=_last_us(judged), day_from_h=self.day_from_h)
        self.moment: Moment = moment_of(
            judged.series,
            stretch,
            windows=windows,
            episodes=judged.curfew.episodes if judged.curfew else (),
            day_from_h=self.day_from_h,
        )
        self.note = str(stretch.note)

    @property
    def is_measured(self) -> bool:
        return self.moment.there.n + self.moment.there.n_untold > 0

    def ids(self, store: Store) -> list[str]:
        """Of all observations it rests on."""
        from evenfall.store.basis import Stretch, observation_ids

        if not self.is_measured:
            return []
        series, stretch = self.judged.series, self.moment.stretch
        wanted = Stretch(
            series.service, series.network, series.simulated, stretch.from_us, stretch.to_us
        )
        networks = None if series.network == "unknown" else [series.network]
        with store.selecting(networks) as connection:
            return observation_ids(connection, wanted)

    def echo(self, store: Store, *, quiet: bool) -> None:
        """The paragraph, and what it rests on."""
        from evenfall.text.show import rests_on

        click.echo(self.sentence())
        if self.is_measured and not quiet:
            ids = self.ids(store)
            click.echo(rests_on(ids[:IDS_SHOWN_MAX], len(ids)))

    def sentence(self) -> str:
        """The paragraph."""
        from evenfall.text.show import nothing_words, paragraph

        if self.is_measured:
            return paragraph(self._words())
        nearest = self.moment.nearest_us
        finding = self.judged.finding
        return nothing_words(
            finding.service,
            finding.network,
            self._when(),
            "" if nearest is None else f"{self._local(nearest)} ({self.zone_name})",
        )

    def row(self, ids: list[str]) -> dict[str, Any]:
        """The JSON row."""
        moment, finding = self.moment, self.judged.finding
        curfew = self.judged.curfew
        return {
            "kind": "moment",
            "service": finding.service,
            "network": finding.network,
            "timezone": self.zone_name,
            "simulated": self.judged.series.simulated,
            "from_us": moment.stretch.from_us,
            "to_us": moment.stretch.to_us,
            "from_local": self._stamp(moment.stretch.from_us),
            "to_local": self._stamp(moment.stretch.to_us),
            "clock_note": self.note or None,
            "basis": str(self.judged.series.basis),
            "there": _fared_row(moment.there),
            "rest_of_night": _fared_row(moment.rest),
            "line": {
                "slower_by": moment.line.slower_by,
                "failed_share": moment.line.failed_share,
                "against": moment.line.against,
                "suffered": moment.line.suffered,
            },
            "nights_same_hours": moment.nights_same,
            "nights_same_hours_bad": moment.nights_same_bad,
            "bad_hours_us": moment.bad_hours,
            "is_bad": moment.is_bad,
            "in_window": bool(moment.windows),
            "in_episode": moment.held if curfew is not None else None,
            "scope": str(curfew.scope) if curfew is not None and moment.is_explained else None,
            "nearest_us": moment.nearest_us,
            "sentence": self.sentence(),
            "observation_ids": ids,
            "schema": SCHEMA,
        }

    def _words(self) -> MomentWords:
        from evenfall.text.show import MomentWords

        moment, finding = self.moment, self.judged.finding
        stretch = moment.stretch
        return MomentWords(
            service=finding.service,
            network=finding.network,
            date=stretch.date.isoformat(),
            weekday=stretch.date.weekday(),
            hours="" if stretch.at_us is None else self._hours(),
            from_noon=self.day_from_h > 0,
            zone=f"{self.zone_name}, {self._offset(stretch.from_us)}",
            basis=str(self.judged.series.basis),
            there=_fared_words(moment.there),
            rest=_fared_words(moment.rest),
            line_slower_by=moment.line.slower_by,
            controls_failed=moment.line.failed_share,
            line_against=moment.line.against,
            line_suffered=moment.line.suffered,
            tells_apart=moment.tells_apart,
            nights_same=moment.nights_same,
            nights_same_bad=moment.nights_same_bad,
            is_bad=moment.is_bad,
            bad_hours=tuple(f"{self._clock(a)} – {self._clock(b)}" for a, b in moment.bad_hours),
            in_window=bool(moment.windows),
            held=moment.held,
            curfew=self.judged.curfew,
        )

    def _when(self) -> str:
        from evenfall.text.words import date_words

        stretch = self.moment.stretch
        date = date_words(stretch.date.isoformat())
        if stretch.at_us is None:
            night = f"in the night of {date}, noon to noon" if self.day_from_h else f"on {date}"
            return f"{night} ({self.zone_name})"
        return f"on {date}, {self._hours()} ({self.zone_name})"

    def _hours(self) -> str:
        stretch = self.moment.stretch
        return f"{self._clock(stretch.from_us)} – {self._clock(stretch.to_us)}"

    def _clock(self, at_us: int) -> str:
        return f"{self._at(at_us):%H:%M}"

    def _local(self, at_us: int) -> str:
        return f"{self._at(at_us):%Y-%m-%d %H:%M}"

    def _stamp(self, at_us: int) -> str:
        return self._at(at_us).isoformat()

    def _at(self, at_us: int) -> dt.datetime:
        return dt.datetime.fromtimestamp(at_us // 1_000_000, self.zone)

    def _offset(self, at_us: int) -> str:
        minutes = int((self._at(at_us).utcoffset() or dt.timedelta()).total_seconds() // 60)
        hours, rest = divmod(abs(minutes), 60)
        sign = "−" if minutes < 0 else "+"
        return f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")


def _last_us(judged: Judged) -> int:
    """The last stamp that a clock can have shown."""
    from evenfall.infer.localtime import EARLIEST_US, LATEST_US

    at = judged.series.started_us
    possible = at[(at >= EARLIEST_US) & (at < LATEST_US)]
    return int(possible.max()) if possible.size else EARLIEST_US


def _fared_words(fared: Fared) -> FaredWords:
    from evenfall.text.show import FaredWords

    return FaredWords(
        n=fared.n,
        n_failed=fared.n_failed,
        n_slow=fared.n_slow,
        n_untold=fared.n_untold,
        slower_by=fared.slower_by,
        target_bps=fared.target_bps,
        control_bps=fared.control_bps,
    )


def _fared_row(fared: Fared) -> dict[str, Any]:
    return {
        "n": fared.n,
        "n_failed": fared.n_failed,
        "n_slow": fared.n_slow,
        "n_untold": fared.n_untold,
        "slower_by": fared.slower_by,
        "target_bps": fared.target_bps,
        "control_bps": fared.control_bps,
        "n_speeds": fared.n_speeds,
    }
