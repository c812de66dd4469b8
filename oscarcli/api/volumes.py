"""Volumes, which outlive the services that mount them: `/system/volumes` (`oscar-api` 3.9, 4.8)."""

from __future__ import annotations

from typing import Any

from oscarcli.api.client import Client
from oscarcli.api.responses import json_document
from oscarcli.api.shapes import VOLUME

Volume = dict[str, Any]

WRITE_SECONDS = 60.0


def list_volumes(client: Client) -> list[Volume]:
    """Return the caller's volumes, by name."""
    what = "list the volumes"
    found: list[Volume] = json_document(client.request("GET", "system", "volumes", what=what), what, [VOLUME])
    return found


def get_volume(client: Client, name: str) -> Volume:
    """Return one volume. Raises NotFoundError when there is none."""
    what = f'get volume "{name}"'
    found: Volume = json_document(client.request("GET", "system", "volumes", name, what=what), what, VOLUME)
    return found


def create_volume(client: Client, name: str, size: str) -> Volume:
    """Create a volume and return it.

    Args:
        client: the cluster.
        name: a DNS label.
        size: a Kubernetes quantity, such as 1Gi.

    Raises:
        RefusedError: the name is taken, name or size are wrong, or the quota is used up.
    """
    what = f'create volume "{name}"'
    body = {"name": name, "size": size}
    response = client.request("POST", "system", "volumes", what=what, json=body, read_timeout=WRITE_SECONDS)
    found: Volume = json_document(response, what, VOLUME)
    return found


def delete_volume(client: Client, name: str) -> None:
    """Delete a volume with all it holds.

    The server answers success for a volume that does not exist, too: look it up before.

    Raises:
        RefusedError: a service still has it mounted.
    """
    what = f'delete volume "{name}"'
    client.request("DELETE", "system", "volumes", name, what=what, read_timeout=WRITE_SECONDS)
