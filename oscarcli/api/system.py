"""The cluster itself: `/health`, `/system/info`, `/system/config`, `/system/status` (`oscar-api` 3)."""

from __future__ import annotations

from typing import Any

from oscarcli.api.client import Client
from oscarcli.api.responses import document


def get_health(client: Client, *, seconds: float = 10.0) -> str:
    """Return what the server says of its health, `Ok` when it is well."""
    response = client.request("GET", "health", what="ask for the cluster's health", read_timeout=seconds)
    return str(response.text).strip()


def get_info(client: Client, *, seconds: float = 30.0) -> dict[str, Any]:
    """Return version, architecture and backend of the cluster."""
    return _get(client, "info", "get the cluster's information", seconds)


def get_config(client: Client) -> dict[str, Any]:
    """Return the cluster's settings, with the MinIO endpoint and this login's keys."""
    return _get(client, "config", "get the cluster's configuration")


def get_status(client: Client) -> dict[str, Any]:
    """Return nodes, jobs and storage of the cluster with their load."""
    return _get(client, "status", "get the cluster's status")


def _get(client: Client, route: str, what: str, seconds: float = 30.0) -> dict[str, Any]:
    response = client.request("GET", "system", route, what=what, read_timeout=seconds)
    found: dict[str, Any] = document(response, what, dict)
    return found
