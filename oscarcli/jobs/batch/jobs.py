"""Finds the jobs of a batch's uploads, which come one after the other, and tells when they have ended.

Each upload is an object of its own, and a job's log names it. A log is read when its job has ended; while it
runs, once.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from oscarcli.api.client import Client
from oscarcli.api.jobs import FAILED, SUCCEEDED, Job, failure_text, find_log, is_running, list_jobs
from oscarcli.jobs.batch.journal import InputState
from oscarcli.jobs.follow import WAITING_STATES
from oscarcli.jobs.outputs import OutputFolders, first_of_each_name
from oscarcli.jobs.supervisor_log import ObjectName, ParsedLog, last_lines, parse_log
from oscarcli.jobs.uploaded import APPEAR_SECONDS, SETTLE_SECONDS

# An upload of so many seconds ago whose job is not there had one that is gone, or never had one.
OLD_UPLOAD_SECONDS = 600.0
# A node may be late with the last lines of a log, and a server that restarts has none for a while.
MAX_LOG_DELAY_SECONDS = 10.0


@dataclass(frozen=True)
class EndedJob:
    """A job that has ended.

    Args:
        place: the object that started it.
        name: its name.
        job: the job as the server lists it.
        log: all of its log; empty where that is gone.
        account: what the log tells.
    """

    place: ObjectName
    name: str
    job: Job
    log: str
    account: ParsedLog


@dataclass(frozen=True)
class LostJob:
    """An upload's job is not there, or not any more.

    Args:
        place: the uploaded object.
        reason: what is known about it.
        name: the job's name; empty when it was never seen.
    """

    place: ObjectName
    reason: str
    name: str = ""


class BatchJobs:
    """The jobs of a batch.

    Args:
        client: the cluster.
        service: the service.
        before: jobs that there were before the batch began.

    Attributes:
        running: how many ran at the last look, as far as that is known.
    """

    def __init__(self, client: Client, service: str, before: Collection[str]) -> None:
        self.running = 0
        self._client, self._service = client, service
        # Jobs that need no further look: those of others, and those that have been told.
        self._settled = set(before)
        self._missing: dict[ObjectName, float] = {}
        self._names: dict[str, ObjectName] = {}
        self._others: dict[ObjectName, str] = {}
        self._seen: set[str] = set()
        self._begun: set[str] = set()
        self._ended_at: dict[str, float] = {}
        self._news_at = time.monotonic()

    def add(self, place: ObjectName, uploaded: float) -> None:
        """Look for the job of an object from now on, which was uploaded so many seconds after 1970."""
        self._news_at = time.monotonic()
        name = self._others.pop(place, None)
        if name is None:
            self._missing[place] = uploaded
        else:
            # It was there before its upload was known to be done.
            self._settled.discard(name)
            self._names[name] = place

    def settle(self, name: str) -> None:
        """Take it that all is known of a job."""
        self._settled.add(name)

    def look(self) -> Iterator[EndedJob | LostJob]:
        """Look once, and yield what has ended since the last look.

        What was yielded before a failure is not yielded again.

        Raises:
            OscarError: what a request can raise.
        """
        jobs = list_jobs(self._client, self._service)
        new = {name: job for name, job in jobs.items() if name not in self._settled}
        if not self._seen.issuperset(new):
            self._seen.update(new)
            self._news_at = time.monotonic()
        yield from self._removed(jobs)
        for name, job in new.items():
            yield from self._examine(name, job)
        unknown = [name for name in new if name not in self._settled and name not in self._names]
        self._count(new, unknown)
        yield from self._give_up(new, unknown)

    # -- one job ---------------------------------------------------------------------------------

    def _examine(self, name: str, job: Job) -> Iterator[EndedJob]:
        if not self._wants_log(name, job):
            return
        log = find_log(self._client, self._service, name) or ""
        account = parse_log(log)
        if name not in self._names:
            self._identify(name, job, account)
        place = self._names.get(name)
        if place is None or is_running(job):
            return
        is_whole = job.get("status") == FAILED or account.written is not None
        if is_whole or self._is_late(name):
            del self._names[name]
            self._settled.add(name)
            yield EndedJob(place, name, job, log, account)

    def _wants_log(self, name: str, job: Job) -> bool:
        if job.get("status") in WAITING_STATES:
            return False
        if is_running(job):
            # Most jobs have ended by the next look, and need no other one then.
            is_first = name not in self._begun
            self._begun.add(name)
            return not is_first and name not in self._names
        self._ended_at.setdefault(name, time.monotonic())
        return name in self._names or not self._is_late(name)

    def _is_late(self, name: str) -> bool:
        return time.monotonic() - self._ended_at[name] >= MAX_LOG_DELAY_SECONDS

    def _identify(self, name: str, job: Job, account: ParsedLog) -> None:
        place = account.trigger
        if place is not None and place in self._missing:
            del self._missing[place]
            self._names[name] = place
        elif place is not None or account.is_raw or (account.is_told and not is_running(job)):
            self._settled.add(name)
            if place is not None:
                self._others[place] = name

    def _removed(self, jobs: Mapping[str, Job]) -> Iterator[LostJob]:
        for name in [name for name in self._names if name not in jobs]:
            yield LostJob(self._names.pop(name), f'job "{name}" was removed before it had ended', name)

    # -- jobs that tell nothing, or do not come --------------------------------------------------

    def _count(self, new: Mapping[str, Job], unknown: Collection[str]) -> None:
        begun = {name for name, job in new.items() if is_running(job) and _has_begun(job)}
        own = sum(name in begun for name in self._names)
        self.running = own + min(sum(name in begun for name in unknown), len(self._missing))

    def _give_up(self, new: Mapping[str, Job], unknown: Collection[str]) -> Iterator[EndedJob | LostJob]:
        """Yield the uploads whose jobs tell nothing of themselves, and those that have none."""
        if not self._missing or any(is_running(new[name]) for name in unknown):
            return
        quiet = time.monotonic() - self._news_at
        if unknown and len(unknown) == len(self._missing):
            # Which is which does not matter: none of them says what it wrote.
            is_settled = all(new[name].get("status") == FAILED or self._is_late(name) for name in unknown)
            if is_settled and quiet >= SETTLE_SECONDS:
                for place, name in zip(list(self._missing), unknown, strict=True):
                    del self._missing[place]
                    self._settled.add(name)
                    yield EndedJob(place, name, new[name], "", parse_log(""))
            return
        now = time.time()
        for place, uploaded in list(self._missing.items()):
            is_old = now - uploaded >= OLD_UPLOAD_SECONDS
            if quiet >= (SETTLE_SECONDS if is_old else APPEAR_SECONDS):
                del self._missing[place]
                yield LostJob(place, _reason(is_old=is_old))


def _has_begun(job: Job) -> bool:
    return job.get("status") not in WAITING_STATES


def _reason(*, is_old: bool) -> str:
    if is_old:
        return "its job is not on the cluster any more, if it had one"
    return f"no job for it appeared within {APPEAR_SECONDS:g} s"


def step_of(found: EndedJob | LostJob, document: Mapping[str, Any]) -> tuple[InputState, dict[str, Any]]:
    """Return what the end of a job makes of its input: the state, and what else changes.

    Args:
        found: the end.
        document: the service.
    """
    if isinstance(found, LostJob):
        return InputState.FAILED, {"reason": found.reason, "job": found.name}
    status = str(found.job.get("status"))
    job = {"job": found.name, "status": status, "exit_code": found.job.get("exit_code")}
    if status == SUCCEEDED and found.account.written is not None:
        return InputState.ENDED, {"outputs": _outputs(found, document), **job}
    told = failure_text(found.name, found.job)
    if status == SUCCEEDED:
        told = f'the log of job "{found.name}" does not tell what it wrote'
    return InputState.FAILED, {"reason": told, "log": last_lines(found.log), **job}


def _outputs(ended: EndedJob, document: Mapping[str, Any]) -> list[list[str]]:
    """Return name, provider, bucket and key of each file that a job wrote."""
    folders = OutputFolders(document)
    outputs: list[list[str]] = []
    for name, written in first_of_each_name(ended.account.written or ()).items():
        provider = folders.result_file(ended.name, written).provider
        outputs.append([name, provider, written.place.bucket, written.place.key])
    return outputs
