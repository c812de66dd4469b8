"""`--wait`: what happens to a job until it has ended, told on stderr, and its files brought here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS
from oscarcli.cli.kit.session import Session
from oscarcli.errors import JobFailedError, OscarError, UsageError

if TYPE_CHECKING:
    from oscarcli.cli.service.files import ServiceFiles
    from oscarcli.jobs.finished import FinishedJob
    from oscarcli.jobs.follow import LogEvent

WaitOption = Annotated[
    bool,
    typer.Option("--wait", help="Wait until the job has ended, for --timeout seconds at most."),
]
OutputOption = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FORMAT|DIR",
        help=f"Form of the answer: {', '.join(TABLE_FORMATS)}; or, with --wait, the folder to download the "
        "files into that the job wrote. May be given twice.",
    ),
]
# A job is in the list as soon as it is accepted; a busy server may take a little longer.
APPEAR_SECONDS = 10.0


def wait_limit(session: Session) -> float | None:
    """Return the seconds to wait at most, from --timeout; single requests keep their own limit then.

    Has to be called before the session's client is made.
    """
    from oscarcli.api.client import READ_SECONDS

    limit = session.timeout
    session.timeout = None if limit is None else min(limit, READ_SECONDS)
    return limit


def settle_output(session: Session, values: Sequence[str], wait: bool) -> Path | None:
    """Put the form of the answer among the values of --output into the session; return the folder, if any.

    Raises:
        UsageError: there are two folders, or one without --wait, or something else has its name.
    """
    for value in values:
        if value in TABLE_FORMATS:
            session.output = value
    folders = [value for value in values if value not in TABLE_FORMATS]
    if not folders:
        return None
    if not wait:
        raise UsageError(
            f'"{folders[0]}" is not one of {", ".join(TABLE_FORMATS)}',
            hint="a folder for the job's files needs --wait",
        )
    if len(folders) > 1:
        raise UsageError(f'"{folders[0]}" and "{folders[1]}" cannot both be the folder for the job\'s files')
    folder = Path(folders[0])
    if not folders[0] or (folder.exists() and not folder.is_dir()):
        raise UsageError(f'"{folders[0]}" is not a folder')
    return folder


def wait_for_job(
    session: Session, service: str, name: str, *, limit: float | None, is_raw: bool
) -> FinishedJob:
    """Tell what happens to a job until it has ended, and return it.

    Args:
        session: the voice, and the cluster.
        service: the job's service.
        name: the job.
        limit: seconds to wait at most; `None` for as long as it takes.
        is_raw: whether the job was given its input directly.

    Raises:
        UnreachableError: it did not end in time, or the server was away for too long.
    """
    try:
        # In here, for Ctrl-C may come while they are imported.
        from oscarcli.jobs.finished import FinishedJob
        from oscarcli.jobs.follow import LogFollower

        follower = LogFollower(session.api, service, name, limit=limit, appear=APPEAR_SECONDS)
        for event in follower.events():
            _tell(session, name, event)
    except KeyboardInterrupt:
        session.note(f"the job goes on; 'oscar-cli service logs get {service} {name} --follow' watches it")
        raise
    return FinishedJob(name, follower.job, follower.log, is_raw)


def _tell(session: Session, name: str, event: LogEvent) -> None:
    from oscarcli.api.jobs import state_text

    if event.job is not None:
        session.note(f'job "{name}": {state_text(event.job)}')
    if event.note:
        session.note(event.note)
    if event.text and session.wants_table:
        session.note(event.text.removesuffix("\n"))


def bring_results(
    session: Session,
    service: str,
    done: list[FinishedJob],
    folder: Path | None,
    *,
    files: ServiceFiles | None = None,
    show_progress: bool = True,
) -> list[str]:
    """Download what jobs wrote, if a folder is given, and return the paths.

    Raises:
        OscarError: not all could be had; that of a job that failed comes first.
    """
    from oscarcli.cli.service.files import ServiceFiles
    from oscarcli.cli.service.result_files import Results

    if folder is None:
        return []
    files = files or ServiceFiles(session, service)
    results = Results(session, service, files, folder, show_progress=show_progress)
    try:
        results.fetch(done)
    except OscarError as error:
        if not any(one.job.get("status") == "Failed" for one in done):
            raise
        session.diagnostics.error(error.message, error.hint)
    return results.paths


def conclude(done: list[FinishedJob]) -> None:
    """Raise JobFailedError when a job failed: the only one by its reason, several by their number."""
    from oscarcli.api.jobs import raise_if_failed

    failed = [one for one in done if one.job.get("status") == "Failed"]
    if len(done) == 1:
        raise_if_failed(done[0].name, done[0].job)
    elif failed:
        raise JobFailedError(
            f"{len(failed)} of {len(done)} jobs failed", details=[f'job "{one.name}"' for one in failed]
        )


def outcome_document(service: str, done: FinishedJob, paths: list[str]) -> dict[str, Any]:
    """Return what `-o json` shows of a job that was waited for."""
    return {
        "service": service,
        "job": done.name,
        "status": done.job.get("status"),
        "log": done.log,
        "files": paths,
    }
