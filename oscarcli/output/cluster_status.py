"""What a cluster says of its load and its settings, as lines for people; shapes of all servers are read.

Facts: `oscar-api` 4.12, 4.13, and 10 for the flat form up to 3.6.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from oscarcli.coercion import as_mapping
from oscarcli.output.amounts import cores, share, size

Document = Mapping[str, Any]
NOTHING_OF_IT = "not told by this server"


@dataclass(frozen=True)
class ClusterNode:
    """A line of the table of nodes; what a server does not tell is `None`."""

    name: Any
    status: Any
    cpu: NodeUsage
    memory: NodeUsage
    gpu: Any


@dataclass(frozen=True)
class NodeUsage:
    """How much of something a node has, and how much of that is used: thousandths of a core, or bytes.

    Older servers write some of both as text of their own.
    """

    used: Any
    capacity: Any
    is_cpu: bool

    @property
    def text(self) -> str | None:
        """For people: "0.85 of 4 (21%)", whatever of it is known."""
        if self.used is None and self.capacity is None:
            return None
        one, whole = _number(self.used), _number(self.capacity)
        texts = [_amount(value, self.is_cpu) for value in (self.used, self.capacity)]
        percent = share(one, whole) if one is not None and whole is not None else ""
        return f"{texts[0]} of {texts[1]}{percent}"

    @property
    def numbers(self) -> tuple[str | None, str | None]:
        """For programs: what is used and what there is, in cores or bytes; `None` for what is no number."""
        found = (_number(self.used), _number(self.capacity))
        used, capacity = (
            None if one is None else cores(one) if self.is_cpu else f"{one:.0f}" for one in found
        )
        return used, capacity


def nodes(status: Document) -> list[ClusterNode]:
    """Return the nodes of a status document."""
    found = as_mapping(status.get("cluster")).get("nodes")
    if isinstance(found, list):
        return [_node(node) for node in found if isinstance(node, dict)]
    flat = status.get("detail")
    return [_flat_node(node) for node in flat if isinstance(node, dict)] if isinstance(flat, list) else []


def _node(node: Document) -> ClusterNode:
    cpu, memory = as_mapping(node.get("cpu")), as_mapping(node.get("memory"))
    # Numbers that are 0 are left out by the server.
    return ClusterNode(
        node.get("name"),
        node.get("status"),
        NodeUsage(cpu.get("usage_cores", 0), cpu.get("capacity_cores"), is_cpu=True),
        NodeUsage(memory.get("usage_bytes", 0), memory.get("capacity_bytes"), is_cpu=False),
        node.get("gpu"),
    )


def _flat_node(node: Document) -> ClusterNode:
    return ClusterNode(
        node.get("nodeName") or node.get("name"),
        node.get("status"),
        NodeUsage(node.get("cpuUsage"), node.get("cpuCapacity"), is_cpu=True),
        NodeUsage(node.get("memoryUsage"), node.get("memoryCapacity"), is_cpu=False),
        node.get("gpu"),
    )


def _amount(value: Any, is_cpu: bool) -> str:
    number = _number(value)
    if number is None:
        # Older servers write some of them as text of their own.
        return str(value) if value not in (None, "") else "?"
    return cores(number) if is_cpu else size(number)


def _number(value: Any) -> float | None:
    """Return a number, also one that is written as text; thousandths of a core, or bytes."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def parts(status: Document) -> list[tuple[str, str]]:
    """Return what a status document says besides its nodes, line by line."""
    cluster = as_mapping(status.get("cluster"))
    oscar = as_mapping(status.get("oscar") or status.get("OSCAR"))
    minio = as_mapping(status.get("minio") or status.get("MinIO"))
    found = {
        "oscar": _readiness(oscar),
        "jobs": _text(oscar.get("jobs_count")),
        "pods": _pods(as_mapping(oscar.get("pods"))),
        "minio": _minio(minio),
        "cpu free": _free(cluster, status, is_cpu=True),
        "memory free": _free(cluster, status, is_cpu=False),
        "gpus": _text(as_mapping(as_mapping(cluster.get("metrics")).get("gpu")).get("total_gpu")),
        "nodes": _text(cluster.get("nodes_count", status.get("numberNodes"))),
        "login by": _logins(oscar.get("oidc")),
    }
    return [(name, text if text is not None else NOTHING_OF_IT) for name, text in found.items()]


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _readiness(oscar: Document) -> str | None:
    if not oscar:
        return None
    deployment = as_mapping(oscar.get("deployment"))
    word = "ready" if oscar.get("ready") else "not ready"
    if "replicas" not in deployment:
        return word
    return f"{word}, {deployment.get('ready_replicas', 0)} of {deployment['replicas']} replicas"


def _pods(pods: Document) -> str | None:
    if "total" not in pods:
        return None
    states = ", ".join(f"{count} {state}" for state, count in as_mapping(pods.get("states")).items() if count)
    return f"{pods['total']} ({states})" if states else str(pods["total"])


def _minio(minio: Document) -> str | None:
    if not minio:
        return None
    return ", ".join(
        (
            _counted(minio.get("buckets_count", 0), "bucket"),
            _counted(minio.get("total_objects", 0), "object"),
        )
    )


def _counted(count: Any, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _free(cluster: Document, status: Document, *, is_cpu: bool) -> str | None:
    if is_cpu:
        metrics = as_mapping(as_mapping(cluster.get("metrics")).get("cpu"))
        keys = ("total_free_cores", "cpuFreeTotal", "max_free_on_node_cores", "cpuMaxFree")
    else:
        metrics = as_mapping(as_mapping(cluster.get("metrics")).get("memory"))
        keys = ("total_free_bytes", "memoryFreeTotal", "max_free_on_node_bytes", "memoryMaxFree")
    total, most = metrics.get(keys[0], status.get(keys[1])), metrics.get(keys[2], status.get(keys[3]))
    if total is None:
        return None
    on_one = f", at most {_amount(most, is_cpu)} on one node" if most is not None else ""
    return f"{_amount(total, is_cpu)}{on_one}"


def _logins(oidc: Any) -> str | None:
    if not isinstance(oidc, dict):
        return None
    if not oidc.get("enabled"):
        return "user and password"
    issuers = ", ".join(str(issuer) for issuer in _filled(oidc.get("issuers")))
    return "user and password, or OpenID Connect" + (f" ({issuers})" if issuers else "")


def _filled(value: Any) -> list[Any]:
    """Return the items of a list that are not blank: servers show an unset list of words as one of ""."""
    found = value if isinstance(value, list) else []
    return [item for item in found if not (isinstance(item, str) and not item.strip())]


def settings(config: Document) -> list[tuple[str, Any]]:
    """Return a cluster's configuration as pairs of a setting's path and its value."""
    return list(_leaves(config, ""))


def _leaves(part: Document, path: str) -> Iterator[tuple[str, Any]]:
    for key, value in part.items():
        place = f"{path}.{key}" if path else str(key)
        if isinstance(value, dict):
            yield from _leaves(value, place)
        else:
            yield place, _filled(value) if isinstance(value, list) else value
