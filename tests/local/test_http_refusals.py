"""What both listeners of a local cluster refuse before anybody looks at a login."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from oscarcli.local.http.hosts import AllowedHosts
from oscarcli.local.http.listener import Listener
from oscarcli.local.http.messages import Request, Response
from tests.local.harness import LocalCluster, wait_for
from tests.support.daily import daily

HOST = b"Host: localhost\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LENGTH = b"Content-Length: "


@pytest.fixture(params=["api", "s3"])
def port(cluster: LocalCluster, request: pytest.FixtureRequest) -> int:
    endpoint: str = getattr(cluster.server.endpoints, request.param)
    return int(endpoint.rpartition(":")[2])


def _exchange(port: int, data: bytes) -> bytes:
    """Send exactly this and return everything that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def _status(port: int, data: bytes) -> int:
    return int(_exchange(port, data).split(b" ", 2)[1])


def _head(*lines: bytes, first: bytes = b"POST /data/x HTTP/1.1\r\n") -> bytes:
    return first + b"".join(lines) + b"\r\n"


# fmt: off
MALFORMED = {
    "negative length": _head(HOST, LENGTH, b"-1\r\n") + b"{}",
    "signed length": _head(HOST, LENGTH, b"+3\r\n") + b"abc",
    "length with underscore": _head(HOST, LENGTH, b"1_0\r\n") + b"0123456789",
    "list of lengths": _head(HOST, LENGTH, b"3, 3\r\n") + b"abc",
    "empty length": _head(HOST, LENGTH, b"\r\n"),
    "hexadecimal length": _head(HOST, LENGTH, b"0x3\r\n") + b"abc",
    "length of 5,000 digits": _head(HOST, LENGTH, b"1" * 5000, b"\r\n"),
    "two lengths": _head(HOST, LENGTH, b"3\r\n", LENGTH, b"3\r\n") + b"abc",
    "length and chunks": _head(HOST, LENGTH, b"3\r\n", CHUNKED) + b"0\r\n\r\n",
    "chunked twice": _head(HOST, b"Transfer-Encoding: chunked, chunked\r\n") + b"0\r\n\r\n",
    "two encodings": _head(HOST, CHUNKED, CHUNKED) + b"0\r\n\r\n",
    "chunked is not the last": _head(HOST, b"Transfer-Encoding: chunked, gzip\r\n") + b"0\r\n\r\n",
    "chunks in HTTP/1.0": _head(HOST, CHUNKED, first=b"POST /x HTTP/1.0\r\n") + b"0\r\n\r\n",
    "blank before the colon": _head(HOST, b"Content-Length : 3\r\n") + b"abc",
    "no name": _head(HOST, b": value\r\n"),
    "no colon": _head(HOST, b"nothing\r\n"),
    "folded line": _head(HOST, b"X-A: 1\r\n", b" 2\r\n"),
    "two hosts": _head(HOST, HOST),
    "no host": _head(),
    "host with a path": _head(b"Host: localhost/x\r\n"),
    "empty host": _head(b"Host:\r\n"),
    "two logins": _head(HOST, b"Authorization: Basic YTpi\r\n", b"Authorization: Basic Yzpk\r\n"),
    "bare CR": _head(HOST, b"X-A: 1\rX-B: 2\r\n"),
    "NUL": _head(HOST, b"X-A: 1\0\r\n"),
    "control character": _head(HOST, b"X-A: \x1b[2J\r\n"),
    "bare LF": _head(HOST, b"X-A: 1\n"),
    "NUL in the target": _head(HOST, first=b"GET /a\0 HTTP/1.1\r\n"),
    "two blanks": _head(HOST, first=b"GET  /a HTTP/1.1\r\n"),
    "blank first": _head(HOST, first=b" GET /a HTTP/1.1\r\n"),
    "version with underscore": _head(HOST, first=b"GET /a HTTP/1_0.1\r\n"),
    "no version": _head(HOST, first=b"GET /a\r\n"),
    "negative chunk": _head(HOST, CHUNKED) + b"-5\r\nhello\r\n0\r\n\r\n",
    "signed chunk": _head(HOST, CHUNKED) + b"+5\r\nhello\r\n0\r\n\r\n",
    "chunk with a prefix": _head(HOST, CHUNKED) + b"0x5\r\nhello\r\n0\r\n\r\n",
    "chunk with underscore": _head(HOST, CHUNKED) + b"0_5\r\nhello\r\n0\r\n\r\n",
    "chunk without size": _head(HOST, CHUNKED) + b"\r\nhello\r\n0\r\n\r\n",
    "endless chunk size": _head(HOST, CHUNKED) + b"1" * 5000 + b"\r\n",
    "chunk that is too long": _head(HOST, CHUNKED) + b"3\r\nhello\r\n0\r\n\r\n",
    "bare LF behind a chunk size": _head(HOST, CHUNKED) + b"5\nhello\r\n0\r\n\r\n",
    "malformed trailer": _head(HOST, CHUNKED) + b"0\r\nX-A : 1\r\n\r\n",
}
# fmt: on


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_not_http_is_refused_before_any_login(port: int, data: bytes) -> None:
    assert _status(port, data) == 400


def test_what_follows_a_refused_request_is_not_a_request(port: int) -> None:
    answer = _exchange(
        port, _head(HOST, LENGTH, b"-1\r\n") + b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:1", "127.0.0.1", "127.1.2.3:9000", "[::1]:80", "data.localhost", "localhost."],
)
def test_names_of_loopback_are_served(cluster: LocalCluster, host: str) -> None:
    assert cluster.call("GET", "/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Host", "evil.example"),
        ("Host", "127.0.0.1.evil.example:8080"),
        ("Host", "localhost.evil.example"),
        ("Host", "192.168.1.5"),
        ("Host", "[2001:db8::1]"),
        ("Origin", "http://evil.example"),
        ("Origin", "http://localhost.evil.example:3000"),
        ("Origin", "null"),
        ("Origin", ""),
    ],
)
def test_foreign_names_and_pages_are_refused(port: int, header: str, value: str) -> None:
    lines = [
        f"{header}: {value}\r\n".encode(),
        *([HOST] if header == "Origin" else []),
        b"Connection: close\r\n",
    ]
    assert _status(port, _head(*lines, first=b"GET /health HTTP/1.1\r\n")) == 403


def test_a_page_of_this_machine_is_served(cluster: LocalCluster) -> None:
    assert cluster.call("GET", "/health", headers={"Origin": "http://localhost:3000"}).status_code == 200


def _asked(bind: str, names: tuple[str, ...], host: str) -> int:
    request = Request("GET", "/", {"host": host}, _NoBody(), 0, "127.0.0.1")
    refusal = AllowedHosts(bind, names).refusal(request)
    return 200 if refusal is None else refusal.status


class _NoBody:
    def read(self, size: int) -> bytes:
        return b""


@pytest.mark.parametrize(
    ("bind", "names", "host", "status"),
    [
        ("192.168.1.5", (), "192.168.1.5:8080", 200),
        ("192.168.1.5", (), "192.168.1.6:8080", 403),
        ("0.0.0.0", (), "192.168.1.6:8080", 200),
        ("::", (), "[2001:db8::1]:8080", 200),
        ("0.0.0.0", (), "evil.example", 403),
        ("127.0.0.1", ("host.docker.internal",), "Host.Docker.Internal:8080", 200),
        ("127.0.0.1", ("2001:DB8:0::1",), "[2001:db8::1]", 200),
    ],
)
def test_the_address_and_further_names_are_served(
    bind: str, names: tuple[str, ...], host: str, status: int
) -> None:
    assert _asked(bind, names, host) == status


# -- slow clients ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _half_sent(port: int, data: bytes, count: int = 40) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(count)]
        for connection in held:
            connection.sendall(data)
        yield held


HALF_SENT = {
    "one byte": b"G",
    "no end": b"GET /health HTTP/1.1\r\nHost: localhost\r\n",
    "the second": b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea",
    "a long line": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 50_000,
    "a body": b"PUT /data/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab",
    "a chunk": b"PUT /data/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
}


@pytest.mark.parametrize("kind", daily(HALF_SENT, "one byte", "a body"))
def test_half_sent_requests_do_not_stop_a_port(port: int, kind: str) -> None:
    whole = _head(HOST, b"Connection: close\r\n", first=b"GET /health HTTP/1.1\r\n")
    with _half_sent(port, HALF_SENT[kind]) as held:
        assert _status(port, whole) in (200, 403)
        # It was served while others waited, not after they were given up.
        assert any(not _is_over(connection) for connection in held)


@pytest.mark.parametrize("length", [b"Content-Length: 500", b"Transfer-Encoding: chunked"])
def test_half_sent_bodies_of_a_user_do_not_stop_a_port(cluster: LocalCluster, length: bytes) -> None:
    settings = cluster.server.cluster.settings
    login = base64.b64encode(f"{settings.user}:{settings.password}".encode())
    port = urlsplit(cluster.server.endpoints.api).port
    assert port is not None
    lines = (HOST, b"Authorization: Basic " + login + b"\r\n", length + b"\r\n")
    data = _head(*lines, first=b"POST /system/services HTTP/1.1\r\n") + b"1f4\r\n{"
    whole = _head(HOST, b"Connection: close\r\n", first=b"GET /health HTTP/1.1\r\n")
    with _half_sent(port, data) as held:
        assert _status(port, whole) == 200
        # Nobody was given up for it.
        assert not any(_is_over(connection) for connection in held)


# 9,000 bytes, whose end is not announced: such a body is not waited for before a worker gets it.
SLOW = _head(HOST, CHUNKED) + b"2328\r\n{"
# Bytes that take longer than any request waits, sent by and by.
FLOWING = 1 << 20


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Give the port of a listener that may have eight workers, whose handler reads bodies."""
    monkeypatch.setattr("oscarcli.local.http.listener.MAX_WORKERS", 8)
    monkeypatch.setattr("oscarcli.local.http.listener.MAX_SLOW_SECONDS", 1.0)
    listener = Listener("127.0.0.1", 0, lambda asked: Response(body=asked.read_all(FLOWING)), threads=4)
    listener.start()
    yield listener.port
    listener.stop()


def test_small_bodies_that_are_half_sent_cost_no_worker(crowded: int) -> None:
    whole = _head(HOST, LENGTH, b"2\r\n", b"Connection: close\r\n") + b"ok"
    half = _head(HOST, b"content-LENGTH:9000\r\n", b"Connection: close\r\n") + b"{"
    with _half_sent(crowded, half, count=400) as held:
        assert _exchange(crowded, whole).endswith(b"\r\n\r\nok")
        # Nobody had to be given up for it.
        assert not any(_is_over(connection) for connection in held)
        last = held[-1]
        last.setblocking(True)
        last.sendall(b"x" * 8999)
        assert b"".join(iter(lambda: last.recv(65_536), b"")).endswith(b"\r\n\r\n{" + b"x" * 8999)


def test_more_half_sent_bodies_than_workers_are_given_up(crowded: int) -> None:
    whole = _head(HOST, LENGTH, b"2\r\n", b"Connection: close\r\n") + b"ok"
    with _half_sent(crowded, SLOW, count=20) as held:
        assert _exchange(crowded, whole).endswith(b"\r\n\r\nok")
        # The workers of 13 at least were wanted for others.
        assert sum(_is_over(connection) for connection in held) >= 13


def test_a_body_that_drips_is_given_up_and_one_that_flows_is_not(crowded: int) -> None:
    port = crowded
    with _half_sent(port, SLOW, count=7) as held, socket.create_connection(("127.0.0.1", port)) as flowing:
        flowing.sendall(_head(HOST, CHUNKED, b"Connection: close\r\n") + b"%x\r\n" % FLOWING)
        asked = threading.Thread(target=_exchange, args=[port, _head(HOST, b"Connection: close\r\n")])
        asked.start()
        left = FLOWING
        while asked.is_alive() and left > 1024:
            flowing.sendall(b"x" * 1024)
            left -= 1024
            for connection in held:
                with contextlib.suppress(OSError):
                    connection.sendall(b"x")
            asked.join(0.1)
        assert not asked.is_alive(), "a request waits for a worker"
        flowing.sendall(b"x" * left + b"\r\n0\r\n\r\n")
        assert b"".join(iter(lambda: flowing.recv(65_536), b"")).endswith(b"\r\n\r\n" + b"x" * FLOWING)
        assert any(_is_over(connection) for connection in held)


def _is_over(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        while connection.recv(1000):
            pass
    except BlockingIOError:
        return False
    return True


def test_a_head_must_come_in_time_however_slowly_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oscarcli.local.http.listener.HEAD_SECONDS", 0.5)
    listener = Listener("127.0.0.1", 0, lambda _: Response(200))
    listener.start()
    try:
        with socket.create_connection(("127.0.0.1", listener.port), timeout=0.1) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n")
            wait_for(lambda: _has_ended_after(connection, b"X"), "the connection's end")
    finally:
        listener.stop()


def _has_ended_after(connection: socket.socket, data: bytes) -> bool:
    try:
        connection.sendall(data)
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_a_head_in_small_pieces_is_served(port: int) -> None:
    whole = _head(
        HOST, b"X-A: ", b"a" * 9000, b"\r\n", b"Connection: close\r\n", first=b"GET /health HTTP/1.1\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(whole), 1000):
            connection.sendall(whole[start : start + 1000])
            time.sleep(0.002)
        assert connection.recv(12) in (b"HTTP/1.1 200", b"HTTP/1.1 403")


def test_requests_that_come_together_are_all_served(cluster: LocalCluster) -> None:
    port = urlsplit(cluster.server.endpoints.api).port
    assert port is not None
    one = _head(HOST, first=b"GET /health HTTP/1.1\r\n")
    last = _head(HOST, b"Connection: close\r\n", first=b"GET /health HTTP/1.1\r\n")
    assert _exchange(port, one * 3 + last).count(b"HTTP/1.1 200 ") == 4
