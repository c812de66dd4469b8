"""Jobs that have ended, and the files that they wrote."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from oscarcli.api.jobs import Job
from oscarcli.storage.location import Location
from oscarcli.timestamps import moment_of

# How far the clocks of the object store and of the jobs' nodes may be apart, and the whole seconds of both.
CLOCKS_APART = timedelta(seconds=2)


@dataclass(frozen=True)
class FinishedJob:
    """A job that has ended.

    Args:
        name: its name.
        job: the job as the server lists it.
        log: all of its log, without times.
        is_raw: whether it was given its input directly: it hands its files back in its log.
    """

    name: str
    job: Job
    log: str
    is_raw: bool


@dataclass(frozen=True)
class ResultFile:
    """A file that a job wrote.

    Args:
        job: the job.
        name: the file's name as seen from the script's output folder.
        content: what is in it, where the log has that.
        provider: else the storage provider that has it.
        location: and where it is there.
    """

    job: str
    name: str
    content: bytes | None = None
    provider: str = ""
    location: Location | None = None


def begin_of(job: Job) -> datetime | None:
    """Return when a job began; `None` when the server does not tell."""
    return moment_of(job.get("start_time")) or moment_of(job.get("creation_time"))


def end_of(job: Job) -> datetime:
    """Return when a job ended: now, for all that is known, when the server does not tell."""
    return moment_of(job.get("finish_time")) or datetime.now(timezone.utc)
