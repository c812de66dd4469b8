"""`cluster status` and `cluster config`: load of nodes on servers of all ages, settings with masked keys."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.conftest import Caller, Runner
from tests.support.server import ScriptedServer, document, text

GIB = 2**30
STATUS: dict[str, Any] = {
    "cluster": {
        "nodes_count": 2,
        "metrics": {
            "cpu": {"total_free_cores": 6100, "max_free_on_node_cores": 3950, "total_schedulable_cores": 1},
            "memory": {"total_free_bytes": 12 * GIB, "max_free_on_node_bytes": 7 * GIB},
            "gpu": {"total_gpu": 1},
        },
        "nodes": [
            {
                "name": "worker-1",
                "cpu": {"capacity_cores": 4000, "usage_cores": 850, "request_cores": 100},
                "memory": {"capacity_bytes": 8 * GIB, "usage_bytes": 3 * GIB},
                "gpu": 1,
                "is_interlink": False,
                "status": "Ready",
                "conditions": None,
            },
            {"name": "worker-2", "cpu": {"capacity_cores": 4000}, "memory": {}, "status": "NotReady"},
        ],
    },
    "oscar": {
        "deployment_name": "oscar",
        "ready": True,
        "deployment": {"ready_replicas": 1, "replicas": 1},
        "jobs_count": 12,
        "pods": {"total": 12, "states": {"Running": 3, "Succeeded": 9, "Failed": 0}},
        "oidc": {"enabled": True, "issuers": ["https://aai.egi.eu"], "groups": ["vo"]},
    },
    "minio": {"buckets_count": 5, "total_objects": 230},
    "of_a_newer_server": {"kept": None},
}
FLAT: dict[str, Any] = {
    "numberNodes": 1,
    "cpuFreeTotal": 3150,
    "cpuMaxFree": 3150,
    "memoryFreeTotal": 5 * GIB,
    "memoryMaxFree": 5 * GIB,
    "detail": [
        {
            "nodeName": "old-1",
            "cpuCapacity": "4000",
            "cpuUsage": "850",
            "memoryCapacity": str(8 * GIB),
            "memoryUsage": "3Gi",
        }
    ],
}
CONFIG: dict[str, Any] = {
    "config": {"name": "oscar", "kueue_enable": True, "oidc_groups": [""], "newer": {"deep": 1}},
    "minio_provider": {
        "endpoint": "https://minio.example",
        "verify": True,
        "access_key": "minio-root",
        "secret_key": "top-secret",
        "region": "us-east-1",
    },
    "allowed_image_repositories": ["images.example.org/grycap"],
}


def tables(out: str) -> tuple[list[str], dict[str, str]]:
    """Return the lines of the table of nodes, and the pairs of the second one."""
    # Without nodes there is the second one alone.
    *first, parts = out.split("\n\n")
    nodes = first[0] if first else ""
    pairs = (line.split("  ", 1) for line in parts.splitlines()[1:])
    return nodes.splitlines(), {name: value.strip() for name, value in pairs}


@pytest.mark.parametrize("verb", ["status", "s"])
def test_nodes_come_with_their_load_and_then_the_rest(run: Runner, server: ScriptedServer, verb: str) -> None:
    run.know(server.url)
    server.expect("GET", "/system/status", document(STATUS))
    result = run("cluster", verb)
    assert (result.code, result.err) == (0, "")
    nodes, parts = tables(result.out)
    assert nodes[0].split() == ["NODE", "STATUS", "CPU", "USED", "MEMORY", "USED", "GPU"]
    assert nodes[1].split("  ")[0] == "worker-1"
    assert "0.85 of 4 (21%)" in nodes[1]
    assert "3.0GiB of 8.0GiB (38%)" in nodes[1]
    assert "NotReady" in nodes[2]
    assert "0 of 4 (0%)" in nodes[2]
    assert parts == {
        "oscar": "ready, 1 of 1 replicas",
        "jobs": "12",
        "pods": "12 (3 Running, 9 Succeeded)",
        "minio": "5 buckets, 230 objects",
        "cpu free": "6.1, at most 3.95 on one node",
        "memory free": "12GiB, at most 7.0GiB on one node",
        "gpus": "1",
        "nodes": "2",
        "login by": "user and password, or OpenID Connect (https://aai.egi.eu)",
    }


@pytest.mark.parametrize(
    ("minio", "shown"),
    [
        ({"buckets_count": 1, "total_objects": 1}, "1 bucket, 1 object"),
        ({"buckets_count": 0, "total_objects": 2}, "0 buckets, 2 objects"),
        ({"buckets_count": 1}, "1 bucket, 0 objects"),
    ],
)
def test_one_is_told_in_the_singular(
    call: Caller, server: ScriptedServer, minio: dict[str, int], shown: str
) -> None:
    call.know(server.url)
    server.expect("GET", "/system/status", document({**STATUS, "minio": minio}))
    _, parts = tables(call("cluster", "status").out)
    assert parts["minio"] == shown


@pytest.mark.parametrize("unset", [[""], [], None, ["", " "]])
def test_unset_issuers_are_none(call: Caller, server: ScriptedServer, unset: Any) -> None:
    call.know(server.url)
    oidc = {"enabled": True, "issuers": unset, "groups": [""]}
    server.expect("GET", "/system/status", document({**STATUS, "oscar": {**STATUS["oscar"], "oidc": oidc}}))
    _, parts = tables(call("cluster", "status").out)
    assert parts["login by"] == "user and password, or OpenID Connect"


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
@pytest.mark.parametrize("status", [STATUS, FLAT])
def test_nothing_that_the_server_sends_is_dropped(
    call: Caller, server: ScriptedServer, form: str, read: Any, status: Any
) -> None:
    call.know(server.url)
    server.expect("GET", "/system/status", document(status))
    assert read(call("cluster", "status", "-o", form).out) == status


def test_nodes_as_csv_are_numbers_in_columns_of_their_own(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", "/system/status", document(STATUS))
    assert call("cluster", "status", "-o", "csv").out.splitlines() == [
        "NODE,STATUS,CPU USED,CPU,MEMORY USED (B),MEMORY (B),GPU",
        f"worker-1,Ready,0.85,4,{3 * GIB},{8 * GIB},1",
        "worker-2,NotReady,0,4,0,,",
    ]
    # Text of an old server is no number.
    server.expect("GET", "/system/status", document(FLAT))
    row = call("cluster", "status", "-o", "csv", "--columns", "cpu-used,cpu,memory-used,memory").out
    assert row.splitlines()[1] == f"0.85,4,,{8 * GIB}"


def test_the_flat_form_of_servers_up_to_3_6_3(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", "/system/status", document(FLAT))
    nodes, parts = tables(call("cluster", "status").out)
    assert "old-1" in nodes[1]
    assert "0.85 of 4 (21%)" in nodes[1]
    assert "3Gi of 8.0GiB" in nodes[1]
    assert parts["cpu free"] == "3.15, at most 3.15 on one node"
    assert parts["nodes"] == "1"
    assert parts["oscar"] == "not told by this server"


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"cluster": None, "oscar": None, "minio": None},
        {"cluster": {"nodes": None, "metrics": None}, "oscar": {"ready": False, "pods": []}},
        {"cluster": {"nodes": ["x", {"cpu": 3, "memory": {"capacity_bytes": True}}]}},
        {"detail": "none", "OSCAR": {"ready": True}, "MinIO": {"buckets_count": 1}},
    ],
)
def test_odd_answers_do_not_break_the_tables(call: Caller, server: ScriptedServer, odd: Any) -> None:
    call.know(server.url)
    server.expect("GET", "/system/status", document(odd))
    result = call("cluster", "status")
    assert result.code == 0
    _, parts = tables(result.out)
    assert len(parts) == 9


def test_no_nodes_are_told_of_on_stderr(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", "/system/status", document({"cluster": {"nodes": None}}))
    assert call("cluster", "status").err == "The server tells of no nodes\n"


def test_a_status_that_failed(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", "/system/status", document({"error": "no metrics server"}, 500))
    result = call("cluster", "status", "-o", "json")
    assert (result.code, result.out) == (1, "")
    assert json.loads(result.err)["error"].endswith(": no metrics server")


def test_an_unknown_form_is_refused(call: Caller) -> None:
    assert call("cluster", "status", "-o", "xml").code == 2


# -- config --------------------------------------------------------------------------------------


def test_settings_are_shown_with_masked_keys(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.expect("GET", "/system/config", document(CONFIG))
    result = run("cluster", "config")
    minio = {**CONFIG["minio_provider"], "access_key": "***", "secret_key": "***"}
    assert yaml.safe_load(result.out) == {**CONFIG, "minio_provider": minio}
    assert (result.code, result.err) == (0, "")


@pytest.mark.parametrize("form", ["json", "yaml", "table"])
def test_no_form_shows_keys_unasked(call: Caller, server: ScriptedServer, form: str) -> None:
    call.know(server.url)
    server.always("GET", "/system/config", document(CONFIG))
    masked = call("cluster", "config", "-o", form).out
    assert "top-secret" not in masked
    assert "minio-root" not in masked
    assert "top-secret" in call("cluster", "config", "-o", form, "--show-secrets").out


def test_settings_as_a_table(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", "/system/config", document(CONFIG))
    rows = [line.split() for line in call("cluster", "config", "-o", "table").out.splitlines()]
    assert ["config.newer.deep", "1"] in rows
    assert ["config.oidc_groups", "-"] in rows, "unset is shown as a blank word"
    assert ["allowed_image_repositories", "images.example.org/grycap"] in rows
    assert ["minio_provider.secret_key", "***"] in rows


@pytest.mark.parametrize(
    ("given", "images", "shown"),
    [
        (
            "images.example.org/a, mirror.example.org/b ,",
            ["images.example.org/a", "mirror.example.org/b"],
            "images.example.org/a, mirror.example.org/b",
        ),
        ("", [], "all"),
    ],
)
def test_allowed_images_are_set(
    call: Caller, server: ScriptedServer, given: str, images: list[str], shown: str
) -> None:
    call.know(server.url)
    server.expect("PUT", "/system/config", document(images))
    result = call("cluster", "config", "--set-images", given)
    assert (result.code, result.out) == (0, f'Images allowed in cluster "test": {shown}\n')
    assert json.loads(server.requests[0].body) == {"allowed_image_repositories": images}


def test_allowed_images_for_a_program(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("PUT", "/system/config", document(["a"]))
    assert json.loads(call("cluster", "config", "--set-images", "a", "-o", "json").out) == ["a"]


def test_a_user_may_not_set_images_and_is_told_who_may(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("PUT", "/system/config", document("", 401))
    result = call("cluster", "config", "--set-images", "a")
    assert (result.code, result.out) == (4, "")
    assert result.err == (
        "Error: cannot set the allowed images: only the cluster's own account, with user and password, may\n"
    )


def test_a_wrong_login_is_told_as_one(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("PUT", "/system/config", text("", 401))
    result = call("cluster", "config", "--set-images", "a")
    assert (result.code, "the credentials are not accepted" in result.err) == (4, True)


@pytest.mark.parametrize("stored", [None, [], ["other"], {"allowed_image_repositories": ["other"]}])
def test_images_that_were_not_stored_are_no_success(
    call: Caller, server: ScriptedServer, stored: Any
) -> None:
    call.know(server.url)
    server.expect("PUT", "/system/config", document(stored))
    assert call("cluster", "config", "--set-images", "a").code == 1


@pytest.mark.parametrize(
    ("status", "body", "code"), [(400, "not valid: EOF", 7), (500, "{}", 1), (404, "404 page not found", 7)]
)
def test_images_that_the_server_refuses(
    call: Caller, server: ScriptedServer, status: int, body: str, code: int
) -> None:
    call.know(server.url)
    server.expect("PUT", "/system/config", text(body, status))
    assert call("cluster", "config", "--set-images", "a").code == code


def test_an_answer_that_is_no_json(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("PUT", "/system/config", text("stored"))
    assert call("cluster", "config", "--set-images", "a").code == 1
