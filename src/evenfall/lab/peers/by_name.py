"""The four peers by the names that rows and tables call them, and whether they can be run here."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from evenfall.lab.peers.fixed_threshold import fixed_threshold_hours
from evenfall.lab.peers.given import Given
from evenfall.lab.peers.ooni_cusum import ooni_hours
from evenfall.lab.peers.ruptures_pelt import pelt_hours
from evenfall.lab.peers.wehe_nights import wehe_hours

__all__ = ["PEERS", "why_not_run"]

PEERS: dict[str, Callable[[Given], frozenset[int]]] = {
    "wehe": wehe_hours,
    "ooni_cusum": ooni_hours,
    "fixed_threshold": fixed_threshold_hours,
    "ruptures_pelt": pelt_hours,
}


def why_not_run(method: str) -> str:
    """Why a method cannot be run on this installation; empty if it can."""
    if method == "ruptures_pelt" and find_spec("ruptures") is None:
        return "ruptures is not installed: pip install 'evenfall[peers]'"
    return ""
