"""Brings the files that jobs wrote into a folder here."""

from __future__ import annotations

import os
from collections.abc import Container, Sequence
from concurrent.futures import ThreadPoolExecutor
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
from oscarcli.storage.location import Location
from oscarcli.storage.safe_paths import write_inside
from oscarcli.storage.transfer import Fetch, Outcome, download

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
        # Two jobs may have written the same object, or objects of the same name.
        wanted = list({file.name: file for file in reversed(self._search.files_of(done))}.values())[::-1]
        if not wanted:
            self._session.note("the job wrote no files" if len(done) == 1 else "the jobs wrote no files")
            return
        failed = {one.name for one in done if one.job.get("status") == FAILED}
        tally = Tally[Fetch](self._session, self._line, alone=len(wanted) == 1)
        with carried_out(self._session, "Downloading results", tally, wanted=self._show_progress) as progress:
            for provider in dict.fromkeys(file.provider for file in wanted):
                chosen = [file for file in wanted if file.provider == provider]
                if provider:
                    self._download(provider, chosen, failed, tally, progress)
                else:
                    self._unpack(chosen, tally)
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
        with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
            looks = list(pool.map(lambda file: self._look(storage, file), chosen))
        for file, look in zip(chosen, looks, strict=True):
            if look.error is None:
                tasks.append(look.task)
            elif isinstance(look.error, NotFoundError) and file.job in failed:
                # The log says so before the upload, which then failed with the job.
                self._session.note(f'job "{file.job}" failed before it had stored "{file.location}"')
            else:
                tally.take(look)
        if tasks:
            download(storage, tasks, tally.take, progress)

    def _look(self, storage: Storage, file: ResultFile) -> Outcome[Fetch]:
        """Look a file up, as a download wants it."""
        try:
            assert file.location is not None
            found = storage.stat(file.location)
            return Outcome(Fetch(found, path_inside(self._folder, file.name), self._folder))
        except OscarError as error:
            return Outcome(_task(file, self._folder), error)


def _task(file: ResultFile, folder: Path) -> Fetch:
    """Return a stand-in for a file that has not been looked up."""
    return Fetch(StoredObject(file.location or Location(file.job), len(file.content or b"")), folder)
