"""Access tokens through the real command: asked for once, kept until they end, renewed when refused."""

from __future__ import annotations

import json
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from tests.conftest import Caller, Runner
from tests.support.command import World
from tests.support.oidc import CLIENT, TOKEN, ScriptedProvider, refused
from tests.support.server import Answer, Request, ScriptedServer, document

GUARDED = "/system/services"


@pytest.fixture
def guarded(server: ScriptedServer, provider: ScriptedProvider) -> ScriptedServer:
    """A cluster that takes what the provider gave out, and nothing else."""

    def check(request: Request) -> Answer:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return document([{"name": "mine"}]) if provider.accepts(token) else Answer(401)

    server.always("GET", GUARDED, check)
    return server


def know(world: World, endpoint: str, token: str, **keys: str) -> None:
    """Let a cluster with a refresh token be the only one on record."""
    entry = {"endpoint": endpoint, "oidc_refresh_token": token, "ssl_verify": True, **keys}
    world.write_config(yaml.safe_dump({"oscar": {"test": entry}, "default": "test"}))


def stored(world: World) -> dict[str, str]:
    return dict(yaml.safe_load(world.config.read_text())["oscar"]["test"])


def cached(world: World) -> list[Path]:
    return list(world.home.glob(".cache/oscar-cli/tokens/*.json"))


def test_one_token_serves_many_runs(
    call: Caller, guarded: ScriptedServer, provider: ScriptedProvider
) -> None:
    provider.rotate = False
    know(call, guarded.url, provider.log_in())
    for _ in range(3):
        assert call("service", "list", "-q").out == "mine\n"
    assert len(provider.forms()) == 1
    (kept,) = cached(call)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert json.loads(kept.read_text())["value"] not in call.config.read_text()


def test_a_token_is_not_used_in_the_last_part_of_its_life(
    call: Caller, guarded: ScriptedServer, provider: ScriptedProvider
) -> None:
    know(call, guarded.url, provider.log_in())
    assert call("service", "list").code == 0
    (kept,) = cached(call)
    known = json.loads(kept.read_text())
    # Four minutes of its five are over, and a second.
    kept.write_text(json.dumps({**known, **{k: known[k] - 241 for k in ("obtained_at", "expires_at")}}))
    assert call("service", "list").code == 0
    assert len(provider.forms()) == 2


def test_a_refused_token_is_renewed_once(
    call: Caller, guarded: ScriptedServer, provider: ScriptedProvider
) -> None:
    know(call, guarded.url, provider.log_in())
    assert call("service", "list").code == 0
    provider.forget_access()
    assert call("service", "list", "-q").out == "mine\n"
    assert (len(provider.forms()), len(guarded.requests)) == (2, 3)


def test_a_cluster_that_refuses_every_token_is_asked_twice_and_told_of(
    call: Caller, server: ScriptedServer, provider: ScriptedProvider
) -> None:
    server.always("GET", GUARDED, Answer(401))
    know(call, server.url, provider.log_in())
    result = call("service", "list")
    assert (result.code, result.out, len(server.requests)) == (4, "", 2)
    assert "the credentials are not accepted" in result.err
    assert "oscar-cli auth login -c test" in result.err


def test_a_new_refresh_token_takes_the_old_ones_place(
    call: Caller, guarded: ScriptedServer, provider: ScriptedProvider
) -> None:
    first = provider.log_in()
    know(call, guarded.url, first)
    before = call.config.read_text()
    assert call("service", "list").code == 0
    second = stored(call)["oidc_refresh_token"]
    assert second != first
    assert call.config.read_text() == before.replace(first, second)
    provider.forget_access()
    assert call("service", "list").code == 0
    assert [form["refresh_token"] for form in provider.forms()] == [first, second]


def test_many_processes_at_once_use_a_refresh_token_once(
    run: Runner, guarded: ScriptedServer, provider: ScriptedProvider
) -> None:
    """Each refresh token is good once; using one twice would end the login."""
    know(run, guarded.url, provider.log_in())
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda _: run("service", "list", "-q"), range(6)))
    assert [(one.code, one.out) for one in results] == [(0, "mine\n")] * 6
    assert len(provider.forms()) == 1


def test_a_new_token_that_cannot_be_kept_is_told_of(
    call: Caller, guarded: ScriptedServer, provider: ScriptedProvider
) -> None:
    know(call, guarded.url, provider.log_in())
    call.config.chmod(0o400)
    result = call("service", "list", "-q")
    assert (result.code, result.out) == (0, "mine\n")
    assert "the provider replaced the refresh token" in result.err
    assert "read-only" in result.err


def test_without_a_place_to_keep_it_a_token_is_asked_for_each_time(
    call: Caller, guarded: ScriptedServer, provider: ScriptedProvider
) -> None:
    provider.rotate = False
    know(call, guarded.url, provider.log_in())
    (call.home / ".cache").write_text("no folder")
    for _ in range(2):
        assert call("service", "list").code == 0
    assert len(provider.forms()) == 2


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"value": 1}', "[" * 5000, '{"value":"x","obtained_at":"y"}']
)
def test_what_is_kept_and_makes_no_sense_is_as_if_it_were_not_there(
    call: Caller, guarded: ScriptedServer, provider: ScriptedProvider, text: str
) -> None:
    know(call, guarded.url, provider.log_in())
    assert call("service", "list").code == 0
    cached(call)[0].write_text(text)
    assert call("service", "list").code == 0


def test_a_token_that_others_can_read_or_that_is_of_another_login_is_not_used(
    call: Caller, guarded: ScriptedServer, provider: ScriptedProvider
) -> None:
    provider.rotate = False
    know(call, guarded.url, provider.log_in())
    assert call("service", "list").code == 0
    cached(call)[0].chmod(0o644)
    assert call("service", "list").code == 0
    assert len(provider.forms()) == 2
    know(call, guarded.url, provider.log_in())
    assert call("service", "list").code == 0
    assert len(provider.forms()) == 3


@pytest.mark.parametrize("offset", [-7200.0, 7200.0])
def test_clocks_that_differ_by_hours_do_not_matter(
    call: Caller, guarded: ScriptedServer, provider: ScriptedProvider, offset: float
) -> None:
    provider.clock_offset = offset
    know(call, guarded.url, provider.log_in())
    for _ in range(2):
        assert call("service", "list", "-q").out == "mine\n"
    assert len(provider.forms()) == 1


def test_an_expired_login_says_how_to_log_in_again(
    call: Caller, server: ScriptedServer, provider: ScriptedProvider
) -> None:
    token = provider.log_in()
    provider.end(token)
    know(call, server.url, token)
    result = call("service", "list", "--debug")
    assert (result.code, server.requests) == (4, [])
    assert "oscar-cli auth login -c test" in result.err
    assert token not in result.err


def test_a_provider_that_quotes_the_refresh_token_shows_nobody(
    call: Caller, server: ScriptedServer, provider: ScriptedProvider
) -> None:
    token = provider.log_in()
    provider.always("POST", TOKEN, refused("invalid_grant", f"the token {token} is stale"))
    know(call, server.url, token)
    for more in ((), ("--debug",), ("-o", "json")):
        result = call("service", "list", *more)
        assert result.code == 4
        assert token not in result.err


def test_a_cluster_that_quotes_the_token_shows_nobody(
    call: Caller, server: ScriptedServer, provider: ScriptedProvider
) -> None:
    seen: list[str] = []

    def quoting(request: Request) -> Answer:
        seen.append(request.headers["authorization"].removeprefix("Bearer "))
        return Answer(400, f"invalid: {seen[-1]}".encode())

    server.always("GET", GUARDED, quoting)
    know(call, server.url, provider.log_in())
    result = call("service", "list", "--debug")
    assert (result.code, "invalid: ***" in result.err) == (7, True)
    assert seen[0] not in result.err


def test_an_opaque_refresh_token_needs_its_provider_named(
    call: Caller, guarded: ScriptedServer, provider: ScriptedProvider
) -> None:
    provider.opaque = True
    token = provider.log_in()
    know(call, guarded.url, token)
    result = call("service", "list")
    assert (result.code, "--oidc-issuer" in result.err) == (4, True)
    know(call, guarded.url, token, oidc_issuer=provider.issuer, oidc_client_id=CLIENT)
    assert call("service", "list", "-q").out == "mine\n"


def test_auth_token_prints_a_token_for_other_programs(call: Caller, provider: ScriptedProvider) -> None:
    know(call, "http://x", provider.log_in())
    result = call("auth", "token")
    assert (result.code, result.err) == (0, "")
    assert provider.accepts(result.out.strip())
    assert re.fullmatch(r"\S+\n", result.out)
    found = json.loads(call("auth", "token", "-o", "json").out)
    assert found["access_token"] == result.out.strip()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["expires_at"])


def test_the_reference_clients_loss_of_our_keys_loses_no_login_by_token(
    call: Caller, guarded: ScriptedServer, provider: ScriptedProvider
) -> None:
    """It drops keys it does not know; the refresh token itself names provider and client."""
    know(call, guarded.url, provider.log_in(), memory="256Mi", log_level="INFO")
    assert call("service", "list", "-q").out == "mine\n"
