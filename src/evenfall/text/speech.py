"""Says a sentence in another language: looks its template up, fills its values in.

What it does. A `Saying` (model.saying) keeps the English template and the values. `Speech` asks the
catalogue of a language for the template, says the values that are sayings themselves first, and
writes numbers as that language does (a decimal comma, a narrow space between thousands).

Rules. What no catalogue has is said in English, never left out. A plain string is passed on as it
is. The language is chosen by whoever asked; else by the environment that the command passes in.

What it does not do. It reads no environment and no clock, and translates nothing by itself: the
catalogues are written by people. They are made by `docs/catalogues.py` and lie in `locale/`.
"""

from __future__ import annotations

import gettext
import string
from collections.abc import Mapping
from functools import cache
from typing import Any

from evenfall.model.saying import Saying

__all__ = ["DOMAIN", "LANGUAGES", "Speech", "language_of_locale"]

LANGUAGES = ("en", "ru", "kk")
DOMAIN = "evenfall"
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")  # POSIX: the first that is set decides
_NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"
_DEPTH_MAX = 8  # sayings within sayings


class Speech:
    """One language, in which sentences can be said."""

    def __init__(self, language: str) -> None:
        """Speak `language`; English where there is no catalogue of it."""
        self.language = language if language in LANGUAGES else "en"
        self._catalogue = _catalogue_of(self.language)
        self._formatter = _English() if self.language == "en" else _Comma()

    def say(self, said: str) -> str:
        """The sentence in this language; a plain string comes back as it is."""
        return self._say(said, 0)

    def _say(self, said: str, depth: int) -> str:
        if not isinstance(said, Saying) or depth > _DEPTH_MAX:
            return str(said)
        values = {
            name: self._say(value, depth + 1) if isinstance(value, Saying) else value
            for name, value in said.values.items()
        }
        return self._formatter.vformat(self._template(said), (), values)

    def _template(self, said: Saying) -> str:
        if said.plural:
            return self._catalogue.ngettext(said.template, said.plural, said.n)
        # An empty msgid is the catalogue's own header.
        return self._catalogue.gettext(said.template) if said.template else ""


def language_of_locale(environment: Mapping[str, str]) -> str:
    """The language a person has set their machine to; English if it is none of ours.

    Args:
        environment: variables of the process, such as `{"LANG": "kk_KZ.UTF-8"}`.
    """
    named = next((environment[name] for name in _VARIABLES if environment.get(name)), "")
    language = named.split(".", 1)[0].split("_", 1)[0].split("-", 1)[0].lower()
    return language if language in LANGUAGES else "en"


@cache
def _catalogue_of(language: str) -> gettext.NullTranslations:
    if language == "en":
        return gettext.NullTranslations()
    from importlib.resources import files  # a tenth of the start of `evenfall --help`

    place = files("evenfall.text").joinpath("locale", language, "LC_MESSAGES", f"{DOMAIN}.mo")
    try:
        with place.open("rb") as file:
            return gettext.GNUTranslations(file)
    except OSError:
        return gettext.NullTranslations()  # said in English rather than not at all


class _English(string.Formatter):
    """`str.format` with named fields."""


class _Comma(string.Formatter):
    """The same with a decimal comma and a narrow space between thousands."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """Write one value; only numbers are changed."""
        written = str(super().format_field(value, format_spec))
        if isinstance(value, bool) or not isinstance(value, int | float):
            return written
        return written.replace(",", _NARROW_SPACE).replace(".", ",")
