"""Exposed services: the way to them, and the routes that stop and start them (`oscar-api` 3.5)."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING

from oscarcli.local.answers import ApiError, json_answer
from oscarcli.local.exposed.deployments import Deployments
from oscarcli.local.http.messages import Request, Response
from oscarcli.local.rest.auth import is_basic
from oscarcli.local.rest.cors import add_cors_headers, cors_headers, preflight_answer
from oscarcli.local.rest.routes import Call, Route
from oscarcli.local.rest.services import check_auth, deployed, deployment_document
from oscarcli.local.services.definition import Definition
from oscarcli.local.services.exposure import base_path
from oscarcli.local.services.names import is_label_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from oscarcli.local.cluster import LocalCluster
    from oscarcli.local.exposed.deployment import Deployment

_PATH = re.compile(r"/system/services/([^/]+)/exposed(?:/(.*))?", re.S)
CHALLENGE = {"WWW-Authenticate": 'Basic realm="Authentication Required"'}
FORWARD = "forward"


def answer(cluster: LocalCluster, request: Request) -> Response | None:
    """Answer a call of an exposed service; `None` when the request is another one.

    Raises:
        ApiError: 401 without the service's login, 503 while it does not run, 502 when it breaks off.
    """
    match = _PATH.fullmatch(request.raw_path)
    deployment = cluster.deployments.get(match[1]) if match is not None else None
    if match is None or deployment is None:
        return None
    cluster.exposed_calls.add(match[1])
    cors = cors_headers(request)
    if cors and request.method == "OPTIONS":
        return preflight_answer(cors)
    try:
        response = _answered(cluster, deployment, request, f"/{match[2] or ''}")
    except ApiError as error:
        error.headers.update(cors)
        raise
    add_cors_headers(response, cors)
    return response


def _answered(cluster: LocalCluster, deployment: Deployment, request: Request, rest: str) -> Response:
    """Pass a call on; `rest` is the path below the service's own. Raises ApiError."""
    from oscarcli.local.exposed.deployment import UnavailableError
    from oscarcli.local.exposed.proxy import GatewayError
    from oscarcli.local.exposed.relay import RelayFullError

    definition = deployment.definition
    name = definition["name"]
    cookie = _admit(cluster, request, definition)
    path = base_path(name) + rest if definition["expose"]["rewrite_target"] else rest
    target = f"{path}?{request.raw_query}" if "?" in request.target else path
    try:
        response = _forwarded(cluster, deployment, request, target)
    except (UnavailableError, RelayFullError) as error:
        text = f'the service "{name}" cannot be called: {error}\n'
        raise ApiError(503, text, {"Retry-After": "1"}) from error
    except GatewayError as error:
        raise ApiError(502, f'the service "{name}" gave no answer: {error}\n') from error
    _note_redirect(deployment, response)
    if cookie:
        response.further_headers = [*response.further_headers, ("Set-Cookie", cookie)]
    return response


def _forwarded(cluster: LocalCluster, deployment: Deployment, request: Request, target: str) -> Response:
    """Pass a call on; it lasts as long as its answer, or what is spoken on its connection afterwards."""
    from oscarcli.local.exposed.proxy import forward

    call = ExitStack()
    try:
        port = call.enter_context(deployment.called())
        return forward(request, port, target, cluster.deployments.relay, call.close)
    except BaseException:
        call.close()
        raise


def _note_redirect(deployment: Deployment, response: Response) -> None:
    """Say once when a service leads its callers away: gateways put nothing before the path of a redirect."""
    location = next((v for k, v in response.headers.items() if k.lower() == "location"), "")
    path = base_path(deployment.definition["name"])
    if location.startswith("/") and not location.startswith(f"{path}/"):
        deployment.note_once(
            "a redirect of the service leads out of it, as on a real cluster: its path does not begin with "
            "$OSCAR_SERVICE_BASE_PATH; relative ones stay inside"
        )


def _admit(cluster: LocalCluster, request: Request, definition: Definition) -> str | None:
    """Let only who has the service's login pass, if it wants one; return a cookie to set.

    Raises:
        ApiError: it is missing or wrong.
    """
    expose = definition["expose"]
    if not expose["set_auth"]:
        return None
    if str(expose.get("auth_type") or "").lower() == FORWARD:
        checked = check_auth(Call(cluster, request, [definition["name"]]))
        if checked.status != 200:
            raise ApiError(checked.status)
        return checked.headers.get("Set-Cookie")
    if not is_basic(request.headers, definition["name"], definition["token"]):
        raise ApiError(401, headers=CHALLENGE)
    return None


def logs(call: Call) -> Response:
    """GET .../deployment/logs: what an exposed service printed; nothing else stands between two runs."""
    definition = deployed(call)
    name = definition["name"]
    deployment = call.cluster.deployments.get(name)
    if deployment is None:
        message = "the service is not exposed, so nothing of it runs all the time; see the logs of its jobs"
        return json_answer({"service_name": name, "available": False, "message": message, "entries": []})
    entries = deployment.log.entries(_lines(call), timestamps=call.flag("timestamps"))
    return json_answer({"service_name": name, "available": True, "entries": entries})


def _lines(call: Call) -> int:
    from oscarcli.local.exposed.log import DEFAULT_LINES, MAX_LINES

    try:
        wanted = int(call.request.query.get("tailLines", ""))
    except ValueError:
        return DEFAULT_LINES
    return min(wanted, MAX_LINES) if wanted >= 1 else DEFAULT_LINES


def _changing(change: Callable[[Deployments, Deployment], None]) -> Callable[[Call], Response]:
    def handler(call: Call) -> Response:
        if not is_label_value(call.name):
            raise ApiError(400, "invalid serviceName")
        definition = call.cluster.services.get(call.name)
        if definition is None:
            raise ApiError(404)
        if not call.caller.owns(definition):
            refusal = f"User {call.caller.uid} doesn't have permission to manage this service"
            raise ApiError(403, refusal)
        deployment = call.cluster.deployments.get(call.name)
        if deployment is None:
            raise ApiError(400, f'service "{call.name}" is not exposed')
        change(call.cluster.deployments, deployment)
        return json_answer(deployment_document(call, definition))

    return handler


_ONE = "/system/services/{serviceName}"

ROUTES = (
    Route("GET", f"{_ONE}/deployment/logs", logs),
    Route("POST", f"{_ONE}/stop", _changing(Deployments.stop)),
    Route("POST", f"{_ONE}/start", _changing(Deployments.start)),
    Route("POST", f"{_ONE}/restart", _changing(Deployments.restart)),
)
