"""Deployments, volumes, metrics, quotas, federations, health, the system's log: what goes over the wire."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from oscarcli.api import deployments, federation, metrics, quotas, system, volumes
from oscarcli.api.client import Client
from oscarcli.errors import (
    AuthError,
    ForbiddenError,
    NotFoundError,
    OscarError,
    RefusedError,
    UnreachableError,
    UsageError,
)

Call = Callable[[Client], Any]


def api(*answers: httpx.Response) -> tuple[Client, list[httpx.Request]]:
    """Return a client that is given these answers in order, the last one for ever."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        request.read()
        seen.append(request)
        return answers[min(len(seen), len(answers)) - 1]

    transport = httpx.MockTransport(handler)
    return Client("http://h", httpx.BasicAuth("a", "b"), transport=transport, retries=False), seen


def json_of(value: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, text=json.dumps(value))


READS: dict[str, tuple[Call, str]] = {
    "deployment": (lambda c: deployments.get_deployment(c, "a b"), "/system/services/a%20b/deployment"),
    "deployment log": (
        lambda c: deployments.get_deployment_logs(c, "x", timestamps=True, tail=3),
        "/system/services/x/deployment/logs?timestamps=true&tailLines=3",
    ),
    "volume": (lambda c: volumes.get_volume(c, "a/b"), "/system/volumes/a%2Fb"),
    "summary": (lambda c: metrics.get_summary(c, {"start": "S"}), "/system/metrics?start=S"),
    "breakdown": (
        lambda c: metrics.get_breakdown(c, "user", {"end": "E"}),
        "/system/metrics/breakdown?end=E&group_by=user",
    ),
    "own quota": (quotas.get_quota, "/system/quotas/user"),
    "quota": (lambda c: quotas.get_quota(c, "a@b"), "/system/quotas/user/a%40b"),
    "federation": (lambda c: federation.get_federation(c, "x"), "/system/federation/x"),
    "system's log": (
        lambda c: system.get_system_logs(c, timestamps=True, previous=True),
        "/system/logs?timestamps=true&previous=true",
    ),
}


@pytest.mark.parametrize("name", READS)
def test_a_read_asks_its_route_once(name: str) -> None:
    call, path = READS[name]
    client, seen = api(json_of({"name": "x", "logs": None, "newer": [1]}))
    assert call(client)["newer"] == [1]
    assert [(one.method, one.url.raw_path.decode()) for one in seen] == [("GET", path)]


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("body", [b"", b"null", b"3", b'"text"', b"{", b"<html>"])
def test_an_answer_of_another_shape_is_an_error_of_ours(name: str, body: bytes) -> None:
    call, _ = READS[name]
    client, _ = api(httpx.Response(200, content=body))
    with pytest.raises(OscarError):
        call(client)


@pytest.mark.parametrize("name", READS)
def test_a_route_that_there_is_not_is_no_missing_thing(name: str) -> None:
    call, _ = READS[name]
    client, _ = api(httpx.Response(404, text="404 page not found"))
    with pytest.raises(RefusedError, match="no such route"):
        call(client)


@pytest.mark.parametrize(
    "call",
    [
        lambda c: deployments.get_deployment(c, ""),
        lambda c: volumes.delete_volume(c, ".."),
        lambda c: metrics.get_service_metrics(c, "", {}),
        lambda c: quotas.get_quota(c, ""),
        lambda c: federation.get_federation(c, "."),
    ],
)
def test_an_empty_name_never_asks_the_route_above(call: Call) -> None:
    client, seen = api(json_of({}))
    with pytest.raises(UsageError):
        call(client)
    assert seen == []


# -- health --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(200, text="Ok\n"), system.Health(True, 200, "Ok")),
        (httpx.Response(204), system.Health(True, 204, "")),
        (httpx.Response(500, text="away"), system.Health(False, 500, "away")),
        (httpx.Response(200, html="<p>Hi</p>"), system.Health(False, 200, "<p>Hi</p>")),
    ],
)
def test_health_is_any_answer(answer: httpx.Response, expected: system.Health) -> None:
    client, _ = api(answer)
    assert system.get_health(client) == expected


def test_no_answer_is_no_health() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    client = Client(
        "http://h", httpx.BasicAuth("a", "b"), transport=httpx.MockTransport(refuse), retries=False
    )
    with pytest.raises(UnreachableError):
        system.get_health(client)


# -- writes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "method", "path", "body"),
    [
        (
            lambda c: volumes.create_volume(c, "v", "1Gi"),
            "POST",
            "/system/volumes",
            {"name": "v", "size": "1Gi"},
        ),
        (lambda c: quotas.update_quota(c, "a", {"cpu": "1"}), "PUT", "/system/quotas/user/a", {"cpu": "1"}),
        (
            lambda c: federation.add_member(c, "x", {"type": "oscar"}),
            "POST",
            "/system/federation/x",
            {"members": [{"type": "oscar"}]},
        ),
        (
            lambda c: federation.replace_member(c, "x", {"type": "a"}, {"type": "b"}),
            "PUT",
            "/system/federation/x",
            {"members": [{"type": "a"}], "update": [{"type": "b"}]},
        ),
        (
            lambda c: federation.remove_members(c, "x", [{"type": "a"}]),
            "DELETE",
            "/system/federation/x",
            {"members": [{"type": "a"}]},
        ),
        (
            lambda c: federation.remove_members(c, "x", [{"type": "a"}], delete_services=True),
            "DELETE",
            "/system/federation/x",
            {"members": [{"type": "a"}], "delete": True},
        ),
        (lambda c: deployments.change_deployment(c, "x", "stop"), "POST", "/system/services/x/stop", None),
    ],
)
def test_a_write_sends_what_is_asked_once(call: Call, method: str, path: str, body: Any) -> None:
    client, seen = api(httpx.Response(201, json={"name": "v"}))
    call(client)
    (request,) = seen
    assert (request.method, request.url.raw_path.decode()) == (method, path)
    assert (json.loads(request.content) if request.content else None) == body


def test_warnings_of_members_are_given_back_in_one_line() -> None:
    client, _ = api(httpx.Response(200, text="Updated with federation warnings:\n [edge:\trefused]"))
    assert federation.add_member(client, "x", {}) == "Updated with federation warnings: [edge: refused]"
    client, _ = api(json_of({"members": []}))
    assert federation.add_member(client, "x", {}) is None


@pytest.mark.parametrize("members", [None, [], "missing"])
def test_no_members_are_none(members: Any) -> None:
    client, _ = api(json_of({} if members == "missing" else {"members": members}))
    assert federation.get_federation(client, "x")["members"] is None


def test_members_are_told_apart_as_the_server_does() -> None:
    one = {"type": "OSCAR", "cluster_id": "c", "service_name": "s", "url": "u", "priority": 1}
    assert federation.identity(one) == federation.identity(
        {"type": "oscar", "cluster_id": "c", "service_name": "s"}
    )
    assert federation.identity({"type": None}) == ("", "", "")
    assert federation.members_of({"members": [one, "odd", None]}) == [one]


# -- what failures mean --------------------------------------------------------------------------


def test_a_403_for_a_deployment_is_looked_into() -> None:
    client, seen = api(httpx.Response(403), httpx.Response(404))
    with pytest.raises(NotFoundError):
        deployments.get_deployment(client, "x")
    assert seen[1].url.path == "/system/services/x"
    client, _ = api(httpx.Response(403), json_of({"name": "x"}))
    with pytest.raises(ForbiddenError):
        deployments.get_deployment(client, "x")


def test_own_quota_of_nobody_is_told_from_a_wrong_password() -> None:
    client, _ = api(httpx.Response(401, text="missing user identificator: x"))
    with pytest.raises(ForbiddenError, match="the cluster's own account"):
        quotas.get_quota(client)
    client, _ = api(httpx.Response(401))
    with pytest.raises(AuthError) as raised:
        quotas.get_quota(client)
    assert not isinstance(raised.value, ForbiddenError)


@pytest.mark.parametrize("value", [{"value": 0}, {"metrics": []}, {"metrics": [{"value": 0.0}, None]}, {}])
def test_zeros_ask_whether_there_is_such_a_service(value: Any) -> None:
    client, seen = api(json_of(value), httpx.Response(404))
    with pytest.raises(NotFoundError):
        metrics.get_service_metrics(client, "x", {})
    assert len(seen) == 2


@pytest.mark.parametrize("value", [{"value": 0.5}, {"metrics": [{"value": 0}, {"value": 1}]}])
def test_other_numbers_are_the_answer(value: Any) -> None:
    client, seen = api(json_of(value))
    assert metrics.get_service_metrics(client, "x", {}) == value
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("answer", "stored"),
    [(["a"], ["a"]), (None, []), ({"allowed_image_repositories": ["a"]}, ["a"]), ({"other": 1}, [])],
)
def test_allowed_images_are_what_was_stored(answer: Any, stored: list[str]) -> None:
    client, seen = api(json_of(answer))
    assert system.set_allowed_images(client, ["a"]) == stored
    assert json.loads(seen[0].content) == {"allowed_image_repositories": ["a"]}


def test_a_users_token_may_not_set_images() -> None:
    client, _ = api(json_of("", 401))
    with pytest.raises(ForbiddenError):
        system.set_allowed_images(client, [])


@pytest.mark.parametrize("answer", [{"logs": None}, {"logs": []}, []])
def test_an_empty_log_of_the_system(answer: Any) -> None:
    client, _ = api(json_of(answer))
    assert system.get_system_logs(client) == {"logs": []}


def test_volumes_are_listed_and_null_is_none() -> None:
    client, _ = api(json_of(None))
    assert volumes.list_volumes(client) == []


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("4.1.0", (4, 1, 0)),
        ("v4.1", (4, 1, 0)),
        ("v3.6.5-rc1", (3, 6, 5)),
        ("4.10.2", (4, 10, 2)),
        ("devel", None),
        ("local-0.1.0", None),
        ("", None),
        (None, None),
    ],
)
def test_a_version_is_its_numbers(text: str | None, numbers: tuple[int, int, int] | None) -> None:
    assert system.server_version(text) == numbers
