"""Quotas: this machine's limits, what is set for a user, and who may ask."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.local.harness import LocalCluster, wait_for

ROUTE = "/system/quotas/user"


def quota(cluster: LocalCluster, user: str) -> dict[str, Any]:
    found: dict[str, Any] = cluster.api.get(f"{ROUTE}/{user}").json()
    return found


def test_the_clusters_own_account_is_no_user(cluster: LocalCluster) -> None:
    response = cluster.api.get(ROUTE)
    assert response.status_code == 401
    assert response.text.startswith("missing user identificator: ")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert "www-authenticate" not in response.headers, "the credentials are right"


@pytest.mark.parametrize(("user", "name"), [("eve@idp.example", "eve"), ("bob", "bob")])
def test_a_user_of_whom_nothing_is_known_is_not_found(cluster: LocalCluster, user: str, name: str) -> None:
    response = cluster.api.get(f"{ROUTE}/{user}")
    # The text of a manager without Kueue.
    reason = f'getting volume quotas for user {user}: resourcequotas "{name}" not found'
    assert (response.status_code, response.text) == (500, reason)


def test_of_what_is_not_set_a_user_may_have_the_machine(cluster: LocalCluster) -> None:
    cluster.api.put(f"{ROUTE}/ada@idp.example", json={"volumes": {"max_disk_per_volume": "1Gi"}})
    found = quota(cluster, "ada@idp.example")
    assert list(found) == ["user_id", "resources", "volumes", "minio"]
    assert found["user_id"] == "ada@idp.example"
    cpus = (os.cpu_count() or 1) * 1000
    assert found["resources"]["cpu"] == {"max": cpus, "used": 0}
    memory = cluster.api.get("/system/status").json()["cluster"]["nodes"][0]["memory"]["capacity_bytes"]
    assert found["resources"]["memory"] == {"max": memory, "used": 0}
    assert found["resources"]["ephemeral-storage"]["max"] > 0
    assert found["resources"]["gpu"] == {"max": 0, "used": 0}
    assert found["volumes"]["disk"]["used"] == "0"
    assert found["volumes"]["volumes"] == {"max": "", "used": "0"}
    assert set(found["volumes"]) == {"disk", "volumes", "max_disk_per_volume", "min_disk_per_volume"}
    assert found["minio"] == {
        "buckets": {"max": 0, "used": 0},
        "storage_per_bucket": {"max": ""},
        "storage_total": {"used": "0"},
    }


def test_what_is_set_is_stored_and_the_rest_stays(start_cluster: Callable[..., LocalCluster]) -> None:
    cluster = start_cluster()
    changes = {
        "CPU": "2.5",
        "memory": "1Gi",
        "ephemeral_storage": "500M",
        "gpu": "1",
        "volumes": {"disk": "10Gi", "volumes": "3"},
        "minio": {"buckets": "4"},
        "unknown": 1,
    }
    response = cluster.api.put(f"{ROUTE}/ada", json=changes)
    found = response.json()
    assert response.status_code == 200
    assert found["resources"] == {
        "cpu": {"max": 2500, "used": 0},
        "memory": {"max": 1 << 30, "used": 0},
        "ephemeral-storage": {"max": 500_000_000, "used": 0},
        "gpu": {"max": 1, "used": 0},
    }
    assert found["volumes"]["disk"] == {"max": "10Gi", "used": "0"}
    assert found["minio"]["buckets"] == {"max": 4, "used": 0}
    part = {"cpu": "1", "memory": "", "volumes": {"max_disk_per_volume": "1Gi"}}
    more = cluster.api.put(f"{ROUTE}/ada", json=part).json()
    assert more["resources"] == {**found["resources"], "cpu": {"max": 1000, "used": 0}}
    assert more["volumes"] == {**found["volumes"], "max_disk_per_volume": "1Gi"}
    assert quota(cluster, "ada") == more
    assert cluster.api.get(f"{ROUTE}/bob").status_code == 500
    cluster.close()
    assert quota(start_cluster(), "ada") == more


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ("", 400, "invalid payload: EOF"),
        ('{"cpu": 2}', 400, "invalid payload: json: cannot unmarshal number"),
        ('{"volumes": {"volumes": 3}}', 400, "invalid payload: json: cannot unmarshal number"),
        ("{}", 400, "at least one of cpu, memory, ephemeral_storage, volumes or minio"),
        ('{"gpu": "1"}', 400, "at least one of"),
        ('{"cpu": "", "volumes": {}, "minio": {"buckets": ""}}', 400, "at least one of"),
        ('{"cpu": "many"}', 500, 'cpu "many": quantities must match'),
        ('{"memory": "1GB"}', 500, 'memory "1GB": quantities must match'),
        ('{"cpu": "1", "gpu": "half"}', 500, 'gpu "half": '),
        ('{"cpu": "-1"}', 500, 'cpu "-1": must be greater than or equal to 0'),
        ('{"volumes": {"disk": "x"}}', 500, 'disk "x": '),
        ('{"minio": {"buckets": "1.5"}}', 500, 'buckets "1.5": must be an integer'),
    ],
)
def test_what_is_refused_is_said_in_text_and_changes_nothing(
    cluster: LocalCluster, body: str, status: int, text: str
) -> None:
    before = cluster.api.put(f"{ROUTE}/refused", json={"cpu": "1"}).json()
    response = cluster.api.put(f"{ROUTE}/refused", content=body)
    assert response.status_code == status
    assert response.text.startswith(text)
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert quota(cluster, "refused") == before


def test_the_account_uses_what_runs_and_what_is_stored(start_cluster: Callable[..., LocalCluster]) -> None:
    cluster = start_cluster()
    cluster.create("using", "while :; do sleep 0.01; done\n", cpu="0.5", memory="64Mi")
    cluster.api.post("/system/volumes", json={"name": "used", "size": "2Gi"})
    cluster.upload("using", "in/x", b"12345")
    wait_for(lambda: quota(cluster, "oscar")["resources"]["cpu"]["used"], "the job")
    for user in ("oscar", "cluster_admin"):
        found = quota(cluster, user)
        assert found["resources"]["cpu"]["used"] == 500
        assert found["resources"]["memory"]["used"] == 64 << 20
        assert found["volumes"]["disk"]["used"] == "2Gi"
        assert found["volumes"]["volumes"]["used"] == "1"
        assert found["minio"]["buckets"]["used"] == 1
        assert found["minio"]["storage_total"]["used"] == "5"
    assert cluster.api.put(f"{ROUTE}/ada", json={"cpu": "1"}).json()["resources"]["cpu"]["used"] == 0


def test_the_routes_want_the_clusters_credentials(cluster: LocalCluster) -> None:
    for method, path in (("GET", ROUTE), ("GET", f"{ROUTE}/ada"), ("PUT", f"{ROUTE}/ada")):
        response = cluster.call(method, path)
        assert (response.status_code, response.content) == (401, b"")
        assert "www-authenticate" in response.headers
