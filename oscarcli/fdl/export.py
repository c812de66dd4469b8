"""A running service as an FDL, which applied again changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from oscarcli.coercion import as_mapping
from oscarcli.fdl.document import field_path
from oscarcli.fdl.from_server import from_server
from oscarcli.fdl.schema import SERVICE
from oscarcli.http.redaction import secret_paths

# What a reader looks for first; the rest follows in the order of the table of keys.
LEADING = ("name", "image", "script", "memory", "cpu", "input", "output")
# What an FDL has at its top, for all services in it.
SHARED = ("storage_providers", "clusters")
# Servers want a script of every service, also of a model, which runs none; there may be one without it.
NO_SCRIPT = "#!/bin/sh\n"


@dataclass(frozen=True)
class Export:
    """An FDL and what belongs to it.

    Attributes:
        document: the FDL.
        script: the script's text; one that does nothing when the service has none.
        remarks: what the server does not tell, so that the FDL cannot either.
        credentials: key paths of passwords and keys in the FDL.
    """

    document: dict[str, Any]
    script: str
    remarks: tuple[str, ...]
    credentials: tuple[str, ...]


def exported(stored: Mapping[str, Any], cluster_id: str, script: str | None = None) -> Export:
    """Return a service as an FDL.

    Args:
        stored: the service as the server shows it.
        cluster_id: the cluster it is to stand under.
        script: what to write as `script`, a file's name; nothing when omitted.
    """
    definition = from_server(stored)
    text = str(definition.pop("script", "") or NO_SCRIPT)
    definition |= {"script": script} if script is not None else {}
    # A reader wants to see them, whether or not they are what the server would take anyway.
    definition |= {key: stored[key] for key in ("memory", "cpu") if stored.get(key)}
    shared = {key: definition.pop(key) for key in SHARED if definition.get(key)}
    service = {key: definition[key] for key in _order(definition) if key in definition}
    document = {"functions": {"oscar": [{cluster_id: service}]}, **shared}
    credentials = map(field_path, secret_paths({**service, **shared}))
    return Export(document, text, tuple(_remarks(stored)), tuple(credentials))


def _order(definition: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys([*LEADING, *SERVICE.fields, *definition]))


def _remarks(stored: Mapping[str, Any]) -> Iterator[str]:
    if not stored.get("script"):
        yield "the service has no script, which servers want of every one; here it has one that does nothing"
    if _has_node_port(as_mapping(stored.get("expose")).get("nodePort")):
        yield (
            "expose.nodePort is left out: the server does not tell whether it was wished for or assigned, "
            "and an assigned one, sent back, takes the public address away"
        )
    secrets = as_mapping(as_mapping(stored.get("environment")).get("secrets"))
    if secrets and not all(secrets.values()):
        yield (
            f"the server does not tell the values of secrets ({', '.join(secrets)}); left empty, they stay "
            "as they are where the service exists"
        )


def _has_node_port(value: Any) -> bool:
    return any(value) if isinstance(value, list) else bool(value)
