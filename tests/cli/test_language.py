"""Which language is spoken: flag, file, the consent's, the locale; and what colour may say."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from evenfall.cli import main
from evenfall.cli.options import Settings
from evenfall.cli.screen import Row, Screen
from evenfall.model.saying import say
from evenfall.net.fake import FakeNetwork
from evenfall.probe.consent import Consent, store_consent
from evenfall.text.consent import RISK_VERSION

WORDS = {"en": "Next:", "ru": "Дальше:", "kk": "Әрі қарай:"}


@pytest.fixture
def said(monkeypatch, tmp_path, capsys):
    """`said(*options)`: what a check without a network prints."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)

    def call(*options: str, command: tuple[str, ...] = ("check",)) -> str:
        monkeypatch.setattr("evenfall.net.sockets.SystemNetwork", FakeNetwork)
        monkeypatch.setattr("sys.stdin", io.StringIO())
        words = ["evenfall", "--store", str(tmp_path / "s"), *options, *command]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit):
            main()
        return capsys.readouterr().out

    return call


def agreed(store: Path, language: str) -> None:
    """A person agreed in this language, on a terminal."""
    store_consent(
        store, Consent(version=RISK_VERSION, language=language, given_us=1, how="terminal")
    )


@pytest.mark.parametrize(
    ("flag", "file", "consent", "locale", "language"),
    [
        ("kk", "ru", "en", "en_US", "kk"),
        ("", "ru", "en", "kk_KZ", "ru"),
        ("", "", "kk", "ru_RU", "kk"),
        ("en", "", "kk", "ru_RU", "en"),
        ("", "", "", "ru_RU", "ru"),
        ("", "", "tlh", "ru_RU", "en"),
        ("", "", "", "", "en"),
    ],
)
def test_who_chooses_the_language(
    said, monkeypatch, tmp_path, flag, file, consent, locale, language
):
    """A flag, else the file, else what was chosen with consent, else the locale."""
    options = [*(["--lang", flag] if flag else [])]
    if file:
        (tmp_path / "c.toml").write_text(f'lang = "{file}"\n')
        options += ["--config", str(tmp_path / "c.toml")]
    if locale:
        monkeypatch.setenv("LANG", f"{locale}.UTF-8")
    if consent:
        agreed(tmp_path / "s", consent)
    out = said(*options, command=("check",) if consent else ("check", "--yes"))
    assert WORDS[language] in out
    assert sum(words in out for words in WORDS.values()) == 1


def test_json_is_english_whatever_is_spoken(said):
    """Programs read one language."""
    lines = said("--lang", "kk", "--json", command=("check", "--yes")).splitlines()
    summary = json.loads(lines[-1])
    assert summary["sentence"].isascii()
    assert all(rung["because"].isascii() for rung in summary["ladder"])


def test_the_plan_is_said_in_the_language(said):
    """Who would be asked what, in the person's own language; nothing is sent."""
    out = said("--lang", "ru", command=("check", "--plan"))
    assert "Сейчас ничего не отправляется" in out
    assert "Всего не более 6,0 МБ и 75 с." in out


@pytest.mark.parametrize(
    ("mark", "colour"), [("✔", "\x1b[32m"), ("▼", "\x1b[33m"), ("✖", "\x1b[31m"), ("?", "")]
)
def test_what_is_not_known_has_no_colour(mark, colour):
    """Green, yellow and red have their marks; unknown is plain, and so is all without colour."""
    rows = [Row(mark, say("your line"), say("slow"))]
    (line,) = Screen(Settings(store=Path()), width=80).row_lines(rows)
    assert line == f" your line  {colour}{mark}{chr(27) + '[0m' if colour else ''} slow"
    (line,) = Screen(Settings(store=Path(), color=False), width=80).row_lines(rows)
    assert line == f" your line  {mark} slow"
