"""A terminal that is gone, because its window was closed or its connection is lost, ends the program."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading


def end_with_terminal() -> None:
    """End the program, from now on, when the terminal that it reads from is gone.

    Textual's threads would go on for ever then: the one that draws waits for the one that writes, which has
    ended, and the one that reads asks again and again. There is nothing to give back and nobody to tell.
    """
    threading.Thread(
        target=_wait_for_end, args=[sys.stdin.fileno()], name="terminal-end", daemon=True
    ).start()


def _wait_for_end(descriptor: int) -> None:
    poll = select.poll()
    # Without a wish for anything, the end alone is told.
    poll.register(descriptor, 0)
    # A system that cannot tell it of terminals says POLLNVAL at once.
    if any(event & select.POLLHUP for _, event in poll.poll()):
        os.kill(os.getpid(), signal.SIGHUP)
        # Where that signal is ignored, as behind nohup.
        os._exit(128 + signal.SIGHUP)
