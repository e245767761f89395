"""SQL of the exported tables; the frames that it reads are made in `export_tables`.

Stamps are texts in ISO 8601 with the offset that held then, because a spreadsheet that reads a
stamp without one reads it in its own zone. Quantiles are inclusive and linear, over known ratios
alone; zero bytes are a ratio of 0 and count.
"""

from __future__ import annotations

__all__ = ["HOURS_SQL", "NIGHTS_SQL", "OBSERVATIONS_SQL", "SURVEY_SQL"]

_SECOND = "%Y-%m-%dT%H:%M:%S"

SURVEY_SQL = """
SELECT service, coalesce(timezone, $zone) AS zone, provenance = 'synth' AS simulated,
  min(started_us), max(started_us)
FROM observations GROUP BY ALL ORDER BY ALL
"""

OBSERVATIONS_SQL = f"""
WITH wanted AS (
  SELECT *, coalesce(timezone, $zone) AS zone FROM observations
  WHERE coalesce(repeat, 0) = 0
    AND (provenance = 'synth') IN (SELECT unnest($kinds::BOOLEAN[]))
    AND ($all OR service IN (SELECT unnest($services::VARCHAR[]))
      OR pair_id IN (SELECT pair_id FROM observations WHERE pair_id IS NOT NULL
        AND service IN (SELECT unnest($services::VARCHAR[]))))
)
SELECT w.* EXCLUDE (network, timezone, answers), coalesce(w.network, 'unknown') AS network,
  w.zone AS timezone, w.provenance = 'synth' AS simulated,
  array_to_string(w.answers, ' ') AS answers,
  strftime(make_timestamp(w.started_us), '{_SECOND}.%fZ') AS started_utc,
  strftime(make_timestamp(w.started_us + z.offset_s * 1000000), '{_SECOND}.%f')
    || z.offset_text AS started_local
FROM wanted w ASOF LEFT JOIN (
  SELECT zone::VARCHAR AS zone, from_us, offset_s, offset_text::VARCHAR AS offset_text
  FROM zone_steps
) z ON w.zone = z.zone AND w.started_us >= z.from_us
ORDER BY w.service, network, w.started_us, w.observation_id
"""  # noqa: S608  (constants of this file)

_FARED = """
  count(*) FILTER (step >= 0) AS n,
  count(*) FILTER (step = 4) AS n_failed,
  count(*) FILTER (step IN (2, 3)) AS n_slow,
  count(*) FILTER (step < 0) AS n_untold,
  count(*) FILTER (step >= 0 AND NOT isnan(ratio)) AS n_ratio,
  quantile_cont(ratio, 0.5) FILTER (step >= 0 AND NOT isnan(ratio)) AS ratio_median,
  quantile_cont(ratio, 0.1) FILTER (step >= 0 AND NOT isnan(ratio)) AS ratio_p10,
  quantile_cont(ratio, 0.25) FILTER (step >= 0 AND NOT isnan(ratio)) AS ratio_p25,
  quantile_cont(ratio, 0.75) FILTER (step >= 0 AND NOT isnan(ratio)) AS ratio_p75,
  quantile_cont(ratio, 0.9) FILTER (step >= 0 AND NOT isnan(ratio)) AS ratio_p90
"""

_DATE = "strftime(DATE '1970-01-01' + night::INTEGER, '%Y-%m-%d')"

NIGHTS_SQL = f"""
WITH grouped AS (SELECT series, night, {_FARED} FROM series_rows GROUP BY ALL)
SELECT s.service::VARCHAR AS service, s.network::VARCHAR AS network, s.simulated,
  s.timezone::VARCHAR AS timezone, s.basis::VARCHAR AS basis, g.* EXCLUDE (series, night),
  {_DATE} AS night, (g.night + 3) % 7 AS weekday,
  CASE WHEN s.has_hours THEN c.seen IS NOT NULL END AS measured_inside, c.seen AS seen_inside
FROM grouped g JOIN series_names s USING (series)
LEFT JOIN curfew_nights c USING (series, night)
ORDER BY service, network, night
"""  # noqa: S608  (constants of this file)

HOURS_SQL = f"""
WITH grouped AS (
  SELECT series, night, hour_start_us, offset_s, local_hour, {_FARED},
    nullif(count(DISTINCT line::VARCHAR), 0) AS n_lines
  FROM series_rows GROUP BY series, night, hour_start_us, offset_s, local_hour
)
SELECT s.service::VARCHAR AS service, s.network::VARCHAR AS network, s.simulated,
  s.timezone::VARCHAR AS timezone, s.basis::VARCHAR AS basis,
  g.* EXCLUDE (series, night, hour_start_us, offset_s), {_DATE} AS night,
  strftime(make_timestamp(hour_start_us), '{_SECOND}Z') AS hour_start_utc,
  strftime(make_timestamp(hour_start_us + offset_s * 1000000), '{_SECOND}')
    || CASE WHEN offset_s < 0 THEN '-' ELSE '+' END
    || lpad((abs(offset_s) // 3600)::VARCHAR, 2, '0') || ':'
    || lpad((abs(offset_s) % 3600 // 60)::VARCHAR, 2, '0') AS hour_start_local
FROM grouped g JOIN series_names s USING (series)
"""  # noqa: S608  (constants of this file)
