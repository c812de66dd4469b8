"""`put-file --wait`: tells of uploads, then of the jobs that they started, then of the files of these."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from oscarcli.cli.kit.session import Session
from oscarcli.cli.service.batch_lines import status_line, tell_failures
from oscarcli.cli.service.upload_printer import UploadPrinter
from oscarcli.cli.service.wait import conclude
from oscarcli.errors import OscarError, UsageError
from oscarcli.jobs.upload_and_wait import upload_and_wait
from oscarcli.output.render import Result

if TYPE_CHECKING:
    from oscarcli.jobs.service_storage import ServiceStorage
    from oscarcli.storage.transfer import Upload


def put_and_wait(
    session: Session,
    files: ServiceStorage,
    tasks: Sequence[Upload],
    *,
    provider: str,
    limit: float | None,
    folder: Path | None,
    show_progress: bool,
    refused: Sequence[OscarError] = (),
    script_only: bool = False,
) -> None:
    """Upload files, wait for their jobs and bring what these wrote. See `upload_and_wait` for arguments.

    `refused` is why other files are not uploaded, `script_only` leaves the supervisor's lines out of the log.

    Raises:
        UsageError: there is no file to upload.
        JobFailedError: a job failed.
        PartialError: some files were not uploaded, or some results not downloaded.
        OscarError: what else goes wrong on the way.
    """
    with status_line(session, wanted=show_progress) as line:
        printer = UploadPrinter(
            session,
            files,
            tasks,
            line,
            show_progress=show_progress,
            refused=refused,
            script_only=script_only,
        )
        if not tasks:
            printer.uploads.conclude("uploaded")
            raise UsageError("there is no file to upload")
        printer.print_all(
            upload_and_wait(
                files, tasks, provider=provider, limit=limit, folder=folder, open_meter=printer.meter
            )
        )
    outcomes = printer.outcomes
    if outcomes.uploaded and not session.wants_table:
        session.show(Result(outcomes.document(provider)))
    elif len(tasks) > 1 and outcomes.uploaded:
        session.line(outcomes.summary(len(tasks), folder))
        tell_failures(session, outcomes.failures())
    conclude(outcomes.done)
    printer.uploads.conclude("uploaded")
