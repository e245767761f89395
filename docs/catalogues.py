"""Makes the catalogues of what `check` says: `python docs/catalogues.py`.

Every `say("…")` and `say_n("…", "…", n)` in the source is a sentence to be translated. This reads
them from the syntax tree, brings `src/evenfall/text/locale/*/LC_MESSAGES/evenfall.po` up to date
(new sentences come in empty, those that nobody says any more go), compiles the `.mo` beside it, and
names what is still empty. The bytes depend on the sentences alone: no dates, and no places, so that
a sentence may move from file to file (`git grep` finds it).

To translate: fill in `msgstr` in the `.po`, and run this again. A test holds that nothing is empty,
that placeholders agree, and that the compiled file is current.
"""

from __future__ import annotations

import ast
import io
import struct
from pathlib import Path

import click
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "evenfall"
LOCALE = SOURCE / "text" / "locale"
LANGUAGES = ("kk", "ru")
_CALLS = {"say": 1, "say_n": 2}  # name → how many of its first arguments are templates
_HEADER = "Sentences of Evenfall. Made by docs/catalogues.py; awaiting a native reader."

Template = str | tuple[str, str]


class NotLiteral(Exception):
    """A template that is no literal cannot be translated."""


def templates() -> dict[Template, list[str]]:
    """Every template in the source → the files that say it, in order."""
    found: dict[Template, list[str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (template := _template_of(node, place)) is not None:
                places = found.setdefault(template, [])
                if place not in places:
                    places.append(place)
    return found


def _template_of(node: ast.AST, place: str) -> Template | None:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return None
    wanted = _CALLS.get(node.func.id, 0)
    if not wanted or place.endswith("model/saying.py"):
        return None
    said = [a.value for a in node.args[:wanted] if isinstance(a, ast.Constant)]
    texts = [text for text in said if isinstance(text, str)]
    if len(texts) != wanted:
        raise NotLiteral(f"{place}:{node.lineno}: the template of {node.func.id} is no literal")
    return texts[0] if wanted == 1 else (texts[0], texts[1])


def path_of(language: str, ending: str) -> Path:
    """`evenfall.po` or `.mo` of a language."""
    return LOCALE / language / "LC_MESSAGES" / f"evenfall.{ending}"


def catalogue(language: str) -> Catalog:
    """The catalogue of a language as it should be: all templates, and what is translated."""
    old = _read(language)
    new = Catalog(locale=language, header_comment=f"# {_HEADER}", fuzzy=False)
    kept: dict[object, Message] = {m.id: m for m in old if m.id}
    # A sentence that comes in a second form keeps its translation.
    for template in sorted(templates(), key=str):
        before = kept.get(template)
        translation = before.string if before is not None else None
        new.add(template, translation)
    return new


def _read(language: str) -> Catalog:
    path = path_of(language, "po")
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def po_bytes(of: Catalog) -> bytes:
    """The text of a catalogue, without dates and places."""
    buffer = io.BytesIO()
    write_po(buffer, of, width=100, no_location=True, omit_header=True)
    header = "\n".join(
        (
            f"# {_HEADER}",
            'msgid ""',
            'msgstr ""',
            f'"Language: {of.locale}\\n"',
            '"Content-Type: text/plain; charset=utf-8\\n"',
            '"Content-Transfer-Encoding: 8bit\\n"',
            f'"Plural-Forms: {of.plural_forms}\\n"',
            '"X-Status: awaiting a native reader\\n"',
        )
    )
    return header.encode() + b"\n\n" + buffer.getvalue().lstrip(b"\n")


def mo_bytes(po: bytes, language: str) -> bytes:
    """The compiled catalogue (GNU gettext manual, "The Format of GNU MO Files").

    Babel's own writer puts the date and its version in; this one writes what is read, sorted.
    """
    of = read_po(io.BytesIO(po), locale=language)
    plural_forms = f"Content-Type: text/plain; charset=utf-8\nPlural-Forms: {of.plural_forms}\n"
    entries = {b"": plural_forms.encode()}
    for message in of:
        if message.id and all(_forms(message)):
            ids = message.id if isinstance(message.id, tuple) else (message.id,)
            entries["\0".join(ids).encode()] = "\0".join(_forms(message)).encode()
    keys = sorted(entries)
    return _laid_out(keys, [entries[key] for key in keys])


def _laid_out(keys: list[bytes], values: list[bytes]) -> bytes:
    """Header, a table of (length, offset) for each of both, then the strings, each ended by NUL."""
    count, header_bytes, entry_bytes = len(keys), 28, 8
    at = header_bytes + 2 * entry_bytes * count
    tables, strings = b"", b""
    for text in (*keys, *values):
        tables += struct.pack("<II", len(text), at + len(strings))
        strings += text + b"\0"
    values_at = header_bytes + entry_bytes * count
    hash_table_at = header_bytes + 2 * entry_bytes * count
    fields = (0x950412DE, 0, count, header_bytes, values_at, 0, hash_table_at)
    return struct.pack("<7I", *fields) + tables + strings


def _forms(message: Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


def untranslated(of: Catalog) -> list[Template]:
    """Templates without a translation, or without all its forms."""
    return [m.id for m in of if m.id and not all(_forms(m))]


def main() -> None:
    """Bring all of them up to date."""
    for language in LANGUAGES:
        of = catalogue(language)
        po = po_bytes(of)
        path_of(language, "po").parent.mkdir(parents=True, exist_ok=True)
        path_of(language, "po").write_bytes(po)
        path_of(language, "mo").write_bytes(mo_bytes(po, language))
        missing = untranslated(of)
        click.echo(f"{language}: {len(of)} sentences, {len(missing)} to be translated")
        for template in missing:
            click.echo(f"  {template}")


if __name__ == "__main__":
    main()
