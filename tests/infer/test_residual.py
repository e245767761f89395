"""Addresses that stay bad after a name, and lines that merely became slow."""

from __future__ import annotations

from pair_maker import TARGET, PairMaker

from evenfall.infer.residual import MEMORY_US, find_residual
from evenfall.infer.weigh import weigh

ONE, TWO = "203.0.113.80", "203.0.113.81"


def punished(*, elsewhere_bps: float = 10e6) -> PairMaker:
    """The first address is dead for everybody after the name was seen there."""
    maker = PairMaker().quiet(1, address=ONE)
    maker.add(0, 10e6, address=ONE, target_first=False)
    maker.add(0, 0, address=ONE)
    maker.add(10e6, elsewhere_bps, null=True, address=TWO)
    maker.add(0, 0, address=ONE)
    return maker


def test_an_address_that_stays_bad_is_told():
    """Neutral arms fail there after the name, and not before, and not at the other address."""
    (found,) = find_residual(punished().pairs)
    assert found.address == ONE
    assert (found.after, found.after_bad, found.clean_bad) == (2, 2, 0)
    assert found.p <= 0.05


def test_with_one_address_nothing_is_told():
    """Innocent: the line may have become slow in the meantime, for everybody."""
    maker = PairMaker().quiet(2, address=ONE)
    for _ in range(4):
        maker.add(0.2e6, 0.2e6, address=ONE)
    assert find_residual(maker.pairs) == ()


def test_a_line_that_became_slow_is_not_residual():
    """Innocent: the other address is as slow by then."""
    assert find_residual(punished(elsewhere_bps=0.1e6).pairs) == ()


def test_one_bad_arm_is_chance():
    """Innocent: a single failure after the name is told of nobody."""
    maker = PairMaker().quiet(1, address=ONE)
    maker.add(0, 0, address=ONE)
    maker.add(10e6, null=True, address=TWO)
    maker.add(0, 10e6, address=ONE)
    assert find_residual(maker.pairs) == ()


def test_failures_all_over_are_not_residual():
    """Innocent: as many clean arms fail."""
    maker = punished()
    for _ in range(4):
        maker.add(0, 0, null=True, address=TWO)
    assert find_residual(maker.pairs) == ()


def test_what_is_long_ago_is_not_asked():
    """Innocent: arms that came more than three minutes after the name are not counted."""
    maker = PairMaker().quiet(1, address=ONE)
    maker.add(0, 10e6, address=ONE, target_first=False)
    maker.now_us += MEMORY_US + 1_000_000
    maker.add(0, 0, null=True, address=ONE)
    maker.add(10e6, null=True, address=TWO)
    assert find_residual(maker.pairs) == ()


def test_the_order_of_the_arms_decides_what_a_pair_shows():
    """The spoilt pairs are left out, and do not make the line noisy."""
    maker = punished().quiet(2, address=TWO)
    for _ in range(3):
        maker.add(0, 10e6, address=TWO, target_first=False)
    said = weigh(maker.pairs, TARGET)
    assert [found.address for found in said.residual] == [ONE]
    assert said.leading.n_pairs == 4
    assert not said.leading.wide
    assert said.convicted


def test_a_spoilt_pair_does_not_say_that_the_name_makes_no_difference():
    """Both arms crawl at a punished address: left out, so that the other address decides."""
    maker = PairMaker().quiet(1, address=ONE)
    maker.add(0.1e6, 10e6, address=ONE, target_first=False)
    for _ in range(3):
        maker.add(0.1e6, 0.1e6, address=ONE)
        maker.add(10e6, 10e6, null=True, address=TWO)
    said = weigh(maker.pairs, TARGET)
    assert [found.address for found in said.residual] == [ONE]
    assert [p.neutral.goodput_bps for p in said.pairs] == [10_000_000]


def test_arms_at_an_address_where_the_name_was_seen_are_never_clean():
    """Innocent ground is what came before the name at its own address, or where it never was."""
    maker = punished().quiet(2, address=TWO)
    maker.add(0, 10e6, address=TWO, target_first=False)
    before = find_residual(maker.pairs)
    maker.quiet(3, address=TWO)
    assert [found.clean for found in find_residual(maker.pairs)] == [
        found.clean for found in before
    ]
