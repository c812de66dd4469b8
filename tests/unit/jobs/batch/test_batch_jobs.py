"""Finding the jobs of a batch, over a clock that takes no time."""

from __future__ import annotations

import time
from typing import Any

import pytest

from oscarcli.jobs.batch import jobs as batch_jobs
from oscarcli.jobs.batch.jobs import BatchJobs, EndedJob, LostJob
from oscarcli.jobs.supervisor_log import ObjectName

ONE, TWO = ObjectName("svc", "in/map-1/one"), ObjectName("svc", "in/map-1/two")
PREFIX = "2026-06-12 09:05:29,123 - supervisor - INFO - "


def log_of(place: ObjectName) -> str:
    words = (
        f"Downloading item from bucket '{place.bucket}' with key '{place.key}'",
        "Searching for files to upload in folder '/tmp/x'",
        "Creating response",
    )
    return "".join(f"{PREFIX}{line}\n" for line in words)


class Server:
    """What a list of jobs and their logs are at a moment, and a clock."""

    def __init__(self) -> None:
        self.jobs: dict[str, str] = {}
        self.logs: dict[str, str | None] = {}
        self.asked: list[str] = []
        self.now = 1000.0

    def list_jobs(self, *_: Any) -> dict[str, dict[str, str]]:
        return {name: {"status": status} for name, status in self.jobs.items()}

    def find_log(self, _client: Any, _service: str, name: str) -> str | None:
        self.asked.append(name)
        return self.logs.get(name)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    playing = Server()
    monkeypatch.setattr(batch_jobs, "list_jobs", playing.list_jobs)
    monkeypatch.setattr(batch_jobs, "find_log", playing.find_log)
    monkeypatch.setattr(time, "monotonic", lambda: playing.now)
    monkeypatch.setattr(time, "time", lambda: playing.now)
    return playing


def awaiting(*places: ObjectName, uploaded: float = 1000.0) -> BatchJobs:
    client: Any = None
    jobs = BatchJobs(client, "svc", ["old"])
    for place in places:
        jobs.add(place, uploaded)
    return jobs


def told(jobs: BatchJobs) -> list[tuple[str, str]]:
    return [
        (found.place.key[-3:], found.name if isinstance(found, EndedJob) else found.reason)
        for found in jobs.look()
    ]


def test_a_job_that_ends_quickly_costs_one_log(server: Server) -> None:
    jobs = awaiting(ONE, TWO)
    server.jobs, server.logs = {"old": "Running", "a": "Running"}, {"a": log_of(ONE), "b": log_of(TWO)}
    assert (told(jobs), jobs.running) == ([], 1)
    server.jobs |= {"a": "Succeeded", "b": "Failed"}
    assert told(jobs) == [("one", "a"), ("two", "b")]
    assert (server.asked, jobs.running, told(jobs)) == (["a", "b"], 0, [])


def test_a_job_that_runs_is_known_and_counted_as_ones_own(server: Server) -> None:
    jobs = awaiting(ONE)
    server.jobs, server.logs = {"a": "Running", "x": "Running"}, {"a": log_of(ONE), "x": log_of(TWO)}
    for _ in range(5):
        assert told(jobs) == []
    assert (server.asked, jobs.running) == (["a", "x"], 1)


def test_an_upload_whose_job_does_not_come_is_given_up_after_a_minute(server: Server) -> None:
    jobs = awaiting(ONE)
    assert told(jobs) == []
    server.now += 59
    assert told(jobs) == []
    server.now += 1
    assert told(jobs) == [("one", "no job for it appeared within 60 s")]


def test_while_a_job_waits_that_may_be_the_one_none_is_given_up(server: Server) -> None:
    jobs = awaiting(ONE)
    server.jobs = {"a": "Suspended"}
    for _ in range(100):
        server.now += 60
        assert told(jobs) == []
    assert server.asked == []
    server.jobs, server.logs = {"a": "Succeeded"}, {"a": log_of(ONE)}
    assert told(jobs) == [("one", "a")]


def test_an_upload_of_long_ago_without_a_job_had_one_that_is_gone(server: Server) -> None:
    jobs = awaiting(ONE, uploaded=0.0)
    assert told(jobs) == []
    server.now += 2
    assert told(jobs) == [("one", "its job is not on the cluster any more, if it had one")]


def test_jobs_that_succeeded_and_have_no_log_are_given_time(server: Server) -> None:
    jobs = awaiting(ONE)
    server.jobs, server.logs = {"a": "Succeeded"}, {"a": None}
    server.now += 5
    assert told(jobs) == []
    server.now += 9
    assert told(jobs) == []
    server.now += 2
    (found,) = jobs.look()
    assert isinstance(found, EndedJob)
    assert (found.name, found.account.written) == ("a", None)


def test_a_job_that_is_removed_is_lost_with_its_name(server: Server) -> None:
    jobs = awaiting(ONE)
    server.jobs, server.logs = {"a": "Running"}, {"a": log_of(ONE)}
    assert [told(jobs), told(jobs)] == [[], []]
    server.jobs = {}
    (found,) = jobs.look()
    assert isinstance(found, LostJob)
    assert (found.name, found.reason) == ("a", 'job "a" was removed before it had ended')


def test_what_was_told_before_a_failure_is_not_told_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = awaiting(ONE, TWO)
    server.jobs, server.logs = {"a": "Succeeded", "b": "Succeeded"}, {"a": log_of(ONE), "b": log_of(TWO)}

    def broken(client: Any, service: str, name: str) -> str | None:
        if name == "b":
            raise ConnectionError
        return server.find_log(client, service, name)

    monkeypatch.setattr(batch_jobs, "find_log", broken)
    seen: list[str] = []
    with pytest.raises(ConnectionError):
        seen.extend(found.name for found in jobs.look())
    assert seen == ["a"]
    monkeypatch.setattr(batch_jobs, "find_log", server.find_log)
    assert told(jobs) == [("two", "b")]
