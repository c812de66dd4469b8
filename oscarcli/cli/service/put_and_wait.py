"""`put-file --wait`: tells of uploads, then of the jobs that they started, then of the files of these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from oscarcli.api.jobs import state_text
from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.transfers import TransferReport, carried_out, upload_label, upload_line
from oscarcli.cli.service.wait import WaitPrinter, conclude
from oscarcli.errors import OscarError, UsageError
from oscarcli.jobs.events import Event, Uploaded, UploadFailed
from oscarcli.jobs.finished import FinishedJob
from oscarcli.jobs.upload_and_wait import upload_and_wait
from oscarcli.jobs.uploaded import JobUpdate
from oscarcli.output.render import Result

if TYPE_CHECKING:
    from oscarcli.jobs.service_storage import ServiceStorage
    from oscarcli.output.progress import Progress
    from oscarcli.storage.transfer import Upload


@dataclass(frozen=True)
class UploadRequest:
    """What is to be uploaded and waited for.

    Args:
        provider: the storage provider of the uploads.
        tasks: the uploads.
        limit: seconds to wait at most, after the uploads.
        folder: where the jobs' files go, if anywhere.
        show_progress: whether to show how far transfers are.
        refused: why other files are not uploaded.
    """

    provider: str
    tasks: Sequence[Upload]
    limit: float | None
    folder: Path | None
    show_progress: bool
    refused: Sequence[OscarError] = ()


def put_and_wait(session: Session, files: ServiceStorage, wanted_upload: UploadRequest) -> None:
    """Upload files, wait for their jobs and bring what these wrote.

    Raises:
        UsageError: nothing would start a job.
        JobFailedError: a job failed.
        PartialError: some files were not uploaded, or some results not downloaded.
        OscarError: what else goes wrong on the way.
    """
    printer = _Printer(session, files.service, wanted_upload)
    for error in wanted_upload.refused:
        printer.uploads.fail(error)
    if not wanted_upload.tasks:
        printer.uploads.conclude("uploaded")
        raise UsageError("there is no file to upload")
    printer.print_all(
        upload_and_wait(
            files,
            wanted_upload.tasks,
            provider=wanted_upload.provider,
            limit=wanted_upload.limit,
            folder=wanted_upload.folder,
            open_meter=printer.meter,
        )
    )
    if printer.uploaded and not session.wants_table:
        session.show(Result(printer.document(files.service)))
    conclude(printer.done)
    printer.uploads.conclude("uploaded")


class _Printer(WaitPrinter):
    """Tells of uploads, too, and of the jobs that they started.

    Attributes:
        uploads: what became of the uploads.
        uploaded: those that succeeded.
    """

    def __init__(self, session: Session, service: str, wanted_upload: UploadRequest) -> None:
        super().__init__(session, service, show_progress=wanted_upload.show_progress)
        self.uploads = TransferReport(
            session, alone=len(wanted_upload.tasks) == 1 and not wanted_upload.refused
        )
        self.uploaded: list[Uploaded] = []
        self._wish = wanted_upload
        self._sights: dict[str, JobUpdate] = {}
        self._has_guessed = False

    def take(self, event: Event) -> None:
        """Tell of one event."""
        if isinstance(event, Uploaded):
            self.uploaded.append(event)
            self.uploads.succeed(upload_line(event.task, event.provider))
        elif isinstance(event, UploadFailed):
            self.uploads.fail(event.error)
        elif isinstance(event, JobUpdate):
            self._take_sight(event)
        else:
            super().take(event)
            if isinstance(event, FinishedJob) and len(self.uploaded) > 1:
                self._tell_log(event)

    def _take_sight(self, update: JobUpdate) -> None:
        if update.name not in self._sights:
            self._sights[update.name] = update
            if self._session.wants_table:
                self._session.line(update.name)
            if update.is_guess and not self._has_guessed:
                self._has_guessed = True
                self._tell_guess(update)
        if len(self.uploaded) == 1:
            self._followed = update.name
        else:
            self._session.note(f'"{update.place}": job "{update.name}": {state_text(update.job)}')

    def _tell_guess(self, update: JobUpdate) -> None:
        if len(self.uploaded) == 1:
            self._session.note(
                f'the logs do not name the files that start jobs: job "{update.name}" is taken for that of '
                f'"{update.place}", for it is the only new one'
            )
        else:
            self._session.note(
                "the logs do not name the files that start jobs: the new jobs are taken for those of the "
                "uploads, and which is which is a guess"
            )

    def _tell_log(self, done: FinishedJob) -> None:
        """Show the log of one of several jobs when it failed, or when everything is to be told."""
        is_wanted = self._session.verbose or done.job.get("status") == "Failed"
        if self._session.wants_table and is_wanted:
            self._session.note(f'log of job "{done.name}":\n{done.log}'.rstrip("\n"))

    @contextmanager
    def meter(self, what: Literal["uploads", "results"], count: int) -> Iterator[Progress]:
        """Show how far the uploads are, or the downloads of results."""
        if what == "results":
            with super().meter(what, count) as progress:
                yield progress
            return
        label, wanted = upload_label(self._wish.tasks), self._wish.show_progress
        with carried_out(self._session, label, self.uploads, wanted=wanted) as progress:
            yield progress

    def document(self, service: str) -> dict[str, Any]:
        """Return what `-o json` shows."""
        ended = {one.name: one for one in self.done}
        jobs = [
            {
                "object": f"{self._wish.provider}:{update.place}",
                "job": name,
                "status": ended[name].job.get("status"),
                "log": ended[name].log,
            }
            for name, update in self._sights.items()
        ]
        places = [f"{one.provider}:{one.task.target}" for one in self.uploaded]
        return {"service": service, "uploaded": places, "jobs": jobs, "files": self.paths}
