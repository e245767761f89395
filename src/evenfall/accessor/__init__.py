"""A store in Python and in notebooks: reading only.

    with evenfall.open("kz.evf") as store:
        nights = store.nights("telegram", network="AS33771")
        nights.window()     # recurring hours, with their intervals
        nights.carpet()     # local hours × nights, drawn in a notebook
        nights.why()        # rule, ruleset, profile, n

What it says is what the page and the commands say, word for word, because it comes from the same
rooms; nothing is computed here. Texts from archives are foreign: whatever is drawn as HTML is
escaped, and what is printed holds no control characters. Errors are `EvenfallError`s that name what
there is.
"""

from evenfall.accessor.answer import Answer
from evenfall.accessor.carpet_view import CarpetView
from evenfall.accessor.nights import Nights, NightsList
from evenfall.accessor.opened import OpenStore, open_for_reading
from evenfall.accessor.why import Why

__all__ = [
    "Answer",
    "CarpetView",
    "Nights",
    "NightsList",
    "OpenStore",
    "Why",
    "open_for_reading",
]
