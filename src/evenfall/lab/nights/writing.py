"""A world into a store, as simulated rows."""

from __future__ import annotations

from pathlib import Path

from evenfall.lab.nights.world import NightWorld, observations

__all__ = ["write_world"]


def write_world(world: NightWorld, store_path: Path) -> None:
    """Write all rows of a world into a store, which is made if absent.

    Raises:
        StoreError: the store cannot be written.
    """
    from evenfall.store import open_store

    truth = world.truth
    with open_store(store_path, write=True) as store:
        store.add_observations(
            observations(world),
            name=f"synth/{truth.family}/{truth.seed}/{truth.nights}",
            format="synth",
        )
