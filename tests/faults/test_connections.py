"""Connections that fail in every way a network knows, seen by the real command."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest

from tests.conftest import Caller, Runner
from tests.support.certificate import self_signed
from tests.support.ports import free_port
from tests.support.server import Answer, ScriptedServer, document, text

LIST = "/system/services"
JSON = {"Content-Type": "application/json"}


def test_a_refused_connection_names_the_place_and_the_way_out(run: Runner) -> None:
    port = free_port()
    run.know(f"http://127.0.0.1:{port}")
    result = run("service", "list")
    assert (result.code, result.out) == (6, "")
    assert result.err == (
        f"Error: cannot list the services: 127.0.0.1:{port} refuses connections\n"
        "hint: is the server running? 'oscar-cli local start' starts a local one\n"
    )


def test_an_unknown_host_is_named(call: Caller) -> None:
    call.know("http://host.invalid:1")
    result = call("service", "list")
    assert (result.code, result.out) == (6, "")
    assert 'the host name "host.invalid" is not known' in result.err
    call.know(f"http://{'a' * 70}.example")
    assert call("service", "list").code == 6


@pytest.mark.parametrize(
    "fault",
    [
        Answer(reset=True),
        Answer(hang_up=True),
        Answer(200, b'[{"name": "a"', {**JSON, "Content-Length": "500"}),
        Answer(503),
        Answer(429, headers={"Retry-After": "0"}),
    ],
    ids=["reset", "hang up", "short body", "503", "429"],
)
def test_a_read_outlives_one_fault_and_a_whole_answer_is_insisted_on(
    call: Caller, server: ScriptedServer, fault: Answer
) -> None:
    call.know(server.url)
    server.expect("GET", LIST, fault)
    server.expect("GET", LIST, document([{"name": "a", "image": "i", "cpu": "1", "memory": "2"}]))
    result = call("service", "list")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[1].split() == ["a", "i", "1", "2"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Answer(reset=True), "broke: "),
        (Answer(hang_up=True), "broke: Server disconnected without sending a response"),
        (Answer(200, b"[", {**JSON, "Content-Length": "500"}), "broke: peer closed connection"),
    ],
    ids=["reset", "hang up", "short body"],
)
def test_a_fault_that_stays_is_an_error(
    call: Caller, server: ScriptedServer, fault: Answer, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oscarcli.api.client.RETRY_DELAYS", (0.0, 0.0))
    call.know(server.url)
    server.always("GET", LIST, fault)
    result = call("service", "list")
    assert (result.code, result.out, len(server.requests)) == (6, "", 3)
    assert words in result.err


@pytest.mark.parametrize("fault", [Answer(reset=True), Answer(hang_up=True), Answer(503), Answer(502)])
def test_a_write_is_sent_once_and_its_doubt_is_told(
    call: Caller, server: ScriptedServer, fault: Answer
) -> None:
    call.know(server.url)
    server.expect("DELETE", f"{LIST}/x", fault)
    result = call("service", "delete", "x")
    assert (result.code, len(server.requests)) == (6, 1)
    if fault.status == 200:
        assert "it may have been done all the same" in result.err


@pytest.mark.parametrize(
    "fault",
    [
        Answer(200, b"[{}]", JSON, stall_after=0),
        Answer(200, b"[{}]", JSON, stall_after=2),
        Answer(200, b"x" * 9, drip=30),
    ],
    ids=["no body", "half a body", "drips"],
)
def test_an_answer_that_stalls_ends_with_the_timeout(
    call: Caller, server: ScriptedServer, fault: Answer
) -> None:
    call.know(server.url)
    server.expect("GET", LIST, fault)
    begun = time.monotonic()
    result = call("service", "list", "--timeout", "0.2")
    assert (result.code, result.out) == (6, "")
    assert "within 0.2 s" in result.err
    assert "--timeout" in result.err
    # Not a measurement: the server would wait for ever.
    assert time.monotonic() - begun < 25


def test_a_slow_answer_that_keeps_coming_is_waited_for(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    body = json.dumps([{"name": "slow"}]).encode()
    server.expect("GET", LIST, Answer(200, body, JSON, drip=0.02))
    assert "slow" in call("service", "list", "--timeout", "5").out


def test_a_write_that_times_out_may_still_be_in_progress(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("DELETE", f"{LIST}/x", Answer(200, b"x", stall_after=0))
    result = call("service", "delete", "x", "--timeout", "0.2")
    assert (result.code, "it may still be in progress there" in result.err) == (6, True)


@pytest.mark.parametrize(
    "garbage", [b"", b"\x00\xff\xfe garbage\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"SSH-2.0-OpenSSH_9\r\n"]
)
def test_a_server_that_speaks_no_http_is_an_error(
    call: Caller, garbage: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    monkeypatch.setattr("oscarcli.api.client.RETRY_DELAYS", ())
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def speak() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(garbage)

        thread = threading.Thread(target=speak)
        thread.start()
        call.know(f"http://127.0.0.1:{listener.getsockname()[1]}")
        result = call("service", "list")
        thread.join()
    assert (result.code, result.out) == (6, "")
    assert "broke" in result.err


# -- redirects -----------------------------------------------------------------------------------


def test_no_credentials_reach_another_host(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    with ScriptedServer() as other:
        server.expect("GET", LIST, Answer(302, headers={"Location": f"{other.url}/elsewhere"}))
        other.expect("GET", "/elsewhere", document([]))
        assert call("service", "list").code == 0
        other.verify()
    assert "authorization" in server.requests[0].headers
    received = other.requests[0]
    assert "authorization" not in received.headers
    assert not any("s3cr3t" in value or "YWRh" in value for value in received.headers.values())


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_what_is_written_reaches_no_other_host(call: Caller, server: ScriptedServer, status: int) -> None:
    call.know(server.url)
    with ScriptedServer() as other:
        server.expect("GET", "/system/services/x", document({"name": "x", "token": "t" * 64}))
        server.expect("POST", "/run/x", Answer(status, headers={"Location": f"{other.url}/run/x"}))
        result = call("service", "run", "x", "-i", "private")
        assert (result.code, result.out) == (7, "")
        assert f"the server redirects to {other.url}/run/x" in result.err
        assert other.requests == []


def test_a_trailing_slash_is_followed_within_the_server(call: Caller, server: ScriptedServer) -> None:
    call.know(f"{server.url}/base")
    server.expect("GET", f"/base{LIST}", Answer(301, headers={"Location": "/base/other/"}))
    server.expect("GET", "/base/other/", document([]))
    assert call("service", "list").code == 0
    assert len({request.headers["authorization"] for request in server.requests}) == 1


# -- TLS -----------------------------------------------------------------------------------------


def test_a_certificate_nobody_signed_is_refused_unless_told_otherwise(run: Runner, tmp_path: Path) -> None:
    context, certificate = self_signed(tmp_path)
    with ScriptedServer(context) as server:
        server.always("GET", LIST, document([]))
        run.know(server.url)
        refused = run("service", "list")
        assert (refused.code, refused.out) == (6, "")
        assert f"the TLS certificate of 127.0.0.1:{server.port} is not trusted" in refused.err
        assert "is not trusted: it is self-signed (for 127.0.0.1" in refused.err
        assert "oscar-cli cluster add ID URL ... --ca-file PATH --force" in refused.err
        assert server.requests == []
        trusted = run("service", "list", env={"SSL_CERT_FILE": str(certificate)})
        assert trusted.code == 0
        added = run("cluster", "add", "lax", server.url, "ada", "pw", "--disable-ssl", "--no-check")
        assert added.code == 0
        lax = run("service", "list", "-c", "lax")
        warning = 'warning: TLS certificates of cluster "lax" are not verified'
        assert (lax.code, lax.err.splitlines()) == (
            0,
            [warning, "There are no services in the cluster"],
        )
        words = ("service", "run", "x", "-i", "x", "-e", server.url, "-t", "t" * 64)
        server.always("POST", "/run/x", text("ok"))
        known = run(*words)
        assert (known.out, known.err.splitlines()[0]) == ("ok", warning), "its entry says not to verify"
        assert run(*words, "--config", tmp_path / "none.yaml").code == 6


def test_tls_where_there_is_none_is_told(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url.replace("http:", "https:"))
    result = call("service", "list")
    assert (result.code, result.out) == (6, "")
    assert "no TLS connection" in result.err
    assert "is it perhaps http:// there?" in result.err
