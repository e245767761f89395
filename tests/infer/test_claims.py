"""What a claim is written down with: its comparison, and the dates that do not fit it."""

from __future__ import annotations

import numpy as np
import pytest

from evenfall.infer.nights import judge
from evenfall.infer.series import Basis
from evenfall.model.vocabulary import Reference


def failing(histories, seed: int, name: str, first: int, last: int):
    """A month of one network that fails at all hours on the dates first … last."""
    h = histories.measured(np.random.default_rng(seed), 30, every_min=40, network=name)
    bad = (h.date >= first) & (h.date <= last)
    return h.series(Basis.UNPAIRED, failed=h.failing(np.where(bad, 0.97, 0.01)))


@pytest.mark.parametrize(
    ("first", "reference"), [(10, Reference.OTHER_DAYS), (0, Reference.OTHER_NETWORKS)]
)
def test_the_share_beside_names_what_it_was_measured_on(histories, first: int, reference) -> None:
    """With days before these are the reference; without, the other network."""
    series = [failing(histories, 1, "AS1", first, 99), failing(histories, 2, "AS2", 99, 99)]
    (curfew,) = judge(series, rng=np.random.default_rng(1)).curfews
    assert curfew.effect.outside_of is reference
    assert (curfew.onset is None) is (first == 0)
    assert any(words in " ".join(curfew.caveats) for words in ("days outside", "other networks"))


def test_pairs_from_the_first_day_have_chance_alone(histories) -> None:
    """No share was measured beside it, and none is made up."""
    h = histories.measured(np.random.default_rng(7), 12)
    series = h.series(Basis.PAIRS, log_ratio=h.slowed(np.ones(h.n, bool), 10))
    (curfew,) = judge([series], rng=np.random.default_rng(3)).curfews
    assert (curfew.effect.outside_of, curfew.effect.outside) == (Reference.CHANCE, 0.0)


def test_nights_between_two_waves_are_no_exceptions(histories) -> None:
    """Well in the gap is what the gap is; a window is compared with its other hours."""
    h = histories.measured(np.random.default_rng(11), 45)
    waves = ((h.date >= 3) & (h.date <= 13)) | ((h.date >= 27) & (h.date <= 38))
    series = h.series(Basis.PAIRS, log_ratio=h.slowed(waves & h.inside(20, 22), 10))
    (curfew,) = judge([series], rng=np.random.default_rng(4)).curfews
    assert len(curfew.episodes) == 2
    gap = curfew.episodes[0].last, curfew.episodes[1].first
    assert not [one for one in curfew.exceptions if gap[0] < one[:10] < gap[1]]
    assert curfew.effect.outside_of is Reference.OTHER_HOURS
