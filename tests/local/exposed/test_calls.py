"""Calls of an exposed service, as they go through the API's port and come back."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.local.exposed.conftest import Document, Expose, printed, reaches
from tests.local.harness import LocalCluster, wait_for

pytestmark = pytest.mark.usefixtures("echo")

PATH = "/system/services/echo/exposed"


def told(cluster: LocalCluster, method: str, path: str, **arguments: Any) -> Document:
    """Return what the service was asked."""
    answer = cluster.call(method, f"{PATH}{path}", **arguments)
    assert answer.status_code == 200, answer.text
    document: Document = answer.json()
    return document


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
def test_every_method_goes_through_with_its_body(cluster: LocalCluster, method: str) -> None:
    asked = told(cluster, method, "/a%20b/c%2Fd?x=1&y=%C3%A4", content=b"text")
    assert (asked["method"], asked["path"], asked["body"]) == (method, "/a%20b/c%2Fd?x=1&y=%C3%A4", "text")


@pytest.mark.parametrize(("path", "seen"), [("", "/"), ("/", "/"), ("?q", "/?q"), ("/x/", "/x/")])
def test_the_path_of_the_service_is_taken_off(cluster: LocalCluster, path: str, seen: str) -> None:
    assert told(cluster, "GET", path)["path"] == seen


def test_a_head_has_the_length_and_no_body(cluster: LocalCluster) -> None:
    answer = cluster.call("HEAD", f"{PATH}/x")
    assert int(answer.headers["content-length"]) > 100
    assert answer.content == b""


def test_a_body_of_unknown_length_is_passed_on_in_chunks(cluster: LocalCluster) -> None:
    def blocks() -> Iterator[bytes]:
        yield from [b"x" * 100_000] * 30

    asked = told(cluster, "POST", "/x", content=blocks())
    headers = {name.lower(): value for name, value in asked["headers"]}
    assert (asked["body"], headers["transfer-encoding"]) == (3_000_000, "chunked")
    assert "content-length" not in headers


def test_headers_reach_the_service_without_those_of_the_connection(cluster: LocalCluster) -> None:
    sent = {"X-Mine": "1", "Connection": "X-Between", "X-Between": "2", "X-Forwarded-For": "10.0.0.1"}
    asked = told(cluster, "GET", "/x", headers=sent)
    headers = {name.lower(): value for name, value in asked["headers"]}
    assert headers["x-mine"] == "1"
    assert "x-between" not in headers
    host = urlsplit(cluster.server.endpoints.api).netloc
    assert (headers["host"], headers["x-forwarded-host"]) == (host, host)
    assert (headers["x-forwarded-for"], headers["x-real-ip"]) == ("10.0.0.1, 127.0.0.1", "127.0.0.1")
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == ("http", host.rpartition(":")[2])


def test_headers_come_back_also_those_of_one_name(cluster: LocalCluster) -> None:
    answer = cluster.call("GET", f"{PATH}/x")
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2; Path=/"]
    assert (answer.headers["x-kept"], "x-hop" in answer.headers) == ("yes", False)


@pytest.mark.parametrize("status", [201, 304, 404, 418, 500, 599])
def test_a_status_comes_back(cluster: LocalCluster, status: int) -> None:
    assert cluster.call("GET", f"{PATH}/x", headers={"X-Answer": str(status)}).status_code == status


def test_an_answer_is_passed_on_as_it_comes(cluster: LocalCluster) -> None:
    url = f"{cluster.server.endpoints.api}{PATH}"
    with httpx.stream("GET", f"{url}/stream", trust_env=False, verify=False, timeout=60) as answer:
        blocks = answer.iter_raw()
        assert next(blocks) == b"first"
        assert cluster.call("POST", f"{PATH}/release").status_code == 200
        assert b"".join(blocks) == b"second"


def test_an_answer_that_breaks_off_is_not_taken_for_whole(cluster: LocalCluster) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        cluster.call("GET", f"{PATH}/short")


def test_an_answer_that_is_not_http_is_a_bad_gateway(cluster: LocalCluster) -> None:
    answer = cluster.call("GET", f"{PATH}/garbage")
    assert (answer.status_code, answer.text[:34]) == (502, 'the service "echo" gave no answer:')


def test_a_redirect_is_left_alone_and_noted_once(cluster: LocalCluster) -> None:
    for _ in range(2):
        answer = cluster.call("GET", f"{PATH}/redirect")
        assert (answer.status_code, answer.headers["location"]) == (302, "/login")
    assert len([line for line in printed(cluster, "echo") if "leads out of it" in line]) == 1


def test_another_protocol_is_spoken_both_ways(cluster: LocalCluster) -> None:
    netloc = urlsplit(cluster.server.endpoints.api).netloc
    host, _, port = netloc.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(
            f"GET {PATH}/upgrade HTTP/1.1\r\nHost: {netloc}\r\n"
            "Connection: keep-alive, Upgrade\r\nUpgrade: shouting\r\n\r\n".encode()
        )
        stream = connection.makefile("rwb")
        assert stream.readline() == b"HTTP/1.1 101 Switching Protocols\r\n"
        headers = {line.lower() for line in iter(stream.readline, b"\r\n")}
        assert {b"upgrade: shouting\r\n", b"connection: upgrade\r\n"} <= headers
        assert stream.readline() == b"WELCOME\n"
        for word in (b"one\n", b"two\n"):
            stream.write(word)
            stream.flush()
            assert stream.readline() == word.upper()


def test_the_service_has_the_environment_of_a_real_one(cluster: LocalCluster) -> None:
    environment = told(cluster, "GET", "/x")["environment"]
    assert environment["OSCAR_SERVICE_BASE_PATH"] == PATH
    assert environment["OSCAR_SERVICE_TOKEN"] == cluster.token("echo")
    assert environment["HOSTNAME"].startswith("echo-dlp-")
    assert environment["fprocess"] == "/oscar/bin/supervisor"
    assert not {"EVENT", "JOB_UUID", "TMP_OUTPUT_DIR", "OSCAR_CLI_CONFIG"} & set(environment)


def test_a_path_of_no_exposed_service_is_none(cluster: LocalCluster) -> None:
    cluster.create("plain")
    for name in ("plain", "nobody"):
        answer = cluster.call("GET", f"/system/services/{name}/exposed/")
        assert (answer.status_code, answer.text) == (404, "404 page not found")


def test_a_service_without_runs_has_no_synchronous_ones(cluster: LocalCluster) -> None:
    answer = cluster.call("POST", "/run/echo", headers=cluster.bearer("echo"))
    assert (answer.status_code, PATH in answer.text) == (502, True)


def test_a_service_that_knows_its_path_gets_it(cluster: LocalCluster, expose: Expose) -> None:
    expose("rooted", rewrite_target=True, health_path="health")
    reaches(cluster, "rooted", "ready")
    path = "/system/services/rooted/exposed"
    for asked, seen in (("", f"{path}/"), ("/a?b", f"{path}/a?b")):
        assert cluster.call("GET", path + asked).json()["path"] == seen


def test_only_who_has_the_service_s_login_gets_in(cluster: LocalCluster, expose: Expose) -> None:
    expose("locked", set_auth=True, health_path="/health")
    reaches(cluster, "locked", "ready")
    path, token = "/system/services/locked/exposed/x", cluster.token("locked")
    logins = [None, ("locked", "wrong"), ("oscar", token), cluster.bearer("locked")]
    for login in logins:
        given: Any = {"headers": login} if isinstance(login, dict) else {"auth": login}
        answer = cluster.call("GET", path, **given)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Basic realm="Authentication Required"'
    assert cluster.call("GET", path, auth=("locked", token)).status_code == 200


def test_forward_auth_takes_the_token_in_every_form(cluster: LocalCluster, expose: Expose) -> None:
    expose("gate", set_auth=True, auth_type="forward", health_path="/health")
    reaches(cluster, "gate", "ready")
    path, token = "/system/services/gate/exposed/x", cluster.token("gate")
    assert cluster.call("GET", path).status_code == 401
    answer = cluster.call("GET", path, params={"token": token})
    assert answer.status_code == 200
    cookie = answer.headers.get_list("set-cookie")[-1]
    assert cookie.startswith(f"oscar_service_gate_auth={token}; Path=/system/services/gate/exposed; HttpOnly")
    for headers in (cluster.bearer("gate"), {"Cookie": cookie.partition(";")[0]}):
        assert cluster.call("GET", path, headers=headers).status_code == 200


def test_a_client_that_goes_away_does_no_harm(cluster: LocalCluster) -> None:
    netloc = urlsplit(cluster.server.endpoints.api).netloc
    host, _, port = netloc.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        head = f"POST {PATH}/x HTTP/1.1\r\nHost: {netloc}\r\nContent-Length: 100\r\n\r\nhalf"
        connection.sendall(head.encode())
    wait_for(lambda: told(cluster, "GET", "/x"), "the service to answer others")


CORS = {
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "GET, PUT, POST, DELETE, PATCH, HEAD",
    "access-control-allow-headers": "Authorization, Content-Type",
    "access-control-max-age": "1728000",
}


def cors(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("origin", ["http://localhost", "http://localhost:5173"])
@pytest.mark.parametrize("path", ["/x", "/garbage"])
def test_pages_that_the_manager_names_may_read_answers(cluster: LocalCluster, origin: str, path: str) -> None:
    answer = cluster.call("GET", f"{PATH}{path}", headers={"Origin": origin})
    assert answer.status_code == (200 if path == "/x" else 502)
    assert cors(answer) == {**CORS, "access-control-allow-origin": origin}
    assert len(answer.headers.get_list("access-control-allow-origin")) == 1


def test_other_pages_of_this_machine_get_what_the_service_says(cluster: LocalCluster) -> None:
    answer = cluster.call("GET", f"{PATH}/x", headers={"Origin": "http://localhost:3000"})
    assert cors(answer) == {"access-control-allow-origin": "*"}
    assert cluster.call("GET", f"{PATH}/x", headers={"Origin": "https://evil.example"}).status_code == 403


def test_the_gateway_answers_the_question_before_a_call(cluster: LocalCluster, expose: Expose) -> None:
    expose("asked-first", set_auth=True, health_path="/health")
    path = "/system/services/asked-first/exposed/x"
    headers = {"Origin": "http://localhost", "Access-Control-Request-Method": "PUT"}
    answer = cluster.call("OPTIONS", path, headers=headers)
    assert (answer.status_code, answer.content) == (204, b""), "without the login, and before it is ready"
    assert cors(answer) == {**CORS, "access-control-allow-origin": "http://localhost"}
    refused = cluster.call("GET", path, headers=headers)
    assert (refused.status_code, cors(refused)["access-control-allow-origin"]) == (401, "http://localhost")


def test_calls_are_counted_also_those_that_are_refused(cluster: LocalCluster, expose: Expose) -> None:
    expose("counted", set_auth=True, health_path="/health")
    reaches(cluster, "counted", "ready")
    path = "/system/services/counted/exposed/x"
    login = ("counted", cluster.token("counted"))
    statuses = [cluster.call("GET", path, auth=auth).status_code for auth in (login, login, None)]
    assert statuses == [200, 200, 401]

    def counts(service: str) -> dict[str, float]:
        document = cluster.api.get(f"/system/metrics/{service}").json()
        return {metric["metric"]: metric["value"] for metric in document["metrics"]}

    assert counts("counted") == {
        "cpu-hours": 0, "gpu-hours": 0, "users-per-service": 0,
        "requests-sync-per-service": 0, "requests-async-per-service": 0, "requests-exposed-per-service": 3,
    }  # fmt: skip
    items = cluster.api.get("/system/metrics/breakdown", params={"group_by": "service"}).json()["items"]
    (item,) = [item for item in items if item["key"] == "counted"]
    assert (item["requests_count_exposed"], item["requests_count_total"], item["unique_users_count"]) == (
        3,
        0,
        0,
    )
    users = cluster.api.get("/system/metrics/breakdown", params={"group_by": "user"}).json()["items"]
    assert users == []
    totals = cluster.api.get("/system/metrics").json()["totals"]
    exposed = sum(item["requests_count_exposed"] for item in items)
    assert (totals["requests_count_exposed"], totals["requests_count_total"]) == (exposed, 0)
    assert totals["services_count_total"] == len(items)
