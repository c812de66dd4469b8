"""Finds the jobs that uploads started, and waits for them.

An upload's answer does not name its job, and neither does the list of jobs name its upload. The log does:
in one of its first lines stands the event, unless the service's log level hides it.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from oscarcli.api.client import Client
from oscarcli.api.jobs import Job, find_log, is_running, list_jobs
from oscarcli.errors import NotFoundError, OscarError, UnreachableError
from oscarcli.jobs.follow import MAX_PAUSE_SECONDS, MIN_PAUSE_SECONDS, REST_FACTOR, WAITING_STATES
from oscarcli.jobs.outage import TRANSIENT, ServerOutage
from oscarcli.jobs.supervisor_log import ObjectName, parse_log
from oscarcli.polling import Poll

# An event that found no manager is lost; so many seconds after the last sign of a job it is given up.
APPEAR_SECONDS = 60.0
# Jobs that begin together show in the list within so many seconds.
SETTLE_SECONDS = 2.0


class AmbiguousJobsError(OscarError):
    """It cannot be told which jobs belong to which uploads."""


@dataclass(frozen=True)
class JobUpdate:
    """What was seen of an upload's job: that it is found, or in a new state.

    Args:
        place: the uploaded object.
        name: the job's name.
        job: the job.
        is_guess: whether the job is taken for the upload's only because no other one is new.
    """

    place: ObjectName
    name: str
    job: Job
    is_guess: bool = False


class UploadedJobs:
    """The jobs of objects that were uploaded.

    Args:
        client: the cluster.
        service: the service whose input folder they went to.
        before: the jobs there were before the first upload.
        places: the uploaded objects.
        silent: whether the service's log level hides the events.
        since: when the first upload was stored, less what clocks may differ, as the list of jobs has times;
            empty when that is not known.
        limit: seconds to wait at most; `None` for as long as it takes.

    Attributes:
        names: the job of each object, as far as it is found.
        jobs: the found jobs as last seen, by name.
        places: the uploaded objects, each once.
    """

    def __init__(
        self,
        client: Client,
        service: str,
        before: Collection[str],
        places: Sequence[ObjectName],
        *,
        silent: bool,
        since: str = "",
        limit: float | None = None,
    ) -> None:
        self.names: dict[ObjectName, str] = {}
        self.jobs: dict[str, Job] = {}
        self._client, self._service = client, service
        self.places = list(dict.fromkeys(places))
        self._before, self._silent = frozenset(before), silent
        self._since = since
        self._limit = limit
        self._poll = Poll(MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS, rest=REST_FACTOR, limit=limit)
        self._outage = ServerOutage()
        self._others: set[str] = set()
        self._candidates: dict[str, Job] = {}
        self._news_at = time.monotonic()
        self._updates: list[JobUpdate] = []

    @property
    def left(self) -> float | None:
        """Seconds that are left of the limit."""
        return self._poll.left

    def watch(self) -> Iterator[JobUpdate | str]:
        """Yield what is seen, and remarks, until all jobs are found and have ended.

        Raises:
            AmbiguousJobsError: which jobs belong to the uploads cannot be told.
            UnreachableError: the server was away for too long, or not all jobs ended in time.
            OscarError: a job did not appear, and what else a request can raise.
        """
        while True:
            self._poll.begin()
            try:
                self._look()
                remark = self._outage.succeeded()
            except TRANSIENT as error:
                remark = self._outage.failed(error)
            if remark:
                yield remark
            # What was seen before a failure counts, too.
            updates, self._updates = self._updates, []
            yield from updates
            if self._is_done():
                return
            if not self._poll.wait(changed=bool(updates)):
                raise self._too_late()

    def _is_done(self) -> bool:
        return len(self.names) == len(self.places) and not any(map(is_running, self.jobs.values()))

    def _too_late(self) -> UnreachableError:
        ended = sum(not is_running(job) for job in self.jobs.values())
        return UnreachableError(
            f"{len(self.places) - ended} of {len(self.places)} jobs have not ended after {self._limit:g} s",
            hint=f"'oscar-cli service logs list {self._service} --watch' goes on watching them",
        )

    # -- one look --------------------------------------------------------------------------------

    def _look(self) -> None:
        jobs = list_jobs(self._client, self._service)
        for place, name in self.names.items():
            if name not in jobs:
                raise self._removed(name, self.jobs[name])
            has_changed = jobs[name].get("status") != self.jobs[name].get("status")
            self.jobs[name] = jobs[name]
            if has_changed:
                self._updates.append(JobUpdate(place, name, jobs[name]))
        if len(self.names) < len(self.places):
            self._search(jobs)

    def _search(self, jobs: Mapping[str, Job]) -> None:
        known = self._before | self._others | self.jobs.keys()
        new = [name for name in jobs if name not in known]
        if not self._candidates.keys() >= set(new):
            self._news_at = time.monotonic()
        self._candidates.update({name: jobs[name] for name in new})
        undetermined: list[str] = []
        # Logs of jobs that seem older than the upload are read when no other job can be the one: on a busy
        # service each of many waiting programs would read all logs otherwise.
        early = [name for name in new if not self._silent and self._is_early(jobs[name])]
        likely = [name for name in new if name not in early]
        self._look_into(likely, jobs, undetermined)
        if len(undetermined) == len(self._unknown(likely)):
            self._look_into(early, jobs, undetermined)
        missing = [place for place in self.places if place not in self.names]
        if missing and len(undetermined) == len(self._unknown(new)):
            self._raise_if_removed(missing, undetermined, jobs)
            self._guess(missing, undetermined, jobs)

    def _raise_if_removed(
        self, missing: list[ObjectName], undetermined: list[str], jobs: Mapping[str, Job]
    ) -> None:
        """Raise NotFoundError when jobs are gone of which nobody knows yet whose they were, and none is left.

        A job that waits has no log that could name its object.
        """
        gone = [
            name
            for name in self._unknown(list(self._candidates))
            if name not in jobs and not self._is_early(self._candidates[name])
        ]
        is_settled = time.monotonic() - self._news_at >= SETTLE_SECONDS
        if gone and is_settled and len(undetermined) < len(missing) <= len(undetermined) + len(gone):
            raise self._removed(gone[0], self._candidates[gone[0]])

    def _removed(self, name: str, job: Job) -> NotFoundError:
        return NotFoundError(
            f'job "{name}" of service "{self._service}" was removed while it was waited for; '
            f'its last status was "{job.get("status")}"',
            hint=f"'oscar-cli service logs list {self._service}' shows the jobs that are left",
        )

    def _look_into(self, names: Sequence[str], jobs: Mapping[str, Job], undetermined: list[str]) -> None:
        for name in names:
            if len(self.names) == len(self.places):
                return
            if self._silent:
                undetermined.append(name)
            elif jobs[name].get("status") not in WAITING_STATES:
                self._identify(name, jobs[name], undetermined)

    def _unknown(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if name not in self._others and name not in self.jobs]

    def _is_early(self, job: Job) -> bool:
        # RFC 3339 in UTC and whole seconds, from either side, sorts as text.
        created = str(job.get("creation_time") or "")
        return bool(self._since and created.endswith("Z") and created < self._since)

    def _identify(self, name: str, job: Job, undetermined: list[str]) -> None:
        """Look for the event in a job's log; without one, a job that ended joins the undetermined ones."""
        account = parse_log(find_log(self._client, self._service, name) or "")
        place = account.trigger
        if place is not None and place in self.places and place not in self.names:
            self._find(place, name, job)
        elif place is not None or account.is_raw:
            self._others.add(name)
        elif not is_running(job):
            if account.is_told:
                self._others.add(name)
            else:
                undetermined.append(name)

    def _find(self, place: ObjectName, name: str, job: Job, *, is_guess: bool = False) -> None:
        self.names[place] = name
        self.jobs[name] = job
        self._news_at = time.monotonic()
        self._updates.append(JobUpdate(place, name, job, is_guess))

    # -- jobs whose logs tell nothing ------------------------------------------------------------

    def _guess(self, missing: list[ObjectName], undetermined: list[str], jobs: Mapping[str, Job]) -> None:
        """Take undetermined jobs for those of the uploads when there are just as many.

        Raises:
            AmbiguousJobsError: there are more.
            OscarError: there are too few, and no more come.
        """
        quiet = time.monotonic() - self._news_at
        if len(undetermined) < len(missing):
            if quiet >= APPEAR_SECONDS:
                raise self._not_appeared(missing)
        elif quiet >= SETTLE_SECONDS:
            if len(undetermined) > len(missing):
                raise self._ambiguous(missing, undetermined)
            for place, name in zip(missing, undetermined, strict=True):
                self._find(place, name, jobs[name], is_guess=True)

    def _not_appeared(self, missing: list[ObjectName]) -> OscarError:
        what = f'"{missing[0]}"' if len(missing) == 1 else f"{len(missing)} of the uploaded files"
        return OscarError(
            f'no job of service "{self._service}" for {what} appeared within {APPEAR_SECONDS:g} s',
            hint=f"'oscar-cli service logs list {self._service}' shows its jobs",
        )

    def _ambiguous(self, missing: list[ObjectName], undetermined: list[str]) -> AmbiguousJobsError:
        what = f'"{missing[0]}"' if len(missing) == 1 else f"{len(missing)} uploaded files"
        return AmbiguousJobsError(
            f"which jobs are those of {what} cannot be told for certain: {len(undetermined)} jobs are new, "
            "and their logs do not name the files",
            hint='services with "log_level: INFO" write it into their logs',
            details=undetermined,
        )
