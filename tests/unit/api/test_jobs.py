"""Jobs: lists in both shapes, names of started ones, logs that are not there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from oscarcli.api import jobs
from oscarcli.api.client import Client
from oscarcli.errors import ForbiddenError, NotFoundError, OscarError, UnreachableError, UsageError

LIST = "/system/logs/svc"


class Server:
    """Answers by path; every value is a status with text, a document, or a list of these to use in turn."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.seen.append(request)
        answer = self.answers[f"{request.method} {request.url.raw_path.decode()}"]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, Exception):
            raise answer
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        return httpx.Response(status, text=body if isinstance(body, str) else json.dumps(body))


def api(answers: dict[str, Any]) -> tuple[Client, Server]:
    server = Server(answers)
    return Client("http://h", httpx.BasicAuth("a", "b"), transport=httpx.MockTransport(server)), server


def new(jobs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"jobs": jobs, **more}


def job(created: str | None = None, status: str = "Succeeded", **times: str) -> dict[str, str]:
    return {"status": status, **({"creation_time": created} if created else {}), **times}


def test_all_pages_are_read_and_jobs_come_oldest_first_with_the_waiting_ones_last() -> None:
    client, _ = api(
        {
            f"GET {LIST}": new(
                {"c": job("2026-01-03T00:00:00Z"), "w": job(status="Suspended")}, next_page="p/2"
            ),
            f"GET {LIST}?page=p%2F2": new(
                {"a": job("2026-01-03T00:00:00Z"), "b": job(start_time="2026-01-01T00:00:00Z")}, next_page="3"
            ),
            f"GET {LIST}?page=3": new(
                {"v": job(status="Pending"), "d": job(finish_time="2026-01-04T00:00:00Z")}
            ),
        }
    )
    found = jobs.list_jobs(client, "svc")
    assert list(found) == ["b", "a", "c", "d", "v", "w"]
    assert jobs.latest_job(found) == "d"


def test_the_latest_of_jobs_that_have_not_begun_is_the_last_by_name() -> None:
    assert jobs.latest_job({"a": job(), "b": job()}) == "b"
    assert jobs.latest_job({}) is None


@pytest.mark.parametrize("second", ["", {}, "null", "<html>Sign in</html>", {"a": {"status": "Succeeded"}}])
def test_a_page_that_is_none_does_not_end_the_list(second: Any) -> None:
    client, _ = api({f"GET {LIST}": new({"a": job()}, next_page="x"), f"GET {LIST}?page=x": second})
    with pytest.raises(OscarError):
        jobs.list_jobs(client, "svc")


def test_a_page_that_comes_again_is_no_end_of_the_list() -> None:
    client, server = api(
        {f"GET {LIST}": new({"a": job()}, next_page="x"), f"GET {LIST}?page=x": new({}, next_page="x")}
    )
    with pytest.raises(OscarError, match="the same page again and again"):
        jobs.list_jobs(client, "svc")
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    "answer",
    [
        {"a": job("2026-01-01T00:00:00Z")},
        {"jobs": job(), "a": job("2025-01-01T00:00:00Z")},
        {"jobs": {"a": job()}},
        {"jobs": {"a": job(), "status": job()}, "remaining_jobs": 3, "next_page": ""},
        {"jobs": None},
        {"jobs": {}},
        {},
    ],
)
def test_old_and_new_lists_are_told_apart_even_for_a_job_called_jobs(answer: dict[str, Any]) -> None:
    client, _ = api({f"GET {LIST}": answer})
    inner = answer.get("jobs")
    is_new = "jobs" in answer and not (inner and isinstance(inner.get("status"), str))
    assert set(jobs.list_jobs(client, "svc")) == set((inner or {}) if is_new else answer)


@pytest.mark.parametrize(
    "answer", ["[]", '"x"', "7", '{"a": 1}', '{"jobs": [1]}', '{"jobs": {"a": null}}', "{"]
)
def test_a_list_of_another_shape_is_an_error(answer: str) -> None:
    client, _ = api({f"GET {LIST}": answer})
    with pytest.raises(OscarError, match="cannot list the jobs of service"):
        jobs.list_jobs(client, "svc")


def test_silence_means_that_the_login_may_not() -> None:
    client, _ = api(
        {f"GET {LIST}": "", f"DELETE {LIST}": "", f"DELETE {LIST}?all=true": "\n", f"DELETE {LIST}/j": ""}
    )
    for ask in (
        lambda: jobs.list_jobs(client, "svc"),
        lambda: jobs.delete_jobs(client, "svc", everything=False),
        lambda: jobs.delete_jobs(client, "svc", everything=True),
        lambda: jobs.delete_job(client, "svc", "j"),
    ):
        with pytest.raises(ForbiddenError, match="permission"):
            ask()


def test_one_job_is_found_without_reading_on() -> None:
    client, server = api({f"GET {LIST}": new({"a": job(status="Running")}, next_page="2")})
    assert jobs.find_job(client, "svc", "a") == job(status="Running")
    assert len(server.seen) == 1
    client, _ = api({f"GET {LIST}": new({})})
    with pytest.raises(NotFoundError, match='service "svc" has no job "a"'):
        jobs.find_job(client, "svc", "a")


@pytest.mark.parametrize("status", [404, 500])
def test_a_log_that_is_not_there_is_explained_by_the_list(status: int) -> None:
    client, _ = api({f"GET {LIST}/j": (status, ""), f"GET {LIST}": new({"j": job(status="Suspended")})})
    with pytest.raises(NotFoundError, match='job "j" of service "svc" has no log; its status is "Suspended"'):
        jobs.get_log(client, "svc", "j")
    client, _ = api({f"GET {LIST}/j": (status, ""), f"GET {LIST}": new({})})
    with pytest.raises(NotFoundError, match='has no job "j"'):
        jobs.get_log(client, "svc", "j")
    client, _ = api({f"GET {LIST}/j": (status, ""), f"GET {LIST}": (404, "")})
    with pytest.raises(NotFoundError, match='jobs of service "svc": it does not exist'):
        jobs.get_log(client, "svc", "j")


def test_a_server_that_says_why_it_failed_is_quoted() -> None:
    client, _ = api({f"GET {LIST}/j": (500, "disk on fire")})
    with pytest.raises(OscarError, match="disk on fire"):
        jobs.get_log(client, "svc", "j")


def test_times_are_asked_for_as_the_server_reads_them() -> None:
    client, _ = api({f"GET {LIST}/j?timestamps=true": "t x\n", f"GET {LIST}/j": "x\n"})
    assert jobs.get_log(client, "svc", "j", timestamps=True) == "t x\n"
    assert jobs.get_log(client, "svc", "j") == "x\n"


# -- names of started jobs -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "takes"),
    [
        ("4.1.0", True),
        ("v4.1", True),
        ("4.10.2", True),
        ("v5.0.0-rc1", True),
        ("local-0.1.0", True),
        ("4.0.9", False),
        ("v3.6.5", False),
        ("devel", False),
        ("", False),
        ("None", False),
    ],
)
def test_which_servers_take_a_name(version: str, takes: bool) -> None:
    assert jobs.takes_job_name(version) is takes


@pytest.mark.parametrize(
    ("service", "prefix"), [("svc", "svc"), ("s" * 24, "s" * 24), ("s" * 25, "s" * 16), ("s" * 39, "s" * 16)]
)
def test_a_name_is_made_as_the_server_makes_it(service: str, prefix: str) -> None:
    name = jobs.new_job_name(service)
    assert name.startswith(f"{prefix}-")
    assert len(name) == len(prefix) + 37 <= 63
    assert jobs.new_job_name(service) != name


@pytest.mark.parametrize("service", ["é", "a\nb"])
def test_a_name_that_no_service_has_is_refused_before_it_reaches_a_header(service: str) -> None:
    with pytest.raises(UsageError, match="not the name of a service"):
        jobs.new_job_name(service)


def start(
    *, version: Any = "4.0.0", lists: Any = None, submit: Any = (201, "")
) -> tuple[jobs.StartedJob, Server]:
    client, server = api(
        {"GET /system/info": {"version": version}, f"GET {LIST}": lists, "POST /job/svc": submit}
    )
    return jobs.start_job(client, "svc", b"aGk=", "tok"), server


def test_a_newer_server_is_given_the_name() -> None:
    started, server = start(version="v4.1.2")
    posted = server.seen[-1]
    assert posted.headers["x-delegated-job-id"] == started.name
    assert posted.headers["authorization"] == "Bearer tok"
    assert posted.content == b"aGk="
    assert [request.method for request in server.seen] == ["GET", "POST"]


def test_on_an_older_server_the_name_is_what_is_new_in_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    old = {"old": job("2026-01-01T00:00:00Z")}
    started, _ = start(lists=[old, old, {**old, "mine": job()}])
    assert started == jobs.StartedJob("mine", "the only job that is new in the list")


def test_jobs_that_began_together_cannot_be_told_apart() -> None:
    started, _ = start(lists=[{}, {"a": job(), "b": job()}])
    assert started == jobs.StartedJob(None, "2 jobs began at the same time")


def test_an_unnumbered_server_that_takes_the_name_shows_it() -> None:
    client, server = api({"GET /system/info": {}, "POST /job/svc": (201, "")})
    chosen: list[str] = []

    def listed() -> dict[str, Any]:
        posted = [request for request in server.seen if request.method == "POST"]
        chosen[:] = [request.headers["x-delegated-job-id"] for request in posted]
        return new({name: job() for name in [*chosen, *(["other"] if chosen else [])]})

    server.answers[f"GET {LIST}"] = ""
    original: Callable[[httpx.Request], httpx.Response] = server.__call__

    def handler(request: httpx.Request) -> httpx.Response:
        server.answers[f"GET {LIST}"] = listed()
        return original(request)

    client = Client("http://h", httpx.BasicAuth("a", "b"), transport=httpx.MockTransport(handler))
    started = jobs.start_job(client, "svc", b"x", None)
    assert [started.name] == chosen


def test_a_job_that_never_shows_is_started_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    started, _ = start(lists={})
    assert started == jobs.StartedJob(None, "no new job in the list after 5 s")


@pytest.mark.parametrize("lists", ["", [{}, (500, "broken")], [{}, ""]])
def test_a_list_that_cannot_be_read_does_not_hide_that_the_job_was_started(lists: Any) -> None:
    started, server = start(lists=lists)
    assert started.name is None
    assert "cannot list the jobs" in started.how
    assert [request.method for request in server.seen].count("POST") == 1


def test_a_refused_job_is_an_error_and_not_looked_for() -> None:
    with pytest.raises(OscarError, match='cannot start a job of service "svc"'):
        start(lists={}, submit=(500, ""))
    with pytest.raises(UnreachableError):
        start(lists={}, submit=httpx.ReadError("reset"))
