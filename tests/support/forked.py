"""Runs of the program in forks of a process that has imported it: `subprocess.Popen`, ten times as quick."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support import fork_server

# The way a fork's end is waited for is of Linux alone.
IS_POSSIBLE = sys.platform == "linux"
# What Python and C read when a process starts: to have an effect they need a process that does start.
AT_START = ("PYTHON", "LANG", "LC_", "LD_", "MALLOC", "OPENSSL", "SSL", "TZ")
# A warning is an error, but for what botocore asks of an element on Python 3.12 and later.
WARNINGS = "error,ignore:Testing an element's truth value:DeprecationWarning"
SERVER = {"LANG": "C.UTF-8", "PYTHONWARNINGS": WARNINGS, "HOME": "/nonexistent"}
# Read when keys are asked for, not at start.
LATER = ("PYTHON_KEYRING_BACKEND", "SSL_CERT_FILE", "SSL_CERT_DIR")
# The variable that tells where a shared server listens.
ADDRESS = "OSCAR_TEST_FORKS"
# What Python imports by itself when it starts.
CUSTOM = {"sitecustomize", "usercustomize"}
# botocore notes at import where AWS's own tools keep models and caches; no test has any.
OF_NO_MATTER = ("HOME",)


class ForkServer:
    """A way to the process that forks.

    Args:
        control: what it reads requests from.
        process: itself, where it is our child; it ends with us.
    """

    def __init__(self, control: socket.socket, process: subprocess.Popen[bytes] | None = None) -> None:
        self._control = control
        self._process = process

    @functools.cached_property
    def _told(self) -> tuple[set[str], set[str]]:
        """The variables that its imports looked at, and what it imported; waits until it has done so."""
        answer = self._control.recv(65536)
        assert answer, "the fork server ended"
        told = json.loads(answer)
        return set(told["asked"]) - set(OF_NO_MATTER), {*told["imported"], *CUSTOM}

    def close(self) -> None:
        """Go away, and end the server if it is ours; runs that have begun go on."""
        self._control.close()
        if self._process is not None:
            self._process.wait()

    def can_run(self, environ: Mapping[str, str]) -> bool:
        """Tell whether a process with this environment would start as the server did."""
        at_import, _imported = self._told
        return self._can_add(environ.get("PYTHONPATH", "")) and all(
            environ.get(name) == SERVER.get(name)
            for name in {*environ, *SERVER} - {"PYTHONPATH"}
            if name in at_import or (name.startswith(AT_START) and name not in LATER)
        )

    def _can_add(self, folders: str) -> bool:
        """Tell whether these folders, searched first, would have changed nothing of what was imported."""
        found = [path for folder in folders.split(os.pathsep) if folder for path in Path(folder).glob("*")]
        return self._told[1].isdisjoint(path.name.partition(".")[0] for path in found)

    def fork(self, request: dict[str, Any], streams: tuple[int, int, int]) -> int:
        """Have the program run, and return where its process number and its wait status can be read."""
        file = os.memfd_create("request")
        answer, theirs = os.pipe()
        try:
            os.pwrite(file, json.dumps(request).encode(), 0)
            socket.send_fds(self._control, [b"\0"], [file, *streams, theirs])
        finally:
            os.close(file)
            os.close(theirs)
        return answer


class ForkedProcess(subprocess.Popen[Any]):
    """A run in a fork, to be used like any process that was started; its number and its streams are real.

    Only how it begins and how its end is known differ: it is the child of the server.

    Args:
        words: the command line of the program, or of the script.
        env: all its variables.
        cwd: its folder.
        streams: for all three streams, as `subprocess.Popen` takes them.
        start_new_session: whether it leaves the terminal of this process.
        script: what to run instead of the program.
        options: more of `subprocess.Popen`.
    """

    _waitpid_lock: threading.Lock

    def __init__(
        self,
        words: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        streams: int = subprocess.PIPE,
        start_new_session: bool = False,
        script: str | None = None,
        **options: Any,
    ) -> None:
        self._request = {
            "words": words,
            "cwd": str(cwd),
            "env": dict(env),
            "new_session": start_new_session,
            "script": script,
        }
        super().__init__(
            ["oscar-cli", *words], **{"stdin": streams, "stdout": streams, "stderr": streams, **options}
        )

    def _execute_child(self, *given: Any) -> None:
        our_in, our_out, our_err = given[11], given[12], given[14]
        theirs = (given[10], given[13], given[15])
        self._answer = os.fdopen(server().fork(self._request, theirs), "rb")
        for descriptor, ours in zip(theirs, (our_in, our_out, our_err), strict=True):
            if ours != -1:
                os.close(descriptor)
        self.pid = int(self._answer.readline())
        self._child_created = True

    def _wait(self, timeout: float | None) -> int | None:
        with self._waitpid_lock:
            if self.returncode is None:
                if not select.select([self._answer], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
                with self._answer:
                    said = self._answer.readline()
                # A server that was killed says nothing. Without a code this would be asked again by each
                # process that is started from here.
                self.returncode = os.waitstatus_to_exitcode(int(said)) if said else -signal.SIGKILL
        return self.returncode

    def _internal_poll(self, _deadstate: int | None = None) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._wait(0)
        return None


def start(listener: socket.socket | None = None) -> ForkServer:
    """Start a server; it also serves whoever connects to the listening socket, if there is one."""
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        numbers = [one.fileno() for one in (theirs, listener) if one is not None]
        process = subprocess.Popen(
            [sys.executable, "-m", fork_server.__name__, *map(str, numbers)],
            cwd=Path(__file__).parents[2],
            pass_fds=numbers,
            stdin=subprocess.DEVNULL,
            env={**SERVER, "PATH": os.environ["PATH"]},
        )
    return ForkServer(control, process)


def share() -> None:
    """Start one server for all processes that this one will start; it ends with this one."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    address = f"{folder}/forks"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(address)
        listener.listen()
        atexit.register(start(listener).close)
    os.environ[ADDRESS] = address


def connect(address: str) -> ForkServer:
    """Return a way to the server that listens there."""
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        control.connect(address)
    except OSError:
        control.close()
        raise
    return ForkServer(control)


@functools.cache
def server() -> ForkServer:
    """Return the server of this process, started when needed first, or the one it shares with others."""
    address = os.environ.get(ADDRESS)
    found = connect(address) if address else start()
    atexit.register(found.close)
    return found


def can_run(environ: Mapping[str, str]) -> bool:
    """Tell whether a fork is what a new process with this environment would be."""
    return IS_POSSIBLE and server().can_run(environ)


def start_script(
    script: str, *words: str, env: Mapping[str, str], cwd: Path, stderr: int = 2
) -> subprocess.Popen[str]:
    """Start a script that uses the program's modules or its libraries, with pipes for its input and output.

    Args:
        script: what `python -c` would run.
        words: its command line.
        env: all its variables.
        cwd: its folder.
        stderr: where its errors go, as `subprocess.Popen` takes it; to our own if omitted.
    """
    if can_run(env):
        return ForkedProcess(words, env=env, cwd=cwd, script=script, stderr=stderr, text=True)
    return subprocess.Popen(
        [sys.executable, "-c", script, *words],
        env=env,
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )
