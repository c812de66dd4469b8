"""The real oidc-agent: tokens of its accounts, and what it says when there is none, both ways to ask it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oscarcli.errors import ExitCode, OscarError
from oscarcli.login.agent import AgentSource
from tests.conftest import Runner, ScriptedServer
from tests.support.agents import PASSWORD, AgentProvider, RealAgent
from tests.support.oidc import TOKEN
from tests.support.server import Answer, document, text

Ask = Callable[..., AgentSource]


@pytest.fixture(params=["socket", pytest.param("program", marks=pytest.mark.thorough)])
def way(request: pytest.FixtureRequest) -> str:
    """How the agent is asked: on its socket with PyNaCl, or by its program."""
    chosen: str = request.param
    return chosen


@pytest.fixture
def provider() -> Iterator[AgentProvider]:
    """Where the agent's account is."""
    with AgentProvider() as scripted:
        scripted.lifetime = 3600
        yield scripted
        scripted.verify()


@pytest.fixture
def agent(provider: AgentProvider) -> Iterator[RealAgent]:
    """An agent with the account "ada"."""
    with RealAgent() as real:
        real.make("ada", provider)
        yield real


@pytest.fixture
def environ(agent: RealAgent, way: str, tmp_path: Path) -> dict[str, str]:
    """Variables that lead to the agent."""
    if way == "socket":
        # Without the program.
        return {**agent.environ, "PATH": str(agent.folder / "bin")}
    # Without PyNaCl; the fixture below sees to this process.
    (tmp_path / "nacl.py").write_text("raise ImportError")
    return {**agent.environ, "PYTHONPATH": str(tmp_path)}


@pytest.fixture
def ask(environ: dict[str, str], way: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], AgentSource]:
    """Return a function that gives a source of tokens of an account."""
    if way == "program":
        monkeypatch.setitem(sys.modules, "nacl", None)
        monkeypatch.setitem(sys.modules, "nacl.public", None)

    def source(account: str, seconds: float = 60.0) -> AgentSource:
        return AgentSource(account, environ, seconds=seconds)

    return source


def failing(source: AgentSource) -> OscarError:
    with pytest.raises(OscarError) as caught:
        source.fetch()
    return caught.value


def test_it_gives_tokens_that_the_provider_accepts(provider: AgentProvider, ask: Ask) -> None:
    source = ask("ada")
    first = source.fetch()
    assert provider.accepts(first.value)
    assert first.expires_at is not None
    assert 3500 < first.expires_at - time.time() < 3700
    # The second one is new, as after a refusal.
    second = source.fetch()
    assert provider.accepts(second.value)
    assert second.value != first.value


@pytest.mark.thorough
def test_a_token_that_ends_soon_is_not_taken(provider: AgentProvider, agent: RealAgent, ask: Ask) -> None:
    agent.unload("ada")
    provider.lifetime = 500
    agent.load("ada")
    first = ask("ada").fetch()
    provider.lifetime = 3600
    second = ask("ada").fetch()
    assert second.value != first.value
    assert ask("ada").fetch().value == second.value


@pytest.mark.thorough
def test_an_account_that_is_none_is_told(ask: Ask) -> None:
    for name in ("nobody", "no body", "it's", "né", "$(id)", "../ada/ada"):
        error = failing(ask(name))
        assert error.exit_code == ExitCode.AUTH
        assert "it has no such account" in error.message, name
        assert "oidc-gen" in str(error.hint)


@pytest.mark.thorough
def test_an_account_that_is_not_loaded_is_told(agent: RealAgent, ask: Ask) -> None:
    agent.unload("ada")
    error = failing(ask("ada"))
    assert "the account is not loaded" in error.message
    assert "'oidc-add ada'" in str(error.hint)


@pytest.mark.thorough
def test_the_agent_may_load_it_when_a_person_gives_the_password(
    provider: AgentProvider, agent: RealAgent, ask: Ask
) -> None:
    agent.unload("ada")
    agent.prompt_answer = "wrong"
    error = failing(ask("ada"))
    assert "the password that the agent was given for the account is wrong" in error.message
    assert "'oidc-add ada'" in str(error.hint)
    agent.prompt_answer = PASSWORD
    assert provider.accepts(ask("ada").fetch().value)
    assert "An application (oscar-cli) requests an access token for 'ada'" in agent.prompts


@pytest.mark.thorough
def test_a_person_who_says_no_is_heard(agent: RealAgent, ask: Ask) -> None:
    agent.unload("ada")
    agent.load("ada", "--confirm")
    error = failing(ask("ada"))
    assert "the use of the account was not allowed" in error.message
    assert "'oidc-add --remove ada'" in str(error.hint)
    assert "oscar-cli" in agent.prompts


@pytest.mark.thorough
def test_a_locked_agent_is_told(provider: AgentProvider, agent: RealAgent, ask: Ask) -> None:
    agent.lock()
    error = failing(ask("ada"))
    assert "it is locked" in error.message
    assert "'oidc-add --unlock'" in str(error.hint)
    agent.unlock()
    assert provider.accepts(ask("ada").fetch().value)


@pytest.mark.thorough
def test_a_login_that_was_revoked_is_told(provider: AgentProvider, agent: RealAgent, ask: Ask) -> None:
    source = ask("ada")
    source.fetch()
    provider.end(agent.refresh_token)
    error = failing(source)
    assert error.exit_code == ExitCode.AUTH
    assert "the account's login has expired or was revoked" in error.message
    assert "'oidc-gen --reauthenticate ada'" in str(error.hint)


# What the provider answers, and what is made of the agent's complaint: exit code, meaning, command.
FAULTS = (
    (document({"error": "invalid_scope"}, 400), 4, "the scopes", "oidc-gen --manual ada"),
    (document({"error": "invalid_client"}, 401), 4, "client", "oidc-gen --manual ada"),
    (document({"error": "something_new"}, 400), 4, "it says: something_new", "oidc-token ada"),
    (text("<html>down</html>", 503), 6, "no usable answer", "oidc-token ada"),
    (text("", 200), 6, "no usable answer", "oidc-token ada"),
    (Answer(hang_up=True), 6, "cannot reach the account's provider", "oidc-token ada"),
)


@pytest.mark.thorough
def test_a_provider_that_fails_is_told_from_the_agent(provider: AgentProvider, ask: Ask) -> None:
    source = ask("ada")
    source.fetch()
    for answer, code, meaning, command in FAULTS:
        provider.expect("POST", TOKEN, answer)
        error = failing(source)
        assert meaning in error.message
        assert (error.exit_code, f"'{command}'" in str(error.hint)) == (code, True), error.message
    # After all of them it goes on.
    assert provider.accepts(source.fetch().value)


@pytest.mark.thorough
def test_an_agent_that_waits_for_its_provider_has_so_much_time_and_no_more(
    provider: AgentProvider, ask: Ask
) -> None:
    # A token that ends before ten minutes are over is renewed by every question.
    provider.lifetime = 500
    source = ask("ada")
    source.fetch()
    source.fetch()
    provider.expect("POST", TOKEN, Answer(200, b"{}", stall_after=1))
    assert "no whole answer within 1 s" in failing(ask("ada", 1.0)).message


@pytest.mark.thorough
def test_an_agent_that_is_gone_is_told(agent: RealAgent, ask: Ask, way: str) -> None:
    agent.stop()
    assert agent.socket.exists()
    for reason in ("left its socket", "and nothing"):
        error = failing(ask("ada"))
        assert error.exit_code == ExitCode.AUTH, reason
        assert "it is gone" in error.message or "it is not there" in error.message
        assert "'eval $(oidc-agent-service use)'" in str(error.hint)
        agent.socket.unlink(missing_ok=True)


def know(run: Runner, server: ScriptedServer) -> None:
    run.write_config(
        f"oscar:\n  test:\n    endpoint: {server.url}\n    oidc_account_name: ada\n    ssl_verify: true\n"
        "default: test\n"
    )


@pytest.mark.thorough
def test_a_cluster_logs_in_with_it(
    run: Runner, server: ScriptedServer, provider: AgentProvider, environ: dict[str, str]
) -> None:
    know(run, server)
    server.expect("GET", "/system/services", document([]))
    outcome = run("service", "list", env=environ)
    assert outcome.code == 0
    kind, token = server.requests[0].headers["authorization"].split()
    assert kind == "Bearer"
    assert provider.accepts(token)
    assert token not in outcome.out + outcome.err


@pytest.mark.thorough
def test_after_a_refusal_it_gets_another_token(
    run: Runner, server: ScriptedServer, environ: dict[str, str]
) -> None:
    know(run, server)
    server.expect("GET", "/system/services", text("", 401))
    server.expect("GET", "/system/services", document([]))
    assert run("service", "list", env=environ).code == 0
    first, second = (request.headers["authorization"] for request in server.requests)
    assert first != second


def test_a_failure_is_one_line_and_a_hint(
    run: Runner, server: ScriptedServer, agent: RealAgent, environ: dict[str, str]
) -> None:
    know(run, server)
    agent.unload("ada")
    outcome = run("service", "list", env=environ)
    assert (outcome.code, outcome.out) == (4, "")
    assert outcome.err.splitlines() == [
        'Error: cannot get a token of account "ada" from oidc-agent: the account is not loaded',
        "hint: load it with 'oidc-add ada'",
    ]
    assert server.requests == []


@pytest.mark.thorough
def test_auth_token_prints_one(
    run: Runner, server: ScriptedServer, provider: AgentProvider, environ: dict[str, str]
) -> None:
    know(run, server)
    outcome = run("auth", "token", env=environ)
    assert outcome.code == 0
    assert provider.accepts(outcome.out.strip())
