"""The server's side of the reaper: starts scripts by way of it and follows them to their end."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from oscarcli.local.jobs.engine import reaper


class Script:
    """A script that runs, with a guard beside it.

    Args:
        run: the socket of the run.
        output: the descriptor to read what it prints from; closed by `finish`.
    """

    def __init__(self, run: socket.socket, output: int) -> None:
        self._run = run
        # What the guard has said.
        self._said = b""
        self._is_over = False
        self.output = output
        self.adopts = False
        """Whether nothing that it started could get away from its guard; known once it is finished."""

    def fileno(self) -> int:
        """Return the descriptor that is readable when there is news; see `has_ended`."""
        return self._run.fileno()

    def has_ended(self) -> bool:
        """Take the news, and tell whether the script has ended. Waits for news when there are none."""
        try:
            said = self._run.recv(64)
        except OSError:
            said = b""
        self._said += said
        self._is_over |= not said
        return self._is_over or len(self._said) >= reaper.STARTED.size + reaper.ANSWER.size

    def terminate(self) -> None:
        """Ask the script and its group to end."""
        with suppress(OSError):
            self._run.sendall(reaper.TERMINATE)

    def kill(self) -> None:
        """Kill the script and all it has started."""
        with suppress(OSError):
            self._run.shutdown(socket.SHUT_WR)

    def finish(self) -> int:
        """Kill what is left, wait until it is gone, and return the script's exit code.

        It is 128 plus the signal's number when a signal ended it.

        Raises:
            OSError: the script could not be started.
        """
        self.kill()
        while not self._is_over:
            self.has_ended()
        self._run.close()
        os.close(self.output)
        started, answer = self._said[: reaper.STARTED.size], self._said[reaper.STARTED.size :]
        if len(started) < reaper.STARTED.size:
            raise OSError("the process that starts scripts has ended")
        error, self.adopts = reaper.STARTED.unpack(started)
        if error:
            raise OSError(error, os.strerror(error))
        if len(answer) < reaper.ANSWER.size:
            # The guard itself was killed.
            return 137
        code = os.waitstatus_to_exitcode(reaper.ANSWER.unpack(answer)[0])
        return code if code >= 0 else 128 - code


class Launcher:
    """The reaper's process, started when it is first needed; it ends with this one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
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
        data = _encoded(folder, words, environment)
        ours, theirs = socket.socketpair()
        output, printed = os.pipe()
        try:
            self._hand_over([theirs.fileno(), printed])
            theirs.close()
            ours.sendall(data)
        except BaseException:
            ours.close()
            os.close(output)
            raise
        finally:
            theirs.close()
            os.close(printed)
        return Script(ours, output)

    def _hand_over(self, descriptors: list[int]) -> None:
        with self._lock:
            if self._control is not None:
                with suppress(OSError):
                    socket.send_fds(self._control, [b"!"], descriptors)
                    return
                # Somebody has killed it.
                self._control.close()
            self._control = _start_reaper()
            socket.send_fds(self._control, [b"!"], descriptors)

    def _close(self) -> None:
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
    if any(b"\0" in part for part in (os.fsencode(folder), *arguments, *variables)):
        raise ValueError("embedded null byte")
    return reaper.encode(os.fsencode(folder), arguments, variables)
