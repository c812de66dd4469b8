"""A process beside the server that starts scripts, and ends whatever they leave behind.

The server runs this file as a program. For each run it sends two descriptors: a socket of the run, and where
the script prints to. A guard is forked that adopts all orphans among the script's descendants
(PR_SET_CHILD_SUBREAPER), so that not even a process with a session and an environment of its own gets away.
Forking belongs here: the server has threads, and a Python of its own for each run would cost more than a run.

On a run's socket the guard reads the command (see `encode`), later `TERMINATE`, and the end of the file for
"kill what is left". It answers with `STARTED`, then an `ANSWER` once the script has ended, and closes the
socket when nothing is left. The server's end is the end of all its sockets, and with them of all runs.

Imports nothing but the standard library: it is run without any other.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterator, Sequence

TERMINATE = b"T"
SIZE = struct.Struct("!I")
# The script's number of what could not be done, 0 when it runs; whether orphans are adopted.
STARTED = struct.Struct("!i?")
# The script's wait status.
ANSWER = struct.Struct("!i")

PR_SET_CHILD_SUBREAPER = 36
# A process of another user cannot be killed, one that waits for a disk not yet.
KILL_SECONDS = 5.0
POLL_SECONDS = 0.002
_MAX_DESCRIPTOR = 1 << 10


def encode(folder: bytes, words: Sequence[bytes], variables: Sequence[bytes]) -> bytes:
    """Return a command as it goes over the socket. No part may have a NUL in it.

    Args:
        folder: where it runs.
        words: the program and its arguments.
        variables: `NAME=value` of each variable.
    """
    parts = [folder, str(len(words)).encode(), *words, *variables]
    text = b"\0".join(parts)
    return SIZE.pack(len(text)) + text


def main() -> None:
    """Fork a guard for each pair of descriptors, until the server closes its end of standard input."""
    control = socket.socket(fileno=os.dup(0))
    with open(os.devnull) as nothing:  # noqa: PTH123 -- pathlib would take longer to import than the rest
        os.dup2(nothing.fileno(), 0)
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, 1, 2)
        if not data:
            return
        if os.fork() == 0:
            control.close()
            try:
                _guard(socket.socket(fileno=descriptors[0]), descriptors[1])
            finally:
                os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)
        _reap()


def _guard(run: socket.socket, output: int) -> None:
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    adopts = _adopt_orphans()
    folder, words, variables = _receive(run)
    script, error = _start(folder, words, variables, output)
    os.close(output)
    run.sendall(STARTED.pack(error, adopts))
    if not error:
        _watch(run, script, wake)
        _end_all(script)


def _receive(run: socket.socket) -> tuple[bytes, list[bytes], dict[bytes, bytes]]:
    (size,) = SIZE.unpack(_exactly(run, SIZE.size))
    folder, count, *parts = _exactly(run, size).split(b"\0")
    words, variables = parts[: int(count)], parts[int(count) :]
    pairs = (variable.partition(b"=") for variable in variables)
    return folder, words, {name: value for name, _, value in pairs}


def _exactly(run: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        block = run.recv(size - len(data))
        if not block:
            os._exit(1)
        data += block
    return bytes(data)


def _adopt_orphans() -> bool:
    try:
        return bool(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        # Not Linux: what leaves its group is found by its environment, or not at all.
        return False


def _start(
    folder: bytes, words: Sequence[bytes], variables: dict[bytes, bytes], output: int
) -> tuple[int, int]:
    """Start a script in a session of its own; return its number and 0, or what went wrong."""
    result, report = os.pipe()
    try:
        script = os.fork()
    except OSError as error:
        return 0, error.errno or 1
    if script == 0:
        try:
            _become(folder, words, variables, output, report)
        except OSError as error:
            os.write(report, SIZE.pack(error.errno or 1))
        finally:
            os._exit(127)
    os.close(report)
    failure = os.read(result, SIZE.size)
    os.close(result)
    return script, SIZE.unpack(failure)[0] if failure else 0


def _become(
    folder: bytes, words: Sequence[bytes], variables: dict[bytes, bytes], output: int, report: int
) -> None:
    signal.set_wakeup_fd(-1)
    # Python ignores these, and what is ignored stays so in a new program.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.closerange(3, report)
    os.closerange(report + 1, _MAX_DESCRIPTOR)
    os.chdir(folder)
    os.execve(words[0], list(words), variables)  # noqa: S606 -- the words are a shell and its script


def _watch(run: socket.socket, script: int, wake: int) -> None:
    """Tell of the script's end, and pass signals on, until the server wants everything to end."""
    ended = False
    while True:
        ready, _, _ = select.select([run.fileno(), wake], [], [])
        if wake in ready:
            os.read(wake, 1 << 12)
            for pid, status in _reap():
                if pid == script:
                    ended = True
                    with contextlib.suppress(OSError):
                        run.sendall(ANSWER.pack(status))
        if run.fileno() in ready:
            try:
                data = run.recv(1)
            except OSError:
                data = b""
            if not data:
                if not ended:
                    _kill_script(run, script)
                return
            if data == TERMINATE and not ended:
                # The script leads its group, so the group's number is its own.
                _signal_group(script, signal.SIGTERM)


def _kill_script(run: socket.socket, script: int) -> None:
    _signal_group(script, signal.SIGKILL)
    with contextlib.suppress(OSError):
        run.sendall(ANSWER.pack(os.waitpid(script, 0)[1]))


def _signal_group(script: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(script, number)


def _reap() -> list[tuple[int, int]]:
    """Return number and wait status of all children that have ended."""
    found = []
    with contextlib.suppress(ChildProcessError):
        while (result := os.waitpid(-1, os.WNOHANG))[0]:
            found.append(result)
    return found


def _end_all(script: int) -> None:
    """Kill children until there are none; those of a killed one become ours."""
    if not os.path.isdir("/proc/self"):  # noqa: PTH112
        _signal_group(script, signal.SIGKILL)
    deadline = time.monotonic() + KILL_SECONDS
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            return
        for pid in _children():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)


def _children() -> Iterator[int]:
    own = str(os.getpid()).encode()
    for name in os.listdir("/proc"):  # noqa: PTH208
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
            # The parent's number is the second word after the program's name, which may have blanks in it.
            if file.read().rpartition(b")")[2].split()[1] == own:
                yield int(name)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
    sys.exit(0)
