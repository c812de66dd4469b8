"""Metrics: calls and run times are recorded as they happen, and shown by window, service and user."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.local.harness import LocalCluster, wait_for

ROUTE = "/system/metrics"
HOUR = 3600.0
SOURCES = [{"name": "local", "status": "ok"}]
# A moment long ago in which nothing else happens.
THEN = datetime(2020, 1, 1, tzinfo=timezone.utc).timestamp()


def stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def ran(cluster: LocalCluster, service: str, cpu: str, start: float, end: float) -> None:
    """Record a synchronous run as of another time."""
    cluster.server.cluster.calls.add_sync({"name": service, "cpu": cpu}, start, end)


def values(cluster: LocalCluster, service: str, **window: str) -> dict[str, float]:
    document = cluster.api.get(f"{ROUTE}/{service}", params=window).json()
    return {metric["metric"]: metric["value"] for metric in document["metrics"]}


def call_each_way(cluster: LocalCluster, service: str) -> None:
    """Upload a file, submit a job, run synchronously: one call each."""
    cluster.create(service)
    cluster.upload(service, "in/x")
    cluster.submit(service)
    bearer = cluster.bearer(service)
    assert cluster.call("POST", f"/run/{service}", headers=bearer, content=b"aGVsbG8=").status_code == 200
    cluster.ended(service, 2)


def test_a_cluster_that_nobody_called_has_no_users(start_cluster: Callable[..., LocalCluster]) -> None:
    cluster = start_cluster()
    document = cluster.api.get(ROUTE).json()
    assert document["totals"] == {
        "services_count_active": 0,
        "services_count_total": 0,
        "cpu_hours_total": 0,
        "gpu_hours_total": 0,
        "requests_count_total": 0,
        "requests_count_sync": 0,
        "requests_count_async": 0,
        "requests_count_exposed": 0,
        "countries_count": 0,
        "countries": None,
        "users_count": 0,
        "users": None,
    }
    assert document["sources"] == SOURCES
    for group in ("service", "user", "country"):
        assert cluster.api.get(f"{ROUTE}/breakdown", params={"group_by": group}).json()["items"] == []


def test_the_summary_counts_every_kind_of_call(start_cluster: Callable[..., LocalCluster]) -> None:
    cluster = start_cluster()
    cluster.api.post("/system/services", json={"name": "idle", "image": "i", "script": "true"})
    call_each_way(cluster, "summed")
    document = cluster.api.get(ROUTE).json()
    totals = document["totals"]
    assert totals.pop("cpu_hours_total") > 0
    assert totals == {
        "services_count_active": 2,
        "services_count_total": 1,
        "gpu_hours_total": 0,
        "requests_count_total": 3,
        "requests_count_sync": 1,
        "requests_count_async": 2,
        "requests_count_exposed": 0,
        "countries_count": 0,
        "countries": [],
        "users_count": 1,
        "users": ["oscar"],
    }
    first, last = (datetime.fromisoformat(document[key][:19]) for key in ("start", "end"))
    assert last - first == timedelta(days=1)
    assert document["end"].endswith("Z")


def test_the_breakdowns(cluster: LocalCluster) -> None:
    call_each_way(cluster, "broken-down")
    document = cluster.api.get(f"{ROUTE}/breakdown", params={"group_by": "Service"}).json()
    assert document["group_by"] == "Service", "echoed as it was sent"
    item = {
        "key": "broken-down",
        "requests_count_total": 3,
        "requests_count_sync": 1,
        "requests_count_async": 2,
        "requests_count_exposed": 0,
        "unique_users_count": 1,
        "countries": [],
    }
    assert item in document["items"]
    params = {"group_by": "service", "include_users": "true"}
    items = cluster.api.get(f"{ROUTE}/breakdown", params=params).json()["items"]
    assert {**item, "users": ["oscar"]} in items
    users = cluster.api.get(f"{ROUTE}/breakdown", params={"group_by": "user"}).json()["items"]
    assert {user["key"]: user["membership"] for user in users} == {"nil": "unknown", "oscar": "member"}
    assert all(set(user) == {"key", "membership", "executions_count", "countries"} for user in users)
    countries = cluster.api.get(f"{ROUTE}/breakdown", params={"group_by": "country"}).json()
    assert countries["items"] == []


def test_a_breakdown_as_csv(cluster: LocalCluster) -> None:
    ran(cluster, "tabled", "1", THEN, THEN + 1)
    window = {"start": stamp(THEN), "end": stamp(THEN + 60), "format": "csv"}
    expected = {
        "service": "key,membership,requests_count_total,requests_count_sync,requests_count_async,"
        "requests_count_exposed,unique_users_count,countries\ntabled,,1,1,0,0,1,\n",
        "user": "key,membership,executions_count,countries\noscar,member,1,\n",
        "country": "key,membership,executions_count,unique_users_count,countries\n",
    }
    for group, text in expected.items():
        response = cluster.api.get(f"{ROUTE}/breakdown", params={**window, "group_by": group})
        assert (response.status_code, response.text) == (200, text)
        assert response.headers["content-type"] == "text/csv"


def test_the_metrics_of_one_service(cluster: LocalCluster) -> None:
    call_each_way(cluster, "measured")
    document = cluster.api.get(f"{ROUTE}/measured").json()
    assert set(document) == {"service_name", "start", "end", "metrics"}
    hours, *counts = document["metrics"]
    assert (hours["metric"], hours["unit"], hours["sources"]) == ("cpu-hours", "hours", SOURCES)
    assert hours["value"] > 0
    assert {metric["metric"]: (metric["value"], metric.get("unit")) for metric in counts} == {
        "gpu-hours": (0, "hours"),
        "requests-sync-per-service": (1, None),
        "requests-async-per-service": (2, None),
        "requests-exposed-per-service": (0, None),
        "users-per-service": (1, None),
    }
    one = cluster.api.get(f"{ROUTE}/measured", params={"metric": "requests-async-per-service"}).json()
    assert set(one) == {"service_id", "metric", "start", "end", "value", "sources"}
    assert (one["service_id"], one["value"]) == ("measured", 2)
    unknown = cluster.api.get(f"{ROUTE}/never-was")
    assert unknown.status_code == 200, "as a real cluster's account sees it"
    assert not any(metric["value"] for metric in unknown.json()["metrics"])


def test_hours_are_cores_times_the_part_of_a_run_in_the_window(cluster: LocalCluster) -> None:
    start = THEN + 10 * HOUR
    ran(cluster, "timed", "500m", start, start + 2 * HOUR)
    ran(cluster, "timed", "2", start + HOUR, start + 2 * HOUR)

    def hours(first: float, last: float) -> float:
        window = {"start": stamp(start + first * HOUR), "end": stamp(start + last * HOUR)}
        return values(cluster, "timed", **window)["cpu-hours"]

    assert hours(0, 2) == pytest.approx(3)
    assert hours(0, 1) == pytest.approx(0.5)
    assert hours(0.5, 1.5) == pytest.approx(1.5)
    assert hours(-1, 5) == pytest.approx(3)
    assert hours(2, 5) == 0
    window = {"start": stamp(start), "end": stamp(start + HOUR)}
    requests = values(cluster, "timed", **window)["requests-sync-per-service"]
    assert requests == 1, "a call counts when it comes"


def test_a_running_job_counts_until_now(cluster: LocalCluster) -> None:
    cluster.create("endless", "while :; do sleep 0.01; done\n", cpu="1")
    cluster.submit("endless", job="endless-job")
    first = wait_for(lambda: values(cluster, "endless")["cpu-hours"], "the first hours")
    wait_for(lambda: values(cluster, "endless")["cpu-hours"] > first, "more of them")
    cluster.api.delete("/system/logs/endless/endless-job")
    last = values(cluster, "endless")["cpu-hours"]
    assert last == values(cluster, "endless")["cpu-hours"], "a job that was removed runs no more"


def test_metrics_outlive_jobs_services_and_restarts(start_cluster: Callable[..., LocalCluster]) -> None:
    cluster = start_cluster()
    call_each_way(cluster, "outlived")
    before = values(cluster, "outlived")
    cluster.api.delete("/system/logs/outlived", params={"all": "true"})
    assert values(cluster, "outlived") == before
    cluster.api.delete("/system/services/outlived")
    assert values(cluster, "outlived") == before
    cluster.close()
    again = start_cluster()
    assert values(again, "outlived") == before
    totals = again.api.get(ROUTE).json()["totals"]
    assert (totals["services_count_active"], totals["services_count_total"]) == (0, 1)


def test_the_time_of_a_run_that_ended_with_the_server_is_not_made_up(
    start_cluster: Callable[..., LocalCluster],
) -> None:
    cluster = start_cluster()
    cluster.create("cut", cpu="1")
    with cluster.server.cluster.state.transaction() as connection:
        connection.execute(
            "INSERT INTO jobs (name, service, status, created, started, definition) SELECT 'cut-1', name, "
            "'Running', :then, :then, definition FROM services WHERE name = 'cut'",
            {"then": stamp(time.time() - HOUR)},
        )
    assert values(cluster, "cut")["cpu-hours"] == pytest.approx(1, abs=0.1)
    cluster.close()
    again = start_cluster()
    found = values(again, "cut")
    assert (found["cpu-hours"], found["requests-async-per-service"]) == (0, 1)


def test_a_job_that_waits_is_a_call_and_remains_one_when_it_is_removed(
    start_cluster: Callable[..., LocalCluster],
) -> None:
    cluster = start_cluster(parallel=1)
    cluster.create("endless", "while :; do sleep 0.01; done\n")
    for job in ("endless-first", "endless-second"):
        cluster.submit("endless", job=job)
    assert values(cluster, "endless")["requests-async-per-service"] == 2
    for job in ("endless-second", "endless-first"):
        cluster.api.delete(f"/system/logs/endless/{job}")
    assert values(cluster, "endless")["requests-async-per-service"] == 2


# As it was before jobs were asked for themselves: one that ended, and one that was running when all did.
FORMER_RECORD = """
DROP TRIGGER job_ends;
DROP TRIGGER job_goes;
DROP VIEW job_calls;
CREATE INDEX calls_under_way ON calls (job) WHERE finished IS NULL;
CREATE TRIGGER call_made AFTER INSERT ON jobs BEGIN
    INSERT INTO calls (service, kind, user, job, cores, made, started)
    VALUES (NEW.service, 'async', 'oscar', NEW.name, '1', {then}, {then});
END;
INSERT INTO jobs (name, service, status, created, started, definition)
    SELECT 'former-1', name, 'Running', '{stamp}', '{stamp}', definition FROM services WHERE name = 'former';
INSERT INTO calls (service, kind, user, job, cores, made, started)
    VALUES ('former', 'async', 'oscar', 'former-0', '1', {then}, {then});
"""


def test_the_record_of_a_former_version_is_taken_over(start_cluster: Callable[..., LocalCluster]) -> None:
    cluster = start_cluster()
    cluster.create("former")
    cluster.close()
    with closing(sqlite3.connect(cluster.server.cluster.folder.database)) as database:
        then = time.time() - 60
        database.executescript(FORMER_RECORD.format(then=then, stamp=stamp(then)))
    again = start_cluster()
    assert values(again, "former")["requests-async-per-service"] == 2, "one that ended, one that did not"
    assert values(again, "former")["cpu-hours"] == 0
    again.upload("former", "in/after")
    again.ended("former", 2)
    assert values(again, "former")["requests-async-per-service"] == 3, "recorded once"


def test_calls_of_years_ago_are_forgotten(start_cluster: Callable[..., LocalCluster]) -> None:
    cluster = start_cluster()
    ran(cluster, "ancient", "1", THEN, THEN + 1)
    window = {"start": stamp(THEN), "end": stamp(THEN + 60)}
    assert values(cluster, "ancient", **window)["requests-sync-per-service"] == 1
    cluster.close()
    again = start_cluster()
    assert values(again, "ancient", **window)["requests-sync-per-service"] == 0


def test_a_call_that_is_turned_away_is_not_counted(cluster: LocalCluster) -> None:
    cluster.create("shut")
    for route in ("job", "run"):
        wrong = {"Authorization": f"Bearer {'0' * 64}"}
        assert cluster.call("POST", f"/{route}/shut", headers=wrong).status_code == 401
    found = values(cluster, "shut")
    assert not any(found.values())


def test_a_run_that_fails_and_a_job_that_cannot_be_made_are_counted(cluster: LocalCluster) -> None:
    cluster.create("failing", "true\n")
    bearer = cluster.bearer("failing")
    assert cluster.call("POST", "/run/failing", headers=bearer, content=b"abc").status_code == 500
    cluster.submit("failing", b"x" * 200_000)
    found = values(cluster, "failing")
    assert (found["requests-sync-per-service"], found["requests-async-per-service"]) == (1, 1)


def test_a_database_of_a_cluster_without_this_record_gets_one(
    start_cluster: Callable[..., LocalCluster],
) -> None:
    cluster = start_cluster()
    cluster.create("older")
    with cluster.server.cluster.state.transaction() as connection:
        for name in ("job_ends", "job_goes"):
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("DROP TABLE calls")
    cluster.upload("older", "in/before")
    cluster.ended("older")
    cluster.close()
    again = start_cluster()
    assert values(again, "older")["requests-async-per-service"] == 0
    again.upload("older", "in/after")
    again.ended("older", 2)
    assert values(again, "older")["requests-async-per-service"] == 1


@pytest.mark.parametrize(
    ("path", "query", "text"),
    [
        ("", {"start": "yesterday"}, "invalid start timestamp"),
        ("", {"start": "2026-01-01"}, "invalid start timestamp"),
        ("", {"start": "2026-02-30T00:00:00Z"}, "invalid start timestamp"),
        ("", {"end": "2026-01-01T00:00:00"}, "invalid end timestamp"),
        (
            "",
            {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00+01:00"},
            "end must be after start",
        ),
        ("", {"start": "2999-01-01T00:00:00Z"}, "end must be after start"),
        ("/breakdown", {}, "group_by is required"),
        ("/breakdown", {"group_by": "planet"}, "unsupported group_by"),
        ("/breakdown", {"group_by": "user", "format": "xml"}, "invalid format"),
        (
            "/breakdown",
            {"group_by": "service", "format": "csv", "include_users": "true"},
            "include_users is not supported for csv",
        ),
        ("/breakdown", {"group_by": "user", "end": "x"}, "invalid end timestamp"),
        ("/x", {"metric": "nonsense"}, "invalid metric key"),
        ("/x", {"metric": "countries-list"}, "unsupported metric for value query"),
        ("/x", {"start": "x"}, "invalid start timestamp"),
    ],
)
def test_wrong_questions_are_answered_in_json(
    cluster: LocalCluster, path: str, query: dict[str, str], text: str
) -> None:
    response = cluster.api.get(f"{ROUTE}{path}", params=query)
    assert (response.status_code, response.json()) == (400, {"error": text})
    assert response.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    "start", ["2026-01-01T00:00:00Z", "2026-01-01T02:00:00.5+02:00", "2025-12-31T23:00:00.123456789-01:00"]
)
def test_times_come_back_as_they_were_sent(cluster: LocalCluster, start: str) -> None:
    document: dict[str, Any] = cluster.api.get(ROUTE, params={"start": start}).json()
    assert document["start"] == start
    end = "2026-01-02T00:00:00Z"
    default = cluster.api.get(ROUTE, params={"end": end}).json()
    assert default["start"].startswith("2026-01-01T00:00:00")


def test_whole_numbers_have_no_fraction(cluster: LocalCluster) -> None:
    text = cluster.api.get(f"{ROUTE}/never-was").text
    assert '"value":0,' in text
    assert json.loads(text)["metrics"]


def test_the_routes_want_the_clusters_credentials(cluster: LocalCluster) -> None:
    for path in ("", "/breakdown", "/x"):
        assert cluster.call("GET", ROUTE + path).status_code == 401


def test_calls_of_exposed_services_outlive_the_server_and_have_their_window(
    start_cluster: Callable[..., LocalCluster],
) -> None:
    cluster = start_cluster()
    for _ in range(3):
        cluster.server.cluster.exposed_calls.add("page")
    now = time.time()
    cluster.close()
    again = start_cluster()
    again.server.cluster.exposed_calls.add("page")

    def count(first: float, last: float) -> float:
        window = {"start": stamp(now + first), "end": stamp(now + last)}
        return values(again, "page", **window)["requests-exposed-per-service"]

    assert (count(-60, 60), count(-120, -60), count(60, 120)) == (4, 0, 0)
    assert again.api.get(ROUTE).json()["totals"]["requests_count_exposed"] == 4
