"""Tokens of oidc-agent, against an agent that plays a script: its protocol, complaints and silence."""

from __future__ import annotations

import base64
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.public import PrivateKey

from oscarcli.errors import AuthError, ExitCode, OscarError, UnreachableError
from oscarcli.login import agent_socket
from oscarcli.login.agent import AgentSource
from oscarcli.login.agent_failures import AgentError
from oscarcli.login.agent_socket import remote_address
from tests.support.daily import number_of
from tests.support.scripted_agent import ScriptedAgent, later

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJl"


@pytest.fixture
def agent() -> Iterator[ScriptedAgent]:
    """An agent with a token to give."""
    with ScriptedAgent() as scripted:
        scripted.answer = {"status": "success", "access_token": TOKEN, "expires_at": later(900)}
        yield scripted


def failing(agent: ScriptedAgent, account: str = "ada", seconds: float = 30.0) -> OscarError:
    with pytest.raises(OscarError) as caught:
        AgentSource(account, agent.environ, seconds=seconds).fetch()
    assert TOKEN not in f"{caught.value.message} {caught.value.hint}"
    return caught.value


def test_the_agent_is_asked_for_a_token_that_lasts_a_while(agent: ScriptedAgent) -> None:
    token = AgentSource("ada", agent.environ).fetch()
    assert token.value == TOKEN
    assert token.expires_at is not None
    assert 890 < token.expires_at - time.time() <= 900
    assert agent.requests == [
        {
            "request": "access_token",
            "account": "ada",
            "min_valid_period": 600,
            "application_hint": "oscar-cli",
        }
    ]


def test_the_second_time_it_is_asked_for_a_new_token(agent: ScriptedAgent) -> None:
    source = AgentSource("ada", agent.environ)
    source.fetch()
    source.fetch()
    assert [request["min_valid_period"] for request in agent.requests] == [600, -1]


def test_an_agent_elsewhere_is_asked_the_same() -> None:
    with ScriptedAgent(remote=True) as agent:
        assert AgentSource("ada", agent.environ).fetch().value == "of-the-agent"
        # The socket goes before it.
        environ = {**agent.environ, "OIDC_SOCK": "/nowhere/socket"}
        with pytest.raises(AuthError, match="OIDC_SOCK=/nowhere/socket"):
            AgentSource("ada", environ).fetch()


@pytest.mark.parametrize("expires_at", [None, 0, -5, "soon", True, 1.5, 10**30])
def test_an_end_that_is_none_is_the_tokens_own(agent: ScriptedAgent, expires_at: Any) -> None:
    agent.answer = {"status": "success", "access_token": TOKEN, "expires_at": expires_at}
    assert AgentSource("ada", agent.environ).fetch().expires_at is None


@pytest.mark.parametrize("token", [None, "", 7, "two words", "line\nbreak", "tökén"])
def test_an_answer_without_a_token_is_none(agent: ScriptedAgent, token: Any) -> None:
    agent.answer = {"status": "success", "access_token": token, "expires_at": later(900)}
    error = failing(agent)
    assert "has no token that a request can carry" in error.message
    assert "tökén" not in error.message


# The agent's own texts; `test_agent_real.py` has them from the real one.
@pytest.mark.parametrize(
    ("said", "meaning", "command"),
    [
        ("No account configured with that short name", "no such account", "oidc-gen ada"),
        ("account not loaded", "not loaded", "oidc-add ada"),
        ("Agent locked", "locked", "oidc-add --unlock"),
        ("invalid_grant: Token is not active", "expired or was revoked", "oidc-gen --reauthenticate ada"),
        ("No refresh token found", "no usable refresh token", "oidc-gen --reauthenticate ada"),
        ("operation forbidden", "not allowed", "oidc-add --remove ada"),
        ("wrong password", "is wrong", "oidc-add ada"),
        ("user cancelled password prompt", "nobody gave", "oidc-add ada"),
        ("invalid_scope: bad scope", "scopes", "oidc-gen --manual ada"),
        ("invalid_client", "client", "oidc-gen --manual ada"),
        ("unauthorized_client", "client", "oidc-gen --manual ada"),
        ("request currently not acceptable; please try again later", "busy", "oidc-token ada"),
        ("something new", "it says: something new", "oidc-token ada"),
        ("", "does not say why", "oidc-token ada"),
    ],
)
def test_each_complaint_names_the_command_that_mends_it(
    agent: ScriptedAgent, said: str, meaning: str, command: str
) -> None:
    agent.answer = {"status": "failure", "error": said}
    error = failing(agent)
    assert error.exit_code == ExitCode.AUTH
    assert meaning in error.message
    assert f"'{command}'" in str(error.hint)


@pytest.mark.parametrize(
    "said",
    [
        "the other party disconnected",
        "HTTPS Request failed: Couldn't resolve host name Please check the provided URLs.",
        "could not parse json",
        "Could not get token endpoint from the configuration endpoint.",
    ],
)
def test_a_provider_that_the_agent_cannot_reach_is_told_from_the_agent(
    agent: ScriptedAgent, said: str
) -> None:
    agent.answer = {"status": "failure", "error": said}
    error = failing(agent)
    assert error.exit_code == ExitCode.UNREACHABLE
    assert "the account's provider" in error.message
    assert "oidc-token ada" in str(error.hint)


def test_a_complaint_is_cleaned_and_cut_and_shows_no_token(agent: ScriptedAgent) -> None:
    agent.answer = {"status": "failure", "error": f"\x1b[31mbad\n{TOKEN} " + "x" * 5000}
    error = failing(agent)
    assert error.message.isprintable()
    assert len(error.message) < 400


@pytest.mark.parametrize("error", [None, 7, ["a"], {}])
def test_a_complaint_that_is_no_text_is_still_one(agent: ScriptedAgent, error: Any) -> None:
    agent.answer = {"status": "failure", "error": error}
    assert "does not say why" in failing(agent).message


def test_a_plain_complaint_is_read_too(agent: ScriptedAgent) -> None:
    agent.answer = b'{"status":"failure","error":"Agent locked"}'
    assert "it is locked" in failing(agent).message
    agent.greeting = b'{"status":"failure","error":"received suspicious public key"}'
    assert "received suspicious public key" in failing(agent).message


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{",
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
        b"767:",
        b"767:AAAA:BBBB",
        b"-1:AAAA:BBBB",
        b"99999999999999999999:AAAA:BBBB",
        b"2:" + b"A" * 32 + b":" + b"A" * 24,
        b"2:" + b"!" * 32 + b":" + b"A" * 24,
        b"[" * 100_000,
        b"{" + b'"a":[' * 100_000,
        b"\x00\xff" * 1000,
    ],
    ids=range(12),
)
def test_garbage_is_no_agent(agent: ScriptedAgent, answer: bytes) -> None:
    agent.answer = answer
    error = failing(agent)
    assert "does not speak as oidc-agent does" in error.message
    assert "oidc-agent-service restart" in str(error.hint)


@pytest.mark.parametrize("greeting", [b"", b"hello", b"A" * 44, b"!" * 44, b"\x00" * 200, b"[]"])
def test_a_greeting_that_is_no_key_is_no_agent(agent: ScriptedAgent, greeting: bytes) -> None:
    agent.greeting = greeting
    assert "does not speak as oidc-agent does" in failing(agent).message


@pytest.mark.parametrize("answer", [[], "text", 7, None])
def test_an_answer_that_is_no_object_is_none(agent: ScriptedAgent, answer: Any) -> None:
    agent.answer = answer
    assert "its answer is none" in failing(agent).message


class Chunks:
    """A connection on which these pieces come, and then the end."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def settimeout(self, seconds: float) -> None:
        """Take any limit."""

    def sendall(self, data: bytes) -> None:
        """Take any message."""

    def recv(self, most: int) -> bytes:
        """Return the next piece."""
        return self._pieces.pop(0)[:most] if self._pieces else b""


PIECES = st.one_of(
    st.binary(max_size=80), st.text(alphabet='0123456789:{}"AZ=+/', max_size=80).map(str.encode)
)


@settings(max_examples=number_of(100))
@given(begins_well=st.booleans(), pieces=st.lists(PIECES, max_size=6))
def test_whatever_comes_is_an_answer_or_garbage(begins_well: bool, pieces: list[bytes]) -> None:
    greeting = [base64.b64encode(bytes(PrivateKey.generate().public_key))] if begins_well else []
    connection = agent_socket._Timed(Chunks([*greeting, *pieces]), time.monotonic() + 60)  # type: ignore[arg-type]
    with suppress(AgentError):
        assert isinstance(agent_socket._exchanged(connection, b"{}"), dict)


def test_an_answer_without_end_is_cut(agent: ScriptedAgent) -> None:
    agent.answer = b"1" * (64 << 20)
    assert "its answer is none" in failing(agent).message


@pytest.mark.parametrize("step", ["connect", "greeting"])
def test_a_silent_agent_is_left_when_the_time_is_over(agent: ScriptedAgent, step: str) -> None:
    agent.hangs = step
    error = failing(agent, seconds=0.3)
    assert "no whole answer within 0.3 s" in error.message
    assert "'oidc-add ada'" in str(error.hint)


def test_a_dripping_agent_has_no_more_time_than_a_silent_one(agent: ScriptedAgent) -> None:
    # Each byte comes in good time; all of them would take a minute.
    agent.drip = 0.1
    started = time.monotonic()
    assert "no whole answer within 0.5 s" in failing(agent, seconds=0.5).message
    assert time.monotonic() - started < 20


def test_an_answer_in_small_pieces_is_whole(agent: ScriptedAgent) -> None:
    agent.drip = 0.0005
    assert AgentSource("ada", agent.environ).fetch().value == TOKEN


def test_without_an_agent_the_way_to_start_one_is_told() -> None:
    with pytest.raises(AuthError, match="OIDC_SOCK is not set") as caught:
        AgentSource("ada", {"OIDC_SOCK": ""}).fetch()
    assert "'eval $(oidc-agent-service use)'" in str(caught.value.hint)
    assert "'oidc-add ada'" in str(caught.value.hint)


def test_a_socket_of_an_agent_that_is_gone_is_told(tmp_path: Path, agent: ScriptedAgent) -> None:
    path = Path(agent.environ["OIDC_SOCK"])
    stale = path.with_name("stale")
    path.rename(stale)
    for place in (path, tmp_path, "/nowhere/" + "x" * 300):
        with pytest.raises(AuthError, match="it is gone, or it is another user's") as caught:
            AgentSource("ada", {"OIDC_SOCK": str(place)}).fetch()
        assert "'eval $(oidc-agent-service use)'" in str(caught.value.hint)


def test_an_agent_elsewhere_that_is_gone_is_told() -> None:
    with ScriptedAgent(remote=True) as agent:
        environ = agent.environ
    with pytest.raises(UnreachableError, match="nobody answers there") as caught:
        AgentSource("ada", environ).fetch()
    assert "OIDC_REMOTE_SOCK" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("agent.example.org", ("agent.example.org", 42424)),
        ("agent.example.org:7", ("agent.example.org", 7)),
        ("[::1]:7", ("::1", 7)),
        ("[::1]", ("::1", 42424)),
        ("::1", ("::1", 42424)),
    ],
)
def test_an_address_may_leave_its_port_out(text: str, address: tuple[str, int]) -> None:
    assert remote_address(text) == address


@pytest.mark.parametrize(
    "text", ["", ":7", "host:", "host:port", "host:0", "host:65536", "host:-1", "host:٣"]
)
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(AgentError):
        remote_address(text)


@pytest.mark.parametrize(
    "name", ["-a", "--all", "a\nb", "a\x1b[31m", "a\x00b", "x" * 201, "\ud800", '"}', "%n", "a\\"]
)
def test_a_name_that_no_account_has_is_asked_of_nobody(agent: ScriptedAgent, name: str) -> None:
    error = failing(agent, account=name)
    assert error.message.isprintable()
    assert error.exit_code == ExitCode.AUTH
    assert agent.requests == []


def without_nacl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nacl", None)
    monkeypatch.setitem(sys.modules, "nacl.public", None)


def program(folder: Path, script: str) -> dict[str, str]:
    """Return an environment with an `oidc-token` of its own."""
    place = folder / "oidc-token"
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(0o700)
    return {"PATH": f"{folder}:/usr/bin:/bin", "OIDC_SOCK": "/nowhere/socket"}


def test_without_pynacl_the_program_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_nacl(monkeypatch)
    script = f'echo "$@" >> {tmp_path}/asked\nprintf "%s\\nhttps://aai.example.org/\\n4102444800\\n" {TOKEN}'
    source = AgentSource("ada", program(tmp_path, script))
    token = source.fetch()
    assert (token.value, token.expires_at) == (TOKEN, 4102444800)
    source.fetch()
    first, second = (tmp_path / "asked").read_text().splitlines()
    assert first == "--all --time=600 --name=oscar-cli -- ada"
    assert second == "--all --force-new --name=oscar-cli -- ada"


def test_without_pynacl_and_program_both_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_nacl(monkeypatch)
    with pytest.raises(AuthError, match="neither PyNaCl nor the program oidc-token is installed") as caught:
        AgentSource("ada", {"PATH": str(tmp_path), "OIDC_SOCK": "/nowhere/socket"}).fetch()
    assert "pip install pynacl" in str(caught.value.hint)
    assert "oidc-agent-cli" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("script", "meaning"),
    [
        ("echo 'Error: account not loaded' >&2; exit 1", "the account is not loaded"),
        ("echo 'Error: OIDC_SOCK env var not set' >&2; exit 1", "it is not there"),
        (f"echo {TOKEN}; exit 3", "it says: oidc-token failed and said nothing"),
        ("exit 0", "has no token that a request can carry"),
        ("echo two words", "has no token that a request can carry"),
        ("yes", "oidc-token prints without end"),
        ("sleep 600", "no whole answer within 0.5 s"),
        ("kill -9 $$", "oidc-token failed and said nothing"),
    ],
)
def test_a_program_that_fails_is_told_like_the_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, meaning: str
) -> None:
    without_nacl(monkeypatch)
    with pytest.raises(OscarError) as caught:
        AgentSource("ada", program(tmp_path, script), seconds=30 if "sleep" not in script else 0.5).fetch()
    assert meaning in caught.value.message
    assert TOKEN not in caught.value.message
