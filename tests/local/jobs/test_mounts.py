"""Services that see a bucket as a folder: what they read, write, delete, and must not."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from oscarcli.local.services.mounts import PLACE
from tests.local.harness import LocalCluster, wait_for

MOUNTED = pytest.mark.skipif(not os.access(PLACE, os.W_OK), reason=f"links below {PLACE} cannot be made here")


@dataclass
class MountedBucket:
    """A bucket that services mount, with a name found nowhere else: its path is this machine's."""

    cluster: LocalCluster
    name: str

    @property
    def path(self) -> Path:
        return Path(PLACE) / self.name

    def put(self, key: str, body: bytes) -> None:
        self.cluster.s3.put_object(Bucket=self.name, Key=key, Body=body)

    def names(self) -> list[str]:
        return self.cluster.keys(self.name)

    def content(self, key: str) -> bytes:
        return self.cluster.content(self.name, key)

    def serve(self, service: str, script: str, **mount: Any) -> None:
        """Create a service that mounts the bucket and nothing else."""
        entry = {"storage_provider": "minio.default", "path": self.name, **mount}
        self.cluster.create(service, script, input=[], output=[], mount=entry)

    def run(self, service: str, count: int = 1) -> tuple[str, str]:
        """Run a job and return its status and log."""
        before = self.cluster.jobs(service).keys()
        self.cluster.submit(service)
        jobs = self.cluster.ended(service, len(before) + 1)
        (name,) = jobs.keys() - before
        return jobs[name]["status"], self.cluster.log(service, name)


@pytest.fixture
def bucket(cluster: LocalCluster) -> Iterator[MountedBucket]:
    """A bucket of the shared cluster; services of a test have its name and more."""
    made = MountedBucket(cluster, f"m{uuid.uuid4().hex[:12]}")
    yield made
    for service in cluster.api.get("/system/services").json():
        if service["name"].startswith(made.name):
            assert cluster.api.delete(f"/system/services/{service['name']}").status_code == 204
    assert not os.path.lexists(made.path), "no link is left behind"


pytestmark = MOUNTED


def test_a_job_reads_changes_makes_and_deletes_objects(cluster: LocalCluster, bucket: MountedBucket) -> None:
    service, path = f"{bucket.name}s", bucket.path
    bucket.serve(
        service,
        f"cd {path} && cat deep/a.txt && printf more >> deep/a.txt && rm gone && mkdir -p new/er/empty\n"
        "printf made > new/er/b.json && mv moved.txt 'moved on.txt' && ls\n",
    )
    for key, body in (("deep/a.txt", b"one"), ("gone", b"x"), ("moved.txt", b"m"), ("same", b"s")):
        bucket.put(key, body)
    untouched = cluster.s3.head_object(Bucket=bucket.name, Key="same")["LastModified"]
    status, log = bucket.run(service)
    assert status == "Succeeded", log
    assert "onedeep\nmoved on.txt\nnew\nsame\n" in log
    assert bucket.names() == ["deep/a.txt", "moved on.txt", "new/er/b.json", "same"]
    assert bucket.content("deep/a.txt") == b"onemore"
    assert bucket.content("new/er/b.json") == b"made"
    assert (
        cluster.s3.head_object(Bucket=bucket.name, Key="new/er/b.json")["ContentType"] == "application/json"
    )
    assert cluster.s3.head_object(Bucket=bucket.name, Key="same")["LastModified"] == untouched
    assert "is stored when it ends" in log


def test_the_next_job_sees_what_changed_in_the_bucket(cluster: LocalCluster, bucket: MountedBucket) -> None:
    service = f"{bucket.name}s"
    bucket.serve(service, f'cd {bucket.path} && for f in *; do echo "$f=$(cat $f)"; done\n')
    bucket.put("changed", b"1")
    bucket.put("removed", b"2")
    assert "changed=1\nremoved=2\n" in bucket.run(service)[1]
    bucket.put("changed", b"3")
    bucket.put("added", b"4")
    cluster.s3.delete_object(Bucket=bucket.name, Key="removed")
    assert "added=4\nchanged=3\n" in bucket.run(service)[1]
    assert bucket.names() == ["added", "changed"]


def test_files_are_fetched_once_and_not_for_every_job(cluster: LocalCluster, bucket: MountedBucket) -> None:
    service = f"{bucket.name}s"
    bucket.serve(service, f"ls -i {bucket.path}/big | cut -d' ' -f1\n")
    bucket.put("big", b"x" * 100_000)
    inodes = {bucket.run(service)[1].splitlines()[-2] for _ in range(2)}
    assert len(inodes) == 1, inodes
    bucket.put("big", b"y" * 100_000)
    assert bucket.run(service)[1].splitlines()[-2] not in inodes


def test_a_folder_of_a_bucket_is_mounted_alone(cluster: LocalCluster, bucket: MountedBucket) -> None:
    service = f"{bucket.name}s"
    bucket.serve(
        service, f"cd {bucket.path}/data/in && ls && echo x > out\n", path=f"/{bucket.name}/data/in/"
    )
    assert bucket.names() == ["data/in/"]
    bucket.put("data/in/seen", b"")
    bucket.put("data/other", b"")
    status, log = bucket.run(service)
    assert (status, "\nseen\n" in log) == ("Succeeded", True), log
    assert bucket.names() == ["data/in/", "data/in/out", "data/in/seen", "data/other"]
    assert (
        cluster.api.get(f"/system/services/{service}").json()["mount"]["path"] == f"/{bucket.name}/data/in/"
    )


def test_what_a_read_only_mount_is_changed_to_is_undone(cluster: LocalCluster, bucket: MountedBucket) -> None:
    service = f"{bucket.name}s"
    script = f"cd {bucket.path} && cat a && echo changed > a && rm -f b && echo new > c && ln -s a d && ls\n"
    bucket.serve(service, script, options="--read-only --attr-timeout 5s")
    bucket.put("a", b"first")
    bucket.put("b", b"second")
    logs = []
    for _ in range(2):
        status, log = bucket.run(service)
        assert (status, "first" in log) == ("Succeeded", True), log
        logs.append(log)
    assert "the mount's options --attr-timeout 5s mean nothing here" in logs[0]
    assert bucket.names() == ["a", "b"]
    assert bucket.content("a") == b"first"


def test_jobs_beside_each_other_share_the_folder(
    cluster: LocalCluster, bucket: MountedBucket, tmp_path: Path
) -> None:
    waiting, other, go = f"{bucket.name}a", f"{bucket.name}b", tmp_path / "go"
    path = bucket.path
    bucket.serve(
        waiting,
        f"cd {path}; exec 3> half; echo one >&3; echo x > ready; until [ -e {go} ]; do sleep 0.05; done; "
        "echo two >&3\n",
    )
    bucket.serve(other, f"cd {path}; [ -e ready ] && cat half\n")
    cluster.submit(waiting)
    wait_for((path / "ready").exists, "the first job")
    status, log = bucket.run(other)
    assert (status, "\none\n" in log) == ("Succeeded", True), log
    assert bucket.names() == ["ready"], "what is still being written comes later"
    go.touch()
    ((name, job),) = cluster.ended(waiting).items()
    assert job["status"] == "Succeeded", cluster.log(waiting, name)
    assert (bucket.names(), bucket.content("half")) == (["half", "ready"], b"one\ntwo\n")


def test_the_later_of_two_writers_wins(cluster: LocalCluster, bucket: MountedBucket, tmp_path: Path) -> None:
    service = f"{bucket.name}s"
    go = tmp_path / "go"
    bucket.serve(
        service,
        f"cd {bucket.path}; echo mine > both; rm old; echo > wrote; until [ -e {go} ]; do sleep 0.05; done\n",
    )
    bucket.put("both", b"first")
    bucket.put("old", b"first")
    cluster.submit(service)
    wait_for((bucket.path / "wrote").exists, "the script")
    bucket.put("both", b"theirs")
    bucket.put("old", b"again")
    go.touch()
    ((name, job),) = cluster.ended(service).items()
    log = cluster.log(service, name)
    assert (job["status"], "a later one is in the bucket" in log) == ("Succeeded", True), log
    assert (bucket.content("both"), bucket.content("old")) == (b"theirs", b"again")


def test_what_cannot_be_stored_fails_the_job_and_names_the_file(
    cluster: LocalCluster, bucket: MountedBucket
) -> None:
    service = f"{bucket.name}s"
    bucket.serve(
        service, f"cd {bucket.path}; echo x > good; echo x > \"$(printf 'bad\\377')\"; ln -s /etc out\n"
    )
    status, log = bucket.run(service)
    assert status == "Failed"
    assert "the mounted file 'bad\\udcff' cannot be stored: " in log
    assert "'out' in the mounted folder is no file and not stored" in log
    assert bucket.names() == ["good"], "the others are stored"
    bucket_rest = f"{bucket.name}t"
    bucket.serve(bucket_rest, "true\n")
    status, log = bucket.run(bucket_rest)
    assert (status, "bad" in log) == ("Succeeded", True), "it is not this job's file"


def test_a_link_leads_no_object_out_of_the_folder(
    cluster: LocalCluster, bucket: MountedBucket, tmp_path: Path
) -> None:
    service = f"{bucket.name}s"
    bucket.serve(service, f"ln -sfn {tmp_path} {bucket.path}/trap\n")
    bucket.run(service)
    bucket.put("trap/file", b"x")
    status, log = bucket.run(service)
    assert "the object 'trap/file' is not in the mounted folder" in log
    assert list(tmp_path.iterdir()) == []
    assert (status, bucket.names()) == ("Succeeded", ["trap/file"]), log


def test_objects_that_cannot_be_files_are_passed_over(cluster: LocalCluster, bucket: MountedBucket) -> None:
    service = f"{bucket.name}s"
    bucket.serve(service, f"cd {bucket.path}; find . -type f\n")
    for key in ("a", "a/b", "c//d", "e/"):
        bucket.put(key, b"")
    status, log = bucket.run(service)
    assert (status, "\n./a\n" in log) == ("Succeeded", True), log
    assert "the object 'a/b' is not in the mounted folder" in log
    assert "'c//d' cannot be a file" in log
    assert bucket.names() == ["a", "a/b", "c//d", "e/"], "and stay what they are"


def test_a_stored_file_starts_other_services(cluster: LocalCluster, bucket: MountedBucket) -> None:
    first, second = f"{bucket.name}a", f"{bucket.name}b"
    bucket.serve(first, f"echo hello > {bucket.path}/in/x\n")
    source = {"storage_provider": "minio", "path": f"{bucket.name}/in"}
    cluster.create(second, 'cat "$INPUT_FILE_PATH"\n', input=[source], output=[])
    assert bucket.run(first)[0] == "Succeeded"
    assert cluster.script_output(second).startswith("hello\n")
    cluster.api.delete(f"/system/services/{second}")
    assert bucket.names() == ["in/", "in/x"], "a bucket that is mounted stays"


def test_a_synchronous_run_has_no_mount(
    cluster: LocalCluster, bucket: MountedBucket, caplog: pytest.LogCaptureFixture
) -> None:
    service = f"{bucket.name}s"
    bucket.serve(service, f"echo x > {bucket.path}/sync\n")
    cluster.call("POST", f"/run/{service}", headers=cluster.bearer(service))
    assert bucket.names() == []
    assert "nothing is mounted, as on a real cluster" in caplog.text


@pytest.mark.parametrize(
    ("mount", "status", "text"),
    [
        ({"storage_provider": "minio", "path": " / "}, 400, "mount.path: it names no bucket"),
        ({"storage_provider": "minio", "path": "UP"}, 500, 'error creating bucket "UP"'),
        ({"storage_provider": "minio", "path": "bucket/../x"}, 500, 'error creating bucket "bucket"'),
        ({"storage_provider": "minio", "path": "bucket/a//b"}, 500, 'error creating folder "a//b/"'),
        (
            {"storage_provider": "minio", "path": "bucket", "options": "--a;b"},
            500,
            "mount options contain invalid characters",
        ),
        ({"storage_provider": "webdav.x", "path": "a"}, 500, 'the StorageProvider "webdav.x" is not defined'),
        (
            {"storage_provider": "s3.own", "path": "bucket"},
            500,
            'the StorageProvider "s3.own" is not defined',
        ),
    ],
)
def test_what_cannot_be_mounted_is_refused(
    cluster: LocalCluster, mount: dict[str, str], status: int, text: str
) -> None:
    body = {"name": "refused", "image": "i", "script": "true", "mount": mount}
    answer = cluster.api.post("/system/services", json=body)
    assert (answer.status_code, text in answer.text) == (status, True), answer.text


def test_a_path_without_a_provider_mounts_nothing(cluster: LocalCluster) -> None:
    cluster.create("pathonly", "true\n", mount={"storage_provider": "", "path": "x"})
    cluster.submit("pathonly")
    assert [job["status"] for job in cluster.ended("pathonly").values()] == ["Succeeded"]


def test_nothing_that_a_job_wrote_is_lost_with_the_server(
    start_cluster: Callable[..., LocalCluster], tmp_path: Path
) -> None:
    cluster = start_cluster()
    bucket = MountedBucket(cluster, f"m{uuid.uuid4().hex[:12]}")
    service = f"{bucket.name}s"
    bucket.serve(service, "true\n")
    bucket.put("kept", b"1")
    bucket.put("dropped", b"2")
    assert bucket.run(service)[0] == "Succeeded"
    root = bucket.path.resolve()
    cluster.close()
    # As a server leaves it that is killed between the end of a script and what comes then.
    (root / "late").write_bytes(b"written")
    (root / "dropped").unlink()
    again = MountedBucket(start_cluster(), bucket.name)
    assert (again.names(), again.content("late")) == (["kept", "late"], b"written")
    assert again.run(service)[0] == "Succeeded"
    again.cluster.api.delete(f"/system/services/{service}")
    assert not os.path.lexists(bucket.path)
    assert list(again.cluster.folder.mounts.iterdir()) == []
    assert again.names() == ["kept", "late"], "the bucket stays"


def test_a_folder_that_somebody_removed_deletes_no_object(
    cluster: LocalCluster, bucket: MountedBucket
) -> None:
    import shutil

    service = f"{bucket.name}s"
    bucket.serve(service, f"cat {bucket.path}/a\n")
    bucket.put("a", b"still here")
    bucket.run(service)
    shutil.rmtree(bucket.path.resolve())
    status, log = bucket.run(service)
    assert (status, "still here" in log, bucket.names()) == ("Succeeded", True, ["a"]), log
