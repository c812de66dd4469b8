"""What runs for a service: its deployment with log, stop, start and restart (`oscar-api` 3.5)."""

from __future__ import annotations

from typing import Any, Literal

from oscarcli.api.client import Client
from oscarcli.api.responses import json_document
from oscarcli.api.services import find_service
from oscarcli.api.shapes import DEPLOYMENT, DEPLOYMENT_LOGS
from oscarcli.errors import ForbiddenError, MissingName, NotFoundError, OscarError

Deployment = dict[str, Any]
Change = Literal["stop", "start", "restart"]

# Lines of a deployment's log that the server gives: this many at most.
MAX_LINES = 1000
CHANGE_SECONDS = 120.0


def get_deployment(client: Client, service: str) -> Deployment:
    """Return the state of a service's deployment. Raises NotFoundError when there is no such service."""
    return _get(client, service, "get the deployment", ("deployment",), {})


def get_deployment_logs(
    client: Client, service: str, *, timestamps: bool = False, tail: int | None = None
) -> Deployment:
    """Return the newest lines of a deployment's log, of all its pods by time.

    Args:
        client: the cluster.
        service: the service.
        timestamps: whether each line comes with its time.
        tail: how many lines; the server's own number, 200, when omitted.

    Raises:
        NotFoundError: there is no such service.
    """
    params = {"timestamps": "true"} if timestamps else {}
    if tail is not None:
        params["tailLines"] = str(tail)
    return _get(client, service, "get the deployment's log", ("deployment", "logs"), params)


def _get(
    client: Client, service: str, doing: str, route: tuple[str, ...], params: dict[str, str]
) -> Deployment:
    what = f'{doing} of service "{service}"'
    try:
        response = client.request("GET", "system", "services", service, *route, what=what, params=params)
    except ForbiddenError as error:
        raise _missing_or(client, service, error) from error
    found: Deployment = json_document(response, what, DEPLOYMENT_LOGS if "logs" in route else DEPLOYMENT)
    return found


def _missing_or(client: Client, service: str, error: ForbiddenError) -> OscarError:
    """Return what a 403 means: these routes give it to a service that does not exist, too."""
    try:
        if find_service(client, service) is None:
            missing = MissingName("service", service)
            return NotFoundError(f'there is no service "{service}"', missing=missing)
    except OscarError:
        error.hint = "the server answers the same when there is no such service"
    return error


def change_deployment(client: Client, service: str, change: Change) -> Deployment:
    """Stop, start or restart an exposed service and return the state of its deployment afterwards.

    Raises:
        NotFoundError: there is no such service, or nothing of it is deployed.
        RefusedError: the service is not exposed: there is nothing that runs all the time.
    """
    what = f'{change} service "{service}"'
    try:
        response = client.request(
            "POST", "system", "services", service, change, what=what, read_timeout=CHANGE_SECONDS
        )
    except NotFoundError as error:
        if find_service(client, service) is not None:
            raise NotFoundError(
                f"cannot {what}: the service exists, but nothing of it is deployed"
            ) from error
        raise
    found: Deployment = json_document(response, what, DEPLOYMENT)
    return found
