"""Why an input has no result."""

from __future__ import annotations

from oscarcli.api.jobs import SUCCEEDED
from oscarcli.errors import JobFailedError, OscarError
from oscarcli.jobs.batch.journal import InputRecord
from oscarcli.jobs.events import InputFailed


def failure_of(record: InputRecord) -> InputFailed:
    """Return why an input failed that is not tried again by itself."""
    is_job = record.status != SUCCEEDED
    error = JobFailedError(record.reason) if is_job else OscarError(record.reason)
    return InputFailed(record.name, error, is_job=is_job, job=record.job, log=tuple(record.log))
