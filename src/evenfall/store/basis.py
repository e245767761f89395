"""Which observations a stretch of one series rests on, by id.

The rows of a series are pairs, visits and tests; each stands at the first moment of what was
measured together. So a round, or one pair of it, belongs to the stretch in which it began, whole.
Beside the service's own observations stand those of the controls and of the neutral pairs of the
same network, because they are what it was compared with. Repeats weigh nothing and are left out.
"""

from __future__ import annotations

from typing import NamedTuple

import duckdb

__all__ = ["Stretch", "observation_ids"]

_SQL = """
SELECT observation_id FROM (
  SELECT observation_id, service, role, is_null_pair, started_us, min(started_us) OVER (
      PARTITION BY coalesce(round_id, observation_id), pair_id) AS begun_us
  FROM observations
  WHERE coalesce(repeat, 0) = 0 AND coalesce(network, 'unknown') = $network
    AND (provenance = 'synth') = $simulated
    AND started_us BETWEEN $from_us - $together_us AND $to_us + $together_us
)
WHERE begun_us >= $from_us AND begun_us < $to_us
  AND (service = $service OR role = 'control' OR coalesce(is_null_pair, false))
ORDER BY service <> $service, started_us, observation_id
"""

_TOGETHER_US = 3_600_000_000  # no round lasts an hour


class Stretch(NamedTuple):
    """What to look for: one series, and µs since 1970, half-open."""

    service: str
    network: str
    simulated: bool
    from_us: int
    to_us: int


def observation_ids(connection: duckdb.DuckDBPyConnection, stretch: Stretch) -> list[str]:
    """Ids of all observations that count, the service's own first, each part in order of time.

    Args:
        connection: holds the view `observations`.
        stretch: of which series, from when to when.
    """
    found = connection.execute(_SQL, {**stretch._asdict(), "together_us": _TOGETHER_US}).fetchall()
    return [str(name) for (name,) in found]
