"""Brings the files that jobs wrote into a folder here."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from oscarcli.api.jobs import FAILED
from oscarcli.cli.kit.local_paths import path_inside
from oscarcli.cli.kit.session import Session
from oscarcli.cli.service.files import Tally, carried_out
from oscarcli.errors import NotFoundError, OscarError
from oscarcli.jobs.finished import FinishedJob, ResultFile
from oscarcli.jobs.results import ResultSearch
from oscarcli.storage.base import StoredObject
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.location import Location
from oscarcli.storage.safe_paths import write_inside
from oscarcli.storage.system_limits import affordable
from oscarcli.storage.transfer import Fetch, Outcome, download
from oscarcli.storage.workers import work

if TYPE_CHECKING:
    from oscarcli.cli.service.files import ServiceFiles
    from oscarcli.output.progress import Progress
    from oscarcli.storage.base import Storage

LOOKS_AT_ONCE = 8


class Results:
    """The files of jobs, on their way here.

    Args:
        session: the voice, and the cluster.
        service: the jobs' service.
        files: its definition and storage.
        folder: where the files go; made when there is anything to put into it.
        show_progress: whether to show how far it is.

    Attributes:
        paths: the files that are here, in the order of their completion.
    """

    def __init__(
        self, session: Session, service: str, files: ServiceFiles, folder: Path, *, show_progress: bool = True
    ) -> None:
        self.paths: list[str] = []
        self._session, self._files, self._folder = session, files, folder
        self._show_progress = show_progress
        self._search = ResultSearch(session, service, files)

    def fetch(self, done: Sequence[FinishedJob]) -> None:
        """Bring the files of jobs and print their paths.

        Raises:
            PartialError: some of several files could not be had; each is named.
            OscarError: none could.
        """
        wanted, clashes = one_of_each_name(self._search.files_of(done))
        if not wanted:
            self._session.note("the job wrote no files" if len(done) == 1 else "the jobs wrote no files")
            return
        failed = {one.name for one in done if one.job.get("status") == FAILED}
        tally = Tally[Fetch](self._session, self._line, alone=len(wanted) + len(clashes) == 1)
        with carried_out(self._session, "Downloading results", tally, wanted=self._show_progress) as progress:
            for provider in dict.fromkeys(file.provider for file in wanted):
                chosen = [file for file in wanted if file.provider == provider]
                if provider:
                    self._download(provider, chosen, failed, tally, progress)
                else:
                    self._unpack(chosen, tally)
            for file, error in clashes:
                tally.take(Outcome(_task(file, self._folder), error))
        tally.conclude("downloaded")

    def _line(self, task: Fetch) -> str | None:
        path = os.path.abspath(str(task.target))  # noqa: PTH100 -- links stay
        self.paths.append(path)
        return path if self._session.wants_table else None

    def _unpack(self, chosen: Sequence[ResultFile], tally: Tally[Fetch]) -> None:
        """Write files whose content the log had."""
        for file in chosen:
            task = _task(file, self._folder)
            try:
                path = path_inside(self._folder, file.name)
                write_inside(self._folder, path, file.content or b"")
                tally.take(Outcome(Fetch(task.source, path)))
            except OSError as error:
                reason = f'cannot write "{file.name}" into "{self._folder}": {error.strerror}'
                tally.take(Outcome(task, OscarError(reason)))
            except OscarError as error:
                tally.take(Outcome(task, error))

    def _download(
        self,
        provider: str,
        chosen: Sequence[ResultFile],
        failed: Container[str],
        tally: Tally[Fetch],
        progress: Progress,
    ) -> None:
        """Download files from one storage provider."""
        try:
            storage = self._files.storage(provider)
        except OscarError as error:
            for file in chosen:
                tally.take(Outcome(_task(file, self._folder), error))
            return
        tasks: list[Fetch] = []
        for file, look in zip(chosen, self._looks(storage, chosen), strict=True):
            if look.error is None:
                tasks.append(look.task)
            elif isinstance(look.error, NotFoundError) and file.job in failed:
                # The log says so before the upload, which then failed with the job.
                self._session.note(f'job "{file.job}" failed before it had stored "{file.location}"')
            else:
                tally.take(look)
        if tasks:
            download(storage, tasks, tally.take, progress)

    def _looks(self, storage: Storage, chosen: Sequence[ResultFile]) -> list[Outcome[Fetch]]:
        """Look files up; Ctrl-C does not wait for a store that is away."""
        cancellation = Cancellation()

        def look(numbered: tuple[int, ResultFile]) -> Outcome[Fetch]:
            return self._look(storage, numbered[1], cancellation)

        workers = affordable(min(LOOKS_AT_ONCE, len(chosen)), 1)
        looks: dict[int, Outcome[Fetch]] = {}
        with closing(work(enumerate(chosen), look, cancellation, workers=workers)) as outcomes:
            for done in outcomes:
                if done.error is not None:
                    raise done.error
                assert done.answer is not None
                looks[done.item[0]] = done.answer
        return [looks[number] for number in range(len(chosen))]

    def _look(self, storage: Storage, file: ResultFile, cancellation: Cancellation) -> Outcome[Fetch]:
        """Look a file up, as a download wants it."""
        try:
            assert file.location is not None
            found = storage.stat(file.location, cancellation=cancellation)
            return Outcome(Fetch(found, path_inside(self._folder, file.name), self._folder))
        except OscarError as error:
            return Outcome(_task(file, self._folder), error)


def one_of_each_name(
    files: Iterable[ResultFile],
) -> tuple[list[ResultFile], list[tuple[ResultFile, OscarError]]]:
    """Return files of which no two would become the same one, and those that are left out with the reason.

    A job puts each of its files into every output, and two jobs may have written the same object: neither
    is a mistake, and one copy is enough. Two jobs with different files of one name are.
    """
    first: dict[str, ResultFile] = {}
    clashes: list[tuple[ResultFile, OscarError]] = []
    for file in files:
        other = first.setdefault(file.name, file)
        if other.job != file.job and (other.location, other.content) != (file.location, file.content):
            reason = f'"{file.name}" of job "{file.job}" would replace "{other.name}" of job "{other.job}"'
            clashes.append((file, OscarError(reason, hint="bring the files of each job into its own folder")))
    return list(first.values()), clashes


def _task(file: ResultFile, folder: Path) -> Fetch:
    """Return a stand-in for a file that has not been looked up."""
    return Fetch(StoredObject(file.location or Location(file.job), len(file.content or b"")), folder)
