"""Answers that are known later: no worker waits for them, and nobody else does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from oscarcli.local.http.call_queue import CallQueue
from oscarcli.local.http.listener import Listener
from oscarcli.local.http.messages import DeferredAnswer, Request, Response
from tests.local.harness import wait_for

BODY = b"12345"


class Later:
    """A handler whose answers to small requests are given when it is told so."""

    def __init__(self) -> None:
        self.begun = 0
        self.asked: list[Callable[[], None]] = []
        self.threads: set[str] = set()
        self.answer = Response(200, {}, b"later")

    def __call__(self, request: Request) -> Response | DeferredAnswer:
        if not request.may_be_deferred:
            return Response(200, {}, b"at once")
        self.threads.add(threading.current_thread().name)
        assert request.read_all(100) == BODY
        return DeferredAnswer(self._begin, self._ask, lambda: self.answer)

    def _begin(self) -> None:
        self.begun += 1

    def _ask(self, action: Callable[[], None]) -> None:
        assert self.begun > len(self.asked), "what is asked for has begun"
        self.asked.append(action)

    def is_quick(self, request: Request) -> bool:
        return request.target != "/slow"

    def tell(self) -> None:
        """Let all be answered that have asked by now."""
        asked, self.asked = self.asked, []
        for action in asked:
            action()


@pytest.fixture
def later() -> Later:
    return Later()


@contextmanager
def listening(later: Later) -> Iterator[Listener]:
    listener = Listener("127.0.0.1", 0, later, threads=2, is_quick=later.is_quick)
    listener.start()
    try:
        yield listener
    finally:
        listener.stop()


@pytest.fixture
def listener(later: Later) -> Iterator[Listener]:
    with listening(later) as listener:
        yield listener


def request(target: str = "/x", *, more: bytes = b"") -> bytes:
    head = b"PUT %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n%s\r\n"
    return head % (target.encode(), more) + BODY


def connect(listener: Listener) -> socket.socket:
    return socket.create_connection(("127.0.0.1", listener.port), timeout=30)


def ended_by(connection: socket.socket, end: bytes) -> bytes:
    """Return what comes up to this end."""
    data = b""
    while not data.endswith(end):
        more = connection.recv(1000)
        assert more, data
        data += more
    return data


def test_more_wait_than_there_are_workers_and_others_are_served(later: Later, listener: Listener) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(listener)) for _ in range(20)]
        for _ in range(2):
            for client in clients:
                client.sendall(request())
            wait_for(lambda: len(later.asked) == 20, "all of them to ask")
            other = stack.enter_context(connect(listener))
            other.sendall(request("/slow"))
            ended_by(other, b"at once")
            later.tell()
            for client in clients:
                assert ended_by(client, b"later").startswith(b"HTTP/1.1 200 ")
        # And what is not deferred is served on the same connections.
        clients[0].sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        ended_by(clients[0], b"at once")


def test_all_that_came_together_begin_before_one_is_asked_for() -> None:
    calls, done = CallQueue(), list[str]()

    def come(name: str) -> None:
        begin, ask = calls.expect(), calls.expect()

        def begun() -> None:
            done.append(f"begin {name}")
            ask(lambda: done.append(f"ask {name}"))

        begin(begun)

    for name in "ab":
        come(name)
    calls.run()
    calls.finish(0)
    assert done == ["begin a", "begin b", "ask a", "ask b"]


def test_answers_keep_the_order_of_the_requests(later: Later, listener: Listener) -> None:
    with connect(listener) as client:
        client.sendall(request() + request("/slow") + request())
        wait_for(lambda: later.asked, "the first to ask")
        later.tell()
        ended_by(client, b"at once")
        wait_for(lambda: later.asked, "the third to ask")
        later.answer = Response(200, {}, b"the third")
        later.tell()
        ended_by(client, b"the third")


@pytest.mark.parametrize("ending", [b"Connection: close\r\n", b""])
def test_the_last_answer_ends_the_connection(later: Later, listener: Listener, ending: bytes) -> None:
    later.answer = Response(200, {}, b"last", close_connection=not ending)
    with connect(listener) as client:
        client.sendall(request(more=ending) + request())
        wait_for(lambda: later.asked, "it to ask")
        later.tell()
        answer = b"".join(iter(lambda: client.recv(1000), b""))
    assert (answer[-4:], answer.count(b"HTTP/1.1"), b"Connection: close" in answer) == (b"last", 1, True)


def test_a_client_that_reads_no_answers_is_given_up(later: Later, listener: Listener) -> None:
    later.answer = Response(200, {}, b"x" * 50_000_000)
    with connect(listener) as client, connect(listener) as other:
        client.sendall(request())
        wait_for(lambda: later.asked, "it to ask")
        later.tell()
        other.sendall(request("/slow"))
        ended_by(other, b"at once")
        size = 0
        with suppress(ConnectionError):
            while data := client.recv(1 << 20):
                size += len(data)
        assert size < 50_000_000


def test_a_client_that_is_gone_harms_nobody(later: Later, listener: Listener) -> None:
    with connect(listener) as client:
        client.sendall(request())
        wait_for(lambda: later.asked, "it to ask")
    later.tell()
    with connect(listener) as client:
        client.sendall(request("/slow"))
        ended_by(client, b"at once")


def test_malformed_requests_are_refused_as_ever(listener: Listener) -> None:
    with connect(listener) as client:
        client.sendall(request(more=b"Host: other\r\n"))
        assert client.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_a_stop_waits_for_answers_that_come(later: Later) -> None:
    with listening(later) as listener, connect(listener) as client:
        client.sendall(request())
        wait_for(lambda: later.asked, "it to ask")
        end = threading.Thread(target=listener.stop)
        end.start()
        wait_for(lambda: not listener._thread.is_alive(), "the listener to end")
        later.tell()
        ended_by(client, b"later")
        end.join(30)
        assert client.recv(1000) == b""
