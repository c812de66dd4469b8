"""Replaces a service that is there: the one way by which this program updates one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oscarcli.api.client import Client
from oscarcli.api.responses import ServerError
from oscarcli.api.services import find_service, update_service
from oscarcli.errors import NotFoundError, OscarError
from oscarcli.fdl.compare import compare
from oscarcli.fdl.replacement import is_carried, replacement


def replace_service(client: Client, definition: Mapping[str, Any], version: str | None = None) -> str | None:
    """Update a service; return a remark when the server failed and yet did it.

    With an administrator's login servers give up over policies after they have stored the definition
    (`oscar-api` 3.3, PUT).

    Args:
        client: the cluster.
        definition: what `to_server.sent` made of the service as it is to be.
        version: the server's version, where it matters.

    Raises:
        NotFoundError: the service is not there.
        ServerError: the server failed, and whether the service is as wanted cannot be told, or it is not.
    """
    name = str(definition.get("name"))
    # Looked up now: of a service that was created a moment ago nobody knows yet what the server added.
    stored = find_service(client, name)
    if stored is None:
        raise NotFoundError(f'cannot update service "{name}": it does not exist')
    wanted = replacement(definition, stored)
    has_changes = bool(compare(wanted, stored, version).changes)
    try:
        update_service(client, wanted)
    except ServerError as error:
        if not (has_changes and _is_stored(client, wanted, version)):
            raise
        return f"{error.message}; and yet the service is as wanted"
    return None


def _is_stored(client: Client, wanted: Mapping[str, Any], version: str | None) -> bool:
    try:
        stored = find_service(client, str(wanted.get("name")))
    except OscarError:
        return False
    return stored is not None and not compare(wanted, stored, version).changes and is_carried(wanted, stored)
