"""What services consumed and who called them: `/system/metrics` (`oscar-api` 3.12, 4.15)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oscarcli.api.client import Client
from oscarcli.api.responses import json_document
from oscarcli.api.services import find_service
from oscarcli.api.shapes import METRICS as METRIC_DOCUMENT
from oscarcli.errors import MissingName, NotFoundError, RefusedError

Metrics = dict[str, Any]
# `start` and `end` in RFC 3339, each only where wanted; the server takes the last 24 hours by itself.
Window = Mapping[str, str]

GROUPS = ("service", "user", "country")
# What the route of one service takes as `metric`.
METRICS = (
    "cpu-hours",
    "gpu-hours",
    "requests-sync-per-service",
    "requests-async-per-service",
    "requests-exposed-per-service",
    "users-per-service",
)
# The queries behind a number may take long.
SECONDS = 120.0


def get_summary(client: Client, window: Window) -> Metrics:
    """Return the totals of the cluster, of the services that the login may see."""
    return _get(client, "get the metrics", (), window)


def get_breakdown(client: Client, group: str, window: Window, *, include_users: bool = False) -> Metrics:
    """Return the metrics item by item.

    Args:
        client: the cluster.
        group: what an item is, one of `GROUPS`.
        window: the time they are about.
        include_users: whether items name their users; only for group "service".
    """
    params = {**window, "group_by": group}
    if include_users:
        params["include_users"] = "true"
    return _get(client, f"get the metrics by {group}", ("breakdown",), params)


def get_service_metrics(client: Client, service: str, window: Window, metric: str | None = None) -> Metrics:
    """Return all metrics of a service, or one of `METRICS`.

    Raises:
        NotFoundError: there is no such service; the server gives zeros for it to administrators.
        RefusedError: the service's name is that of another route.
    """
    if service == "breakdown":
        raise RefusedError(
            'cannot get the metrics of service "breakdown": the server has another route of that name',
            hint="'oscar-cli metrics breakdown' has a line for it",
        )
    params = {**window, "metric": metric} if metric else window
    found = _get(client, f'get the metrics of service "{service}"', (service,), params)
    if _is_all_zero(found) and find_service(client, service) is None:
        raise NotFoundError(
            f'there is no service "{service}", and there are no metrics of an earlier one',
            missing=MissingName("service", service),
        )
    return found


def _is_all_zero(found: Metrics) -> bool:
    metrics = found.get("metrics")
    items = metrics if isinstance(metrics, list) else [found]
    return not any(item.get("value") for item in items if isinstance(item, dict))


def _get(client: Client, what: str, route: tuple[str, ...], params: Window) -> Metrics:
    response = client.request(
        "GET", "system", "metrics", *route, what=what, params=params, read_timeout=SECONDS
    )
    found: Metrics = json_document(response, what, METRIC_DOCUMENT)
    return found
