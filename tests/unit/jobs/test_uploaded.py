"""Finding the jobs of uploads, over a clock that takes no time."""

from __future__ import annotations

import time
from typing import Any

import pytest

from oscarcli.errors import NotFoundError, OscarError, UnreachableError
from oscarcli.jobs import uploaded
from oscarcli.jobs.supervisor_log import ObjectName
from oscarcli.jobs.uploaded import AmbiguousJobsError, JobUpdate, UploadedJobs

ONE, TWO = ObjectName("svc", "in/one"), ObjectName("svc", "in/two")
PREFIX = "2026-06-12 09:05:29,123 - supervisor - INFO - "
RAW = f"{PREFIX}Reading storage configuration\n"


def started_by(place: ObjectName) -> str:
    return f"{PREFIX}Downloading item from bucket '{place.bucket}' with key '{place.key}'\n"


class Server:
    """Lists of jobs, one look after the other, the last one for ever; and logs by job."""

    def __init__(self, looks: list[Any], logs: dict[str, str | None]) -> None:
        self.looks = looks
        self.logs = logs
        self.asked: list[str] = []

    def list_jobs(self, *_: Any) -> dict[str, dict[str, str]]:
        found = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(found, Exception):
            raise found
        return {name: {"status": status} for name, status in found.items()}

    def find_log(self, _client: Any, _service: str, name: str) -> str | None:
        self.asked.append(name)
        return self.logs.get(name)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    passed = [0.0]

    def sleep(seconds: float) -> None:
        passed[0] += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0 + passed[0])
    return passed


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> Any:
    """Return a function that waits for uploads on a server that answers like this."""

    def played(
        *looks: Any, logs: dict[str, str | None], places: list[ObjectName] | None = None, **options: Any
    ) -> tuple[UploadedJobs, Server]:
        server = Server(list(looks), logs)
        monkeypatch.setattr(uploaded, "list_jobs", server.list_jobs)
        monkeypatch.setattr(uploaded, "find_log", server.find_log)
        client: Any = None
        settings = {"silent": False, **options}
        return UploadedJobs(client, "svc", ["old"], places or [ONE], **settings), server

    return played


def seen(waiting: UploadedJobs) -> list[tuple[str, str]]:
    return [(s.name, s.job["status"]) for s in waiting.watch() if isinstance(s, JobUpdate)]


def test_the_job_whose_log_names_the_object_is_the_one(play: Any) -> None:
    waiting, server = play(
        {"old": "Running"},
        {"old": "Running", "a": "Pending", "b": "Running", "c": "Running"},
        {"old": "Running", "a": "Running", "b": "Succeeded", "c": "Running"},
        {"old": "Running", "a": "Succeeded", "b": "Succeeded", "c": "Succeeded"},
        logs={"a": started_by(ONE), "b": started_by(TWO), "c": RAW},
    )
    assert seen(waiting) == [("a", "Running"), ("a", "Succeeded")]
    assert waiting.names == {ONE: "a"}
    # What is known to be another's is not asked again, and what was there before never.
    assert server.asked == ["b", "c", "a"]


def test_several_uploads_each_find_their_own(play: Any) -> None:
    waiting, _ = play(
        {"a": "Running"},
        {"a": "Succeeded", "b": "Failed"},
        logs={"a": started_by(TWO), "b": started_by(ONE)},
        places=[ONE, TWO, ONE],
    )
    assert seen(waiting) == [("a", "Running"), ("a", "Succeeded"), ("b", "Failed")]
    assert waiting.names == {TWO: "a", ONE: "b"}


def test_a_log_that_has_not_come_so_far_is_asked_again(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, server = play(*[{"a": "Running"}] * 3, {"a": "Succeeded"}, logs={})

    def find_log(*_: Any) -> str | None:
        return started_by(ONE) if len(server.looks) < 3 else f"{PREFIX}Storage event found.\n"

    monkeypatch.setattr(uploaded, "find_log", find_log)
    assert seen(waiting) == [("a", "Running"), ("a", "Succeeded")]


def test_the_only_new_job_is_taken_where_logs_tell_nothing(play: Any, clock: list[float]) -> None:
    waiting, server = play({"a": "Pending"}, {"a": "Running"}, {"a": "Succeeded"}, logs={}, silent=True)
    (sight, *_) = [s for s in waiting.watch() if isinstance(s, JobUpdate)]
    assert (sight.name, sight.is_guess) == ("a", True)
    assert clock[0] >= uploaded.SETTLE_SECONDS
    assert server.asked == []


def test_a_job_that_ended_without_a_word_is_taken_when_it_is_the_only_one(play: Any) -> None:
    waiting, _ = play({"a": "Failed", "b": "Succeeded"}, logs={"a": None, "b": started_by(TWO)})
    assert [(s.name, s.is_guess) for s in waiting.watch() if isinstance(s, JobUpdate)] == [("a", True)]


def test_more_mute_jobs_than_uploads_are_not_guessed(play: Any) -> None:
    waiting, _ = play({"a": "Running", "b": "Pending"}, logs={}, silent=True)
    with pytest.raises(AmbiguousJobsError, match="2 jobs are new") as raised:
        list(waiting.watch())
    assert raised.value.details == ("a", "b")


def test_an_upload_without_a_job_is_given_up(play: Any, clock: list[float]) -> None:
    waiting, _ = play({"old": "Running", "b": "Running"}, logs={"b": started_by(TWO)})
    with pytest.raises(OscarError, match='no job of service "svc" for "svc/in/one" appeared within 60 s'):
        list(waiting.watch())
    assert 60 <= clock[0] < 70


def test_a_job_that_waits_long_is_not_given_up(play: Any, clock: list[float]) -> None:
    waiting, _ = play(*[{"a": "Pending"}] * 100, {"a": "Succeeded"}, logs={"a": started_by(ONE)})
    assert seen(waiting) == [("a", "Succeeded")]
    assert clock[0] > 100


def test_a_limit_ends_the_wait(play: Any, clock: list[float]) -> None:
    waiting, _ = play({"a": "Running"}, logs={"a": started_by(ONE)}, places=[ONE, TWO], limit=20.0)
    with pytest.raises(UnreachableError, match="2 of 2 jobs have not ended after 20 s"):
        list(waiting.watch())
    assert 20 <= clock[0] < 21


def test_a_server_that_is_away_for_a_while_is_waited_for(play: Any) -> None:
    away = UnreachableError("cannot list: refused")
    waiting, _ = play({"a": "Running"}, away, away, away, {"a": "Succeeded"}, logs={"a": started_by(ONE)})
    sights = list(waiting.watch())
    assert [s for s in sights if isinstance(s, str)] == [
        "cannot list: refused; trying again for 60 s",
        "the server answers again",
    ]
    assert [s.job["status"] for s in sights if isinstance(s, JobUpdate)] == ["Running", "Succeeded"]
    waiting, _ = play({"a": "Running"}, away, logs={"a": started_by(ONE)})
    with pytest.raises(UnreachableError):
        list(waiting.watch())


def test_what_was_found_before_a_failure_is_not_lost(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, server = play(
        {"a": "Succeeded", "b": "Succeeded"}, logs={"a": started_by(ONE)}, places=[ONE, TWO]
    )
    failures = [UnreachableError("cannot get the log: refused")]

    def flaky(client: Any, service: str, name: str) -> str | None:
        if name == "b" and failures:
            raise failures.pop()
        return started_by(TWO) if name == "b" else server.find_log(client, service, name)

    monkeypatch.setattr(uploaded, "find_log", flaky)
    assert seen(waiting) == [("a", "Succeeded"), ("b", "Succeeded")]


def test_a_job_that_is_removed_ends_the_wait(play: Any) -> None:
    waiting, _ = play({"a": "Running"}, {}, logs={"a": started_by(ONE)})
    with pytest.raises(NotFoundError, match="was removed while it was waited for"):
        list(waiting.watch())


def test_a_job_that_is_removed_before_its_log_could_name_its_file_ends_the_wait(
    play: Any, clock: list[float]
) -> None:
    waiting, _ = play(*[{"a": "Pending"}] * 5, {}, logs={})
    with pytest.raises(NotFoundError, match=r'"a".*was removed while it was waited for.*"Pending"'):
        list(waiting.watch())
    assert clock[0] < 10


def test_a_job_that_is_removed_where_logs_tell_nothing_is_one_of_the_uploads(
    play: Any, clock: list[float]
) -> None:
    waiting, _ = play(
        {"a": "Pending", "b": "Pending"}, {"b": "Running"}, logs={}, places=[ONE, TWO], silent=True
    )
    with pytest.raises(NotFoundError, match=r'"a".*was removed'):
        list(waiting.watch())
    assert clock[0] < 10


def test_a_removed_job_beside_others_may_have_been_somebody_elses(play: Any) -> None:
    waiting, _ = play(
        {"a": "Pending", "b": "Pending"},
        *[{"b": "Pending"}] * 10,
        {"b": "Succeeded"},
        logs={"b": started_by(ONE)},
    )
    assert seen(waiting) == [("b", "Succeeded")]


def test_a_job_that_was_known_to_be_somebody_elses_may_go(play: Any, clock: list[float]) -> None:
    looks = [{"b": "Running"}, *[{}] * 20, {"b2": "Pending"}, {"b2": "Succeeded"}]
    waiting, _ = play(*looks, logs={"b": started_by(TWO), "b2": started_by(ONE)})
    assert seen(waiting) == [("b2", "Succeeded")]


def test_logs_of_jobs_older_than_the_upload_are_read_last(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, server = play(
        {}, logs={"old-one": started_by(TWO), "new": started_by(ONE)}, since="2026-06-12T09:00:00Z"
    )
    times = {"old-one": "2026-06-12T08:59:59Z", "new": "2026-06-12T09:00:00Z"}
    states = ["Pending", "Running", "Succeeded"]

    def list_jobs(*_: Any) -> dict[str, dict[str, str]]:
        status = states.pop(0) if len(states) > 1 else states[0]
        return {
            name: {"status": "Running" if name == "old-one" else status, "creation_time": time}
            for name, time in times.items()
        }

    monkeypatch.setattr(uploaded, "list_jobs", list_jobs)
    assert seen(waiting) == [("new", "Running"), ("new", "Succeeded")]
    assert server.asked == ["new"]


def test_a_job_that_seems_too_old_is_found_all_the_same(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, _ = play({}, logs={"a": started_by(ONE)}, since="2026-06-12T09:00:00Z")
    listed = {"a": {"status": "Succeeded", "creation_time": "2026-06-12T08:00:00Z"}}
    monkeypatch.setattr(uploaded, "list_jobs", lambda *_: listed)
    assert seen(waiting) == [("a", "Succeeded")]
