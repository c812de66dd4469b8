"""Options about tables, on every command that shows one."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from typer.main import get_group

from oscarcli.cli.commands import COMMANDS
from oscarcli.cli.kit.options import TableOption
from tests.conftest import Caller, Runner
from tests.support.server import ScriptedServer, document

SERVICES = [
    {"name": "text-stats", "image": "alpine:3", "cpu": "0.5", "memory": "256Mi"},
    {"name": "posenet", "image": "images.example.org/grycap/posenet", "cpu": "1.0", "memory": "1Gi"},
]
JOBS = {
    "jobs": {
        "svc-a": {"status": "Succeeded", "creation_time": "2020-01-01T00:00:00Z"},
        "svc-b": {"status": "Running", "creation_time": "2020-01-02T00:00:00Z"},
    }
}


@pytest.fixture
def known(call: Caller, server: ScriptedServer) -> Caller:
    """The program, which knows a cluster of two services."""
    call.know(server.url)
    server.always("GET", "/system/services", document(SERVICES))
    return call


def test_chosen_columns_come_in_their_order(known: Caller) -> None:
    assert known("service", "list", "--columns", "Memory,name").out.splitlines() == [
        "MEMORY  NAME",
        "256Mi   text-stats",
        "1Gi     posenet",
    ]


def test_a_table_without_header_and_names_alone(known: Caller) -> None:
    assert known("service", "list", "--no-headers").out.split()[0] == "text-stats"
    assert known("service", "list", "--quiet").out == "text-stats\nposenet\n"
    assert known("-q", "service", "list").out == "text-stats\nposenet\n"
    assert known("service", "list", "-q=false").out.startswith("NAME")
    assert known("service", "list", "-q", "-o", "table").out == "text-stats\nposenet\n"


def test_an_option_about_tables_chooses_the_table(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always("GET", "/system/services/posenet", document(SERVICES[1]))
    assert call("service", "get", "posenet").out.startswith("name: posenet")
    assert call("service", "get", "posenet", "--columns", "cpu", "--no-headers").out == "1.0\n"
    assert call("service", "get", "posenet", "-q").out == "posenet\n"


def test_an_empty_list_of_names_is_empty(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always("GET", "/system/services", document([]))
    result = call("service", "list", "-q")
    assert (result.code, result.out, result.err) == (0, "", "")
    assert call("service", "list", "--no-headers").err == "There are no services in the cluster\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("service list --columns name,owner", 'no column "owner"; the columns are name, image, cpu, memory'),
        ("service list --columns ,", "--columns: name some of name, image, cpu, memory"),
        ("service list --columns", "requires an argument"),
        ("service list --columns name -o json", "--columns: this goes with -o table and csv only"),
        ("service list -q -o yaml", "--quiet: this goes with -o table only, not with yaml"),
        ("service logs list x --no-headers --relative -o json", "--no-headers, --relative: this goes with"),
        ("metrics summary -q -o csv", "--quiet: this goes with -o table only, not with csv"),
        ("quota update ada --cpu 1 --columns nothing", 'no column "nothing"'),
        ("service list --relative", "no such option: --relative"),
        ("bucket create x --columns name", "no such option: --columns"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_asked(call: Caller, words: str, message: str) -> None:
    call.know("http://127.0.0.1:9")
    result = call(*words.split())
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_csv_takes_columns_and_may_lack_its_header(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    items = [{"key": "posenet", "requests_count_total": 3, "requests_count_sync": 1}]
    server.always("GET", "/system/metrics/breakdown", document({"group_by": "service", "items": items}))
    words = ("metrics", "breakdown", "-o", "csv", "--columns")
    assert call(*words, "requests_count_total,key").out == "requests_count_total,key\n3,posenet\n"
    assert call(*words, "key", "--no-headers").out == "posenet\n"
    assert call(*words, "TOTAL").code == 2


def test_clusters_have_a_table_when_something_is_wanted_of_it(call: Caller) -> None:
    call.know("http://x", "here")
    assert call("cluster", "list").out == "here (http://x) (Default)\n"
    assert call("cluster", "list", "-q").out == "here\n"
    assert call("cluster", "list", "--columns", "id,login").out == "ID    LOGIN\nhere  basic\n"
    assert call("cluster", "list", "--no-headers").out.split() == ["here", "http://x", "basic", "yes", "yes"]


def test_times_are_distances_on_a_terminal_and_moments_in_a_pipe(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.always("GET", "/system/logs/svc", document(JOBS))
    words = ("service", "logs", "list", "svc", "--relative", "--columns", "job-name,creation-time")
    piped = run(*words, env={"TZ": "UTC-1"}).out
    assert "svc-a     2020-01-01 01:00:00" in piped
    seen = run.terminal(*words).out
    assert " years ago" in seen
    assert "2020-01-01" not in seen


def test_the_state_of_a_cluster_is_its_nodes_when_columns_are_chosen(
    call: Caller, server: ScriptedServer
) -> None:
    call.know(server.url)
    state = {"cluster": {"nodes": [{"name": "n1", "status": "Ready"}]}, "oscar": {"ready": True}}
    server.always("GET", "/system/status", document(state))
    assert call("cluster", "status", "-q").out == "n1\n"
    assert call("cluster", "status", "--columns", "node,status").out.split() == [
        "NODE", "STATUS", "n1", "Ready",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("env", "header"),
    [
        ({}, "\x1b[1mNAME  "),
        ({"NO_COLOR": "1"}, "NAME  "),
        ({"TERM": "dumb"}, "NAME  "),
        ({"TERM": "dumb", "CLICOLOR_FORCE": "1"}, "\x1b[1mNAME  "),
    ],
)
def test_a_terminal_has_colour_unless_the_environment_says_otherwise(
    run: Runner, server: ScriptedServer, env: dict[str, str], header: str
) -> None:
    run.know(server.url)
    server.expect("GET", "/system/services", document(SERVICES))
    assert run.terminal("service", "list", env=env).out.startswith(header)


def test_a_pipe_has_colour_when_forced_and_is_never_cut(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.always("GET", "/system/services", document([{**SERVICES[0], "image": "i" * 200}]))
    piped = run("service", "list", env={"CLICOLOR_FORCE": "1", "COLUMNS": "40"}).out
    assert piped.startswith("\x1b[1mNAME")
    assert "i" * 200 in piped
    seen = run.terminal("service", "list", env={"COLUMNS": "40"}, columns=150).out
    assert max(map(len, seen.splitlines()[1:])) <= 40
    assert "…" in seen
    assert "i" * 60 in run.terminal("service", "list", columns=150).out


def table_commands() -> list[Any]:
    """Return all verbs whose `-o` takes `table`, and whether they have options about it."""
    found: list[Any] = []

    def walk(path: str, command: Any) -> None:
        for names, child in getattr(command, "commands", {}).items():
            walk(f"{path} {names.split(',')[0]}", child)
        formats = getattr(command, "_formats", ())
        if "table" in formats:
            has_options = any(isinstance(param, TableOption) for param in command.params)
            found.append((path.strip(), has_options))

    for entry in COMMANDS:
        group: Any = get_group(importlib.import_module(f"oscarcli.cli.{entry.module}").app)
        if entry.is_noun:
            walk(entry.name, group)
        else:
            walk(entry.name, group.commands[entry.names])
    return found


# Their answer for people is a sentence or two, in the reference client's words, and no table.
SENTENCES = {
    "apply", "delete", "diff", "validate", "init", "version", "cluster default", "cluster delete",
    "auth login", "auth logout", "service delete", "service job", "service start", "service stop",
    "service restart", "service url",
    "service export", "service put-file", "service get-file", "bucket put-file", "bucket get-file",
    "service delete-file", "service logs delete", "bucket create",
    "bucket update",
    "bucket delete", "bucket delete-file", "volume create", "volume delete", "federation add-member",
    "federation update", "federation delete", "local start", "local stop", "local reset",
    "local images prune", "local user add", "local user token", "local user remove", "service map",
    "hub show", "hub deploy", "hub validate", "cluster open", "completion man",
}  # fmt: skip


def test_every_table_has_its_options() -> None:
    assert {path for path, has_options in table_commands() if not has_options} == SENTENCES


def test_help_lists_them_apart_with_the_columns(call: Caller) -> None:
    text = call("service", "logs", "list", "--help").out
    section = text.partition("Table options:")[2].partition("Common options:")[0]
    assert "job-name, status, creation-time" in " ".join(section.split())
    assert all(option in section for option in ("--no-headers", "-q, --quiet", "--relative"))
