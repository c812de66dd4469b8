"""Routes of volumes (`oscar-api` 3.9, 4.8)."""

from __future__ import annotations

from typing import Any

from oscarcli.local.answers import ApiError, empty, json_answer
from oscarcli.local.http.messages import Response
from oscarcli.local.rest.routes import Call, Route
from oscarcli.local.rest.services import body_of
from oscarcli.local.services.decode import DecodeError, decode, parse_json
from oscarcli.local.services.definition import NAMESPACE, OWNER
from oscarcli.local.services.names import is_dns_label
from oscarcli.local.services.schema import NEW_VOLUME
from oscarcli.local.services.volume_checks import NAME_RULE, SIZE_RULE, is_positive
from oscarcli.local.services.volumes import ERROR, IN_USE, LOST, READY, Volume, Volumes

INVALID = "The volume specification is not valid: "
ATTACHED = "managed volume is still attached to one or more services"


def list_all(call: Call) -> Response:
    """GET /system/volumes: a user has none, as all here are in the namespace of the cluster's account."""
    volumes = call.cluster.volumes
    found = volumes.all() if call.caller.is_admin else []
    return json_answer([_shown(volumes, volume) for volume in found])


def create(call: Call) -> Response:
    """POST /system/volumes."""
    if not call.caller.is_admin:
        raise ApiError(400, f"{INVALID}here volumes belong to the cluster's own account alone")
    wanted = _read(call)
    volumes = call.cluster.volumes
    with call.cluster.state.transaction():
        if volumes.get(wanted.name) is not None:
            raise ApiError(409, "volume already exists in caller namespace")
        volumes.create(wanted)
    return json_answer(_shown(volumes, wanted), 201)


def get(call: Call) -> Response:
    """GET /system/volumes/{volumeName}."""
    volume = call.cluster.volumes.get(call.name)
    if volume is None or not call.caller.is_admin:
        raise ApiError(404)
    return json_answer(_shown(call.cluster.volumes, volume))


def delete(call: Call) -> Response:
    """DELETE /system/volumes/{volumeName}; a volume that does not exist is no mistake."""
    volumes = call.cluster.volumes
    if not call.caller.is_admin:
        return empty(204)
    with call.cluster.state.transaction():
        if volumes.attachments(call.name):
            raise ApiError(400, ATTACHED)
        volumes.delete(call.name)
    return empty(204)


def _read(call: Call) -> Volume:
    try:
        wanted = decode(NEW_VOLUME, parse_json(body_of(call, INVALID)))
    except DecodeError as error:
        raise ApiError(400, f"{INVALID}{error}") from error
    missing = [
        f"Key: '{NEW_VOLUME.name}.{key.title()}' Error:Field validation for '{key.title()}' failed on the "
        "'required' tag"
        for key in ("name", "size")
        if not wanted[key]
    ]
    if missing:
        raise ApiError(400, INVALID + "\n".join(missing))
    if not is_dns_label(wanted["name"]):
        raise ApiError(400, NAME_RULE)
    if not is_positive(wanted["size"]):
        raise ApiError(400, SIZE_RULE)
    return Volume(wanted["name"], wanted["size"])


def _shown(volumes: Volumes, volume: Volume) -> dict[str, Any]:
    attachments = volumes.attachments(volume.name)
    document = {
        "name": volume.name,
        "namespace": NAMESPACE,
        "pvc_name": volume.name,
        "size": volume.size,
        "owner_user": OWNER,
        "created_by_service": volume.service,
        "creation_mode": "service" if volume.service else "api",
        "lifecycle_policy": volume.policy,
        "attachments": [{"service_name": one.service, "mount_path": one.path} for one in attachments],
        "status": _status(volumes, volume.name, len(attachments)),
    }
    return {key: value for key, value in document.items() if value}


def _status(volumes: Volumes, name: str, attached: int) -> dict[str, Any]:
    count = {"attachment_count": attached} if attached else {}
    if not volumes.is_whole(name):
        return {"phase": ERROR, "message": LOST, **count}
    return {"phase": IN_USE if attached else READY, **count}


_ONE = "/system/volumes/{volumeName}"

ROUTES = (
    Route("GET", "/system/volumes", list_all),
    Route("POST", "/system/volumes", create),
    Route("GET", _ONE, get),
    Route("DELETE", _ONE, delete),
)
