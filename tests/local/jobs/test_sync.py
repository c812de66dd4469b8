"""Synchronous runs."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from oscarcli.local.jobs import sync
from tests.local.harness import LocalCluster, wait_for


def run(cluster: LocalCluster, service: str, body: bytes = b"", **arguments: Any) -> httpx.Response:
    headers = cluster.bearer(service) | arguments.pop("headers", {})
    return cluster.call("POST", f"/run/{service}", content=body, headers=headers, timeout=60, **arguments)


def quiet(cluster: LocalCluster, name: str, script: str, **members: Any) -> None:
    cluster.create(name, script, **{"log_level": "CRITICAL", **members})


def test_the_scripts_output_is_the_answer(cluster: LocalCluster) -> None:
    quiet(cluster, "echoed", 'cat "$INPUT_FILE_PATH"; echo err >&2\n')
    response = run(cluster, "echoed", base64.b64encode(b"text\n"), headers={"Content-Type": "text/x"})
    assert (response.status_code, response.text) == (200, "text\nerr\n\n")
    assert response.headers["content-type"] == "text/x"
    assert float(response.headers["x-duration-seconds"]) >= 0
    assert cluster.jobs("echoed") == {}, "a synchronous run is no job"


def test_one_file_comes_back_as_base64_and_is_not_stored(cluster: LocalCluster) -> None:
    quiet(cluster, "onefile", 'echo lost; head -c 300000 /dev/zero > "$TMP_OUTPUT_DIR/zeros"\n')
    response = run(cluster, "onefile")
    assert base64.b64decode(response.content) == bytes(300_000)
    assert cluster.keys("onefile-bucket") == ["in/", "out/"]


def test_several_files_come_back_as_a_zip(cluster: LocalCluster) -> None:
    quiet(
        cluster,
        "twofiles",
        'mkdir "$TMP_OUTPUT_DIR/d"; echo 1 > "$TMP_OUTPUT_DIR/d/a"; echo 2 > "$TMP_OUTPUT_DIR/b"\n',
    )
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(run(cluster, "twofiles").content))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"d/a": b"1\n", "b": b"2\n"}


def test_a_file_larger_than_a_jobs_log_comes_back_whole(cluster: LocalCluster) -> None:
    quiet(cluster, "bigfile", 'head -c 30000000 /dev/zero > "$TMP_OUTPUT_DIR/zeros"\n')
    assert len(base64.b64decode(run(cluster, "bigfile").content)) == 30_000_000


def test_a_large_input_reaches_the_script_whole(cluster: LocalCluster) -> None:
    quiet(cluster, "biginput", 'cksum < "$INPUT_FILE_PATH"; wc -c < "$INPUT_FILE_PATH"\n')
    response = run(cluster, "biginput", base64.b64encode(b"0123456789" * 500_000))
    assert response.text.split()[-1] == "5000000"


def test_log_lines_are_in_the_answer_unless_the_level_keeps_them_out(cluster: LocalCluster) -> None:
    cluster.create("chatty", "echo said\n")
    assert " - supervisor - INFO - Found 'LOCAL' input provider\n" in run(cluster, "chatty").text
    assert run(cluster, "chatty").text.endswith("\nsaid\n\n")


def test_results_are_stored_when_asked_for(start_cluster: Callable[..., LocalCluster]) -> None:
    cluster = start_cluster(sync_store=True)
    quiet(cluster, "stored", 'echo kept > "$TMP_OUTPUT_DIR/x"\n')
    assert base64.b64decode(run(cluster, "stored").content) == b"kept\n"
    assert cluster.content("stored-bucket", "out/x") == b"kept\n"


def test_the_exit_code_is_ignored_here_too(cluster: LocalCluster) -> None:
    quiet(cluster, "codes", "echo said; exit 3\n")
    assert (run(cluster, "codes").status_code, run(cluster, "codes").text) == (200, "said\n\n")


def test_a_payload_that_cannot_be_read_is_a_500_with_the_exit_status(cluster: LocalCluster) -> None:
    quiet(cluster, "unread", "echo never\n")
    response = run(cluster, "unread", b"[1, 2]")
    assert response.status_code == 500
    assert response.text.startswith(
        "exit status 1\nTraceback (most recent call last):\n"
        "TypeError: write() argument must be str, not list\n"
    )
    assert "never" not in response.text


def test_the_request_reaches_the_script_as_variables(cluster: LocalCluster) -> None:
    quiet(cluster, "variables", "env\n")
    response = run(cluster, "variables", b"", params={"a": "1"}, headers={"X-Some-Thing": "v"})
    seen = dict(line.split("=", 1) for line in response.text.splitlines() if "=" in line)
    assert seen["Http_Query"] == "a=1"
    assert seen["Http_Method"] == "POST"
    assert seen["Http_Path"] == ""
    assert seen["Http_X_Some_Thing"] == "v"
    assert seen["Http_Authorization"].startswith("Bearer ")
    assert seen["Http_ContentLength"] == seen["Http_Content_Length"] == "0"
    assert not {"EVENT", "JOB_UUID", "RESOURCE_ID"} & set(seen)


def test_a_storage_event_has_no_credentials_and_becomes_the_file(cluster: LocalCluster) -> None:
    quiet(cluster, "eventful", 'cat "$INPUT_FILE_PATH"; echo "$STORAGE_OBJECT_KEY ${EVENT:+event}"\n')
    record = {
        "eventSource": "minio:s3",
        "eventTime": "2026-03-04T05:06:07.089Z",
        "s3": {"bucket": {"name": "b", "arn": "arn"}, "object": {"key": "in%2Fx"}},
    }
    response = run(cluster, "eventful", json.dumps({"Records": [record]}).encode())
    assert response.text == json.dumps({"Records": [record]}) + "in/x event\n\n"


def test_a_run_is_cut_off_at_the_limit(start_cluster: Callable[..., LocalCluster]) -> None:
    cluster = start_cluster(sync_limit=0.3)
    quiet(cluster, "endless", "sleep 60 & wait\n")
    response = run(cluster, "endless")
    assert (response.status_code, response.text) == (504, "request timeout")
    assert [path.name for path in cluster.folder.jobs.iterdir()] == []


def test_no_more_runs_at_a_time_than_the_scale_allows(cluster: LocalCluster, tmp_path: Path) -> None:
    script = f'mkdir "{tmp_path}/busy" || echo clash; sleep 0.1; rmdir "{tmp_path}/busy"\n'
    quiet(cluster, "single", script, synchronous={"max_scale": 1})
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(run(cluster, "single").text)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["\n"] * 3


def test_calls_beyond_what_the_listener_can_hold_are_turned_away(
    cluster: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "MAX_CALLS", 1)
    gate = tmp_path / "gate"
    quiet(cluster, "full", f'touch "{gate}-on"; while [ ! -e "{gate}" ]; do sleep 0.02; done\n')
    first = threading.Thread(target=run, args=(cluster, "full"))
    first.start()
    wait_for((tmp_path / "gate-on").exists, "the first run")
    assert run(cluster, "full").status_code == 503
    gate.touch()
    first.join()


def test_deleting_the_service_stops_its_runs(cluster: LocalCluster, tmp_path: Path) -> None:
    quiet(cluster, "deleted", f'touch "{tmp_path}/on"; sleep 60\n')
    token = cluster.bearer("deleted")
    answers: list[int] = []

    def call() -> None:
        answers.append(cluster.call("POST", "/run/deleted", headers=token, timeout=60).status_code)

    thread = threading.Thread(target=call)
    thread.start()
    wait_for((tmp_path / "on").exists, "the run to begin")
    began = time.monotonic()
    assert cluster.api.delete("/system/services/deleted").status_code == 204
    thread.join()
    assert answers == [502]
    assert time.monotonic() - began < 30


def test_no_run_begins_when_the_server_is_about_to_stop(
    start_cluster: Callable[..., LocalCluster], tmp_path: Path
) -> None:
    cluster = start_cluster()
    begun = tmp_path / "begun"
    cluster.create("sleepy", f"echo >> {begun}; sleep 60\n", synchronous={"max_scale": 1})
    with ThreadPoolExecutor(2) as pool:
        running, waiting = (pool.submit(run, cluster, "sleepy") for _ in range(2))
        wait_for(begun.exists, "the first run")
        wait_for(lambda: cluster.server.cluster.sync._calls == 2, "the second call")
        cluster.server.cluster.stop_runs()
        statuses = [running.result().status_code, waiting.result().status_code]
    late = run(cluster, "sleepy")
    assert (sorted(statuses), late.status_code) == ([502, 503], 503)
    assert late.text == "the server is about to stop"
    assert begun.read_text() == "\n"


def test_queued_jobs_do_not_keep_synchronous_runs_waiting(
    start_cluster: Callable[..., LocalCluster], tmp_path: Path
) -> None:
    cluster = start_cluster(parallel=1)
    gate = tmp_path / "gate"
    quiet(cluster, "busy", f'[ -z "$EVENT" ] || while [ ! -e "{gate}" ]; do sleep 0.02; done; echo done\n')
    cluster.submit("busy", b"QQ==", job="busy-1")
    wait_for(lambda: cluster.jobs("busy")["busy-1"]["status"] == "Running", "the job to run")
    assert run(cluster, "busy").text == "done\n\n"
    gate.touch()
    cluster.ended("busy")
