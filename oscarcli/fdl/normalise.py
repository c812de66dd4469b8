"""A service in the form that two ways of writing it share, whoever wrote it: the user or the server.

Facts: `oscar-api` 3.3 (what a server shows), 4.1 to 4.7 (defaults), 5.1 (paths), 8.1 (labels). All functions
are pure, and whatever a server sends gives a result: a value of an unexpected type stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oscarcli.fdl.folders import folders
from oscarcli.fdl.kinds import (
    Field,
    PortNumbers,
    Record,
    RecordMap,
    Records,
    Switch,
    Text,
    TextMap,
    Texts,
    ValueKind,
)
from oscarcli.fdl.replacement import SERVER_LABELS
from oscarcli.fdl.schema import SERVICE
from oscarcli.fdl.to_server import PORT_KEYS

# What the server decides about, or only shows.
SET_BY_SERVER = ("token", "namespace", "owner", "bucket_list", "volume_status", "deployment")
BUCKET_PROVIDERS = ("minio", "s3")
# The cluster's own object store: a server fills it into every definition, with masked keys.
OWN_STORE = ("storage_providers", "minio", "default")


def comparable(document: Mapping[str, Any], *, stored: bool = False) -> dict[str, Any]:
    """Return a service with every default filled in and nothing that only the server decides about.

    Two documents that a server treats alike have equal results, but for what it takes both to decide:
    secrets, which it does not show, and ports that it assigned (`compare.py`). Values that are empty, 0 or
    false are left out, unless the default is another one.

    Args:
        document: a definition as it is sent, or a service as the server shows it.
        stored: which of the two; a server leaves `kserve.set_auth` out when it is false, and takes its
            absence for true.
    """
    name = str(document.get("name") or "")
    prepared = {key: value for key, value in document.items() if key not in SET_BY_SERVER}
    # The server shows this one always; its defaults hold although nobody asked for it.
    prepared["expose"] = prepared.get("expose") or {}
    kserve = prepared.get("kserve")
    if stored and isinstance(kserve, Mapping) and kserve:
        prepared["kserve"] = {"set_auth": False, **kserve}
    service = _record(prepared, SERVICE)
    if isinstance(service.get("script"), str):
        service["script"] = service["script"].replace("\r\n", "\n").replace("\r", "\n")
    for key, folder in folders(service, "input", "output", "mount"):
        _normalise_folder(folder, name, is_mount=key == "mount")
    _normalise_labels(service)
    _normalise_ports(service)
    _normalise_users(service, document.get("owner"))
    _fill_in_names(service, name)
    if "federation" not in service:
        # The id is the user's own word for the cluster, and means something to federated services alone.
        service.pop("cluster_id", None)
    return service


def provider_of(folder: Mapping[str, Any]) -> tuple[str, str]:
    """Return the type, in lower case, and the id of a folder's storage provider."""
    kind, _, identifier = str(folder.get("storage_provider") or "").strip().partition(".")
    return kind.lower(), identifier or "default"


def full_path(folder: Mapping[str, Any], service: str) -> str:
    """Return the path of an input or output as the server takes it.

    A path without a slash is a folder of the bucket that is called like the service.

    Args:
        folder: the input or output.
        service: the service's name.
    """
    path = str(folder.get("path") or "").strip(" /")
    in_own_bucket = path and "/" not in path and provider_of(folder)[0] in BUCKET_PROVIDERS
    return f"{service}/{path}" if in_own_bucket else path


def _record(values: Mapping[str, Any], record: Record) -> dict[str, Any]:
    """Return a record's values in the table's order, then unknown ones; empty ones are not in it."""
    found: dict[str, Any] = {}
    for name, field in record.fields.items():
        value = _value(values.get(name), field.kind)
        value = field.default if _is_empty(value, field) else value
        if value is not None:
            found[name] = value
    unknown = {key: value for key, value in values.items() if key not in record.fields}
    return {**found, **{key: value for key, value in unknown.items() if value not in (None, "", [], {})}}


def _is_empty(value: Any, field: Field) -> bool:
    """Tell whether a value stands for nothing; false stands for itself where the default is true."""
    if isinstance(field.kind, Switch) and field.default is True:
        return value is None
    return value in (None, "", 0, [], {})


def _value(value: Any, kind: ValueKind) -> Any:
    if isinstance(kind, Text):
        return _text(value, kind)
    if isinstance(kind, PortNumbers) and value is not None:
        return value if isinstance(value, list) else [value]
    if isinstance(value, list):
        return _list(value, kind)
    if isinstance(value, Mapping):
        return _mapping(value, kind)
    return value


def _list(value: list[Any], kind: ValueKind) -> list[Any]:
    if isinstance(kind, Texts):
        return [_text(item, Text()) for item in value]
    if isinstance(kind, Records):
        return [_record(item, kind.record) if isinstance(item, Mapping) else item for item in value]
    return value


def _mapping(value: Mapping[str, Any], kind: ValueKind) -> Mapping[str, Any]:
    if isinstance(kind, Record):
        return _record(value, kind)
    if isinstance(kind, RecordMap):
        return {
            key: _record(item, kind.record) if isinstance(item, Mapping) else item
            for key, item in value.items()
        }
    if isinstance(kind, TextMap):
        return {key: "" if item is None else _text(item, Text()) for key, item in value.items()}
    return value


def _text(value: Any, kind: Text) -> Any:
    if isinstance(value, bool):
        value = str(value).lower()
    elif isinstance(value, (int, float)):
        value = str(value)
    if not kind.choices or not isinstance(value, str) or not value:
        return value
    known = next((choice for choice in kind.choices if choice.lower() == value.lower()), None)
    return known or kind.otherwise or value


def _normalise_folder(folder: Any, service: str, *, is_mount: bool) -> None:
    if not isinstance(folder, dict):
        return
    kind, identifier = provider_of(folder)
    if kind:
        folder["storage_provider"] = f"{kind}.{identifier}"
    if isinstance(folder.get("path"), str):
        folder["path"] = folder["path"].strip(" /") if is_mount else full_path(folder, service)


def _normalise_labels(service: dict[str, Any]) -> None:
    labels = service.get("labels")
    if isinstance(labels, dict):
        service["labels"] = {key: value for key, value in labels.items() if key not in SERVER_LABELS}
        if not service["labels"]:
            del service["labels"]


def _normalise_ports(service: dict[str, Any]) -> None:
    """Take port 0 for no port."""
    expose = service.get("expose")
    if not isinstance(expose, dict):
        return
    ports = expose.get("api_port")
    if not (isinstance(ports, list) and any(ports)):
        for key in PORT_KEYS:
            expose.pop(key, None)


def _normalise_users(service: dict[str, Any], owner: Any) -> None:
    """Put the users in order, without blanks and without the owner, whom the server adds by itself."""
    users = service.get("allowed_users")
    if not isinstance(users, list) or not all(isinstance(user, str) for user in users):
        return
    names = {user.strip() for user in users}
    service["allowed_users"] = sorted(user for user in names if user and user != owner)
    if not service["allowed_users"]:
        del service["allowed_users"]


def _fill_in_names(service: dict[str, Any], name: str) -> None:
    """Say what a volume and a federation are called when they are not told."""
    volume, federation = service.get("volume"), service.get("federation")
    if isinstance(volume, dict) and volume.get("size"):
        volume.setdefault("name", name)
        volume.setdefault("lifecycle_policy", "delete")
    if isinstance(federation, dict):
        federation.setdefault("group_id", name)
        if federation == {"group_id": name, "topology": "none"}:
            del service["federation"]
