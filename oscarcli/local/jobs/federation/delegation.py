"""A job goes to another cluster: how it is handed over."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from oscarcli.local.jobs.federation.ranking import named, ranked
from oscarcli.local.jobs.federation.remote import (
    RemoteCluster,
    RemoteError,
    cluster_of,
    failure,
    not_defined,
    send,
    service_path,
)
from oscarcli.local.jobs.table import Job
from oscarcli.local.services.definition import Definition
from oscarcli.local.services.federation import Member, is_service, is_worker

log = logging.getLogger(__name__)


def may_leave(job: Job) -> bool:
    """Tell whether a job can be done elsewhere.

    One that has come from another cluster goes no further, or it might never end. One about an object of the
    store is of use only where that store is known: with the id of this cluster, which members get as the
    name of the store.
    """
    try:
        document = json.loads(job.payload)
    except ValueError:
        return True
    if not isinstance(document, dict):
        return True
    if {"storage_provider", "event"} <= document.keys():
        return False
    return "Records" not in document or _is_store_known(job.definition)


def _is_store_known(definition: Definition) -> bool:
    own = definition["cluster_id"]
    # A worker's peers know what its definition came with.
    return bool(own) and (not is_worker(definition) or own in definition["storage_providers"]["minio"])


def delegate(job: Job, token: str) -> str | None:
    """Hand a job over to a member of its service's federation.

    Args:
        job: the job.
        token: an access token for the members' clusters; empty without one.

    Returns:
        Who took it, `None` when nobody did.
    """
    definition = job.definition
    for member in ranked(definition, lambda one: cluster_of(definition, one, token)):
        try:
            problem = _hand_over(job, member, cluster_of(definition, member, token), token)
        except RemoteError as error:
            problem = str(error)
        if problem is None:
            return named(member)
        log.warning("job %s is not delegated to %s: %s", job.name, named(member), problem)
    return None


def _hand_over(job: Job, member: Member, cluster: RemoteCluster | None, token: str) -> str | None:
    """Send a job to a member. Returns why it was not taken. Raises RemoteError."""
    definition = job.definition
    body = _delegated(job)
    headers = {**(member["headers"] or {}), "Content-Type": "application/json"}
    headers |= {"X-Delegated-Job-ID": job.name, "X-Delegated-From": definition["cluster_id"]}
    if not is_service(member):
        status, answer = send("POST", member["url"], body, headers, verify=member["ssl_verify"])
        return None if status in (200, 201, 202, 204) else failure(status, answer)
    if cluster is None:
        return not_defined(member)
    path = f"/job/{quote(member['service_name'], safe='')}"
    problem: str | None = None
    for bearer in _bearers(definition, member, cluster, token):
        status, answer = cluster.send("POST", path, body, {**headers, "Authorization": f"Bearer {bearer}"})
        if status == 201 or (status == 500 and b"already exists" in answer):
            # The second: a server that was killed after it had handed the job over.
            return None
        problem = failure(status, answer)
        # A login that is void is answered by 500 without a word, one that does not see the service by 404.
        if status not in (401, 404) and (status, answer) != (500, b""):
            break
    return problem


def _bearers(definition: Definition, member: Member, cluster: RemoteCluster, token: str) -> Iterator[str]:
    """Yield what may open a member's service, one after the other."""
    if token:
        yield token
    # A service that was made for the federation has the same token.
    yield str(definition["token"])
    yield _token(cluster, member["service_name"])


def _token(cluster: RemoteCluster, service: str) -> str:
    status, body = cluster.ask("GET", service_path(service))
    if status != 200:
        raise RemoteError(failure(status, b""))
    try:
        document: Mapping[str, Any] = json.loads(body)
        return str(document["token"])
    except (ValueError, LookupError, TypeError) as error:
        raise RemoteError("its answer is no service") from error


def _delegated(job: Job) -> bytes:
    """Return the payload of a job with the id of the store that its event is about."""
    event = job.payload.decode("utf-8", "surrogateescape")
    document = {"storage_provider": job.definition["cluster_id"] or "default", "event": event}
    return json.dumps(document).encode()
