"""Starting a job: the name that it is given, or that is found in the list."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from oscarcli.api import job_start
from oscarcli.api.client import Client
from oscarcli.errors import OscarError, UnreachableError, UsageError
from tests.unit.api.job_answers import LIST, Server, api, job, new


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
    assert job_start.takes_job_name(version) is takes


@pytest.mark.parametrize(
    ("service", "prefix"), [("svc", "svc"), ("s" * 24, "s" * 24), ("s" * 25, "s" * 16), ("s" * 39, "s" * 16)]
)
def test_a_name_is_made_as_the_server_makes_it(service: str, prefix: str) -> None:
    name = job_start.new_job_name(service)
    assert name.startswith(f"{prefix}-")
    assert len(name) == len(prefix) + 37 <= 63
    assert job_start.new_job_name(service) != name


@pytest.mark.parametrize("service", ["é", "a\nb"])
def test_a_name_that_no_service_has_is_refused_before_it_reaches_a_header(service: str) -> None:
    with pytest.raises(UsageError, match="not the name of a service"):
        job_start.new_job_name(service)


def start(
    *, version: Any = "4.0.0", lists: Any = None, submit: Any = (201, "")
) -> tuple[job_start.StartedJob, Server]:
    client, server = api(
        {"GET /system/info": {"version": version}, f"GET {LIST}": lists, "POST /job/svc": submit}
    )
    return job_start.start_job(client, "svc", b"aGk=", "tok"), server


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
    assert started == job_start.StartedJob("mine", "the only job that is new in the list")


def test_jobs_that_began_together_cannot_be_told_apart() -> None:
    started, _ = start(lists=[{}, {"a": job(), "b": job()}])
    assert started == job_start.StartedJob(None, "2 jobs began at the same time")


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
    started = job_start.start_job(client, "svc", b"x", None)
    assert [started.name] == chosen


def test_a_job_that_never_shows_is_started_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    started, _ = start(lists={})
    assert started == job_start.StartedJob(None, "no new job in the list after 5 s")


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
