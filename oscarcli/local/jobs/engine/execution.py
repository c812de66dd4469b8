"""Runs one program to its end, or until it is told to stop; nothing of it is left alive after that."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oscarcli.local.jobs.engine.base import RunCancellation, RunCancelled
from oscarcli.local.jobs.engine.launcher import Launcher, Script
from oscarcli.local.jobs.engine.processes import kill_marked

READ_BLOCK = 1 << 16
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
    with cancellation.turn.interrupted():
        try:
            _Watch(script, output, cancellation).until_end()
        finally:
            try:
                # It may take seconds to kill what a script has left.
                code = script.finish()
            finally:
                if not script.adopts:
                    kill_marked(*program.marker)
    if cancellation.reason is not None:
        raise RunCancelled(cancellation.reason)
    return code


class _Watch:
    """Reads what a script prints until it ends or has to stop."""

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

    def until_end(self) -> None:
        """Pass on output until its end, as the supervisor does, then wait for the process."""
        self._cancellation.notify(self._wake)
        try:
            while not self._over() and self._read():
                pass
            while not self._over() and not self._has_ended():
                pass
        finally:
            self._cancellation.forget(self._wake)
            for descriptor in (self._wake_read, self._wake_write):
                os.close(descriptor)

    def _wake(self) -> None:
        os.write(self._wake_write, b"!")

    def _over(self) -> bool:
        """Move a stop on: TERM first, KILL after the grace, and no waiting for ever after that."""
        now = time.monotonic()
        if self._cancellation.reason is None:
            return False
        if self._kill_at is None:
            self._kill_at = now + GRACE_SECONDS
            self._script.terminate()
        elif self._give_up_at is None and now >= self._kill_at:
            self._give_up_at = now + LAST_READ_SECONDS
            self._script.kill()
        return self._give_up_at is not None and now >= self._give_up_at

    def _read(self) -> bool:
        """Read what there is, waiting for it. False at the end of the output."""
        descriptor = self._script.output
        if descriptor not in self._readable(descriptor):
            return True
        data = os.read(descriptor, READ_BLOCK)
        if data:
            self._output(data)
        return bool(data)

    def _has_ended(self) -> bool:
        """Tell whether the script has ended, waiting for news of it."""
        return self._script.fileno() in self._readable(self._script.fileno()) and self._script.has_ended()

    def _readable(self, descriptor: int) -> list[int]:
        """Wait for a descriptor, and for being told to stop."""
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if self._kill_at is None:
            poll.register(self._wake_read, select.POLLIN)
        ready = [number for number, _ in poll.poll(self._patience())]
        if not ready and not self._has_been_silent:
            self._has_been_silent = True
            self._output(b"")
        return ready

    def _patience(self) -> float | None:
        """Return for how many milliseconds to wait."""
        if self._kill_at is not None:
            return POLL_SECONDS * 1000
        return None if self._has_been_silent else SILENT_SECONDS * 1000
