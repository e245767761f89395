"""Small pieces of SVG as text: every word and number is escaped here, once.

No style attributes and no scripts: a page's policy forbids both. Classes carry all colour, so that
light, dark and paper come from one set of variables.
"""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

__all__ = ["boxes", "hidden", "line", "link", "number", "polyline", "rect", "svg", "text"]


def number(value: float) -> str:
    """A coordinate with at most one decimal, without a trailing zero."""
    return f"{value:.1f}".removesuffix(".0")


def svg(
    body: Iterable[Markup],
    *,
    width: float,
    height: float,
    css: str,
    label: str,
    role: str = "img",
) -> Markup:
    """An image that scales with the page and says in words what it shows.

    `role` is `img`, or `group` where it holds links.
    """
    return Markup('<svg viewBox="0 0 {} {}" class="{}" role="{}" aria-label="{}">{}</svg>').format(
        number(width), number(height), css, role, label, Markup("").join(body)
    )


def text(x: float, y: float, words: str, css: str, anchor: str = "") -> Markup:
    """A word; `anchor` is empty (start), `middle` or `end`."""
    at = Markup(' text-anchor="{}"').format(anchor) if anchor else Markup("")
    return Markup('<text x="{}" y="{}" class="{}"{}>{}</text>').format(
        number(x), number(y), css, at, words
    )


def link(target: str, inside: Markup) -> Markup:
    """A link to a place on the same page."""
    return Markup('<a href="#{}">{}</a>').format(target, inside)


def hidden(pieces: Iterable[Markup]) -> Markup:
    """Pieces that a screen reader passes over: the label or the table says them better."""
    return Markup('<g aria-hidden="true">{}</g>').format(Markup("").join(pieces))


def line(x1: float, y1: float, x2: float, y2: float, css: str) -> Markup:
    """A straight line."""
    return Markup('<path d="M{} {}L{} {}" class="{}"/>').format(
        number(x1), number(y1), number(x2), number(y2), css
    )


def rect(x: float, y: float, width: float, height: float, css: str) -> Markup:
    """A rectangle."""
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" class="{}"/>').format(
        number(x), number(y), number(width), number(height), css
    )


def boxes(corners: Iterable[tuple[float, float, float]], *, height: float, css: str) -> Markup:
    """Many rectangles of one height as one path: (x, y, width) each; far smaller than rects."""
    tall = number(height)
    path = "".join(
        f"M{number(x)} {number(y)}h{number(w)}v{tall}h-{number(w)}z" for x, y, w in corners
    )
    return Markup('<path d="{}" class="{}"/>').format(path, css) if path else Markup("")


def polyline(points: Iterable[tuple[float, float]], css: str) -> Markup:
    """A line through the points."""
    path = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return Markup('<path d="M{}" class="{}"/>').format(path, css) if path else Markup("")
