"""Waits for jobs, and yields what happens to them until they have ended."""

from __future__ import annotations

from collections.abc import Iterator

from oscarcli.api.client import Client
from oscarcli.api.jobs import FAILED, find_log, is_running
from oscarcli.jobs.events import FollowEvent, JobsProgress, JobState, LogText, Remark
from oscarcli.jobs.finished import FinishedJob
from oscarcli.jobs.follow import LogFollower
from oscarcli.jobs.progress_count import ProgressCount
from oscarcli.jobs.uploaded import JobUpdate, UploadedJobs

# A job is in the list as soon as it is accepted; a busy server may take a little longer.
APPEAR_SECONDS = 10.0
RUNNING = "Running"
NO_NAMES = "the logs do not name the files that start jobs"


def wait_for_job(
    client: Client, service: str, name: str, *, limit: float | None = None, is_raw: bool = False
) -> Iterator[FollowEvent]:
    """Yield what happens to a job and what it writes, and in the end the job itself.

    Args:
        client: the cluster.
        service: the job's service.
        name: the job.
        limit: seconds to wait at most; `None` for as long as it takes.
        is_raw: whether the job was given its input directly.

    Raises:
        UnreachableError: it did not end in time, or the server was away for too long.
    """
    follower = LogFollower(client, service, name, limit=limit, appear=APPEAR_SECONDS)
    for event in follower.events():
        if event.job is not None:
            yield JobState(name, event.job)
        if event.note:
            yield Remark(event.note)
        if event.text:
            yield LogText(name, event.text)
    yield FinishedJob(name, follower.job, follower.log, is_raw)


def wait_for_only_upload(
    client: Client, service: str, waiting: UploadedJobs
) -> Iterator[JobUpdate | FollowEvent]:
    """Find the job of a single upload and follow it.

    Raises:
        OscarError: what `UploadedJobs.watch` and `wait_for_job` raise.
    """
    for update in waiting.watch():
        if isinstance(update, str):
            yield Remark(update)
            continue
        yield update
        if update.is_guess:
            yield Remark(
                f'{NO_NAMES}: job "{update.name}" is taken for that of "{update.place}", for it is the only '
                "new one"
            )
        yield from wait_for_job(client, service, update.name, limit=waiting.left)
        return


def wait_for_uploads(
    client: Client, service: str, waiting: UploadedJobs
) -> Iterator[JobUpdate | JobsProgress | FollowEvent]:
    """Wait for the jobs of several uploads; their logs come when all have ended.

    Raises:
        OscarError: what `UploadedJobs.watch` raises, and a request for a log.
    """
    count, total = ProgressCount(), len(waiting.places)
    has_guessed = False
    for update in waiting.watch():
        yield Remark(update) if isinstance(update, str) else update
        if not has_guessed and isinstance(update, JobUpdate) and update.is_guess:
            has_guessed = True
            yield Remark(
                f"{NO_NAMES}: the new jobs are taken for those of the uploads, and which is which is a guess"
            )
        states = [job.get("status") for job in waiting.jobs.values()]
        failed, running = states.count(FAILED), states.count(RUNNING)
        done = len(states) - failed - sum(map(is_running, waiting.jobs.values()))
        yield count.progress(total, done, failed, running)
    yield from [
        FinishedJob(name, waiting.jobs[name], find_log(client, service, name) or "", is_raw=False)
        for name in waiting.names.values()
    ]
