"""Volumes, mounted buckets and federations of local clusters, through the commands a person types."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Caller
from tests.local.harness import LocalCluster, open_cluster, wait_for
from tests.local.jobs.test_mounts import MOUNTED


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalCluster, LocalCluster]]:
    """Two local clusters; the first runs one job at a time."""
    found = [open_cluster(tmp_path_factory.mktemp(name) / "data", parallel=1) for name in ("first", "second")]
    yield found[0], found[1]
    for cluster in found:
        for service in cluster.api.get("/system/services").json():
            # Links on this machine go with it, also when a test has failed.
            cluster.api.delete(f"/system/services/{service['name']}")
        cluster.close()


@pytest.fixture(autouse=True)
def _known(call: Caller, clusters: tuple[LocalCluster, LocalCluster]) -> None:
    entries = {}
    for name, cluster in zip(("first", "second"), clusters, strict=True):
        settings = cluster.server.cluster.settings
        entries[name] = {
            "endpoint": cluster.server.endpoints.api,
            "auth_user": settings.user,
            "auth_password": settings.password,
            "ssl_verify": True,
        }
    call.write_config(json.dumps({"oscar": entries, "default": "first"}))


def write_fdl(call: Caller, script: str, **service: object) -> Path:
    (call.home / "script.sh").write_text(script)
    definition = {"image": "none", "script": "script.sh", **service}
    path = call.home / "service.yaml"
    path.write_text(json.dumps({"functions": {"oscar": [{"first": definition}]}}))
    return path


def test_a_volume_is_in_use_until_its_service_is_gone(
    call: Caller, clusters: tuple[LocalCluster, LocalCluster], tmp_path: Path
) -> None:
    path = tmp_path / "data"
    volume = {"name": "counts", "size": "1Gi", "mount_path": str(path), "lifecycle_policy": "retain"}
    fdl = write_fdl(call, f"echo x >> {path}/count\n", name="counter", volume=volume)
    assert call("apply", str(fdl)).code == 0
    clusters[0].submit("counter")
    clusters[0].ended("counter")
    shown = json.loads(call("volume", "get", "counts", "-o", "json").out)
    assert shown["status"] == {"phase": "in_use", "attachment_count": 1}
    assert shown["attachments"] == [{"service_name": "counter", "mount_path": str(path)}]
    refused = call("volume", "delete", "counts", "--yes")
    assert (refused.code, "still attached to one or more services" in refused.err) == (7, True), refused.err
    assert call("service", "delete", "counter", "--yes").code == 0
    listed = json.loads(call("volume", "list", "-o", "json").out)
    assert [(one["name"], one["status"]["phase"]) for one in listed] == [("counts", "ready")]
    assert (clusters[0].folder.volumes / "counts" / "count").read_text() == "x\n"
    assert call("volume", "delete", "counts", "--yes").code == 0
    assert call("volume", "get", "counts").code == 5


@MOUNTED
def test_a_bucket_is_a_folder_of_a_job(call: Caller, clusters: tuple[LocalCluster, LocalCluster]) -> None:
    bucket = f"m{uuid.uuid4().hex[:12]}"
    mount = {"storage_provider": "minio.default", "path": f"{bucket}/models"}
    script = f'cat /mnt/{bucket}/models/words "$INPUT_FILE_PATH" > /mnt/{bucket}/models/both\n'
    fdl = write_fdl(call, script, name="mounting", mount=mount)
    assert call("apply", str(fdl)).code == 0
    clusters[0].s3.put_object(Bucket=bucket, Key="models/words", Body=b"from the bucket\n")
    (call.home / "input").write_text("and the input\n")
    ran = call("service", "job", "mounting", "--file-input", str(call.home / "input"), "--wait")
    assert ran.code == 0, ran.err
    assert clusters[0].content(bucket, "models/both") == b"from the bucket\nand the input\n"
    assert call("service", "delete", "mounting", "--yes").code == 0


def test_a_federation_of_clusters_on_record(
    call: Caller, clusters: tuple[LocalCluster, LocalCluster], tmp_path: Path
) -> None:
    first, second = clusters
    member = {"type": "oscar", "cluster_id": "second", "service_name": "shared-there"}
    federation = {"topology": "star", "members": [member]}
    source = {"storage_provider": "minio.default", "path": "shared-bucket/in"}
    fdl = write_fdl(call, 'cat "$INPUT_FILE_PATH"\n', name="shared", input=[source], federation=federation)
    applied = call("apply", str(fdl))
    assert applied.code == 0, applied.err
    assert "shared-there" in call("service", "list", "-c", "second").out
    shown = json.loads(call("federation", "get", "shared", "-o", "json").out)
    assert (shown["topology"], [one["service_name"] for one in shown["members"]]) == (
        "star",
        ["shared-there"],
    )
    first.create("busy", f"until [ -e {tmp_path / 'go'} ]; do sleep 0.05; done\n", input=[], output=[])
    first.submit("busy")
    wait_for(lambda: [job["status"] for job in first.jobs("busy").values()] == ["Running"], "the place")
    (call.home / "greeting").write_text("hello from afar\n")
    assert call("service", "put-file", "shared", str(call.home / "greeting")).code == 0
    (job,) = second.ended("shared-there")
    assert "hello from afar" in call("service", "logs", "get", "shared-there", job, "-c", "second").out
    (tmp_path / "go").touch()
    gone = call("federation", "delete", "shared", "--all", "--yes")
    assert gone.code == 0, gone.err
    assert json.loads(call("federation", "get", "shared", "-o", "json").out)["members"] is None
