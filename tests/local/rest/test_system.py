"""The cluster's own routes, its router and who is let in."""

from __future__ import annotations

import base64
import json

import pytest

from tests.local.harness import LocalCluster


def test_health_needs_no_credentials(cluster: LocalCluster) -> None:
    response = cluster.call("GET", "/health")
    assert (response.status_code, response.text) == (200, "Ok")


def test_info_tells_a_local_cluster_from_a_real_one(cluster: LocalCluster) -> None:
    info = cluster.api.get("/system/info").json()
    assert info["version"].startswith("local-")
    assert info["serverless_backend"]["name"] == "local"
    assert set(info) == {"version", "git_commit", "architecture", "kubernetes_version", "serverless_backend"}


def test_config_hands_out_the_object_stores_keys(cluster: LocalCluster) -> None:
    config = cluster.api.get("/system/config").json()
    settings = cluster.server.cluster.settings
    assert config["minio_provider"] == {
        "endpoint": cluster.server.endpoints.s3,
        "verify": False,
        "access_key": settings.access_key,
        "secret_key": settings.secret_key,
        "region": "us-east-1",
    }
    assert config["allowed_image_repositories"] == []
    assert config["config"]["name"] == "oscar"
    refused = cluster.api.put("/system/config", json={"allowed_image_repositories": ["x"]})
    assert refused.status_code == 400
    assert "allowed image repositories" in refused.text


def test_status_describes_this_machine_and_the_jobs(cluster: LocalCluster) -> None:
    cluster.create("counted")
    cluster.upload("counted", "in/x")
    cluster.ended("counted")
    status = cluster.api.get("/system/status").json()
    assert status["cluster"]["nodes_count"] == 1
    (node,) = status["cluster"]["nodes"]
    assert node["memory"]["capacity_bytes"] > node["memory"]["usage_bytes"] >= 0
    assert status["cluster"]["metrics"]["cpu"]["total_schedulable_cores"] % 1000 == 0
    assert status["oscar"]["jobs_count"] >= 1
    assert status["oscar"]["oidc"] == {"enabled": False, "issuers": [""], "groups": [""]}
    assert status["oscar"]["pods"]["states"]["Succeeded"] >= 1
    assert status["minio"]["buckets_count"] >= 1
    assert status["minio"]["total_objects"] >= 2


def test_the_log_of_invocations(cluster: LocalCluster) -> None:
    cluster.create("invoked")
    cluster.submit("invoked")
    cluster.call("POST", "/run/invoked", headers={"Authorization": "Basic x"})
    cluster.api.get("/system/services/invoked")
    first, second = [
        entry for entry in cluster.api.get("/system/logs").json()["logs"] if "/invoked" in entry["path"]
    ]
    assert (first["path"], first["status"], first["user"], first["method"]) == (
        "/job/invoked",
        201,
        "nil",
        "POST",
    )
    assert (second["path"], second["status"], second["user"]) == ("/run/invoked", 401, "oscar")
    assert first["timestamp"] < second["timestamp"]
    assert set(first) == {"timestamp", "status", "latency", "client_ip", "method", "path", "user", "raw"}


def test_the_log_of_invocations_with_times_and_of_a_run_before(cluster: LocalCluster) -> None:
    cluster.call("POST", "/run/nothing")
    plain = cluster.api.get("/system/logs").json()["logs"][-1]
    timed = cluster.api.get("/system/logs", params={"timestamps": "true"}).json()["logs"][-1]
    assert timed == {**plain, "raw": f"{plain['timestamp']} {plain['raw']}"}
    response = cluster.api.get("/system/logs", params={"previous": "true"})
    assert (response.status_code, response.text) == (
        400,
        'previous terminated container "oscar" in pod "oscar" not found',
    )
    assert cluster.api.get("/system/logs", params={"previous": "no"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"),
        ("GET", "/system"),
        ("PATCH", "/system/services"),
        ("POST", "/health"),
        ("HEAD", "/health"),
        ("OPTIONS", "/system/services"),
        ("GET", "/run/x"),
        ("GET", "/system/services/x/y"),
    ],
)
def test_a_route_that_is_not_there_says_so_to_anyone(cluster: LocalCluster, method: str, path: str) -> None:
    response = cluster.call(method, path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "text/plain"
    assert response.text == ("" if method == "HEAD" else "404 page not found")


def test_a_last_slash_too_many_is_redirected(cluster: LocalCluster) -> None:
    response = cluster.call("GET", "/system/services/?include=deployment")
    assert (response.status_code, response.headers["location"]) == (
        301,
        "/system/services?include=deployment",
    )
    response = cluster.call("POST", "/job/x/")
    assert (response.status_code, response.headers["location"]) == (307, "/job/x")
    assert cluster.call("GET", "/nothing/").status_code == 404


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "header", ["", "Basic", "Basic !", basic("oscar", "wrong"), "Bearer x.y.z", "Digest x"]
)
def test_system_routes_want_the_clusters_credentials(cluster: LocalCluster, header: str) -> None:
    response = cluster.call("GET", "/system/info", headers={"Authorization": header} if header else {})
    assert (response.status_code, response.content) == (401, b"")
    assert response.headers["www-authenticate"] == 'Basic realm="Authorization Required"'


def token(issuer: str) -> str:
    payload = base64.urlsafe_b64encode(json.dumps({"iss": issuer}).encode()).decode().rstrip("=")
    return f"e30.{payload}.sig"


@pytest.mark.parametrize("route", ["job", "run"])
def test_invocations_want_the_services_token(cluster: LocalCluster, route: str) -> None:
    if cluster.api.get("/system/services/guarded").status_code == 404:
        cluster.create("guarded")
    settings = cluster.server.cluster.settings
    malformed = "token is malformed: token contains an invalid number of segments"
    answers = {
        "": (401, ""),
        basic(settings.user, settings.password): (401, ""),
        f"Bearer {'0' * 64}": (401, ""),
        f"Bearer {cluster.token('guarded')} Bearer x": (401, ""),
        "Bearer short": (502, f"{malformed}Error getting oidc manager for issuer ''"),
        f"Bearer {token('https://iss')}": (400, "Error getting oidc manager for issuer 'https://iss'"),
        "Bearer a.b.c": (400, "Error getting oidc manager for issuer ''"),
    }
    for header, expected in answers.items():
        response = cluster.call(
            "POST", f"/{route}/guarded", headers={"Authorization": header} if header else {}
        )
        assert (response.status_code, response.text) == expected
        assert "www-authenticate" not in response.headers
    bearer = {"Authorization": f"Bearer {cluster.token('guarded')}"}
    assert cluster.call("POST", f"/{route}/missing", headers=bearer).status_code == 401
    assert cluster.call("POST", f"/{route}/guarded", headers=bearer).status_code in (200, 201)


def test_a_body_may_come_in_chunks(cluster: LocalCluster) -> None:
    body = json.dumps({"name": "chunked", "image": "i", "script": "true"}).encode()
    response = cluster.api.post("/system/services", content=iter([body[:10], body[10:]]))
    assert response.status_code == 201


def test_a_body_without_end_is_refused(cluster: LocalCluster) -> None:
    response = cluster.api.post("/system/services", content=b" " * (9 << 20))
    assert (response.status_code, "too large" in response.text) == (400, True)
