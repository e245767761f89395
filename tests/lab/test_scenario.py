"""Scenario files: every case of the project loads, is complete, and draws by seed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from evenfall.lab.cases import cases_folder, find_case, load_cases
from evenfall.lab.clock import minutes_of
from evenfall.lab.scenario import (
    CONTROL_ROLES,
    EVERY_SERVICE,
    NO_MECHANISM,
    ROLES,
    TARGET_ROLES,
    Innocent,
    Scenario,
    draw,
    load,
    whitelists,
)
from evenfall.model.errors import FormatError, UsageError
from evenfall.model.vocabulary import MECHANISMS, Answer, Scope, State

CASES = load_cases(cases_folder())
BY_NAME = {case.name: case for case in CASES}

MUST_HAVE = {
    "clean", "throttle_sni_policer", "throttle_sni_shaper", "reset_sni", "drop_sni", "dns_lie",
    "ip_drop", "blockpage", "congestion", "slow_server", "tariff", "kazakhstan_2018", "jordan_2018",
    "russia_youtube_2024", "russia_2025", "turkey_2022", "site_down", "captive_portal", "vpn_on",
    "clock_off", "no_dns", "no_network", "server_dead", "controls_dead", "controls_slow",
    "controls_whitelisted", "bad_wifi",
}  # fmt: skip

each_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


def test_the_cases_are_there_and_most_are_innocent() -> None:
    """Those that are promised; more than half of all are innocent."""
    assert set(BY_NAME) >= MUST_HAVE
    assert sum(case.innocent for case in CASES) > len(CASES) / 2


@each_case
def test_a_case_is_consistent(case: Scenario) -> None:
    """Innocent means no censor; words are the vocabulary's; hours are hours; titles are titles."""
    assert case.innocent == (not case.censor)
    assert set(case.answers) <= {answer.value for answer in Answer}
    assert case.answers
    for expected in case.expected:
        assert {*expected.mechanism, *expected.ways} <= {*MECHANISMS, NO_MECHANISM}
        assert expected.service in (*TARGET_ROLES, EVERY_SERVICE)
        assert expected.target in ("", "front", "app")
    for rule in case.censor:
        assert minutes_of(rule.from_local or "00:00") != minutes_of(rule.to_local or "24:00")
        assert set(rule.services) <= set(TARGET_ROLES), "a censored control is another experiment"
    assert case.title
    assert not case.title.endswith(".")


@each_case
def test_an_innocent_case_never_allows_targeted(case: Scenario) -> None:
    """Whatever else is right in it, no set of right verdicts of an innocent case holds it."""
    scopes = {scope for expected in case.expected for scope in expected.scope}
    targeted = Scope.TARGETED in scopes or any(a.startswith("targeted") for a in case.answers)
    assert not (case.innocent and targeted)


@each_case
def test_what_a_censor_does_is_expected_to_be_seen(case: Scenario) -> None:
    """Every service that a rule names is expected to be other than ok, or a way to it to fail."""
    for rule in case.censor:
        for service in rule.services:
            expected = next(e for e in case.expected if e.service == service)
            assert State.OK not in expected.state or expected.ways


REAL = ("jordan_2018", "kazakhstan_2018", "russia_youtube_2024", "russia_2025", "turkey_2022")


@pytest.mark.parametrize("name", REAL)
def test_a_real_case_says_where_it_is_documented(name: str) -> None:
    """With the year of its name, and it is a censor's."""
    case = BY_NAME[name]
    assert name[-4:] in case.source
    assert case.censor


NEEDED = {
    "own_refusal": "http", "geo_refusal": "http", "site_down": "tls", "server_dead": "tls",
    "no_dns": "dns", "captive_portal": "tls", "vpn": "interfaces", "clock_off": "tls", "cdn": "dns",
    "ipv6_broken": "ipv6", "quic_closed": "quic", "wifi_loss": "gateway", "line_down": "gateway",
}  # fmt: skip
"""Without what an innocent cannot be seen; `goodput` for those that are slow."""


@each_case
def test_a_case_needs_what_it_uses(case: Scenario) -> None:
    """A backend that cannot show it is refused, so the observables have to be named."""
    if any(rule.action in ("sni.police", "sni.shape") for rule in case.censor):
        assert {"tls", "goodput"} <= set(case.needs)
    if any(rule.action == "ip.drop" for rule in case.censor):
        assert "tcp_drop" in case.needs
    if case.line.loss[1] > 0:
        assert "retransmissions" in case.needs
    if any("quic" in rule.action for rule in case.censor):
        assert "quic" in case.needs
    if any(rule.action == "sni.loss" for rule in case.censor):
        assert "retransmissions" in case.needs
    for innocent in case.innocents:
        wanted = NEEDED.get(innocent.kind, "goodput")
        silent = innocent.kind == "site_down" and innocent.how == "silent"
        slow = any(i.kind == "slow_server" for i in case.innocents)
        assert (wanted in case.needs) or (silent and "tcp_drop" in case.needs) or slow


def test_one_seed_gives_one_world_and_one_face() -> None:
    """Drawn twice the same; names depend on the seed alone; another seed, other names."""
    worlds = [draw(case, 7) for case in CASES]
    assert [draw(case, 7) for case in CASES] == worlds
    assert len({tuple(world.hosts.items()) for world in worlds}) == 1
    assert set(worlds[0].hosts) == set(ROLES)
    assert draw(CASES[0], 8).hosts != worlds[0].hosts


def test_lines_of_one_seed_are_alike_where_cases_do_not_differ() -> None:
    """A clean and a throttled line of one seed have the same rates and round trip."""
    clean, throttled = draw(BY_NAME["clean"], 7), draw(BY_NAME["throttle_sni_policer"], 7)
    assert (clean.down_bps, clean.up_bps, clean.rtt_s) == (
        throttled.down_bps,
        throttled.up_bps,
        throttled.rtt_s,
    )


@pytest.mark.parametrize("seed", range(30))
def test_ranges_hold(seed: int) -> None:
    """Every drawn value lies in the range its case gives, and hosts never coincide."""
    for case in CASES:
        world = draw(case, seed)
        rates = zip(world.innocent_rates_bps, (i.rate_bps for i in case.innocents), strict=True)
        for value, (low, high) in (
            (world.down_bps, case.line.down_bps),
            (world.up_bps, case.line.up_bps),
            (world.rtt_s, case.line.rtt_s),
            (world.loss, case.line.loss),
            *rates,
        ):
            assert low * (1 - 1e-9) <= value <= high * (1 + 1e-9)
        assert len(set(world.hosts.values())) == len(ROLES)
    assert set(CONTROL_ROLES).isdisjoint(TARGET_ROLES)


def written(tmp_path: Path, text: str) -> Path:
    """A scenario file of a case called `tried`."""
    path = tmp_path / "tried" / "scenario.toml"
    path.parent.mkdir()
    path.write_text(text)
    return path


GOOD = 'title = "t"\ninnocent = true\nexpected = []\nanswers = ["ok"]\n'


def test_a_case_is_named_by_its_folder_and_found_by_path(tmp_path: Path) -> None:
    """By name in a folder of cases, by its folder, or by its file."""
    path = written(tmp_path, GOOD)
    assert load(path).name == "tried"
    assert find_case("tried", tmp_path) == find_case(str(path), Path("/nowhere")) == load(path)
    assert find_case(str(path.parent), Path("/nowhere")).name == "tried"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD + "colour = 1\n", "colour"),
        (GOOD.replace("true", '"yes"'), "bool"),
        (GOOD + "[[censor]]\naction = 'sni.bribe'\nservices = ['video']\n", "sni.bribe"),
        (GOOD + "[[censor]]\naction = 'sni.drop'\nservices = ['bank']\n", "bank"),
        ("title = \n", "line 1"),
        ("", "title"),
    ],
    ids=["unknown key", "wrong type", "unknown action", "unknown role", "not TOML", "empty"],
)
def test_a_broken_file_is_one_clear_message(tmp_path: Path, text: str, words: str) -> None:
    """Where, what was seen, and what to read."""
    path = written(tmp_path, text)
    with pytest.raises(FormatError, match=words) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_an_unknown_name_is_answered_with_those_there_are(tmp_path: Path) -> None:
    """The message lists the cases; an empty folder says so."""
    written(tmp_path, GOOD)
    with pytest.raises(UsageError, match="tried"):
        find_case("tired", tmp_path)
    with pytest.raises(UsageError, match=r"scenario\.toml"):
        load_cases(tmp_path / "none")


def test_given_values_replace_drawn_ones_and_no_others() -> None:
    """A case can be placed on a grid of lines: names and the rest stay those of the seed."""
    case = BY_NAME["clean"]
    drawn = draw(case, 7)
    given = {"down_bps": 1e6, "rtt_s": 0.2, "loss": 0.02, "congctl": "bbr"}
    placed = draw(case, 7, **given)  # type: ignore[arg-type]  # (options)
    assert {name: getattr(placed, name) for name in given} == given
    assert placed.up_bps == drawn.up_bps
    assert placed.hosts == drawn.hosts
    assert draw(case, 7, loss=0.0).loss == 0.0


def test_the_congestion_control_is_drawn_last() -> None:
    """A case that leaves it open gets either, and the same line as one that does not."""
    case = BY_NAME["clean"]
    open_line = msgspec.structs.replace(case.line, congctl=("cubic", "bbr"))
    worlds = [draw(msgspec.structs.replace(case, line=open_line), seed) for seed in range(20)]
    assert {world.congctl for world in worlds} == {"cubic", "bbr"}
    assert [world.rtt_s for world in worlds] == [draw(case, seed).rtt_s for seed in range(20)]
    assert draw(case, 1).congctl == "cubic"


def test_a_whitelist_is_a_rule_for_all_others() -> None:
    """One shaper, shared, at the drawn rate, that spares the controls or those it names."""
    zero = Innocent(kind="whitelist", rate_bps=(3e5, 3e5))
    case = msgspec.structs.replace(BY_NAME["clean"], innocents=(zero,))
    (rule,) = whitelists(draw(case, 1))
    assert (rule.services, rule.others, rule.shared, rule.rate_bps) == (
        CONTROL_ROLES, True, True, pytest.approx(3e5),
    )  # fmt: skip
    named = msgspec.structs.replace(zero, services=("news",))
    (rule,) = whitelists(draw(msgspec.structs.replace(case, innocents=(named,)), 1))
    assert rule.services == ("news",)
    assert whitelists(draw(BY_NAME["clean"], 1)) == ()


@pytest.mark.parametrize(
    "fault",
    [
        'action = "sni.drop"\nservices = []',
        'action = "sni.drop"\nservices = ["video"]\nshare = 1.5',
        'action = "sni.loss"\nservices = ["video"]\nloss = -0.1',
        'action = "sni.police"\nservices = ["video"]\nrate_bps = 0',
        'action = "sni.stall"\nservices = ["video"]\nstall_bytes = -1',
        'action = "sni.drop"\nservices = ["video"]\nfamilies = [5]',
        'action = "sni.drop"\nservices = ["video"]\nfamilies = []',
        'action = "dns.lie"\nservices = ["video"]\nresidual_s = 60',
        'action = "sni.mitm"\nservices = ["video"]\nresidual_s = 60',
        'action = "sni.police"\nservices = ["video"]\ndirection = "sideways"',
        'action = "sni.explode"\nservices = ["video"]',
    ],
)
def test_rules_that_no_box_could_follow_are_refused(tmp_path: Path, fault: str) -> None:
    """With the number of the rule, or the key, in the message."""
    with pytest.raises(FormatError, match="censor"):
        load(written(tmp_path, GOOD.replace("true", "false", 1) + f"[[censor]]\n{fault}\n"))


@pytest.mark.parametrize("action", ["udp443.drop", "dns.hijack"])
def test_two_actions_may_mean_everything(tmp_path: Path, action: str) -> None:
    """Without services; everything else has to name some."""
    text = GOOD.replace("true", "false", 1) + f'[[censor]]\naction = "{action}"\nservices = []\n'
    assert load(written(tmp_path, text)).censor[0].services == ()
