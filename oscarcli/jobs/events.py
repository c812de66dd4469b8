"""What happens to uploads and to the jobs that they start, as plain data.

Whoever iterates decides what is shown of it, and how; a job that has ended is a `FinishedJob`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from oscarcli.api.jobs import Job
from oscarcli.errors import OscarError
from oscarcli.jobs.finished import FinishedJob, ResultFile
from oscarcli.jobs.uploaded import JobUpdate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oscarcli.storage.meter import Meter
    from oscarcli.storage.transfer import Upload


@dataclass(frozen=True)
class Remark:
    """Something to know; a warning when what follows may not be what was asked for."""

    text: str
    is_warning: bool = False


@dataclass(frozen=True)
class Uploaded:
    """A file is stored at a provider."""

    task: Upload
    provider: str


@dataclass(frozen=True)
class UploadFailed:
    """A file is not stored; the others go on."""

    task: Upload
    error: OscarError


@dataclass(frozen=True)
class JobState:
    """A job that is followed is in a new state."""

    name: str
    job: Job


@dataclass(frozen=True)
class LogText:
    """A job that is followed has written lines."""

    name: str
    text: str


@dataclass(frozen=True)
class ResultSaved:
    """A file that a job wrote is here."""

    file: ResultFile
    path: Path


@dataclass(frozen=True)
class ResultFailed:
    """A file that a job wrote cannot be had; the others go on."""

    file: ResultFile
    error: OscarError


@dataclass(frozen=True)
class JobsProgress:
    """How far several jobs are.

    Args:
        total: how many there are to be.
        done: how many succeeded; of a batch, those whose results are here.
        failed: how many failed, or their results cannot be had.
        running: how many run now, as far as that is known.
        seconds_left: how long the rest may take; `None` when nothing can be said yet.
    """

    total: int
    done: int
    failed: int
    running: int
    seconds_left: float | None = None


@dataclass(frozen=True)
class InputDone:
    """The results of a batch's input are here.

    Args:
        name: the input, as seen from the folder of the inputs.
        job: the job that worked on it.
        paths: its results.
    """

    name: str
    job: str
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class InputFailed:
    """A batch's input has no result; the others go on.

    Args:
        name: the input, as seen from the folder of the inputs.
        error: why.
        is_job: whether its job failed, or is gone; else it or its results could not be transferred.
        job: the job that worked on it; empty where none is known.
        log: the last lines of that job's log.
    """

    name: str
    error: OscarError
    is_job: bool
    job: str = ""
    log: tuple[str, ...] = ()


FollowEvent = JobState | LogText | Remark | FinishedJob
ResultEvent = ResultSaved | ResultFailed | Remark
Event = Uploaded | UploadFailed | JobUpdate | JobsProgress | FollowEvent | ResultEvent
BatchEvent = Uploaded | JobsProgress | InputDone | InputFailed | Remark

# Given what is transferred and how many files, returns a context that gives who is told how far it is.
OpenMeter = Callable[[Literal["uploads", "results"], int], "AbstractContextManager[Meter]"]


@contextmanager
def silent_meter(_what: Literal["uploads", "results"], _count: int) -> Iterator[Meter]:
    """Show nothing of how far a transfer is."""
    from oscarcli.storage.meter import SilentMeter

    yield SilentMeter()
