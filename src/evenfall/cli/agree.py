"""Consent before the first packet: the language, the risk text, whom it concerns, and the question.

On a terminal a person is asked once for each version of the risk text, in the language of their
choice; that language is kept with the consent, and spoken the next time. `--yes` agrees for one
run. In a lab network nobody is asked, because no packet can reach anybody.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
import msgspec

from evenfall.cli.options import Settings
from evenfall.cli.screen import Screen
from evenfall.model.errors import UsageError

if TYPE_CHECKING:
    from evenfall.model.target import TargetList

__all__ = ["agree"]

_ASKED_MAX = 5
"""Questions in a row; who answers none of them with yes has not agreed."""


def agree(targets: TargetList, settings: Settings, *, yes: bool, where: str = "check") -> Settings:
    """Return only if there is consent; the settings come back in the language that was chosen.

    Args:
        targets: whom it concerns.
        settings: the language, and the store folder in which consent is kept.
        yes: `--yes` was given.
        where: the command that asks, for its messages.

    Raises:
        UsageError: nobody to ask, and no `--yes`.
        click.Abort: the person did not agree.
    """
    from evenfall.probe.consent import is_lab_network, recorded_consent
    from evenfall.text.consent import RISK_VERSION, risk_text

    if yes:
        Screen(settings, err=True).paragraphs(risk_text(settings.language))
        if not is_lab_network(targets):
            _remember(settings, how="yes")
        return settings
    if is_lab_network(targets):
        return settings
    earlier = recorded_consent(settings.store)
    if earlier is not None and earlier.version == RISK_VERSION:
        return _in_language(settings, earlier.language)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            expected="consent before the first packet",
            seen="no terminal to ask on, and no --yes",
            where=f"evenfall {where}",
            remedy="Read the risk text (docs/check.md), then add --yes.",
        )
    settings = _ask_language(settings)
    Screen(settings, err=True).paragraphs(risk_text(settings.language))
    _ask(targets, settings)
    _remember(settings, how="terminal")
    return settings


def _in_language(settings: Settings, language: str) -> Settings:
    return (
        settings
        if settings.language_given
        else msgspec.structs.replace(settings, language=language, language_given=True)
    )


def _ask_language(settings: Settings) -> Settings:
    """Which language, if none was given; Enter takes that of the locale."""
    from evenfall.text.consent import LANGUAGE_QUESTION, LANGUAGE_WORDS

    if settings.language_given:
        return settings
    typed = _typed(f"{LANGUAGE_QUESTION} ({settings.language})")
    return _in_language(settings, LANGUAGE_WORDS.get(typed, settings.language))


def _ask(targets: TargetList, settings: Settings) -> None:
    from evenfall.text.consent import ADDRESS_WORDS, QUESTION, YES_WORDS, whom_words
    from evenfall.text.words import service_words

    screen = Screen(settings, err=True)
    services = dict.fromkeys(service_words(site.service) for site in targets.targets)
    screen.head(whom_words(list(services), len(targets.controls), len(targets.servers)))
    for _ in range(_ASKED_MAX):
        typed = _typed(screen.speech.say(QUESTION))
        if typed in YES_WORDS:
            return
        if typed not in ADDRESS_WORDS:
            break
        for line in _addresses(targets):
            screen.text(f"  {line}")
    raise click.Abort


def _addresses(targets: TargetList) -> list[str]:
    """Every page, resolver and server, as it stands in the list."""
    resolvers = (targets.resolver, targets.public_resolver, targets.doh)
    pages = [site.url for site in (*targets.targets, *targets.controls)]
    return [*filter(None, resolvers), *pages, *(server.url for server in targets.servers)]


def _typed(question: str) -> str:
    answer = click.prompt(question, default="", show_default=False, err=True)
    return str(answer).strip().lower()


def _remember(settings: Settings, *, how: str) -> None:
    """Keep what a person typed; of `--yes`, which counts for one run, the version alone."""
    import time

    from evenfall.probe.consent import Consent, store_consent
    from evenfall.text.consent import RISK_VERSION, not_kept_words

    consent = Consent(
        version=RISK_VERSION,
        language=settings.language,
        given_us=time.time_ns() // 1000,
        how=how,
    )
    try:
        store_consent(settings.store, consent)
    except OSError as error:
        Screen(settings, err=True).line(not_kept_words(str(settings.store), str(error.strerror)))
