"""The queue: pending jobs start in the order they came, as many at a time as allowed."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from oscarcli.local.commit_group import LateCommit
from oscarcli.local.folder import remove_tree
from oscarcli.local.jobs.begun import BegunJobs
from oscarcli.local.jobs.engine.base import RunCancellation, RunCancelled
from oscarcli.local.jobs.log import append_note
from oscarcli.local.jobs.table import Job, JobOutcome, Jobs
from oscarcli.local.work_turn import WorkTurn

log = logging.getLogger(__name__)

# A job needs room for its input and output, and its end has to be recorded: below this, jobs wait. It is
# four times what the database's log and a few job logs take, and small beside any disk.
MIN_FREE_BYTES = 64 << 20
HELD_SECONDS = 5.0
RETRY_SECONDS = 1.0

Execute = Callable[[Job, RunCancellation], JobOutcome]


class _Claimed(NamedTuple):
    """A job that was taken from the queue.

    Args:
        job: the job.
        forgotten: how often jobs had been forgotten before.
        commit: of its being taken.
        previous: the job and the outcome that were recorded with it.
    """

    job: Job
    forgotten: int
    commit: LateCommit
    previous: tuple[Job, JobOutcome] | None = None


class Scheduler:
    """Starts pending jobs and knows the running ones.

    Args:
        jobs: the queue.
        folder: where jobs have their folders.
        execute: runs one job in a thread of its own.
        parallel: most jobs at a time.
        free_bytes: asks how much disk is left.
        turn: of short work; what takes long in a job gives it away.
        begun: gets each job before it is run.
    """

    def __init__(
        self,
        jobs: Jobs,
        folder: Path,
        execute: Execute,
        parallel: int,
        free_bytes: Callable[[], int],
        turn: WorkTurn,
        begun: BegunJobs,
    ) -> None:
        self._jobs = jobs
        self._folder = folder
        self._execute = execute
        self._free_bytes = free_bytes
        self._turn = turn
        self._begun = begun
        self._lock = threading.Lock()
        self._running: dict[str, RunCancellation] = {}
        self._removed: set[str] = set()
        self._forgotten = 0
        # Never held while the database is asked: whoever commits a job rings it.
        self._bell = threading.Condition()
        self._rings = 0
        self._stopping = False
        self._held = False
        self._workers = [
            threading.Thread(target=self._work_on, name=f"worker-{number}", daemon=True)
            for number in range(1, parallel + 1)
        ]

    def start(self) -> None:
        """Begin to start jobs."""
        for thread in self._workers:
            thread.start()

    def wake(self) -> None:
        """Look for pending jobs now."""
        with self._bell:
            self._rings += 1
            self._bell.notify()

    def stop(self, reason: str, seconds: float) -> None:
        """Start nothing more, stop what runs, and wait for it. Stopped jobs count as failed."""
        with self._bell:
            self._stopping = True
            self._bell.notify_all()
        with self._lock:
            cancellations = list(self._running.values())
        for cancellation in cancellations:
            cancellation.cancel(reason)
        deadline = time.monotonic() + seconds
        for thread in self._workers:
            if thread.ident is not None:
                thread.join(max(deadline - time.monotonic(), 0.1))

    def remove(self, names: Iterable[str]) -> None:
        """Remove jobs in any state, with their logs; running ones are stopped."""
        names = list(names)
        self._jobs.remove(names)
        self.forget(names)

    def forget(self, names: Iterable[str]) -> None:
        """Stop jobs whose rows are gone, and remove their logs."""
        for name in names:
            with self._lock:
                self._forgotten += 1
                cancellation = self._running.get(name)
                if cancellation is not None:
                    self._removed.add(name)
            if cancellation is None:
                self._turn.leave()
                remove_tree(self._folder / name)
            else:
                cancellation.cancel("the job was deleted")

    # -- workers ---------------------------------------------------------------------------------

    def _work_on(self) -> None:
        try:
            self._work_until_stopped()
        finally:
            self._turn.leave()

    def _work_until_stopped(self) -> None:
        claimed: _Claimed | None = None
        while claimed is not None or not self._stopping:
            rings = self._rings
            claimed = claimed or self._next()
            if claimed is not None:
                # There may be more, and the ring that said so was heard by one worker only.
                self.wake()
                self._turn.take()
                claimed = self._work(claimed)
                continue
            self._turn.leave()
            with self._bell:
                if rings == self._rings and not self._stopping:
                    self._bell.wait(HELD_SECONDS if self._held else None)

    def _next(self) -> _Claimed | None:
        forgotten = self._forgotten
        try:
            # Asked before, so that nobody changes the database to find nothing.
            if not self._has_room() or not self._jobs.has_pending():
                return None
            job = self._jobs.claim(self._busy())
            return None if job is None else _Claimed(job, forgotten, LateCommit())
        except (sqlite3.Error, OSError) as error:
            log.error("the queue cannot be read: %s", error)
            self._held = True
            return None

    def _busy(self) -> list[str]:
        with self._lock:
            return list(self._running)

    def _has_room(self) -> bool:
        held = self._free_bytes() < MIN_FREE_BYTES
        if held and not self._held:
            log.warning("less than %d MiB of disk are free: jobs wait", MIN_FREE_BYTES >> 20)
        elif self._held and not held:
            log.info("there is disk space again: jobs go on")
        self._held = held
        return not held

    def _work(self, claimed: _Claimed) -> _Claimed | None:
        """Run a job to its recorded end; return the one that was claimed with it."""
        job = claimed.job
        cancellation = RunCancellation(self._turn)
        self._note_begun(job)
        with self._lock:
            self._running[job.name] = cancellation
        try:
            if self._stopping:
                cancellation.cancel("the server was stopped before the job began")
            # Deleted between being claimed and being known here: nobody could have stopped it.
            if claimed.forgotten != self._forgotten and self._is_gone(job):
                self.forget([job.name])
            return self._carry_out(claimed, cancellation)
        finally:
            self._leave(job.name)

    def _note_begun(self, job: Job) -> None:
        try:
            self._begun.add(job)
        except OSError as error:
            # It is for a server that is killed in the next moment.
            log.error("that job %s began cannot be noted: %s", job.name, error)

    def _is_gone(self, job: Job) -> bool:
        try:
            return not self._jobs.exists(job.name)
        except sqlite3.Error as error:
            # It is carried out: who runs it finds out what is wrong, and its end is recorded.
            log.error("job %s cannot be looked for: %s", job.name, error)
            return False

    def _carry_out(self, claimed: _Claimed, cancellation: RunCancellation) -> _Claimed | None:
        job = claimed.job
        log.info("job %s starts", job.name)
        outcome = self._outcome(job, cancellation)
        try:
            claimed.commit.see_to()
        except sqlite3.Error as error:
            # It is pending again, and the one before it has not ended.
            log.error("what happened to job %s was undone: %s", job.name, error)
            return None if claimed.previous is None else self._record(*claimed.previous)
        following = self._record(job, outcome)
        log.info("job %s %s", job.name, "succeeded" if outcome.succeeded else f"failed: {outcome.reason}")
        return following

    def _leave(self, name: str) -> None:
        while not self._has_left(name):
            self._turn.leave()
            remove_tree(self._folder / name)
        self.wake()

    def _has_left(self, name: str) -> bool:
        """Tell whether another job may have the name: nothing of a removed one is to be removed any more."""
        with self._lock:
            if name in self._removed:
                self._removed.discard(name)
                return False
            del self._running[name]
            return True

    def _outcome(self, job: Job, cancellation: RunCancellation) -> JobOutcome:
        try:
            return self._execute(job, cancellation)
        except RunCancelled as cancelled:
            reason = str(cancelled)
        except Exception as error:
            log.exception("job %s broke", job.name)
            reason = f"the local cluster failed: {error}"
        try:
            append_note(self._folder / job.name, "ERROR", reason)
        except OSError as error:
            log.warning("the log of job %s cannot be written: %s", job.name, error)
        return JobOutcome(False, reason)

    def _record(self, job: Job, outcome: JobOutcome) -> _Claimed | None:
        """Record the end and claim another job; a full disk passes, so it is tried until the server stops."""
        while True:
            try:
                if not self._stopping and self._has_room():
                    return self._record_and_claim(job, outcome)
                self._jobs.finish(job.name, outcome)
            except (sqlite3.Error, OSError) as error:
                log.error("the end of job %s cannot be recorded: %s", job.name, error)
                if self._stopping:
                    return None
                self._turn.leave()
                time.sleep(RETRY_SECONDS)
            else:
                return None

    def _record_and_claim(self, job: Job, outcome: JobOutcome) -> _Claimed | None:
        forgotten, commit = self._forgotten, LateCommit()
        following = self._jobs.finish_and_claim(job.name, outcome, self._busy(), commit)
        if following is None:
            commit.see_to()
            return None
        return _Claimed(following, forgotten, commit, (job, outcome))
