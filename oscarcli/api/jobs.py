"""Jobs: `/job` and `/system/logs/{service}` (`oscar-api` 3.7, 3.10, 6)."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from oscarcli.api.auth import bearer
from oscarcli.api.client import Client
from oscarcli.api.responses import document
from oscarcli.api.system import get_info

Job = dict[str, Any]

# Kubernetes cuts names at 63 characters: the server shortens a service name from this length on.
LONG_SERVICE_NAME = 25
KEPT_OF_LONG_NAME = 16
# Chooses the job's name, since 4.1; an older server ignores it and picks one.
JOB_NAME_HEADER = "X-Delegated-Job-ID"
SUBMIT_SECONDS = 60.0
# How long a new job may take to show in the list.
APPEAR_SECONDS = 5.0
# Newest of these that a job has tells its place in time.
TIMES = ("creation_time", "start_time", "finish_time")
# Every other state, "Unknown" included, may still become one of these.
ENDED_STATES = ("Succeeded", "Failed")


def list_jobs(client: Client, service: str) -> dict[str, Job]:
    """Return all jobs of a service by name, oldest first; jobs without a time, which have not begun, last.

    Raises:
        NotFoundError: no such service.
        AuthError: the login may not see its jobs; the server says so with an empty success.
    """
    jobs: dict[str, Job] = {}
    page: str | None = None
    seen: set[str] = set()
    while True:
        answer = _page(client, service, page)
        if not _is_new_shape(answer):
            jobs.update(answer)
            break
        jobs.update(answer["jobs"])
        page = answer.get("next_page")
        # A token that comes again would never end.
        if not page or page in seen:
            break
        seen.add(page)
    return dict(sorted(jobs.items(), key=lambda item: _moment(*item)))


def _page(client: Client, service: str, page: str | None) -> dict[str, Any]:
    what = f'list the jobs of service "{service}"'
    params = {"page": page} if page else None
    response = client.request("GET", "system", "logs", service, what=what, params=params)
    found: dict[str, Any] = document(response, what, dict)
    return found


def _is_new_shape(answer: dict[str, Any]) -> bool:
    """Tell `{"jobs": {...}}` from the bare map of 3.6.3 and older, where a job could be called "jobs"."""
    jobs = answer.get("jobs")
    return isinstance(jobs, dict) and not isinstance(jobs.get("status"), str)


def _moment(name: str, job: Job) -> tuple[str, str]:
    # RFC 3339 in UTC sorts as text; a tilde sorts behind every digit.
    return next((str(job[key]) for key in TIMES if job.get(key)), "~"), name


def latest_job(jobs: dict[str, Job]) -> str | None:
    """Return the newest job's name, by the order of `list_jobs`; `None` when there is none."""
    return next(reversed(jobs), None)


def get_log(client: Client, service: str, job: str, *, timestamps: bool = False) -> str:
    """Return a job's log as the server has it now.

    Raises:
        NotFoundError: no such service or job, or no log yet.
    """
    params = {"timestamps": "true"} if timestamps else None
    what = f'get the log of job "{job}"'
    response = client.request("GET", "system", "logs", service, job, what=what, params=params)
    return str(response.text)


def delete_job(client: Client, service: str, job: str) -> None:
    """Remove a job with its log; a running one is stopped. Raises NotFoundError when there is none."""
    client.request("DELETE", "system", "logs", service, job, what=f'delete job "{job}"')


def delete_jobs(client: Client, service: str, *, everything: bool) -> None:
    """Remove the succeeded jobs of a service, or every job, running ones included."""
    what = f'delete the {"" if everything else "succeeded "}jobs of service "{service}"'
    params = {"all": "true"} if everything else None
    client.request("DELETE", "system", "logs", service, what=what, params=params)


def new_job_name(service: str) -> str:
    """Return a fresh name made as the server makes them (`oscar-api` 6.1)."""
    prefix = service[:KEPT_OF_LONG_NAME] if len(service) >= LONG_SERVICE_NAME else service
    return f"{prefix}-{uuid.uuid4()}"


def submit_job(
    client: Client, service: str, body: Iterable[bytes] | bytes, *, token: str | None, job: str | None = None
) -> None:
    """Start a job.

    Args:
        client: the cluster.
        service: the service to run.
        body: the event, copied verbatim into the job; an iterable must be able to start anew.
        token: the service's token; `None` to log in as the client does.
        job: the name the job shall have, where the server takes one.
    """
    client.request(
        "POST",
        "job",
        service,
        what=f'start a job of service "{service}"',
        content=body,
        headers={JOB_NAME_HEADER: job} if job else None,
        auth=bearer(token) if token else None,
        read_timeout=SUBMIT_SECONDS,
    )


def is_running(job: Job) -> bool:
    """Tell whether a job has not ended yet."""
    return job.get("status") not in ENDED_STATES


@dataclass(frozen=True)
class StartedJob:
    """A job that was accepted: its name, `None` when it could not be told, and how the name is known."""

    name: str | None
    how: str


def start_job(client: Client, service: str, body: Iterable[bytes] | bytes, token: str | None) -> StartedJob:
    """Start a job and find out its name, which the server's answer does not have.

    A server since 4.1 takes the name from us. An older one does not: its job is the one that the list
    has afterwards and had not before.
    """
    name = new_job_name(service)
    if takes_job_name(str(get_info(client).get("version", ""))):
        submit_job(client, service, body, token=token, job=name)
        return StartedJob(name, "chosen by this program")
    before = list_jobs(client, service)
    submit_job(client, service, body, token=token, job=name)
    return _appeared(client, service, before, name)


def _appeared(client: Client, service: str, before: dict[str, Job], chosen: str) -> StartedJob:
    deadline = time.monotonic() + APPEAR_SECONDS
    while True:
        new = [job for job in list_jobs(client, service) if job not in before]
        if chosen in new:
            return StartedJob(chosen, "chosen by this program")
        if len(new) == 1:
            return StartedJob(new[0], "the only job that is new in the list")
        if new:
            return StartedJob(None, f"{len(new)} jobs began at the same time")
        if time.monotonic() > deadline:
            return StartedJob(None, f"no new job in the list after {APPEAR_SECONDS:g} s")
        time.sleep(0.3)


def takes_job_name(version: str) -> bool:
    """Tell from a server's version whether it takes a job's name from the client (4.1 and later).

    A version that is not a number, such as "devel", says nothing; the local cluster takes names.
    """
    if version.startswith("local-"):
        return True
    numbers = re.match(r"v?(\d+)\.(\d+)", version)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= (4, 1)
