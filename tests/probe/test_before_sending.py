"""Before the first packet: consent, budget, plan, and what the machine says of itself."""

from __future__ import annotations

import re

import msgspec
import pytest

from evenfall.measure.gateway import GATEWAY_BYTES
from evenfall.model.errors import BudgetExceeded
from evenfall.model.target import Target, TargetList
from evenfall.model.vocabulary import Role
from evenfall.net.fake import Rule
from evenfall.probe import pair_plan
from evenfall.probe.budget import CHECK_BYTES_MAX, LOOKUP_BYTES, Budget, reserve_for
from evenfall.probe.builtin import BUILT_IN
from evenfall.probe.capacity import CAPACITY_BYTES
from evenfall.probe.consent import Consent, is_lab_network, recorded_consent, store_consent
from evenfall.probe.locate import LOCATE_S_MAX, PATH_BYTES
from evenfall.probe.plan import SECOND_LOOKS_MAX, UPLOADED_MAX, plan_check
from evenfall.probe.schedule import CAPACITY_S_MAX
from evenfall.probe.surroundings import is_on_this_machine, proxies_set, tunnel_in_use
from evenfall.probe.targets import host_of
from evenfall.text.consent import RISK_VERSION, risk_text


def test_a_lab_network_is_recognised(world):
    """The lab's list: reserved names, private addresses, both resolvers given, ca_file set."""
    assert is_lab_network(world.targets())
    on_loopback = {"resolver": "127.13.0.53:44053", "public_resolver": "127.13.0.54:44053"}
    assert is_lab_network(world.targets(**on_loopback))


@pytest.mark.parametrize(
    "change",
    [{"ca_file": ""}, {"resolver": ""}, {"public_resolver": ""}, {"public_resolver": "9.9.9.9"},
     {"resolver": "192.168.1.1"}, {"resolver": "100.64.1.1:5353"}, {"resolver": "fd00::1"},
     {"public_resolver": "10.0.0.53"}, {"resolver": "127.0.0.53"}, {"resolver": "[::1]:53"},
     {"targets": (Target(target_id="a/b", url="https://youtube.com/", role=Role.TARGET),)},
     {"controls": (Target(target_id="a/b", url="https://8.8.8.8/", role=Role.CONTROL),)},
     {"controls": (Target(target_id="a/b", url="https://[64:ff9b::808:808]", role=Role.CONTROL),)}],
    ids=["no ca", "no resolver", "no second", "public resolver", "home router", "carrier's router",
         "home router over IPv6", "home's second", "this machine's forwarder", "over IPv6",
         "real name", "real address", "real address by NAT64"],
)  # fmt: skip
def test_anything_real_is_no_lab(world, change):
    """One thing in the list that exists outside, and consent is not implied."""
    assert not is_lab_network(world.targets(**change))
    assert not is_lab_network(BUILT_IN)


def test_consent_is_kept_with_its_version(tmp_path):
    """What was agreed to can be read again; a broken file is no consent."""
    store = tmp_path / "new" / "store"
    consent = Consent(version=RISK_VERSION, language="kk", given_us=1, how="terminal")
    assert recorded_consent(store) is None
    store_consent(store, consent)
    assert recorded_consent(store) == consent
    assert [p.name for p in store.iterdir()] == ["consent.json"]
    (store / "consent.json").write_text("{")
    assert recorded_consent(store) is None


@pytest.mark.parametrize("language", ["en", "ru", "kk"])
def test_risk_texts_say_the_same(language):
    """Each language names the budget, the time and how to stop, in about equal length."""
    text = risk_text(language)
    assert "6" in text
    assert "75" in text
    assert "Ctrl-C" in text
    assert 0.7 < len(text) / len(risk_text("en")) < 1.4
    if language != "en":
        assert re.search("[а-я]", text)


def test_the_budget_counts(world):
    """Reserved and spent bytes are gone; what does not fit is refused and reserves nothing."""
    budget = Budget(1000)
    budget.reserve(600)
    assert budget.left_bytes == 400
    with pytest.raises(BudgetExceeded):
        budget.reserve(401)
    assert budget.left_bytes == 400
    budget.spend(500)
    budget.release(600)
    assert budget.left_bytes == 500
    assert not budget.fits(501)
    assert reserve_for(100_000) > 110_000


def test_the_plan_names_everybody(world):
    """Every host, both resolvers and the server are in the plan, with bytes and time."""
    targets = world.targets()
    plan = plan_check(targets)
    text = str(plan)
    for site in (*targets.targets, *targets.controls):
        assert host_of(site.url) in text
    for place in (targets.resolver, targets.public_resolver, "203.0.113.80:8443"):
        assert place in [step.whom for step in plan.steps], place
    assert plan.bytes_max == CHECK_BYTES_MAX
    assert plan.seconds_max == 75


def test_the_plan_names_the_new_stages():
    """Telegram's endpoints, the resolver inside TLS and QUIC are in it, and each is a sentence."""
    steps = plan_check(BUILT_IN).steps
    by_whom = {step.whom: step for step in steps}
    assert "Telegram's own protocol" in by_whom["149.154.167.51:443"].what
    assert "inside TLS" in by_whom[BUILT_IN.doh].what
    assert "www.youtube.com" in by_whom[BUILT_IN.doh].what
    assert "www.wikipedia.org" not in by_whom[BUILT_IN.doh].what
    assert "QUIC" in by_whom["www.youtube.com:443"].what
    assert "149.154" not in by_whom["the system's resolver"].what
    assert all(hasattr(step.what, "template") for step in steps)


def test_the_plan_lists_every_name_and_no_address(world):
    """Telegram's endpoint by name is looked up too; what is written as an address is not."""
    named = Target(target_id="a/app", url="mtproto://dc.test:443", role=Role.TARGET)
    literal = Target(target_id="b/front", url="https://203.0.113.9/", role=Role.TARGET)
    targets = world.targets(targets=(named, literal), doh="https://doh.test/dns-query")
    steps = {step.whom: step for step in plan_check(targets).steps}
    asked = str(steps[targets.resolver].what)
    assert "dc.test" in asked
    assert "doh.test" in asked
    assert "203.0.113" not in asked
    assert steps[targets.resolver].bytes_max == LOOKUP_BYTES * (2 + len(targets.controls))
    assert "dc.test" in str(steps[targets.public_resolver].what)
    assert "203.0.113" not in str(steps[targets.public_resolver].what)


@pytest.mark.parametrize(
    "doh", ["https://9.9.9.9/dns-query", "https://192.168.1.1/q", "https://doh.real/q"]
)
def test_a_real_resolver_inside_tls_is_no_lab(world, doh):
    """One that could be somebody's: consent is not implied."""
    assert is_lab_network(world.targets(doh="https://198.51.100.54/dns-query"))
    assert is_lab_network(world.targets(doh="https://127.13.0.54:44353/dns-query"))
    assert is_lab_network(world.targets(doh="https://doh.test/dns-query"))
    assert not is_lab_network(world.targets(doh=doh))


@pytest.mark.parametrize("targets", ["lab", "built_in"])
def test_nobody_else_is_asked(world, targets):
    """Whatever a check connects to or asks was in the plan (addresses by the names they have)."""
    if targets == "built_in":
        assert "the system's resolver" in [s.whom for s in plan_check(BUILT_IN).steps]
        return
    chosen: TargetList = world.targets()
    world.check(targets=chosen)
    planned = {step.whom for step in plan_check(chosen).steps}
    named = {address: name for name, address in world.zone.items()}
    for address, port in world.network.connects:
        assert f"{named.get(address, address)}:{port}" in planned


def test_the_plan_says_what_a_suspect_gets(world):
    """Foreign names, redirects and second looks are in the plan, and no visit is beyond it."""
    text = str(plan_check(world.targets()))
    for words in ("neutral site's name at the same address", "redirects to", "private network"):
        assert words in text
    world.put("social", rules=(Rule(action="reset", contains=b"social.test"),))
    world.public_zone["social.test"] = "203.0.113.77"
    before = len(world.network.connects)
    world.check()
    places = [address for address, _ in world.network.connects[before:]]
    seen = places.count("203.0.113.12") + places.count("203.0.113.77")
    assert 2 < seen <= 1 + SECOND_LOOKS_MAX


def test_the_plan_counts_what_is_reserved(world, monkeypatch):
    """The bytes of a visit are those that the budget sets aside, not fewer."""
    reserved = []

    class Watching(Budget):
        def reserve(self, most_bytes):
            reserved.append(most_bytes)
            super().reserve(most_bytes)

    chosen = world.targets(servers=())
    monkeypatch.setattr("evenfall.probe.check.Budget", Watching)
    world.check(targets=chosen)
    step = next(s for s in plan_check(chosen).steps if s.whom.startswith("video.test"))
    assert step.bytes_max >= max(reserved)


KINDS = {
    "eth0": 1, "wlan0": 1, "wg0": 65534, "nebula1": 65534, "tun0": 65534, "corp": 1, "ppp0": 512,
    "rmnet0": 519, "lo": 772,
}  # fmt: skip

WAYS = {
    "ethernet": ({"9.9.9.9": "eth0", "198.41.0.4": "eth0"}, ""),
    "ethernet, both families": (
        {"9.9.9.9": "wlan0", "198.41.0.4": "wlan0", "2620:fe::fe": "wlan0"},
        "",
    ),
    "wireguard by policy": ({"9.9.9.9": "wg0", "198.41.0.4": "wg0"}, "wg0"),
    "openvpn, one half only": ({"9.9.9.9": "eth0", "198.41.0.4": "tun0"}, "tun0"),
    "ipv6 alone": ({"2620:fe::fe": "wg0"}, "wg0"),
    "beside ethernet": ({"9.9.9.9": "eth0", "198.41.0.4": "eth0", "2620:fe::fe": "wg0"}, "wg0"),
    "unknown name, no link layer": ({"9.9.9.9": "nebula1"}, "nebula1"),
    "tap with a name of its own": ({"9.9.9.9": "corp"}, "corp"),
    "ppp, an ordinary line or an old vpn": ({"9.9.9.9": "ppp0"}, None),
    "a phone's modem": ({"9.9.9.9": "rmnet0", "198.41.0.4": "eth0"}, None),
    "loopback": ({"9.9.9.9": "lo"}, None),
    "no way out": ({}, None),
    "one address on two": ({"9.9.9.9": "eth0+wlan0"}, None),
    "nobody has it": ({"9.9.9.9": ""}, None),
    "gone meanwhile": ({"9.9.9.9": "eth9"}, None),
}


@pytest.mark.parametrize(("ways", "expected"), WAYS.values(), ids=WAYS)
def test_tunnels_are_seen(ways, expected):
    """The interface that packets would leave by decides; in doubt None, never "no tunnel"."""
    found = tunnel_in_use(
        source=lambda towards: f"from {ways[towards]}" if towards in ways else None,
        owners=lambda address: frozenset(filter(None, address.removeprefix("from ").split("+"))),
        kind=KINDS.get,
        driver={"corp": "tun", "eth0": "e1000"}.get,
    )
    assert found == expected


def test_this_machine_can_be_asked():
    """No error and no packet here either, whatever this machine has."""
    found = tunnel_in_use()
    assert found is None or isinstance(found, str)


def test_proxies_are_named(monkeypatch):
    """Names of proxy settings, never their values."""
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy.example")
    assert proxies_set() == ("HTTPS_PROXY",)


def test_the_plan_says_all_that_is_sent(world):
    """The router's probes, uploads of six, random names, and what our server learns."""
    steps = plan_check(world.targets()).steps
    router = next(step for step in steps if step.whom == "your router")
    assert router.bytes_max == GATEWAY_BYTES
    assert UPLOADED_MAX == pair_plan._SCREENED_MAX
    pairs, look = (step.what for step in steps if step.whom == "203.0.113.80:8443")
    assert "down for at most 3, up for at most 6" in pairs
    assert "random names" in pairs
    for words in ("name is in doubt", "address each failed", "that you asked", "query"):
        assert words in look


def test_the_plan_says_no_router_where_none_is_asked(world):
    """On loopback there is none."""
    at_home = world.targets(resolver="127.13.0.53:5353", servers=())
    near = msgspec.structs.replace(
        at_home,
        targets=(Target(target_id="a/b", url="https://127.13.0.1:444/", role=Role.TARGET),),
        controls=(Target(target_id="c/d", url="https://127.13.0.2:444/", role=Role.CONTROL),),
    )
    asked = [step.whom for step in plan_check(near).steps]
    assert ("your router" not in asked) == is_on_this_machine(near)
    assert is_on_this_machine(near)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("router", "random names", "slow", "in doubt", "at which address", "your network")),
        ("ru", ("роутера", "случайными", "медленно", "под вопросом", "адресу", "вашу сеть")),
        ("kk", ("роутер", "кездейсоқ атаулармен", "баяу", "күмәнді", "мекенжай", "желіңізді")),
    ],
)
def test_the_risk_text_says_what_our_server_learns(language, words):
    """The same in each language: whom it looks at, and which address it is told."""
    text = " ".join(risk_text(language).split())
    for word in words:
        assert word in text


def test_consent_is_plain_json(tmp_path):
    """The file holds a version, a language, a time and how; nothing about the machine."""
    consent = Consent(version="v", language="en", given_us=5, how="terminal")
    store_consent(tmp_path, consent)
    assert msgspec.json.decode((tmp_path / "consent.json").read_bytes()) == {
        "version": "v", "language": "en", "given_us": 5, "how": "terminal",
    }  # fmt: skip


def test_what_was_asked_for_is_planned_too(world):
    """`--capacity` and `--locate` name the server, the bytes that they set aside, and more time."""
    plain = plan_check(world.targets())
    more = plan_check(world.targets(), capacity=True, path=True)
    known = {(step.whom, step.what) for step in plain.steps}
    added = [step for step in more.steps if (step.whom, step.what) not in known]
    assert [step.bytes_max for step in added] == [CAPACITY_BYTES, PATH_BYTES]
    assert all(a.bytes_max <= b.bytes_max for a, b in zip(more.steps, plain.steps, strict=False))
    assert more.seconds_max == plain.seconds_max + CAPACITY_S_MAX + LOCATE_S_MAX
    assert more.bytes_max == plain.bytes_max
