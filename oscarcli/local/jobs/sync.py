"""Synchronous runs: the caller waits for the script and gets what it returns."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from oscarcli.local.folder import remove_tree
from oscarcli.local.http.messages import Body, Request, Response
from oscarcli.local.jobs.attachments import Attachments
from oscarcli.local.jobs.engine.base import RunCancellation, RunCancelled
from oscarcli.local.jobs.log import JobLog
from oscarcli.local.jobs.log_reading import read_log
from oscarcli.local.jobs.payloads import PayloadFile
from oscarcli.local.jobs.placement import PlacementError, Placements
from oscarcli.local.jobs.runner import UnmetRequirement
from oscarcli.local.jobs.storage import ClusterStorage
from oscarcli.local.jobs.supervisor import Run, log_level, new_workspace, supervise
from oscarcli.local.jobs.table import JobOutcome
from oscarcli.local.options import SYNC_LIMIT_SECONDS
from oscarcli.local.services.definition import Definition
from oscarcli.local.services.mounts import mount_of

log = logging.getLogger(__name__)

# Runs of one service at a time when the definition sets no `max_scale`.
DEFAULT_SCALE = 4
# Runs that wait or work, of all services: each holds a thread of the listener, and the others stay free.
MAX_CALLS = 24
# Of what a script prints; a runaway loop would fill the disk.
MAX_OUTPUT_BYTES = 1 << 30
MAX_BODY_BYTES = 1 << 30
COPY_BLOCK = 1 << 16
FOLDER_PREFIX = ".run-"


class Refused(Exception):  # noqa: N818 -- an answer, not a defect
    """The call ends before the script; `status` and text are the answer."""

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(text)
        self.status = status


class SyncRuns:
    """Carries out synchronous runs in the threads of their callers.

    Args:
        folder: where runs have their folders while they last.
        placements: tells what executes a script.
        attachments: lead scripts to volumes; no mount is there, as on a real cluster.
        storage: the cluster's objects, to store results in; `None` as on a real cluster, where a
            synchronous run has no credentials and its results go to the caller alone.
        unmet_requirement: asked with a definition, says what its script needs that is not here, or `None`.
        ended: told of each run that began: the definition, when it started and ended in seconds since
            the epoch, and the user who called, if one did.
        limit: seconds after which a call is cut off.
    """

    def __init__(
        self,
        folder: Path,
        placements: Placements,
        attachments: Attachments,
        storage: ClusterStorage | None,
        unmet_requirement: UnmetRequirement,
        *,
        ended: Callable[[Definition, float, float, str], None],
        limit: float = SYNC_LIMIT_SECONDS,
    ) -> None:
        self._folder = folder
        self._placements = placements
        self._attachments = attachments
        self._storage = storage
        self._unmet_requirement = unmet_requirement
        self._ended = ended
        self._limit = limit
        self._changed = threading.Condition()
        self._calls = 0
        self._running: dict[RunCancellation, str] = {}
        self._noted: set[str] = set()
        self._is_stopped = False

    def run(self, definition: Definition, request: Request, user: str = "") -> Response:
        """Run a service with a request's body, for a user or not, and return the answer. Raises Refused."""
        started = time.monotonic()
        with self._call(), self._slot(definition, started + self._limit) as cancellation:
            timer = threading.Timer(
                started + self._limit - time.monotonic(), cancellation.cancel, ["the time limit was reached"]
            )
            timer.daemon = True
            timer.start()
            begun = time.time()
            try:
                return self._answer(definition, request, cancellation, started)
            except RunCancelled as cancelled:
                log.warning('synchronous run of "%s" stopped: %s', definition["name"], cancelled)
                timed_out = time.monotonic() - started >= self._limit
                raise (Refused(504, "request timeout") if timed_out else Refused(502)) from cancelled
            finally:
                timer.cancel()
                self._record(definition, begun, user)

    def _record(self, definition: Definition, begun: float, user: str) -> None:
        try:
            self._ended(definition, begun, time.time(), user)
        except sqlite3.Error as error:
            # The caller gets the answer all the same.
            log.error('a run of "%s" cannot be recorded: %s', definition["name"], error)

    def stop(self, reason: str, service: str | None = None) -> None:
        """Stop the runs of one service, or all, which is the end: no other one begins."""
        with self._changed:
            self._is_stopped |= service is None
            chosen = [c for c, name in self._running.items() if service in (None, name)]
        for cancellation in chosen:
            cancellation.cancel(reason)

    @contextmanager
    def _call(self) -> Iterator[None]:
        with self._changed:
            if self._calls >= MAX_CALLS:
                raise Refused(503, "too many synchronous requests are waiting")
            self._calls += 1
        try:
            yield
        finally:
            with self._changed:
                self._calls -= 1

    @contextmanager
    def _slot(self, definition: Definition, deadline: float) -> Iterator[RunCancellation]:
        """Wait until the service may run once more."""
        name = definition["name"]
        scale = definition["synchronous"]["max_scale"]
        most = scale if scale > 0 else DEFAULT_SCALE
        cancellation = RunCancellation()
        with self._changed:
            free = self._changed.wait_for(
                lambda: list(self._running.values()).count(name) < most, deadline - time.monotonic()
            )
            if not free:
                raise Refused(504, "request timeout")
            if self._is_stopped:
                raise Refused(503, "the server is about to stop")
            self._running[cancellation] = name
        try:
            yield cancellation
        finally:
            with self._changed:
                del self._running[cancellation]
                self._changed.notify_all()

    def _answer(
        self, definition: Definition, request: Request, cancellation: RunCancellation, started: float
    ) -> Response:
        self._note(definition)
        unmet = self._unmet_requirement(definition)
        if unmet:
            raise Refused(502, unmet)
        home = self._folder / f"{FOLDER_PREFIX}{uuid.uuid4()}"
        home.mkdir(mode=0o700)
        try:
            payload = home / "payload"
            _spool(request.body, payload)
            run = Run(
                home.name,
                definition,
                PayloadFile(payload),
                asynchronous=False,
                headers=http_variables(request),
            )
            outcome = self._supervised(run, home, cancellation)
            return _response(home, outcome, request, time.monotonic() - started)
        finally:
            # The answer's files are open by now and stay readable.
            remove_tree(home)

    def _supervised(self, run: Run, home: Path, cancellation: RunCancellation) -> JobOutcome:
        try:
            placement = self._placements.of(run.definition, cancellation.check)
        except PlacementError as error:
            raise Refused(502, str(error)) from error
        placement = self._attachments.with_volume(run.definition, placement)
        storage = None if self._storage is None else self._storage.of(run.definition)
        job_log = JobLog(home, log_level(run.definition), limit=MAX_OUTPUT_BYTES, answer_limit=None)
        try:
            workspace = new_workspace(home / "work", placement)
            outcome = supervise(run, workspace, storage, placement, job_log, cancellation)
        finally:
            job_log.close()
        if outcome.exit_code:
            name = run.definition["name"]
            log.warning(
                'synchronous run of "%s": the script ended with exit code %d', name, outcome.exit_code
            )
        return outcome

    def _note(self, definition: Definition) -> None:
        """Say once a start what surprises in synchronous runs."""
        name = definition["name"]
        if name in self._noted:
            return
        self._noted.add(name)
        if log_level(definition) != "CRITICAL":
            log.warning(
                'synchronous run of "%s": its log level is not CRITICAL, so the answer has log lines in it',
                name,
            )
        if definition["output"] and self._storage is None:
            log.warning(
                'synchronous run of "%s": results are returned and not stored, as on a real cluster; '
                "--sync-store stores them",
                name,
            )
        if mount_of(definition) is not None:
            log.warning(
                'synchronous run of "%s": nothing is mounted, as on a real cluster, which mounts for jobs',
                name,
            )


def _spool(body: Body, target: Path) -> None:
    total = 0
    with target.open("wb") as file:
        while block := body.read(COPY_BLOCK):
            total += len(block)
            if total > MAX_BODY_BYTES:
                raise Refused(413, f"the body is larger than {MAX_BODY_BYTES >> 20} MiB")
            file.write(block)


def _response(home: Path, outcome: JobOutcome, request: Request, seconds: float) -> Response:
    answer = read_log(home, ended=True)
    assert answer is not None
    answer.preface = b"" if outcome.succeeded else b"exit status 1\n"
    headers = {
        "Content-Type": request.headers.get("content-type", "text/plain; charset=utf-8"),
        "Content-Length": str(answer.size),
        "X-Duration-Seconds": f"{seconds:.6f}",
    }
    return Response(200 if outcome.succeeded else 500, headers, answer)


def http_variables(request: Request) -> Mapping[str, str]:
    """Return the request as the variables that the watchdog sets; the path is gone after the proxy."""
    length = request.headers.get("content-length", "")
    variables = {
        f"Http_{'_'.join(part.capitalize() for part in name.split('-'))}": value
        for name, value in request.headers.items()
    }
    return {
        **variables,
        "Http_Method": request.method,
        "Http_Path": "",
        "Http_Query": request.raw_query,
        "Http_Host": request.headers.get("host", ""),
        "Http_ContentLength": length,
        "Http_Content_Length": length,
    }
