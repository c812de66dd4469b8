"""The routes of jobs and logs, and the queue behind them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from oscarcli.local.jobs.engine import execution
from oscarcli.local.rest import jobs as api_jobs
from tests.local.harness import PATIENCE, LocalCluster, wait_for


def test_a_submitted_job_answers_with_nothing_and_gets_a_name(cluster: LocalCluster) -> None:
    cluster.create("named")
    response = cluster.call("POST", "/job/named", content=b"", headers=cluster.bearer("named"))
    assert (response.status_code, response.content) == (201, b"")
    ((name, job),) = cluster.ended("named").items()
    assert re.fullmatch(r"named-[0-9a-f]{8}-[0-9a-f-]{27}", name)
    time = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
    assert all(time.fullmatch(job[key]) for key in ("creation_time", "start_time", "finish_time"))
    assert (job["status"], job["exit_code"]) == ("Succeeded", 0)


def test_a_long_service_name_is_cut_in_its_jobs_names(cluster: LocalCluster) -> None:
    name = "a-service-of-twenty-five-c"
    cluster.create(name)
    cluster.submit(name)
    (job,) = cluster.ended(name)
    assert re.fullmatch(r"a-service-of-twe-[0-9a-f-]{36}", job)


def test_the_client_may_choose_the_name_once(cluster: LocalCluster) -> None:
    cluster.create("chosen")
    cluster.create("chosen-too")
    cluster.submit("chosen", job="my.job-1")
    assert list(cluster.ended("chosen")) == ["my.job-1"]
    headers = cluster.bearer("chosen-too") | {"X-Delegated-Job-ID": "my.job-1"}
    response = cluster.call("POST", "/job/chosen-too", headers=headers)
    assert (response.status_code, response.text) == (500, 'jobs.batch "my.job-1" already exists')


@pytest.mark.parametrize("name", ["Upper", "-x", "x" * 64, "a..b", "../x", "a/b"])
def test_a_name_that_kubernetes_would_not_take_is_refused(cluster: LocalCluster, name: str) -> None:
    if cluster.api.get("/system/services/strict-names").status_code == 404:
        cluster.create("strict-names")
    headers = cluster.bearer("strict-names") | {"X-Delegated-Job-ID": name}
    response = cluster.call("POST", "/job/strict-names", headers=headers)
    assert response.status_code == 500
    assert response.text.startswith(f'Job.batch "{name}" is invalid')


def test_an_event_that_linux_cannot_hand_over_fails_the_job(cluster: LocalCluster) -> None:
    cluster.create("large", 'wc -c < "$INPUT_FILE_PATH"; printf %s "$EVENT" | wc -c\n', output=[])
    limit = api_jobs.MAX_EVENT_BYTES
    cluster.submit("large", b"A" * (limit - limit % 4), job="fits")
    cluster.submit("large", b"A" * (limit + 1), job="does-not")
    jobs = cluster.ended("large", 2)
    assert jobs["fits"]["status"] == "Succeeded"
    assert str(limit - limit % 4) in cluster.log("large", "fits")
    assert jobs["does-not"]["status"] == "Failed"
    assert f"the event has {limit + 1} bytes" in jobs["does-not"]["reason"]
    assert f"the event has {limit + 1} bytes" in cluster.log("large", "does-not")
    response = cluster.call(
        "POST", "/job/large", content=b"A" * (api_jobs.MAX_BODY_BYTES + 1), headers=cluster.bearer("large")
    )
    assert (response.status_code, response.text) == (500, "etcdserver: request is too large")


def test_the_largest_event_reaches_the_script(cluster: LocalCluster) -> None:
    cluster.create("edge", 'printf %s "$EVENT" | wc -c | tr -d " "\n', output=[], file_stage_in=True)
    cluster.submit("edge", b"A" * (api_jobs.MAX_EVENT_BYTES - 1))
    assert cluster.script_output("edge").splitlines()[0] == str(api_jobs.MAX_EVENT_BYTES - 1)


def test_jobs_are_listed_by_name_in_pages_of_seventy(cluster: LocalCluster) -> None:
    cluster.create("many")
    definition = cluster.server.cluster.services.get("many")
    assert definition is not None
    names = sorted(f"many-{number}" for number in range(145))
    with cluster.server.cluster.state.transaction():
        for name in names:
            cluster.server.cluster.jobs.add(name, definition, b"")
    pages, token = [], ""
    while True:
        page = cluster.api.get("/system/logs/many", params={"page": token} if token else {}).json()
        pages.append(list(page["jobs"]))
        if "next_page" not in page:
            break
        token = page["next_page"]
    assert [len(page) for page in pages] == [70, 70, 5]
    assert [name for page in pages for name in page] == names
    assert cluster.api.get("/system/logs/many", params={"page": "garbage"}).status_code == 500
    assert cluster.api.delete("/system/logs/many?all=true").status_code == 204


def test_logs_of_what_is_not_there(cluster: LocalCluster) -> None:
    cluster.create("logless")
    for path in ("/system/logs/nothing", "/system/logs/nothing/job", "/system/logs/logless/job"):
        response = cluster.api.get(path)
        assert (response.status_code, response.content) == (404, b"")
    assert cluster.api.get("/system/logs/logless").text == '{"jobs":{}}'
    assert cluster.api.delete("/system/logs/nothing").status_code == 404
    assert cluster.api.delete("/system/logs/logless/job").status_code == 404
    response = cluster.api.delete("/system/logs/nothing/job")
    text = "You do not have permission to access this service"
    assert (response.status_code, response.text) == (403, text)


def test_a_job_is_only_seen_through_its_own_service(cluster: LocalCluster) -> None:
    cluster.create("owner-of")
    cluster.create("stranger")
    cluster.submit("owner-of", job="private-job")
    cluster.ended("owner-of")
    assert cluster.api.get("/system/logs/stranger/private-job").status_code == 404
    assert cluster.api.delete("/system/logs/stranger/private-job").status_code == 404
    assert cluster.api.get("/system/logs/owner-of/private-job").status_code == 200


def test_timestamps_on_request(cluster: LocalCluster) -> None:
    cluster.create("stamped", "echo one\n")
    cluster.submit("stamped", job="stamped-1")
    cluster.ended("stamped")
    for flag in ("1", "t", "TRUE"):
        lines = cluster.api.get(f"/system/logs/stamped/stamped-1?timestamps={flag}").text.splitlines()
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z one", lines[-2])
    for flag in ("", "yes", "false"):
        assert cluster.api.get(f"/system/logs/stamped/stamped-1?timestamps={flag}").text.endswith("\none\n\n")


def test_deleting_the_succeeded_jobs_or_one_or_all(cluster: LocalCluster) -> None:
    cluster.create("cleared")
    for number in range(3):
        cluster.submit("cleared", job=f"good-{number}")
    cluster.submit("cleared", b"[1]", job="bad-1")
    cluster.ended("cleared", 4)
    assert cluster.api.delete("/system/logs/cleared/good-0").status_code == 204
    assert sorted(cluster.jobs("cleared")) == ["bad-1", "good-1", "good-2"]
    assert not (cluster.folder.jobs / "good-0").exists()
    assert cluster.api.delete("/system/logs/cleared").status_code == 204
    assert list(cluster.jobs("cleared")) == ["bad-1"]
    assert cluster.api.delete("/system/logs/cleared?all=true").status_code == 204
    assert cluster.jobs("cleared") == {}


def test_a_running_job_is_stopped_and_leaves_nothing(
    cluster: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "GRACE_SECONDS", PATIENCE)
    mark = tmp_path / "mark"
    cluster.create(
        "stopped",
        f'trap "echo x > {mark}; exit" TERM; echo x > "$TMP_OUTPUT_DIR/x"; sleep 60 & echo on; wait\n',
    )
    cluster.submit("stopped", job="stopped-1")
    wait_for(lambda: "\non\n" in cluster.log("stopped", "stopped-1"), "the job to run")
    assert cluster.api.delete("/system/logs/stopped/stopped-1").status_code == 204
    assert cluster.jobs("stopped") == {}
    wait_for(lambda: not (cluster.folder.jobs / "stopped-1").exists(), "its folder to go")
    assert mark.exists(), "the script was asked to end before it was made to"
    assert cluster.keys("stopped-bucket") == ["in/", "out/"], "nothing of a stopped job is stored"
    cluster.submit("stopped", job="stopped-1")
    wait_for(lambda: "\non\n" in cluster.log("stopped", "stopped-1"), "the new job of that name to run")
    assert cluster.api.delete("/system/services/stopped").status_code == 204
    wait_for(lambda: not (cluster.folder.jobs / "stopped-1").exists(), "its folder to go")


def test_the_queue_keeps_order_and_limit(start_cluster: Callable[..., LocalCluster], tmp_path: Path) -> None:
    cluster = start_cluster(parallel=2)
    gate = tmp_path / "gate"
    cluster.create("queued", f'echo on; while [ ! -e "{gate}" ]; do sleep 0.02; done\n')
    for number in range(5):
        cluster.submit("queued", job=f"queued-{number}")
    wait_for(lambda: "\non\n" in cluster.log("queued", "queued-1"), "the second job to run")
    states = [job["status"] for job in cluster.jobs("queued").values()]
    assert states == ["Running", "Running", "Pending", "Pending", "Pending"]
    assert cluster.api.get("/system/logs/queued/queued-4").status_code == 404
    assert cluster.api.delete("/system/logs/queued/queued-3").status_code == 204
    gate.touch()
    jobs = cluster.ended("queued", 4)
    assert sorted(jobs) == ["queued-0", "queued-1", "queued-2", "queued-4"]
    starts = [jobs[f"queued-{number}"]["start_time"] for number in (0, 1, 2, 4)]
    assert starts == sorted(starts)


def test_jobs_wait_while_the_disk_is_full(
    start_cluster: Callable[..., LocalCluster],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster = start_cluster()
    scheduler = cluster.server.cluster.scheduler
    cluster.create("held")
    monkeypatch.setattr("oscarcli.local.jobs.scheduler.HELD_SECONDS", 0.05)
    monkeypatch.setattr(scheduler, "_free_bytes", lambda: 1 << 20)
    with caplog.at_level("INFO", "oscarcli.local"):
        cluster.submit("held")
        wait_for(lambda: "jobs wait" in caplog.text, "the note in the log")
        assert [job["status"] for job in cluster.jobs("held").values()] == ["Pending"]
        monkeypatch.setattr(scheduler, "_free_bytes", lambda: 1 << 40)
        cluster.ended("held")
    assert caplog.text.count("jobs wait") == 1
    assert "there is disk space again" in caplog.text


def test_strict_exit_makes_a_failing_script_fail_its_job(start_cluster: Callable[..., LocalCluster]) -> None:
    cluster = start_cluster(strict_exit=True)
    cluster.create("bad", 'echo kept > "$TMP_OUTPUT_DIR/x"; exit 4\n')
    cluster.upload("bad", "in/a")
    ((job, state),) = cluster.ended("bad").items()
    assert (state["status"], state["exit_code"]) == ("Failed", 4)
    assert state["reason"] == "the script ended with exit code 4"
    assert "--strict-exit" in cluster.log("bad", job).splitlines()[-1]
    assert "out/x" in cluster.keys("bad-bucket"), "results are stored all the same"


def test_old_jobs_go_with_their_logs(cluster: LocalCluster) -> None:
    import time

    from oscarcli.local.recovery import MAX_JOB_AGE_SECONDS, Expiry

    cluster.create("aged")
    cluster.submit("aged", job="aged-1")
    cluster.ended("aged")
    expiry = Expiry(cluster.folder, cluster.server.cluster.jobs)
    expiry.expire(time.time() + MAX_JOB_AGE_SECONDS - 60)
    assert list(cluster.jobs("aged")) == ["aged-1"]
    expiry.expire(time.time() + MAX_JOB_AGE_SECONDS + 60)
    assert cluster.jobs("aged") == {}
    assert not (cluster.folder.jobs / "aged-1").exists()


def test_only_so_many_ended_jobs_are_kept(
    start_cluster: Callable[..., LocalCluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    from oscarcli.local import recovery

    cluster = start_cluster(parallel=1)
    cluster.create("few")
    for number in range(5):
        cluster.submit("few", job=f"few-{number}")
    cluster.ended("few", 5)
    monkeypatch.setattr(recovery, "MAX_JOBS", 2)
    recovery.Expiry(cluster.folder, cluster.server.cluster.jobs).expire(time.time())
    assert list(cluster.jobs("few")) == ["few-3", "few-4"]


def test_an_event_goes_with_its_last_job(cluster: LocalCluster) -> None:
    cluster.create("evented")
    cluster.upload("evented", "in/x")
    cluster.ended("evented")

    def events() -> int:
        query = "SELECT count(*) FROM events WHERE bucket = 'evented-bucket'"
        return int(cluster.server.cluster.state.read().execute(query).fetchone()[0])

    assert events() == 1
    cluster.api.delete("/system/logs/evented")
    assert events() == 0
