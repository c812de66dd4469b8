"""A service as a server shows it into the definition that its author would have written.

What is left out, the server fills in again, so applying the result changes nothing. Facts: `oscar-api` 3.3
(what a server shows, PUT quirks), 4.1 to 4.7 (defaults), 8.1 (labels), 10 (older servers).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oscarcli.coercion import as_mapping
from oscarcli.fdl.kinds import Field, Record, RecordMap, Records, ValueKind
from oscarcli.fdl.normalise import SET_BY_SERVER
from oscarcli.fdl.replacement import SERVER_ANNOTATIONS, SERVER_LABELS
from oscarcli.fdl.schema import SERVICE
from oscarcli.fdl.to_server import EXPOSE_DEFAULTS


def from_server(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the definition of a service, as an FDL would give it.

    Secrets keep their names, with the empty values that the server shows. Node ports are left out: the
    server shows an assigned one like one that was wished for, and sent back it takes the public address
    away. `storage_providers` and `clusters` have the credentials that the server shows.

    Args:
        stored: the service as the server shows it.
    """
    prepared = {key: value for key, value in stored.items() if key not in (*SET_BY_SERVER, "cluster_id")}
    kserve, expose = prepared.get("kserve"), prepared.get("expose")
    if isinstance(kserve, Mapping) and kserve:
        # The server leaves a false out, and takes its absence for true.
        prepared["kserve"] = {"set_auth": False, **kserve}
    definition = _record(prepared, SERVICE)
    _put(definition, "expose", _expose(expose) if isinstance(expose, Mapping) else None)
    for key in ("labels", "annotations"):
        section = as_mapping(definition.get(key))
        _put(definition, key, {name: value for name, value in section.items() if not _is_servers(name)})
    _put(definition, "storage_providers", _without_own_store(as_mapping(definition.get("storage_providers"))))
    _put(definition, "federation", _federation(definition))
    return definition


def _record(values: Mapping[str, Any], record: Record) -> dict[str, Any]:
    """Return what of a record is not what the server takes for its absence."""
    found = {}
    for key, value in values.items():
        field = record.fields.get(key)
        kept = value if field is None else _value(value, field.kind)
        if _says_something(kept, field):
            found[key] = kept
    return found


def _says_something(value: Any, field: Field | None) -> bool:
    if field is None or field.default is None:
        return bool(value)
    if field.default is True:
        return value is False
    return bool(value) and value != field.default


def _value(value: Any, kind: ValueKind) -> Any:
    if isinstance(kind, Record) and isinstance(value, Mapping):
        return _record(value, kind)
    if isinstance(kind, Records) and isinstance(value, list):
        return [_record(item, kind.record) for item in value if isinstance(item, Mapping)]
    if isinstance(kind, RecordMap) and isinstance(value, Mapping):
        return {key: _record(item, kind.record) for key, item in value.items() if isinstance(item, Mapping)}
    return value


def _put(definition: dict[str, Any], key: str, value: Any) -> None:
    """Set a key in its place, or remove it where the value says nothing."""
    if value:
        definition[key] = value
    else:
        definition.pop(key, None)


def _expose(stored: Mapping[str, Any]) -> dict[str, Any]:
    kind = SERVICE.fields["expose"].kind
    assert isinstance(kind, Record)
    found = _record({key: value for key, value in stored.items() if key != "nodePort"}, kind)
    ports = found.pop("api_port", [])
    ports = ports if isinstance(ports, list) else [ports]
    if not any(ports):
        return found
    # Zeros are said, too: whoever applies an exposed service without these numbers fills in others.
    return {"api_port": ports, **{key: stored.get(key) or 0 for key in EXPOSE_DEFAULTS}, **found}


def _is_servers(key: str) -> bool:
    """Tell whether a label or an annotation is the server's, which it sets again or keeps."""
    return key in SERVER_LABELS or key.startswith(SERVER_ANNOTATIONS)


def _without_own_store(providers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the storage providers without the cluster's own, whose keys the server hides."""
    minio = {key: value for key, value in as_mapping(providers.get("minio")).items() if key != "default"}
    found = {key: value for key, value in providers.items() if key != "minio"}
    return {**({"minio": minio} if minio else {}), **found}


def _federation(definition: Mapping[str, Any]) -> dict[str, Any]:
    federation = dict(as_mapping(definition.get("federation")))
    if federation.get("group_id") == definition.get("name"):
        federation.pop("group_id", None)
    return federation
