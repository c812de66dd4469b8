"""`auth` and the cluster of the environment: who is logged in, and how to be somebody else."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Caller, Runner
from tests.support.command import World
from tests.support.keyring_env import keyring_env, secrets_in
from tests.support.oidc import REVOKE, ScriptedProvider
from tests.support.server import Answer, ScriptedServer, document

SECRET = "marked-s3cr3t"
SERVICES = "/system/services"
AS_ADA = "Basic YWRhOm1hcmtlZC1zM2NyM3Q="


def know(world: World, **entries: dict[str, Any]) -> None:
    """Let these clusters be on record; the first one is the default."""
    world.write_config(yaml.safe_dump({"oscar": entries, "default": next(iter(entries))}, sort_keys=False))


def states(world: Runner | Caller, *words: str, **more: Any) -> dict[str, dict[str, Any]]:
    return {
        row["cluster"]: row for row in json.loads(world("auth", "status", "-o", "json", *words, **more).out)
    }


# -- status ----------------------------------------------------------------------------------------


def test_status_tells_who_is_logged_in_how_until_when_and_where_the_secret_is(
    call: Caller, provider: ScriptedProvider
) -> None:
    token = provider.log_in()
    know(
        call,
        basic={"endpoint": "http://x", "auth_user": "ada", "auth_password": SECRET},
        out={"endpoint": "http://x", "auth_user": "bob"},
        oidc={"endpoint": "http://x", "oidc_refresh_token": token},
        agent={"endpoint": "http://x", "oidc_account_name": "egi"},
        command={"endpoint": "http://x", "token_command": "mytoken AT"},
    )
    assert call("auth", "token", "-c", "oidc").code == 0
    found = states(call)
    file = str(call.config)
    shown = {name: [row[key] for key in ("login", "kept_in", "state")] for name, row in found.items()}
    assert shown == {
        "basic": ["basic", file, "logged in"],
        "out": ["basic", None, "logged out"],
        "oidc": ["refresh-token", file, "logged in"],
        "agent": ["oidc-agent", "oidc-agent", "unknown"],
        "command": ["token-command", "command", "not asked"],
    }
    assert "oidc-agent" in found["agent"]["error"]
    assert (found["basic"]["user"], found["agent"]["user"]) == ("ada", "egi")
    assert found["oidc"]["user"] == "jane"
    now = datetime.now(timezone.utc)
    ends = [
        datetime.fromisoformat(found["oidc"][key].replace("Z", "+00:00"))
        for key in ("until", "access_token_until")
    ]
    assert 3500 < (ends[0] - now).total_seconds() < 3700
    assert 200 < (ends[1] - now).total_seconds() < 310
    table = call("auth", "status").out
    assert table.splitlines()[0].split()[:4] == ["CLUSTER", "LOGIN", "USER", "UNTIL"]
    for secret in (SECRET, token):
        assert secret not in table + json.dumps(found)


def test_status_of_one_cluster_is_a_question_for_scripts(call: Caller, provider: ScriptedProvider) -> None:
    know(
        call,
        good={"endpoint": "x", "auth_user": "ada", "auth_password": SECRET},
        out={"endpoint": "x", "auth_user": "ada"},
        old={"endpoint": "x", "oidc_refresh_token": provider.log_in(lifetime=-60)},
    )
    assert call("auth", "status", "-c", "good").code == 0
    assert (call("auth", "status").code, call("auth", "status", "-c", "out").code) == (0, 4)
    result = call("auth", "status", "-c", "old")
    assert (result.code, "expired" in result.out) == (4, True)
    assert call("auth", "status", "-c", "none").code == 3


def test_status_without_clusters_is_an_empty_list(call: Caller) -> None:
    assert call("auth", "status", "-o", "json").out == "[]\n"
    first, hint = call("auth", "status").err.splitlines()
    assert (first, hint[:49]) == (
        "There are no clusters",
        "hint: 'oscar-cli local start' makes one on this m",
    )


def test_status_names_the_keyring_and_why_it_is_silent(run: Runner) -> None:
    env = keyring_env("file_keyring.FileKeyring", run.home / "keyring.json")
    words = ("cluster", "add", "a", "http://x", "ada", "--password-stdin", "--no-check")
    assert run(*words, input=SECRET, env=env).code == 0
    assert states(run, env=env)["a"]["kept_in"].startswith("keyring (")
    locked = states(run, env={**env, "PYTHON_KEYRING_BACKEND": "locked_keyring.LockedKeyring"})
    assert (locked["a"]["state"], "it is locked" in locked["a"]["error"]) == ("unknown", True)


# -- logout and login with a password --------------------------------------------------------------


def test_logout_forgets_the_secret_everywhere_and_keeps_the_cluster(
    run: Runner, server: ScriptedServer
) -> None:
    keys = run.home / "keyring.json"
    env = keyring_env("file_keyring.FileKeyring", keys)
    know(run, a={"endpoint": server.url, "auth_user": "ada", "auth_password": SECRET})
    assert run("cluster", "secrets", "move", "--to", "keyring", env=env).code == 0
    assert secrets_in(keys) == [SECRET]
    result = run("auth", "logout", "-o", "json", env=env)
    assert json.loads(result.out) == {"cluster": "a", "forgotten_in": ["keyring"], "revoked": False}
    assert (secrets_in(keys), SECRET in run.config.read_text()) == ([], False)
    result = run("service", "list", env=env)
    assert (result.code, server.requests) == (4, [])
    assert "oscar-cli auth login -c a" in result.err
    server.always("GET", "/system/info", document({"version": "1"}))
    server.expect("GET", SERVICES, document([]))
    assert run("auth", "login", "--password-stdin", input=f"{SECRET}\n", env=env).code == 0
    assert run("service", "list", env=env).code == 0
    assert server.requests[-1].headers["authorization"] == AS_ADA


def test_logout_makes_the_refresh_token_void(call: Caller, provider: ScriptedProvider) -> None:
    token = provider.log_in()
    know(call, a={"endpoint": "http://x", "oidc_refresh_token": token})
    assert call("auth", "token").code == 0
    token = yaml.safe_load(call.config.read_text())["oscar"]["a"]["oidc_refresh_token"]
    result = call("auth", "logout")
    assert (result.code, result.err) == (0, "")
    assert provider.has_ended(token)
    assert token not in call.config.read_text()
    assert not list(call.home.glob(".cache/oscar-cli/tokens/*"))
    assert (call("auth", "token").code, call("auth", "status", "-c", "a").code) == (4, 4)


def test_logout_goes_on_without_the_provider_and_says_so(call: Caller, provider: ScriptedProvider) -> None:
    provider.always("POST", REVOKE, Answer(500))
    know(call, a={"endpoint": "http://x", "oidc_refresh_token": provider.log_in()})
    result = call("auth", "logout")
    assert (result.code, "stays good" in result.err) == (0, True)
    assert "oidc_refresh_token" not in call.config.read_text()


@pytest.mark.parametrize("keys", [{"oidc_account_name": "egi"}, {"token_command": "mytoken AT"}])
@pytest.mark.parametrize("verb", ["login", "logout"])
def test_logins_that_are_made_elsewhere_are_left_there(call: Caller, verb: str, keys: dict[str, str]) -> None:
    know(call, a={"endpoint": "http://x", **keys})
    before = call.config.read_text()
    result = call("auth", verb)
    assert (result.code, call.config.read_text()) == (4, before)
    assert "hint: " in result.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("", 2, "you must provide the password"),
        ("--device", 2, "knows no OpenID Connect provider"),
        ("--oidc-client-id x", 2, "knows no OpenID Connect provider"),
        ("--port 70000", 2, "70000"),
        ("--oidc-issuer http://127.0.0.1:9", 3, "--oidc-client-id"),
        ("-c none", 3, '"none"'),
    ],
)
def test_logins_that_cannot_be_tried_change_nothing(
    call: Caller, words: str, code: int, message: str
) -> None:
    know(call, a={"endpoint": "http://x", "auth_user": "ada"})
    before = call.config.read_text()
    result = call("auth", "login", *words.split())
    assert (result.code, message in result.err, call.config.read_text()) == (code, True, before)


def test_a_cluster_with_a_password_has_no_token(call: Caller) -> None:
    know(call, a={"endpoint": "x", "auth_user": "ada", "auth_password": SECRET})
    result = call("auth", "token")
    assert (result.code, "curl --user ada" in result.err) == (4, True)
    assert SECRET not in result.err


# -- the environment -------------------------------------------------------------------------------


def test_the_environment_is_a_cluster_without_any_configuration(call: Caller, server: ScriptedServer) -> None:
    server.always("GET", SERVICES, document([{"name": "far"}]))
    env = {"OSCAR_CLI_ENDPOINT": server.url, "OSCAR_CLI_USER": "ada", "OSCAR_CLI_PASSWORD": SECRET}
    assert call("service", "list", "-q", env=env).out == "far\n"
    assert server.requests[0].headers["authorization"] == AS_ADA
    env = {"OSCAR_CLI_ENDPOINT": server.url, "OSCAR_CLI_TOKEN": "tok.en"}
    assert call("service", "list", "-q", env=env).out == "far\n"
    assert server.requests[1].headers["authorization"] == "Bearer tok.en"
    assert call("auth", "token", env=env).out == "tok.en\n"
    assert not (call.home / ".oscar-cli").exists()
    assert not (call.home / ".cache").exists()


def test_the_environments_cluster_needs_no_readable_configuration(
    call: Caller, server: ScriptedServer
) -> None:
    call.write_config("oscar: [broken")
    server.expect("GET", SERVICES, document([]))
    assert call("service", "list", env={"OSCAR_CLI_ENDPOINT": server.url, "OSCAR_CLI_TOKEN": "t"}).code == 0


def test_an_fdl_goes_to_the_environments_cluster_too(call: Caller, server: ScriptedServer) -> None:
    server.expect("GET", "/system/services/x", Answer(404))
    fdl = call.home / "fdl.yaml"
    fdl.write_text("functions: {oscar: [{default-cluster: {name: x, image: i, script: s}}]}\n")
    (call.home / "s").write_text("#!/bin/sh\n")
    env = {"OSCAR_CLI_ENDPOINT": server.url, "OSCAR_CLI_TOKEN": "t"}
    result = call("apply", str(fdl), "--dry-run", env=env)
    assert (result.code, 'Would create service "x"' in result.out) == (0, True)


@pytest.mark.parametrize(
    ("variables", "code", "message"),
    [
        ({"OSCAR_CLI_ENDPOINT": "URL"}, 4, "OSCAR_CLI_TOKEN, or OSCAR_CLI_USER and OSCAR_CLI_PASSWORD"),
        ({"OSCAR_CLI_ENDPOINT": "URL", "OSCAR_CLI_PASSWORD": SECRET}, 4, "OSCAR_CLI_USER"),
        ({"OSCAR_CLI_ENDPOINT": "URL", "OSCAR_CLI_USER": "ada"}, 4, "OSCAR_CLI_PASSWORD"),
        ({"OSCAR_CLI_ENDPOINT": f"http://ada:{SECRET}@x", "OSCAR_CLI_TOKEN": "t"}, 3, "holds a user"),
        ({"OSCAR_CLI_ENDPOINT": "URL", "OSCAR_CLI_TOKEN": " "}, 3, "nothing but blanks"),
        ({"OSCAR_CLI_ENDPOINT": "host", "OSCAR_CLI_TOKEN": "t"}, 3, "not an HTTP URL"),
        ({"OSCAR_CLI_ENDPOINT": "URL", "OSCAR_CLI_TOKEN": f"{SECRET} x"}, 4, "the token is not one"),
        ({"OSCAR_CLI_ENDPOINT": "URL", "OSCAR_CLI_TOKEN": SECRET, "OSCAR_CLI_PASSWORD": "p"}, 3, "both set"),
        ({"OSCAR_CLI_ENDPOINT": "URL", "OSCAR_CLI_TOKEN": SECRET, "OSCAR_CLI_CLUSTER": "a"}, 3, "both set"),
        ({"OSCAR_CLI_TOKEN": SECRET, "OSCAR_CLI_PASSWORD": "p"}, 3, "both set"),
    ],
)
def test_variables_that_make_no_login_are_named_and_nobody_is_asked(
    call: Caller, server: ScriptedServer, variables: dict[str, str], code: int, message: str
) -> None:
    know(call, a={"endpoint": server.url, "auth_user": "x", "auth_password": "y"})
    env = {name: server.url if value == "URL" else value for name, value in variables.items()}
    result = call("service", "list", "--debug", env=env)
    assert (result.code, message in result.err, server.requests) == (code, True, [])
    assert SECRET not in result.err


def test_a_secret_of_the_environment_is_for_the_chosen_cluster_and_no_other(
    call: Caller, server: ScriptedServer
) -> None:
    """Which is the one that OSCAR_CLI_CLUSTER names, or else the default."""
    login = {"auth_user": "bob", "auth_password": "stored"}
    know(call, **{name: {"endpoint": f"{server.url}/{name}", **login} for name in "abc"})
    for name in "abc":
        server.always("GET", f"/{name}{SERVICES}", document([]))
    env = {"OSCAR_CLI_TOKEN": SECRET}
    stored = "Basic Ym9iOnN0b3JlZA=="
    for words, more, expected in (
        ((), {}, f"Bearer {SECRET}"),
        (("-c", "a"), {}, f"Bearer {SECRET}"),
        (("-c", "b"), {}, stored),
        ((), {"OSCAR_CLI_CLUSTER": "c"}, f"Bearer {SECRET}"),
        (("-c", "a"), {"OSCAR_CLI_CLUSTER": "c"}, stored),
    ):
        assert call("service", "list", *words, env={**env, **more}).code == 0
        assert server.requests[-1].headers["authorization"] == expected
    assert call("service", "list", env={"OSCAR_CLI_PASSWORD": "new"}).code == 0
    assert server.requests[-1].headers["authorization"] == "Basic Ym9iOm5ldw=="


def test_a_stored_cluster_can_be_named_in_spite_of_the_environment(
    call: Caller, server: ScriptedServer
) -> None:
    know(call, a={"endpoint": server.url, "auth_user": "ada", "auth_password": SECRET})
    server.expect("GET", SERVICES, document([]))
    env = {"OSCAR_CLI_ENDPOINT": "http://127.0.0.1:9", "OSCAR_CLI_TOKEN": "t"}
    assert call("service", "list", "-c", "a", env=env).code == 0
    assert server.requests[0].headers["authorization"] == AS_ADA


def test_status_shows_the_environments_login_and_login_leaves_it_alone(call: Caller) -> None:
    env = {"OSCAR_CLI_ENDPOINT": "http://x", "OSCAR_CLI_TOKEN": SECRET}
    row = states(call, env=env)["(environment)"]
    assert (row["login"], row["kept_in"], row["state"]) == ("token", "environment", "logged in")
    for verb in ("login", "logout"):
        result = call("auth", verb, env=env)
        assert (result.code, "environment" in result.err) == (2, True)


def test_a_service_token_of_the_environment_runs_its_service(call: Caller, server: ScriptedServer) -> None:
    server.expect("POST", "/run/x", Answer(200, b"done"))
    env = {"OSCAR_CLI_ENDPOINT": server.url, "OSCAR_CLI_TOKEN": "7" * 64}
    assert call("service", "run", "x", "-i", "x", env=env).out == "done"
    assert server.requests[0].headers["authorization"] == f"Bearer {'7' * 64}"


def test_a_home_that_cannot_be_written_needs_no_more_than_the_environment(
    run: Runner, server: ScriptedServer, tmp_path: Path
) -> None:
    """As in a container: no home, no bus, no terminal."""
    server.expect("GET", SERVICES, document([]))
    env = {"OSCAR_CLI_ENDPOINT": server.url, "OSCAR_CLI_TOKEN": "t", "HOME": "/proc/nowhere"}
    assert run("service", "list", env=env, cwd=tmp_path).code == 0
    elsewhere = tmp_path / "config.yaml"
    env = {"OSCAR_CLI_CONFIG": str(elsewhere), "HOME": "/proc/nowhere"}
    words = ("cluster", "add", "a", "http://x", "ada", "--password-stdin", "--no-check")
    assert run(*words, input=SECRET, env=env, cwd=tmp_path).code == 0
    assert SECRET in elsewhere.read_text()


def test_the_environments_user_hides_no_secret_from_a_removal(run: Runner) -> None:
    keys = run.home / "keyring.json"
    env = keyring_env("file_keyring.FileKeyring", keys)
    words = ("cluster", "add", "a", "http://x", "ada", "--password-stdin", "--no-check")
    assert run(*words, input=SECRET, env=env).code == 0
    more = {"OSCAR_CLI_USER": "bob", "OSCAR_CLI_PASSWORD": "other"}
    assert run("cluster", "delete", "a", env={**env, **more}).code == 0
    assert secrets_in(keys) == []


def test_a_login_in_an_entrys_url_is_not_shown(call: Caller) -> None:
    know(call, a={"endpoint": f"http://ada:{SECRET}@x/base", "auth_user": "ada", "auth_password": "p"})
    for words in (("cluster", "list"), ("cluster", "list", "-o", "json"), ("auth", "status", "-o", "json")):
        result = call(*words)
        assert (SECRET in result.out, "http://***@x/base" in result.out) == (False, True)
