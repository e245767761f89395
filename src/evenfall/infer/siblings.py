"""Other services on the same network in the same hours: do they share the fate of the target?

An archive of one service after the other has no controls by that name. But if other services on the
same network opened in the same hours, the line and the network were up, which is what a control
tells; and if they all fail alike, nobody chose among services.

Rules:
    clean       at least three rows in the hours, and at most a fifth of them went wrong
                (`scope.fared_badly`).
    alike       at least three rows, and a share went wrong of at least half of the target's own.
    in between  named as affected, and no witness either way.
    Two clean ones take the place of controls, for `blocked`: one could be fine by its own luck, or
    be served from within the network. Where none is clean and two fail alike, it is `generalized`.
    Where controls were measured, they speak, and siblings do not.

What it does not do: take paired transfers as siblings. Both arms of a pair go to our own server,
and their ratio says nothing about whether anything opens.

Sources: METHOD 3 (controls) and 4; decision 0025.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.profiles import NightlyProfile

__all__ = ["NO_SIBLINGS", "Siblings", "siblings_of"]

_CONTROLS_MIN = 2
_ALIKE_SHARE = 0.5
_NAMED_MAX = 6


@dataclass(frozen=True)
class Siblings:
    """Other services of the network, by name; `alike` are those of `affected` that fail as it."""

    clean: tuple[str, ...] = ()
    affected: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()

    @property
    def are_controls(self) -> bool:
        """Whether they can take the place of controls."""
        return len(self.clean) >= _CONTROLS_MIN

    @property
    def all_alike(self) -> bool:
        """Whether everything that was measured fails as the target does."""
        return not self.clean and len(self.alike) >= _CONTROLS_MIN

    @property
    def clause(self) -> str:
        """In words, or "" where none was measured."""
        if not self.clean:
            return f"{_named(self.affected)} likewise" if self.affected else ""
        also = f"; not fine: {_named(self.affected)}" if self.affected else ""
        return f"{_named(self.clean)} on this network fine in the same hours{also}"


NO_SIBLINGS = Siblings()
"""None was measured."""


def siblings_of(
    others: Mapping[str, npt.NDArray[np.bool_]], own_share: float, profile: NightlyProfile
) -> Siblings:
    """Sort services by whether their rows in the hours went wrong.

    Args:
        others: service → its rows in the hours (True = went wrong).
        own_share: share of the target's rows in the hours that went wrong.
        profile: the constants.
    """
    told = {name: bad for name, bad in others.items() if bad.size >= profile.clean_rows_min}
    clean = tuple(name for name, bad in told.items() if bad.mean() <= profile.clean_rate_max)
    affected = tuple(name for name in told if name not in clean)
    alike = tuple(name for name in affected if told[name].mean() >= _ALIKE_SHARE * own_share)
    return Siblings(clean, affected, alike)


def _named(names: tuple[str, ...]) -> str:
    rest = len(names) - _NAMED_MAX
    shown = ", ".join(names[:_NAMED_MAX])
    return f"{shown} and {rest} more" if rest > 0 else shown
