"""A sentence that knows how it was made, so that it can be said in another language.

What it does. `say("it failed once ({failure})", failure=code)` is an ordinary `str`, the English
sentence; beside it, it keeps the template and the values. `text.speech` looks the template up in
the catalogue of a language and fills in the values, which may be sayings themselves. Whoever does
not care has a string.

Rules.
- The template is a literal at the place of the call: that is what the catalogue is made from.
- Values are named, and formatted by the template (`{times:.1f}`).
- What depends on a number is said with `say_n`: the forms are chosen by the language.
- JSON holds the English sentence; a reader in another language gets it on the screen.

What it does not do. It knows no language but English and opens no catalogue.
"""

from __future__ import annotations

from typing import Any, Self

__all__ = ["Saying", "say", "say_n"]


class Saying(str):
    """An English sentence with its template and values; equal to the plain string.

    Attributes:
        template: what the catalogue is asked for.
        plural: template for more than one; empty where the number does not matter.
        n: the number that chooses between them.
        values: what is filled in.
    """

    __slots__ = ("n", "plural", "template", "values")

    template: str
    plural: str
    n: int
    values: dict[str, Any]

    def __new__(cls, template: str, plural: str, n: int, values: dict[str, Any]) -> Self:
        """Fill the template; see `say` and `say_n`."""
        chosen = template if not plural or n == 1 else plural
        self = super().__new__(cls, chosen.format(**values))
        self.template, self.plural, self.n, self.values = template, plural, n, values
        return self


def say(template: str, /, **values: Any) -> Saying:
    """A sentence, or a part of one: `template` filled with `values`."""
    return Saying(template, "", 1, values)


def say_n(singular: str, plural: str, n: int, /, **values: Any) -> Saying:
    """The same where the words depend on a number; `n` is filled in as `{n}`."""
    return Saying(singular, plural, n, {"n": n, **values})
