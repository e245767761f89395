"""Both arms of one service's pairs in bit/s, for drawing an evening as it was."""

from __future__ import annotations

from typing import NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt

__all__ = ["PairSpeeds", "load_pair_speeds"]

PAIRS_MAX = 200_000
"""Newest pairs that are read; a page draws one evening."""

_SQL = """
SELECT min(started_us) AS started_us,
  any_value(goodput_bps) FILTER (arm = 'target') AS target_bps,
  any_value(goodput_bps) FILTER (arm = 'neutral') AS control_bps
FROM ({rows})
WHERE fact = 'transfer' AND pair_id IS NOT NULL AND NOT coalesce(is_null_pair, false)
  AND coalesce(repeat, 0) = 0 AND service = $service AND coalesce(network, 'unknown') = $network
  AND (provenance = 'synth') = $simulated
GROUP BY round_id, pair_id, direction
HAVING target_bps IS NOT NULL AND control_bps IS NOT NULL
ORDER BY started_us DESC LIMIT $pairs_max
"""


class PairSpeeds(NamedTuple):
    """Shape (n,) each, int64: stamps as in the series (the pair's first arm), and bit/s."""

    started_us: npt.NDArray[np.int64]
    target_bps: npt.NDArray[np.int64]
    control_bps: npt.NDArray[np.int64]


def load_pair_speeds(
    connection: duckdb.DuckDBPyConnection, rows: str, service: str, network: str, simulated: bool
) -> PairSpeeds:
    """The arms of all pairs of one service on one network, newest first.

    Args:
        connection: the store's.
        rows: SQL that selects the observations that count.
        service: as in the series.
        network: as in the series; `unknown` where the observations name none.
        simulated: of the generator, or measured; never both.
    """
    frame = connection.execute(
        _SQL.format(rows=rows),
        {
            "service": service,
            "network": network,
            "simulated": simulated,
            "pairs_max": PAIRS_MAX,
        },
    ).fetchnumpy()
    return PairSpeeds(
        *(np.ma.filled(frame[name], 0).astype(np.int64) for name in PairSpeeds._fields)
    )
