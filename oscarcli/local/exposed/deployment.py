"""One exposed service: kept running, started anew when it ends, asleep while nobody calls it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from oscarcli.local import clock
from oscarcli.local.exposed import probes
from oscarcli.local.exposed.environment import PodEnvironment
from oscarcli.local.exposed.log import DeploymentLog
from oscarcli.local.exposed.pod import container_name, new_name, pod
from oscarcli.local.exposed.ports import PortError
from oscarcli.local.jobs.engine.base import Engine, RunCancellation, RunCancelled, ScriptCommand
from oscarcli.local.jobs.engine.container import record
from oscarcli.local.jobs.mounts.schema import MountError
from oscarcli.local.jobs.placement import PlacementError
from oscarcli.local.services.definition import Definition

log = logging.getLogger(__name__)

PENDING, READY, FAILED, STOPPED = "pending", "ready", "failed", "stopped"
# Between two starts of a service that ends: doubled each time, and forgotten when it ran for a while.
MIN_BACKOFF_SECONDS = 1.0
MAX_BACKOFF_SECONDS = 60.0
SETTLED_SECONDS = 60.0
# A service with min_scale 0 that nobody calls ends after so long; who calls it then waits for its start.
IDLE_SECONDS = 300.0
WAKE_SECONDS = 120.0
POLL_SECONDS = 0.05
KILLED = 137
KILLED_HINT = ": it was killed, perhaps for want of memory"
ASLEEP = "nobody calls it; the next call starts it"


class UnavailableError(Exception):
    """A service cannot be called now; the text says why."""


class Deployment:
    """Keeps one revision of an exposed service running.

    Args:
        definition: the service.
        environment: what it runs in.
        notes: gets what it prints.
        predecessor: the thread of the revision before, which has to end first.
    """

    def __init__(
        self,
        definition: Definition,
        environment: PodEnvironment,
        notes: DeploymentLog,
        predecessor: threading.Thread | None = None,
    ) -> None:
        self.definition = definition
        self.log = notes
        self.thread = predecessor
        self._environment = environment
        self._lock = threading.RLock()
        self._cancellation: RunCancellation | None = None
        self._calls = 0
        self._noted: set[str] = set()
        self._last_call = time.monotonic()
        self._port: int | None = None
        self._state, self._reason, self._since = STOPPED, "", time.time()

    # -- orders ----------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start the service, unless it waits for a call."""
        if self._sleeps_when_idle:
            self._become(READY, ASLEEP)
        else:
            self.start()

    def start(self) -> None:
        """Make sure that the service runs."""
        with self._lock:
            if self._cancellation is not None:
                return
            self._cancellation = RunCancellation()
            self._last_call = time.monotonic()
            self._become(PENDING, "it is being started")
            self.thread = threading.Thread(
                target=self._keep_running,
                args=(self._cancellation, self.thread),
                name=f"exposed-{self.definition['name']}",
                daemon=True,
            )
            self.thread.start()
            if self._sleeps_when_idle:
                self._watch_calls(self._cancellation, IDLE_SECONDS)

    def stop(self, reason: str, state: str = STOPPED) -> None:
        """Tell the service to end; `thread` ends with it."""
        with self._lock:
            cancellation, self._cancellation, self._port = self._cancellation, None, None
            if self._state != state or cancellation is not None:
                self._become(state, reason)
        if cancellation is not None:
            cancellation.cancel(reason)

    def restart(self) -> None:
        """Start the service anew."""
        self.stop("it is started anew")
        self.start()

    # -- what is known ---------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Return the deployment's state as the REST API has it."""
        self._look()
        with self._lock:
            is_up = self._port is not None
            return {
                "state": self._state,
                **({"reason": self._reason} if self._reason else {}),
                "last_transition_time": clock.stamp(self._since),
                "active_instances": int(is_up),
                "affected_instances": int(is_up and self._state != READY),
                "resource_kind": "exposed_service",
            }

    @contextmanager
    def called(self) -> Iterator[int]:
        """Give the port of this machine that the service is reached at, for one call.

        Raises:
            UnavailableError: it does not answer now.
        """
        with self._lock:
            self._calls += 1
        try:
            yield self._awaited_port()
        finally:
            with self._lock:
                self._calls -= 1
                self._last_call = time.monotonic()

    def _awaited_port(self) -> int:
        self._look()
        if self._sleeps_when_idle and self._is_woken():
            deadline = time.monotonic() + WAKE_SECONDS
            while self._state == PENDING and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
                self._look()
        with self._lock:
            if self._state == READY and self._port is not None:
                return self._port
            raise UnavailableError(f"{self._state}: {self._reason}" if self._reason else self._state)

    def _is_woken(self) -> bool:
        """Start a service that sleeps, but none that was stopped; tell whether it runs."""
        with self._lock:
            if self._state == STOPPED:
                return False
            self.start()
            return True

    def _look(self) -> None:
        """Ask a service that was started whether it answers by now."""
        with self._lock:
            port, cancellation = self._port, self._cancellation
            if port is None or cancellation is None or self._state != PENDING:
                return
        self._probed(cancellation, port, probes.why_not_ready(self.definition, port))

    def _probed(self, cancellation: RunCancellation, port: int, found: str | None) -> None:
        """Take note of what a probe found, unless what it asked is gone by now."""
        with self._lock:
            if self._cancellation is cancellation and self._port == port:
                self._become(PENDING if found else READY, found or "")

    def _become(self, state: str, reason: str = "") -> None:
        with self._lock:
            if state != self._state:
                self._since = time.time()
            self._state, self._reason = state, reason

    def note_once(self, message: str) -> None:
        """Add a warning to the log, the first time."""
        with self._lock:
            is_new = message not in self._noted
            self._noted.add(message)
        if is_new:
            self.log.note("WARNING", message)

    # -- running ---------------------------------------------------------------------------------

    @property
    def _sleeps_when_idle(self) -> bool:
        return bool(self.definition["expose"]["min_scale"] <= 0)

    def _keep_running(self, cancellation: RunCancellation, predecessor: threading.Thread | None) -> None:
        if predecessor is not None:
            predecessor.join()
        told = threading.Event()
        cancellation.notify(told.set)
        pause = 0.0
        while not told.is_set():
            began = time.monotonic()
            reason = self._run(cancellation)
            self.log.end_line()
            if told.is_set():
                return
            has_settled = time.monotonic() - began >= SETTLED_SECONDS
            pause = MIN_BACKOFF_SECONDS if has_settled else min(pause * 2, MAX_BACKOFF_SECONDS)
            pause = max(pause, MIN_BACKOFF_SECONDS)
            self._ended(cancellation, f"{reason}; it is started again after {pause:g} s")
            told.wait(pause)
            self._change(cancellation, None, PENDING, "it is being started again")

    def _change(self, cancellation: RunCancellation, port: int | None, state: str, reason: str) -> None:
        """Take note of a run's state, unless it is one that was told to end."""
        with self._lock:
            if self._cancellation is cancellation:
                self._port = port
                self._become(state, reason)

    def _ended(self, cancellation: RunCancellation, reason: str) -> None:
        self._change(cancellation, None, FAILED, reason)
        self.log.note("ERROR", reason)
        log.warning('exposed service "%s": %s', self.definition["name"], reason)

    def _run(self, cancellation: RunCancellation) -> str:
        """Run the service until it ends; return why it did."""
        environment, definition = self._environment, self.definition
        name = definition["name"]
        try:
            unmet = environment.unmet_requirement(definition)
            if unmet:
                return unmet
            placement = environment.placements.of(definition, cancellation.check)
            wanted = definition["expose"]["api_port"][0]
            attached = environment.attachments.attached(
                definition, placement, self.log.note, cancellation.check
            )
            with environment.ports.lend(name, wanted, placement.engine) as port, attached as place:
                folder = environment.folder / name
                command = pod(definition, place, new_name(name), port, folder)
                record(placement.engine.name, container_name(command), folder)
                self._change(cancellation, port, PENDING, "it was started a moment ago")
                code = self._run_container(command, placement.engine, port, cancellation)
            return f"it ended with exit code {code}" + (KILLED_HINT if code == KILLED else "")
        except RunCancelled as cancelled:
            return str(cancelled)
        except (PlacementError, PortError, MountError, OSError, ValueError) as error:
            return str(error)
        except Exception as error:
            # Without its thread it would seem to be starting for ever.
            log.exception('exposed service "%s" cannot be run', name)
            return str(error)

    def _run_container(
        self, command: ScriptCommand, engine: Engine, port: int, cancellation: RunCancellation
    ) -> int:
        """Run the container, and probe it; return its exit code. Raises RunCancelled."""
        run = RunCancellation()

        def told() -> None:
            run.cancel(cancellation.reason or "")

        def ready(found: str | None) -> None:
            self._probed(cancellation, port, found)

        cancellation.notify(told)
        try:
            with probes.probing(self.definition, port, ready, run.cancel):
                return engine.run(command, self.log.write, run)
        finally:
            cancellation.forget(told)

    def _watch_calls(self, cancellation: RunCancellation, seconds: float) -> None:
        timer = threading.Timer(seconds, self._sleep_when_idle, [cancellation])
        timer.daemon = True
        timer.start()

    def _sleep_when_idle(self, cancellation: RunCancellation) -> None:
        with self._lock:
            if self._cancellation is not cancellation:
                return
            left = self._last_call + IDLE_SECONDS - time.monotonic()
            if self._calls == 0 and left <= 0:
                self.stop(ASLEEP, READY)
            else:
                self._watch_calls(cancellation, max(left, POLL_SECONDS))
