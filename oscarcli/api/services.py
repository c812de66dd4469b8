"""Services: `/system/services` and the synchronous `/run` (`oscar-api` 3.3, 3.10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from oscarcli.api.auth import bearer
from oscarcli.api.client import Client
from oscarcli.api.responses import ServerError, json_document, unconfirmed
from oscarcli.api.shapes import SERVICE
from oscarcli.errors import AuthError, NotFoundError
from oscarcli.http.limits import MAX_RESULT_BYTES

# A service's definition as the server sends it. It stays a mapping: a newer server's fields must survive.
Service = dict[str, Any]

# Creating and deleting restarts the object store's notifications: six seconds and more on a real cluster.
WRITE_SECONDS = 120.0
# With `image_prefetch` the answer comes when the image is on every node.
PREFETCH_SECONDS = 400.0
RUN_SECONDS = 300.0
# By then the service itself is gone (`oscar-api` 3.3, DELETE).
BUCKETS_LEFT = "Error deleting service buckets"
BUCKETS_LEFT_HINT = (
    "the service is gone, its buckets are not: 'oscar-cli bucket list' shows them, and 'oscar-cli bucket "
    "delete' removes them"
)
INCLUDE_DEPLOYMENT = {"include": "deployment"}


def list_services(client: Client, *, include_deployment: bool = False) -> list[Service]:
    """Return all services the login may see, in the server's order.

    Args:
        client: the cluster.
        include_deployment: whether each comes with `deployment`, its state; servers before 4.0 ignore it.
    """
    what = "list the services"
    params = INCLUDE_DEPLOYMENT if include_deployment else None
    response = client.request("GET", "system", "services", what=what, params=params)
    found: list[Service] = json_document(response, what, [SERVICE])
    return found


def get_service(client: Client, name: str, *, include_deployment: bool = False) -> Service:
    """Return one service, as in `list_services`. Raises NotFoundError when there is none."""
    what = f'get service "{name}"'
    params = INCLUDE_DEPLOYMENT if include_deployment else None
    response = client.request("GET", "system", "services", name, what=what, params=params)
    found: Service = json_document(response, what, SERVICE)
    return found


def find_service(client: Client, name: str) -> Service | None:
    """Return one service, or `None` when the server says that there is none; any other failure is raised."""
    try:
        return get_service(client, name)
    except NotFoundError:
        return None


def create_service(client: Client, definition: Mapping[str, Any]) -> None:
    """Create a service.

    Raises:
        RefusedError: the server finds the definition wrong or taken.
        UnconfirmedError: the answer does not say that it was created: look.
    """
    what = f'create service "{definition.get("name")}"'
    _write(client, "POST", definition, what)


def update_service(client: Client, definition: Mapping[str, Any]) -> None:
    """Replace a service's definition, all of it: PUT forgets what it is not sent.

    `oscarcli.fdl.update.replace_service` sends along what nobody wants to be forgotten.

    Args:
        client: the cluster.
        definition: the service as it is to be.

    Raises:
        NotFoundError: there is none.
        UnconfirmedError: the answer does not say that it was replaced: look.
        ServerError: the server failed; the definition may be stored all the same.
    """
    what = f'update service "{definition.get("name")}"'
    _write(client, "PUT", definition, what)


def _write(client: Client, method: str, definition: Mapping[str, Any], what: str) -> None:
    response = client.request(
        method, "system", "services", what=what, json=definition, read_timeout=_write_limit(definition)
    )
    error = unconfirmed(response, what)
    if error is not None:
        raise error


def _write_limit(definition: Mapping[str, Any]) -> float:
    return PREFETCH_SECONDS if definition.get("image_prefetch") is True else WRITE_SECONDS


def delete_service(client: Client, name: str) -> None:
    """Delete a service with its jobs and buckets.

    Raises:
        NotFoundError: there is none.
        ServerError: the server failed; the hint tells when the service itself is gone.
    """
    what = f'delete service "{name}"'
    try:
        response = client.request("DELETE", "system", "services", name, what=what, read_timeout=WRITE_SECONDS)
    except ServerError as error:
        if BUCKETS_LEFT in error.message:
            error.hint = BUCKETS_LEFT_HINT
        raise
    doubt = unconfirmed(response, what)
    if doubt is not None and find_service(client, name) is not None:
        raise doubt


def service_token(service: Service) -> str:
    """Return the token that `/run` and `/job` want. Raises AuthError when the server keeps it back."""
    token = service.get("token")
    if not isinstance(token, str) or not token:
        raise AuthError(
            f'the server does not show the token of service "{service.get("name")}"',
            hint="only its owner sees it",
        )
    return token


def run_service(client: Client, name: str, body: Iterable[bytes] | bytes, token: str | None) -> bytes:
    """Run a service synchronously and return the raw answer.

    Args:
        client: the cluster.
        name: the service.
        body: the request's body, base64 as the supervisor wants it; an iterable must be able to start anew.
        token: the service's token; `None` to log in as the client does.
    """
    response = client.request(
        "POST",
        "run",
        name,
        what=f'run service "{name}"',
        content=body,
        auth=bearer(token) if token else None,
        read_timeout=RUN_SECONDS,
        any_answer=True,
        largest=MAX_RESULT_BYTES,
    )
    return bytes(response.content)
