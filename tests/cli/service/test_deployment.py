"""What runs for a service: `deployment`, `start`, `stop`, `restart`, `url`, and the server's own log."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Caller, Runner
from tests.support.server import Answer, ScriptedServer, document, text

SERVICES = "/system/services"
HERE = f"{SERVICES}/web"
DEPLOYMENT: dict[str, Any] = {
    "service_name": "web",
    "namespace": "oscar-svc",
    "state": "degraded",
    "reason": "MinimumReplicasUnavailable",
    "last_transition_time": "2026-06-12T09:05:29Z",
    "active_instances": 2,
    "affected_instances": 1,
    "resource_kind": "exposed_service",
    "of_a_newer_server": [1],
}
LOGS: dict[str, Any] = {
    "service_name": "web",
    "available": True,
    "entries": [
        {"timestamp": "2026-06-12T09:05:29Z", "message": 'said "hello", twice'},
        {"message": "and ended\x1b[2J"},
    ],
}
NOT_PERMITTED = "You do not have permission to access this service"


# -- deployment status ---------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["service deployment status", "svc deployment st", "s deployment st"])
def test_a_deployment_is_shown_as_yaml(call: Caller, server: ScriptedServer, words: str) -> None:
    call.know(server.url)
    server.expect("GET", f"{HERE}/deployment", document(DEPLOYMENT))
    result = call(*words.split(), "web")
    assert (result.code, result.err) == (0, "")
    assert yaml.safe_load(result.out) == DEPLOYMENT


def test_a_deployment_as_json_keeps_what_a_newer_server_sends(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", f"{HERE}/deployment", document(DEPLOYMENT))
    assert json.loads(call("service", "deployment", "status", "web", "-o", "json").out) == DEPLOYMENT


def test_a_deployment_as_a_table(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.expect("GET", f"{HERE}/deployment", document(DEPLOYMENT))
    result = run("service", "deployment", "status", "web", "-o", "table", env={"TZ": "UTC"})
    header, row = result.out.splitlines()
    assert header.split("  ")[0] == "STATE"
    assert row.split() == [
        "degraded",
        "MinimumReplicasUnavailable",
        "2",
        "1",
        "exposed_service",
        "2026-06-12",
        "09:05:29",
    ]


def test_the_name_of_a_deployment_is_its_services(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always("GET", f"{HERE}/deployment", document(DEPLOYMENT))
    assert call("service", "deployment", "status", "web", "-o", "name").out == "web\n"


def test_a_missing_time_and_reason_are_dashes(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    bare = {
        "state": "unavailable",
        "active_instances": 0,
        "affected_instances": 0,
        "resource_kind": "unavailable",
    }
    server.expect("GET", f"{HERE}/deployment", document(bare))
    row = call("service", "deployment", "status", "web", "-o", "table").out.splitlines()[1]
    assert row.split() == ["unavailable", "-", "0", "0", "unavailable", "-"]


@pytest.mark.parametrize("route", ["deployment", "deployment/logs"])
def test_a_missing_service_is_not_found_although_the_server_says_forbidden(
    call: Caller, server: ScriptedServer, route: str
) -> None:
    call.know(server.url)
    server.expect("GET", f"{HERE}/{route}", text(NOT_PERMITTED, 403))
    server.expect("GET", HERE, Answer(404))
    verb = "logs" if "logs" in route else "status"
    result = call("service", "deployment", verb, "web")
    assert (result.code, result.out) == (5, "")
    assert 'there is no service "web"' in result.err


def test_a_service_of_others_is_forbidden(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", f"{HERE}/deployment", text(NOT_PERMITTED, 403))
    server.expect("GET", HERE, document({"name": "web"}))
    result = call("service", "deployment", "status", "web")
    assert (result.code, NOT_PERMITTED in result.err) == (4, True)


def test_when_it_cannot_be_told_which_of_both_the_hint_says_so(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", f"{HERE}/deployment", text(NOT_PERMITTED, 403))
    server.expect("GET", HERE, text("User x doesn't have permision to get this service", 403))
    result = call("service", "deployment", "status", "web")
    assert (result.code, "the same when there is no such service" in result.err) == (4, True)


def test_a_server_before_4_0_has_no_such_route(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", f"{HERE}/deployment", text("404 page not found", 404))
    result = call("service", "deployment", "status", "web")
    assert (result.code, "no such route" in result.err) == (7, True)


def test_a_bad_name_is_refused_by_the_server(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", f"{SERVICES}/a%2Fb/deployment", text("invalid serviceName", 400))
    result = call("service", "deployment", "status", "a/b")
    assert (result.code, "invalid serviceName" in result.err) == (7, True)


# -- deployment logs -----------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["logs", "log", "l"])
def test_a_deployments_log_is_yaml_by_default(call: Caller, server: ScriptedServer, verb: str) -> None:
    call.know(server.url)
    server.expect("GET", f"{HERE}/deployment/logs", document(LOGS), query={})
    assert yaml.safe_load(call("service", "deployment", verb, "web").out) == LOGS


def test_times_and_number_of_lines_are_asked_for(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    asked = {"timestamps": "true", "tailLines": "5"}
    server.expect("GET", f"{HERE}/deployment/logs", document(LOGS), query=asked)
    result = call("service", "deployment", "logs", "web", "--timestamps", "--tail", "5", "-o", "json")
    assert (result.code, json.loads(result.out)) == (0, LOGS)


def test_a_deployments_log_as_csv_can_be_read_back(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", f"{HERE}/deployment/logs", document(LOGS))
    result = call("service", "deployment", "logs", "web", "-o", "csv")
    assert list(csv.reader(io.StringIO(result.out))) == [
        ["TIMESTAMP", "MESSAGE"],
        ["2026-06-12T09:05:29Z", 'said "hello", twice'],
        ["", "and ended\\x1b[2J"],
    ]


def test_a_deployments_log_shows_control_characters_unless_it_is_raw(
    call: Caller, server: ScriptedServer
) -> None:
    call.know(server.url)
    entries = [
        {"timestamp": "\x9b1m", "message": "one\r\ntwo\x1b]0;x\x07\tthree\n"},
        {"message": "\u202efour"},
    ]
    server.always("GET", f"{HERE}/deployment/logs", document({**LOGS, "entries": entries}))
    words = ("service", "deployment", "logs", "web", "-o", "text")
    assert call(*words).out == "\\x9b1m one\ntwo\\x1b]0;x\\x07\tthree\n\\u202efour\n"
    assert call(*words, "--raw").out == "\x9b1m one\r\ntwo\x1b]0;x\x07\tthree\n\u202efour\n"
    assert call("service", "deployment", "logs", "web", "--raw").code == 2


def test_a_deployments_log_as_text_and_table(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always("GET", f"{HERE}/deployment/logs", document(LOGS))
    plain = call("service", "deployment", "logs", "web", "-o", "text")
    assert plain.out == '2026-06-12T09:05:29Z said "hello", twice\nand ended\\x1b[2J\n'
    table = call("service", "deployment", "logs", "web", "-o", "table").out.splitlines()
    assert table[0].split() == ["TIMESTAMP", "MESSAGE"]
    assert table[2].split()[0] == "-"


@pytest.mark.parametrize("entries", [[], None])
def test_a_log_that_is_not_there_says_why_on_stderr(
    call: Caller, server: ScriptedServer, entries: Any
) -> None:
    call.know(server.url)
    empty = {"service_name": "web", "available": False, "message": "no pods", "entries": entries}
    server.always("GET", f"{HERE}/deployment/logs", document(empty))
    result = call("service", "deployment", "logs", "web", "-o", "csv")
    assert (result.code, result.out, result.err) == (0, "TIMESTAMP,MESSAGE\n", "no pods\n")
    assert call("service", "deployment", "logs", "web", "-o", "text").out == ""
    assert call("service", "deployment", "logs", "web", "-o", "json").err == ""


def test_more_lines_than_servers_give_are_warned_of(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", f"{HERE}/deployment/logs", document(LOGS))
    assert "at most 1000" in call("service", "deployment", "logs", "web", "--tail", "5000").err


def test_zero_lines_is_a_usage_error(call: Caller) -> None:
    assert call("service", "deployment", "logs", "web", "--tail", "0").code == 2


# -- deployments in lists ------------------------------------------------------------------------


def test_a_list_can_have_the_deployments(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    found = [{"name": "web", "deployment": DEPLOYMENT}, {"name": "old"}]
    server.always("GET", SERVICES, document(found), query={"include": "deployment"})
    rows = call("service", "list", "--include-deployment").out.splitlines()
    assert rows[0].split()[-2:] == ["STATE", "REASON"]
    assert rows[1].split()[-2:] == ["degraded", "MinimumReplicasUnavailable"]
    assert rows[2].split()[-2:] == ["-", "-"]
    assert json.loads(call("service", "list", "--include-deployment", "-o", "json").out) == found


def test_a_service_can_come_with_its_deployment(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always(
        "GET", HERE, document({"name": "web", "deployment": DEPLOYMENT}), query={"include": "deployment"}
    )
    result = call("service", "get", "web", "--include-deployment")
    assert yaml.safe_load(result.out)["deployment"] == DEPLOYMENT
    assert "degraded" in call("service", "get", "web", "--include-deployment", "-o", "table").out


# -- start, stop, restart ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "done", "state"),
    [("start", "started", "pending"), ("stop", "stopped", "stopped"), ("restart", "restarted", "pending")],
)
def test_a_service_is_changed_and_its_state_told(
    run: Runner, server: ScriptedServer, verb: str, done: str, state: str
) -> None:
    run.know(server.url)
    server.expect("POST", f"{HERE}/{verb}", document({"service_name": "web", "state": state}))
    result = run("service", verb, "web")
    assert (result.code, result.out, result.err) == (0, f'Service "web" {done}: {state}\n', "")


@pytest.mark.parametrize("form", [(), ("-o", "json")])
def test_a_restart_that_leaves_a_service_stopped_says_how_to_start_it(
    call: Caller, server: ScriptedServer, form: tuple[str, ...]
) -> None:
    call.know(server.url)
    server.expect("POST", f"{HERE}/restart", document({"service_name": "web", "state": "stopped"}))
    result = call("service", "restart", "web", *form)
    said = "a restart leaves a stopped service stopped; 'oscar-cli service start web' starts it"
    assert (result.code, result.err) == (0, f"warning: {said}\n")


def test_a_change_for_a_program_is_the_deployment(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("POST", f"{HERE}/stop", document(DEPLOYMENT))
    assert json.loads(call("service", "stop", "web", "-o", "json").out) == DEPLOYMENT


def test_a_service_that_is_not_exposed_cannot_be_stopped(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("POST", f"{HERE}/stop", text('service "web" is not exposed', 400))
    result = call("service", "stop", "web")
    assert (result.code, "is not exposed" in result.err) == (7, True)


def test_a_service_of_others_cannot_be_stopped(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    words = "User x doesn't have permission to manage this service"
    server.expect("POST", f"{HERE}/stop", text(words, 403))
    result = call("service", "stop", "web")
    assert (result.code, words in result.err) == (4, True)


def test_a_missing_service_is_told_from_a_missing_deployment(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always("POST", f"{HERE}/start", Answer(404))
    server.expect("GET", HERE, Answer(404))
    server.expect("GET", HERE, document({"name": "web"}))
    missing, undeployed = call("service", "start", "web"), call("service", "start", "web")
    assert (missing.code, undeployed.code) == (5, 5)
    assert "nothing of it is deployed" not in missing.err
    assert "nothing of it is deployed" in undeployed.err


def test_a_change_is_never_sent_twice(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("POST", f"{HERE}/restart", text("", 502))
    assert call("service", "restart", "web").code == 6
    assert len(server.requests) == 1


# -- url -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expose", "notes"),
    [
        ({"api_port": [80]}, []),
        ({"api_port": 80, "nodePort": 0}, []),
        ({"api_port": [80], "nodePort": [31234]}, ["port 31234"]),
        ({"api_port": [80], "set_auth": True}, ["service get web --token"]),
    ],
)
def test_the_address_of_an_exposed_service(
    call: Caller, server: ScriptedServer, expose: dict[str, Any], notes: list[str]
) -> None:
    call.know(f"{server.url}/base/")
    server.expect("GET", f"/base{HERE}", document({"name": "web", "expose": expose}))
    result = call("service", "url", "web")
    assert (result.code, result.out) == (0, f"{server.url}/base{HERE}/exposed/\n")
    assert all(note in result.err for note in notes)
    assert bool(result.err) == bool(notes)


def test_the_address_of_a_model(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", HERE, document({"name": "web", "kserve": {"type": "inference"}}))
    assert call("service", "url", "web").out == f"{server.url}{HERE}/models/\n"


def test_the_address_for_a_program(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    expose = {"api_port": [80, 81], "nodePort": [31234, 0], "set_auth": True}
    server.expect("GET", HERE, document({"name": "web", "expose": expose}))
    assert json.loads(call("service", "url", "web", "-o", "json").out) == {
        "service": "web",
        "url": f"{server.url}{HERE}/exposed/",
        "node_ports": [31234],
        "set_auth": True,
    }


@pytest.mark.parametrize("expose", [{}, None, {"api_port": [0]}, {"api_port": 0}, {"api_port": []}])
def test_a_service_that_is_not_exposed_has_no_address(
    call: Caller, server: ScriptedServer, expose: Any
) -> None:
    call.know(server.url)
    server.expect("GET", HERE, document({"name": "web", "expose": expose}))
    result = call("service", "url", "web", "--open")
    assert (result.code, result.out) == (7, "")
    assert 'service "web" is not exposed' in result.err


def test_open_starts_the_browser(run: Runner, server: ScriptedServer, tmp_path: Path) -> None:
    run.know(server.url)
    server.expect("GET", HERE, document({"name": "web", "expose": {"api_port": [80]}}))
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n')
    browser.chmod(0o755)
    result = run("service", "url", "web", "--open", env={"BROWSER": str(browser)})
    assert (result.code, result.out.strip()) == (0, opened.read_text())


def test_no_browser_is_told(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.expect("GET", HERE, document({"name": "web", "expose": {"api_port": [80]}}))
    result = run("service", "url", "web", "--open", env={"BROWSER": "/bin/false"})
    assert result.code == 1
    assert result.out == f"{server.url}{HERE}/exposed/\n"


# -- system-logs ---------------------------------------------------------------------------------

ENTRIES: list[dict[str, Any]] = [
    {
        "timestamp": "2026-06-12T09:05:29.123456789Z",
        "status": 201,
        "latency": "1.5ms",
        "client_ip": "10.0.0.1",
        "method": "POST",
        "path": "/job/web",
        "user": "nil",
        "raw": '[GIN-EXECUTIONS-LOGGER] 2026/06/12 - 09:05:29 | 201 | "/job/web"',
    },
    {
        "timestamp": "2026-06-12T09:06:00Z",
        "status": 200,
        "method": "POST",
        "path": "/run/web",
        "user": "oscar",
    },
]


def test_the_systems_log_is_its_lines(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.expect("GET", "/system/logs", document({"logs": ENTRIES}), query={})
    result = run("service", "system-logs")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [ENTRIES[0]["raw"], "2026-06-12T09:06:00Z POST /run/web 200 oscar"]


@pytest.mark.parametrize("sent", [{"logs": ENTRIES}, ENTRIES])
def test_the_systems_log_as_json_is_json_and_nothing_else(
    call: Caller, server: ScriptedServer, sent: Any
) -> None:
    call.know(server.url)
    server.expect("GET", "/system/logs", document(sent))
    assert json.loads(call("service", "system-logs", "-o", "json").out) == {"logs": ENTRIES}


def test_the_systems_log_as_csv(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", "/system/logs", document({"logs": ENTRIES}))
    rows = list(csv.reader(io.StringIO(call("service", "system-logs", "-o", "csv").out)))
    assert rows[0] == ["TIMESTAMP", "METHOD", "PATH", "STATUS", "USER", "LATENCY", "CLIENT_IP", "RAW"]
    assert rows[1][2:4] == ["/job/web", "201"]
    assert rows[1][-1] == ENTRIES[0]["raw"]
    assert rows[2][-1] == ""


@pytest.mark.parametrize(
    ("words", "query"),
    [
        (("-t",), {"timestamps": "true"}),
        (("--previous",), {"previous": "true"}),
        (("-t", "-p"), {"timestamps": "true", "previous": "true"}),
    ],
)
def test_what_is_asked_of_the_systems_log(
    call: Caller, server: ScriptedServer, words: tuple[str, ...], query: dict[str, str]
) -> None:
    call.know(server.url)
    server.expect("GET", "/system/logs", document({"logs": []}), query=query)
    result = call("service", "system-logs", *words)
    assert (result.code, result.out, result.err) == (0, "", "the log has no calls\n")


@pytest.mark.parametrize("form", ["yaml", "table"])
def test_a_null_log_is_an_empty_one(call: Caller, server: ScriptedServer, form: str) -> None:
    call.know(server.url)
    server.expect("GET", "/system/logs", document({"logs": None}))
    assert call("service", "system-logs", "-o", form).code == 0


def test_only_administrators_see_the_systems_log(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    words = "OIDC tokens are not allowed for system logs"
    server.expect("GET", "/system/logs", text(words, 403))
    result = call("service", "system-logs")
    assert (result.code, words in result.err) == (4, True)
