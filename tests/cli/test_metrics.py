"""`metrics`: times as people write them, every form of answer, bars on a terminal only."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import yaml

from tests.conftest import Caller, Runner
from tests.support.server import ScriptedServer, document, text

METRICS = "/system/metrics"
SUMMARY: dict[str, Any] = {
    "start": "2026-06-11T00:00:00Z",
    "end": "2026-06-12T00:00:00Z",
    "totals": {
        "services_count_active": 2,
        "cpu_hours_total": 1.5,
        "requests_count_total": 7,
        "countries_count": 2,
        "countries": [{"country": "ES", "request_count": 5}, {"country": "FR", "request_count": 2}],
        "users": ["ada", "bob"],
        "of_a_newer_server": 1,
    },
    "sources": [
        {"name": "prometheus", "status": "ok"},
        {"name": "loki", "status": "missing", "notes": ["off"]},
    ],
}
SERVICES: dict[str, Any] = {
    "start": "2026-06-11T00:00:00Z",
    "end": "2026-06-12T00:00:00Z",
    "group_by": "service",
    "items": [
        {
            "key": "web",
            "requests_count_total": 40,
            "requests_count_sync": 30,
            "requests_count_async": 10,
            "requests_count_exposed": 3,
            "unique_users_count": 2,
            "users": ["ada", "bob"],
            "countries": [{"country": "ES", "request_count": 40}],
        },
        {"key": "quiet", "requests_count_total": 0, "unique_users_count": 0, "countries": None},
        {"key": "small", "requests_count_total": 10, "unique_users_count": 1, "countries": []},
    ],
}
ONE: dict[str, Any] = {
    "service_name": "web",
    "start": "2026-06-11T00:00:00Z",
    "end": "2026-06-12T00:00:00Z",
    "metrics": [
        {
            "metric": "cpu-hours",
            "value": 1.5,
            "unit": "hours",
            "sources": [{"name": "prometheus", "status": "ok"}],
        },
        {"metric": "users-per-service", "value": 2, "sources": []},
    ],
}


# -- summary -------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["summary", "sum"])
def test_a_summary_is_yaml_as_the_server_has_it(run: Runner, server: ScriptedServer, verb: str) -> None:
    run.know(server.url)
    server.expect("GET", METRICS, document(SUMMARY), query={})
    result = run("metrics", verb)
    assert (result.code, result.err) == (0, "")
    assert yaml.safe_load(result.out) == SUMMARY


def test_a_summary_as_json_table_and_csv(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always("GET", METRICS, document(SUMMARY))
    assert json.loads(call("metrics", "summary", "-o", "json").out) == SUMMARY
    rows = dict(list(csv.reader(io.StringIO(call("metrics", "summary", "-o", "csv").out)))[1:])
    assert rows["countries"] == "ES:5|FR:2"
    assert rows["users"] == "ada,bob"
    assert (rows["of_a_newer_server"], rows["source loki"]) == ("1", "missing (off)")
    # Rows for programs have the server's own time, those for people that of this machine.
    assert rows["start"] == "2026-06-11T00:00:00Z"
    table = Caller(call.home, {**call.environ, "TZ": "UTC"})("metrics", "summary", "-o", "table").out
    assert re.search(r"^start +2026-06-11 00:00:00$", table, re.MULTILINE)
    assert re.search(r"^cpu_hours_total +1\.5$", table, re.MULTILINE)


def test_null_lists_are_no_failure(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    empty = {"totals": {"countries": None, "users": None}, "sources": None}
    server.expect("GET", METRICS, document(empty))
    rows = call("metrics", "summary", "-o", "table").out.splitlines()
    assert [row.split() for row in rows[-2:]] == [["countries", "-"], ["users", "-"]]


# -- times ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "ago"), [("7d", timedelta(days=7)), ("24h", timedelta(days=1)), ("30m", timedelta(minutes=30))]
)
def test_a_time_ago_is_sent_as_a_moment(
    call: Caller, server: ScriptedServer, word: str, ago: timedelta
) -> None:
    call.know(server.url)
    server.expect("GET", METRICS, document(SUMMARY))
    assert call("metrics", "summary", "--start", word).code == 0
    sent = datetime.strptime(server.requests[0].query["start"], "%Y-%m-%dT%H:%M:%SZ").replace(
        tzinfo=timezone.utc
    )
    assert abs(datetime.now(timezone.utc) - ago - sent) < timedelta(minutes=2)
    assert "end" not in server.requests[0].query


@pytest.mark.parametrize(
    ("verb", "path"),
    [("summary", METRICS), ("breakdown", f"{METRICS}/breakdown"), ("service web", f"{METRICS}/web")],
)
def test_empty_times_are_none(call: Caller, server: ScriptedServer, verb: str, path: str) -> None:
    call.know(server.url)
    server.expect("GET", path, document({}))
    if verb == "service web":
        server.always("GET", "/system/services/web", document({"name": "web"}))
    assert call("metrics", *verb.split(), "--start", "", "--end", "").code == 0
    (asked,) = [request for request in server.requests if request.path == path]
    assert not asked.query.keys() & {"start", "end"}


def test_dates_and_moments_are_sent_in_utc(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    asked = {"start": "2026-05-31T22:00:00Z", "end": "2026-06-12T07:00:00Z"}
    server.expect("GET", METRICS, document(SUMMARY), query=asked)
    words = ("--start", "2026-06-01", "--end", "2026-06-12T09:00:00+02:00")
    assert run("metrics", *words, "summary", env={"TZ": "Europe/Madrid"}).code == 0


@pytest.mark.parametrize("verb", [("summary",), ("breakdown",), ("service", "web")])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--start", "yesterday-ish"), '"yesterday-ish" is not a time'),
        (("--end", "2026-13-01"), "is not a time"),
        (("--start", "1h", "--end", "2h"), "not before the end"),
        (("--start", "2026-06-02", "--end", "2026-06-02"), "not before the end"),
        (("--start", "99999999999w"), "is not a time"),
    ],
)
def test_times_that_make_no_sense_ask_nobody(
    call: Caller, verb: tuple[str, ...], words: tuple[str, ...], message: str
) -> None:
    call.know("http://127.0.0.1:9")
    result = call("metrics", *verb, *words)
    assert (result.code, result.out, message in result.err) == (2, "", True)


def test_a_window_that_the_server_refuses(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", METRICS, document({"error": "end must be after start"}, 400))
    result = call("metrics", "summary")
    assert (result.code, result.err.splitlines()[0].endswith(": end must be after start")) == (7, True)


# -- breakdown -----------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["breakdown", "bd"])
def test_a_breakdown_is_by_service_unless_told(call: Caller, server: ScriptedServer, verb: str) -> None:
    call.know(server.url)
    server.expect("GET", f"{METRICS}/breakdown", document(SERVICES), query={"group_by": "service"})
    assert yaml.safe_load(call("metrics", verb).out) == SERVICES


def test_a_breakdown_in_a_pipe_is_a_plain_table(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", f"{METRICS}/breakdown", document(SERVICES))
    rows = [line.split() for line in call("metrics", "breakdown", "-o", "table").out.splitlines()]
    assert rows == [
        ["SERVICE", "TOTAL", "SYNC", "ASYNC", "EXPOSED", "USERS", "COUNTRIES"],
        ["web", "40", "30", "10", "3", "2", "ES:40"],
        ["quiet", "0", "-", "-", "-", "0", "-"],
        ["small", "10", "-", "-", "-", "1", "-"],
    ]


def test_csv_has_the_servers_columns(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", f"{METRICS}/breakdown", document(SERVICES))
    lines = call("metrics", "breakdown", "-o", "csv").out.splitlines()
    assert lines[:2] == [
        "key,membership,requests_count_total,requests_count_sync,requests_count_async,"
        "requests_count_exposed,unique_users_count,countries",
        "web,,40,30,10,3,2,ES:40",
    ]


@pytest.mark.parametrize(
    ("group", "item", "header", "row"),
    [
        (
            "user",
            {"key": "ada", "membership": "member", "executions_count": 3, "countries": []},
            "key,membership,executions_count,countries",
            "ada,member,3,",
        ),
        (
            "COUNTRY",
            {"key": "ES", "executions_count": 3, "unique_users_count": 2, "countries": None},
            "key,membership,executions_count,unique_users_count,countries",
            "ES,,3,2,",
        ),
    ],
)
def test_other_groups(
    call: Caller, server: ScriptedServer, group: str, item: dict[str, Any], header: str, row: str
) -> None:
    call.know(server.url)
    found = document({"group_by": group, "items": [item]})
    server.always("GET", f"{METRICS}/breakdown", found, query={"group_by": group.lower()})
    assert call("metrics", "bd", "--group-by", group, "-o", "csv").out.splitlines() == [header, row]
    table = call("metrics", "bd", "--group-by", group, "-o", "table").out.splitlines()
    assert table[0].split()[0] == group.upper()


def test_users_can_be_named(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    asked = {"group_by": "service", "include_users": "true"}
    server.always("GET", f"{METRICS}/breakdown", document(SERVICES), query=asked)
    table = call("metrics", "breakdown", "--include-users", "-o", "table").out.splitlines()
    assert (table[0].split()[-1], table[1].split()[-1]) == ("WHO", "ada,bob")
    rows = list(csv.reader(io.StringIO(call("metrics", "breakdown", "--include-users", "-o", "csv").out)))
    assert (rows[0][-1], rows[1][-1]) == ("users", "ada,bob")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--group-by", "colour"), 'takes service, user, country, not "colour"'),
        (("--group-by", "user", "--include-users"), "goes with --group-by service only"),
    ],
)
def test_groups_that_there_are_not(call: Caller, words: tuple[str, ...], message: str) -> None:
    call.know("http://127.0.0.1:9")
    result = call("metrics", "breakdown", *words)
    assert (result.code, message in result.err) == (2, True)


@pytest.mark.parametrize("items", [[], None])
def test_nothing_that_happened_is_told(call: Caller, server: ScriptedServer, items: Any) -> None:
    call.know(server.url)
    server.expect("GET", f"{METRICS}/breakdown", document({"items": items}))
    result = call("metrics", "breakdown", "-o", "table")
    assert (result.code, result.err) == (0, "Nobody called anything in that time\n")


def bars(screen: str) -> dict[str, str]:
    rows = [line.split() for line in screen.splitlines() if line.split()[:1] and "█" in line]
    return {row[0]: row[-1] for row in rows}


def test_on_a_terminal_a_table_has_bars(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.expect("GET", f"{METRICS}/breakdown", document(SERVICES))
    result = run.terminal("metrics", "breakdown", "-o", "table", columns=100)
    shown = bars(result.out)
    assert set(shown) == {"web", "small"}
    assert len(shown["web"]) >= 3 * len(shown["small"]) > 0
    assert all(len(line) <= 100 for line in re.sub(r"\x1b\[\d+m", "", result.out).splitlines())


def test_a_column_of_nothing_makes_room_for_bars(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    items = [{"key": "w" * 39, "requests_count_total": 4, "requests_count_sync": 4, "countries": []}]
    server.expect("GET", f"{METRICS}/breakdown", document({**SERVICES, "items": items}))
    header, row = run.terminal("metrics", "breakdown", columns=80, env={"NO_COLOR": "1"}).out.splitlines()
    assert header.split() == ["SERVICE", "TOTAL", "SYNC"]
    assert "█" in row


def test_a_narrow_terminal_has_the_table_without_bars(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.expect("GET", f"{METRICS}/breakdown", document(SERVICES))
    result = run.terminal("metrics", "breakdown", "-o", "table", columns=40)
    assert "█" not in result.out
    assert "web" in result.out


def test_a_terminal_gets_plain_json(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.expect("GET", f"{METRICS}/breakdown", document(SERVICES))
    assert json.loads(run.terminal("metrics", "breakdown", "-o", "json").out) == SERVICES


# -- service -------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["service", "svc"])
def test_all_metrics_of_a_service(call: Caller, server: ScriptedServer, verb: str) -> None:
    call.know(server.url)
    server.expect("GET", f"{METRICS}/web", document(ONE), query={})
    assert yaml.safe_load(call("metrics", verb, "web").out) == ONE


def test_metrics_of_a_service_as_table_and_csv(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always("GET", f"{METRICS}/web", document(ONE))
    table = [line.split() for line in call("metrics", "service", "web", "-o", "table").out.splitlines()]
    assert table[1] == ["cpu-hours", "1.5", "hours", "prometheus:ok"]
    assert table[2] == ["users-per-service", "2", "-", "-"]
    assert call("metrics", "service", "web", "-o", "csv").out.splitlines()[2] == "users-per-service,2,,"


def test_one_metric(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    one = {"service_id": "web", "metric": "cpu-hours", "value": 1.5, "unit": "hours", "sources": []}
    server.always("GET", f"{METRICS}/web", document(one), query={"metric": "cpu-hours"})
    assert yaml.safe_load(call("metrics", "service", "web", "--metric", "cpu-hours").out) == one
    table = call("metrics", "service", "web", "--metric", "cpu-hours", "-o", "table").out
    assert table.splitlines()[1].split() == ["cpu-hours", "1.5", "hours", "-"]


def test_a_metric_that_there_is_not(call: Caller) -> None:
    call.know("http://127.0.0.1:9")
    result = call("metrics", "service", "web", "--metric", "services-count")
    assert (result.code, "--metric takes cpu-hours" in result.err) == (2, True)


ZEROS = {"service_name": "web", "metrics": [{"metric": "cpu-hours", "value": 0}]}


def test_zeros_of_a_service_that_is_not_there_are_not_found(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", f"{METRICS}/web", document(ZEROS))
    server.expect("GET", "/system/services/web", text("", 404))
    result = call("metrics", "service", "web")
    assert (result.code, result.out) == (5, "")


def test_zeros_of_a_service_that_nobody_called_are_an_answer(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", f"{METRICS}/web", document(ZEROS))
    server.expect("GET", "/system/services/web", document({"name": "web"}))
    assert yaml.safe_load(call("metrics", "service", "web").out) == ZEROS


@pytest.mark.parametrize(("status", "code"), [(404, 5), (403, 4), (400, 7), (500, 1)])
def test_statuses_of_a_services_metrics(call: Caller, server: ScriptedServer, status: int, code: int) -> None:
    call.know(server.url)
    server.expect(
        "GET", f"{METRICS}/web", document({"error": "why"}, status) if status != 404 else text("", 404)
    )
    assert call("metrics", "service", "web").code == code


def test_a_service_called_breakdown_cannot_be_asked_about(call: Caller) -> None:
    call.know("http://127.0.0.1:9")
    result = call("metrics", "service", "breakdown")
    assert (result.code, "another route of that name" in result.err) == (7, True)


def test_a_server_without_metrics(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", METRICS, text("404 page not found", 404))
    assert call("metrics", "summary").code == 7
