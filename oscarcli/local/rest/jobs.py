"""Routes of jobs and their logs, and the two ways to invoke a service."""

from __future__ import annotations

import sqlite3

from oscarcli.local.answers import TEXT, ApiError, empty, json_answer
from oscarcli.local.http.messages import Response
from oscarcli.local.jobs.admission import REFUSED
from oscarcli.local.jobs.events import event_owner
from oscarcli.local.jobs.log import append_note
from oscarcli.local.jobs.log_reading import LogBlocks, read_log, read_stored_log
from oscarcli.local.jobs.log_table import find_log
from oscarcli.local.jobs.sync import Refused
from oscarcli.local.jobs.table import ENDED, PENDING, SUCCEEDED
from oscarcli.local.rest.auth import require_token
from oscarcli.local.rest.paging import PAGE_SIZE, page_start, page_token
from oscarcli.local.rest.routes import Call, Route
from oscarcli.local.services.definition import Definition
from oscarcli.local.services.exposure import base_path, is_exposed
from oscarcli.local.services.names import is_job_name, new_job_name

# Linux takes no longer string into a program's environment: 128 KiB with "EVENT=" and the final zero byte.
MAX_EVENT_BYTES = 131_065
# What Kubernetes' own store takes of one job.
MAX_BODY_BYTES = 1536 << 10


# -- jobs and logs -------------------------------------------------------------------------------


def list_jobs(call: Call) -> Response:
    """GET /system/logs/{serviceName}: the jobs by name, a page at a time; a user's own only."""
    _existing(call)
    try:
        after = page_start(call.request.query.get("page", ""))
    except ValueError as error:
        raise ApiError(500, str(error)) from error
    owner = None if call.caller.is_admin else call.caller.uid
    jobs = call.cluster.jobs.page(call.name, after, PAGE_SIZE + 1, owner)
    if len(jobs) <= PAGE_SIZE:
        return json_answer({"jobs": jobs})
    shown = dict(list(jobs.items())[:PAGE_SIZE])
    return json_answer({"jobs": shown, "next_page": page_token(list(shown)[-1])})


def get_log(call: Call) -> Response:
    """GET /system/logs/{serviceName}/{jobName}: the log as it is now, whole lines while the job runs.

    The manager breaks at an unknown job; here it is a plain 404.
    """
    _existing(call)
    service, job = call.values
    status = call.cluster.jobs.status(service, job)
    if status is None or status == PENDING:
        raise ApiError(404)
    return Response(200, {"Content-Type": TEXT}, _log_blocks(call, job, status) or b"")


def _log_blocks(call: Call, job: str, status: str) -> LogBlocks | None:
    """Return a job's log, `None` for one that began a moment ago. Raises ApiError when there is none."""
    timestamps = call.flag("timestamps")
    stored = find_log(call.cluster.state.read(), job)
    if stored is not None:
        return read_stored_log(stored, timestamps=timestamps)
    blocks = read_log(call.cluster.folder.jobs / job, ended=status in ENDED, timestamps=timestamps)
    if blocks is None and status in ENDED:
        raise ApiError(404)
    return blocks


def delete_jobs(call: Call) -> Response:
    """DELETE /system/logs/{serviceName}: the succeeded jobs, or all of them, running ones included."""
    _existing(call)
    statuses = None if call.flag("all") else (SUCCEEDED,)
    call.cluster.scheduler.remove(call.cluster.jobs.names(call.name, statuses))
    return empty(204)


def delete_job(call: Call) -> Response:
    """DELETE /system/logs/{serviceName}/{jobName}: the job and its log, whatever its status."""
    service, job = call.values
    definition = call.cluster.services.get(service)
    if definition is None or not call.caller.uses(definition):
        raise ApiError(403, "You do not have permission to access this service")
    if call.cluster.jobs.status(service, job) is None:
        raise ApiError(404)
    call.cluster.scheduler.remove([job])
    return empty(204)


def _existing(call: Call) -> Definition:
    definition = call.cluster.services.get(call.name)
    if definition is None:
        raise ApiError(404)
    if not call.caller.uses(definition):
        # The manager's answer to who may not see a service: nothing at all.
        raise ApiError(200)
    return definition


# -- invocations ---------------------------------------------------------------------------------


def _invoked(call: Call, *, on_bad_login: int) -> tuple[Definition, str]:
    """Return the service that is called, and the uid of who calls, which the service's token does not tell.

    Raises:
        ApiError: they may not.
    """
    cluster = call.cluster
    definition = cluster.services.get(call.name)
    return require_token(call.request.headers, definition, cluster.tokens, on_bad_login=on_bad_login)


def submit(call: Call) -> Response:
    """POST /job/{serviceName}: queue a job with the body as its event."""
    definition, uid = _invoked(call, on_bad_login=500)
    name = call.request.headers.get("x-delegated-job-id", "") or new_job_name(call.name)
    if not is_job_name(name):
        raise ApiError(
            500,
            f'Job.batch "{name}" is invalid: metadata.name: Invalid value: "{name}": a lowercase RFC 1123 '
            "subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
            "end with an alphanumeric character",
        )
    try:
        payload = call.request.read_all(MAX_BODY_BYTES)
    except ValueError as error:
        raise ApiError(500, "etcdserver: request is too large") from error
    try:
        owner = event_owner(payload) or uid
        _queue(call, name, definition, payload, owner if call.cluster.accounts.is_user(owner) else "")
    except sqlite3.IntegrityError as error:
        raise ApiError(500, f'jobs.batch "{name}" already exists') from error
    call.cluster.scheduler.wake()
    call.cluster.delegator.wake()
    return empty(201)


def _queue(call: Call, name: str, definition: Definition, payload: bytes, owner: str) -> None:
    if len(payload) <= MAX_EVENT_BYTES:
        call.cluster.jobs.add(name, definition, payload, owner)
        return
    reason = (
        f"the event has {len(payload)} bytes, a job takes {MAX_EVENT_BYTES} at most; "
        "upload the data as a file instead"
    )
    call.cluster.jobs.add_failed(name, definition["name"], reason, owner)
    append_note(call.cluster.folder.jobs / name, "ERROR", reason)


def run(call: Call) -> Response:
    """POST /run/{serviceName}: run now and answer with what the script returns."""
    definition, uid = _invoked(call, on_bad_login=404)
    if is_exposed(definition):
        # The manager has nobody to pass it on to, and says nothing.
        raise ApiError(502, f"an exposed service has no runs; call it at {base_path(definition['name'])}/")
    if call.cluster.admission.is_held(definition, call.cluster.jobs.running_definitions()):
        raise ApiError(400, REFUSED)
    try:
        return call.cluster.sync.run(definition, call.request, uid)
    except Refused as refused:
        raise ApiError(refused.status, str(refused)) from refused


_SERVICE = "/system/logs/{serviceName}"

ROUTES = (
    Route("GET", _SERVICE, list_jobs),
    Route("DELETE", _SERVICE, delete_jobs),
    Route("GET", f"{_SERVICE}/{{jobName}}", get_log),
    Route("DELETE", f"{_SERVICE}/{{jobName}}", delete_job),
    Route("POST", "/job/{serviceName}", submit, basic=False),
    Route("POST", "/run/{serviceName}", run, basic=False),
)
