"""Routes of services: create, read, update, delete, their deployment and their gateway check."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from oscarcli.local.answers import ApiError, empty, json_answer
from oscarcli.local.http.messages import Response
from oscarcli.local.jobs.engine.selection import EngineError
from oscarcli.local.jobs.placement import PlacementError
from oscarcli.local.rest.auth import (
    TOKEN_LENGTH,
    authenticated,
    bearer,
    is_basic,
    require_basic,
    token_matches,
)
from oscarcli.local.rest.routes import Call, Route
from oscarcli.local.services.definition import INVALID, Definition, read_definition, without_secrets
from oscarcli.local.services.federation import is_delegating, refresh_token_of
from oscarcli.local.services.names import is_label_value

if TYPE_CHECKING:
    from oscarcli.local.cluster import LocalCluster

# A definition is text; Kubernetes takes none above 1 MiB either.
MAX_BODY_BYTES = 8 << 20


def body_of(call: Call, invalid: str) -> bytes:
    """Return a request's JSON body. Raises ApiError 400, its text beginning with `invalid`."""
    try:
        return call.request.read_all(MAX_BODY_BYTES)
    except ValueError as error:
        raise ApiError(400, f"{invalid}http: request body too large") from error


def create(call: Call) -> Response:
    """POST /system/services, at the members of its federation, too."""
    body, token = body_of(call, INVALID), user_token(call)
    asked = read_definition(body)
    # A refresh token may be good once only: what follows it has to have a place before it is used.
    has_own_token = not token and bool(refresh_token_of(asked))
    if not has_own_token:
        call.cluster.workers.check(asked, token)
    definition = call.cluster.lifecycle.create(body, call.caller)
    try:
        call.cluster.output_buckets.make(definition)
        if has_own_token and is_delegating(definition):
            token = call.cluster.members.token(definition)
            call.cluster.workers.check(definition, token)
        problems = call.cluster.workers.create(_stored(call, definition), token)
        if problems:
            raise ApiError(500, f"Error creating the service: {problems[0]}")
    except ApiError:
        call.cluster.lifecycle.withdraw(definition["name"])
        call.cluster.attachments.release()
        raise
    _prepare(call, definition)
    call.cluster.output_buckets.check_tags(definition)
    return empty(201)


def update(call: Call) -> Response:
    """PUT /system/services."""
    definition = call.cluster.lifecycle.update(body_of(call, INVALID), call.caller)
    call.cluster.output_buckets.update(definition)
    _prepare(call, definition)
    call.cluster.attachments.release()
    tell_members(call, definition)
    return empty(204)


def tell_members(call: Call, definition: Definition) -> None:
    """Tell the members of a service's federation of a change. Raises ApiError 200 when some cannot be."""
    if is_delegating(definition):
        token = user_token(call) or call.cluster.members.token(definition)
        call.cluster.workers.update(_stored(call, definition), token)


def _stored(call: Call, definition: Definition) -> Definition:
    """Return a service as it is now: its refresh token may have been replaced."""
    return call.cluster.services.get(definition["name"]) or definition


def user_token(call: Call) -> str:
    """Return the token of the user who calls, which members get, too; empty for the cluster's account."""
    return "" if call.caller.is_admin else bearer(call.request.headers) or ""


def _prepare(call: Call, definition: Definition) -> None:
    """Begin to get the image of a service that is new or changed, and to run it if it is exposed."""
    with suppress(PlacementError):
        call.cluster.placements.prepare(definition, again=True)
    call.cluster.deployments.put(definition["name"])


def list_all(call: Call) -> Response:
    """GET /system/services."""
    found = call.cluster.services.all()
    return json_answer([_shown(call, definition) for definition in found if call.caller.sees(definition)])


def get(call: Call) -> Response:
    """GET /system/services/{serviceName}."""
    return json_answer(_shown(call, service_of(call)))


def delete(call: Call) -> Response:
    """DELETE /system/services/{serviceName}, with jobs and buckets."""
    try:
        call.cluster.lifecycle.delete(call.name, call.caller)
    finally:
        end_deleted(call.cluster, call.name)
    return empty(204)


def end_deleted(cluster: LocalCluster, name: str) -> None:
    """End what still runs of a service that was deleted; one that is still there goes on."""
    # A service can be gone although its buckets are not.
    if cluster.services.get(name) is None:
        cluster.sync.stop("the service was deleted", name)
        cluster.deployments.remove(name)
        cluster.attachments.release()


def service_of(call: Call) -> Definition:
    """Return the service that a request names. Raises ApiError 404, 403 for who does not see it."""
    if not is_label_value(call.name):
        raise ApiError(400, "invalid serviceName")
    definition = call.cluster.services.get(call.name)
    if definition is None:
        raise ApiError(404)
    if not call.caller.sees(definition):
        raise ApiError(403, f"User {call.caller.uid} doesn't have permision to get this service")
    return definition


def _shown(call: Call, definition: Definition) -> dict[str, Any]:
    shown = {**without_secrets(definition), "volume_status": call.cluster.volumes.status_of(definition)}
    included = call.request.query.get("include", "").lower().split(",")
    if "deployment" in [word.strip() for word in included]:
        shown["deployment"] = _deployment(call, definition)
    return shown


def _deployment(call: Call, definition: Definition) -> dict[str, Any]:
    """Return a deployment: a service is ready when its image is here, as a scaled-down one is there."""
    image = _image_state(call, definition)
    deployment = call.cluster.deployments.get(definition["name"])
    if deployment is not None:
        state = deployment.status()
        # Until its image is here nothing of it can run.
        return {**image, **state} if image["state"] == "ready" else {**state, **image}
    return {
        **image,
        "active_instances": len(call.cluster.jobs.running(definition["name"])),
        "affected_instances": 0,
        "resource_kind": "knative_service",
    }


def _image_state(call: Call, definition: Definition) -> dict[str, Any]:
    """Return state and reason, and the engine with the image's digest: a real cluster has no such members."""
    try:
        pull = call.cluster.placements.prepare(definition)
        engine = call.cluster.engines.of(definition).name
    except (PlacementError, EngineError) as error:
        return {"state": "failed", "reason": str(error)}
    if pull is None:
        return {"state": "ready"}
    if not pull.ended.is_set():
        return {"state": "pending", "reason": pull.progress, "engine": engine}
    if pull.image is None:
        return {"state": "failed", "reason": pull.error, "engine": engine}
    return {"state": "ready", "engine": engine, "image": definition["image"], "digest": pull.image.digest}


def deployment(call: Call) -> Response:
    """GET .../deployment."""
    return json_answer(deployment_document(call, deployed(call)))


def deployment_document(call: Call, definition: Definition) -> dict[str, Any]:
    """Return a service's deployment as its own route shows it."""
    return {
        "service_name": definition["name"],
        "namespace": definition["namespace"],
        **_deployment(call, definition),
    }


def deployed(call: Call) -> Definition:
    """Return the service whose deployment is asked for. Raises ApiError 403 also when there is none."""
    if not is_label_value(call.name):
        raise ApiError(400, "invalid serviceName")
    definition = call.cluster.services.get(call.name)
    if definition is None or not call.caller.uses(definition):
        # The manager's own answer to a missing service at these two routes.
        raise ApiError(403, "You do not have permission to access this service")
    return definition


# -- the gateway's question ----------------------------------------------------------------------


def check_auth(call: Call) -> Response:
    """GET .../auth: 200 when the credentials open the service (`oscar-api` 3.4)."""
    definition = call.cluster.services.get(call.name)
    settings = call.cluster.settings
    token = _offered_token(call)
    if token is None:
        require_basic(call.request.headers, settings.user, settings.password)
        return empty(200 if definition is not None else 404)
    if len(token) != TOKEN_LENGTH:
        caller = authenticated(call.request.headers, call.cluster)
        if definition is None:
            raise ApiError(404)
        return empty(200 if caller.sees(definition) else 403)
    if definition is None:
        raise ApiError(500)
    if not token_matches(token, definition):
        raise ApiError(401)
    return Response(200, {"Set-Cookie": _cookie(call, token)})


def _offered_token(call: Call) -> str | None:
    headers, settings = call.request.headers, call.cluster.settings
    if is_basic(headers, settings.user, settings.password):
        return None
    token = bearer(headers)
    if token is not None:
        return token
    forwarded = parse_qs(urlsplit(headers.get("x-forwarded-uri", "")).query).get("token", [""])[0]
    return call.request.query.get("token") or forwarded or _cookie_value(call) or None


def _cookie_name(call: Call) -> str:
    return f"oscar_service_{call.name.replace('-', '_')}_auth"


def _cookie_value(call: Call) -> str:
    pairs = (part.strip().partition("=") for part in call.request.headers.get("cookie", "").split(";"))
    return next((value for name, _, value in pairs if name == _cookie_name(call)), "")


def _cookie(call: Call, token: str) -> str:
    secure = "; Secure" if call.request.headers.get("x-forwarded-proto") == "https" else ""
    return (
        f"{_cookie_name(call)}={token}; Path=/system/services/{call.name}/exposed; HttpOnly{secure}; "
        "SameSite=Lax"
    )


_ONE = "/system/services/{serviceName}"

ROUTES = (
    Route("POST", "/system/services", create),
    Route("PUT", "/system/services", update),
    Route("GET", "/system/services", list_all),
    Route("GET", _ONE, get),
    Route("DELETE", _ONE, delete),
    Route("GET", f"{_ONE}/auth", check_auth, basic=False),
    Route("GET", f"{_ONE}/deployment", deployment),
)
