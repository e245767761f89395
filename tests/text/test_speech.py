"""Sentences in another language: values, plurals, numbers, and what no catalogue has."""

from __future__ import annotations

import pytest

from evenfall.model.saying import say, say_n
from evenfall.text.speech import LANGUAGES, Speech, language_of_locale
from evenfall.text.words import bytes_words, joined, speed_words


def test_english_is_the_saying_itself():
    """In English nothing is changed, whatever is filled in."""
    for said in (say("opens"), speed_words(3e5), joined(["a", "b", "c"]), "plain {text}"):
        assert Speech("en").say(said) == said


def test_values_that_are_sayings_are_said_first():
    """A sentence within a sentence is translated too."""
    said = say("{speed}, {found}", speed=speed_words(3e5), found=say("opens"))
    assert Speech("ru").say(said) == "0,3 Мбит/с, открывается"
    assert Speech("kk").say(said) == "0,3 Мбит/с, ашылады"


def test_names_pass():
    """What is no saying comes back as it is, also with braces in it."""
    said = say("{name}: {because} ({scope_because}).", name="{x}", because="y", scope_because="z")
    assert Speech("ru").say(said) == "{x}: y (z)."


@pytest.mark.parametrize(
    ("n", "words"),
    [(1, "1 час"), (2, "2 часа"), (5, "5 часов"), (11, "11 часов"), (21, "21 час")],
)
def test_the_language_chooses_the_form(n, words):
    """Russian has three forms, and 21 takes that of 1."""
    assert Speech("ru").say(say_n("{n} hour", "{n} hours", n)) == words


@pytest.mark.parametrize("language", ["ru", "kk"])
def test_numbers(language):
    """A decimal comma; a narrow space between thousands; whole numbers and names are left alone."""
    speech = Speech(language)
    assert speech.say(bytes_words(1_830_000)) == "1,8 МБ"
    said = say("{a:,.0f} {b} {c} {d:.1%}", a=12345.6, b=10, c="10.1.2.3", d=0.125)
    assert speech.say(said) == "12\N{NARROW NO-BREAK SPACE}346 10 10.1.2.3 12,5%"


def test_what_no_catalogue_has_is_said_in_english():
    """A sentence that is not translated, and a language that is none of ours."""
    assert (
        Speech("ru").say(say("{x} that nobody translated", x=1.5)) == "1,5 that nobody translated"
    )
    assert Speech("tlh").say(say("opens")) == "opens"
    assert Speech("ru").say(say("")) == ""


def test_a_saying_that_holds_itself_ends():
    """However deep sayings lie in each other, saying them comes to an end."""
    said = say("{x}", x="end")
    for _ in range(50):
        said = say("{x}", x=said)
    assert Speech("kk").say(said) == "end"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "kk_KZ.UTF-8"}, "kk"),
        ({"LANG": "ru"}, "ru"),
        ({"LANG": "ru_RU.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "ru_RU.UTF-8", "LC_ALL": "", "LC_MESSAGES": ""}, "ru"),
        ({"LC_ALL": "C.UTF-8", "LANG": "ru_RU.UTF-8"}, "en"),
        ({"LANG": "de_DE"}, "en"),
        ({"LANG": "../../etc"}, "en"),
    ],
)
def test_the_locale_chooses(environment, language):
    """LC_ALL before LC_MESSAGES before LANG; what is none of ours is English."""
    assert language_of_locale(environment) == language
    assert language in LANGUAGES
