"""A process beside the server that starts scripts, and ends whatever they leave behind.

The server runs this file as a program, and sends it a socket for each guard that it wants: a fork of it. A
guard adopts all orphans among its scripts' descendants (PR_SET_CHILD_SUBREAPER), so that not even a process
with a session and an environment of its own gets away. Forking belongs here: the server has threads, and a
Python of its own for each run would cost more than a run. A guard takes one run after the other; a fork of it
costs twice what a small script does.

On its socket a guard gets a command (see `encode`), with a descriptor that the script prints to. `TERMINATE`
and `KILL`, for "kill what is left", may follow, and may come too late. It says an `ANSWER` once the script
has ended, and `DONE` when nothing is left; a script that leaves nothing behind is done by itself, and both
are said at once: each word wakes the server. A guard that cannot be used again closes its socket instead. All
sockets of the server end with it, and with them all runs.

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

RUN = b"R"
TERMINATE = b"T"
KILL = b"K"
DONE = b"."
SIZE = struct.Struct("!I")
# The number of what went wrong with the start, 0 when it ran; whether orphans are adopted; its wait status.
ANSWER = struct.Struct("!i?i")

# Those that a program can ignore.
SIGNALS = [int(number) for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}]
PR_SET_CHILD_SUBREAPER = 36
# A process of another user cannot be killed, one that waits for a disk not yet.
KILL_SECONDS = 5.0
POLL_SECONDS = 0.002


def encode(folder: bytes, words: Sequence[bytes], variables: Sequence[bytes]) -> bytes:
    """Return a command as it goes over the socket. Raises ValueError for a part with a NUL in it.

    Args:
        folder: where it runs.
        words: the program and its arguments.
        variables: `NAME=value` of each variable.
    """
    parts = [folder, str(len(words)).encode(), *words, *variables]
    text = b"\0".join(parts)
    if text.count(b"\0") >= len(parts):
        raise ValueError("embedded null byte")
    return RUN + SIZE.pack(len(text)) + text


def main() -> None:
    """Fork a guard for each socket, until the server closes its end of standard input."""
    # The guards, which are forked from here, have it then; the server, which imports this file, has no need.
    import ctypes  # noqa: F401

    control = socket.socket(fileno=os.dup(0))
    with open(os.devnull) as nothing:  # noqa: PTH123 -- pathlib would take longer to import than the rest
        os.dup2(nothing.fileno(), 0)
    # Nobody waits for guards.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not data:
            return
        if os.fork() == 0:
            control.close()
            try:
                _serve(descriptors[0])
            finally:
                os._exit(0)
        os.close(descriptors[0])


def _serve(descriptor: int) -> None:
    """Guard one run after the other; with children that cannot be killed it is the last one."""
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    adopts = _adopt_orphans()
    os.set_inheritable(descriptor, False)
    with socket.socket(fileno=descriptor) as server:
        while (output := _await_run(server)) is not None:
            if not _guard(server, output, wake, adopts):
                return


def _await_run(server: socket.socket) -> int | None:
    """Return where the next script prints to, `None` when the server is gone."""
    while True:
        data, descriptors, _, _ = socket.recv_fds(server, 1, 1)
        if not data:
            return None
        if descriptors:
            os.set_inheritable(descriptors[0], False)
            return descriptors[0]
        # Said to a run that has ended by itself.


def _guard(server: socket.socket, output: int, wake: int, adopts: bool) -> bool:
    """Carry out one run; tell whether nothing of it is left."""
    try:
        folder, words, variables = _receive(server)
        script, error = _start(folder, words, variables, output)
        unsaid = ANSWER.pack(error, adopts, 0) if error else _watch(server, script, output, wake, adopts)
        if not error and not _end_all(script):
            return False
        # Without a server the watch has ended at once, and with it the script.
        with contextlib.suppress(OSError):
            server.sendall(unsaid + DONE)
        return True
    finally:
        # After the word, which the end of the output would be another one to wake the server.
        os.close(output)


def _receive(server: socket.socket) -> tuple[bytes, list[bytes], dict[bytes, bytes]]:
    (size,) = SIZE.unpack(_exactly(server, SIZE.size))
    folder, count, *parts = _exactly(server, size).split(b"\0")
    words, variables = parts[: int(count)], parts[int(count) :]
    pairs = (variable.partition(b"=") for variable in variables)
    return folder, words, {name: value for name, _, value in pairs}


def _exactly(server: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        block = server.recv(size - len(data))
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


def _watch(server: socket.socket, script: int, output: int, wake: int, adopts: bool) -> bytes:
    """Tell of the script's end, and pass signals on, until nothing is left or the server wants that.

    Returns what the server is still to be told of the script.
    """
    ended = False
    while True:
        ready, _, _ = select.select([server.fileno(), wake], [], [])
        if wake in ready:
            os.read(wake, 1 << 12)
            unsaid = b""
            for pid, status in _reap():
                if pid == script:
                    ended, unsaid = True, ANSWER.pack(0, adopts, status)
            if ended and adopts and not _has_children():
                return unsaid
            if unsaid:
                _say_ended(server, unsaid, output)
        if server.fileno() in ready:
            try:
                data = server.recv(1)
            except OSError:
                data = b""
            if data in (KILL, b""):
                return b"" if ended else ANSWER.pack(0, adopts, _kill_script(script))
            if data == TERMINATE and not ended:
                # The script leads its group, so the group's number is its own.
                _signal_group(script, signal.SIGTERM)


def _say_ended(server: socket.socket, answer: bytes, output: int) -> None:
    """Tell of the end of a script that has left something behind, which may print on."""
    with contextlib.suppress(OSError):
        server.sendall(answer)
    # The output ends when nobody has it any more.
    os.dup2(0, output, inheritable=False)


def _kill_script(script: int) -> int:
    _signal_group(script, signal.SIGKILL)
    return os.waitpid(script, 0)[1]


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
