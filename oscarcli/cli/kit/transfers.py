"""Uploads and downloads as `service` and `bucket` show them: bars, a line for each file, what failed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.transfer_report import TransferReport, carried_out
from oscarcli.errors import NotFoundError, OscarError, UsageError
from oscarcli.output.render import Result
from oscarcli.output.terminal import CLOSED

if TYPE_CHECKING:
    from oscarcli.cli.kit.upload_sources import UploadBatch
    from oscarcli.storage.base import Storage, StoredObject
    from oscarcli.storage.patterns import NameFilter
    from oscarcli.storage.selection import ObjectGroup
    from oscarcli.storage.transfer import Fetch, TransferOutcome, Upload

STANDARD_OUTPUT = 1

NoProgressOption = Annotated[bool, typer.Option("--no-progress", help="Do not show how far it is.")]


def places_of(storage: Storage, uploaded: Sequence[Upload]) -> list[str]:
    """Return what uploads have become, with the provider's name."""
    return [f"{storage.provider}:{task.target}" for task in uploaded]


def put_all(
    session: Session,
    storage: Storage,
    batch: UploadBatch,
    *,
    show_progress: bool,
    done: Callable[[Upload], None] | None = None,
) -> None:
    """Upload files, showing how far it is, and say of each where it is.

    Args:
        session: where lines go.
        storage: where the files go.
        batch: the uploads.
        show_progress: whether to show how far it is.
        done: told each upload that succeeded.

    Raises:
        UsageError: there is no file to upload.
        OscarError: that of a single file, else what they have in common, else PartialError.
    """
    from oscarcli.storage.transfer import upload

    report = TransferReport(session, alone=batch.is_single)

    def take(outcome: TransferOutcome[Upload]) -> None:
        if outcome.error is not None:
            report.fail(outcome.error)
            return
        if done is not None:
            done(outcome.task)
        report.succeed(upload_line(outcome.task, storage.provider), has_next=outcome.has_next)

    with carried_out(session, batch.label, report, wanted=show_progress) as progress:
        try:
            upload(storage, batch.tasks, take, progress)
        finally:
            for error in batch.refused:
                report.fail(error)
    if not report.count:
        raise UsageError("there is no file to upload", hint="folders that are empty are nothing in a bucket")
    report.conclude("uploaded")


def upload_label(tasks: Sequence[Upload]) -> str:
    """Return what is going on while files are uploaded."""
    return f"Uploading {_local_name(tasks[0].source) if len(tasks) == 1 else f'{len(tasks)} files'}"


def upload_line(task: Upload, provider: str) -> str:
    """Return what is said of a file that is uploaded."""
    return f'Uploaded "{_local_name(task.source)}" to "{provider}:{task.target}"'


def get_one(session: Session, storage: Storage, task: Fetch, *, show_progress: bool) -> None:
    """Download one object, showing how far it is, and print the path of the file."""
    from oscarcli.storage.transfer import download

    if task.target == STANDARD_OUTPUT and session.out.stream is None:
        raise OscarError(CLOSED)
    label = f"Downloading {task.source.location.name}"
    report = TransferReport(session, alone=True)
    with _paths_told(session, report) as take:
        with carried_out(session, label, report, wanted=show_progress) as progress:
            download(storage, [task], take, progress)
        report.conclude("downloaded")


@contextmanager
def _paths_told(
    session: Session, report: TransferReport
) -> Iterator[Callable[[TransferOutcome[Fetch]], None]]:
    """Give what takes each outcome: for a person paths are lines, for a program a list in the end."""
    paths: list[str] = []

    def take(outcome: TransferOutcome[Fetch]) -> None:
        if outcome.error is not None:
            report.fail(outcome.error)
            return
        if not outcome.is_verified:
            session.verbose_note(
                f'"{outcome.task.source.location}": the provider tells no digest that can be compared here: '
                "what arrived has the right size"
            )
        path = _path_of(outcome.task)
        if path is not None:
            paths.append(path)
        report.succeed(path, has_next=outcome.has_next)

    try:
        yield take
    finally:
        # Also when some failed: what is there is there.
        if paths and not session.wants_table:
            session.show(Result({"files": paths}))


def get_group(
    session: Session,
    storage: Storage,
    group: ObjectGroup,
    local: str | None,
    names: NameFilter,
    *,
    show_progress: bool,
) -> None:
    """Download several objects and print the paths of the files.

    Args:
        session: where lines go.
        storage: where the objects are.
        group: the objects.
        local: the folder to put them in; when `None`, one of the remote folder's name in the current one, or
            for a pattern the current one.
        names: which of them are wanted.
        show_progress: whether to show how far it is.

    Raises:
        UsageError: a file is in the place of the folder.
        NotFoundError: there are none.
    """
    from oscarcli.cli.kit.local_paths import files_inside, require_folder
    from oscarcli.storage.transfer import Fetch, TransferOutcome, download

    if local == "-":
        raise UsageError(f'"{group.text}" is several files, which do not all go to standard output')
    folder = require_folder(_folder_for(group, local))
    refused: list[TransferOutcome[Fetch]] = []

    def refuse(found: StoredObject, error: OscarError) -> None:
        refused.append(TransferOutcome(Fetch(found, folder), error))

    def tasks() -> Iterator[Fetch]:
        objects = (
            one
            for one in group.objects(storage)
            if not one.location.is_folder and names.takes(group.name_of(one))
        )
        for found, path in files_inside(folder, objects, group.name_of, refuse):
            yield Fetch(found, path, folder)

    label = f"Downloading {group.text if group.pattern else group.folder.name}"
    report = TransferReport(session)
    with _paths_told(session, report) as take:
        with carried_out(session, label, report, wanted=show_progress) as progress:
            try:
                download(storage, tasks(), take, progress)
            finally:
                for outcome in refused:
                    take(outcome)
        if not report.count:
            raise NotFoundError(
                f'download "{group.text}" from {storage.provider}: no files found under it',
                hint="with --key it is the name of an object" if group.folder.key else None,
            )
        report.conclude("downloaded")


def _folder_for(group: ObjectGroup, local: str | None) -> Path:
    from oscarcli.storage.safe_paths import safe_name

    if local is not None:
        return Path(local)
    return Path() if group.pattern is not None else safe_name(group.folder.name)


def _path_of(task: Fetch) -> str | None:
    return None if isinstance(task.target, int) else shown_path(task.target)


def shown_path(path: Path) -> str:
    """Return the path of a downloaded file as it is printed: a whole one, in which links stay."""
    return os.path.abspath(path)  # noqa: PTH100


def _local_name(source: Path | int) -> str:
    return "-" if isinstance(source, int) else str(source)
