"""What an import says about one file: the accounts, and what each quarantined row lacked."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["accounts_lines", "known_line"]


def accounts_lines(
    name: str, counts: Mapping[str, int], quarantined: Mapping[str, int], reasons: Mapping[str, str]
) -> list[str]:
    """The accounts of one file, as lines; the last one is the identity itself.

    Args:
        name: of the file.
        counts: lines_in, stored, duplicates, blank, repeated, observations.
        quarantined: rows by reason.
        reasons: reason → one sentence.
    """
    refused = sum(quarantined.values())
    if not counts["lines_in"]:
        return [f"{name}: 0 rows: a header and nothing below it; nothing was imported."]
    repeats = f" (of these {counts['repeated']:,} repeat an earlier row of the file)"
    lines = [
        f"{name}: {counts['lines_in']:,} rows",
        f"  stored       {counts['stored']:>12,}{repeats if counts['repeated'] else ''}",
        f"  duplicates   {counts['duplicates']:>12,}",
        f"  quarantined  {refused:>12,}",
    ]
    lines += [f"    {n:>12,}  {reason}: {reasons[reason]}" for reason, n in quarantined.items()]
    sum_of = (
        f"{counts['stored']:,} stored + {counts['duplicates']:,} duplicates"
        f" + {refused:,} quarantined + {counts['blank']:,} blank"
    )
    lines += [
        f"  blank        {counts['blank']:>12,}",
        f"  {counts['lines_in']:,} = {sum_of}",
    ]
    return lines


def known_line(name: str, *, same_map: bool) -> str:
    """A file whose bytes are in the store already."""
    said = f"{name} is in the store already: every row is a duplicate, nothing was changed."
    if same_map:
        return said
    return (
        said + " It was read with another map file then; to read it with this one, import it into "
        "another store (--store)."
    )
