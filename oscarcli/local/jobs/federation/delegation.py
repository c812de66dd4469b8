"""A job goes to another cluster: which member is asked first, and how it is handed over.

The ways to choose are the manager's: `static` goes by the priorities of the members, `random` and
`load-based` by a priority that is made up among those that have the cores for the job.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from oscarcli.local.jobs.federation.remote import (
    RemoteCluster,
    RemoteError,
    failure,
    send,
    service_path,
)
from oscarcli.local.jobs.table import Job
from oscarcli.local.services.definition import Definition
from oscarcli.local.services.federation import LOAD_BASED, STATIC, Member, is_worker
from oscarcli.local.services.quantity import parse_quantity

log = logging.getLogger(__name__)

# A member with a priority above this gets no jobs.
MAX_PRIORITY = 100
# Free cores in thousandths that make the best priority, 0.
MAX_FREE_MILLICORES = 32_000
NOT_ASKED = MAX_PRIORITY + 1


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


def delegate(job: Job) -> str | None:
    """Hand a job over to a member of its service's federation.

    Returns:
        Who took it, `None` when nobody did.
    """
    definition = job.definition
    for member in _by_priority(definition):
        try:
            problem = _hand_over(job, member)
        except RemoteError as error:
            problem = str(error)
        if problem is None:
            return _named(member)
        log.warning("job %s is not delegated to %s: %s", job.name, _named(member), problem)
    return None


def _named(member: Member) -> str:
    if member["url"] and not member["service_name"]:
        return str(member["url"])
    return f'service "{member["service_name"]}" of cluster "{member["cluster_id"]}"'


def _by_priority(definition: Definition) -> list[Member]:
    mode = definition["federation"].get("delegation") or STATIC
    ranked = [(_priority(definition, member, mode), member) for member in definition["federation"]["members"]]
    wanted = [(priority, member) for priority, member in ranked if priority <= MAX_PRIORITY]
    return [member for _, member in sorted(wanted, key=lambda pair: pair[0])]


def _priority(definition: Definition, member: Member, mode: str) -> int:
    if mode == STATIC or member["type"].lower() != "oscar":
        return int(member["priority"])
    cluster = _cluster(definition, member)
    if cluster is None:
        return NOT_ASKED
    try:
        cpu = _free_cpu(cluster)
    except RemoteError as error:
        log.warning("%s is not asked: %s", _named(member), error)
        return NOT_ASKED
    if cpu["max_free_on_node_cores"] < parse_quantity(definition["cpu"]) * 1000:
        return NOT_ASKED
    if mode == LOAD_BASED:
        free = min(max(cpu["total_free_cores"], 0), MAX_FREE_MILLICORES)
        return MAX_PRIORITY - MAX_PRIORITY * free // MAX_FREE_MILLICORES
    return random.randint(0, MAX_PRIORITY)  # noqa: S311 -- no secret


def _free_cpu(cluster: RemoteCluster) -> dict[str, int]:
    status, body = cluster.ask("GET", "/system/status")
    if status != 200:
        raise RemoteError(failure(status, b""))
    try:
        cpu = json.loads(body)["cluster"]["metrics"]["cpu"]
        return {key: int(cpu[key]) for key in ("max_free_on_node_cores", "total_free_cores")}
    except (ValueError, LookupError, TypeError) as error:
        raise RemoteError("its status has no free cores") from error


def _cluster(definition: Definition, member: Member) -> RemoteCluster | None:
    entry = (definition.get("clusters") or {}).get(member["cluster_id"])
    return None if entry is None else RemoteCluster(member["cluster_id"], entry)


def _hand_over(job: Job, member: Member) -> str | None:
    """Send a job to a member. Returns why it was not taken. Raises RemoteError."""
    definition = job.definition
    body = _delegated(job)
    headers = {**(member["headers"] or {}), "Content-Type": "application/json"}
    headers |= {"X-Delegated-Job-ID": job.name, "X-Delegated-From": definition["cluster_id"]}
    if member["type"].lower() != "oscar":
        status, answer = send("POST", member["url"], body, headers, verify=member["ssl_verify"])
        return None if status in (200, 201, 202, 204) else failure(status, answer)
    cluster = _cluster(definition, member)
    if cluster is None:
        return f'cluster "{member["cluster_id"]}" not defined'
    path = f"/job/{quote(member['service_name'], safe='')}"
    # A service that was made for the federation has the same token.
    own = {**headers, "Authorization": f"Bearer {definition['token']}"}
    status, answer = cluster.send("POST", path, body, own)
    if status == 401:
        token = _token(cluster, member["service_name"])
        status, answer = cluster.send("POST", path, body, {**headers, "Authorization": f"Bearer {token}"})
    if status == 201 or (status == 500 and b"already exists" in answer):
        # The second: a server that was killed after it had handed the job over.
        return None
    return failure(status, answer)


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
