"""Waits for a server that a signal ends, also one that came just before the wait."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from oscarcli.storage.wire.connection import WireConnection
from oscarcli.storage.wire.failures import SilentServerError

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LONG_SECONDS = 60.0


class SignalError(Exception):
    """What the signal raises."""


def interrupt(_number: int, _frame: object) -> None:
    raise SignalError


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A connection whose other side says nothing."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours


@pytest.fixture
def unseen_signal() -> Iterator[None]:
    """A signal that wakes up nobody: another thread gets it while this one waits."""
    before = signal.signal(signal.SIGUSR1, interrupt)
    waiter = Path(f"/proc/self/task/{threading.get_native_id()}/stat")
    is_due = threading.Event()

    def send() -> None:
        is_due.wait()
        while waiter.read_text().rpartition(")")[2].split()[0] != "S":
            time.sleep(0.001)
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    thread = threading.Thread(target=send)
    thread.start()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    is_due.set()
    yield
    thread.join()
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="there is no /proc here")
@pytest.mark.usefixtures("unseen_signal")
def test_a_signal_that_came_before_the_wait_ends_it(silent: socket.socket) -> None:
    connection = WireConnection(silent, read_timeout=LONG_SECONDS)
    started = time.monotonic()
    with pytest.raises(SignalError):
        connection.exchange("GET", REQUEST, b"", expects_continue=False)
    assert time.monotonic() - started < LONG_SECONDS / 2
    connection.close()


def test_a_server_that_is_silent_for_too_long_is_given_up(silent: socket.socket) -> None:
    connection = WireConnection(silent, read_timeout=0.3)
    started = time.monotonic()
    with pytest.raises(SilentServerError):
        connection.exchange("GET", REQUEST, b"", expects_continue=False)
    assert 0.3 <= time.monotonic() - started < LONG_SECONDS / 2
    connection.close()
