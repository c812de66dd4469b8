"""Services: documents kept as they are, limits by operation."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from oscarcli.api import services
from oscarcli.api.client import Client
from oscarcli.errors import AuthError, ForbiddenError, NotFoundError, OscarError
from oscarcli.fdl.replacement import replacement


def api(
    status: int = 200, body: Any = "", kind: str = "application/json"
) -> tuple[Client, list[httpx.Request]]:
    seen: list[httpx.Request] = []
    text = body if isinstance(body, str) else json.dumps(body)

    def handler(request: httpx.Request) -> httpx.Response:
        request.read()
        seen.append(request)
        return httpx.Response(status, text=text, headers={"content-type": kind})

    transport = httpx.MockTransport(handler)
    return Client("http://h", httpx.BasicAuth("a", "b"), transport=transport, retries=False), seen


def test_a_null_list_is_empty_and_unknown_fields_stay() -> None:
    client, _ = api(body="null")
    assert services.list_services(client) == []
    client, _ = api(body=[{"name": "x", "from_the_future": {"a": [1]}}])
    assert services.list_services(client) == [{"name": "x", "from_the_future": {"a": [1]}}]


@pytest.mark.parametrize(
    "body", ["{", "x", "<html>", "[1]", "[null]", '{"a": 1}', '"x"', "1", '[{"a": NaN', "[[]]"]
)
def test_a_list_that_is_none_is_an_error(body: str) -> None:
    client, _ = api(body=body)
    with pytest.raises(OscarError, match="cannot list the services: the answer") as caught:
        services.list_services(client)
    assert type(caught.value) is OscarError


@pytest.mark.parametrize("body", ["null", "[]", "{", "true", '{"a": ' * 5000 + "1" + "}" * 5000])
def test_a_service_that_is_none_is_an_error(body: str) -> None:
    client, _ = api(body=body)
    with pytest.raises(OscarError, match='cannot get service "x": the answer'):
        services.get_service(client, "x")


def test_a_document_too_deep_to_be_written_again_is_refused() -> None:
    client, _ = api(body='{"a": ' * 300 + "1" + "}" * 300)
    with pytest.raises(OscarError, match="unexpected shape"):
        services.get_service(client, "x")
    client, _ = api(body='{"name": "x", "a": ' * 50 + "1" + "}" * 50)
    assert services.get_service(client, "x")["a"]


def test_an_empty_answer_means_not_permitted() -> None:
    client, _ = api(body="")
    with pytest.raises(ForbiddenError, match="permission"):
        services.get_service(client, "x")


def test_only_a_missing_service_is_a_missing_service() -> None:
    assert services.find_service(api(404, "")[0], "x") is None
    for status in (401, 403, 500, 503):
        with pytest.raises(OscarError):
            services.find_service(api(status, "")[0], "x")
    with pytest.raises(OscarError):
        services.find_service(api(404, "404 page not found", "text/plain")[0], "x")


@pytest.mark.parametrize(
    ("definition", "seconds"),
    [
        ({"name": "x"}, 120.0),
        ({"name": "x", "image_prefetch": True}, 400.0),
        ({"image_prefetch": "no"}, 120.0),
    ],
)
def test_writes_have_limits_of_their_own(definition: dict[str, Any], seconds: float) -> None:
    client, seen = api(201)
    services.create_service(client, definition)
    services.update_service(client, definition)
    assert [request.method for request in seen] == ["POST", "PUT"]
    for request in seen:
        assert request.extensions["timeout"]["read"] == seconds
        assert json.loads(request.content) == definition
    services.delete_service(client, "x")
    assert seen[-1].extensions["timeout"]["read"] == 120.0


def test_an_update_carries_what_the_server_would_forget() -> None:
    client, seen = api(204)
    stored = {
        "name": "x",
        "owner": "ada",
        "labels": {"owner_name": "Ada", "mine": "1"},
        "kserve": {"type": "t"},
    }
    wanted = {"name": "x", "cpu": "1", "kserve": {"type": "t"}}
    services.update_service(client, replacement(wanted, stored))
    assert json.loads(seen[0].content) == {
        "name": "x",
        "cpu": "1",
        "owner": "ada",
        "labels": {"owner_name": "Ada"},
        "kserve": {"type": "t", "set_auth": False},
    }


def test_a_run_is_given_the_token_and_five_minutes() -> None:
    client, seen = api(200, "answer", "text/html")
    assert services.run_service(client, "x", b"aGk=", "tok") == b"answer"
    assert seen[0].headers["authorization"] == "Bearer tok"
    assert seen[0].extensions["timeout"]["read"] == 300.0
    services.run_service(client, "x", b"aGk=", None)
    assert seen[1].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize("service", [{"name": "x"}, {"name": "x", "token": ""}, {"name": "x", "token": 1}])
def test_a_service_without_a_token_cannot_be_invoked(service: dict[str, Any]) -> None:
    with pytest.raises(AuthError, match='does not show the token of service "x"'):
        services.service_token(service)


def test_missing_services_are_named() -> None:
    with pytest.raises(NotFoundError, match='cannot delete service "x": it does not exist'):
        services.delete_service(api(404)[0], "x")
