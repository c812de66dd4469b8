"""Other jobs that ran at the same time, and may have written the same objects."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import PurePosixPath

from oscarcli.api.client import Client
from oscarcli.api.jobs import Job, find_log, is_running, list_jobs
from oscarcli.jobs.events import Remark
from oscarcli.jobs.finished import CLOCKS_APART, FinishedJob, ResultFile, begin_of, end_of
from oscarcli.jobs.supervisor_log import ObjectName, parse_log
from oscarcli.storage.location import Location

# Logs of other jobs that are read to see whether one of them wrote the same object.
MAX_CONCURRENT_LOGS = 50


class ConcurrentJobs:
    """The jobs of a service beside those whose files are wanted.

    Args:
        client: the cluster.
        service: the jobs' service.
        earlier: jobs that had ended before those began; the list of jobs, which has whole seconds, may not
            tell.
    """

    def __init__(self, client: Client, service: str, earlier: Collection[str] = ()) -> None:
        self._client, self._service, self._earlier = client, service, frozenset(earlier)

    @cached_property
    def _jobs(self) -> dict[str, Job]:
        return list_jobs(self._client, self._service)

    def beside(self, done: FinishedJob) -> list[str]:
        """Return the other jobs that ran while a job did."""
        begin, end = begin_of(done.job), end_of(done.job)
        if begin is None:
            return []
        return [
            name
            for name, job in self._jobs.items()
            if name != done.name
            and name not in self._earlier
            and (other := begin_of(job)) is not None
            and other <= end + CLOCKS_APART
            and end_of(job) >= begin - CLOCKS_APART
        ]

    def shared(self, found: Sequence[ResultFile]) -> Iterator[Remark]:
        """Yield which objects several of the jobs wrote: only what the last one wrote is left."""
        writers: dict[Location, list[str]] = {}
        for file in found:
            if file.location is not None:
                writers.setdefault(file.location, []).append(file.job)
        for location, names in writers.items():
            if len(names) > 1:
                yield Remark(
                    f'{len(names)} of these jobs wrote "{location}"; only what the last one wrote is left: '
                    f"{', '.join(names)}",
                    is_warning=True,
                )

    def of_uncertain_origin(
        self,
        done: Sequence[FinishedJob],
        found: Sequence[ResultFile],
        triggers: Mapping[str, ObjectName | None],
    ) -> Iterator[Remark]:
        """Yield which objects that a job wrote were written by another one at the same time, too."""
        own = {one.name for one in done}
        for one in done:
            locations = {
                file.location
                for file in found
                if file.job == one.name and not _is_named_after(file.name, triggers[one.name])
            } - {None}
            if not locations:
                continue
            concurrent = [name for name in self.beside(one) if name not in own][:MAX_CONCURRENT_LOGS]
            for location in sorted(locations & self._written_by(concurrent), key=str):
                yield Remark(
                    f'another job that ran at the same time wrote "{location}", too; what is downloaded may '
                    f'not be what job "{one.name}" wrote',
                    is_warning=True,
                )

    def _written_by(self, names: Collection[str]) -> set[Location]:
        written: set[Location] = set()
        for name in names:
            if is_running(self._jobs[name]):
                continue
            account = parse_log(find_log(self._client, self._service, name) or "")
            written |= {Location(one.place.bucket, one.place.key) for one in account.written or ()}
        return written


def _is_named_after(name: str, trigger: ObjectName | None) -> bool:
    """Tell whether a result has its input's name in its own, which other inputs' results have not."""
    if trigger is None:
        return False
    stem = PurePosixPath(trigger.key).name.partition(".")[0]
    return has_name_of(stem, name)


def has_name_of(stem: str, name: str) -> bool:
    """Tell whether the stem of a file's name stands in another name as a word of its own."""
    return bool(stem) and re.search(rf"(?<![^\W_]){re.escape(stem)}(?![^\W_])", name) is not None
