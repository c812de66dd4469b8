"""Which member of a federation is asked first, by the manager's ways to choose.

`static` goes by the members' priorities; `random`, `load-based` and `topsis` by the state of their clusters.
"""

from __future__ import annotations

import json
import logging
import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from oscarcli.local.jobs.federation.remote import RemoteCluster, RemoteError, failure
from oscarcli.local.jobs.federation.topsis import UNKNOWN, ClusterCriteria, order
from oscarcli.local.services.definition import Definition
from oscarcli.local.services.federation import LOAD_BASED, STATIC, TOPSIS, Member, delegation_of, is_service
from oscarcli.local.services.quantity import parse_quantity

log = logging.getLogger(__name__)

# A member with a priority above this gets no jobs.
MAX_PRIORITY = 100
NOT_ASKED = MAX_PRIORITY + 1
# So that a cluster where nothing waits is not infinitely better than one where a job does.
ALMOST_NONE = 0.1

ClusterOf = Callable[[Member], RemoteCluster | None]
"""Returns the cluster of a member, `None` for one that is not defined."""


@dataclass(frozen=True)
class ClusterLoad:
    """What a cluster's status tells, cores in thousandths and memory in bytes.

    Attributes:
        nodes: how many it has.
        room: of each node, what no pod has asked for: cores and memory.
        capacity: cores and memory of all nodes.
        free: what of them is not used.
        free_cpu_on_node: cores that are free on the emptiest node.
    """

    nodes: int
    room: tuple[tuple[float, float], ...]
    capacity: tuple[float, float]
    free: tuple[float, float]
    free_cpu_on_node: float


def ranked(definition: Definition, cluster_of: ClusterOf) -> list[Member]:
    """Return the members that may get a job, the best first."""
    mode = delegation_of(definition)
    members: list[Member] = list(definition["federation"]["members"])
    if mode == TOPSIS:
        found = [_criteria(definition, member, cluster_of(member)) for member in members]
        return [members[number] for number in order(found)]
    priorities = [_priority(definition, member, mode, cluster_of) for member in members]
    pairs = zip(priorities, members, strict=True)
    # An endpoint gets jobs whatever its priority, as by the manager; it only comes later.
    wanted = [pair for pair in pairs if pair[0] <= MAX_PRIORITY or not is_service(pair[1])]
    return [member for _, member in sorted(wanted, key=lambda pair: pair[0])]


def named(member: Member) -> str:
    """Return how a member is called in messages."""
    if member["url"] and not member["service_name"]:
        return str(member["url"])
    return f'service "{member["service_name"]}" of cluster "{member["cluster_id"]}"'


def _priority(definition: Definition, member: Member, mode: str, cluster_of: ClusterOf) -> int:
    if mode == STATIC or not is_service(member):
        return int(member["priority"])
    cluster = cluster_of(member)
    if cluster is None:
        return NOT_ASKED
    try:
        load = _load(cluster)
    except RemoteError as error:
        log.warning("%s is not asked: %s", named(member), error)
        return NOT_ASKED
    cpu, memory = float(parse_quantity(definition["cpu"])) * 1000, float(parse_quantity(definition["memory"]))
    if not any(free_cpu >= cpu and free_memory >= memory for free_cpu, free_memory in load.room):
        return NOT_ASKED
    if mode == LOAD_BASED:
        shares = [
            free / whole if whole else 0.0 for free, whole in zip(load.free, load.capacity, strict=True)
        ]
        return MAX_PRIORITY - round(100 * math.sqrt(max(math.prod(shares), 0.0)))
    return random.randint(0, MAX_PRIORITY)  # noqa: S311 -- no secret


def _load(cluster: RemoteCluster) -> ClusterLoad:
    """Return the load of a cluster. Raises RemoteError."""
    status, body = cluster.ask("GET", "/system/status")
    if status != 200:
        raise RemoteError(failure(status, b""))
    try:
        document = json.loads(body)["cluster"]
        cpu, memory = (document["metrics"][kind] for kind in ("cpu", "memory"))
        nodes = [
            (_room(node["cpu"], "cores"), _room(node["memory"], "bytes")) for node in document["nodes"] or ()
        ]
        return ClusterLoad(
            nodes=int(document["nodes_count"]),
            room=tuple((cores[1], size[1]) for cores, size in nodes),
            capacity=(sum(cores[0] for cores, _ in nodes), sum(size[0] for _, size in nodes)),
            free=(float(cpu["total_free_cores"]), float(memory["total_free_bytes"])),
            free_cpu_on_node=float(cpu["max_free_on_node_cores"]),
        )
    except (ValueError, LookupError, TypeError) as error:
        raise RemoteError("its status has no free cores") from error


def _room(part: Mapping[str, Any], unit: str) -> tuple[float, float]:
    """Return the capacity of a node, and what of it no pod has asked for; 0 is left out."""
    capacity = float(part.get(f"capacity_{unit}", 0))
    return capacity, capacity - float(part.get(f"request_{unit}", 0))


def _criteria(definition: Definition, member: Member, cluster: RemoteCluster | None) -> ClusterCriteria:
    """Return what is known of a member's cluster; of one that cannot be asked, or has no room, the worst."""
    if cluster is None or not is_service(member):
        return ClusterCriteria()
    try:
        seconds, pending = _jobs(cluster, member["service_name"])
        began = time.monotonic()
        load = _load(cluster)
        latency = time.monotonic() - began
    except RemoteError as error:
        log.warning("%s is asked last: %s", named(member), error)
        return ClusterCriteria()
    if load.free_cpu_on_node < float(parse_quantity(definition["cpu"])) * 1000:
        return ClusterCriteria(latency)
    free_cpu, free_memory = load.free
    return ClusterCriteria(latency, load.nodes, free_memory, free_cpu, seconds, pending + ALMOST_NONE)


def _jobs(cluster: RemoteCluster, service: str) -> tuple[float, int]:
    """Return how long jobs of a service take on average, and how many wait. Raises RemoteError."""
    status, body = cluster.ask("GET", f"/system/logs/{quote(service, safe='')}")
    if status != 200 or not body:
        raise RemoteError(failure(status, b""))
    try:
        document = json.loads(body)
        # Servers up to 3.6.3 answer with the jobs alone.
        jobs = document["jobs"] if isinstance(document.get("jobs"), dict) else document
        took = [
            (_moment(job["finish_time"]) - _moment(job["creation_time"])).total_seconds()
            for job in jobs.values()
            if job["status"] == "Succeeded" and "finish_time" in job and "creation_time" in job
        ]
        pending = sum(job["status"] == "Pending" for job in jobs.values())
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise RemoteError("its jobs cannot be read") from error
    return sum(took) / len(took) if took else UNKNOWN, pending


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
