"""One rule for proxies: the environment's, for every request but those to this machine (D47)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

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
    port = proxy.url.rpartition(":")[2]
    assert f"the proxy 127.0.0.1:{port} opens no way to oscar.test: 403" in result.err
    assert "NO_PROXY" in result.err
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


@pytest.mark.parametrize(
    "value",
    [
        "http://me:hunter2@127.0.0.1:9",
        "127.0.0.1:9",
        "socks5://me:hunter2@127.0.0.1:9",
        "socks5h://127.0.0.1:9",
    ],
)
def test_a_proxy_that_is_not_there_is_named_and_its_password_is_not(call: Caller, value: str) -> None:
    call.know("http://oscar.test")
    result = call("service", "list", "--debug", env={"HTTP_PROXY": value})
    assert result.code == 6
    assert "oscar.test (through the proxy 127.0.0.1:9)" in result.err
    assert "the proxy refuses connections" in result.err
    assert "check HTTP_PROXY, or except the host with NO_PROXY" in result.err
    assert "hunter2" not in result.err


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("foo://me:hunter2@x", "of its kind"),
        ("socks4://me:hunter2@x", "of its kind"),
        ("http://[::", "not a URL"),
        ("http://me:hunter2#more@x:1", "not a URL"),
        ("http://me:hunter2@", "names no host"),
        ("http://me:hunter2@x:0", "names no host"),
    ],
)
@pytest.mark.parametrize("command", [("service", "list"), ("doctor",)])
def test_a_proxy_that_cannot_be_used_is_a_wrong_setting(
    call: Caller, value: str, reason: str, command: tuple[str, ...]
) -> None:
    call.know("http://oscar.test")
    result = call(*command, "--debug", env={"HTTP_PROXY": value})
    told = result.err + result.out
    assert result.code == 3, told
    assert "the proxy in HTTP_PROXY cannot be used: " in told
    assert reason in told
    assert "http://USER:PASSWORD@HOST:PORT" in told
    assert "hunter2" not in told


def test_each_host_of_a_redirect_is_asked_for_by_its_own_way(
    call: Caller, server: ScriptedServer, proxy: ScriptedServer
) -> None:
    call.know("http://oscar.test")
    proxy.expect("GET", "/system/services", Answer(302, headers={"Location": f"{server.url}/elsewhere"}))
    server.expect("GET", "/elsewhere", document([{"name": "here"}]))
    result = call("service", "list", env={"HTTP_PROXY": proxy.url})
    assert (result.code, "here" in result.out) == (0, True), result.err
    assert "authorization" not in server.requests[0].headers


# -- SOCKS proxies that say no -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "login", "words"),
    [
        ([b"\x05\xff"], "", "wants a login"),
        ([b"\x05\x02", b"\x01\x01"], "me:hunter2@", "refuses the login"),
        ([b"\x05\x00", b"\x05\x04\x00\x01\x00\x00\x00\x00\x00\x00"], "", "Host unreachable"),
        ([b"\x05\x00", b"\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00"], "", "not allowed by ruleset"),
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "", "127.0.0.1"),
        ([b""], "", "wants a login, or speaks no socks5h"),
    ],
    ids=["no way to log in", "wrong login", "unreachable", "not allowed", "no SOCKS", "hangs up"],
)
@pytest.mark.parametrize("kind", ["rest", "doctor"])
def test_what_a_socks_proxy_refuses_is_told(
    call: Caller, answers: list[bytes], login: str, words: str, kind: str
) -> None:
    call.know("https://oscar.test")
    with _speaking(answers) as port:
        command = ("service", "list") if kind == "rest" else ("doctor", "--timeout", "5")
        result = call(*command, "--debug", env={"HTTPS_PROXY": f"socks5h://{login}127.0.0.1:{port}"})
    told = result.err + result.out
    assert result.code == 6, told
    assert words in told
    assert f"127.0.0.1:{port}" in told
    assert "HTTPS_PROXY" in told
    assert "hunter2" not in told


@contextmanager
def _speaking(answers: list[bytes]) -> Iterator[int]:
    """Answer each piece of what a client sends, and hang up after the last answer."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client = listener.accept()[0]
            except OSError:
                return
            with client, suppress(OSError):
                for answer in answers:
                    client.recv(4096)
                    client.sendall(answer)

    serving = threading.Thread(target=serve)
    serving.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        serving.join()
