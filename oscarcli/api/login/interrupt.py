"""Ctrl-C while a token is being renewed: the provider may have voided the old one already."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def finished_before_interrupt() -> Iterator[None]:
    """Let what is done be finished at the first Ctrl-C, and stop at once at the second one.

    Raises:
        KeyboardInterrupt: when all is done, or at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupts = 0

    def remember(_signal: int, _frame: FrameType | None) -> None:
        nonlocal interrupts
        interrupts += 1
        if interrupts > 1:
            raise KeyboardInterrupt

    former = signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)
    if interrupts:
        raise KeyboardInterrupt
