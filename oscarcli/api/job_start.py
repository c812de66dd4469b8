"""Starting jobs: `/job/{service}` (`oscar-api` 3.10, 6.1), and the name that a started job has."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from oscarcli.api.auth import bearer
from oscarcli.api.client import Client
from oscarcli.api.jobs import Job, list_jobs
from oscarcli.api.responses import unconfirmed
from oscarcli.api.system import get_info, server_version
from oscarcli.errors import ForbiddenError, OscarError, UsageError
from oscarcli.polling import Poll

# Kubernetes cuts names at 63 characters: the server shortens a service name from this length on.
LONG_SERVICE_NAME = 25
MAX_LONG_NAME_CHARACTERS = 16
# Chooses the job's name, since 4.1; an older server ignores it and picks one.
JOB_NAME_HEADER = "X-Delegated-Job-ID"
FIRST_WITH_JOB_NAMES = (4, 1, 0)
SUBMIT_SECONDS = 60.0
# How long a new job may take to show in the list.
APPEAR_SECONDS = 5.0
APPEAR_PAUSE_SECONDS = 0.3
CHOSEN = "chosen by this program"


def new_job_name(service: str) -> str:
    """Return a fresh name made as the server makes them (`oscar-api` 6.1).

    Raises:
        UsageError: no service can have this name.
    """
    if not service.isascii() or not service.isprintable():
        raise UsageError(f'"{service}" is not the name of a service')
    prefix = service[:MAX_LONG_NAME_CHARACTERS] if len(service) >= LONG_SERVICE_NAME else service
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
    what = f'start a job of service "{service}"'
    response = client.request(
        "POST",
        "job",
        service,
        what=what,
        content=body,
        headers={JOB_NAME_HEADER: job} if job else None,
        auth=bearer(token) if token else None,
        read_timeout=SUBMIT_SECONDS,
    )
    error = unconfirmed(response, what)
    if error is not None:
        raise error


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
        return StartedJob(name, CHOSEN)
    try:
        before = list_jobs(client, service)
    except ForbiddenError as error:
        submit_job(client, service, body, token=token, job=name)
        return StartedJob(None, error.message)
    submit_job(client, service, body, token=token, job=name)
    try:
        return _appeared(client, service, before, name)
    except OscarError as error:
        # The job was started all the same.
        return StartedJob(None, error.message)


def _appeared(client: Client, service: str, before: dict[str, Job], chosen: str) -> StartedJob:
    """Wait for what is new in the list. Raises OscarError when the list cannot be read."""
    poll = Poll(APPEAR_PAUSE_SECONDS, limit=APPEAR_SECONDS)
    while True:
        new = [job for job in list_jobs(client, service) if job not in before]
        if chosen in new:
            return StartedJob(chosen, CHOSEN)
        if len(new) == 1:
            return StartedJob(new[0], "the only job that is new in the list")
        if new:
            return StartedJob(None, f"{len(new)} jobs began at the same time")
        if not poll.wait():
            return StartedJob(None, f"no new job in the list after {APPEAR_SECONDS:g} s")


def takes_job_name(version: str) -> bool:
    """Tell from a server's version whether it takes a job's name from the client (4.1 and later).

    A version that is not a number, such as "devel", says nothing; the local cluster takes names.
    """
    if version.startswith("local-"):
        return True
    numbers = server_version(version)
    return numbers is not None and numbers >= FIRST_WITH_JOB_NAMES
