"""HTML for notebooks: escaped, scoped, readable in a light and in a dark one.

A notebook puts an output's HTML into its own page, so every rule of the style sheet is held to one
class, colours follow the notebook's theme where it names one and the reader's system where not,
and links lead to the output's own table. No script, no font, no picture from elsewhere.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

__all__ = ["printable", "rendered"]


def rendered(template: str, **values: Any) -> str:
    """A template of this room as text; every value is escaped unless it is markup of ours."""
    css = Markup(_text("inline.css"))  # noqa: S704  (our own file)
    return _environment().get_template(template).render(css=css, **values)


def printable(text: str) -> str:
    """The text without characters that a terminal acts on; foreign names may hold them."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(_text),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _text(name: str) -> str:
    return (resources.files("evenfall.accessor") / "templates" / name).read_text(encoding="utf-8")
