"""Jobs whose being taken from the queue is committed late: none is lost, and none is run twice."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from oscarcli.local.commit_group import LateCommit
from oscarcli.local.jobs.begun import BegunJobs
from oscarcli.local.jobs.engine.base import RunCancellation
from oscarcli.local.jobs.scheduler import Scheduler
from oscarcli.local.jobs.table import INTERRUPTED, Job, JobOutcome, Jobs
from oscarcli.local.schema import SCHEMA
from oscarcli.local.state import State
from tests.local.harness import LocalCluster, wait_for

DEFINITION: dict[str, Any] = {"name": "short"}


def break_commit(state: State) -> None:
    """Change something that cannot be committed; returns when that was tried."""
    try:
        with state.transaction() as connection:
            connection.execute("PRAGMA defer_foreign_keys = 1")
            connection.execute("INSERT INTO job_owners VALUES ('nobody', 'no-one')")
    except sqlite3.IntegrityError:
        pass


def test_an_end_that_was_undone_is_recorded_again(tmp_path: Path) -> None:
    state = State(tmp_path / "state.db", SCHEMA)
    jobs = Jobs(state)
    for name in ("short-1", "short-2", "short-3"):
        jobs.add(name, DEFINITION, b"")
    broken = threading.Thread(target=break_commit, args=[state])
    runs: list[str] = []

    def execute(job: Job, _: RunCancellation) -> JobOutcome:
        runs.append(job.name)
        if runs == ["short-1", "short-2"]:
            # What is recorded of its end joins this one.
            broken.start()
            wait_for(lambda: state._group is not None, "a commit under way")
        return JobOutcome(True)

    with closing(BegunJobs(tmp_path / "begun")) as begun:
        scheduler = Scheduler(jobs, tmp_path, execute, 1, lambda: 1 << 40, state.work, begun)
        with state._log.turn:
            scheduler.start()
            wait_for(lambda: jobs.counts() == {"Succeeded": 3}, "both to end")
        broken.join()
        scheduler.stop("the end", 5)
    state.close()
    assert runs == ["short-1", "short-2", "short-3", "short-3"], "it was not known that the last had begun"


def test_no_job_is_taken_before_its_upload_is_committed(tmp_path: Path) -> None:
    state = State(tmp_path / "state.db", SCHEMA)
    jobs = Jobs(state)
    for name in ("short-1", "short-2", "short-3"):
        jobs.add(name, DEFINITION, b"")
    assert jobs.claim() is not None
    assert take_next(jobs, "short-1").name == "short-2"
    adding = threading.Thread(target=jobs.add, args=["short-4", DEFINITION, b""])
    with state._log.turn:
        adding.start()
        wait_for(lambda: state._group is not None, "a commit under way")
        assert take_next(jobs, "short-2").name == "short-3"
        assert jobs.status("short", "short-2") == "Running", "what is sure can be late"
        assert take_next(jobs, "short-3").name == "short-4"
        assert jobs.status("short", "short-4") == "Running", "committed, and all before"
        assert jobs.counts() == {"Succeeded": 3, "Running": 1}
    adding.join()
    jobs.remove(["short-4"])
    again = threading.Thread(target=jobs.add, args=["short-5", DEFINITION, b""])
    jobs.add("short-0", DEFINITION, b"")
    with state._log.turn:
        again.start()
        wait_for(lambda: state._group is not None, "a commit under way")
        assert jobs.claim() is not None
        assert take_next(jobs, "short-0").name == "short-5"
        assert jobs.status("short", "short-5") == "Running", "it may have the number of one that was removed"
    again.join()
    state.close()


def take_next(jobs: Jobs, ended: str) -> Job:
    job = jobs.finish_and_claim(ended, JobOutcome(True), [], LateCommit())
    assert job is not None
    return job


def test_a_job_that_a_killed_server_had_begun_is_not_run_again(
    start_cluster: Callable[..., LocalCluster], tmp_path: Path
) -> None:
    cluster = start_cluster()
    cluster.create("begun", f"echo ran >> {tmp_path}/runs\n")
    folder = cluster.server.cluster.folder
    definition = cluster.server.cluster.services.get("begun")
    cluster.close()
    with closing(sqlite3.connect(folder.database)) as database, database:
        for name in ("begun-1", "begun-2"):
            database.execute(
                "INSERT INTO jobs (name, service, status, created, definition) VALUES (?, ?, ?, ?, ?)",
                (name, "begun", "Pending", "2026-01-01T00:00:00.000Z", json.dumps(definition)),
            )
        numbers = dict(database.execute("SELECT name, id FROM jobs"))
    with closing(BegunJobs(folder.begun_jobs)) as begun:
        begun.add(Job(numbers["begun-1"], "begun-1", "begun", DEFINITION, b""))
        # Of a job that was removed, and had the number before.
        begun.add(Job(numbers["begun-2"], "begun-0", "begun", DEFINITION, b""))
    again = start_cluster()
    found = again.ended("begun", 2)
    assert (found["begun-1"]["status"], found["begun-1"]["reason"]) == ("Failed", INTERRUPTED)
    assert found["begun-2"]["status"] == "Succeeded"
    assert (tmp_path / "runs").read_text() == "ran\n"
    assert again.api.get("/system/metrics/begun").status_code == 200


def test_jobs_run_where_nothing_can_be_noted(tmp_path: Path) -> None:
    state = State(tmp_path / "state.db", SCHEMA)
    jobs = Jobs(state)
    for name in ("short-1", "short-2"):
        jobs.add(name, DEFINITION, b"")
    begun = BegunJobs(tmp_path / "begun")
    begun.close()
    runs: list[str] = []

    def execute(job: Job, _: RunCancellation) -> JobOutcome:
        runs.append(job.name)
        return JobOutcome(True)

    scheduler = Scheduler(jobs, tmp_path, execute, 1, lambda: 1 << 40, state.work, begun)
    scheduler.start()
    wait_for(lambda: jobs.counts() == {"Succeeded": 2}, "both to end")
    scheduler.stop("the end", 5)
    state.close()
    assert runs == ["short-1", "short-2"]


def test_only_the_last_jobs_are_kept(tmp_path: Path) -> None:
    with closing(BegunJobs(tmp_path / "begun")) as begun:
        for number in range(1, 1001):
            begun.add(Job(number, f"begun-{number}", "begun", DEFINITION, b""))
    assert (tmp_path / "begun").stat().st_size < 10_000
    with closing(BegunJobs(tmp_path / "begun")) as begun:
        assert begun.had(1000, "begun-1000")
        assert not begun.had(1, "begun-1")
