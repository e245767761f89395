"""The measurement server: paired transfers over TLS under any name; keeps no record of who came."""

from evenfall.server.identity import pin_of
from evenfall.server.limits import RAISED, Limits
from evenfall.server.service import PairService, serve_pairs

__all__ = ["RAISED", "Limits", "PairService", "pin_of", "serve_pairs"]
