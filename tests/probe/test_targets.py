"""The target file: what is accepted, and each refusal with its place and remedy."""

from __future__ import annotations

import pytest

from evenfall.model.errors import EvenfallError, FormatError, UsageError
from evenfall.model.vocabulary import Role
from evenfall.probe.builtin import BUILT_IN
from evenfall.probe.targets import (
    CONTROLS_MAX,
    TARGETS_MAX,
    host_of,
    is_mtproto,
    port_of,
    read_targets,
)

PIN = "sha256/" + "A" * 43 + "="
GOOD = f"""
[network]
resolver = "192.0.2.53"
public_resolver = "198.51.100.7:5353"
[[target]]
id = "youtube/front"
url = "https://youtube.example/1M.bin?x=1"
[[control]]
id = "wikipedia/front"
url = "http://wikipedia.example:8080/"
domestic = true
[[server]]
url = "https://measure.example:8443"
neutral = "Static.Example"
pin = "{PIN}"
"""


def write(tmp_path, text):
    """A target file with this text."""
    path = tmp_path / "targets.toml"
    path.write_text(text)
    return path


def test_a_good_file(tmp_path):
    """Everything PRODUCT shows is read, with defaults for what is left out."""
    found = read_targets(write(tmp_path, GOOD))
    assert [t.target_id for t in found.targets] == ["youtube/front"]
    assert found.targets[0].role is Role.TARGET
    assert found.controls[0].domestic
    assert found.servers[0].neutral == "static.example"
    assert (found.resolver, found.public_resolver) == ("192.0.2.53", "198.51.100.7:5353")
    assert found.ca_file == ""
    assert port_of(found.controls[0].url) == 8080
    assert port_of(found.targets[0].url) == 443
    assert host_of("https://EXAMPLE.test./x") == "example.test"


def entry(url, name="video/front"):
    """A file with one target."""
    return f'[[target]]\nid = "{name}"\nurl = "{url}"\n'


TARGET = entry("https://video.example/")

REFUSED = {
    "unknown key": (TARGET + "colour = 1\n", "colour"),
    "unknown table": (TARGET + "[nettwork]\n", "nettwork"),
    "wrong type": (TARGET + "domestic = 'yes'\n", "bool"),
    "not toml": ("[[target]\n", "target"),
    "no target": ("[network]\n", "1 to 12"),
    "id without slash": (entry("https://a.example/", "video"), "service/what"),
    "id in capitals": (entry("https://a.example/", "Video/front"), "service/what"),
    "other scheme": (entry("ftp://a.example/"), "http"),
    "no host": (entry("https:///x"), "HOST"),
    "bad port": (entry("https://a.example:99999/"), "web address"),
    "port zero": (entry("https://a.example:0/"), "HOST"),
    "password": (entry("https://me:secret@a.example/"), "user name"),
    "fragment": (entry("https://a.example/#top"), "#"),
    "space": (entry("https://a.example/a b"), "ASCII"),
    "cyrillic": (entry("https://пример.example/"), "ASCII"),
    "bad name": (entry("https://-a-.example/"), "host name"),
    "loopback": (entry("https://127.0.0.1/"), "public address"),
    "private": (entry("https://192.168.1.1/"), "public address"),
    "link-local": (entry("https://[fe80::1]/"), "public address"),
    "ula": (entry("https://[fd00::1]/"), "public address"),
    "multicast": (entry("https://224.0.0.1/"), "public address"),
    "short loopback": (entry("https://127.1/"), "host name"),
    "loopback as a number": (entry("https://2130706433/"), "host name"),
    "loopback in hex": (entry("https://0x7f000001/"), "host name"),
    "loopback in hex parts": (entry("https://0x7f.0.0.0x1/"), "host name"),
    "numbered name": (entry("https://video.example.1./"), "host name"),
    "private by nat64": (entry("https://[64:ff9b::a00:1]/"), "public address"),
    "private by 6to4": (entry("https://[2002:a00:1::]/"), "public address"),
    "private mapped": (entry("https://[::ffff:10.0.0.1]/"), "public address"),
    "localhost": (entry("https://localhost/"), "public address"),
    "double id": (TARGET + entry("https://b.example/"), "once"),
    "double url": (TARGET + entry("https://video.example/", "video/other"), "once"),
    "control is target": (
        TARGET + '[[control]]\nid = "news/front"\nurl = "https://video.example/"\n', "once",
    ),
    "server by short address": (
        TARGET + f'[[server]]\nurl = "https://127.1:8443"\npin = "{PIN}"\n', "host name",
    ),
    "server at a cloud's metadata": (
        TARGET + f'[[server]]\nurl = "https://169.254.169.254"\npin = "{PIN}"\n', "metadata",
    ),
    "no pin": (TARGET + '[[server]]\nurl = "https://m.example"\n', "pin"),
    "bad pin": (TARGET + '[[server]]\nurl = "https://m.example"\npin = "sha256/x"\n', "pin"),
    "plain server": (TARGET + f'[[server]]\nurl = "http://m.example"\npin = "{PIN}"\n', "https"),
    "resolver name": ('[network]\nresolver = "dns.example"\n' + TARGET, "ADDRESS"),
    "resolver port": ('[network]\nresolver = "192.0.2.1:0"\n' + TARGET, "ADDRESS"),
    "no ca file": ('[network]\nca_file = "nowhere.pem"\n' + TARGET, "PEM"),
    "too many": (
        "".join(entry(f"https://a{i}.example/", f"a{i}/x") for i in range(TARGETS_MAX + 1)),
        "1 to 12",
    ),
    "ten thousand": (
        "".join(entry(f"https://a{i}.example/", f"a{i}/x") for i in range(10_000)), "64 KiB",
    ),
    "telegram without port": (entry("mtproto://149.154.167.51"), "ADDRESS:PORT"),
    "telegram with path": (entry("mtproto://149.154.167.51:443/x"), "ADDRESS:PORT"),
    "telegram at home": (entry("mtproto://192.168.1.2:443"), "public address"),
    "telegram to compare with": (
        TARGET + '[[control]]\nid = "news/app"\nurl = "mtproto://149.154.167.51:443"\n', "http",
    ),
    "quic in the open": (entry("http://a.example/") + "quic = true\n", "https only"),
    "quic is no word": (TARGET + 'quic = "yes"\n', "bool"),
    "doh in the open": ('[network]\ndoh = "http://d.example/dns-query"\n' + TARGET, "https"),
    "doh without path": ('[network]\ndoh = "https://d.example"\n' + TARGET, "RFC 8484"),
    "doh template": ('[network]\ndoh = "https://d.example/q{?dns}"\n' + TARGET, "RFC 8484"),
    "doh at home": ('[network]\ndoh = "https://10.0.0.1/dns-query"\n' + TARGET, "public address"),
    "doh with password": ('[network]\ndoh = "https://a:b@d.example/q"\n' + TARGET, "user name"),
    "doh number": ("[network]\ndoh = 9\n" + TARGET, "str"),
    "too long": ("#" + "x" * 70_000, "64 KiB"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "says"), REFUSED.values(), ids=REFUSED)
def test_refused(tmp_path, text, says):
    """Refused with the file's path, a word that names the trouble, and what to do."""
    path = write(tmp_path, text)
    with pytest.raises(FormatError) as refused:
        read_targets(path)
    assert str(path) in refused.value.where
    assert says in str(refused.value)
    assert refused.value.remedy
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[network]\n", "found 0. Add one."),
        ("".join(entry(f"https://a{i}.example/", f"a{i}/x") for i in range(13)), "Leave some out."),
        ("#" + "x" * 70_000, "12 targets, 12 controls"),
        ('[network]\nresolver = "1.2.3.4:0"\n' + TARGET, "a port of 1 to 65535"),
    ],
)
def test_the_advice_fits(tmp_path, text, says):
    """What to do is about what was found."""
    with pytest.raises(FormatError) as refused:
        read_targets(write(tmp_path, text))
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [entry("https://a.example/", "x" * 5_000), entry("ftp://a.example/" + "x" * 1_500),
     entry("https://" + "a" * 1_500),
     TARGET + f'[[server]]\nurl = "https://m.x"\npin = "{"p" * 5_000}"',
     '[network]\nresolver = "' + "1" * 5_000 + '"\n' + TARGET],
    ids=["id", "scheme", "host", "pin", "resolver"],
)  # fmt: skip
def test_what_is_long_is_not_repeated_whole(tmp_path, text):
    """The beginning is enough to find it."""
    with pytest.raises(FormatError) as refused:
        read_targets(write(tmp_path, text))
    assert len(refused.value.seen) <= 90
    assert "…" in refused.value.seen


def test_a_missing_file_is_a_usage_error(tmp_path):
    """No such file: exit 2, with the path."""
    with pytest.raises(UsageError) as refused:
        read_targets(tmp_path / "none.toml")
    assert refused.value.exit_code == 2
    assert "none.toml" in refused.value.where


def test_a_test_network_may_be_private(tmp_path):
    """With `ca_file`, found beside the file, loopback and private addresses are allowed."""
    (tmp_path / "ca.pem").write_text("x")
    text = '[network]\nca_file = "ca.pem"\n' + entry("https://127.0.0.1:8443/")
    found = read_targets(write(tmp_path, text))
    assert found.ca_file == str(tmp_path / "ca.pem")


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "224.0.0.1", "0.1.2.3"])
def test_some_places_are_never_visited(tmp_path, host):
    """Not even in a test network, where private addresses are what is wanted."""
    (tmp_path / "ca.pem").write_text("x")
    text = '[network]\nca_file = "ca.pem"\n' + entry(f"https://{host}/")
    with pytest.raises(FormatError, match="never visited"):
        read_targets(write(tmp_path, text))


@pytest.mark.parametrize("host", ["10.0.0.1", "127.0.0.1", "[fd00::1]", "localhost", "box.lan"])
def test_a_server_may_stand_at_home_or_at_an_office(tmp_path, host):
    """It is the person's choice, and shows its pinned key before anything is sent to it."""
    text = TARGET + f'[[server]]\nurl = "https://{host}:8443"\npin = "{PIN}"\n'
    assert read_targets(write(tmp_path, text)).servers[0].url == f"https://{host}:8443"


def test_errors_are_ours(tmp_path):
    """Random bytes as a target file end in one of our errors."""
    path = tmp_path / "targets.toml"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(EvenfallError):
        read_targets(path)


def test_new_kinds_of_targets(tmp_path):
    """Telegram's endpoints by address or name, a resolver inside TLS, known HTTP/3."""
    text = '[network]\ndoh = "https://9.9.9.9/dns-query"\n'
    text += entry("mtproto://[2001:67c:4e8:f002::a]:443", "telegram/app")
    text += entry("mtproto://dc.telegram.example:5222", "telegram/named")
    text += entry("https://video.example/") + "quic = true\n"
    found = read_targets(write(tmp_path, text))
    assert found.doh == "https://9.9.9.9/dns-query"
    assert [is_mtproto(t.url) for t in found.targets] == [True, True, False]
    assert [t.quic for t in found.targets] == [False, False, True]
    assert host_of(found.targets[0].url) == "2001:67c:4e8:f002::a"
    assert port_of(found.targets[1].url) == 5222


def test_the_built_in_list():
    """The eight services and at least four controls of PRODUCT, all public, https, different."""
    services = {t.service for t in BUILT_IN.targets}
    assert services == {
        "youtube", "facebook", "instagram", "x", "telegram", "whatsapp", "vk", "ok",
    }  # fmt: skip
    assert len(BUILT_IN.controls) >= 4
    assert len(BUILT_IN.targets) <= TARGETS_MAX
    assert len(BUILT_IN.controls) <= CONTROLS_MAX
    urls = [t.url for t in (*BUILT_IN.targets, *BUILT_IN.controls)]
    assert len(set(urls)) == len(urls)
    assert all(url.startswith("https://") or is_mtproto(url) for url in urls)
    assert sum(map(is_mtproto, urls)) == 2
    assert not BUILT_IN.servers


def test_the_built_in_list_would_be_accepted_as_a_file(tmp_path):
    """Innocent: what is built in keeps to the rules for everybody else's lists."""
    kinds = (("target", BUILT_IN.targets), ("control", BUILT_IN.controls))
    lines = [f'[network]\npublic_resolver = "{BUILT_IN.public_resolver}"\ndoh = "{BUILT_IN.doh}"']
    for kind, sites in kinds:
        for site in sites:
            lines.append(f'[[{kind}]]\nid = "{site.target_id}"\nurl = "{site.url}"')
            lines.append(f"quic = {str(site.quic).lower()}")
    found = read_targets(write(tmp_path, "\n".join(lines)))
    assert (found.targets, found.controls) == (BUILT_IN.targets, BUILT_IN.controls)


def test_the_resolver_inside_tls_learns_of_nobody_new():
    """It is the operator that is asked in the open anyway."""
    assert host_of(BUILT_IN.doh) == BUILT_IN.public_resolver
