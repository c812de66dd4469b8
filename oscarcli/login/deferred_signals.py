"""An end that is asked for while a token is renewed: the provider may have voided the old one already."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Longer than a provider may take for both of its answers.
MAX_RENEWAL_SECONDS = 35.0

_ended = threading.Condition()
_renewals = 0


@contextmanager
def finished_before_the_end() -> Iterator[None]:
    """Let what is done be finished when the program is asked to end, and stop at once at the second time.

    Raises:
        KeyboardInterrupt: after Ctrl-C, when all is done, or at once. Other signals do then what they do.
    """
    with _counted():
        if threading.current_thread() is threading.main_thread():
            with _held_back():
                yield
        else:
            yield


def wait_for_renewals() -> None:
    """Wait until other threads have finished what they may not leave half done."""
    with _ended:
        _ended.wait_for(lambda: not _renewals, timeout=MAX_RENEWAL_SECONDS)


@contextmanager
def _counted() -> Iterator[None]:
    global _renewals  # noqa: PLW0603 -- of the whole process, as its end is
    with _ended:
        _renewals += 1
    try:
        yield
    finally:
        with _ended:
            _renewals -= 1
            _ended.notify_all()


@contextmanager
def _held_back() -> Iterator[None]:
    came: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        if len(came) > 1:
            raise KeyboardInterrupt

    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    # What is ignored stays ignored, and what somebody else than Python handles stays theirs.
    held = {number: old for number, old in handlers.items() if old not in (signal.SIG_IGN, None)}
    for number in held:
        signal.signal(number, remember)
    try:
        yield
    finally:
        for number, old in held.items():
            signal.signal(number, old)
        if came and came[0] == signal.SIGINT:
            raise KeyboardInterrupt
        if came:
            os.kill(os.getpid(), came[0])
