"""Starts, watches, stops and clears a server from another process.

Whether a server runs is told by the lock on its data directory, never by a process number alone: a number
may have a new owner by now.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oscarcli.errors import OscarError
from oscarcli.local.connections import connect_from_outside
from oscarcli.local.folder import DataFolder, Settings
from oscarcli.local.options import Binding, Endpoints, Options, endpoint
from oscarcli.local.services.host_links import remove_links
from oscarcli.polling import Poll

# A start takes half a second; bringing a large data directory in order may take longer.
START_SECONDS = 60.0
# Running scripts get two seconds to end, their ends are recorded, connections are closed.
STOP_SECONDS = 20.0
KILL_SECONDS = 5.0
POLL_SECONDS = 0.02
PROBE_SECONDS = 2.0
MAX_LOG_BYTES = 10 << 20
LOG_TAIL = 2000
LOG_BLOCK = 1 << 16
FOLLOW_SECONDS = 0.2


@dataclass(frozen=True)
class Status:
    """What is known of a local cluster from outside.

    `pid` is `None` when no server runs; `endpoints` and `engine`, by name and version, are the last ones
    then, `None` before the first start.
    """

    pid: int | None
    endpoints: Endpoints | None
    engine: dict[str, str] | None
    pending: int
    running: int


@dataclass(frozen=True)
class Started:
    """A running server: where it answers, how to log in, and whether it ran already."""

    endpoints: Endpoints
    settings: Settings
    was_running: bool


def default_folder(name: str, environ: Mapping[str, str]) -> Path:
    """Return the data directory of a local cluster by its name, below XDG_DATA_HOME."""
    base = environ.get("XDG_DATA_HOME", "")
    # The specification says to ignore relative paths.
    root = Path(base) if base.startswith("/") else Path.home() / ".local" / "share"
    return root / "oscar-cli" / "local" / name


def start(folder: DataFolder, binding: Binding, options: Options) -> Started:
    """Make sure that a server runs, detached from this process, and answers.

    Raises:
        OscarError: it could not start; the message says why.
    """
    if folder.holder() is not None:
        return _running(folder)
    folder.create()
    answer = _spawn(folder, binding, options)
    if answer.get("taken"):
        # Another start was faster.
        return _running(folder)
    if "error" in answer:
        raise OscarError(answer["error"], hint=answer.get("hint"))
    endpoints, settings = _wait_for_listeners(folder)
    return Started(endpoints, settings, was_running=False)


def _running(folder: DataFolder) -> Started:
    endpoints, settings = _wait_for_listeners(folder)
    return Started(endpoints, settings, was_running=True)


def _spawn(folder: DataFolder, binding: Binding, options: Options) -> dict[str, Any]:
    """Start the server process and return what it says when it is ready or has failed."""
    read_end, write_end = os.pipe()
    with os.fdopen(read_end) as pipe:
        try:
            with _server_log(folder) as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", "oscarcli.local", *_words(folder, binding, options, write_end)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[write_end],
                    cwd=folder.path,
                    env=_environment(),
                    start_new_session=True,
                )
        finally:
            os.close(write_end)
        line = pipe.readline()
    if not line:
        process.wait()
        raise OscarError(
            f"start the local cluster: its process ended: {_last_line(folder)}",
            hint=f"the whole story is in {folder.server_log}",
        )
    # The process outlives this one: nobody here waits for it.
    process.returncode = 0
    answer: dict[str, Any] = json.loads(line)
    return answer


def _words(folder: DataFolder, binding: Binding, options: Options, ready: int) -> Sequence[str]:
    words = ["--data-dir", str(folder.path), "--bind", binding.host, "--ready-fd", str(ready)]
    words += ["--engine", options.engine, "--pull", options.pull, "--parallel", str(options.parallel)]
    for option, port in (("--port", binding.port), ("--s3-port", binding.s3_port)):
        words += [option, str(port)] if port is not None else []
    words += [word for name in binding.allow_hosts for word in ("--allow-host", name)]
    flags = {
        "--strict": options.strict,
        "--strict-exit": options.strict_exit,
        "--sync-store": options.sync_store,
        "--users": options.users,
    }
    return [*words, *(flag for flag, given in flags.items() if given)]


def _environment() -> dict[str, str]:
    """Return an environment in which the server finds this very program, installed or not."""
    package = str(Path(__file__).parents[2])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    # Not the settings of this program: logins among them are not for a server that goes on for days.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OSCAR_CLI_")}
    return {**kept, "PYTHONPATH": os.pathsep.join(paths)}


@contextmanager
def _server_log(folder: DataFolder) -> Iterator[Any]:
    if folder.server_log.exists() and folder.server_log.stat().st_size > MAX_LOG_BYTES:
        folder.server_log.unlink()
    with folder.open_log() as file:
        yield file


def _last_line(folder: DataFolder) -> str:
    text = folder.server_log.read_bytes()[-LOG_TAIL:].decode("utf-8", "replace")
    return text.strip().rpartition("\n")[2] or "it said nothing"


def _wait_for_listeners(folder: DataFolder) -> tuple[Endpoints, Settings]:
    """Return where the running server answers, once it does."""
    poll = Poll(POLL_SECONDS, limit=START_SECONDS)
    while True:
        settings = folder.read_settings()
        if settings is not None and settings.port and settings.s3_port:
            endpoints = _endpoints(settings)
            if _answers(settings.host, settings.port) and _answers(settings.host, settings.s3_port):
                return endpoints, settings
        if folder.holder() is None:
            raise OscarError(
                f"start the local cluster: it stopped again: {_last_line(folder)}",
                hint=f"the whole story is in {folder.server_log}",
            )
        if not poll.wait():
            raise OscarError(
                f"start the local cluster: it does not answer after {START_SECONDS:.0f} s",
                hint=f"see {folder.server_log}; 'oscar-cli local stop' ends it",
            )


def _endpoints(settings: Settings) -> Endpoints:
    return Endpoints(endpoint(settings.host, settings.port), endpoint(settings.host, settings.s3_port))


def _answers(host: str, port: int) -> bool:
    address = endpoint(host, port).removeprefix("http://").rpartition(":")[0].strip("[]")
    try:
        with closing(socket.create_connection((address, port), timeout=PROBE_SECONDS)) as connection:
            connection.sendall(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return connection.recv(5) == b"HTTP/"
    except OSError:
        return False


def status(folder: DataFolder) -> Status:
    """Return what is known of the cluster. Raises OscarError when its settings cannot be read."""
    settings = folder.read_settings()
    known = settings is not None and settings.port and settings.s3_port
    counts = _job_counts(folder.database)
    return Status(
        pid=folder.holder(),
        endpoints=_endpoints(settings) if settings is not None and known else None,
        engine=folder.read_engine(),
        pending=counts.get("Pending", 0),
        running=counts.get("Running", 0),
    )


def _job_counts(database: Path) -> dict[str, int]:
    """Read the queue without the server's help, so that a stopped cluster's queue shows too."""
    try:
        with closing(connect_from_outside(database)) as connection:
            return dict(connection.execute("SELECT status, count(*) FROM jobs GROUP BY status").fetchall())
    except sqlite3.Error:
        return {}


def log_blocks(folder: DataFolder, *, follow: bool) -> Iterator[str]:
    """Yield the server's log; with `follow`, also what comes, until no server runs."""
    with folder.server_log.open(encoding="utf-8", errors="replace") as file:
        while True:
            # Asked before reading: what a server wrote before it went is then still shown.
            runs = follow and folder.holder() is not None
            while block := file.read(LOG_BLOCK):
                yield block
            if not runs:
                return
            time.sleep(FOLLOW_SECONDS)


def stop(folder: DataFolder) -> bool:
    """Stop the server and wait until it is gone; True when there was one.

    Raises:
        OscarError: it belongs to another user, or survives even being killed.
    """
    pid = folder.holder()
    if pid is None:
        return False
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
        if not _signal(pid, number) or _is_gone(folder, pid, seconds):
            return True
    raise OscarError(f"stop the local cluster: process {pid} does not end")


def _signal(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    except PermissionError as error:
        raise OscarError(f"stop the local cluster: process {pid} belongs to another user") from error
    return True


def _is_gone(folder: DataFolder, pid: int, seconds: float) -> bool:
    poll = Poll(POLL_SECONDS, limit=seconds)
    while folder.holder() == pid:
        if not poll.wait():
            return False
    return True


def reset(folder: DataFolder) -> None:
    """Stop the server and remove all that the cluster put into its data directory. Raises OscarError."""
    stop(folder)
    if not folder.path.is_dir():
        return
    lock = folder.lock()
    try:
        remove_links(folder.database, folder.path)
        folder.clear()
    except OSError as error:
        raise OscarError(f"clear the data directory {folder.path}: {error}") from error
    finally:
        os.close(lock)
