"""The cluster itself: `/health`, `/system/info`, `config`, `status` and `logs` (`oscar-api` 3)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from oscarcli.api.client import Client
from oscarcli.api.responses import is_html, json_document
from oscarcli.api.shapes import CONFIG, INFO, STATUS, SYSTEM_LOGS, Shape
from oscarcli.config.model import TlsSettings
from oscarcli.errors import AuthError, ForbiddenError, OscarError

if TYPE_CHECKING:
    import httpx

HEALTH_SECONDS = 10.0
VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


@dataclass(frozen=True)
class Health:
    """What a cluster answered when it was asked how it is.

    Attributes:
        is_well: whether it is in order.
        status: the answer's HTTP status.
        body: the answer itself, `Ok` when all is well.
    """

    is_well: bool
    status: int
    body: str


@dataclass(frozen=True)
class HealthAnswer:
    """What came from `/health`.

    Attributes:
        status: of HTTP.
        body: the text.
        is_page: whether it is a web page.
        url: where it came from in the end, after redirects.
        skew: how much the server's clock is ahead of this machine's; `None` when the server tells no time.
    """

    status: int
    body: str
    is_page: bool
    url: str
    skew: timedelta | None


def get_health(client: Client, *, seconds: float = HEALTH_SECONDS) -> Health:
    """Ask a cluster how it is, without a login. Raises UnreachableError when nothing answers."""
    response = _ask_health(client, seconds)
    # A web page comes from something else, at a wrong address or in front of the cluster.
    is_well = response.is_success and not is_html(response)
    return Health(is_well, response.status_code, response.text.strip())


def has_dashboard(client: Client) -> bool:
    """Tell whether a cluster has pages for a browser; a manager without them answers 404.

    Raises:
        UnreachableError: nothing answers.
    """
    import httpx

    response = client.request(
        "GET", "ui", what="find the dashboard", auth=httpx.Auth(), any_answer=True, any_status=True
    )
    # With them it leads to `/ui/`.
    return response.status_code < httpx.codes.BAD_REQUEST


def probe_health(
    endpoint: str, *, tls: TlsSettings, seconds: float, trace: Callable[[str], None] | None = None
) -> HealthAnswer:
    """Ask a server once how it is, and look at how it answers. Raises UnreachableError when nothing does.

    The way to it, step by step, is in `oscarcli.network.route`.
    """
    import httpx

    with Client(endpoint, httpx.Auth(), tls=tls, timeout=seconds, retries=False, trace=trace) as client:
        begun = time.monotonic()
        response = _ask_health(client, seconds)
        taken = timedelta(seconds=time.monotonic() - begun)
    return HealthAnswer(
        response.status_code,
        response.text.strip(),
        is_html(response),
        str(response.url),
        _skew(response.headers.get("date", ""), taken),
    )


def _ask_health(client: Client, seconds: float) -> httpx.Response:
    import httpx

    return client.request(
        "GET",
        "health",
        what="ask for the cluster's health",
        auth=httpx.Auth(),
        read_timeout=seconds,
        any_answer=True,
        any_status=True,
    )


def _skew(date: str, taken: timedelta) -> timedelta | None:
    """Return how much a server's clock is ahead, as far as whole seconds and the way of an answer tell."""
    try:
        sent = parsedate_to_datetime(date)
    except (TypeError, ValueError, OverflowError):
        return None
    if sent.tzinfo is None:
        sent = sent.replace(tzinfo=timezone.utc)
    # The header has no fractions: on average it is half a second behind.
    return sent + timedelta(seconds=0.5) - (datetime.now(timezone.utc) - taken / 2)


def get_info(client: Client, *, seconds: float = 30.0) -> dict[str, Any]:
    """Return version, architecture and backend of the cluster."""
    return _get(client, "info", "get the cluster's information", INFO, seconds)


def server_version(text: str | None) -> tuple[int, int, int] | None:
    """Return the numbers of a server's version; `None` when it has none, as that of a development build.

    Args:
        text: `version` of `get_info`.
    """
    found = VERSION.match(text or "")
    return None if found is None else (int(found[1]), int(found[2]), int(found[3] or 0))


def get_config(client: Client) -> dict[str, Any]:
    """Return the cluster's settings, with the MinIO endpoint and this login's keys."""
    return _get(client, "config", "get the cluster's configuration", CONFIG)


def get_status(client: Client) -> dict[str, Any]:
    """Return nodes, jobs and storage of the cluster with their load."""
    return _get(client, "status", "get the cluster's status", STATUS)


def _get(client: Client, route: str, what: str, shape: Shape, seconds: float = 30.0) -> dict[str, Any]:
    response = client.request("GET", "system", route, what=what, read_timeout=seconds)
    found: dict[str, Any] = json_document(response, what, shape)
    return found


def get_system_logs(client: Client, *, timestamps: bool = False, previous: bool = False) -> dict[str, Any]:
    """Return the manager's own log of calls to `/run` and `/job`, as `{"logs": [...]}`.

    Args:
        client: the cluster.
        timestamps: whether lines begin with the container's time; the server then misreads `timestamp`.
        previous: whether it is about the container that ran before a restart.

    Raises:
        ForbiddenError: the login is no administrator's.
    """
    what = "get the system's log"
    wanted = {"timestamps": timestamps, "previous": previous}
    params = {key: "true" for key, value in wanted.items() if value}
    response = client.request("GET", "system", "logs", what=what, params=params)
    if response.text.lstrip().startswith("["):
        return {"logs": json_document(response, what, SYSTEM_LOGS["logs"])}
    found: dict[str, Any] = json_document(response, what, SYSTEM_LOGS)
    if "logs" not in found:
        raise OscarError(f"cannot {what}: the answer has an unexpected shape: it has no logs")
    return {**found, "logs": found["logs"] or []}


def set_allowed_images(client: Client, images: list[str]) -> list[str]:
    """Set which images services may use and return what the server stored.

    Args:
        client: the cluster.
        images: parts of image names; an image that has one of them is allowed, and any when there is none.

    Raises:
        ForbiddenError: the login is not the cluster's own account.
    """
    what = "set the allowed images"
    body = {"allowed_image_repositories": images}
    try:
        response = client.request("PUT", "system", "config", what=what, json=body)
    except AuthError as error:
        # To a user's token the server answers 401 with an empty JSON string; a wrong login gets no body.
        if error.message.endswith('""'):
            raise ForbiddenError(
                f"cannot {what}: only the cluster's own account, with user and password, may"
            ) from error
        raise
    if response.text.lstrip().startswith("{"):
        return list(json_document(response, what, CONFIG).get("allowed_image_repositories") or [])
    return list(json_document(response, what, [str]))
