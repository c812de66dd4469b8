"""The server's side of the reaper: starts scripts by way of it and follows them to their end."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from oscarcli.local.jobs.engine import reaper

# What a guard says of a run from its begin to its end.
WHOLE_SIZE = reaper.ANSWER.size + len(reaper.DONE)


class Script:
    """A script that runs.

    Args:
        guard: the socket of its guard.
        output: the descriptor to read what it prints from; closed by `finish`.
        release: gets the guard's socket when it can take another script.
    """

    def __init__(self, guard: socket.socket, output: int, release: Callable[[socket.socket], None]) -> None:
        self._guard = guard
        self._release = release
        # What the guard has said.
        self._said = b""
        self.is_over = False
        """Whether nothing is left of it, nor of what it started if its guard `adopts` that."""
        self.output = output
        self.adopts = False
        """Whether nothing that it started could get away from its guard; known once it is finished."""

    def fileno(self) -> int:
        """Return the descriptor that is readable when there is news; see `hear`."""
        return self._guard.fileno()

    def hear(self) -> None:
        """Take the news from the guard. Waits for news when there are none."""
        try:
            said = self._guard.recv(WHOLE_SIZE)
        except OSError:
            said = b""
        self._said += said
        self.is_over |= not said or len(self._said) >= WHOLE_SIZE

    @property
    def has_ended(self) -> bool:
        """Whether the script itself has; what it started may still run."""
        return self.is_over or len(self._said) >= reaper.ANSWER.size

    def terminate(self) -> None:
        """Ask the script and its group to end."""
        with suppress(OSError):
            self._guard.sendall(reaper.TERMINATE)

    def kill(self) -> None:
        """Kill the script and all it has started."""
        with suppress(OSError):
            self._guard.sendall(reaper.KILL)

    def finish(self) -> int:
        """Kill what is left, wait until it is gone, and return the script's exit code.

        It is 128 plus the signal's number when a signal ended it.

        Raises:
            OSError: the script could not be started.
        """
        if not self.is_over:
            self.kill()
        while not self.is_over:
            self.hear()
        os.close(self.output)
        if len(self._said) == WHOLE_SIZE:
            self._release(self._guard)
        else:
            self._guard.close()
        return self._exit_code()

    def _exit_code(self) -> int:
        if len(self._said) < reaper.ANSWER.size:
            raise OSError("the process that starts scripts has ended")
        error, self.adopts, status = reaper.ANSWER.unpack_from(self._said)
        if error:
            raise OSError(error, os.strerror(error))
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code


class Launcher:
    """The reaper's process, started when it is first needed, and its guards; they end with this one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._idle: list[socket.socket] = []
        atexit.register(self._close)

    def launch(self, folder: Path, words: Sequence[str], environment: Mapping[str, bytes]) -> Script:
        """Start a program; one that cannot be started ends at once.

        Args:
            folder: where it runs.
            words: the program's path and its arguments.
            environment: all its variables.

        Raises:
            OSError: nothing can be started.
            ValueError: a variable cannot be one.
        """
        command = _encoded(folder, words, environment)
        output, printed = os.pipe()
        try:
            guard = self._hand_over(command, printed)
        except BaseException:
            os.close(output)
            raise
        finally:
            os.close(printed)
        return Script(guard, output, self._idle.append)

    def _hand_over(self, command: bytes, printed: int) -> socket.socket:
        """Send a command to a guard that has none."""
        while True:
            guard = self._idle_guard()
            is_new = guard is None
            guard = guard or self._new_guard()
            try:
                sent = socket.send_fds(guard, [command], [printed])
                guard.sendall(command[sent:])
            except OSError:
                guard.close()
                # Somebody has killed an old one.
                if is_new:
                    raise
            else:
                return guard

    def _idle_guard(self) -> socket.socket | None:
        with suppress(IndexError):
            return self._idle.pop()
        return None

    def _new_guard(self) -> socket.socket:
        guard, theirs = socket.socketpair()
        with theirs, self._lock:
            if self._control is not None:
                with suppress(OSError):
                    socket.send_fds(self._control, [b"!"], [theirs.fileno()])
                    return guard
                # Somebody has killed the reaper.
                self._control.close()
            self._control = _start_reaper()
            socket.send_fds(self._control, [b"!"], [theirs.fileno()])
        return guard

    def _close(self) -> None:
        while (guard := self._idle_guard()) is not None:
            guard.close()
        with self._lock:
            if self._control is not None:
                self._control.close()
                self._control = None


def _start_reaper() -> socket.socket:
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(reaper.__file__))],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
    # It ends when this process does: nobody here waits for it.
    process.returncode = 0
    return ours


def _encoded(folder: Path, words: Sequence[str], environment: Mapping[str, bytes]) -> bytes:
    variables = []
    for name, value in environment.items():
        if "=" in name or not name:
            raise ValueError("illegal environment variable name")
        variables.append(name.encode() + b"=" + value)
    arguments = [os.fsencode(word) for word in words]
    return reaper.encode(os.fsencode(folder), arguments, variables)
