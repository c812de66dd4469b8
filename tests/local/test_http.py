"""The listener: what it does for its handlers, and what badly behaved clients cannot do to it."""

from __future__ import annotations

import gc
import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from unittest import mock

import pytest

from oscarcli.local.http.listener import Listener
from oscarcli.local.http.messages import Handler, Request, Response

Serve = Callable[[Handler], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a listener with this handler; gives its port."""
    listeners: list[Listener] = []

    def start(handler: Handler) -> int:
        listener = Listener("127.0.0.1", 0, handler, threads=4)
        listener.start()
        listeners.append(listener)
        return listener.port

    yield start
    for listener in listeners:
        listener.stop()


def _ask(port: int, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, "/x", body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _exchange(port: int, data: bytes) -> bytes:
    """Send exactly this and return everything that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def _read_all(request: Request) -> Response:
    return Response(200, {}, str(len(request.read_all(1 << 30))).encode())


def test_idle_connections_occupy_nobody(serve: Serve) -> None:
    port = serve(lambda _: Response(200, {}, b"served"))
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    assert _ask(port) == (200, b"served")
    for connection in idle:
        connection.close()


def test_more_clients_than_workers_keep_their_connections(serve: Serve) -> None:
    port = serve(lambda request: Response(200, {}, request.headers["x-number"].encode()))
    clients = [http.client.HTTPConnection("127.0.0.1", port, timeout=30) for _ in range(12)]
    for _ in range(3):
        for number, client in enumerate(clients):
            client.request("GET", "/x", headers={"X-Number": str(number)})
        for number, client in enumerate(clients):
            answer = client.getresponse()
            assert (answer.read(), answer.will_close) == (str(number).encode(), False)
    for client in clients:
        client.close()


def test_a_stop_waits_for_no_idle_client() -> None:
    listener = Listener("127.0.0.1", 0, lambda _: Response(200))
    listener.start()
    with socket.create_connection(("127.0.0.1", listener.port), timeout=30) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        listener.stop()
        assert connection.recv(1000) == b""


def test_headers_that_are_repeated(serve: Serve) -> None:
    port = serve(lambda request: Response(200, {}, repr(sorted(request.headers.items())).encode()))
    lines = [
        b"Host: localhost",
        b"Connection: close",
        b"If-Match: a",
        b"IF-MATCH:b \t",
        b"X-A: 1",
        b"x-a:\t2",
    ]
    answer = _exchange(port, b"GET /x HTTP/1.1\r\n" + b"\r\n".join(lines) + b"\r\n\r\n")
    headers = [("connection", "close"), ("host", "localhost"), ("if-match", "a, b"), ("x-a", "2")]
    assert answer.endswith(b"\r\n\r\n" + repr(headers).encode())


@pytest.mark.parametrize(
    ("head", "status", "stays"),
    [
        (b"GET /x HTTP/1.1\r\nHost: a.localhost\r\n", b"200", True),
        (b"GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: TE, Close\r\n", b"200", False),
        (b"GET /x HTTP/1.0\r\n", b"200", False),
        (b"GET /x HTTP/1.0\r\nConnection: Keep-Alive\r\n", b"200", True),
        (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n", b"200", True),
        (b"GET http://localhost/x HTTP/1.1\r\nHost: localhost\r\n", b"400", False),
        (b"GET //localhost/x HTTP/1.1\r\nHost: localhost\r\n", b"400", False),
        (b"GET /x#y HTTP/1.1\r\nHost: localhost\r\n", b"400", False),
        (b"get /x HTTP/1.1\r\nHost: localhost\r\n", b"400", False),
        (b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n", b"405", False),
        (b"PUT /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n", b"501", False),
        (b"GET /x HTTP/2.0\r\nHost: localhost\r\n", b"505", False),
        (b"GET /" + b"x" * (1 << 16), b"414", False),
        (b"GET /x HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"x" * (1 << 16), b"413", False),
    ],
)
def test_how_heads_are_answered(serve: Serve, head: bytes, status: bytes, stays: bool) -> None:
    """A connection that stays open serves what follows; one that does not ends, and nothing follows."""
    port = serve(lambda _: Response(200, {}, b"."))
    last = b"GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answers = _exchange(port, head + b"\r\n" + last).split(b"HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in answers] == ([status, b"200"] if stays else [status])


def test_a_free_port_can_be_bound_again_at_once() -> None:
    first = Listener("127.0.0.1", 0, lambda _: Response(200))
    first.start()
    with socket.create_connection(("127.0.0.1", first.port), timeout=30) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        # The server ends the connection, so its side of it lingers.
        first.stop()
        second = Listener("127.0.0.1", first.port, lambda _: Response(200))
        second.start()
        second.stop()


def test_the_interim_answer_comes_only_when_the_body_is_read(serve: Serve) -> None:
    head = b"PUT /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nConnection: close\r\n"
    head += b"Expect: 100-continue\r\n\r\n"
    reads = serve(_read_all)
    with socket.create_connection(("127.0.0.1", reads), timeout=30) as connection:
        connection.sendall(head)
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"12345")
        assert b"".join(iter(lambda: connection.recv(1000), b"")).endswith(b"\r\n\r\n5")
    refuses = serve(lambda _: Response(403))
    with socket.create_connection(("127.0.0.1", refuses), timeout=30) as connection:
        connection.sendall(head)
        assert connection.recv(100).startswith(b"HTTP/1.1 403 ")


def test_a_client_that_is_still_sending_gets_its_answer(serve: Serve) -> None:
    port = serve(lambda _: Response(403, {}, b"no"))
    assert _ask(port, "PUT", b"x" * (32 << 20)) == (403, b"no")


def test_a_small_body_nobody_read_does_not_cost_the_connection(serve: Serve) -> None:
    port = serve(lambda _: Response(200, {}, b"ok"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(2):
        connection.request("PUT", "/x", b"x" * 100_000)
        answer = connection.getresponse()
        assert (answer.read(), answer.will_close) == (b"ok", False)
    connection.close()


def test_a_large_chunk_is_read_in_pieces(serve: Serve) -> None:
    largest = 0

    def pieces(request: Request) -> Response:
        nonlocal largest
        total = 0
        while piece := request.body.read(1 << 16):
            largest, total = max(largest, len(piece)), total + len(piece)
        return Response(200, {}, str(total).encode())

    head = b"PUT /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    body = b"%x;name=value\r\n" % (20 << 20) + bytes(20 << 20) + b"\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"
    assert _exchange(serve(pieces), head + body).endswith(b"\r\n\r\n20971523")
    assert largest == 1 << 16


def test_a_header_with_a_line_break_is_never_sent(serve: Serve) -> None:
    port = serve(lambda _: Response(200, {"X-Note": "a\r\nSet-Cookie: b"}, b"ok"))
    assert _ask(port) == (500, b"")


def test_an_answer_that_breaks_off_is_seen_to_be_short(serve: Serve) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError("broken")

    port = serve(lambda _: Response(200, {"Content-Length": "8"}, broken()))
    with pytest.raises(http.client.IncompleteRead):
        _ask(port)


def test_a_head_is_too_long_also_when_its_end_comes_with_what_exceeds_the_limit(serve: Serve) -> None:
    port = serve(lambda _: Response(200, {}, b"served"))
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"x" * 65_000)
        # Until it was received; only then does the rest come in one piece.
        time.sleep(0.3)
        connection.sendall(b"x" * 30_000 + b"\r\nConnection: close\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_nothing_follows_an_answer_whose_body_cannot_be_closed(serve: Serve) -> None:
    class Unclosable(list[bytes]):
        def close(self) -> None:
            raise RuntimeError("cannot be closed")

    port = serve(lambda _: Response(200, {"Content-Length": "4"}, Unclosable([b"done"])))
    answer = _exchange(port, b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (answer.count(b"HTTP/1.1 "), answer[-8:]) == (1, b"\r\n\r\ndone")


@pytest.mark.filterwarnings("error")
def test_a_client_that_vanishes_in_the_middle_of_an_answer_leaves_no_complaint(serve: Serve) -> None:
    sent = threading.Event()

    def answer() -> Iterator[bytes]:
        try:
            for _ in range(1000):
                yield b"x" * 100_000
        finally:
            sent.set()

    port = serve(lambda _: Response(200, {"Content-Length": "100000000"}, answer()))
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(1000)
        # Ends with a reset instead of a farewell.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert sent.wait(30)
    complaints: list[str] = []
    with mock.patch("sys.unraisablehook", lambda found: complaints.append(str(found.exc_value))):
        # The next request tells that the worker is through with the last one.
        assert _ask(port)[0] == 200
        gc.collect()
    assert complaints == []
