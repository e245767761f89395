"""The rules that may decide, with stable ids. An id is a public contract and is never re-meant.

Whoever changes what a rule decides raises `RULESET` and writes a line under "Verdicts changed" in
the changelog; a test holds both to the golden files.
"""

from __future__ import annotations

__all__ = ["RULES", "RULESET"]

RULESET = "2026.11"

RULES: dict[str, str] = {}
"""Rule id → one sentence: what it decides on what evidence."""
