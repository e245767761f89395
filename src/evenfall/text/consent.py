"""The risk text and the questions before the first packet, with a version.

Whoever changes what a risk text says raises `RISK_VERSION`; who agreed to an older version is asked
again. The Kazakh text awaits a native editor.
"""

from __future__ import annotations

from importlib.resources import files

from evenfall.model.saying import Saying, say, say_n
from evenfall.text.words import joined

__all__ = [
    "ADDRESS_WORDS",
    "LANGUAGE_QUESTION",
    "LANGUAGE_WORDS",
    "QUESTION",
    "RISK_VERSION",
    "YES_WORDS",
    "not_kept_words",
    "risk_text",
    "whom_words",
]

RISK_VERSION = "2026-11-4"

LANGUAGE_QUESTION = "Язык / Тіл / Language:  [р]усский  [қ]азақша  [e]nglish"
"""Asked first, in all three; never translated."""

LANGUAGE_WORDS = {
    **dict.fromkeys(("р", "r", "ru", "русский", "рус"), "ru"),
    **dict.fromkeys(("қ", "к", "k", "kk", "қазақша", "казакша", "қаз"), "kk"),
    **dict.fromkeys(("e", "en", "е", "english"), "en"),
}
"""What a person may type → language; Latin and Cyrillic letters that look alike both count."""

QUESTION = say("Start? [y] yes  [N] no  [a] show the addresses")
"""Asked on a terminal before the first packet. The default is no."""

YES_WORDS = frozenset({"y", "yes", "д", "да", "и", "иә", "ия"})
ADDRESS_WORDS = frozenset({"a", "а", "м"})


def whom_words(services: list[str], neutral: int, servers: int) -> Saying:
    """Which services are opened, and with how many others they are compared.

    Args:
        services: names as people say them, each once.
        neutral: how many neutral sites.
        servers: how many measurement servers.
    """
    opened = say_n(
        "This time: {services}; to compare, {n} neutral site.",
        "This time: {services}; to compare, {n} neutral sites.",
        neutral,
        services=joined(services),
    )
    if not servers:
        return opened
    return say_n(
        "{opened} Paired transfers: {n} measurement server.",
        "{opened} Paired transfers: {n} measurement servers.",
        servers,
        opened=opened,
    )


def not_kept_words(where: str, why: str) -> Saying:
    """The store folder could not be written; the check goes on all the same."""
    return say(
        "Your consent could not be kept in {where} ({why}); you will be asked again.",
        where=where,
        why=why,
    )


def risk_text(language: str) -> str:
    """The risk text in a language; English where there is no other."""
    risk = files("evenfall.text").joinpath("risk")
    text = risk.joinpath(f"{language}.txt")
    return (text if text.is_file() else risk.joinpath("en.txt")).read_text(encoding="utf-8")
