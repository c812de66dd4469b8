"""Why an input has no result, and whether the others would fail like it."""

from __future__ import annotations

from oscarcli.api.jobs import SUCCEEDED
from oscarcli.errors import AuthError, ForbiddenError, JobFailedError, OscarError, UnreachableError
from oscarcli.jobs.batch.journal import InputRecord
from oscarcli.jobs.events import InputFailed


def is_general(error: OscarError) -> bool:
    """Tell whether everything else would fail like this."""
    return isinstance(error, (UnreachableError, AuthError)) and not isinstance(error, ForbiddenError)


def failure_of(record: InputRecord) -> InputFailed:
    """Return why an input failed that is not tried again by itself."""
    is_job = record.status != SUCCEEDED
    error = JobFailedError(record.reason) if is_job else OscarError(record.reason)
    return InputFailed(record.name, error, is_job=is_job, job=record.job, log=tuple(record.log))
