"""How the main thread waits for a server."""

from __future__ import annotations

import select
import socket
import threading
import time
from typing import Any

from oscarcli.threads import MAX_WAIT_SECONDS


def wait_for_data(sock: Any, seconds: float) -> None:
    """Let the main thread wait in steps until there is something to read; other threads go on at once.

    Args:
        sock: a socket, with TLS or without.
        seconds: how long the other side may be silent.

    Raises:
        OSError: the connection cannot be waited for.
        TimeoutError: it was silent for longer.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if type(sock) is not socket.socket and getattr(sock, "pending", _cannot_tell)():
        return
    waiting = select.poll()
    waiting.register(sock, select.POLLIN)
    latest = time.monotonic() + seconds
    while not waiting.poll(MAX_WAIT_SECONDS * 1000):
        if time.monotonic() > latest:
            raise TimeoutError


def _cannot_tell() -> int:
    """Return what counts as something to read, where TLS is spoken within TLS: nobody can look into it."""
    return 1
