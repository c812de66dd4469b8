"""Jobs: lists in both shapes, logs that are not there."""

from __future__ import annotations

from typing import Any

import pytest

from oscarcli.api import jobs
from oscarcli.errors import ForbiddenError, NotFoundError, OscarError
from tests.unit.api.job_answers import LIST, api, job, new


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
