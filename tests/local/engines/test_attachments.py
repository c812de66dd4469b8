"""Volumes and mounted buckets in the containers of every engine that is here."""

from __future__ import annotations

import pytest

from tests.local.engines.conftest import READ_ONLY, Create, Images
from tests.local.harness import LocalCluster


def ran(cluster: LocalCluster, service: str) -> str:
    """Run a job to its good end and return its log."""
    before = cluster.jobs(service).keys()
    cluster.submit(service)
    jobs = cluster.ended(service, len(before) + 1)
    (name,) = jobs.keys() - before
    log = cluster.log(service, name)
    assert jobs[name]["status"] == "Succeeded", log
    return log


@pytest.mark.parametrize("user", ["0", "1234:1234"])
def test_a_bucket_is_a_folder(contained: LocalCluster, create: Create, images: Images, user: str) -> None:
    name = f"mounted{user[0]}"
    bucket = f"{name}-data"
    script = f"cd /mnt/{bucket}/deep && cat a/b && echo changed > a/b && echo made > 'a/new one' && rm c\n"
    mount = {"storage_provider": "minio.default", "path": f"{bucket}/deep"}
    image = images.archive(f"user{user[0]}", User=user)
    create(script, name=name, image=image, input=[], output=[], mount=mount)
    for key, body in (("deep/a/b", b"first"), ("deep/c", b""), ("outside", b"")):
        contained.s3.put_object(Bucket=bucket, Key=key, Body=body)
    assert "first" in ran(contained, name)
    assert contained.keys(bucket) == ["deep/", "deep/a/b", "deep/a/new one", "outside"]
    assert contained.content(bucket, "deep/a/b") == b"changed\n"
    contained.s3.put_object(Bucket=bucket, Key="deep/c", Body=b"")
    assert "\nchanged\n" in ran(contained, name), "the next job may change it, too"
    assert "deep/c" not in contained.keys(bucket)


def test_a_read_only_mount(contained: LocalCluster, create: Create, engine: str) -> None:
    bucket = "readonly-data"
    mount = {"storage_provider": "minio", "path": bucket, "options": "--read-only"}
    name = create(f"cat /mnt/{bucket}/a; echo changed > /mnt/{bucket}/a\n", input=[], output=[], mount=mount)
    contained.s3.put_object(Bucket=bucket, Key="a", Body=b"first")
    for _ in range(2):
        log = ran(contained, name)
        assert "first" in log
        assert ("Read-only file system" in log) == (engine in READ_ONLY)
    assert contained.content(bucket, "a") == b"first"


def test_a_volume_is_there_for_every_run(contained: LocalCluster, create: Create) -> None:
    volume = {"name": "kept", "size": "1Gi", "mount_path": "/data/store", "lifecycle_policy": "retain"}
    name = create(
        "cat /data/store/count; echo x >> /data/store/count\n",
        input=[],
        output=[],
        volume=volume,
        log_level="CRITICAL",
    )
    ran(contained, name)
    assert "x\n" in ran(contained, name)
    answer = contained.call("POST", f"/run/{name}", content=b"", headers=contained.bearer(name))
    assert (answer.status_code, answer.text) == (200, "x\nx\n\n")
    assert (contained.folder.volumes / "kept" / "count").read_text() == "x\nx\nx\n"
    refused = contained.api.delete("/system/volumes/kept")
    assert (refused.status_code, "still attached" in refused.text) == (400, True)
    assert contained.api.delete(f"/system/services/{name}").status_code == 204
    shown = contained.api.get("/system/volumes/kept").json()
    assert (shown["status"], shown["lifecycle_policy"]) == ({"phase": "ready"}, "retain")
    other = create(
        "cat /elsewhere/count\n", name="other", volume={"name": "kept", "mount_path": "/elsewhere"}
    )
    assert "x\nx\nx\n" in ran(contained, other)
    assert contained.api.delete(f"/system/services/{other}").status_code == 204
    assert contained.api.delete("/system/volumes/kept").status_code == 204
    assert not (contained.folder.volumes / "kept").exists()


def test_a_volume_that_holds_more_than_its_size_is_told_of(contained: LocalCluster, create: Create) -> None:
    volume = {"name": "full", "size": "64Ki", "mount_path": "/data/full"}
    name = create("head -c 49152 /dev/zero >> /data/full/x\n", input=[], output=[], volume=volume)
    said = "the volume full holds more than its size, 64Ki"
    assert [said in ran(contained, name) for _ in range(2)] == [False, True]
    assert contained.api.delete(f"/system/services/{name}").status_code == 204


def test_a_volume_cannot_take_the_place_of_a_file_of_the_image(
    contained: LocalCluster, create: Create, engine: str
) -> None:
    if engine == "udocker":
        pytest.skip("udocker hides the file")
    volume = {"size": "1Gi", "mount_path": "/srv/greeting"}
    name = create("true\n", volume=volume, input=[], output=[])
    contained.submit(name)
    ((job, state),) = contained.ended(name).items()
    log = contained.log(name, job)
    assert (state["status"], "/srv/greeting" in log) == ("Failed", True), log
