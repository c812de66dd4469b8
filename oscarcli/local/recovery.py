"""What a start finds after a server that was killed: interrupted jobs, their processes, their folders."""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path

from oscarcli.local import clock
from oscarcli.local.folder import DataFolder, remove_tree
from oscarcli.local.jobs.begun import BegunJobs
from oscarcli.local.jobs.engine.container import recorded
from oscarcli.local.jobs.engine.processes import kill_marked
from oscarcli.local.jobs.engine.selection import EngineError, Engines
from oscarcli.local.jobs.log import append_note
from oscarcli.local.jobs.runner import WORK
from oscarcli.local.jobs.supervisor import MARKER
from oscarcli.local.jobs.table import INTERRUPTED, JobOutcome, Jobs

log = logging.getLogger(__name__)

# As a real cluster's TTL_JOB, and a number of jobs that keeps lists and folders quick.
MAX_JOB_AGE_SECONDS = 30 * 24 * 3600
MAX_JOBS = 10_000
EXPIRE_INTERVAL = 3600.0


def recover(folder: DataFolder, jobs: Jobs, engines: Engines, begun: BegunJobs) -> None:
    """Bring the data directory in order; the caller has its lock, so nothing in it is in use.

    Running jobs become failed, once: a real cluster does not repeat a job either.
    """
    killed = kill_marked(MARKER, os.fsencode(folder.jobs) + b"/", prefix=True)
    if killed:
        log.warning("%d processes of interrupted jobs were still running and were killed", killed)
    jobs.take_begun(begun.had)
    for name in jobs.running():
        append_note(folder.jobs / name, "ERROR", INTERRUPTED)
        jobs.finish(name, JobOutcome(False, INTERRUPTED))
        log.warning("job %s failed: %s", name, INTERRUPTED)
    for entry in folder.jobs.iterdir():
        _remove_container(entry, engines)
        _tidy(entry, jobs)


def _remove_container(home: Path, engines: Engines) -> None:
    """Remove the container of a run that nobody saw the end of."""
    found = recorded(home / WORK)
    if found is None:
        return
    engine, container = found
    try:
        engines.named(engine).remove(container)
        log.info("the container %s of an interrupted run is gone", container)
    except EngineError as error:
        log.warning("the container %s of an interrupted run may be left: %s", container, error)


def _tidy(home: Path, jobs: Jobs) -> None:
    """Keep the log of a known job and nothing else."""
    if not jobs.exists(home.name):
        remove_tree(home)
        return
    remove_tree(home / WORK)


class Expiry:
    """Removes jobs that ended long ago, at the start and every hour.

    Args:
        folder: the data directory.
        jobs: the table of jobs.
    """

    def __init__(self, folder: DataFolder, jobs: Jobs) -> None:
        self._folder = folder
        self._jobs = jobs
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name="expiry", daemon=True)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=5)

    def _repeat(self) -> None:
        while not self._stop.is_set():
            try:
                self.expire(time.time())
            except Exception:
                log.exception("old jobs cannot be removed")
            self._stop.wait(EXPIRE_INTERVAL)

    def expire(self, now: float) -> None:
        """Remove what is too old at a time in seconds since the epoch."""
        names = self._jobs.to_forget(clock.stamp(now - MAX_JOB_AGE_SECONDS), MAX_JOBS)
        self._jobs.remove(names)
        for name in names:
            remove_tree(self._folder.jobs / name)
        if names:
            log.info("%d old jobs were removed", len(names))
