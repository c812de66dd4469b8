"""Calls with a time limit, for what keeps to none of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


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
    outcome: queue.SimpleQueue[tuple[Answer | None, BaseException | None]] = queue.SimpleQueue()

    def carry_out() -> None:
        try:
            outcome.put((call(), None))
        except BaseException as error:  # noqa: BLE001 -- raised where the answer is waited for
            outcome.put((None, error))

    threading.Thread(target=carry_out, daemon=True).start()
    try:
        answer, error = outcome.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return answer  # type: ignore[return-value]  # without an error it is what the call returned
