"""Every sentence of `check` is there in every language, whole, and as it is in the source."""

from __future__ import annotations

import gettext
import importlib.util
import io
import string
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

FORMS = {"ru": 3, "kk": 2}
LANGUAGES = tuple(FORMS)


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """The script that makes the catalogues."""
    path = Path(__file__).resolve().parents[2] / "docs" / "catalogues.py"
    spec = importlib.util.spec_from_file_location("catalogues", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fields(template: str) -> set[tuple[str, str, str]]:
    """Names of what is filled in, with conversion and format."""
    parsed = string.Formatter().parse(template)
    return {
        (name, spec or "", turned or "") for _, name, spec, turned in parsed if name is not None
    }


def forms_of(value: object) -> tuple[str, ...]:
    """One text or several as several."""
    return value if isinstance(value, tuple) else (str(value),)


def test_the_templates_are_found(tool: ModuleType) -> None:
    """The source is read: hundreds of sentences, with plurals, from several rooms."""
    templates = tool.templates()
    rooms = {place.split("/")[2] for places in templates.values() for place in places}
    assert len(templates) > 300
    assert {"text", "infer", "cli"} <= rooms
    assert any(isinstance(template, tuple) for template in templates)


def test_a_template_that_is_no_literal_is_refused(tool: ModuleType) -> None:
    """What cannot be translated is an error and not a gap."""
    for source in ("say(words)", "say(f'{n} of it')", "say_n('one', many, 2)", "say('a' + b)"):
        node = tool.ast.parse(source).body[0].value
        with pytest.raises(tool.NotLiteral):
            tool._template_of(node, "somewhere.py")
    node = tool.ast.parse("say('one ' 'two', n=2)").body[0].value
    assert tool._template_of(node, "somewhere.py") == "one two"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated(tool: ModuleType, language: str) -> None:
    """None is missing, empty or fuzzy; plurals have all their forms; nothing is left over."""
    kept = {m.id: m for m in tool._read(language) if m.id}
    wanted = tool.templates()
    assert set(kept) == set(wanted), "run docs/catalogues.py"
    for template, message in kept.items():
        forms = forms_of(message.string)
        assert all(form.strip() for form in forms), f"{language}: not translated: {template}"
        assert len(forms) == (FORMS[language] if isinstance(template, tuple) else 1), template
        assert not message.fuzzy, template


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_agree(tool: ModuleType, language: str) -> None:
    """A translation fills in what the sentence fills in, formatted alike; only {n} may be said."""
    for message in tool._read(language):
        if not message.id:
            continue
        wanted = set.union(*(fields(text) for text in forms_of(message.id)))
        for form in filter(None, forms_of(message.string)):  # empty ones: the test above
            missing = {field for field in wanted ^ fields(form) if field[0] != "n"}
            assert not missing, f"{language}: {message.id}: {form}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_ends_agree(tool: ModuleType, language: str) -> None:
    """A full sentence stays one, a clause stays a clause: both are put together with others."""
    for message in tool._read(language):
        if not message.id:
            continue
        source, said = forms_of(message.id)[0], forms_of(message.string)[0]
        if said:
            assert source.endswith(".") is said.endswith("."), f"{language}: {source}: {said}"
        assert said == said.strip(), f"{language}: {said}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_current(tool: ModuleType, language: str) -> None:
    """Both files are, byte for byte, what the script would write."""
    po = tool.po_bytes(tool.catalogue(language))
    assert tool.path_of(language, "po").read_bytes() == po, "run docs/catalogues.py"
    assert tool.path_of(language, "mo").read_bytes() == tool.mo_bytes(po, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_native_reader_is_awaited(tool: ModuleType, language: str) -> None:
    """The catalogue says of itself that nobody who speaks it from home has read it yet."""
    head = tool.path_of(language, "po").read_text(encoding="utf-8")[:600]
    assert head.count("awaiting a native reader") == 2


@pytest.mark.foreign
@pytest.mark.parametrize("language", LANGUAGES)
def test_gettext_itself_reads_them(
    tool: ModuleType, language: str, foreign_tool: object, tmp_path: Path
) -> None:
    """GNU msgfmt accepts the catalogue, and what it compiles says the same as ours."""
    msgfmt = foreign_tool("msgfmt")  # type: ignore[operator]  # a fixture that finds programs
    theirs = tmp_path / "theirs.mo"
    po = tool.path_of(language, "po")
    subprocess.run([msgfmt, "--check-format", "-o", theirs, po], check=True, capture_output=True)
    ours = gettext.GNUTranslations(io.BytesIO(tool.path_of(language, "mo").read_bytes()))
    gnu = gettext.GNUTranslations(io.BytesIO(theirs.read_bytes()))
    for template in tool.templates():
        if isinstance(template, str):
            assert ours.gettext(template) == gnu.gettext(template)
            continue
        for n in (0, 1, 2, 5, 11, 21, 102):
            assert ours.ngettext(*template, n) == gnu.ngettext(*template, n)
