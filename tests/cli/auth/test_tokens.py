"""Access tokens through the real command: asked for once, kept until they end, renewed when refused."""

from __future__ import annotations

import json
import re
import signal
import stat
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from tests.conftest import Caller, Runner
from tests.support.command import World
from tests.support.keyring_env import keyring_env
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


def test_a_new_token_is_kept_elsewhere_when_the_configuration_cannot_be_written(
    call: Caller, guarded: ScriptedServer, provider: ScriptedProvider
) -> None:
    """Twice: what took the place of the stored one has a successor, too."""
    first = provider.log_in()
    know(call, guarded.url, first)
    call.config.chmod(0o400)
    for _ in range(3):
        result = call("service", "list", "-q")
        assert (result.code, result.out, result.err) == (0, "mine\n", "")
        provider.forget_access()
    assert len({form["refresh_token"] for form in provider.forms()}) == 3
    # As soon as it can be written it is what counts again.
    call.config.chmod(0o600)
    assert call("service", "list").code == 0
    assert stored(call)["oidc_refresh_token"] not in (first, "")
    assert not list(call.home.glob(".cache/oscar-cli/tokens/*.successor"))


def test_a_new_token_that_can_be_kept_nowhere_is_told_of(
    call: Caller, guarded: ScriptedServer, provider: ScriptedProvider
) -> None:
    know(call, guarded.url, provider.log_in())
    call.config.chmod(0o400)
    (call.home / ".cache").write_text("no folder")
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


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (signal.SIGINT, 130, b"interrupted\n"),
        (signal.SIGTERM, -signal.SIGTERM, b""),
        (signal.SIGHUP, -signal.SIGHUP, b""),
    ],
)
def test_an_end_that_is_asked_for_while_a_token_is_renewed_loses_no_login(
    run: Runner,
    guarded: ScriptedServer,
    provider: ScriptedProvider,
    wait_until: Callable[[Callable[[], bool]], None],
    number: signal.Signals,
    code: int,
    said: bytes,
) -> None:
    """The provider has given a new token by then, and the old one is good no more."""
    first = provider.log_in()
    know(run, guarded.url, first)
    asked, go_on = threading.Event(), threading.Event()
    answer = provider.reply_to

    def slow(request: Request) -> Answer:
        reply = answer(request)
        if request.path == TOKEN:
            asked.set()
            go_on.wait(60)
        return reply

    provider.reply_to = slow  # type: ignore[method-assign]
    process = run.start("service", "list", "-q")
    wait_until(asked.is_set)
    process.send_signal(number)
    go_on.set()
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (code, b"", said)
    assert stored(run)["oidc_refresh_token"] != first
    assert run("service", "list", "-q").out == "mine\n"


def test_ctrl_c_twice_ends_a_renewal_at_once(run: Runner, provider: ScriptedProvider) -> None:
    asked, done = threading.Event(), threading.Event()

    def silent(_request: Request) -> Answer:
        asked.set()
        done.wait(60)
        return Answer(500)

    provider.always("POST", TOKEN, silent)
    know(run, "http://127.0.0.1:9", provider.log_in())
    process = run.start("service", "list")
    assert asked.wait(60)
    process.send_signal(signal.SIGINT)
    while process.poll() is None and not done.wait(0.05):
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    done.set()
    assert (process.returncode, out, err) == (130, b"", b"interrupted\n")


def test_processes_with_caches_of_their_own_share_a_login(
    run: Runner, guarded: ScriptedServer, provider: ScriptedProvider
) -> None:
    know(run, guarded.url, provider.log_in())
    caches = [{"XDG_CACHE_HOME": str(run.home / f"cache-{number}")} for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda env: run("service", "list", "-q", env=env), caches))
    assert [(one.code, one.out) for one in results] == [(0, "mine\n")] * 4
    assert len({form["refresh_token"] for form in provider.forms()}) == 4


def test_a_move_takes_along_what_another_process_renewed(
    run: Runner, guarded: ScriptedServer, provider: ScriptedProvider
) -> None:
    """Many renewals and moves at once: each refresh token is good once, and none is lost."""
    know(run, guarded.url, provider.log_in())
    env = keyring_env("file_keyring.FileKeyring", run.home / "keyring.json")

    def work(number: int) -> int:
        cache = {**env, "XDG_CACHE_HOME": str(run.home / f"cache-{number}")}
        if number % 2:
            return run("service", "list", env=cache).code
        place = "keyring" if number % 4 else "file"
        return run("cluster", "secrets", "move", "--to", place, env=cache).code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(12))) == [0] * 12
    assert run("service", "list", "-q", env=env).out == "mine\n"


def test_a_first_look_does_not_leave_a_new_token_behind(
    call: Caller, guarded: ScriptedServer, provider: ScriptedProvider
) -> None:
    """A provider that takes longer than the look may take."""
    answer = provider.reply_to

    def slow(request: Request) -> Answer:
        reply = answer(request)
        if request.path == TOKEN:
            time.sleep(0.5)
        return reply

    provider.reply_to = slow  # type: ignore[method-assign]
    guarded.always("GET", "/system/info", document({"version": "1"}))
    words = ("cluster", "add", "test", guarded.url, "-t", "-", "--timeout", "0.2", "--insecure-storage")
    first = provider.log_in()
    assert call(*words, input=first).code == 0
    assert stored(call)["oidc_refresh_token"] != first
    assert call("service", "list", "-q").out == "mine\n"


def test_a_tab_trades_no_token_in(call: Caller, guarded: ScriptedServer, provider: ScriptedProvider) -> None:
    know(call, guarded.url, provider.log_in())
    run = Runner(call.home, call.environ)
    assert "mine" not in run("__complete", "service", "get", "").out
    assert provider.forms() == []
    assert call("service", "list", "-q").out == "mine\n"
    assert "mine" in run("__complete", "service", "get", "", env={"OSCAR_CLI_COMPLETION_SECONDS": "30"}).out
    assert len(provider.forms()) == 1
