"""`health`: what is said, and the exit code that a script goes by."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.conftest import Caller, Runner
from tests.support.server import Answer, ScriptedServer, page, text

NOWHERE = "http://127.0.0.1:9"


def test_a_cluster_that_is_well_says_so(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.expect("GET", "/health", text("Ok"))
    result = run("health")
    assert (result.code, result.out, result.err) == (0, "Health: ok\nResponse: Ok\n", "")


def test_an_answer_without_words_leaves_the_second_line_out(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", "/health", text(""))
    assert call("health").out == "Health: ok\n"


@pytest.mark.parametrize("form", ["json", "yaml", "table"])
def test_every_form_holds_the_same(call: Caller, server: ScriptedServer, form: str) -> None:
    call.know(server.url)
    server.expect("GET", "/health", text("Ok"))
    result = call("health", "-o", form)
    assert (result.code, result.err) == (0, "")
    if form == "table":
        assert result.out.split() == ["CLUSTER", "STATUS", "RESPONSE", "test", "ok", "Ok"]
    else:
        read = json.loads if form == "json" else yaml.safe_load
        assert read(result.out) == {"status": "ok", "raw_body": "Ok"}


@pytest.mark.parametrize("status", [500, 401, 403, 404, 418])
def test_any_failure_is_unhealthy_and_exits_6(call: Caller, server: ScriptedServer, status: int) -> None:
    call.know(server.url)
    server.expect("GET", "/health", text("database is gone\n", status))
    result = call("health")
    assert (result.code, result.out) == (6, "Health: unhealthy\nResponse: database is gone\n")
    assert f'the cluster "test" is not well: it answered HTTP {status}' in result.err


def test_an_unhealthy_cluster_in_json_keeps_its_words_and_fails_in_json(
    call: Caller, server: ScriptedServer
) -> None:
    call.know(server.url)
    server.expect("GET", "/health", text("no space", 500))
    result = call("health", "-o", "json")
    assert result.code == 6
    assert json.loads(result.out) == {"status": "unhealthy", "raw_body": "no space"}
    assert json.loads(result.err)["code"] == 6


def test_a_gateway_that_recovers_is_asked_again(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", "/health", text("", 503))
    server.expect("GET", "/health", text("Ok"))
    assert call("health").code == 0


def test_a_web_page_is_no_cluster(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", "/health", page())
    result = call("health", "-o", "json")
    assert (result.code, json.loads(result.out)["status"]) == (6, "unhealthy")


def test_nobody_there_exits_6_with_nothing_on_stdout(call: Caller) -> None:
    call.know(NOWHERE)
    result = call("health")
    assert (result.code, result.out) == (6, "")
    assert "refuses connections" in result.err


def test_a_connection_that_breaks_exits_6(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always("GET", "/health", Answer(hang_up=True))
    assert call("health").code == 6


def test_cluster_and_configuration_can_be_named(call: Caller, server: ScriptedServer) -> None:
    call.know(NOWHERE)
    other = call.write_config(
        f"oscar:\n  one:\n    endpoint: {NOWHERE}\n  two:\n    endpoint: {server.url}\n",
        call.home / "other.yaml",
    )
    server.expect("GET", "/health", text("Ok"))
    assert call("health", "--config", other, "-c", "two").code == 0
    unknown = call("health", "--config", other, "-c", "three")
    assert (unknown.code, unknown.out) == (3, "")


def test_no_cluster_is_a_matter_of_configuration(call: Caller) -> None:
    assert call("health").code == 3


def test_an_unknown_form_is_a_usage_error(call: Caller) -> None:
    assert call("health", "-o", "xml").code == 2
