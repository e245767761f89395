"""Screens are as recorded, in every language, fit a terminal, and claim no more than one round."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

LANGUAGES = ("en", "ru", "kk")
WIDTH = 80
LINES_MAX = 44
CLAIMS = {
    "en": r"curfew|every (evening|night|day)|government|ministry|throttled",
    "ru": r"комендант|кажд(ый|ую) (вечер|день|ночь)|правительств|министерств|власт|цензур",
    "kk": r"коменданттық|(әр|күн сайын) кеш|үкімет|министрлік|билік|цензура",
}
NOT_A_VERDICT = ("vpn", "clock", "no-network", "bad-wifi", "congested", "site-down", "cannot-tell")
TARGETED = {"en": "by name", "ru": "по имени", "kk": "атауы бойынша"}


@pytest.fixture(scope="module")
def make() -> ModuleType:
    """The script that writes the screens."""
    path = Path(__file__).with_name("screens") / "make.py"
    spec = importlib.util.spec_from_file_location("screens_make", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def screens(make: ModuleType) -> dict[str, str]:
    """File name → text, as the program prints it today."""
    return dict(make.screens())


def test_screens_are_as_recorded(make: ModuleType, screens: dict[str, str]) -> None:
    """What is printed today is what lies beside the script (run it if the change is meant)."""
    recorded = {path.name: path.read_text(encoding="utf-8") for path in make.FOLDER.glob("*.txt")}
    assert set(recorded) == set(screens)
    for name, text in screens.items():
        assert text == recorded[name], f"{name}: run tests/cli/screens/make.py if this is meant"


def test_a_screen_fits(screens: dict[str, str]) -> None:
    """80 columns, and not more lines than one can take in."""
    for name, text in screens.items():
        lines = text.splitlines()
        assert max(map(len, lines)) <= WIDTH, name
        assert len(lines) <= LINES_MAX, name


def test_one_round_claims_no_pattern_and_no_culprit(screens: dict[str, str]) -> None:
    """No curfew, no "every evening", nobody named, in any language."""
    for name, text in screens.items():
        language = name.split(".")[-2]
        found = re.search(CLAIMS[language], text, re.IGNORECASE)
        assert found is None, f"{name}: {found}"


def test_nothing_is_left_in_english(screens: dict[str, str]) -> None:
    """A Russian or Kazakh screen holds names and commands in Latin letters, and no sentence."""
    for name, text in screens.items():
        if ".en." in name:
            continue
        said = text
        if name.startswith("triage"):  # the customer's text is there in all languages
            said = re.sub(r"(?m)^  (Your|At|We) .*(\n    .*)*", "", text)
        words = re.findall(r"(?:\b[a-z]{3,}\b[ ,;]+){3,}", said)
        assert not words, f"{name}: {words}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_innocent_are_not_accused(screens: dict[str, str], language: str) -> None:
    """Where nothing was convicted, no line says that a name is what is slowed."""
    for case in (*NOT_A_VERDICT, "ok", "no-server"):
        answer = screens[f"{case}.{language}.txt"].split("\n\n", 1)[1].split("\n  ", 1)[0]
        assert TARGETED[language] not in answer, (case, answer)
    assert TARGETED[language] in screens[f"slowed.{language}.txt"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_outcome_has_its_own_sentence(screens: dict[str, str], language: str) -> None:
    """Eleven outcomes, eleven answers: what is wrong is told apart."""
    cases = [name for name in screens if f".{language}." in name and "triage" not in name]
    answers = [screens[name].split("\n\n", 1)[1].split("\n", 2)[1] for name in cases]
    without_ok = [a for a, name in zip(answers, cases, strict=True) if "no-server" not in name]
    assert len(set(without_ok)) == len(without_ok)


def test_one_next_step(screens: dict[str, str]) -> None:
    """Every screen of check ends with exactly one thing to do, and with what it cost."""
    next_words = {"en": "  Next: ", "ru": "  Дальше: ", "kk": "  Әрі қарай: "}
    for name, text in screens.items():
        if not name.startswith("triage"):
            assert text.count(next_words[name.split(".")[-2]]) == 1, name
            assert "41" in text.splitlines()[-1], name
