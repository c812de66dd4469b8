"""What `put-file --wait` prints of the events of uploads and of the jobs that they start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from oscarcli.api.jobs import state_text
from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.transfer_report import TransferReport, carried_out
from oscarcli.cli.kit.transfers import upload_label, upload_line
from oscarcli.cli.service.batch_lines import progress_text
from oscarcli.cli.service.wait import WaitPrinter
from oscarcli.errors import OscarError
from oscarcli.jobs.events import JobsProgress, Uploaded, UploadFailed
from oscarcli.jobs.uploaded import JobUpdate

if TYPE_CHECKING:
    from oscarcli.jobs.service_storage import ServiceStorage
    from oscarcli.output.progress import Progress
    from oscarcli.output.status_line import StatusLine
    from oscarcli.storage.transfer import Upload


class UploadPrinter(WaitPrinter):
    """Tells of uploads, too, and of the jobs that they started: of several together, how far they are."""

    def __init__(
        self,
        session: Session,
        files: ServiceStorage,
        tasks: Sequence[Upload],
        line: StatusLine,
        *,
        show_progress: bool,
        refused: Sequence[OscarError],
        script_only: bool = False,
    ) -> None:
        super().__init__(
            session,
            files,
            show_progress=show_progress,
            is_single=len(tasks) == 1,
            script_only=script_only,
        )
        self.uploads = TransferReport(session, alone=self._is_single and not refused)
        for error in refused:
            self.uploads.fail(error)
        self._tasks, self._line = tasks, line

    def tells(self) -> dict[type, Callable[[Any], None]]:
        """Return what tells of each kind of event."""
        return super().tells() | {
            Uploaded: self._tell_upload,
            UploadFailed: lambda event: self.uploads.fail(event.error),
            JobUpdate: self._tell_job,
            JobsProgress: lambda event: self._line.show(progress_text(event)),
        }

    def _tell_upload(self, event: Uploaded) -> None:
        self.uploads.succeed(upload_line(event.task, event.provider) if self._is_single else None)

    def _tell_job(self, update: JobUpdate) -> None:
        if not self._is_single:
            self._session.verbose_note(f'"{update.place}": job "{update.name}": {state_text(update.job)}')
            return
        self._followed = update.name
        if self._session.wants_table:
            self._session.line(update.name)

    @contextmanager
    def meter(self, what: Literal["uploads", "results"], count: int) -> Iterator[Progress]:
        """Show how far the uploads are, or the downloads of results."""
        self._line.close()
        if what == "results":
            with super().meter(what, count) as progress:
                yield progress
            return
        with carried_out(
            self._session, upload_label(self._tasks), self.uploads, wanted=self._show_progress
        ) as progress:
            yield progress
