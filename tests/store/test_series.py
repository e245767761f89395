"""Series: who counts as what, against a second computation in plain Python."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from foreign_table import MAP, bring, row, table

from evenfall.infer.series import Basis, Series
from evenfall.model import Observation, StoreError
from evenfall.model.vocabulary import Arm, ClockState, Fact, Provenance, Role
from evenfall.store import open_store
from evenfall.store import series as module
from evenfall.store.engine import connect, observations_table, stage
from evenfall.store.series import load_series

Write = Callable[..., Path]
START_US = 1_699_400_000_000_000


def observed(index: int, **fields) -> Observation:
    """One observation of our own, simulated unless told otherwise."""
    return Observation(
        **{
            "observation_id": f"r{index}/0",
            "fact": Fact.TRANSFER,
            "provenance": Provenance.SYNTH,
            "service": "video",
            "target": "video/front",
            "role": Role.TARGET,
            "network": "AS1",
            "timezone": "Asia/Almaty",
            "started_us": START_US + index * 1_000_000,
            "clock": ClockState.VERIFIED,
            "round_id": "round",
            **fields,
        }
    )


def pair(
    index: int, target_bps: int | None, neutral_bps: int | None, **fields
) -> list[Observation]:
    """Both arms of a pair."""
    common = {"pair_id": f"p{index}", "is_null_pair": False, **fields}
    return [
        observed(2 * index, arm=Arm.TARGET, goodput_bps=target_bps, **common),
        observed(2 * index + 1, arm=Arm.NEUTRAL, goodput_bps=neutral_bps, **common),
    ]


def series_of(tmp_path: Path, *observations: Observation, **filters) -> list[Series]:
    """What a store makes of simulated observations."""
    with open_store(tmp_path / "s", write=True) as store:
        store.add_observations(observations, name="made")
        return store.series(**filters)


# --- foreign tests ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcomes", "failed"),
    [
        (["ok"] * 10, 0.0),
        (["tcp"] * 3 + ["ok"] * 7, 0.0),
        (["tcp"] * 4 + ["ok"] * 6, 1.0),
        (["tcp"], 1.0),
    ],
    ids=["none", "exactly_the_share", "over", "one"],
)
def test_a_test_fails_over_its_share(
    tmp_path: Path, write_table: Write, outcomes: list[str], failed: float
) -> None:
    """More than 30 % of the endpoints, not 30 % itself."""
    lines = [row(1, endpoint=e, outcome=outcome) for e, outcome in enumerate(outcomes)]
    with open_store(tmp_path / "s", write=True) as store:
        bring(store, write_table("f.csv", lines))
        (series,) = store.series()
    assert series.failed.tolist() == [failed]
    assert series.basis is Basis.UNPAIRED
    assert (series.service, series.network) == ("telegram", "AS1")
    assert series.timezone == "Africa/Nairobi"
    assert series.archive_clock
    assert not series.clock_verified.any()
    assert series.line is None
    assert np.isnan(series.log_ratio).all()


def test_an_endpoint_fails_if_any_of_its_rows_failed(tmp_path: Path, write_table: Write) -> None:
    """One failed row of an endpoint outweighs its nine good ones; it is still one endpoint."""
    lines = [f"{row(1, endpoint=0)}" for _ in range(9)] + [row(1, endpoint=0, outcome="tls")]
    lines += [row(1, endpoint=e) for e in (1, 2)]
    with open_store(tmp_path / "s", write=True) as store:
        bring(store, write_table("f.csv", lines))
        (series,) = store.series()
    assert series.failed.tolist() == [1.0]


def test_repeats_do_not_weigh(tmp_path: Path, write_table: Write) -> None:
    """Without endpoints a row is one; its byte-identical repeats add nothing."""
    plan = MAP.replace('endpoint = "url"\n', "")
    lines = [row(1, endpoint=e) for e in range(3)] + [row(1, endpoint=3, outcome="tcp")] * 5
    with open_store(tmp_path / "s", write=True) as store:
        counts = bring(store, write_table("f.csv", lines), plan)
        (series,) = store.series()
    assert counts.repeated == 4
    assert series.failed.tolist() == [0.0]


def test_random_tests_against_plain_python(tmp_path: Path, write_table: Write) -> None:
    """400 tests of random endpoints and outcomes, counted again without a database."""
    rng = np.random.default_rng(7)
    lines, truth = [], defaultdict(lambda: defaultdict(bool))
    for test in range(400):
        for _ in range(int(rng.integers(1, 12))):
            endpoint, bad = int(rng.integers(6)), rng.random() < 0.25
            day, asn = test // 144 + 1, test % 3
            outcome = "tcp" if bad else "ok"
            lines.append(row(test % 144, endpoint=endpoint, outcome=outcome, day=day, asn=asn))
            truth[f"AS{asn}", day, test % 144][endpoint] |= bad
    rng.shuffle(lines)
    with open_store(tmp_path / "s", write=True) as store:
        bring(store, write_table("f.csv", lines))
        found = store.series()
    expected = defaultdict(list)
    for (network, day, test), endpoints in sorted(truth.items()):
        expected[network].append(sum(endpoints.values()) > 0.3 * len(endpoints))
        assert day
        assert test >= 0
    assert {s.network: s.failed.tolist() for s in found} == {
        network: [float(failed) for failed in tests] for network, tests in expected.items()
    }


def test_only_what_is_asked_for(tmp_path: Path, write_table: Write) -> None:
    """Services and networks restrict; what is not there is an empty list."""
    with open_store(tmp_path / "s", write=True) as store:
        bring(store, write_table("f.csv", table(networks=3)))
        assert [s.network for s in store.series()] == ["AS1", "AS2", "AS3"]
        assert [s.network for s in store.series(["telegram"], ["AS3", "AS1"])] == ["AS1", "AS3"]
        assert store.series(["video"]) == []
        assert store.series(None, ["AS9"]) == []
        assert store.series([], None) == []


# --- speeds ----------------------------------------------------------------------------------

SPEEDS = """
[time]
column = "when"
zone = "UTC"
[local]
zone = "Europe/Moscow"
[series]
service = "twitter"
network = { column = "asn", prefix = "AS" }
[goodput]
target = "fast"
controls = ["c1", "c2", "c3"]
unit = "kbit/s"
"""


def test_speeds_against_the_median_of_their_controls(tmp_path: Path) -> None:
    """Zero is −inf, a row without any control says nothing, both zero say nothing."""
    path = tmp_path / "f.csv"
    path.write_text(
        "when,asn,fast,c1,c2,c3\n"
        "2021-03-13 00:00:00,1,100,1000,3000,2000\n"
        "2021-03-13 00:05:00,1,100,1000,,4000\n"
        "2021-03-13 00:10:00,1,0,1000,,\n"
        "2021-03-13 00:15:00,1,100,,,\n"
        "2021-03-13 00:20:00,1,0,0,,\n"
        "2021-03-13 00:25:00,1,100,0,0,5\n"
        "2021-03-13 00:00:00,2,100,,,\n"
        "2021-03-13 00:05:00,2,0,,,\n"
    )
    with open_store(tmp_path / "s", write=True) as store:
        bring(store, path, SPEEDS)
        paired, alone = store.series()
    assert paired.basis is Basis.CONTROL_DIFFERENCE
    assert paired.log_ratio.tolist() == pytest.approx(
        [math.log(100 / 2000), math.log(100 / 2500), -math.inf, math.log(1e5)]
    )
    assert alone.basis is Basis.UNPAIRED
    assert alone.log_ratio.tolist() == pytest.approx([math.log(1e5), -math.inf])
    assert np.isnan(alone.failed).all()


def test_pairs_and_their_neutral_pairs(tmp_path: Path) -> None:
    """ln(target ÷ neutral); the n-th neutral pair of the round stands beside the n-th pair."""
    neutral = {"is_null_pair": True, "service": "other", "target": "other/front"}
    (series,) = series_of(
        tmp_path,
        *pair(1, 1_000, 10_000),
        *pair(2, 0, 10_000),
        *pair(3, 5_000, 0),
        *pair(4, 0, 0),
        *pair(5, None, 10_000),
        *pair(6, 9_000, 10_000, **neutral),
        *pair(7, 7_000, 1_000, round_id="second"),
    )
    assert series.basis is Basis.PAIRS
    assert series.log_ratio.tolist() == pytest.approx(
        [math.log(0.1), -math.inf, math.log(5000), math.log(7)]
    )
    assert series.null_log_ratio[0] == pytest.approx(math.log(0.9))
    assert np.isnan(series.null_log_ratio[1:]).all()
    assert series.clock_verified.all()
    assert not series.archive_clock


def test_beside_pairs_visits_do_not_speak(tmp_path: Path) -> None:
    """A visit that failed went to the site's own server; it borrows nothing from the pairs."""
    steps = {"fact": Fact.HTTP_EXCHANGE, "pair_id": None}
    visits = (
        observed(10, fact=Fact.TCP_CONNECT, failure="network_unreachable", family=6),
        observed(11, **steps, goodput_bps=77),
        observed(12, **steps, failure="generic_timeout_error", round_id="second"),
    )
    (series,) = series_of(tmp_path / "a", *pair(1, 1_000, 10_000), *pair(2, 0, 10_000), *visits)
    assert series.basis is Basis.PAIRS
    assert series.log_ratio.tolist() == pytest.approx([math.log(0.1), -math.inf])
    assert np.isnan(series.failed).all()
    (alone,) = series_of(tmp_path / "b", *visits)
    assert alone.failed.tolist() == [0.0, 1.0]


def test_pairs_of_one_service_do_not_silence_the_visits_of_another(tmp_path: Path) -> None:
    """Only the service that was paired; and only on that network."""
    step = {"fact": Fact.HTTP_EXCHANGE, "failure": "generic_timeout_error"}
    found = series_of(
        tmp_path,
        *pair(1, 1_000, 10_000),
        observed(10, **step, service="social", target="social/front"),
        observed(11, **step, network="AS2"),
    )
    told = {(s.service, s.network): s.failed.tolist() for s in found}
    assert told["social", "AS1"] == [1.0]
    assert told["video", "AS2"] == [1.0]
    assert np.isnan(told["video", "AS1"]).all()


def test_a_transfer_tells_nothing_of_failing(tmp_path: Path) -> None:
    """A control whose speed alone is known: its share of failures is unknown, not nought."""
    control = {"role": Role.CONTROL, "service": "a", "target": "a/x"}
    speeds = (8_000, 1_000, 8_000)
    rounds = [
        o
        for n, bps in enumerate(speeds)
        for o in (
            observed(2 * n, goodput_bps=500, round_id=f"r{n}", started_us=START_US + n * 10**10),
            observed(
                2 * n + 1, goodput_bps=bps, round_id=f"r{n}", started_us=START_US + n * 10**10,
                **control,
            ),
        )
    ]  # fmt: skip
    (series,) = series_of(tmp_path, *rounds)
    assert series.basis is Basis.CONTROL_DIFFERENCE
    assert np.isnan(series.control_failed).all()
    assert series.control_log_goodput is not None
    assert series.control_log_goodput.tolist() == pytest.approx([0.0, -math.log(8), 0.0])


def test_each_control_is_set_against_its_own_usual_speed(tmp_path: Path) -> None:
    """A fast and a slow control that take turns are not a network that slows down."""
    made = []
    for n in range(6):
        at = {"round_id": f"r{n}", "started_us": START_US + n * 10**10}
        name, bps = (("fast", 50_000), ("slow", 500))[n % 2]
        made += [
            observed(2 * n, goodput_bps=500, **at),
            observed(
                2 * n + 1, goodput_bps=bps, role=Role.CONTROL, service=name, target=f"{name}/x",
                **at,
            ),
        ]  # fmt: skip
    (series,) = series_of(tmp_path, *made)
    assert series.control_log_goodput is not None
    assert series.control_log_goodput.tolist() == pytest.approx([0.0] * 6, abs=1e-9)


def test_controls_that_failed_are_told(tmp_path: Path) -> None:
    """Share of controls in the round, else within the same ten minutes, else unknown."""
    control = {"role": Role.CONTROL, "fact": Fact.HTTP_EXCHANGE}
    minute_us = 60_000_000
    (series,) = series_of(
        tmp_path,
        *pair(1, 1_000, 10_000),
        observed(20, service="a", target="a/x", failure="connection_reset", **control),
        observed(21, service="b", target="b/x", **control),
        *pair(2, 1_000, 10_000, round_id="near", started_us=START_US + 2 * minute_us),
        *pair(3, 1_000, 10_000, round_id="far", started_us=START_US + 60 * minute_us),
    )
    assert series.control_failed[:2].tolist() == [0.5, 0.5]
    assert math.isnan(series.control_failed[2])


def test_controls_of_another_network_do_not_count(tmp_path: Path) -> None:
    """Concurrent means on the same network."""
    (series,) = series_of(
        tmp_path,
        *pair(1, 1_000, 10_000),
        observed(20, role=Role.CONTROL, fact=Fact.HTTP_EXCHANGE, network="AS2", target="a/x"),
    )
    assert np.isnan(series.control_failed).all()


def test_controls_stay_when_a_service_is_asked_for(tmp_path: Path) -> None:
    """A restriction to one service takes neither its controls nor its neutral pairs away."""
    (series,) = series_of(
        tmp_path,
        *pair(1, 1_000, 10_000),
        *pair(2, 1_000, 1_000, is_null_pair=True, service="social"),
        *pair(3, 1_000, 1_000, service="social"),
        observed(20, role=Role.CONTROL, fact=Fact.HTTP_EXCHANGE, service="a", target="a/x"),
        services=["video"],
    )
    assert series.service == "video"
    assert series.control_failed.tolist() == [0.0]
    assert series.null_log_ratio.tolist() == [0.0]


def test_lines_clocks_and_zones(tmp_path: Path) -> None:
    """Lines are told apart where they are known; one series a zone; no zone: the one given."""
    found = series_of(
        tmp_path,
        *pair(1, 1_000, 10_000, line="l1", clock=ClockState.UNVERIFIED),
        *pair(2, 1_000, 10_000, line=None),
        *pair(3, 1_000, 10_000, timezone="Asia/Aqtobe"),
        *pair(4, 1_000, 10_000, timezone=None, network=None),
        zone="Europe/Berlin",
    )
    told = [(s.network, s.timezone) for s in found]
    assert told == [
        ("AS1", "Asia/Almaty"),
        ("AS1", "Asia/Aqtobe"),
        ("unknown", "Europe/Berlin"),
    ]
    assert found[0].line is not None
    assert found[0].line.tolist() == ["l1", None]
    assert found[0].clock_verified.tolist() == [False, True]
    assert found[1].line is None


def test_simulated_and_measured_rows_never_meet() -> None:
    """Same service, same network: two series, and a simulated control is no measured one's."""
    connection = connect(Path("unused"))
    connection.execute(observations_table("staged"))
    from evenfall.archive import from_observations

    rows = [
        *pair(1, 1_000, 10_000),
        *pair(2, 9_000, 10_000, provenance=Provenance.PROBE),
        observed(20, role=Role.CONTROL, fact=Fact.HTTP_EXCHANGE, target="a/x"),
    ]
    stage(connection, "staged", from_observations(rows), "i")
    found = load_series(connection, ["SELECT * FROM staged"], [("i", 0)], "UTC")
    assert sorted(s.log_ratio.tolist()[0] for s in found) == pytest.approx(
        [math.log(0.1), math.log(0.9)]
    )
    assert sorted(np.isnan(s.control_failed).all() for s in found) == [False, True]


def test_measured_observations_are_not_taken_bare(tmp_path: Path) -> None:
    """Without a signed record only simulated observations come in this way."""
    with (
        open_store(tmp_path / "s", write=True) as store,
        pytest.raises(StoreError, match="provenance synth"),
    ):
        store.add_observations([observed(1, provenance=Provenance.PROBE)], name="x")


def test_simulated_observations_come_back_as_they_were(tmp_path: Path) -> None:
    """Every field, lists and curves included, survives the way through Parquet; twice is once."""
    full = observed(
        1,
        answers=("203.0.113.1", 'odd "one", two'),
        curve=((0, 0), (1000, 4096)),
        capped=True,
        body_bytes=0,
        goodput_bps=0,
        title="Кино, é",
    )
    with open_store(tmp_path / "s", write=True) as store:
        counts = store.add_observations([full, observed(2)], name="made")
        assert (counts.stored, counts.duplicates) == (2, 0)
        counts = store.add_observations([full, observed(2), observed(3)], name="more")
        assert (counts.stored, counts.duplicates) == (1, 2)
        assert [entry.kind for entry in store.imports()] == ["synth", "synth"]
        with store._faults("look"):
            sql = store._rows(store.imports(), None) + " AND title IS NOT NULL"
            found = store._connection.execute(
                f"SELECT answers, curve, capped, body_bytes, goodput_bps, title FROM ({sql})"  # noqa: S608  (the store's own)
            ).fetchall()
    assert found == [
        (["203.0.113.1", 'odd "one", two'], [[0, 0], [1000, 4096]], True, 0, 0, "Кино, é")
    ]


def test_a_control_that_was_not_timed_has_no_speed(tmp_path: Path):
    """It opened, and that is all that is known: its speed is unknown, not one bit per second."""
    visit = {"fact": Fact.HTTP_EXCHANGE, "round_id": "visit"}
    (series,) = series_of(
        tmp_path,
        observed(1, failure="connection_reset", **visit),
        observed(2, role=Role.CONTROL, service="news", target="news/front", **visit),
    )
    assert series.control_failed.tolist() == [0.0]
    assert np.isnan(series.control_log_goodput).all()


# --- part by part ----------------------------------------------------------------------------


def test_a_network_is_in_one_part_and_small_ones_share(tmp_path: Path, monkeypatch) -> None:
    """Every file is in one part, files of one network in the same, and parts do not overflow."""
    monkeypatch.setattr(module, "_PART_BYTES", 100)
    sizes = {"AS1": [60, 60], "AS2": [30], "AS3": [30], "AS4": [41], "AS5": [500], "AS6": [1]}
    files = []
    for network, own in sizes.items():
        for day, size in enumerate(own):
            file = tmp_path / f"day={day}" / f"network={network}" / "part-0.parquet"
            file.parent.mkdir(parents=True)
            file.write_bytes(b"x" * size)
            files.append(file)
    parts = module.parts_of(sorted(files))
    assert sorted(file for part in parts for file in part) == sorted(files)
    networks = [{file.parent.name for file in part} for part in parts]
    assert networks == [
        {"network=AS1"}, {"network=AS2", "network=AS3"}, {"network=AS4"}, {"network=AS5"},
        {"network=AS6"},
    ]  # fmt: skip
    assert module.parts_of([]) == [[]]


def test_parts_give_what_the_whole_gives(tmp_path: Path, monkeypatch) -> None:
    """Five networks, pairs and controls, loaded in one part and one by one: the same series."""
    rows = []
    for network in range(5):
        for n in range(4):
            known = {"network": f"AS{9 - network}", "round_id": f"{network}.{n}"}
            at = 10 * (4 * network + n)
            rows += pair(at, 1_000 + n, 10_000, software=f"v{n % 2}", **known)
            rows.append(
                observed(1000 + at, role=Role.CONTROL, fact=Fact.HTTP_EXCHANGE, target="a/x",
                         service="a", goodput_bps=5_000 + at, **known)
            )  # fmt: skip
    whole = series_of(tmp_path, *rows)
    monkeypatch.setattr(module, "_PART_BYTES", 0)
    with open_store(tmp_path / "s", write=False) as store:
        single = store.series()
    assert [s.network for s in single] == [f"AS{n}" for n in range(5, 10)]
    assert [vars_of(s) for s in single] == [vars_of(s) for s in whole]


def vars_of(series: Series) -> str:
    """Everything of a series, as text, so that NaN equals NaN."""
    return repr({name: getattr(series, name) for name in Series.__dataclass_fields__})
