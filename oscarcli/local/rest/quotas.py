"""Routes of quotas (`oscar-api` 3.13, 4.18), with this machine's own limits where none are set."""

from __future__ import annotations

import os
import shutil
from typing import Any

from oscarcli.local.answers import ApiError, json_answer
from oscarcli.local.http.messages import Response
from oscarcli.local.jobs.runner import host_memory
from oscarcli.local.rest.routes import Call, Route
from oscarcli.local.rest.services import body_of
from oscarcli.local.rest.system import NAME
from oscarcli.local.services.decode import DecodeError, decode, parse_json
from oscarcli.local.services.definition import NAMESPACE, OWNER
from oscarcli.local.services.ownership import namespace_of
from oscarcli.local.services.quantity import binary_size
from oscarcli.local.services.quotas import Settings, given, whole
from oscarcli.local.services.schema import QUOTA

INVALID = "invalid payload: "
NOTHING = "at least one of cpu, memory, ephemeral_storage, volumes or minio must be provided"
# Kubernetes counts cores in thousandths.
MILLICORES = 1000
# Whose everything is here: the cluster's account, under its two names.
OWNERS = (NAME, OWNER)

Document = dict[str, Any]


def own(call: Call) -> Response:
    """GET /system/quotas/user: the cluster's own account is no user and has no quota."""
    if not call.caller.is_admin:
        return json_answer(_quota(call, call.caller.uid))
    raise ApiError(401, "missing user identificator: the request has no user's token")


def get(call: Call) -> Response:
    """GET /system/quotas/user/{userId}: of one who is known, or for whom something was set."""
    _require_admin(call)
    cluster, user = call.cluster, call.name
    if user not in OWNERS and not cluster.quotas.get(user) and not cluster.accounts.is_user(user):
        # As a server without Kueue says it, which looks for what Kubernetes stores for the user.
        name = user.partition("@")[0]
        raise ApiError(500, f'getting volume quotas for user {user}: resourcequotas "{name}" not found')
    return json_answer(_quota(call, user))


def _require_admin(call: Call) -> None:
    if not call.caller.is_admin:
        raise ApiError(403, "forbidden")


def change(call: Call) -> Response:
    """PUT /system/quotas/user/{userId}."""
    _require_admin(call)
    try:
        changes = given(decode(QUOTA, parse_json(body_of(call, INVALID))))
    except DecodeError as error:
        raise ApiError(400, f"{INVALID}{error}") from error
    except ValueError as error:
        raise ApiError(500, str(error)) from error
    if not changes:
        raise ApiError(400, NOTHING)
    call.cluster.quotas.change(call.name, changes)
    # Jobs may have waited for that.
    call.cluster.scheduler.wake()
    return json_answer(_quota(call, call.name))


def _quota(call: Call, user: str) -> Document:
    settings = call.cluster.quotas.get(user)
    return {
        "user_id": user,
        "resources": _resources(call, settings, user),
        "volumes": _volumes(call, settings.get("volumes", {}), user),
        "minio": _minio(call, settings.get("minio", {}), user),
    }


def _resources(call: Call, settings: Settings, user: str) -> Document:
    cluster = call.cluster
    running = [
        definition
        for definition in cluster.services.all()
        if user in _owners(call, definition["owner"])
        for _ in cluster.jobs.running(definition["name"])
    ]
    limits = {
        "cpu": _limit(settings, "cpu", (os.cpu_count() or 1) * MILLICORES, MILLICORES),
        "memory": _limit(settings, "memory", host_memory()),
        "ephemeral-storage": _limit(settings, "ephemeral_storage", _disk(call)),
        "gpu": _limit(settings, "gpu", 0),
    }
    used = {
        "cpu": sum(whole(definition["cpu"], MILLICORES) for definition in running),
        "memory": sum(whole(definition["memory"]) for definition in running),
    }
    return {key: {"max": most, "used": used.get(key, 0)} for key, most in limits.items()}


def _limit(settings: Settings, key: str, otherwise: int, factor: int = 1) -> int:
    return whole(settings[key], factor) if key in settings else otherwise


def _disk(call: Call) -> int:
    """Return the bytes of the disk that the cluster's data are on."""
    return shutil.disk_usage(call.cluster.folder.path).total


def _volumes(call: Call, settings: Settings, user: str) -> Document:
    """Return the quota of volumes, which is text; no text where nothing limits something."""
    known = call.cluster.users.get(user) if call.cluster.users is not None else None
    namespace = NAMESPACE if user in OWNERS else namespace_of(known) if known is not None else ""
    volumes = call.cluster.volumes.of(namespace)
    disk = binary_size(_disk(call))
    return {
        "disk": {
            "max": settings.get("disk", disk),
            "used": binary_size(sum(whole(volume.size) for volume in volumes)),
        },
        "volumes": {"max": settings.get("volumes", ""), "used": str(len(volumes))},
        "max_disk_per_volume": settings.get("max_disk_per_volume", disk),
        "min_disk_per_volume": settings.get("min_disk_per_volume", ""),
    }


def _owners(call: Call, owner: str) -> tuple[str, ...]:
    """Return under which names the owner of something is known."""
    return (owner,) if call.cluster.accounts.is_user(owner) else OWNERS


def _minio(call: Call, settings: Settings, user: str) -> Document:
    store, policies = call.cluster.store, call.cluster.policies
    found = ((bucket, policies.get(bucket.name)) for bucket in store.buckets())
    buckets = [bucket for bucket, policy in found if user in _owners(call, policy.owner if policy else "")]
    return {
        "buckets": {"max": whole(settings.get("buckets", "0")), "used": len(buckets)},
        "storage_per_bucket": {"max": settings.get("storage_per_bucket", "")},
        "storage_total": {"used": binary_size(sum(store.usage(bucket.name)[0] for bucket in buckets))},
    }


_ONE = "/system/quotas/user/{userId}"

ROUTES = (
    Route("GET", "/system/quotas/user", own),
    Route("GET", _ONE, get),
    Route("PUT", _ONE, change),
)
