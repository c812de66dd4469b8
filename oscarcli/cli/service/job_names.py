"""Which job of a service is meant: by its name, by a part that no other name has, or as the newest."""

from __future__ import annotations

from oscarcli.cli.kit.session import Session
from oscarcli.errors import NotFoundError, UsageError

MAX_CANDIDATES = 10


def chosen_job(session: Session, service: str, job: str | None, latest: bool) -> str:
    """Return the name of the newest job, or the word that was given for a job.

    Raises:
        UsageError: both were asked for, or neither.
        NotFoundError: there is no job at all.
    """
    if job is not None and latest:
        raise UsageError("JOB_NAME cannot be used together with --latest")
    if job is not None:
        return job
    if not latest:
        raise UsageError("requires JOB_NAME or use --latest")
    from oscarcli.api import jobs

    name = jobs.latest_job(jobs.list_jobs(session.api, service))
    if name is None:
        raise NotFoundError(f'service "{service}" has no logs')
    session.verbose_note(f'the latest job is "{name}"')
    return name


def job_with(session: Session, part: str, error: NotFoundError) -> str | None:
    """Return the job whose name has a part, `None` when none has, or when there is a job of that very name.

    Args:
        session: where it is said which job that is.
        part: the word that was given for a job.
        error: that there is no such job; it knows which ones there are.

    Raises:
        UsageError: several jobs have it; they are listed, the newest first.
    """
    missing = error.missing
    if missing is None or missing.kind != "job" or not part:
        return None
    found = [name for name in missing.known or () if part in name]
    if len(found) > 1:
        shown = found[: -MAX_CANDIDATES - 1 : -1]
        more = len(found) - len(shown)
        raise UsageError(
            f'"{part}" is a part of the names of {len(found)} jobs of service "{missing.service}"',
            hint="type more of the name",
            details=[f"  {name}" for name in shown] + ([f"  and {more} older ones"] if more else []),
        ) from error
    if found:
        session.note(f'the job is "{found[0]}"')
    return found[0] if found else None
