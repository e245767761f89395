"""One vocabulary on every screen: what the product's own sentences may and may not say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

FORBIDDEN = {
    r"\bgovernment\b": "the instrument never says who did it",
    r"\bregime\b(?! change)": "no politics in the product's words",
    r"\bproves? that\b": "a measurement is compatible with an explanation; it proves no intent",
    r"\bcensored\b": "say slowed or blocked",
    r"\bnot throttled\b": "say: no slowing by name was seen",
    r"\bdefinitely\b|\bcertainly\b|\bobviously\b": "say how sure in numbers",
    r"\blikely blocked\b|\bprobably blocked\b": "say what was seen and how sure",
    r"\bhacked\b|\battack(ed)?\b": "nobody was attacked",
}


def spoken(repository: Path) -> list[tuple[str, str]]:
    """Every string literal of the rooms that speak, with its place."""
    found: list[tuple[str, str]] = []
    for room in ("text", "report", "cli"):
        for path in sorted((repository / "src" / "evenfall" / room).rglob("*.py")):
            tree = ast.parse(path.read_text())
            documentation = {
                id(node.body[0].value)
                for node in ast.walk(tree)
                if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
                and node.body
                and isinstance(node.body[0], ast.Expr)
            }
            for node in ast.walk(tree):
                literal = isinstance(node, ast.Constant) and isinstance(node.value, str)
                if literal and id(node) not in documentation:
                    found.append((f"{path.name}:{node.lineno}", node.value))
        files = sorted((repository / "src" / "evenfall" / room).rglob("*"))
        found += [(f.name, f.read_text()) for f in files if f.suffix in {".html", ".j2", ".txt"}]
    return found


def test_no_sentence_says_more_than_was_measured(repository: Path) -> None:
    """Words that accuse, exaggerate or guess appear in no sentence of the product."""
    sentences = spoken(repository)
    assert len(sentences) > 100, "the test found hardly any sentences: is it looking at the rooms?"
    for place, text in sentences:
        for pattern, reason in FORBIDDEN.items():
            assert not re.search(pattern, text, re.IGNORECASE), f"{place}: {text!r}: {reason}"


def test_throttled_is_said_in_few_places(repository: Path) -> None:
    """`throttled` means slowed *and* targeted; only sentences about that may use the word."""
    for place, text in spoken(repository):
        if re.search(r"\bthrottled\b", text, re.IGNORECASE):
            assert re.search(r"by name|targeted", text, re.IGNORECASE), f"{place}: {text!r}"
