"""Who else runs a service: `/system/federation/{service}` (`oscar-api` 3.6, 4.4).

The routes change what the cluster has stored, then tell the members; the second may fail after the first
went well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oscarcli.api.client import Client
from oscarcli.api.responses import json_document
from oscarcli.api.shapes import FEDERATION

Member = dict[str, Any]
Federation = dict[str, Any]

TYPES = ("oscar", "endpoint")
# Each member's cluster is told in turn.
WRITE_SECONDS = 120.0
WARNING = "Updated with federation warnings"


def get_federation(client: Client, service: str) -> Federation:
    """Return topology and members; `members` is `None` when there are none.

    Raises:
        NotFoundError: there is no such service.
    """
    what = f'get the federation of service "{service}"'
    response = client.request("GET", "system", "federation", service, what=what)
    found: Federation = json_document(response, what, FEDERATION)
    return {**found, "members": found.get("members") or None}


def members_of(federation: Federation) -> list[Member]:
    """Return the members, none when there are none."""
    return [member for member in federation.get("members") or [] if isinstance(member, dict)]


def is_federated(federation: Federation) -> bool:
    """Tell whether a service has a topology or members; servers answer for one without a federation, too."""
    return bool(members_of(federation)) or str(federation.get("topology") or "none").lower() != "none"


def identity(member: Member) -> tuple[str, str, str]:
    """Return what the server tells members apart by."""
    kind, cluster, service = (str(member.get(key) or "") for key in ("type", "cluster_id", "service_name"))
    return kind.lower(), cluster, service


def add_member(client: Client, service: str, member: Member) -> str | None:
    """Append a member; the server does not look whether it is there already.

    Returns:
        What went wrong when the members were told, `None` when nothing did.
    """
    what = f'add a federation member to service "{service}"'
    return _write(client, "POST", service, what, {"members": [member]})


def replace_member(client: Client, service: str, old: Member, new: Member) -> str | None:
    """Put a member in the place of every stored one with the old one's identity; returns as `add_member`."""
    what = f'update a federation member of service "{service}"'
    return _write(client, "PUT", service, what, {"members": [old], "update": [new]})


def remove_members(
    client: Client, service: str, members: Sequence[Member], *, delete_services: bool = False
) -> str | None:
    """Remove the stored members with these identities; returns as `add_member`.

    Args:
        client: the cluster.
        service: the service.
        members: those to remove.
        delete_services: whether services of this cluster that are called like the members' are deleted;
            failures of that are told to nobody.
    """
    what = f'remove federation members of service "{service}"'
    body: dict[str, Any] = {"members": list(members)}
    if delete_services:
        body["delete"] = True
    return _write(client, "DELETE", service, what, body)


def _write(client: Client, method: str, service: str, what: str, body: dict[str, Any]) -> str | None:
    response = client.request(
        method, "system", "federation", service, what=what, json=body, read_timeout=WRITE_SECONDS
    )
    text = " ".join(response.text.split())
    return text if text.startswith(WARNING) else None
