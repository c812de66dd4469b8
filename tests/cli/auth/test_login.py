"""`auth login` at an OpenID provider, by browser and by device code, through the real command."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.conftest import Caller, Runner
from tests.support.command import World
from tests.support.oidc import CLIENT, CONFIRM, DEVICE, DISCOVERY, TOKEN, ScriptedProvider, refused
from tests.support.server import Answer, Request, ScriptedServer, document, page


@pytest.fixture
def cluster(server: ScriptedServer, provider: ScriptedProvider) -> ScriptedServer:
    """A cluster that takes what the provider gave out, and nothing else."""

    def check(request: Request) -> Answer:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return document({"version": "4.2.0"}) if provider.accepts(token) else Answer(401)

    # What a login is tried with.
    server.always("GET", "/system/info", check)
    return server


def know(world: World, endpoint: str, provider: ScriptedProvider, **keys: str) -> None:
    """Let a cluster whose provider is known be the only one on record; nobody is logged in."""
    entry = {
        "endpoint": endpoint,
        "ssl_verify": True,
        "oidc_issuer": provider.issuer,
        "oidc_client_id": CLIENT,
        **keys,
    }
    world.write_config(yaml.safe_dump({"oscar": {"test": entry}, "default": "test"}))


def stored(world: World) -> dict[str, str]:
    return dict(yaml.safe_load(world.config.read_text())["oscar"]["test"])


@pytest.fixture
def browser(tmp_path: Path) -> dict[str, str]:
    """Environment variables with a browser that goes wherever it is sent."""
    script = tmp_path / "browser"
    script.write_text(
        f"#!{sys.executable}\nimport sys, urllib.request\n"
        "urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sys.argv[1]).read()\n"
    )
    script.chmod(0o755)
    return {"BROWSER": f"{script} %s"}


def test_a_browser_login_serves_the_commands_that_follow(
    run: Runner, cluster: ScriptedServer, provider: ScriptedProvider, browser: dict[str, str]
) -> None:
    know(run, cluster.url, provider)
    result = run("auth", "login", "-c", "test", env=browser)
    assert result.code == 0, result.err
    assert f"Log in with a browser: {provider.url}" in result.err
    assert "4.2.0" in run("cluster", "info").out
    # The access token of the login itself serves.
    assert [form["grant_type"] for form in provider.forms()] == ["authorization_code"]
    token = stored(run)["oidc_refresh_token"]
    assert token not in result.out + result.err
    provider.forget_access()
    assert "4.2.0" in run("cluster", "info").out
    assert provider.forms()[1]["refresh_token"] == token


def test_provider_and_client_may_be_named_with_the_login(
    run: Runner, cluster: ScriptedServer, provider: ScriptedProvider, browser: dict[str, str]
) -> None:
    run.write_config(yaml.safe_dump({"oscar": {"test": {"endpoint": cluster.url}}, "default": "test"}))
    words = ("--oidc-issuer", provider.issuer, "--oidc-client-id", CLIENT, "--oidc-scopes", "openid")
    result = run("auth", "login", "-c", "test", *words, env=browser)
    assert result.code == 0, result.err
    kept = stored(run)
    assert (kept["oidc_issuer"], kept["oidc_client_id"], kept["oidc_scopes"]) == (
        provider.issuer,
        CLIENT,
        "openid",
    )
    assert "4.2.0" in run("cluster", "info").out


def test_a_device_login_shows_where_to_go_and_waits(
    run: Runner, cluster: ScriptedServer, provider: ScriptedProvider
) -> None:
    provider.interval = 1
    provider.device_answers = ["authorization_pending"]
    know(run, cluster.url, provider)
    result = run("auth", "login", "-c", "test", "--device")
    assert result.code == 0, result.err
    assert f"Open {provider.url}{CONFIRM} and type the code WDJB-MJHT" in result.err
    assert f"{provider.url}{CONFIRM}?user_code=WDJB-MJHT" in result.err
    # A picture is for cameras in front of terminals.
    assert "█" not in result.err
    assert "4.2.0" in run("cluster", "info").out


@pytest.mark.parametrize(("columns", "is_shown"), [(100, True), (42, True), (30, False)])
def test_a_terminal_that_is_wide_enough_shows_a_qr_code(
    run: Runner, cluster: ScriptedServer, provider: ScriptedProvider, columns: int, is_shown: bool
) -> None:
    from oscarcli.output.qr import qr_lines

    provider.interval = 1
    know(run, cluster.url, provider)
    words = ("auth", "login", "-c", "test", "--device", "--insecure-storage")
    result = run.terminal(*words, columns=columns)
    assert result.code == 0, result.out
    lines = qr_lines(f"{provider.url}{CONFIRM}?user_code=WDJB-MJHT")
    assert all((line in result.out) == is_shown for line in lines)
    assert "WDJB-MJHT" in re.sub(r"\s", "", result.out)


@pytest.mark.parametrize(
    ("answer", "code", "reason"),
    [
        (refused("access_denied"), 4, "the login was declined"),
        (refused("expired_token"), 4, "the code expired"),
        (document({"access_token": "two words"}), 4, "blanks or characters"),
        (refused("odd", "\x1b[2Jcleared"), 4, "odd: [2Jcleared"),
        (page(200), 4, "web page"),
    ],
)
def test_a_login_that_fails_says_why_and_what_to_do(
    run: Runner, provider: ScriptedProvider, answer: Answer, code: int, reason: str
) -> None:
    provider.interval = 1
    provider.expect("POST", TOKEN, answer)
    know(run, "http://127.0.0.1:1", provider)
    before = run.config.read_bytes()
    result = run("auth", "login", "-c", "test", "--device")
    assert (result.code, result.out) == (code, "")
    assert reason in result.err
    assert "hint:" in result.err
    assert "\x1b" not in result.err
    assert run.config.read_bytes() == before


def test_a_provider_that_is_not_there_is_unreachable(run: Runner) -> None:
    with ScriptedProvider() as gone:
        know(run, "http://127.0.0.1:1", gone)
    result = run("auth", "login", "-c", "test", "--device")
    assert (result.code, "refuses connections" in result.err) == (6, True)
    assert "hint:" in result.err


def is_gone(number: int) -> bool:
    """Tell whether a process has ended and somebody has taken note of it."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("way", [["--device"], []])
def test_ctrl_c_while_a_login_is_waited_for_leaves_all_as_it_was(
    run: Runner,
    provider: ScriptedProvider,
    way: list[str],
    tmp_path: Path,
    wait_until: Callable[[Callable[[], bool]], None],
) -> None:
    provider.device_answers = ["authorization_pending"] * 100
    browser, number = tmp_path / "browser", tmp_path / "number"
    browser.write_text(f"#!/bin/sh\necho $$ > '{number}.new'; mv '{number}.new' '{number}'\n")
    browser.chmod(0o700)
    know(run, "http://127.0.0.1:1", provider)
    before = run.config.read_bytes()
    process = run.start("auth", "login", "-c", "test", *way, env={"BROWSER": str(browser)})
    assert process.stderr is not None
    # The first line comes when there is something to wait for.
    assert b"http://127.0.0.1:" in process.stderr.readline()
    if not way:
        # The library that opens browsers leaves one alone, with a warning, when it is interrupted meanwhile.
        wait_until(lambda: number.exists() and is_gone(int(number.read_text())))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err
    assert run.config.read_bytes() == before


def test_ctrl_c_while_a_provider_is_silent_ends_at_once(
    run: Runner, provider: ScriptedProvider, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    provider.expect("GET", DISCOVERY, Answer(200, b"{}", stall_after=1))
    know(run, "http://127.0.0.1:1", provider)
    process = run.start("auth", "login", "-c", "test", "--device")
    wait_until(lambda: bool(provider.requests))
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err
    # A provider is waited for fifteen seconds.
    assert time.monotonic() - began < 12


def test_a_logout_ends_the_login_at_the_provider(
    run: Runner, cluster: ScriptedServer, provider: ScriptedProvider, browser: dict[str, str]
) -> None:
    know(run, cluster.url, provider)
    assert run("auth", "login", "-c", "test", env=browser).code == 0
    token = stored(run)["oidc_refresh_token"]
    assert run("auth", "logout", "-c", "test").code == 0
    assert provider.has_ended(token)
    assert token not in run.config.read_text()
    result = run("cluster", "info")
    assert (result.code, "oscar-cli auth login -c test" in result.err) == (4, True)


def test_a_port_may_be_chosen_and_must_be_free(call: Caller, provider: ScriptedProvider) -> None:
    know(call, "http://127.0.0.1:1", provider)
    result = call("auth", "login", "-c", "test", "--port", str(provider.port))
    assert (result.code, result.out) == (4, "")
    assert "Address already in use" in result.err


def test_debug_shows_the_requests_and_no_secret(
    run: Runner, cluster: ScriptedServer, provider: ScriptedProvider
) -> None:
    provider.interval = 1
    know(run, cluster.url, provider)
    result = run("auth", "login", "-c", "test", "--device", "--debug")
    assert result.code == 0, result.err
    assert f"POST {provider.url}{DEVICE}: 200" in result.err
    assert f"POST {provider.url}{TOKEN}: 200" in result.err
    (form,) = provider.forms(TOKEN)
    for secret in (form["device_code"], form["code_verifier"], stored(run)["oidc_refresh_token"]):
        assert secret not in result.err
