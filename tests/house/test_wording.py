"""One vocabulary on every screen: what the product's own sentences may and may not say."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path

import pytest

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
    for room in ("text", "report", "cli", "accessor"):
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


FORBIDDEN_IN = {
    "ru": {
        r"правительств|\bвласт|министерств|режим(?!е)": "no politics, and nobody is named",
        r"цензур|заглуш|глушат": "say slowed or blocked",
        r"доказыва|доказан|несомненно|очевидно|безусловно|точно\b": "say how sure in numbers",
        r"скорее всего|наверняка|вероятно заблок": "say what was seen and how sure",
        r"взлом|атак": "nobody was attacked",
        r"комендант": "one round never claims a curfew",
        r"кажд(ый|ую|ое) (вечер|день|ночь)": "one round shows no pattern",
    },
    "kk": {
        r"үкімет|билік|министрлік|режим": "no politics, and nobody is named",
        r"цензура": "say slowed or blocked",
        r"дәлелде|сөзсіз|анық қой|күмәнсіз": "say how sure in numbers",
        r"бұғатталған болар|бәлкім": "say what was seen and how sure",
        r"бұзылды деп|шабуыл": "nobody was attacked",
        r"коменданттық": "one round never claims a curfew",
        r"әр (кеш|күн)|күн сайын": "one round shows no pattern",
    },
}

ONE_WORD = {
    # English → what it is in every sentence that holds it (glossary: docs/check.md)
    r"\bneutral\b": {"ru": r"нейтральн", "kk": r"бейтарап"},
    r"\bcontrols?\b(?! \{)": {"ru": r"контрольн", "kk": r"бақылау сай"},
    r"\bcongestion\b": {"ru": r"перегруз", "kk": r"шамадан тыс жүктелу"},
    r"\b(measured|measurement)\b": {"ru": r"измер", "kk": r"өлше"},
    r"\b[Cc]annot tell\b": {
        "ru": r"нельзя сказать|сказать нельзя|не можем сказать",
        "kk": "анықталмады",
    },
    r"\bRuled out\b": {"ru": r"Исключено", "kk": r"Жоққа шығарыл"},
    r"\bslowed\b|\bslowing\b": {"ru": r"замедл", "kk": r"баяула"},
    r"\bblock page\b": {"ru": r"блокировк", "kk": r"бұғаттау"},
    r"\b(router)\b": {"ru": r"роутер", "kk": r"роутер"},
}
EXCUSED = {"parental control", "Text for customers"}


def translated(repository: Path, language: str) -> list[tuple[str, str]]:
    """Every sentence of `check` in English and in another language; all forms as one text."""
    from babel.messages.pofile import read_po

    folder = repository / "src" / "evenfall" / "text" / "locale" / language / "LC_MESSAGES"
    with (folder / "evenfall.po").open("rb") as file:
        messages = [m for m in read_po(file, locale=language) if m.id]
    return [(_whole(m.id), _whole(m.string)) for m in messages]


def _whole(text: object) -> str:
    return " / ".join(text) if isinstance(text, tuple) else str(text)


@pytest.mark.parametrize("language", sorted(FORBIDDEN_IN))
def test_no_translation_says_more_than_was_measured(repository: Path, language: str) -> None:
    """The same holds in every language, and for the risk text."""
    risk = repository / "src" / "evenfall" / "text" / "risk" / f"{language}.txt"
    sentences = [*translated(repository, language), (risk.name, risk.read_text(encoding="utf-8"))]
    assert len(sentences) > 300
    for source, text in sentences:
        for pattern, reason in FORBIDDEN_IN[language].items():
            assert not re.search(pattern, text, re.IGNORECASE), f"{source}: {text}: {reason}"


def test_no_template_says_more_than_was_measured(repository: Path) -> None:
    """Templates are held to the rules wherever they are written, and so is a first answer."""
    path = repository / "docs" / "catalogues.py"
    spec = importlib.util.spec_from_file_location("catalogues_for_wording", path)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    more = {r"\bcurfew\b": "one round never claims one", r"\bevery (evening|night)\b": "no pattern"}
    for template, places in tool.templates().items():
        for pattern, reason in {**FORBIDDEN, **more}.items():
            text = _whole(template)
            assert not re.search(pattern, text, re.IGNORECASE), f"{places}: {text}: {reason}"


@pytest.mark.parametrize("language", sorted(FORBIDDEN_IN))
def test_one_vocabulary_in_every_language(repository: Path, language: str) -> None:
    """A word of the method is the same word in every sentence of a language."""
    for source, text in translated(repository, language):
        for pattern, words in ONE_WORD.items():
            if re.search(pattern, source) and not any(e in source for e in EXCUSED):
                assert re.search(words[language], text, re.IGNORECASE), f"{source}: {text}"
