"""A process beside the server that starts scripts, and ends whatever they leave behind.

The server runs this file as a program. For each run it sends two descriptors: a socket of the run, and where
the script prints to. They go to a guard that adopts all orphans among the script's descendants
(PR_SET_CHILD_SUBREAPER), so that not even a process with a session and an environment of its own gets away.
Forking belongs here: the server has threads, and a Python of its own for each run would cost more than a run.
A guard without children left takes the next run; a fork of it costs twice what a small script does.

On a run's socket the guard reads the command (see `encode`), later `TERMINATE`, and the end of the file for
"kill what is left". It answers with `STARTED`, then an `ANSWER` once the script has ended, and closes the
socket when nothing is left; a script that leaves nothing behind ends so by itself. All sockets of the server
end with it, and with them all runs.

Imports nothing but the standard library: it is run without any other.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

TERMINATE = b"T"
SIZE = struct.Struct("!I")
# The script's number of what could not be done, 0 when it runs; whether orphans are adopted.
STARTED = struct.Struct("!i?")
# The script's wait status.
ANSWER = struct.Struct("!i")

# Those that a program can ignore.
SIGNALS = [int(number) for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}]
PR_SET_CHILD_SUBREAPER = 36
# A process of another user cannot be killed, one that waits for a disk not yet.
KILL_SECONDS = 5.0
POLL_SECONDS = 0.002


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
    """Hand each pair of descriptors to a guard, until the server closes its end of standard input."""
    # The guards, which are forked from here, have it then; the server, which imports this file, has no need.
    import ctypes  # noqa: F401

    control = socket.socket(fileno=os.dup(0))
    with open(os.devnull) as nothing:  # noqa: PTH123 -- pathlib would take longer to import than the rest
        os.dup2(nothing.fileno(), 0)
    guards: list[socket.socket] = []
    idle: list[socket.socket] = []
    while True:
        ready, _, _ = select.select([control, *guards], [], [])
        for guard in ready:
            if guard is not control:
                _receive_from(guard, guards, idle)
        if control in ready:
            data, descriptors, _, _ = socket.recv_fds(control, 1, 2)
            if not data:
                return
            _hand_over(descriptors, control, guards, idle)
            for descriptor in descriptors:
                os.close(descriptor)
        _reap()


def _receive_from(guard: socket.socket, guards: list[socket.socket], idle: list[socket.socket]) -> None:
    """Take note that a guard has nothing left to do, or is gone."""
    try:
        is_idle = bool(guard.recv(1))
    except OSError:
        is_idle = False
    if is_idle:
        idle.append(guard)
        return
    guards.remove(guard)
    if guard in idle:
        idle.remove(guard)
    guard.close()


def _hand_over(
    descriptors: list[int], control: socket.socket, guards: list[socket.socket], idle: list[socket.socket]
) -> None:
    while idle:
        # One that somebody has killed is noticed here or by its closed socket.
        with contextlib.suppress(OSError):
            socket.send_fds(idle.pop(), [b"!"], descriptors)
            return
    guard, below = socket.socketpair()
    if os.fork() == 0:
        for other in (control, guard, *guards):
            other.close()
        try:
            _serve(below, descriptors)
        finally:
            os._exit(0)
    below.close()
    guards.append(guard)


def _serve(above: socket.socket, descriptors: list[int]) -> None:
    """Guard one run after the other; with children that cannot be killed it is the last one."""
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    adopts = _adopt_orphans()
    while True:
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        with socket.socket(fileno=descriptors[0]) as run:
            if not _guard(run, descriptors[1], wake, adopts):
                return
        # The server is told first: it waits for the end of the run.
        above.sendall(b"!")
        data, descriptors, _, _ = socket.recv_fds(above, 1, 2)
        if not data:
            return


def _guard(run: socket.socket, output: int, wake: int, adopts: bool) -> bool:
    """Carry out one run; tell whether nothing of it is left."""
    try:
        folder, words, variables = _receive(run)
        script, error = _start(folder, words, variables, output)
    finally:
        os.close(output)
    run.sendall(STARTED.pack(error, adopts))
    if error:
        return True
    _watch(run, script, wake, adopts)
    return _end_all(script)


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
    import ctypes

    try:
        return bool(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        # Not Linux: what leaves its group is found by its environment, or not at all.
        return False


def _start(
    folder: bytes, words: Sequence[bytes], variables: Mapping[bytes, bytes], output: int
) -> tuple[int, int]:
    """Start a script in a session of its own; return its number and 0, or what went wrong."""
    try:
        os.chdir(folder)
        # Unlike a fork it copies nothing of this process. Its other descriptors are closed by the exec.
        script = os.posix_spawn(
            words[0],
            list(words),
            variables,
            file_actions=[(os.POSIX_SPAWN_DUP2, output, number) for number in (1, 2)],
            setsid=True,
            # What is ignored or blocked stays so in a new program: Python ignores some, `nohup` another.
            setsigdef=SIGNALS,
            setsigmask=[],
        )
    except OSError as error:
        return 0, error.errno or 1
    finally:
        os.chdir("/")
    return script, 0


def _watch(run: socket.socket, script: int, wake: int, adopts: bool) -> None:
    """Tell of the script's end, and pass signals on, until nothing is left or the server wants that."""
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
            if ended and adopts and not _has_children():
                return
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


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _end_all(script: int) -> bool:
    """Kill children until there are none; those of a killed one become ours. False when some stay."""
    if not os.path.isdir("/proc/self"):  # noqa: PTH112
        _signal_group(script, signal.SIGKILL)
    deadline = time.monotonic() + KILL_SECONDS
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            return True
        for pid in _children():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)
    return False


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
