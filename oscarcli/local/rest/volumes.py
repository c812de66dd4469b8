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
from oscarcli.local.services.ownership import namespace_of
from oscarcli.local.services.schema import NEW_VOLUME
from oscarcli.local.services.volume_checks import NAME_RULE, SIZE_RULE, is_positive
from oscarcli.local.services.volumes import ERROR, IN_USE, LOST, READY, Volume, Volumes, volume_key

INVALID = "The volume specification is not valid: "
ATTACHED = "managed volume is still attached to one or more services"


def list_all(call: Call) -> Response:
    """GET /system/volumes: those in the caller's namespace."""
    return json_answer([_shown(call, volume) for volume in call.cluster.volumes.of(_namespace(call))])


def create(call: Call) -> Response:
    """POST /system/volumes."""
    wanted = _read(call)
    volumes = call.cluster.volumes
    with call.cluster.state.transaction():
        used = [one.size for one in volumes.of(wanted.namespace)]
        call.cluster.ownership.check_volume(call.caller, wanted.name, wanted.size, used)
        if volumes.get(wanted.key) is not None:
            raise ApiError(409, "volume already exists in caller namespace")
        volumes.create(wanted)
    return json_answer(_shown(call, wanted), 201)


def get(call: Call) -> Response:
    """GET /system/volumes/{volumeName}."""
    volume = call.cluster.volumes.get(_key(call))
    if volume is None:
        raise ApiError(404)
    return json_answer(_shown(call, volume))


def delete(call: Call) -> Response:
    """DELETE /system/volumes/{volumeName}; a volume that does not exist is no mistake."""
    volumes, key = call.cluster.volumes, _key(call)
    with call.cluster.state.transaction():
        if volumes.attachments(key):
            raise ApiError(400, ATTACHED)
        volumes.delete(key)
    return empty(204)


def _namespace(call: Call) -> str:
    return NAMESPACE if call.caller.user is None else namespace_of(call.caller.user)


def _key(call: Call) -> str:
    return volume_key(_namespace(call), call.name)


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
    return Volume(volume_key(_namespace(call), wanted["name"]), wanted["size"])


def _shown(call: Call, volume: Volume) -> dict[str, Any]:
    volumes = call.cluster.volumes
    attachments = volumes.attachments(volume.key)
    document = {
        "name": volume.name,
        "namespace": volume.namespace,
        "pvc_name": volume.name,
        "size": volume.size,
        "owner_user": call.caller.uid or OWNER,
        "created_by_service": volume.service,
        "creation_mode": "service" if volume.service else "api",
        "lifecycle_policy": volume.policy,
        "attachments": [{"service_name": one.service, "mount_path": one.path} for one in attachments],
        "status": _status(volumes, volume.key, len(attachments)),
    }
    return {key: value for key, value in document.items() if value}


def _status(volumes: Volumes, key: str, attached: int) -> dict[str, Any]:
    count = {"attachment_count": attached} if attached else {}
    if not volumes.is_whole(key):
        return {"phase": ERROR, "message": LOST, **count}
    return {"phase": IN_USE if attached else READY, **count}


_ONE = "/system/volumes/{volumeName}"

ROUTES = (
    Route("GET", "/system/volumes", list_all),
    Route("POST", "/system/volumes", create),
    Route("GET", _ONE, get),
    Route("DELETE", _ONE, delete),
)
