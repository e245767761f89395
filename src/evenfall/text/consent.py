"""The risk text and the question, in three languages, with a version.

Whoever changes what a risk text says raises `RISK_VERSION`; who agreed to an older version is asked
again. The Kazakh text awaits a native editor.
"""

from __future__ import annotations

from importlib.resources import files

__all__ = ["QUESTIONS", "RISK_VERSION", "YES_WORDS", "risk_text"]

RISK_VERSION = "2026-11-2"

QUESTIONS = {
    "en": "Start? [y/N]",
    "ru": "Начать? [д/Н]",
    "kk": "Бастаймыз ба? [и/Ж]",
}
"""Asked on a terminal before the first packet. The default is no."""

YES_WORDS = frozenset({"y", "yes", "д", "да", "и", "иә", "ия"})


def risk_text(language: str) -> str:
    """The risk text in a language; English where there is no other."""
    name = language if language in QUESTIONS else "en"
    return files("evenfall.text").joinpath("risk", f"{name}.txt").read_text(encoding="utf-8")
