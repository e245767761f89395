"""The asking side of the outside view: what is believed, and what is not."""

from __future__ import annotations

import asyncio
import base64
import secrets
import subprocess

import msgspec
import pytest

from evenfall.measure.outside import Question, check_signature, look
from evenfall.measure.round import Round
from evenfall.measure.transfer import PairServer
from evenfall.model.encoding import canonical_json
from evenfall.model.target import Target
from evenfall.model.vocabulary import Fact, Role
from evenfall.net.clock import ManualClock
from evenfall.net.fake import FakeNetwork, Host, Line, Rule, tls_peer
from evenfall.server.identity import Signer, load_or_create, tls_context
from evenfall.wire.outside import (
    ANSWER_BYTES_MAX,
    LookAnswer,
    LookRequest,
    LookTarget,
    Statement,
    Step,
    decode,
    encode,
    signed_bytes,
    write_statement,
)

SERVER = ("198.51.100.80", 8443)
TARGET = Target(target_id="video/front", url="https://video.example/", role=Role.TARGET)
NOW_US = 1_795_000_000_000_000
STEPS = (
    Step(fact="dns_lookup", started_us=NOW_US, duration_us=1, host="video.example",
         answers=("93.184.215.14",), family=4),
    Step(fact="tcp_connect", started_us=NOW_US + 1, duration_us=9, host="video.example",
         address="93.184.215.14", port=443, family=4, failure="generic_timeout_error",
         operation="connect"),
)  # fmt: skip


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """The server's key, and somebody else's."""
    folder = tmp_path_factory.mktemp("keys")
    return load_or_create(folder / "ours"), load_or_create(folder / "theirs")


class Server:
    """A server in memory that answers as `change` says."""

    def __init__(self, keys, *, answer=None, rules=(), shows=0) -> None:
        self.identity = keys[0]
        self.signer = Signer(keys[0])
        self.network = FakeNetwork(ManualClock(wall_us=NOW_US + 7_200_000_000))  # ours is 2 h ahead
        self.sent = b""
        self.answer = answer or (lambda request: self.sign(self.statement(request)))
        peer = tls_peer(tls_context(keys[shows]), self._serve, clock=self.network.clock)
        self.network.at[SERVER] = Host(peer=peer, line=Line(rtt_s=0.05, rate_bps=1e6), rules=rules)

    def statement(self, request, **change):
        return Statement(
            **{
                "id": request.id, "nonce": request.nonce, "url": request.target.url,
                "now_us": NOW_US + 50, "seen_us": NOW_US, "ended": "complete", "steps": STEPS,
                **change,
            }
        )  # fmt: skip

    def sign(self, statement, *, signer=None, request=None):
        signer = signer or self.signer
        text = statement if isinstance(statement, str) else write_statement(statement)
        return LookAnswer(
            ok=True,
            id=request.id if request else statement.id,
            statement=text,
            signature=base64.b64encode(signer.sign(signed_bytes(text))).decode(),
            key=base64.b64encode(signer.public_key).decode(),
        )

    async def _serve(self, stream):
        data = b""
        while True:
            while b"\n" not in data:
                piece = await stream.read(65_536, timeout_s=60)
                if not piece:
                    return
                data += piece
                self.sent += piece
            line, _, data = data.partition(b"\n")
            answer = self.answer(decode(line, LookRequest))
            if answer is not None:
                raw = answer if isinstance(answer, bytes) else encode(answer)
                await stream.write(raw, timeout_s=60)

    def look(self, count=1, **change):
        place = PairServer(address=SERVER[0], port=SERVER[1], pin=self.identity.pin)
        round_ = Round("r", self.network.clock)
        targets = [
            msgspec.structs.replace(TARGET, target_id=f"video/{i}", url=f"{TARGET.url}{i}")
            for i in range(count)
        ]
        questions = [Question(t, "video.example", ()) for t in targets]
        return asyncio.run(
            look(self.network, place, round_, questions, sni="static.example", timeout_s=20)
        )


def test_a_statement_becomes_facts_of_the_servers(keys):
    """Innocent: the view with statement and signature, then its facts, stamped by our clock."""
    view, lookup, connect = Server(keys).look()
    assert (view.fact, view.failure, view.seen_by) == (Fact.OUTSIDE_VIEW, None, "server")
    assert '"nonce"' in view.statement
    server = Server(keys)
    kept = LookAnswer(
        ok=True, statement=view.statement, signature=view.signature, key=view.signature_key
    )
    assert check_signature(kept, server.identity.pin)  # with nothing but what the row holds
    assert not check_signature(kept, keys[1].pin)
    assert (lookup.fact, lookup.resolver, lookup.seen_by) == ("dns_lookup", "server", "server")
    assert (connect.failure, connect.address) == ("generic_timeout_error", "93.184.215.14")
    assert abs(connect.started_us - view.started_us) < 1_000_000
    assert view.wire_bytes > 2000
    assert (lookup.wire_bytes, connect.wire_bytes) == (0, 0)


def test_several_questions_on_one_connection(keys):
    """Innocent: eight sites, one handshake, answers in another order."""
    kept = []

    def last_first(request):
        kept.append(request)
        if len(kept) < 8:
            return None
        return b"".join(encode(server.sign(server.statement(r))) for r in reversed(kept))

    server = Server(keys, answer=last_first)
    views = [o for o in server.look(8) if o.fact is Fact.OUTSIDE_VIEW]
    assert {o.target for o in views} == {f"video/{i}" for i in range(8)}
    assert {o.failure for o in views} == {None}
    assert len(server.network.connects) == 1


def test_what_is_asked_is_seen_by_nobody_on_the_way(keys):
    """Innocent: whoever waits for the name in the open waits in vain."""
    rules = (Rule(action="reset", contains=b"video.example"),)
    assert Server(keys, rules=rules).look()[0].failure is None


def _other(**change):
    return lambda server, request: server.sign(server.statement(request, **change), request=request)


_LIES = {
    "another nonce": _other(nonce="0" * 32),
    "another id": _other(id="0" * 32),
    "another address": _other(url="https://other.example/"),
    "too old": _other(seen_us=NOW_US - 120_000_000),
    "from the future": _other(seen_us=NOW_US + 100),
    "a higher version": _other(v="2.0"),
    "no signature": lambda server, request: msgspec.structs.replace(
        server.sign(server.statement(request)), signature=None
    ),
    "a broken signature": lambda server, request: msgspec.structs.replace(
        server.sign(server.statement(request)), signature="AAAA"
    ),
    "no base64": lambda server, request: msgspec.structs.replace(
        server.sign(server.statement(request)), signature="*"
    ),
    "no key": lambda server, request: msgspec.structs.replace(
        server.sign(server.statement(request)), key="AAAA"
    ),
    "another statement under the same signature": lambda server, request: msgspec.structs.replace(
        server.sign(server.statement(request)),
        statement=write_statement(server.statement(request, ended="time")),
    ),
    "a float": lambda server, request: server.sign(
        write_statement(server.statement(request)).replace(
            f'"now_us":{NOW_US + 50}', f'"now_us":{NOW_US}.5'
        ),
        request=request,
    ),
    "no statement": lambda server, request: server.sign("{}", request=request),
    "no JSON": lambda server, request: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "an endless line": lambda server, request: b"x" * (ANSWER_BYTES_MAX + 1),
    "a huge statement": lambda server, request: server.sign("x" * 9_000, request=request),
}


@pytest.mark.parametrize("lie", _LIES)
def test_what_is_not_right_is_not_believed(keys, lie):
    """Attack: one wrong thing, and there are no facts."""
    server = Server(keys, answer=lambda request: _LIES[lie](server, request))
    assert [(o.fact, o.failure) for o in server.look()] == [("outside_view", "statement_invalid")]


def test_a_statement_by_another_key(keys):
    """Attack: rightly signed, by somebody whose pin we do not have."""
    other = Signer(keys[1])
    server = Server(keys, answer=lambda r: server.sign(server.statement(r), signer=other))
    assert server.look()[0].failure == "statement_invalid"


def test_a_replayed_answer(keys):
    """Attack: yesterday's answer, word for word, is about another question."""
    server = Server(keys)
    old = server.look()[0]
    again = Server(
        keys,
        answer=lambda r: LookAnswer(
            ok=True, id=r.id, statement=old.statement, signature=old.signature,
            key=base64.b64encode(server.signer.public_key).decode(),
        ),
    )  # fmt: skip
    assert again.look()[0].failure == "statement_invalid"


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        ({"shows": 1}, "pin_mismatch"),
        ({"rules": (Rule(action="reset"),)}, "connection_reset"),
        ({"answer": lambda r: LookAnswer(ok=False, id=r.id, error="not_listed")},
         "refused_by_server: not_listed"),
        ({"answer": lambda r: LookAnswer(ok=False, error="malformed")},
         "refused_by_server: malformed"),
        # An older server takes it for a transfer that it cannot read.
        ({"answer": lambda r: b'{"v":"1.0","ok":false,"now_us":1,"error":"malformed"}\n'},
         "refused_by_server: malformed"),
        ({"answer": lambda r: None}, "generic_timeout_error"),
    ],
)  # fmt: skip
def test_no_answer_says_nothing_about_the_site(keys, change, failure):
    """Another key, a reset, a refusal, silence: one observation with that failure, for each."""
    server = Server(keys, **change)
    assert [o.failure for o in server.look(2)] == [failure, failure]
    if "shows" in change:
        assert server.sent == b""  # the question was not even asked


def test_statements_fit_an_observation(keys):
    """Titles of whatever letters: the statement is cut from its end, and says so."""
    request = LookRequest(
        target=LookTarget(url=TARGET.url), id=secrets.token_hex(16), nonce=secrets.token_hex(16)
    )
    steps = tuple(
        Step(fact="http_exchange", started_us=NOW_US, duration_us=i, host="x" * 250,
             title="".join(chr(0x400 + (7 * j + i) % 256) for j in range(120)))
        for i in range(24)
    )  # fmt: skip
    text = write_statement(Server(keys).statement(request, steps=steps))
    assert len(text) <= 8192
    assert msgspec.json.decode(text)["cut"] is True
    raw = msgspec.json.decode(text.encode())
    assert canonical_json(raw) == text.encode()


def test_openssl_agrees(keys, tmp_path, foreign_tool):
    """The signature as docs/server.md says to check it, by a program that is not ours."""
    openssl = foreign_tool("openssl")
    server = Server(keys)
    view = server.look()[0]
    (tmp_path / "signed").write_bytes(b"evenfall-outside-v1\0" + view.statement.encode())
    (tmp_path / "signature").write_bytes(base64.b64decode(view.signature))
    key = subprocess.run(
        [openssl, "pkey", "-pubin", "-inform", "der", "-pubout"],
        input=base64.b64decode(view.signature_key), capture_output=True, check=True,
    ).stdout  # fmt: skip
    (tmp_path / "key.pem").write_bytes(key)
    command = [openssl, "dgst", "-sha256", "-verify", tmp_path / "key.pem"]
    said = subprocess.run(
        [*command, "-signature", tmp_path / "signature", tmp_path / "signed"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.stdout.strip() == "Verified OK"
    answer = LookAnswer(
        ok=True, statement=view.statement, signature=view.signature,
        key=base64.b64encode(server.signer.public_key).decode(),
    )  # fmt: skip
    assert check_signature(answer, server.identity.pin)
