"""A login that is to take another one's place: it is tried, and nothing that came of it is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml

from tests.conftest import Caller, Outcome, Runner, ScriptedServer
from tests.support.oidc import CLIENT, ScriptedProvider, refused
from tests.support.server import Answer, Request, document

INFO = {"version": "4.1.2"}
FORMER = "Basic YWRhOnMzY3IzdC1wYXNz"


def cluster_of(provider: ScriptedProvider, *, former: bool = True) -> Callable[[Request], Answer]:
    """Return a cluster that takes a provider's access tokens, and the former password if it is said so."""

    def answer(request: Request) -> Answer:
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        is_known = former if kind == "Basic" else provider.accepts(value)
        return document(INFO) if is_known else Answer(401)

    return answer


@pytest.fixture
def add(call: Caller, server: ScriptedServer) -> Callable[..., Outcome]:
    """Add the cluster that is on record with a password, by refresh token."""
    call.know(server.url)

    def added(token: str, *words: str) -> Outcome:
        return call(
            "cluster", "add", "test", server.url, "-t", "-", "--insecure-storage", *words, input=token
        )

    return added


def stored_token(call: Caller) -> str | None:
    found = yaml.safe_load(call.config.read_text())["oscar"]["test"].get("oidc_refresh_token")
    return None if found is None else str(found)


def test_a_token_that_works_is_stored_as_the_provider_replaced_it(
    call: Caller, server: ScriptedServer, provider: ScriptedProvider, add: Callable[..., Outcome]
) -> None:
    server.always("GET", "/system/info", cluster_of(provider))
    token = provider.log_in()
    result = add(token)
    assert (result.code, "warning" in result.err) == (0, False)
    renewed = stored_token(call)
    assert renewed not in (None, token)
    # One trade, one look; the access token that came of it is used by the next run.
    assert (len(provider.forms()), len(server.requests)) == (1, 1)
    assert call("cluster", "info").code == 0
    assert len(provider.forms()) == 1
    # The same login again is no other one: it is not tried twice.
    assert renewed is not None
    assert add(renewed).code == 0
    assert call("cluster", "info").code == 0
    assert not provider.has_ended(token)


def test_a_token_that_the_provider_or_the_cluster_refuses_leaves_a_login_that_works(
    call: Caller, server: ScriptedServer, provider: ScriptedProvider, add: Callable[..., Outcome]
) -> None:
    server.always("GET", "/system/info", cluster_of(provider))
    before = call.config.read_text()
    ended = provider.log_in()
    provider.end(ended)
    result = add(ended)
    assert (result.code, call.config.read_text()) == (4, before)
    assert "is left as it was, for its login works and the new one does not: cannot refresh the login" in (
        result.err
    )
    assert ended not in result.err
    assert [request.headers["authorization"] for request in server.requests] == [FORMER]
    assert add(ended, "--force").code == 0
    assert stored_token(call) == ended


def test_a_token_that_the_cluster_refuses_leaves_a_login_that_works(
    call: Caller, server: ScriptedServer, provider: ScriptedProvider, add: Callable[..., Outcome]
) -> None:
    server.always(
        "GET",
        "/system/info",
        lambda request: document(INFO) if request.headers.get("authorization") == FORMER else Answer(403),
    )
    before = call.config.read_text()
    result = add(provider.log_in())
    assert (result.code, call.config.read_text()) == (4, before)
    assert len(provider.forms()) == 1


def test_a_token_is_stored_when_the_former_login_does_not_work_either(
    call: Caller, server: ScriptedServer, provider: ScriptedProvider, add: Callable[..., Outcome]
) -> None:
    server.always("GET", "/system/info", cluster_of(provider, former=False))
    provider.expect("POST", "/realms/users/protocol/openid-connect/token", refused("invalid_grant"))
    token = provider.log_in()
    result = add(token)
    assert (result.code, stored_token(call)) == (0, token)
    assert "warning: the cluster is stored, but: cannot refresh the login" in result.err
    assert len(provider.forms()) == 1


# -- auth login ------------------------------------------------------------------------------------


def test_a_password_that_is_refused_leaves_a_login_that_works(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    before = call.config.read_text()
    server.always(
        "GET",
        "/system/info",
        lambda request: document(INFO) if request.headers.get("authorization") == FORMER else Answer(401),
    )
    words = ("auth", "login", "--password-stdin", "--insecure-storage")
    result = call(*words, input="wr0ng-pass\n")
    assert (result.code, result.out, call.config.read_text()) == (4, "", before)
    assert result.err.startswith(
        'Error: the cluster "test" is left as it was, for its login works and the new one does not: '
    )
    assert result.err.endswith("hint: --force replaces it all the same\n")
    assert "wr0ng-pass" not in result.err
    forced = call(*words, "--force", input="wr0ng-pass\n")
    assert (forced.code, "warning: the login is stored, but: " in forced.err) == (0, True)
    assert yaml.safe_load(call.config.read_text())["oscar"]["test"]["auth_password"] == "wr0ng-pass"


@pytest.mark.parametrize("status", [401, 503])
def test_a_password_is_stored_when_neither_works_or_it_could_not_be_tried(
    call: Caller, server: ScriptedServer, status: int
) -> None:
    call.know(server.url)
    server.always("GET", "/system/info", Answer(status))
    result = call("auth", "login", "--password-stdin", "--insecure-storage", input="new-pass\n")
    assert (result.code, "warning: the login is stored, but: " in result.err) == (0, True)
    assert yaml.safe_load(call.config.read_text())["oscar"]["test"]["auth_password"] == "new-pass"


def test_on_a_terminal_a_refused_password_is_stored_and_a_warning_says_so(
    run: Runner, server: ScriptedServer
) -> None:
    run.know(server.url)
    server.always("GET", "/system/info", Answer(401))
    result = run.terminal("auth", "login", "--insecure-storage", answers=[("assword", "new-pass\n")])
    assert (result.code, "the login is stored, but: " in result.out) == (0, True)
    assert yaml.safe_load(run.config.read_text())["oscar"]["test"]["auth_password"] == "new-pass"
    assert len(server.requests) == 1


def test_a_login_at_a_provider_that_the_cluster_refuses_leaves_a_login_that_works(
    call: Caller, server: ScriptedServer, provider: ScriptedProvider
) -> None:
    provider.interval = 1
    call.know(server.url)
    before = call.config.read_text()
    server.always(
        "GET",
        "/system/info",
        lambda request: document(INFO) if request.headers.get("authorization") == FORMER else Answer(403),
    )
    words = ("auth", "login", "--device", "--oidc-issuer", provider.issuer, "--oidc-client-id", CLIENT)
    result = call(*words, "--insecure-storage")
    assert (result.code, call.config.read_text()) == (4, before)
    assert "is left as it was, for its login works and the new one does not: " in result.err
    assert call(*words, "--insecure-storage", "--force").code == 0
    assert stored_token(call)


def test_a_login_at_a_provider_that_works_is_tried_once(
    call: Caller, server: ScriptedServer, provider: ScriptedProvider
) -> None:
    provider.interval = 1
    call.know(server.url)
    server.always("GET", "/system/info", cluster_of(provider))
    words = ("auth", "login", "--device", "--oidc-issuer", provider.issuer, "--oidc-client-id", CLIENT)
    result = call(*words, "--insecure-storage")
    assert (result.code, "warning" in result.err, len(server.requests)) == (0, False, 1)
    assert stored_token(call)
