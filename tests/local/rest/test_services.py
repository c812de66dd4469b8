"""The routes of services, as a client of a real manager knows them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.local.harness import LocalCluster

MINIO = "minio.default"


def definition(name: str, **members: Any) -> dict[str, Any]:
    return {"name": name, "image": "i", "script": "true", **members}


def io(path: str, provider: str = MINIO) -> list[dict[str, str]]:
    return [{"storage_provider": provider, "path": path}]


def test_a_minimal_service_comes_back_complete(cluster: LocalCluster) -> None:
    assert cluster.api.post("/system/services", json=definition("minimal")).status_code == 201
    found = cluster.api.get("/system/services/minimal").json()
    assert re.fullmatch("[0-9a-f]{64}", found.pop("token"))
    provider = found.pop("storage_providers")["minio"]["default"]
    assert provider == {
        "endpoint": cluster.server.endpoints.s3,
        "verify": False,
        "access_key": "hidden",
        "secret_key": "hidden",
        "region": "us-east-1",
    }
    assert found == {
        "name": "minimal",
        "cluster_id": "",
        "memory": "256Mi",
        "cpu": "0.2",
        "total_memory": "",
        "total_cpu": "",
        "ephemeral_storage_request": "",
        "enable_gpu": False,
        "enable_sgx": False,
        "image_prefetch": False,
        "synchronous": {"min_scale": 0, "max_scale": 0},
        "log_level": "INFO",
        "image": "i",
        "alpine": False,
        "file_stage_in": False,
        "input": [],
        "output": [],
        "script": "true",
        "expose": {
            "min_scale": 0,
            "max_scale": 0,
            "cpu_threshold": 0,
            "rewrite_target": False,
            "default_command": False,
            "set_auth": False,
            "health_path": "",
        },
        "environment": {"variables": {}, "secrets": {}},
        "annotations": {},
        "vo": "",
        "labels": {
            "applicationId": "minimal",
            "oscar.grycap/user-service": "true",
            "oscar_service": "minimal",
            "owner_name": "oscar",
            "queue": "root.oscar-queue.minimal",
        },
        "owner": "cluster_admin",
        "namespace": "oscar-svc",
        "interlink_node_name": "",
        "visibility": "private",
        "allowed_users": [],
        "isolation_level": "",
        "bucket_list": [],
        "mount": {"storage_provider": "", "path": ""},
        "volume_status": {"enabled": False},
    }


def test_services_are_listed_by_name(start_cluster: Callable[..., LocalCluster]) -> None:
    cluster = start_cluster()
    assert cluster.api.get("/system/services").text == "[]"
    for name in ("b", "a", "a-b"):
        cluster.api.post("/system/services", json=definition(name))
    assert [found["name"] for found in cluster.api.get("/system/services").json()] == ["a", "a-b", "b"]


def test_a_deployment_is_included_when_asked_for(cluster: LocalCluster) -> None:
    cluster.create("deployed")
    deployment = {
        "state": "ready",
        "active_instances": 0,
        "affected_instances": 0,
        "resource_kind": "knative_service",
    }
    path = "/system/services/deployed"
    assert cluster.api.get(f"{path}?include=x,Deployment").json()["deployment"] == deployment
    assert "deployment" not in cluster.api.get(path).json()
    listed = cluster.api.get("/system/services?include=deployment").json()
    assert all(found["deployment"] == deployment for found in listed)
    names = {"service_name": "deployed", "namespace": "oscar-svc"}
    assert cluster.api.get(f"{path}/deployment").json() == names | deployment
    logs = cluster.api.get(f"{path}/deployment/logs").json()
    assert (logs["service_name"], logs["available"], logs["entries"]) == ("deployed", False, [])


def test_creating_a_service_makes_its_buckets_folders_and_tags(cluster: LocalCluster) -> None:
    body = definition("maker", input=io("maker-in/a/b"), output=io("maker-in/out") + io("folder"))
    assert cluster.api.post("/system/services", json=body).status_code == 201
    assert cluster.keys("maker-in") == ["a/b/", "out/"]
    assert cluster.keys("maker") == ["folder/"]
    tags = cluster.s3.get_bucket_tagging(Bucket="maker-in")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {
        "from_service": "maker",
        "owner": "",
        "owner_name": "oscar",
    }


@pytest.mark.parametrize(
    ("members", "status", "text"),
    [
        ({"kserve": {"type": "inference"}}, 400, "kserve: "),
        ({"enable_sgx": True}, 400, "enable_sgx: "),
        ({"enable_gpu": True}, 400, "enable_gpu: "),
        ({"interlink_node_name": "n"}, 400, "interlink_node_name: "),
        ({"federation": {"delegation": "nearest"}}, 400, "federation.delegation: "),
        ({"replicas": [{"type": "oscar"}]}, 400, "replicas: "),
        ({"expose": {"api_port": [80], "nodePort": [0]}}, 400, "expose.nodePort: "),
        ({"volume": {"size": "1Gi", "mount_path": "/etc"}}, 400, "volume.mount_path: "),
        ({"mount": {"storage_provider": "minio.default", "path": ""}}, 400, "mount.path: "),
        ({"image_pull_secrets": ["s"]}, 400, "image_pull_secrets: "),
        ({"input": io("in", "onedata.mine")}, 400, "unrecognized input (valid inputs are MinIO and dCache)"),
        ({"input": io("b/in", "s3.mine")}, 400, "unrecognized input (valid inputs are MinIO and dCache)"),
        ({"output": io("b/out", "s3.mine")}, 500, 'the StorageProvider "s3.mine" is not defined'),
        ({"output": io("b/out", "minio.other")}, 500, 'the StorageProvider "minio.other" is not defined'),
        (
            {"input": io("in", "rucio.r"), "storage_providers": {"rucio": {"r": {"host": "a"}}}},
            400,
            'input.storage_provider: the local cluster does not use "rucio.r" here; ',
        ),
        (
            {"output": io("out", "rucio.r"), "storage_providers": {"rucio": {"r": {"host": "a"}}}},
            400,
            'output.storage_provider: the local cluster does not use "rucio.r" here; ',
        ),
        ({"input": io("in", "webdav.d")}, 500, 'the StorageProvider "webdav.d" is not defined'),
        ({"output": io("out", "webdav.d")}, 500, 'the StorageProvider "webdav.d" is not defined'),
        ({"input": io("bbb/in"), "output": io("bbb/in")}, 400, "output.path: bbb/in is inside the input"),
        ({"input": io("bbb/in"), "output": io("bbb/in/out")}, 400, "output.path: "),
        ({"cpu": "much"}, 500, 'Error creating the service: cpu "much": quantities must match'),
        ({"memory": "-1Gi"}, 500, 'Error creating the service: memory "-1Gi": must be greater'),
        ({"name": "Upper"}, 500, "Error creating the service: Service "),
        (
            {"environment": {"variables": {"1 x": ""}}},
            500,
            "Error creating the service: environment variable",
        ),
        ({"input": io("UPPER/in")}, 500, 'error creating bucket "UPPER": '),
        ({"name": "r", "input": io("in")}, 500, 'error creating bucket "r": '),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_field_and_leaves_nothing(
    cluster: LocalCluster, members: dict[str, Any], status: int, text: str
) -> None:
    body = definition("refused") | members
    response = cluster.api.post("/system/services", json=body)
    assert response.status_code == status
    assert response.text.removeprefix("The service specification is not valid: ").startswith(text)
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert cluster.api.get(f"/system/services/{body['name'].lower()}").status_code == 404
    assert "bbb" not in [bucket["Name"] for bucket in cluster.s3.list_buckets()["Buckets"]]


@pytest.mark.parametrize(
    "members",
    [
        {"federation": {}},
        {"federation": {"topology": "none"}},
        {"federation": {"topology": "star"}},
        {"federation": {"topology": "mesh", "delegation": "random", "members": []}},
        {"federation": {"topology": "star", "members": None}},
        {"expose": {"api_port": [0], "min_scale": 1}},
        {"replicas": []},
        {"vo": "some.vo", "allowed_users": ["a"], "visibility": "restricted", "isolation_level": "USER"},
        {"storage_providers": {"s3": {"unused": {"access_key": "a", "secret_key": "b", "region": "c"}}}},
        {"input": io("stored/in"), "output": io("stored/in2")},
    ],
)
def test_what_is_only_stored_is_accepted(cluster: LocalCluster, members: dict[str, Any]) -> None:
    assert cluster.api.post("/system/services", json=definition("stored", **members)).text == ""
    assert cluster.api.get("/system/services/stored").status_code == 200
    assert cluster.api.delete("/system/services/stored").status_code == 204


def test_a_name_that_is_taken_is_refused_and_the_service_stays(cluster: LocalCluster) -> None:
    cluster.create("taken", "echo mine\n")
    response = cluster.api.post("/system/services", json=definition("taken"))
    assert (response.status_code, response.text) == (400, "A service with the provided name already exists")
    secret = definition("taken", environment={"secrets": {"S": "s"}})
    response = cluster.api.post("/system/services", json=secret)
    assert (response.status_code, response.text) == (409, "A secret with the given name already exists")
    assert cluster.api.get("/system/services/taken").json()["script"] == "echo mine\n"


def test_secrets_are_blank_for_readers_and_kept_when_an_update_has_none(cluster: LocalCluster) -> None:
    environment = {"variables": {"V": "v"}, "secrets": {"S": "s"}}
    cluster.create("secretive", 'echo "$S"\n', environment=environment, output=[])
    found = cluster.api.get("/system/services/secretive").json()
    assert found["environment"] == {"variables": {"V": "v"}, "secrets": {"S": ""}}
    del found["environment"]["secrets"]
    assert cluster.api.put("/system/services", json=found).status_code == 204
    cluster.submit("secretive")
    assert cluster.script_output("secretive").startswith("s\n")
    blank = cluster.api.get("/system/services/secretive").json()
    cluster.api.put("/system/services", json=blank)
    stored = cluster.server.cluster.services.get("secretive")
    assert stored is not None
    assert stored["environment"]["secrets"] == {"S": ""}, "blank values sent back replace the real ones"


def test_an_update_replaces_all_but_token_and_namespace(
    cluster: LocalCluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.create("updated", memory="1Gi", labels={"mine": "1"}, namespace="other")
    before = cluster.api.get("/system/services/updated").json()
    body = definition("updated", token="x" * 64, namespace="new", input=io("updated-new/in"))
    cluster.api.post("/system/buckets", json={"bucket_name": "updated-new"})
    with caplog.at_level("WARNING", "oscarcli.local"):
        response = cluster.api.put("/system/services", json=body)
    assert (response.status_code, response.content) == (204, b"")
    assert "started by updated-new/in from now on" in caplog.text
    after = cluster.api.get("/system/services/updated").json()
    assert (after["token"], after["namespace"]) == (before["token"], "other")
    assert (after["memory"], after["owner"], after["output"]) == ("256Mi", "", [])
    assert "mine" not in after["labels"]
    assert "owner_name" not in after["labels"]
    assert cluster.keys("updated-bucket") == ["in/", "out/"], "buckets no longer used stay"
    cluster.s3.put_object(Bucket="updated-new", Key="in/x", Body=b"")
    cluster.s3.put_object(Bucket="updated-bucket", Key="in/x", Body=b"")
    cluster.ended("updated")
    assert len(cluster.jobs("updated")) == 1


def test_an_update_of_nothing_is_an_empty_404_after_the_bodys_checks(cluster: LocalCluster) -> None:
    response = cluster.api.put("/system/services", json=definition("missing"))
    assert (response.status_code, response.content) == (404, b"")
    assert "content-type" not in response.headers
    assert cluster.api.put("/system/services", json={"name": "missing"}).status_code == 400
    bad = cluster.api.put("/system/services", json=definition("missing", cpu="x"))
    assert bad.status_code == 404


def test_an_update_keeps_to_the_same_refusals(cluster: LocalCluster) -> None:
    cluster.create("steady")
    response = cluster.api.put("/system/services", json=definition("steady", cpu="x"))
    assert response.text.startswith('Error updating the service: cpu "x"')
    response = cluster.api.put("/system/services", json=definition("steady", volume={"name": "v"}))
    assert response.status_code == 400
    assert cluster.api.get("/system/services/steady").json()["cpu"] == "0.2"


def test_deleting_a_service_takes_its_jobs_and_buckets_along(cluster: LocalCluster) -> None:
    cluster.create("doomed")
    cluster.upload("doomed", "in/a")
    (job,) = cluster.ended("doomed")
    response = cluster.api.delete("/system/services/doomed")
    assert (response.status_code, response.content) == (204, b"")
    assert cluster.api.get("/system/services/doomed").status_code == 404
    assert cluster.api.get("/system/logs/doomed").status_code == 404
    assert "doomed-bucket" not in [bucket["Name"] for bucket in cluster.s3.list_buckets()["Buckets"]]
    assert not (cluster.folder.jobs / job).exists()
    assert cluster.api.delete("/system/services/doomed").status_code == 404


def test_a_bucket_that_another_service_uses_survives(
    cluster: LocalCluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.create("one", input=io("both/in"), output=io("one-only/out"))
    with caplog.at_level("WARNING", "oscarcli.local"):
        cluster.create("two", input=io("both/other"), output=io("both/out"))
        assert "is shared with one" in caplog.text
        assert cluster.api.delete("/system/services/one").status_code == 204
        assert 'bucket "both" stays after service "one": two uses it too' in caplog.text
    names = [bucket["Name"] for bucket in cluster.s3.list_buckets()["Buckets"]]
    assert ("both" in names, "one-only" in names) == (True, False)


def test_strict_refuses_a_bucket_that_exists(start_cluster: Callable[..., LocalCluster]) -> None:
    cluster = start_cluster(strict=True)
    cluster.create("one")
    shared = definition("two", input=io("two-own/in"), output=io("one-bucket/x"))
    response = cluster.api.post("/system/services", json=shared)
    assert (response.status_code, response.text) == (500, 'the bucket "one-bucket" already exists\n')
    assert [found["name"] for found in cluster.api.get("/system/services").json()] == ["one"]
    assert [bucket["Name"] for bucket in cluster.s3.list_buckets()["Buckets"]] == ["one-bucket"]
    twice = definition("three", input=io("three/a") + io("three/b"))
    assert cluster.api.post("/system/services", json=twice).status_code == 500
    own = definition("four", input=io("four/a"), output=io("four/b") + io("four/c"))
    assert cluster.api.post("/system/services", json=own).status_code == 201


def test_strict_keeps_the_buckets_of_a_service_that_lost_its_owner(
    start_cluster: Callable[..., LocalCluster],
) -> None:
    """An update that does not carry the owner leaves none, and the manager cannot undo nobody's policy."""
    cluster = start_cluster(strict=True)
    for name in ("lost", "kept"):
        cluster.create(name)
        cluster.upload(name, "out/result")
    cluster.create("bare", input=[], output=[])
    for name, owner in (("lost", {}), ("kept", {"owner": "cluster_admin"}), ("bare", {})):
        own = {} if name == "bare" else {"input": io(f"{name}-bucket/in"), "output": io(f"{name}-bucket/out")}
        body = definition(name, **{"input": [], "output": [], **own, **owner})
        assert cluster.api.put("/system/services", json=body).status_code == 204
    assert cluster.api.get("/system/services/lost").json()["owner"] == ""
    gone = {name: cluster.api.delete(f"/system/services/{name}") for name in ("lost", "kept", "bare")}
    assert {name: answer.status_code for name, answer in gone.items()} == {
        "lost": 500,
        "kept": 204,
        "bare": 204,
    }
    assert gone["lost"].text == (
        "Error deleting service buckets: %!(EXTRA *errors.errorString=error while removing MinIO bucket "
        "error removing resource)"
    )
    assert cluster.api.get("/system/services").json() == []
    assert [bucket["Name"] for bucket in cluster.s3.list_buckets()["Buckets"]] == ["lost-bucket"]
    assert cluster.keys("lost-bucket") == ["in/", "out/", "out/result"]
    again = cluster.api.post("/system/services", json=definition("lost", input=io("lost-bucket/in")))
    assert (again.status_code, again.text) == (500, 'the bucket "lost-bucket" already exists\n')


@pytest.mark.parametrize(
    ("owner", "visibility", "failure"),
    [
        ("", "private", "creating/adding MinIO policy for user/group : Invalid arguments specified. "),
        ("", "restricted", "creating/adding MinIO policy for user/group : Invalid arguments specified. "),
        ("ada", "private", "setting MinIO policy for user/group ada: The specified user does not exist. "),
        ("", "public", ""),
        ("cluster_admin", "private", ""),
    ],
)
def test_strict_stores_an_update_and_fails_over_a_new_bucket_of_nobody(
    start_cluster: Callable[..., LocalCluster], owner: str, visibility: str, failure: str
) -> None:
    cluster = start_cluster(strict=True)
    cluster.create("late")
    body = definition(
        "late",
        owner=owner,
        visibility=visibility,
        input=io("late-bucket/in"),
        output=io("late-new/out"),
    )
    response = cluster.api.put("/system/services", json=body)
    assert response.status_code == (500 if failure else 204)
    assert response.text.startswith(f"Error creating the service: error {failure}" if failure else "")
    stored = cluster.api.get("/system/services/late").json()
    assert (stored["owner"], stored["output"][0]["path"]) == (owner, "late-new/out")
    # Nothing new, nothing to give away.
    assert cluster.api.put("/system/services", json=body).status_code == 204


def test_without_strict_a_lost_owner_is_told_and_its_buckets_go(
    cluster: LocalCluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.create("lost")
    assert cluster.api.put("/system/services", json=definition("lost", input=io("lost-bucket/in"))).is_success
    with caplog.at_level("WARNING", "oscarcli.local"):
        assert cluster.api.delete("/system/services/lost").status_code == 204
    assert 'service "lost" has the owner ""' in caplog.text
    assert "lost-bucket" not in [bucket["Name"] for bucket in cluster.s3.list_buckets()["Buckets"]]


def test_strict_lets_a_folder_marker_start_its_failing_job(
    start_cluster: Callable[..., LocalCluster],
) -> None:
    cluster = start_cluster(strict=True)
    cluster.create("marked")
    assert cluster.jobs("marked") == {}, "creation itself starts nothing"
    cluster.upload("marked", "in/", b"")
    (state,) = cluster.ended("marked").values()
    assert state["status"] == "Failed"


@pytest.mark.parametrize("action", ["stop", "start", "restart"])
def test_only_exposed_services_can_be_stopped(cluster: LocalCluster, action: str) -> None:
    cluster.api.post("/system/services", json=definition("unexposed"))
    response = cluster.api.post(f"/system/services/unexposed/{action}")
    assert (response.status_code, response.text) == (400, 'service "unexposed" is not exposed')
    assert cluster.api.post(f"/system/services/nothing/{action}").status_code == 404


def test_odd_and_missing_names_in_paths(cluster: LocalCluster) -> None:
    response = cluster.api.get("/system/services/-x")
    assert (response.status_code, response.text) == (400, "invalid serviceName")
    response = cluster.api.get("/system/services/nothing")
    assert (response.status_code, response.content) == (404, b"")
    for path in ("deployment", "deployment/logs"):
        response = cluster.api.get(f"/system/services/nothing/{path}")
        text = "You do not have permission to access this service"
        assert (response.status_code, response.text) == (403, text)


def test_the_gateway_can_ask_whether_credentials_open_a_service(cluster: LocalCluster) -> None:
    cluster.api.post("/system/services", json=definition("gate-way"))
    path, token = "/system/services/gate-way/auth", cluster.token("gate-way")
    assert cluster.api.get(path).status_code == 200
    assert cluster.api.get("/system/services/nothing/auth").status_code == 404
    assert cluster.call("GET", path).headers["www-authenticate"].startswith("Basic ")
    opened = cluster.call("GET", path, headers={"Authorization": f"Bearer {token}"})
    assert (opened.status_code, opened.content) == (200, b"")
    assert opened.headers["set-cookie"] == (
        f"oscar_service_gate_way_auth={token}; Path=/system/services/gate-way/exposed; HttpOnly; SameSite=Lax"
    )
    for way in (
        {"params": {"token": token}},
        {"headers": {"X-Forwarded-Uri": f"/x?token={token}", "X-Forwarded-Proto": "https"}},
        {"headers": {"Cookie": f"a=b; oscar_service_gate_way_auth={token}"}},
    ):
        assert cluster.call("GET", path, **way).status_code == 200
    wrong = cluster.call("GET", path, headers={"Authorization": f"Bearer {'0' * 64}"})
    assert (wrong.status_code, "www-authenticate" in wrong.headers) == (401, False)
