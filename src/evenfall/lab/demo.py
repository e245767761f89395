"""The demonstration: an evening, a fortnight, a page, and only then the truth.

What is true is drawn from the seed, written to a sealed file with a random nonce, and its digest is
told before anything is measured. The emulated network and the generator act on it; what measures
and what judges never sees it. When the findings are on the disk, the file is opened, its digest is
compared, and both are printed side by side.

No wall clock decides anything here but how long the evening takes; the fortnight is the same for
the same seed, to the byte of its findings.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from evenfall.infer.evening import Stretch
from evenfall.infer.nights import judge
from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.lab.clock import minutes_of
from evenfall.lab.demo_evening import EVENING_S, choose, judge_evening, play
from evenfall.lab.evening_probe import PairLine
from evenfall.lab.nights.drawn import FAMILY, Truth, truth_of
from evenfall.lab.nights.families import draw
from evenfall.lab.nights.writing import write_world
from evenfall.model.curfew import Curfew, SeriesFinding
from evenfall.model.encoding import canonical_json, to_json_line
from evenfall.model.errors import LabError
from evenfall.report.gather import JUDGE_SEED, gather, page_of
from evenfall.report.page import build_page
from evenfall.store import open_store

__all__ = [
    "NIGHTS_DEFAULT",
    "Comparison",
    "Fortnight",
    "Sealed",
    "compare",
    "evening",
    "fortnight",
    "open_seal",
    "seal",
    "write_pages",
]

NIGHTS_DEFAULT = 14
_CADENCE_S = 1200

_DAY_MIN = 1440


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A truth that has been written down and not yet opened."""

    path: Path
    sha256: str


class Fortnight(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in the nights, as it lies in the store."""

    store_path: Path
    curfews: tuple[Curfew, ...]
    findings: tuple[SeriesFinding, ...]


class Comparison(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="demo_truth"):
    """The truth beside the findings.

    Attributes:
        evening_services: found slowed or blocked in the evening; null if it was not played.
        evening_right: exactly the services of the truth.
        services: with a curfew found in the fortnight.
        services_right: exactly the services of the truth.
        start_inside, end_inside: the true end lies within every printed interval.
    """

    truth: Truth
    truth_sha256: str
    evening_services: tuple[str, ...] | None
    evening_right: bool | None
    services: tuple[str, ...]
    services_right: bool
    start_inside: bool
    end_inside: bool


def seal(seed: int, folder: Path) -> Sealed:
    """Write the truth of a seed into a file that nothing reads until the end."""
    sealed = canonical_json({"nonce": secrets.token_hex(16), "truth": truth_of(seed)})
    path = folder / "truth.sealed.json"
    path.write_bytes(sealed)
    return Sealed(path=path, sha256=hashlib.sha256(sealed).hexdigest())


def open_seal(sealed: Sealed) -> Truth:
    """Read the truth.

    Raises:
        LabError: the file is not the one that was sealed.
    """
    content = sealed.path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != sealed.sha256:
        raise LabError(
            expected=f"the sealed truth with SHA-256 {sealed.sha256}",
            seen=digest,
            where=str(sealed.path),
            remedy="Something changed the file; run the demonstration again.",
        )
    return msgspec.convert(msgspec.json.decode(content)["truth"], Truth)


def evening(
    seed: int,
    folder: Path,
    *,
    backend: str = "auto",
    seconds: float = EVENING_S,
    on_pair: Callable[[PairLine], None] = lambda _pair: None,
    on_backend: Callable[[str], None] = lambda _name: None,
) -> dict[str, Stretch | None]:
    """Play one evening; what was measured and what was found lie in the folder afterwards.

    Each pair is written as it comes, so that an interrupted evening keeps what it has.

    Raises:
        LabError: no backend can do it on this machine.
    """
    truth = truth_of(seed)
    chosen = choose(truth, backend)
    on_backend(chosen.name)
    with (folder / "evening.jsonl").open("w", encoding="utf-8", buffering=1) as kept:

        def keep(pair: PairLine) -> None:
            kept.write(to_json_line(pair) + "\n")
            on_pair(pair)

        played = play(truth, backend=chosen, seconds=seconds, on_pair=keep)
    found = judge_evening(played.pairs)
    rows = [{"service": name, "stretch": stretch} for name, stretch in found.items()]
    _write_lines(folder / "evening-findings.jsonl", [to_json_line(row) for row in rows])
    return found


def fortnight(seed: int, folder: Path, *, nights: int = NIGHTS_DEFAULT) -> Fortnight:
    """Make the nights, judge them, and keep the findings in the store."""
    store_path = folder / "store"
    write_world(draw(FAMILY, seed, nights=nights, cadence_s=_CADENCE_S), store_path)
    with open_store(store_path, write=True) as store:
        rng = np.random.default_rng(JUDGE_SEED)
        judged = judge(store.series(), profile=NIGHTLY_2026, rng=rng)
        store.write_findings(judged.curfews, judged.findings)
    return Fortnight(
        store_path=store_path,
        curfews=tuple(judged.curfews),
        findings=tuple(judged.findings),
    )


def write_pages(found: Fortnight, folder: Path) -> list[Path]:
    """A page for each service, those with a curfew first."""
    pages: list[Path] = []
    with open_store(found.store_path, write=False) as store:
        judged = gather(store)
        for subject in sorted(judged, key=lambda j: (j.curfew is None, j.finding.service)):
            path = folder / f"{subject.finding.service}.html"
            path.write_text(build_page(page_of(store, judged, subject)), encoding="utf-8")
            pages.append(path)
    return pages


def compare(
    sealed: Sealed, found: Fortnight, stretches: dict[str, Stretch | None] | None
) -> Comparison:
    """Open the truth and hold the findings against it."""
    truth = open_seal(sealed)
    curfews = found.curfews
    windows = [window for curfew in curfews for window in curfew.windows]
    services = tuple(sorted(curfew.service for curfew in curfews))
    seen = None if stretches is None else tuple(sorted(s for s, x in stretches.items() if x))
    true_services = tuple(sorted(truth.services))
    return Comparison(
        truth=truth,
        truth_sha256=sealed.sha256,
        evening_services=seen,
        evening_right=None if seen is None else seen == true_services,
        services=services,
        services_right=services == true_services,
        start_inside=bool(windows)
        and all(holds(w.start_interval, truth.start_local) for w in windows),
        end_inside=bool(windows) and all(holds(w.end_interval, truth.end_local) for w in windows),
    )


def holds(interval: tuple[str, str], clock: str) -> bool:
    """Whether a local time lies in a closed interval, which may cross midnight."""
    if not clock:
        return False
    low, high, value = (minutes_of(text) % _DAY_MIN for text in (*interval, clock))
    return (value - low) % _DAY_MIN <= (high - low) % _DAY_MIN


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
