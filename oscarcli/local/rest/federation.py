"""Routes of federations (`oscar-api` 3.6)."""

from __future__ import annotations

import logging
from typing import Any

from oscarcli.local.answers import ApiError, json_answer
from oscarcli.local.http.messages import Response
from oscarcli.local.rest.routes import Call, Route
from oscarcli.local.rest.services import body_of, end_deleted, tell_members
from oscarcli.local.services.decode import DecodeError, decode, parse_json
from oscarcli.local.services.definition import Definition
from oscarcli.local.services.federation import federation_of
from oscarcli.local.services.schema import FEDERATION_REQUEST

log = logging.getLogger(__name__)

INVALID = "Invalid payload: "


def get(call: Call) -> Response:
    """GET /system/federation/{serviceName}."""
    return _answer(call.cluster.services.get(call.name))


def add(call: Call) -> Response:
    """POST: append members."""
    return _told(call, call.cluster.federations.add(call.name, _request(call)))


def replace(call: Call) -> Response:
    """PUT: put one member in the place of others."""
    return _told(call, call.cluster.federations.replace(call.name, _request(call)))


def remove(call: Call) -> Response:
    """DELETE: remove members, and this cluster's services of their names where that is asked for."""
    definition, doomed = call.cluster.federations.remove(call.name, _request(call))
    for name in doomed:
        try:
            call.cluster.lifecycle.delete(name)
        except ApiError as error:
            # Somebody else was faster. The manager tells its log alone, too.
            log.warning('service "%s" cannot be deleted with its member: %s', name, error)
        end_deleted(call.cluster, name)
    return _told(call, definition)


def _told(call: Call, definition: Definition | None) -> Response:
    """Tell the members of a change, and answer."""
    if definition is not None:
        tell_members(call, definition)
    return _answer(definition)


def _answer(definition: Definition | None) -> Response:
    if definition is None:
        raise ApiError(404)
    return json_answer(federation_of(definition))


def _request(call: Call) -> dict[str, Any]:
    try:
        request = decode(FEDERATION_REQUEST, parse_json(body_of(call, INVALID)))
    except DecodeError as error:
        raise ApiError(400, f"{INVALID}{error}") from error
    for member in (*request["members"], *request["update"]):
        if member["priority"] < 0:
            raise ApiError(
                400,
                f"{INVALID}json: cannot unmarshal number {member['priority']} into Go struct field "
                "Replica.priority of type uint",
            )
    return request


_ONE = "/system/federation/{serviceName}"

ROUTES = (
    Route("GET", _ONE, get),
    Route("POST", _ONE, add),
    Route("PUT", _ONE, replace),
    Route("DELETE", _ONE, remove),
)
