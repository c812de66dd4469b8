"""What survives when the server is killed: run as a process of its own, ended by SIGKILL."""

from __future__ import annotations

import hashlib
import os
import random
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from oscarcli.local import control
from oscarcli.local.folder import DataFolder
from tests.local.harness import LocalCluster, Process, wait_for

# So many times a server is killed in the middle of so many uploads. TEST_CRASHES=20 takes half a minute.
CRASHES = int(os.environ.get("TEST_CRASHES", "2"))
UPLOADS = 200
UPLOADERS = 32
KILLED = "the server stopped while the job was running"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path / "data")
    yield process
    process.disconnect()
    control.stop(process.folder)


def test_pending_jobs_go_on_and_running_ones_fail(process: Process, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    cluster = process.start(parallel=1)
    cluster.create(
        "torn", f'echo begun; printf half; while [ ! -e "{gate}" ]; do sleep 0.02; done; echo done\n'
    )
    for number in range(3):
        cluster.upload("torn", f"in/{number}")
    wait_for(
        lambda: "begun" in "".join(cluster.log("torn", job) for job in cluster.jobs("torn")), "a job to run"
    )
    process.kill()
    gate.touch()
    cluster = process.start(parallel=1)
    jobs = cluster.ended("torn", 3)
    failed = [name for name, job in jobs.items() if job["status"] == "Failed"]
    assert len(failed) == 1
    assert jobs[failed[0]]["reason"] == KILLED
    assert cluster.log("torn", failed[0]).splitlines()[-2:-1] == ["half"]
    assert cluster.log("torn", failed[0]).endswith(f" - local cluster - ERROR - {KILLED}\n")
    assert all("done" in cluster.log("torn", name) for name in jobs if name not in failed)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_scripts_of_a_killed_server_end_and_leave_nothing(process: Process) -> None:
    cluster = process.start()
    cluster.create("orphan", 'echo "$$"; setsid sh -c "echo \\$\\$; exec sleep 300"\n')
    cluster.submit("orphan", job="orphan-1")

    def seen() -> list[int]:
        return [int(line) for line in cluster.log("orphan", "orphan-1").splitlines() if line.isdigit()]

    pids = wait_for(lambda: seen() if len(seen()) == 2 else [], "both processes")
    bystander = os.getpid()
    process.kill()
    # At once where there are subreapers, else when the next server starts.
    cluster = process.start()
    wait_for(lambda: not any(_runs(pid) for pid in pids), "the scripts to end")
    assert Path(f"/proc/{bystander}").exists()
    assert [path.name for path in process.folder.jobs.iterdir()] == ["orphan-1"]
    assert not (process.folder.jobs / "orphan-1" / "work").exists()


def _runs(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    try:
        return state.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_stop_fails_what_runs_and_keeps_what_waits(process: Process) -> None:
    cluster = process.start(parallel=1)
    cluster.create("paused", "echo on; sleep 60\n")
    for number in range(2):
        cluster.submit("paused", job=f"paused-{number}")
    wait_for(lambda: "\non\n" in cluster.log("paused", "paused-0"), "the first job")
    assert control.stop(process.folder)
    assert control.status(process.folder).pending == 1
    cluster = process.start(parallel=1)
    wait_for(lambda: "\non\n" in cluster.log("paused", "paused-1"), "the second job")
    first = cluster.jobs("paused")["paused-0"]
    assert first["status"] == "Failed"
    assert first["reason"] == "the server was stopped while the job was running"


@pytest.mark.thorough
def test_folders_that_belong_to_no_job_are_swept(process: Process) -> None:
    process.start()
    control.stop(process.folder)
    (process.folder.jobs / "stray" / "work").mkdir(parents=True)
    (process.folder.jobs / ".run-1").mkdir()
    process.start()
    assert list(process.folder.jobs.iterdir()) == []


def check_rounds(process: Process, rounds: int) -> None:
    """Kill the server again and again in the middle of uploads; look that nothing acknowledged is lost."""
    dice = random.Random(20)
    acknowledged: dict[str, str] = {}
    cluster = process.start(parallel=2)
    cluster.create("durable", "true\n", output=[], log_level="CRITICAL")
    for number in range(rounds):
        acknowledged |= _upload_until_killed(process, cluster, number, dice.randrange(UPLOADS))
        cluster = process.start(parallel=2)
        _check(process.folder, cluster, acknowledged, f"in/{number:02}/")
        if number + 1 < rounds:
            # Their jobs are there, which is what counts; running them all would take most of the time.
            assert cluster.api.delete("/system/logs/durable?all=true").status_code == 204
    wait_for(lambda: _queue(process.folder) == (0, 0), "the queue to be done")
    with closing(sqlite3.connect(process.folder.database)) as connection:
        ends = set(connection.execute("SELECT DISTINCT status, reason FROM jobs"))
    assert ends <= {("Succeeded", None), ("Failed", KILLED)}


def _queue(folder: DataFolder) -> tuple[int, int]:
    status = control.status(folder)
    return status.pending, status.running


def _upload_until_killed(process: Process, cluster: LocalCluster, number: int, after: int) -> dict[str, str]:
    acknowledged: dict[str, str] = {}
    lock = threading.Lock()
    s3 = cluster.s3

    def upload(index: int) -> None:
        key = f"in/{number:02}/{index:03}"
        body = random.Random(index).randbytes(index * 970)
        try:
            s3.put_object(Bucket="durable-bucket", Key=key, Body=body)
        except Exception:  # noqa: BLE001 -- the server is gone: the upload was not acknowledged
            return
        with lock:
            acknowledged[key] = hashlib.md5(body).hexdigest()
            now = len(acknowledged) == after + 1
        if now:
            process.kill()

    with ThreadPoolExecutor(UPLOADERS) as pool:
        list(pool.map(upload, range(UPLOADS)))
    if process.folder.holder() is not None:
        process.kill()
    return acknowledged


def _check(folder: DataFolder, cluster: LocalCluster, acknowledged: dict[str, str], newest: str) -> None:
    pages = cluster.s3.get_paginator("list_objects_v2").paginate(Bucket="durable-bucket")
    objects = {item["Key"]: item["ETag"].strip('"') for page in pages for item in page["Contents"]}
    assert {key: objects.get(key) for key in acknowledged} == acknowledged
    with closing(sqlite3.connect(folder.database)) as connection:
        rows = connection.execute(
            "SELECT key, count(jobs.id) FROM events LEFT JOIN jobs ON jobs.event = events.id "
            "WHERE bucket = 'durable-bucket' GROUP BY events.id"
        ).fetchall()
        named = sorted(blob for (blob,) in connection.execute("SELECT blob FROM pieces"))
        small = [blob for (blob,) in connection.execute("SELECT blob FROM small_blobs")]
    files = [path.name for path in folder.blobs.rglob("*") if path.is_file()]
    assert sorted(files + small) == named, "no blob without an object"
    assert files
    assert small
    assert all(count == 1 for _, count in rows)
    keys = [key for key, _ in rows]
    assert len(keys) == len(set(keys))
    created = {key for key in objects if key.startswith(newest)}
    assert set(keys) == created, "each object has its event and its job, and none has two"
    last = max(acknowledged)
    assert hashlib.md5(cluster.content("durable-bucket", last)).hexdigest() == acknowledged[last]


@pytest.mark.thorough
def test_no_acknowledged_upload_is_lost_or_without_its_job(process: Process) -> None:
    check_rounds(process, CRASHES)
