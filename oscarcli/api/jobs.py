"""Jobs and their logs: `/system/logs/{service}` (`oscar-api` 3.7, 6)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from oscarcli.api.client import Client
from oscarcli.api.responses import ServerError, endless, is_log, json_document
from oscarcli.api.shapes import ANY, JOB, JOB_PAGE
from oscarcli.errors import (
    ForbiddenError,
    JobFailedError,
    MissingName,
    NotFoundError,
    OscarError,
    UnreachableError,
)
from oscarcli.http.limits import MAX_RESULT_BYTES

if TYPE_CHECKING:
    import httpx

Job = dict[str, Any]

# Newest of these that a job has tells its place in time.
TIMES = ("creation_time", "start_time", "finish_time")
# Every other state, "Unknown" included, may still become one of these.
FAILED, SUCCEEDED = "Failed", "Succeeded"
ENDED_STATES = (SUCCEEDED, FAILED)


def list_jobs(client: Client, service: str) -> dict[str, Job]:
    """Return all jobs of a service by name, oldest first; jobs without a time, which have not begun, last.

    Raises:
        NotFoundError: no such service.
        AuthError: the login may not see its jobs; the server says so with an empty success.
    """
    jobs: dict[str, Job] = {}
    for page in _pages(client, service):
        jobs.update(page)
    return dict(sorted(jobs.items(), key=lambda item: _moment(*item)))


def find_job(client: Client, service: str, job: str) -> Job:
    """Return one job; no more pages of the list are asked for than needed.

    Raises:
        NotFoundError: no such service or job.
    """
    known: list[str] = []
    for page in _pages(client, service):
        if job in page:
            return page[job]
        known += page
    raise NotFoundError(
        f'service "{service}" has no job "{job}"',
        hint=f"'oscar-cli service logs list {service}' shows them",
        missing=MissingName("job", job, service, tuple(known)),
    )


def some_jobs(client: Client, service: str) -> dict[str, Job]:
    """Return jobs of a service by name: the first page of the list, for one request."""
    return next(_pages(client, service))


def _pages(client: Client, service: str) -> Iterator[dict[str, Job]]:
    what = f'list the jobs of service "{service}"'
    page: str | None = None
    seen: set[str] = set()
    while True:
        params = {"page": page} if page else None
        response = client.request("GET", "system", "logs", service, what=what, params=params)
        answer = json_document(response, what, {})
        is_bare = page is None and _is_bare(answer)
        # Looked at anew: only now is it known what it must look like.
        answer = json_document(response, what, {ANY: JOB} if is_bare else JOB_PAGE)
        if is_bare:
            yield answer
            return
        if "jobs" not in answer:
            raise OscarError(f"cannot {what}: the answer has an unexpected shape: it has no jobs")
        yield answer["jobs"] or {}
        page = answer.get("next_page")
        if not page:
            return
        if page in seen:
            raise endless(what)
        seen.add(page)


def _is_bare(answer: dict[str, Any]) -> bool:
    """Tell the bare map of 3.6.3 and older from `{"jobs": {...}}`; a job could be called "jobs" there."""
    jobs = answer.get("jobs", {})
    return "jobs" not in answer or (isinstance(jobs, dict) and isinstance(jobs.get("status"), str))


def _moment(name: str, job: Job) -> tuple[str, str]:
    # RFC 3339 in UTC sorts as text; a tilde sorts behind every digit.
    return next((str(job[key]) for key in TIMES if job.get(key)), "~"), name


def latest_job(jobs: dict[str, Job]) -> str | None:
    """Return the newest job's name; `None` when there is none.

    As in the reference client, a job without a time, which has not begun, counts only where none has one.

    Args:
        jobs: from `list_jobs`, in its order.
    """
    begun = [name for name, job in jobs.items() if any(job.get(key) for key in TIMES)]
    return next(reversed(begun or list(jobs)), None)


def get_log(client: Client, service: str, job: str, *, timestamps: bool = False) -> str:
    """Return a job's log as the server has it now.

    Raises:
        NotFoundError: no such service or job, or no log yet; the message tells which.
        ForbiddenError: the login may not see it.
    """
    found = find_log(client, service, job, timestamps=timestamps)
    if found:
        return found
    if found is not None:
        # Nothing at all is also the manager's way to say "not you", which the list of jobs tells. The list
        # lacks jobs that others started.
        with suppress(NotFoundError):
            find_job(client, service, job)
        return found
    state = find_job(client, service, job).get("status")
    raise NotFoundError(
        f'job "{job}" of service "{service}" has no log; its status is "{state}"',
        hint=f"'oscar-cli service logs get {service} {job} --follow' waits for one",
    )


def find_log(client: Client, service: str, job: str, *, timestamps: bool = False) -> str | None:
    """Return a job's log, `None` when the server has none: no such job, not begun, or gone."""
    params = {"timestamps": "true"} if timestamps else None
    what = f'get the log of job "{job}"'
    try:
        answer = client.request(
            "GET", "system", "logs", service, job, what=what, params=params, largest=MAX_RESULT_BYTES
        )
        return _log_in(answer, what)
    except NotFoundError:
        return None
    except ServerError as error:
        # The manager fails without a word on an unknown job and on one without a pod (`oscar-api` 3.7).
        if not error.silent:
            raise
        return None


def _log_in(answer: httpx.Response, what: str) -> str:
    """Return the log that an answer holds.

    Raises:
        UnreachableError: it is the nothing of a server that has the log no more, or not yet.
        OscarError: it is something else.
    """
    found = str(answer.text)
    # A log comes as plain text, and each of its lines with the time where that is asked for.
    if found.strip() == "null" and (not is_log(answer) or "timestamps" in answer.request.url.params):
        raise UnreachableError(f'cannot {what}: the server answers with "null" instead of a log')
    if not is_log(answer):
        raise OscarError(f"cannot {what}: the answer is a document, no log")
    return found


def delete_job(client: Client, service: str, job: str) -> None:
    """Remove a job with its log; a running one is stopped. Raises NotFoundError when there is none."""
    what = f'delete job "{job}"'
    _refuse_silence(client.request("DELETE", "system", "logs", service, job, what=what), what)


def delete_jobs(client: Client, service: str, *, everything: bool) -> None:
    """Remove the succeeded jobs of a service, or every job, running ones included."""
    what = f'delete the {"" if everything else "succeeded "}jobs of service "{service}"'
    params = {"all": "true"} if everything else None
    _refuse_silence(client.request("DELETE", "system", "logs", service, what=what, params=params), what)


def _refuse_silence(response: httpx.Response, what: str) -> None:
    """Raise ForbiddenError for an empty 200: the manager's way to say "not you"; done is 204."""
    if response.status_code == 200 and not response.content.strip():
        raise ForbiddenError(f"cannot {what}: the server did nothing; the login may lack the permission")


def is_running(job: Job) -> bool:
    """Tell whether a job has not ended yet."""
    return job.get("status") not in ENDED_STATES


def state_text(job: Job) -> str:
    """Return a job's state in words, with what a local cluster adds: a reason, the script's exit code."""
    reason, code = job.get("reason"), job.get("exit_code")
    script = f"the script's exit code is {code}" if code else None
    because = ", ".join(str(word) for word in (reason, script if not reason else None) if word)
    return f"{job.get('status')} ({because})" if because else f"{job.get('status')}"


def raise_if_failed(name: str, job: Job) -> None:
    """Raise JobFailedError when a job failed."""
    if job.get("status") == FAILED:
        raise JobFailedError(failure_text(name, job))


def failure_text(name: str, job: Job) -> str:
    """Return in words that a job failed, with the reason that a local cluster adds."""
    reason = job.get("reason")
    return f'job "{name}" failed' + (f": {reason}" if reason else "")
