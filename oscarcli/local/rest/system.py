"""Routes about the cluster itself: health, information, configuration, status."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from oscarcli import __version__
from oscarcli.local.answers import ApiError, json_answer, text
from oscarcli.local.http.messages import Response
from oscarcli.local.jobs.runner import host_memory
from oscarcli.local.jobs.table import FAILED, PENDING, RUNNING, SUCCEEDED
from oscarcli.local.rest.routes import Call, Route
from oscarcli.local.services.definition import NAMESPACE, Definition
from oscarcli.local.services.quotas import whole

if TYPE_CHECKING:
    from oscarcli.local.cluster import LocalCluster

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
NAME = "oscar"


def health(_call: Call) -> Response:
    """GET /health."""
    return text("Ok")


def info(_call: Call) -> Response:
    """GET /system/info. Version and backend tell a local cluster from a real one."""
    machine = platform.machine()
    return json_answer(
        {
            "version": f"local-{__version__}",
            "git_commit": "",
            "architecture": ARCHITECTURES.get(machine, machine),
            "kubernetes_version": "",
            "serverless_backend": {"name": "local", "version": __version__},
        }
    )


def config(call: Call) -> Response:
    """GET /system/config, with the caller's keys of the object store."""
    cluster = call.cluster
    keys = cluster.accounts.of(call.caller)
    return json_answer(
        {
            "config": {
                "name": NAME,
                "namespace": "oscar",
                "services_namespace": NAMESPACE,
                "controller_service_account": "",
                "gpu_available": False,
                "interLink_available": False,
                "serverless_backend": "local",
                "yunikorn_enable": False,
                "kueue_enable": False,
                "volume_enable": True,
                "oidc_groups": _groups(cluster),
                "minio_quota_enabled": False,
            },
            "minio_provider": cluster.store_settings(keys.access_key, keys.secret_key),
            "allowed_image_repositories": [],
        }
    )


def _groups(cluster: LocalCluster) -> list[str]:
    """Return the groups that are let in; the manager shows it so when none are set."""
    return (cluster.users.groups() if cluster.users is not None else []) or [""]


def change_config(call: Call) -> Response:
    """PUT /system/config is refused: every image may be used."""
    if not call.caller.is_admin:
        return json_answer("", 401)
    raise ApiError(
        400,
        "The configuration specification is not valid: the local cluster has no list of allowed image "
        "repositories, every image may be used; set it on a real cluster",
    )


def status(call: Call) -> Response:
    """GET /system/status: this machine as the only node."""
    cluster = call.cluster
    # Only the cluster's own account learns how much there is.
    is_admin = call.caller.is_admin
    buckets = cluster.store.buckets() if is_admin else []
    return json_answer(
        {
            "cluster": _node_status(cluster.jobs.running_definitions()),
            "oscar": _oscar_status(cluster, is_admin=is_admin),
            "minio": {
                "buckets_count": len(buckets),
                "total_objects": sum(cluster.store.usage(bucket.name)[1] for bucket in buckets),
            },
        }
    )


def _node_status(running: Sequence[Definition]) -> dict[str, Any]:
    """Return this machine as a node; `running` are the services of the running jobs, once for each."""
    capacity = (os.cpu_count() or 1) * 1000
    usage = min(int(os.getloadavg()[0] * 1000), capacity)
    memory = host_memory()
    used = memory - free_memory()
    # Kubernetes places pods by what they ask for, whether they use it or not.
    cores = sum(whole(definition["cpu"], 1000) for definition in running)
    asked = sum(whole(definition["memory"]) for definition in running)
    node = {
        "name": platform.node(),
        "cpu": {
            "capacity_cores": capacity,
            "usage_cores": usage,
            **({"request_cores": cores} if cores else {}),
        },
        "memory": {
            "capacity_bytes": memory,
            "usage_bytes": used,
            **({"request_bytes": asked} if asked else {}),
        },
        "gpu": 0,
        "is_interlink": False,
        "status": "Ready",
        "conditions": [{"type": "Ready", "status": True}],
    }
    free = capacity - usage
    return {
        "nodes_count": 1,
        "metrics": {
            "cpu": {
                "total_free_cores": free,
                "max_free_on_node_cores": free,
                "total_schedulable_cores": max(capacity - cores, 0),
                "total_schedulable_on_node_cores": max(capacity - cores, 0),
            },
            "memory": {
                "total_free_bytes": memory - used,
                "max_free_on_node_bytes": memory - used,
                "total_schedulable_bytes": max(memory - asked, 0),
                "max_schedulable_on_node_bytes": max(memory - asked, 0),
            },
            "gpu": {"total_gpu": 0},
        },
        "nodes": [node],
    }


def free_memory() -> int:
    """Return the bytes of memory that are not in use; the whole where the system does not tell."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return host_memory()


def _oscar_status(cluster: LocalCluster, *, is_admin: bool) -> dict[str, Any]:
    counts = cluster.jobs.counts() if is_admin else {}
    states = {status: counts.get(status, 0) for status in (PENDING, RUNNING, SUCCEEDED, FAILED)}
    return {
        "deployment_name": NAME,
        "ready": True,
        "deployment": {
            "available_replicas": 1,
            "ready_replicas": 1,
            "replicas": 1,
            "creation_timestamp": "",
            "strategy": "",
            "labels": {},
        },
        "jobs_count": sum(counts.values()),
        "pods": {"total": sum(counts.values()), "states": {**states, "Unknown": 0} if is_admin else {}},
        "oidc": {
            "enabled": cluster.tokens is not None,
            # Unset, as the manager shows it.
            "issuers": [cluster.tokens.issuer if cluster.tokens is not None else ""],
            "groups": _groups(cluster),
        },
    }


def request_log(call: Call) -> Response:
    """GET /system/logs: the latest calls of /job and /run.

    The log begins anew with each start of the server, so there is no previous one.
    """
    if not call.caller.is_admin:
        raise ApiError(403, "OIDC tokens are not allowed for system logs")
    if call.flag("previous"):
        raise ApiError(400, f'previous terminated container "{NAME}" in pod "{NAME}" not found')
    entries = call.cluster.requests.entries()
    if call.flag("timestamps"):
        entries = [{**entry, "raw": f"{entry['timestamp']} {entry['raw']}"} for entry in entries]
    return json_answer({"logs": entries})


ROUTES = (
    Route("GET", "/health", health, basic=False),
    Route("GET", "/system/info", info),
    Route("GET", "/system/config", config),
    Route("PUT", "/system/config", change_config),
    Route("GET", "/system/status", status),
    Route("GET", "/system/logs", request_log),
)
