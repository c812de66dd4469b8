"""Calls in threads of their own: with a time limit, for what keeps to none, and begun ahead of time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import NoReturn, TypeVar

Answer = TypeVar("Answer")

# A signal that comes between Python's last look for one and the start of a wait is not seen before the end of
# the wait: Ctrl-C would be lost where a server has fallen silent.
MAX_WAIT_SECONDS = 0.2


def within(seconds: float, call: Callable[[], Answer]) -> Answer:
    """Return what a call returns, and raise what it raises.

    A resolver of names, a keyring's library or a server that drips keeps to no limit: only a thread can be
    left behind. It is a daemon, so it does not keep the program from ending.

    Args:
        seconds: how long to wait.
        call: what to do; it goes on when it is left behind.

    Raises:
        TimeoutError: it takes longer.
    """
    outcome = _started(call)
    try:
        found = outcome.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    try:
        return found()
    finally:
        # An error remembers this place: it must not be remembered here, too, with all that it holds open.
        del found


def begin(call: Callable[[], Answer]) -> Callable[[], Answer]:
    """Begin a call in a thread that is left behind when nobody waits for it.

    Returns:
        What waits for its end, once, and returns what it returned or raises what it raised.
    """
    outcome = _started(call)

    def wait() -> Answer:
        while True:
            with suppress(queue.Empty):
                found = outcome.get(timeout=MAX_WAIT_SECONDS)
                break
        try:
            return found()
        finally:
            del found

    return wait


def _started(call: Callable[[], Answer]) -> queue.SimpleQueue[Callable[[], Answer]]:
    """Start a call in a thread; a function that returns or raises what it did comes to the queue."""
    outcome: queue.SimpleQueue[Callable[[], Answer]] = queue.SimpleQueue()

    def carry_out() -> None:
        try:
            answer = call()
        except BaseException as error:  # noqa: BLE001 -- raised where the answer is waited for
            outcome.put(partial(_raise, error))
        else:
            outcome.put(lambda: answer)

    threading.Thread(target=carry_out, daemon=True).start()
    return outcome


def _raise(error: BaseException) -> NoReturn:
    try:
        raise error
    finally:
        del error
