"""One rule for proxies: the environment's, for every request but those to this machine (D47)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Caller
from tests.support.server import Answer, Request, ScriptedServer, document, text

PROXY_VARIABLES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture
def proxy() -> Iterator[ScriptedServer]:
    """A server that is asked as a proxy is: with whole URLs, or to connect."""
    with ScriptedServer() as scripted:
        yield scripted
        scripted.verify()


@pytest.mark.parametrize("variable", PROXY_VARIABLES)
def test_requests_go_through_the_environments_proxy(
    call: Caller, proxy: ScriptedServer, variable: str
) -> None:
    call.know("http://oscar.test/base")
    proxy.expect("GET", "/base/system/services", document([{"name": "far"}]))
    result = call("service", "list", env={variable: proxy.url})
    assert (result.code, "far" in result.out) == (0, True)
    assert proxy.requests[0].headers["host"] == "oscar.test"
    assert proxy.requests[0].headers["authorization"].startswith("Basic ")


def test_endpoint_and_token_go_through_it_too(call: Caller, proxy: ScriptedServer) -> None:
    proxy.expect("POST", "/run/x", text("far"))
    words = ("service", "run", "x", "-i", "x", "-e", "http://oscar.test", "-t", "t" * 64)
    assert call(*words, env={"HTTP_PROXY": proxy.url}).out == "far"


def test_tls_is_asked_for_by_name_and_the_proxy_sees_no_login(call: Caller, proxy: ScriptedServer) -> None:
    asked: list[Request] = []

    def refuse(request: Request) -> Answer:
        asked.append(request)
        return Answer(403)

    proxy.expect("CONNECT", "oscar.test:443", refuse)
    call.know("https://oscar.test")
    result = call("service", "list", env={"HTTPS_PROXY": proxy.url})
    assert (result.code, result.out) == (6, "")
    assert "oscar.test" in result.err
    assert "(through the proxy 127.0.0.1)" in result.err
    assert asked[0].headers["host"] == "oscar.test:443"
    assert "authorization" not in asked[0].headers


@pytest.mark.parametrize("variable", PROXY_VARIABLES)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_never_asked_for_through_a_proxy(
    call: Caller, server: ScriptedServer, variable: str, host: str
) -> None:
    call.know(server.url.replace("127.0.0.1", host))
    server.expect("GET", "/system/services", document([]))
    assert call("service", "list", env={variable: "http://127.0.0.1:9"}).code == 0


def test_exceptions_of_the_environment_hold(call: Caller, proxy: ScriptedServer) -> None:
    call.know("http://oscar.invalid")
    result = call("service", "list", env={"HTTP_PROXY": proxy.url, "NO_PROXY": "oscar.invalid"})
    assert (result.code, proxy.requests) == (6, [])
    assert 'the host name "oscar.invalid" is not known' in result.err


def test_a_proxy_that_is_not_there_is_named_and_its_password_is_not(call: Caller) -> None:
    call.know("http://oscar.test")
    for value in ("http://me:hunter2@127.0.0.1:9", "127.0.0.1:9"):
        result = call("service", "list", "--debug", env={"HTTP_PROXY": value})
        assert result.code == 6
        assert "(through the proxy 127.0.0.1)" in result.err
        assert "hunter2" not in result.err


@pytest.mark.parametrize("value", ["foo://x", "socks5://127.0.0.1:9", "http://[::"])
def test_a_proxy_that_cannot_be_used_is_a_wrong_setting(call: Caller, value: str) -> None:
    call.know("http://oscar.test")
    result = call("service", "list", env={"HTTP_PROXY": value})
    assert (result.code, "proxy" in result.err) == (3, True)
