"""Runs one program to its end, or until it is told to stop; nothing of it is left alive after that."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from oscarcli.local.jobs.engine.base import RunCancellation, RunCancelled
from oscarcli.local.jobs.engine.launcher import Launcher, Script
from oscarcli.local.jobs.engine.processes import kill_marked

READ_BLOCK = 1 << 16
# As many fill the largest pipe that a user may have.
LAST_BLOCKS = 16
# Between asking a script to stop and making it.
GRACE_SECONDS = 2.0
# After KILL the kernel closes what the processes held; a pipe still open then is held by somebody else.
LAST_READ_SECONDS = 1.0
POLL_SECONDS = 0.01
# A script that has printed nothing for so long may go on like that.
SILENT_SECONDS = 0.1
# One for all engines of this process.
_LAUNCHER = Launcher()


@dataclass(frozen=True)
class Program:
    """A program to run in the foreground.

    Args:
        words: its path and its arguments.
        folder: where it runs.
        environment: all its variables.
        marker: a variable's name and value that its processes have and no others.
    """

    words: Sequence[str]
    folder: Path
    environment: Mapping[str, bytes]
    marker: tuple[str, bytes]


def execute(program: Program, output: Callable[[bytes], None], cancellation: RunCancellation) -> int:
    """Run a program to its end; arguments, result and errors as those of `Engine.run`."""
    cancellation.check()
    script = _LAUNCHER.launch(program.folder, program.words, program.environment)
    try:
        _Watch(script, output, cancellation).until_end()
    finally:
        try:
            # It may take seconds to kill what is left.
            with nullcontext() if script.is_over else cancellation.turn.interrupted():
                code = script.finish()
        finally:
            if not script.adopts:
                kill_marked(*program.marker)
    if cancellation.reason is not None:
        raise RunCancelled(cancellation.reason)
    return code


class _Watch:
    """Reads what a script prints until it ends or has to stop.

    It waits for all that may happen at once, and does what comes after the end in the turn: each call that
    waits for the interpreter's lock holds up the thread that has it.
    """

    def __init__(
        self, script: Script, output: Callable[[bytes], None], cancellation: RunCancellation
    ) -> None:
        self._script = script
        self._output = output
        self._cancellation = cancellation
        self._wake_read, self._wake_write = os.pipe()
        self._kill_at: float | None = None
        self._give_up_at: float | None = None
        self._has_been_silent = False
        self._is_open = True
        self._poll = select.poll()
        for descriptor in (script.output, script.fileno(), self._wake_read):
            self._poll.register(descriptor, select.POLLIN)

    def until_end(self) -> None:
        """Pass on output until its end, as the supervisor does, and wait for the process."""
        self._cancellation.notify(self._wake)
        try:
            while not self._is_over():
                with self._cancellation.turn.interrupted():
                    has_news = self._await_news()
                if has_news:
                    self._script.hear()
            self._read_rest()
        finally:
            self._cancellation.forget(self._wake)
            for descriptor in (self._wake_read, self._wake_write):
                os.close(descriptor)

    def _wake(self) -> None:
        os.write(self._wake_write, b"!")

    def _is_over(self) -> bool:
        return (
            self._script.is_over or (self._script.has_ended and not self._is_open) or self._has_been_stopped()
        )

    def _has_been_stopped(self) -> bool:
        """Move a stop on: TERM first, KILL after the grace, and no waiting for ever after that."""
        if self._cancellation.reason is None:
            return False
        now = time.monotonic()
        if self._kill_at is None:
            self._kill_at = now + GRACE_SECONDS
            self._poll.unregister(self._wake_read)
            self._script.terminate()
        elif self._give_up_at is None and now >= self._kill_at:
            self._give_up_at = now + LAST_READ_SECONDS
            self._script.kill()
        return self._give_up_at is not None and now >= self._give_up_at

    def _await_news(self) -> bool:
        """Read what is printed until the guard has news, which is to be heard, or a stop has to move on."""
        while True:
            ready = self._ready(self._patience())
            if self._script.fileno() in ready:
                return True
            if self._script.output in ready:
                self._read()
            elif not ready and not self._has_been_silent:
                self._has_been_silent = True
                self._output(b"")
            if self._cancellation.reason is not None or not self._is_open:
                return False

    def _ready(self, milliseconds: float | None) -> list[int]:
        return [descriptor for descriptor, _ in self._poll.poll(milliseconds)]

    def _patience(self) -> float | None:
        """Return for how many milliseconds to wait."""
        if self._kill_at is not None:
            return POLL_SECONDS * 1000
        return None if self._has_been_silent else SILENT_SECONDS * 1000

    def _read(self) -> None:
        data = os.read(self._script.output, READ_BLOCK)
        if data:
            self._output(data)
        else:
            self._is_open = False
            self._poll.unregister(self._script.output)

    def _read_rest(self) -> None:
        """Read what the script had printed when it ended; who may print still is not waited for."""
        for _ in range(LAST_BLOCKS):
            if self._script.output not in self._ready(0):
                break
            self._read()
