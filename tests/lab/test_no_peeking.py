"""No peeking: what the process under test is given does not depend on the scenario.

A spy writes down all it is given: arguments, environment, open files, its folder with every byte in
it, what it inherits. Two scenarios of one seed have to give the same bytes. Keys are random in
every run, so the pin and the certificate are compared in shape only, and a test below holds that
they differ between two runs of *one* scenario too.
"""

from __future__ import annotations

import json
import re
import shutil
import sys

import pytest

from evenfall.lab.backend import Backend
from evenfall.lab.cases import cases_folder, find_case
from evenfall.lab.loopback import LoopbackBackend
from evenfall.lab.netns import NetnsBackend
from evenfall.lab.run import run_command, staged
from evenfall.lab.scenario import Scenario

SPY = r"""
import json, os, sys
from pathlib import Path
folder = Path(sys.argv[1]).parent
files = {str(p.relative_to(folder)): p.read_bytes().decode() if p.is_file() else None
         for p in sorted(folder.rglob('*'))}
modes = {name: oct((folder / name).stat().st_mode) for name in files}
targets = {fd: os.readlink(f'/proc/self/fd/{fd}') for fd in os.listdir('/proc/self/fd')
           if os.path.exists(f'/proc/self/fd/{fd}')}
json.dump({'argv': sys.argv, 'environment': dict(os.environ), 'files': files, 'modes': modes,
           'descriptors': sorted(targets), 'cwd': os.getcwd(), 'limits': os.nice(0),
           'uid': os.getuid()}, sys.stdout)
"""

EVERYBODY = r"""
import sys
from pathlib import Path
for path in Path('/proc').glob('[0-9]*'):
    for name in ('cmdline', 'environ'):
        try:
            sys.stdout.write((path / name).read_bytes().replace(b'\0', b' ').decode() + '\n')
        except OSError:
            pass
"""

CENSORED = (
    "throttle_sni_policer", "throttle_sni_shaper", "reset_sni", "dns_lie", "ip_drop", "blockpage",
    "slow_server", "congestion", "tariff", "own_refusal", "site_down", "server_dead", "no_dns",
    "captive_portal", "clock_off", "cdn", "dns_hijack", "turkey_2022",
)  # fmt: skip

each_backend = pytest.mark.parametrize(
    "backend",
    [LoopbackBackend(), pytest.param(NetnsBackend(), marks=pytest.mark.netns)],
    ids=["loopback", "netns"],
)


def case(name: str) -> Scenario:
    """A case of the project."""
    return find_case(name, cases_folder())


@pytest.fixture
def given(tmp_path, monkeypatch):
    """`given(backend, scenario)`: what a spy is given there, as text; the folder's name masked."""
    monkeypatch.setenv("LAB_SCENARIO_OF_WHOEVER_RUNS_IT", "secret")

    def spy(backend: Backend, scenario: Scenario, script: str = SPY) -> str:
        with (
            staged(scenario, backend, seed=7, at_local="20:30") as (stage, drawn, _),
            (tmp_path / "said").open("w+b") as said,
        ):
            status = run_command(
                stage, drawn, [sys.executable, "-c", script, "{targets}"],
                timeout_s=30, stdout=said,
            )  # fmt: skip
            assert status == 0
            said.seek(0)
            return said.read().decode().replace(str(stage.client_folder), "FOLDER")

    return spy


def without_keys(text: str) -> str:
    """Random keys masked: the pin's 44 characters, and the certificate."""
    text = re.sub(r"sha256/[A-Za-z0-9+/]{43}=", "PIN", text)
    return re.sub(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----", "CERTIFICATE", text)


@each_backend
def test_two_scenarios_give_the_same_bytes(backend: Backend, given) -> None:
    """Arguments, environment, descriptors, the folder and every file in it, byte for byte."""
    clean = without_keys(given(backend, case("clean")))
    assert "PIN" in clean
    assert "CERTIFICATE" in clean
    for name in CENSORED if backend.name == "loopback" else CENSORED[:3]:
        assert without_keys(given(backend, case(name))) == clean, name


@each_backend
def test_the_folder_holds_three_things(backend: Backend, given) -> None:
    """The target file, the trust anchor, an empty home; no key, no plan, no log."""
    said = json.loads(given(backend, case("throttle_sni_policer")))
    assert set(said["files"]) == {"targets.toml", "ca.pem", "home"}
    assert said["files"]["ca.pem"].count("-----BEGIN") == 1
    assert "PRIVATE" not in str(said["files"])


@each_backend
def test_nothing_of_the_caller_goes_in(backend: Backend, given) -> None:
    """Only the fixed names of the environment; nothing that names scenario, censor or backend."""
    text = given(backend, case("throttle_sni_policer"))
    said = json.loads(text)
    # LC_CTYPE is Python's own addition (PEP 538), the others a shell's on the way in
    names = set(said["environment"]) - {"LC_CTYPE", "PWD", "OLDPWD"}
    assert names == {"PATH", "HOME", "LANG", "EVENFALL_TARGETS"}
    for word in ("throttle", "policer", "netns", "loopback", "scenario", "secret", "censor"):
        assert word not in text.replace(sys.executable, "").lower(), word


MACHINE = r"""
import re, socket, sys
from pathlib import Path
for name in ('/proc/net/route', '/proc/net/ipv6_route', '/proc/net/if_inet6', '/proc/net/dev',
             '/etc/resolv.conf', '/proc/net/tcp', '/proc/net/udp', '/proc/net/tcp6'):
    path = Path(name)
    text = path.read_text() if path.is_file() else ''
    lines = text.splitlines()
    if name.endswith('dev'):  # counters are this moment's
        lines = [re.sub(r':.*', '', line) for line in lines]
    if name.endswith('ipv6_route'):  # so are the sixth and seventh column: who uses a route
        lines = [' '.join(w for n, w in enumerate(line.split()) if n not in (6, 7))
                 for line in lines]
    sys.stdout.write(f'{name}\n' + '\n'.join(sorted(lines)) + '\n')
sys.stdout.write(str(socket.if_nameindex()) + socket.gethostname() + '\n')
"""


@pytest.mark.netns
def test_the_clients_machine_looks_alike_in_every_scenario(given) -> None:
    """Interfaces, addresses, routes of both families and the resolver file; but for a VPN's own."""
    clean = given(NetnsBackend(), case("clean"), MACHINE)
    assert "tun0" not in clean
    for name in ("ipv6_broken", "bad_wifi"):
        assert given(NetnsBackend(), case(name), MACHINE) == clean, name
    assert "tun0" in given(NetnsBackend(), case("vpn_on"), MACHINE)


def test_keys_differ_between_two_runs_of_one_scenario(given) -> None:
    """So a pin that differs between two scenarios says nothing."""
    first, second = (given(LoopbackBackend(), case("clean")) for _ in range(2))
    assert first != second
    assert without_keys(first) == without_keys(second)


@pytest.mark.netns
def test_no_process_of_the_lab_can_be_seen_in_namespaces(given) -> None:
    """Command lines and environments in /proc name no scenario (a pid namespace of its own)."""
    text = given(NetnsBackend(), case("throttle_sni_policer"), EVERYBODY)
    assert "throttle" not in text
    assert "LAB_SCENARIO" not in text


@each_backend
def test_what_is_readable_in_the_temporary_folder_tells_nothing(
    backend: Backend, given, tmp_path
) -> None:
    """The folder that holds the truth is private, and its plan is gone once it was read."""
    script = r"""
import sys, tempfile
from pathlib import Path
for path in sorted(Path(tempfile.gettempdir()).glob('evenfall-*')):
    if path.stat().st_mode & 0o077:
        sys.stdout.write(f'open to others: {path}\n')
    sys.stdout.writelines(f'{p.name}\n' for p in path.rglob('*'))
"""
    listing = given(backend, case("slow_server"), script)
    assert "open to others" not in listing
    assert "plan.json" not in listing
    assert shutil.disk_usage(tmp_path).free > 0
