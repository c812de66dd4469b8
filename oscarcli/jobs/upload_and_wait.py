"""Uploads files to a service, finds the jobs that this starts, waits for them and brings what they wrote."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oscarcli.api.jobs import is_running, list_jobs
from oscarcli.errors import OscarError, UsageError
from oscarcli.jobs.events import Event, OpenMeter, Uploaded, UploadFailed, silent_meter
from oscarcli.jobs.finished import CLOCKS_APART, FinishedJob
from oscarcli.jobs.result_files import bring_results
from oscarcli.jobs.service_storage import ServiceStorage
from oscarcli.jobs.supervisor_log import ObjectName, is_silent
from oscarcli.jobs.uploaded import UploadedJobs
from oscarcli.jobs.wait import wait_for_only_upload, wait_for_uploads
from oscarcli.storage.location import parse_location
from oscarcli.storage.provider import DEFAULT_PROVIDER, normalised
from oscarcli.timestamps import rfc3339

if TYPE_CHECKING:
    from oscarcli.storage.base import Storage
    from oscarcli.storage.meter import Meter
    from oscarcli.storage.transfer import Upload


def upload_and_wait(
    files: ServiceStorage,
    tasks: Sequence[Upload],
    *,
    provider: str = DEFAULT_PROVIDER,
    limit: float | None = None,
    folder: Path | None = None,
    open_meter: OpenMeter = silent_meter,
) -> Generator[Event, None, None]:
    """Yield what happens to uploads, to their jobs and to the files that these write.

    The log of a job comes as it is written where there is one job, else with the `FinishedJob`. A failure of
    one file is an event; nothing comes after the uploads when all of them failed.

    Args:
        files: the service, and its storage.
        tasks: the uploads.
        provider: the storage provider of the uploads.
        limit: seconds to wait at most, after the uploads; `None` for as long as it takes.
        folder: where the jobs' files go, if anywhere.
        open_meter: gives who is told how far transfers are.

    Raises:
        UsageError: an upload would start no job.
        OscarError: nothing can be uploaded at all, the jobs cannot be found, or what else goes wrong on the
            way.
    """
    _require_inputs(files, provider, tasks)
    jobs = list_jobs(files.client, files.service)
    ended = [name for name, job in jobs.items() if not is_running(job)]
    storage = files.storage(provider)
    uploaded: list[Upload] = []
    with open_meter("uploads", len(tasks)) as meter:
        for event in _uploads(storage, tasks, meter):
            if isinstance(event, Uploaded):
                uploaded.append(event.task)
            yield event
    if not uploaded:
        return
    waiting = _jobs_of(files, storage, uploaded, list(jobs), limit)
    wait = wait_for_only_upload if len(uploaded) == 1 else wait_for_uploads
    done: list[FinishedJob] = []
    for seen in wait(files.client, files.service, waiting):
        if isinstance(seen, FinishedJob):
            done.append(seen)
        yield seen
    if folder is not None:
        yield from bring_results(files, done, folder, open_meter, earlier=ended)


def _uploads(storage: Storage, tasks: Sequence[Upload], meter: Meter) -> Iterator[Uploaded | UploadFailed]:
    from oscarcli.storage.transfer import uploads

    with closing(uploads(storage, tasks, meter)) as outcomes:
        for outcome in outcomes:
            if outcome.error is None:
                yield Uploaded(outcome.task, storage.provider)
            else:
                yield UploadFailed(outcome.task, outcome.error)


def _jobs_of(
    files: ServiceStorage,
    storage: Storage,
    uploaded: Sequence[Upload],
    before: Sequence[str],
    limit: float | None,
) -> UploadedJobs:
    return UploadedJobs(
        files.client,
        files.service,
        before,
        [ObjectName(task.target.bucket, task.target.key) for task in uploaded],
        silent=is_silent(files.document),
        since=_stored_since(storage, uploaded[0]),
        limit=limit,
    )


def _require_inputs(files: ServiceStorage, provider: str, tasks: Sequence[Upload]) -> None:
    """Raise UsageError when an upload would not start a job."""
    watched = _watched_folders(files.document, provider)
    for task in tasks:
        if not str(task.target).startswith(tuple(watched)):
            folders = ", ".join(watched) if watched else f"no folder at {provider}"
            raise UsageError(
                f'an upload to "{provider}:{task.target}" starts no job that could be waited for: '
                f'service "{files.service}" watches {folders}'
            )


def _watched_folders(document: dict[str, Any], provider: str) -> list[str]:
    watched: list[str] = []
    for entry in document.get("input") or []:
        if normalised(str(entry.get("storage_provider", ""))) == normalised(provider):
            watched.append(str(parse_location(str(entry.get("path", "")).strip(" /")).as_folder()))
    # Where users have buckets of their own, the input folder is in each of these.
    buckets = [str(bucket) for bucket in document.get("bucket_list") or []]
    return watched + [f"{bucket}/{path.partition('/')[2]}" for bucket in buckets for path in watched]


def _stored_since(storage: Storage, first: Upload) -> str:
    """Return when an upload was stored, by the store's clock, as the list of jobs has times."""
    try:
        modified = storage.stat(first.target).modified
    except OscarError:
        return ""
    return rfc3339(modified - CLOCKS_APART) if modified else ""
