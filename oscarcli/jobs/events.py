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

    from oscarcli.storage.transfer import Meter, Upload


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


FollowEvent = JobState | LogText | Remark | FinishedJob
ResultEvent = ResultSaved | ResultFailed | Remark
Event = Uploaded | UploadFailed | JobUpdate | FollowEvent | ResultEvent

# Given what is transferred and how many files, returns a context that gives who is told how far it is.
OpenMeter = Callable[[Literal["uploads", "results"], int], "AbstractContextManager[Meter]"]


@contextmanager
def silent_meter(_what: Literal["uploads", "results"], _count: int) -> Iterator[Meter]:
    """Show nothing of how far a transfer is."""
    from oscarcli.storage.transfer import SilentMeter

    yield SilentMeter()
