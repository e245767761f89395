"""The measurement server: pairs, looks from outside, speed tests; no record of who came."""

from evenfall.server.allow_list import MASS_MARKET, AllowList, read_allow_list
from evenfall.server.identity import pin_of
from evenfall.server.limits import RAISED, Limits
from evenfall.server.outside_look import LookPolicy
from evenfall.server.service import PairService, serve_pairs
from evenfall.server.session import Ndt7

__all__ = [
    "MASS_MARKET",
    "RAISED",
    "AllowList",
    "Limits",
    "LookPolicy",
    "Ndt7",
    "PairService",
    "pin_of",
    "read_allow_list",
    "serve_pairs",
]
