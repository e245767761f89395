"""docs/python.md: every block runs, in order, and every public name stands in it."""

from __future__ import annotations

import contextlib
import inspect
import io
import re
import shutil
from pathlib import Path

import pytest

import evenfall

SHOWN = re.compile(r"# \('messenger', 'social', 'video'\), \('AS64500',\)|# '20:00', \('19:50'")


def test_every_block_runs(
    repository: Path, fortnight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blocks as one program, on a made fortnight; it prints what the comments say."""
    shutil.copytree(fortnight, tmp_path / "kz.evf")
    monkeypatch.chdir(tmp_path)
    text = (repository / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) >= 12
    namespace: dict[str, object] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for number, block in enumerate(blocks):
            code = compile(block, f"docs/python.md, block {number}", "exec")
            exec(code, namespace)  # noqa: S102  (our own document)
    said = printed.getvalue()
    assert "20:00 ('19:50', '20:10')" in said
    assert "video AS64500 curfew" in said
    assert "messenger AS64500 none" in said
    assert "vidoe" in said
    assert len(SHOWN.findall(text)) == 2
    with evenfall.open("kz.evf") as store:
        assert (store.services, store.networks) == (("messenger", "social", "video"), ("AS64500",))


def test_every_public_name_is_described(repository: Path) -> None:
    """Attributes and methods of what `open` gives stand in the document and have a docstring."""
    text = (repository / "docs" / "python.md").read_text(encoding="utf-8")
    for kind in ("OpenStore", "Nights", "NightsList", "CarpetView", "Why", "Answer"):
        members = getattr(evenfall, kind)
        own = {*vars(members), *getattr(members, "__dataclass_fields__", {})}
        for name in sorted(n for n in own if not n.startswith("_") and n != "judged"):
            assert re.search(rf"\b{name}\b", text), f"{kind}.{name}"
            documented = getattr(members, name, None)
            if callable(documented) or isinstance(documented, property):
                assert inspect.getdoc(documented), f"{kind}.{name}"
