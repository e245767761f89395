"""SQL: observations that count → one row per test, pair or transfer (METHOD 2 and 4, CONTRACTS).

What makes a row of a series:

    `test` rows of one round     One row. A repeat weighs nothing; an endpoint failed if any of its
                                 rows failed; the test failed if more than `share_over` of its
                                 endpoints failed.
    steps of our own round       One row a target: it worked if any exchange did.
    arms of a paired transfer    One row: ln(target ÷ neutral), and beside it the ratio of a neutral
                                 pair of the same round.
    transfers without a pair     One row: ln(target ÷ median of the round's controls), or ln(own)
                                 where there is none.

`control_failed` is the share of controls on the same network that failed in the same round or,
where the round has none, in the same ten minutes. A transfer tells how fast a control was and
nothing about failing: where nothing else was measured the share is null, not zero.
`control_speed` is how fast those controls were: ln of a control's goodput less its own median in
this store, and of that the median over the controls. A slow evening shows here even where the ratio
to the target hides it.

`software`, `target` and `resolver` say who measured what; where a row has several, the first by
name. `target_bps` and `control_bps` are the speeds behind the ratio.

Zero goodput of the target is −inf; zero of the control counts as 1 bit/s; both zero say nothing
(null). Simulated rows are never in one series with measured ones. Nulls become NaN in `series`.
"""

from __future__ import annotations

__all__ = ["CONCURRENT_US", "SERIES_SQL"]

CONCURRENT_US = 600_000_000

_WHO = (
    "min(line) AS line, bool_and(clock = 'verified') AS verified, "
    "bool_or(clock = 'archive') AS archive, min(software) AS software, min(target) AS target, "
    "min(resolver) AS resolver"
)

_ROWS = """
rows AS (
  SELECT o.*, coalesce(o.network, 'unknown') AS net, coalesce(o.timezone, $zone) AS zone,
    o.provenance = 'synth' AS simulated, coalesce(i.share_over_ppm, 0) AS share_over_ppm
  FROM observations o LEFT JOIN imports i USING (import_id)
  WHERE coalesce(o.repeat, 0) = 0
)"""

_TESTS = f"""
endpoints AS (
  SELECT service, net, zone, simulated, round_id, share_over_ppm,
    coalesce(endpoint, observation_id) AS endpoint,
    max((failure IS NOT NULL)::INT) AS failed, min(started_us) AS started_us,
    {_WHO}
  FROM rows WHERE fact = 'test' AND role = 'target' GROUP BY ALL
),
tests AS (
  SELECT service, net, zone, simulated, round_id, min(started_us) AS started_us,
    (sum(failed) * 1000000 > max(share_over_ppm) * count(*))::DOUBLE AS failed,
    min(line) AS line, bool_and(verified) AS verified, bool_or(archive) AS archive,
    min(software) AS software, min(target) AS target, min(resolver) AS resolver
  FROM endpoints GROUP BY service, net, zone, simulated, coalesce(round_id, endpoint), round_id
)"""  # noqa: S608  (constants of this file)

_VISITS = f"""
visits AS (
  SELECT service, net, zone, simulated, round_id, min(started_us) AS started_us,
    (count(*) FILTER (fact = 'http_exchange' AND failure IS NULL) = 0)::DOUBLE AS failed,
    {_WHO}
  FROM rows
  WHERE role = 'target' AND pair_id IS NULL
    AND fact IN ('dns_lookup', 'tcp_connect', 'tls_handshake', 'http_exchange')
  GROUP BY service, net, zone, simulated, round_id, target
  HAVING count(*) FILTER (failure IS NOT NULL) > 0 OR count(*) FILTER (fact = 'http_exchange') > 0
)"""  # noqa: S608  (constants of this file)

_PAIRS = f"""
arms AS (
  SELECT net, simulated, round_id, pair_id, direction,
    coalesce(bool_or(is_null_pair), false) AS is_null,
    any_value(service) FILTER (arm = 'target') AS service,
    any_value(zone) AS zone, min(started_us) AS started_us,
    any_value(goodput_bps) FILTER (arm = 'target') AS target_bps,
    any_value(goodput_bps) FILTER (arm = 'neutral') AS neutral_bps,
    {_WHO}
  FROM rows WHERE fact = 'transfer' AND pair_id IS NOT NULL
  GROUP BY net, simulated, round_id, pair_id, direction
),
ratios AS (
  SELECT *, ratio(target_bps, neutral_bps) AS x,
    row_number() OVER (PARTITION BY net, simulated, round_id, is_null,
      CASE WHEN is_null THEN NULL ELSE service END ORDER BY started_us, pair_id) AS place
  FROM arms WHERE target_bps IS NOT NULL AND neutral_bps IS NOT NULL
),
pairs AS (
  SELECT p.service, p.net, p.zone, p.simulated, p.round_id, p.started_us, p.x, n.x AS null_x,
    p.place, p.line, p.verified, p.archive, p.software, p.target, p.resolver, p.target_bps,
    p.neutral_bps AS control_bps
  FROM ratios p LEFT JOIN ratios n
    ON n.is_null AND n.net = p.net AND n.simulated = p.simulated AND n.place = p.place
    AND n.round_id = p.round_id
  WHERE NOT p.is_null AND p.service IS NOT NULL
)"""  # noqa: S608  (constants of this file)

_SPEEDS = """
control_speeds AS (
  SELECT net, simulated, round_id, median(goodput_bps) AS control_bps
  FROM rows
  WHERE role = 'control' AND pair_id IS NULL AND goodput_bps IS NOT NULL
    AND fact IN ('transfer', 'http_exchange')
  GROUP BY net, simulated, round_id
),
speeds AS (
  SELECT t.service, t.net, t.zone, t.simulated, t.round_id, t.started_us, t.line,
    t.clock = 'verified' AS verified, t.clock = 'archive' AS archive,
    ratio(t.goodput_bps, c.control_bps) AS x,
    CASE WHEN t.goodput_bps = 0 THEN '-inf'::DOUBLE ELSE ln(t.goodput_bps) END AS own,
    t.software, t.target, t.resolver, t.goodput_bps AS target_bps, c.control_bps,
    row_number() OVER (PARTITION BY t.service, t.net, t.zone, t.simulated, t.round_id
      ORDER BY t.started_us, t.observation_id) AS place
  FROM rows t LEFT JOIN control_speeds c USING (net, simulated, round_id)
  WHERE t.role = 'target' AND t.pair_id IS NULL AND t.goodput_bps IS NOT NULL
    AND t.fact IN ('transfer', 'http_exchange')
)"""

_CONTROLS = """
control_outcomes AS (
  SELECT net, simulated, round_id, target, min(started_us) AS started_us,
    CASE WHEN count(*) FILTER (fact = 'http_exchange') > 0
         THEN (count(*) FILTER (fact = 'http_exchange' AND failure IS NULL) = 0)::DOUBLE
         ELSE max((failure IS NOT NULL)::INT) FILTER (fact <> 'transfer')::DOUBLE END AS failed,
    CASE WHEN count(goodput_bps) FILTER (fact IN ('transfer', 'http_exchange')) > 0
         THEN ln(greatest(median(goodput_bps) FILTER (fact IN ('transfer', 'http_exchange')), 1))
         END AS speed
  FROM rows WHERE role = 'control' AND pair_id IS NULL
  GROUP BY net, simulated, round_id, target
),
control_levels AS (
  SELECT net, simulated, target, median(speed) AS level FROM control_outcomes GROUP BY ALL
),
controls AS (
  SELECT o.net, o.simulated, o.round_id, o.started_us, o.failed, o.speed - l.level AS speed
  FROM control_outcomes o JOIN control_levels l USING (net, simulated, target)
),
controls_by_round AS (
  SELECT net, simulated, round_id, avg(failed) AS failed, median(speed) AS speed
  FROM controls GROUP BY ALL
),
controls_by_bin AS (
  SELECT net, simulated, started_us // $concurrent_us AS bin, avg(failed) AS failed,
    median(speed) AS speed
  FROM controls GROUP BY ALL
)"""

# Where a service was paired, its pairs alone speak: a visit that failed went to another server, and
# must not borrow what the pairs prove. Else a round's failure stands on its first transfer, or in a
# row of its own.
_FACTS = """
outcomes AS (
  SELECT *, row_number() OVER (PARTITION BY service, net, zone, simulated, round_id
    ORDER BY started_us) AS place
  FROM (SELECT * FROM tests UNION ALL BY NAME SELECT * FROM visits) t
  WHERE NOT EXISTS (FROM pairs p WHERE p.service = t.service AND p.net = t.net
    AND p.simulated = t.simulated)
),
measured AS (
  SELECT service, net, zone, simulated, round_id, place, started_us, line, verified, archive,
    software, target, resolver, target_bps, control_bps,
    x AS pair_x, null_x, NULL::DOUBLE AS control_x, NULL::DOUBLE AS own_x
  FROM pairs
  UNION ALL
  SELECT service, net, zone, simulated, round_id, place, started_us, line, verified, archive,
    software, target, resolver, target_bps, control_bps, NULL, NULL, x, own
  FROM speeds s
  WHERE NOT EXISTS (FROM pairs p WHERE p.service = s.service AND p.net = s.net
    AND p.simulated = s.simulated)
),
facts AS (
  SELECT coalesce(m.service, o.service) AS service, coalesce(m.net, o.net) AS net,
    coalesce(m.zone, o.zone) AS zone, coalesce(m.simulated, o.simulated) AS simulated,
    coalesce(m.round_id, o.round_id) AS round_id,
    coalesce(m.started_us, o.started_us) AS started_us,
    coalesce(m.line, o.line) AS line, coalesce(m.verified, o.verified) AS verified,
    coalesce(m.archive, o.archive) AS archive,
    coalesce(m.software, o.software) AS software, coalesce(m.target, o.target) AS target,
    coalesce(o.resolver, m.resolver) AS resolver, m.target_bps, m.control_bps,
    o.failed, m.pair_x, m.null_x, m.control_x, m.own_x
  FROM measured m FULL JOIN outcomes o
    ON m.service = o.service AND m.net = o.net AND m.zone = o.zone AND m.simulated = o.simulated
    AND m.round_id = o.round_id AND m.place = o.place
)"""

SERIES_SQL = f"""
WITH {_ROWS}, {_TESTS}, {_VISITS}, {_PAIRS}, {_SPEEDS}, {_CONTROLS}, {_FACTS}
SELECT f.service, f.net AS network, f.zone AS timezone, f.simulated, f.started_us, f.line,
  f.verified, f.archive, f.software, f.target, f.resolver, f.target_bps, f.control_bps,
  f.failed, f.pair_x, f.null_x, f.control_x, f.own_x,
  coalesce(r.failed, b.failed) AS control_failed,
  coalesce(r.speed, b.speed) AS control_speed
FROM facts f
LEFT JOIN controls_by_round r
  ON r.net = f.net AND r.simulated = f.simulated AND r.round_id = f.round_id
LEFT JOIN controls_by_bin b
  ON b.net = f.net AND b.simulated = f.simulated AND b.bin = f.started_us // $concurrent_us
ORDER BY ALL
"""  # noqa: S608  (constants of this file)
