"""Which files a job wrote: by its log where that tells, by what it handed back, else by the time."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from oscarcli.api.jobs import FAILED
from oscarcli.jobs.concurrent import ConcurrentJobs
from oscarcli.jobs.events import Remark
from oscarcli.jobs.finished import CLOCKS_APART, FinishedJob, ResultFile, begin_of
from oscarcli.jobs.outputs import OutputFolders, first_of_each_name
from oscarcli.jobs.service_storage import ServiceStorage
from oscarcli.jobs.supervisor_log import (
    ParsedLog,
    WrittenObject,
    is_silent,
    parse_log,
    returned_content,
    returned_files,
)
from oscarcli.storage.location import Location, parse_location
from oscarcli.timestamps import moment_of

if TYPE_CHECKING:
    from oscarcli.storage.base import StoredObject


class ResultFinder:
    """Finds the files of jobs, and tells when that is not certain.

    Args:
        files: the jobs' service and its storage.
        earlier: jobs that had ended before those began.
    """

    def __init__(self, files: ServiceStorage, earlier: Collection[str] = ()) -> None:
        self._files = files
        self._concurrent = ConcurrentJobs(files.client, files.service, earlier)

    def files_of(self, done: Sequence[FinishedJob]) -> Iterator[ResultFile | Remark]:
        """Yield the files of jobs, and what is to be known about them.

        Raises:
            OscarError: what the requests for it can raise.
        """
        accounts = {one.name: parse_log(one.log) for one in done}
        found: list[ResultFile] = []
        untold: list[FinishedJob] = []
        for one in done:
            files = self._told(one, accounts[one.name])
            if files is None:
                untold.append(one)
            else:
                found += files
        yield from self._concurrent.shared(found)
        triggers = {name: account.trigger for name, account in accounts.items()}
        yield from self._concurrent.of_uncertain_origin(
            [one for one in done if accounts[one.name].written], found, triggers
        )
        yield from found
        yield from self._unnamed([one for one in done if one not in untold], found)
        yield from self._by_time(untold)

    def _told(self, done: FinishedJob, account: ParsedLog) -> list[ResultFile] | None:
        """Return the files that a job's log tells of; `None` when it does not."""
        if account.written is not None:
            return self._named(done, account, account.written)
        if done.job.get("status") == FAILED:
            # It did not get so far as to store anything, if its log would tell.
            return [] if account.is_told or not is_silent(self._files.document) else None
        return self._returned(done, account) if done.is_raw and done.log and not account.is_told else None

    # -- by the log ------------------------------------------------------------------------------

    def _named(
        self, done: FinishedJob, account: ParsedLog, written: Sequence[WrittenObject]
    ) -> list[ResultFile]:
        by_name = first_of_each_name(written)
        contents = returned_files(account.said, by_name) if done.is_raw else {}
        return [
            ResultFile(done.name, name, contents[name])
            if name in contents
            else self._outputs.result_file(done.name, one)
            for name, one in by_name.items()
        ]

    @cached_property
    def _outputs(self) -> OutputFolders:
        return OutputFolders(self._files.document)

    # -- by what was handed back -----------------------------------------------------------------

    def _returned(self, done: FinishedJob, account: ParsedLog) -> list[ResultFile] | None:
        """Return the files that a log without the supervisor's lines holds; `None` when it cannot be told."""
        from oscarcli.jobs.payload import decoded_answer

        returned = returned_content(account.said)
        if returned is None:
            # With any file in its output folder the job had handed that back.
            return []
        if isinstance(returned, dict):
            return [ResultFile(done.name, name, content) for name, content in returned.items()]
        digest = hashlib.md5(returned, usedforsecurity=False).hexdigest()
        candidates = list(self._in_window(done, self._outputs.folders))
        for name, _, found in candidates:
            if found.size == len(returned) and found.etag == digest:
                return [ResultFile(done.name, name, returned)]
        names = {name for name, _, _ in candidates}
        said = account.said.strip().encode()
        if len(names) == 1 and decoded_answer(said, "guess") != said:
            # Another job has written its own file of that name since.
            return [ResultFile(done.name, names.pop(), returned)]
        return None

    # -- by the time -----------------------------------------------------------------------------

    def _by_time(self, done: Sequence[FinishedJob]) -> Iterator[ResultFile | Remark]:
        """Yield what came into the outputs while jobs ran."""
        timed = [one for one in done if begin_of(one.job) is not None]
        if len(timed) < len(done):
            lost = ", ".join(one.name for one in done if one not in timed)
            yield Remark(
                "some files cannot be told: the logs of these jobs do not name them, and the server does not "
                f"tell when they ran: {lost}",
                is_warning=True,
            )
        files = self._timed(timed, self._outputs.folders)
        if timed:
            yield from self._remarks_on_window(timed, has_files=bool(files))
        yield from files.values()

    def _unnamed(
        self, done: Sequence[FinishedJob], named: Sequence[ResultFile]
    ) -> Iterator[ResultFile | Remark]:
        """Yield what is in outputs that no log tells about, unless it was found in another one."""
        known = {(file.job, file.name) for file in named}
        timed = [one for one in done if begin_of(one.job) is not None] if self._outputs.unnamed else []
        files = self._timed(timed, self._outputs.unnamed).values()
        found = [file for file in files if (file.job, file.name) not in known]
        if found:
            yield from self._remarks_on_window(timed, has_files=True)
        yield from found

    def _timed(
        self, timed: Sequence[FinishedJob], folders: Sequence[tuple[str, str]]
    ) -> dict[Location, ResultFile]:
        files: dict[Location, ResultFile] = {}
        for one in timed:
            for name, provider, found in self._in_window(one, folders):
                files.setdefault(found.location, ResultFile(one.name, name, None, provider, found.location))
        return files

    def _remarks_on_window(self, timed: Sequence[FinishedJob], *, has_files: bool) -> Iterator[Remark]:
        whose, it = (
            (f'the log of job "{timed[0].name}" does', "it")
            if len(timed) == 1
            else (f"the logs of {len(timed)} jobs do", "they")
        )
        yield Remark(
            f"{whose} not name the files that {it} wrote: taken are those that came into the output folder "
            f"while {it} ran"
        )
        own = {one.name for one in timed}
        others = {name for one in timed for name in self._concurrent.beside(one)} - own
        if others and has_files:
            more = "another job" if len(others) == 1 else f"{len(others)} other jobs"
            yield Remark(
                f"it is not certain whose files these are: {more} ran at the same time", is_warning=True
            )

    def _in_window(
        self, done: FinishedJob, folders: Sequence[tuple[str, str]]
    ) -> Iterator[tuple[str, str, StoredObject]]:
        """Yield name, provider and object of what came into outputs while a job ran."""
        from oscarcli.storage.listing import objects_at, relative_name

        begin, end = begin_of(done.job), moment_of(done.job.get("finish_time"))
        for provider, path in folders if begin is not None else ():
            folder = parse_location(path).as_folder()
            for found in objects_at(self._files.storage(provider), folder):
                modified = found.modified
                if modified is None or begin is None or found.location.is_folder:
                    continue
                if begin - CLOCKS_APART <= modified and (end is None or modified <= end + CLOCKS_APART):
                    yield relative_name(found, folder), provider, found
