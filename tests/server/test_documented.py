"""The page about the server says what the code does."""

from __future__ import annotations

import json
import re

from evenfall.server import Limits
from evenfall.wire.pair_messages import REFUSALS, Answer, Done, Request, Trailer, decode_line


def test_every_limit_is_documented_with_its_value(repository):
    """The table of limits is the struct's defaults, no more and no less."""
    page = (repository / "docs" / "server.md").read_text()
    table = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", page, re.MULTILINE))
    limits = Limits()
    assert table == {name: str(getattr(limits, name)) for name in limits.__struct_fields__}


def test_every_refusal_is_documented(repository):
    """Each code that a client can meet is on the page."""
    page = (repository / "docs" / "server.md").read_text()
    assert [code for code in REFUSALS if f"`{code}`" not in page] == []


def test_the_example_lines_are_lines_of_the_protocol(repository):
    """What the page shows decodes as what it says it is."""
    page = (repository / "docs" / "server.md").read_text()
    block = re.search(r"```json\n(.*?)```", page, re.DOTALL).group(1)
    block = block.replace("32 hex digits", "0" * 32).replace("…", "0" * 32)
    lines = [json.loads(text) for text in re.split(r"\n(?=\{)", block.strip())]
    for line, kind in zip(lines, (Request, Answer, Done, Trailer), strict=True):
        decode_line(json.dumps(line).encode(), kind)
