"""`put-file --wait`: uploads, then the jobs that they started, then the files that these wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oscarcli.api.jobs import find_log, list_jobs, state_text
from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.time_arguments import rfc3339
from oscarcli.cli.service.files import places_of, put_all
from oscarcli.cli.service.wait import bring_results, conclude, wait_for_job
from oscarcli.errors import OscarError, UsageError
from oscarcli.jobs.finished import CLOCKS_APART, FinishedJob
from oscarcli.jobs.supervisor_log import Place, is_silent
from oscarcli.jobs.uploaded import Sight, UploadedJobs
from oscarcli.output.render import Result
from oscarcli.storage.location import parse_location
from oscarcli.storage.provider import normalised

if TYPE_CHECKING:
    from oscarcli.cli.service.files import ServiceFiles
    from oscarcli.storage.base import Storage
    from oscarcli.storage.transfer import Upload


@dataclass(frozen=True)
class Wish:
    """What is to be uploaded and waited for.

    Args:
        service: the service whose jobs these are.
        provider: the storage provider of the uploads.
        tasks: the uploads.
        limit: seconds to wait at most, after the uploads.
        folder: where the jobs' files go, if anywhere.
        show_progress: whether to show how far transfers are.
    """

    service: str
    provider: str
    tasks: Sequence[Upload]
    limit: float | None
    folder: Path | None
    show_progress: bool


def put_and_wait(session: Session, files: ServiceFiles, wish: Wish) -> None:
    """Upload files, wait for their jobs and bring what these wrote.

    Raises:
        UsageError: nothing would start a job.
        JobFailedError: a job failed.
        PartialError: some files were not uploaded, or some results not downloaded.
        OscarError: what else goes wrong on the way.
    """
    _require_inputs(files.document, wish)
    before = list(list_jobs(session.api, wish.service))
    storage = files.storage(wish.provider)
    uploaded: list[Upload] = []
    failure: OscarError | None = None
    try:
        put_all(
            session,
            storage,
            list(wish.tasks),
            show_progress=wish.show_progress,
            done=uploaded.append,
        )
    except OscarError as error:
        if not uploaded:
            raise
        failure = error
    targets = [Place(task.target.bucket, task.target.key) for task in uploaded]
    waiting = UploadedJobs(
        session.api,
        wish.service,
        before,
        targets,
        silent=is_silent(files.document),
        since=_stored_since(storage, uploaded[0]),
        limit=wish.limit,
    )
    done = _one(session, wish, waiting) if len(targets) == 1 else _several(session, wish, waiting)
    paths = bring_results(
        session, wish.service, done, wish.folder, files=files, show_progress=wish.show_progress
    )
    if not session.wants_table:
        jobs = _job_documents(wish, waiting, done)
        places = places_of(storage, uploaded)
        session.show(Result({"service": wish.service, "uploaded": places, "jobs": jobs, "files": paths}))
    conclude(done)
    if failure is not None:
        raise failure


def _require_inputs(document: dict[str, Any], wish: Wish) -> None:
    """Raise UsageError when an upload would not start a job."""
    watched: list[str] = []
    for entry in document.get("input") or []:
        if normalised(str(entry.get("storage_provider", ""))) == normalised(wish.provider):
            watched.append(str(parse_location(str(entry.get("path", "")).strip(" /")).as_folder()))
    # Where users have buckets of their own, the input folder is in each of these.
    buckets = [str(bucket) for bucket in document.get("bucket_list") or []]
    watched += [f"{bucket}/{path.partition('/')[2]}" for bucket in buckets for path in list(watched)]
    for task in wish.tasks:
        if not str(task.target).startswith(tuple(watched)):
            folders = ", ".join(watched) if watched else f"no folder at {wish.provider}"
            raise UsageError(
                f'an upload to "{wish.provider}:{task.target}" starts no job that could be waited for: '
                f'service "{wish.service}" watches {folders}'
            )


def _stored_since(storage: Storage, first: Upload) -> str:
    """Return when an upload was stored, by the store's clock, as the list of jobs has times."""
    try:
        modified = storage.stat(first.target).modified
    except OscarError:
        return ""
    return rfc3339(modified - CLOCKS_APART) if modified else ""


def _tell(session: Session, sight: Sight | str, *, name_file: bool) -> None:
    if isinstance(sight, str):
        session.note(sight)
        return
    file = f'"{sight.place}": ' if name_file else ""
    session.note(f'{file}job "{sight.name}": {state_text(sight.job)}')


def _tell_guess(session: Session, sight: Sight, count: int) -> None:
    if count == 1:
        session.note(
            f'the logs do not name the files that start jobs: job "{sight.name}" is taken for that of '
            f'"{sight.place}", for it is the only new one'
        )
    else:
        session.note(
            "the logs do not name the files that start jobs: the new jobs are taken for those of the "
            "uploads, and which is which is a guess"
        )


def _one(session: Session, wish: Wish, waiting: UploadedJobs) -> list[FinishedJob]:
    """Find the job of a single upload and follow it."""
    for sight in waiting.watch():
        if isinstance(sight, str):
            session.note(sight)
            continue
        if session.wants_table:
            session.line(sight.name)
        if sight.is_guess:
            _tell_guess(session, sight, 1)
        return [wait_for_job(session, wish.service, sight.name, limit=waiting.left, is_raw=False)]
    return []


def _several(session: Session, wish: Wish, waiting: UploadedJobs) -> list[FinishedJob]:
    """Wait for the jobs of several uploads; of their logs only those of failed ones are shown."""
    named: set[str] = set()
    has_guessed = False
    for sight in waiting.watch():
        if isinstance(sight, Sight) and sight.name not in named:
            named.add(sight.name)
            if session.wants_table:
                session.line(sight.name)
            if sight.is_guess and not has_guessed:
                has_guessed = True
                _tell_guess(session, sight, len(wish.tasks))
        _tell(session, sight, name_file=True)
    done: list[FinishedJob] = []
    for name in waiting.names.values():
        job = waiting.jobs[name]
        log = find_log(session.api, wish.service, name) or ""
        done.append(FinishedJob(name, job, log, is_raw=False))
        if session.wants_table and (session.verbose or job.get("status") == "Failed"):
            session.note(f'log of job "{name}":\n{log}'.rstrip("\n"))
    return done


def _job_documents(wish: Wish, waiting: UploadedJobs, done: Sequence[FinishedJob]) -> list[dict[str, Any]]:
    by_name = {one.name: one for one in done}
    return [
        {
            "object": f"{wish.provider}:{place}",
            "job": name,
            "status": by_name[name].job.get("status"),
            "log": by_name[name].log,
        }
        for place, name in waiting.names.items()
    ]
