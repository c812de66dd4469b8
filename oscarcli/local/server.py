"""The server process: a cluster behind two listeners, from its lock to its last breath."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import random
import resource
import signal
import threading
from collections.abc import Callable
from types import FrameType

from oscarcli.errors import OscarError
from oscarcli.local.cluster import LocalCluster
from oscarcli.local.folder import DataFolder, Settings
from oscarcli.local.http.hosts import AllowedHosts
from oscarcli.local.http.listener import Listener
from oscarcli.local.http.messages import Handler, Request
from oscarcli.local.jobs.engine.selection import EngineError
from oscarcli.local.objects.s3.listener import S3Front, is_form_upload
from oscarcli.local.options import (
    DEFAULT_API_PORT,
    DEFAULT_S3_PORT,
    Binding,
    Endpoints,
    Options,
    endpoint,
)
from oscarcli.local.rest.listener import Api
from oscarcli.local.services.definition import REGION
from oscarcli.local.work_turn import WorkTurn

log = logging.getLogger(__name__)

# Synchronous calls hold a thread each while they run; see `sync.MOST_CALLS`.
API_THREADS = 32
S3_THREADS = 32
OPEN_FILES = 4096
# Outgoing connections get ports above these; one of theirs may be in use when it is needed again.
QUIET_PORTS = range(20_000, 32_768)
PORT_TRIES = 20


class Server:
    """A running local cluster.

    Args:
        folder: its data directory.
        binding: where to listen.
        options: how it behaves.

    Raises:
        FolderTakenError: another server uses the directory.
        OscarError: a port is taken, or the directory cannot be used.
    """

    def __init__(self, folder: DataFolder, binding: Binding, options: Options) -> None:
        folder.create()
        self._lock = folder.lock()
        self._listeners: list[Listener] = []
        try:
            settings = folder.settings()
            self.cluster = _cluster(folder, settings, options)
            self._listen(folder, settings, binding)
        except BaseException:
            self._close()
            os.close(self._lock)
            raise
        self.endpoints = Endpoints(*(endpoint(binding.host, item.port) for item in self._listeners))

    def _listen(self, folder: DataFolder, settings: Settings, binding: Binding) -> None:
        front = S3Front(self.cluster.store, self.cluster.accounts, region=REGION)
        api = _listener(
            binding,
            _choices(binding.port, settings.port, DEFAULT_API_PORT),
            Api(self.cluster).handle,
            API_THREADS,
            "--port",
        )
        self._listeners.append(api)
        s3 = _listener(
            binding,
            _choices(binding.s3_port, settings.s3_port, DEFAULT_S3_PORT),
            front.handle,
            S3_THREADS,
            "--s3-port",
            is_form_upload,
            front.is_quick,
            self.cluster.state.work,
        )
        self._listeners.append(s3)
        self.cluster.settings = folder.remember_binding(settings, binding.host, api.port, s3.port)

    def start(self) -> None:
        """Bring the data in order, then answer requests and run jobs."""
        self.cluster.start(self.endpoints.s3, self.endpoints.api)
        for listener in self._listeners:
            listener.start()
        log.info("pid %d, API at %s, S3 at %s", os.getpid(), self.endpoints.api, self.endpoints.s3)

    def stop(self, *, unlock: bool = True) -> None:
        """Stop running jobs, which fail, and close everything; pending jobs stay for the next start.

        Args:
            unlock: give the data directory free now; otherwise the process's end does.
        """
        log.info("stopping")
        self.cluster.stop_runs()
        self._close()
        log.info("stopped")
        if unlock:
            os.close(self._lock)

    def _close(self) -> None:
        for listener in self._listeners:
            listener.stop()
        if hasattr(self, "cluster"):
            self.cluster.close()


def serve(folder: DataFolder, binding: Binding, options: Options, ready: Callable[[Endpoints], None]) -> None:
    """Run a server until SIGTERM or SIGINT. Called in the main thread.

    Args:
        folder: its data directory.
        binding: where to listen.
        options: how it behaves.
        ready: called when both listeners answer.

    Raises:
        OscarError: it could not start.
    """
    finished = threading.Event()

    def finish(_number: int, _frame: FrameType | None) -> None:
        finished.set()

    _allow_open_files()
    server = Server(folder, binding, options)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, finish)
    try:
        server.start()
        ready(server.endpoints)
        finished.wait()
    finally:
        # Who waits for the lock waits for this process: it is gone when the lock is.
        server.stop(unlock=False)


def _allow_open_files() -> None:
    """Make room for a database connection in each thread and a few files in each run."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _cluster(folder: DataFolder, settings: Settings, options: Options) -> LocalCluster:
    try:
        return LocalCluster(folder, settings, options)
    except EngineError as error:
        raise OscarError(
            f"start the engine {error.name}: {error.problem}",
            hint=f"{error.remedy}, or run scripts without images by '--engine host'",
        ) from error
    except RuntimeError as error:
        raise OscarError(
            str(error), hint="use the newer program, or start anew with 'oscar-cli local reset'"
        ) from error


def _choices(asked: int | None, remembered: int, default: int) -> list[int]:
    """Return the ports to try in order: a free one is only looked for when it was asked for."""
    if asked == 0:
        return [*([remembered] if remembered else []), *random.sample(QUIET_PORTS, PORT_TRIES), 0]
    return [asked or remembered or default]


def _listener(
    binding: Binding,
    ports: list[int],
    handler: Handler,
    threads: int,
    option: str,
    is_for_pages: Callable[[Request], bool] | None = None,
    is_quick: Callable[[Request], bool] | None = None,
    turn: WorkTurn | None = None,
) -> Listener:
    hosts = AllowedHosts(binding.host, binding.allow_hosts, is_for_pages)

    def listen(port: int) -> Listener:
        return Listener(
            binding.host, port, handler, threads=threads, hosts=hosts, is_quick=is_quick, turn=turn
        )

    for port in ports[:-1]:
        try:
            return listen(port)
        except OSError:
            continue
    try:
        return listen(ports[-1])
    except OSError as error:
        raise _not_bound(binding.host, ports[-1], option, error) from error


def _not_bound(host: str, port: int, option: str, error: OSError) -> OscarError:
    taken = error.errno == errno.EADDRINUSE or "in use" in str(error)
    what = f"listen on {host} port {port}: " + ("another program uses this port" if taken else str(error))
    return OscarError(what, hint=f"add '{option} 0' to find a free port, or name another one")


def begin_log(*handlers: logging.Handler) -> None:
    """Send the server's log to handlers, to standard error when none are given."""
    # What the format below does not use takes two fifths of the time of a line. The logging module's own
    # documentation tells to leave it out so.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        handlers=handlers or [logging.StreamHandler()],
    )
