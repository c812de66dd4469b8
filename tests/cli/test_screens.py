"""What a person sees: tables and bars where a pipe gets YAML, one thing line by line, names always whole."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.conftest import Caller, Runner
from tests.support.server import ScriptedServer, document

QUOTA = {
    "resources": {"cpu": {"max": 2000, "used": 500}, "memory": {"max": 1 << 30, "used": 3 << 29}},
    "volumes": {"disk": {"max": "50Gi", "used": "0"}, "max_disk_per_volume": "10Gi"},
}
SUMMARY = {"start": "a", "end": "b", "totals": {"services_count_active": 3}, "sources": []}
INFO = {"version": "v4.1", "architecture": "amd64", "kubernetes_version": "v1.30", "git_commit": "c" * 40}
DEPLOYED = {"service_name": "web", "state": "ready", "active_instances": 2, "affected_instances": 0}
CONFIG = {"config": {"name": "oscar", "namespace": "oscar-svc"}, "minio_provider": {"endpoint": "http://x"}}
# A command, the path that it asks, what it is answered, and a line that a person sees.
STATES: list[tuple[str, str, dict[str, Any], str]] = [
    ("cluster info", "/system/info", INFO, "Architecture:  amd64"),
    ("cluster config", "/system/config", CONFIG, "config.namespace         oscar-svc"),
    ("quota get ada", "/system/quotas/user/ada", QUOTA, "RESOURCE        MAX     USED"),
    ("metrics summary", "/system/metrics", SUMMARY, "services_count_active  3"),
    ("service deployment status web", "/system/services/web/deployment", DEPLOYED, "Active:           2"),
]


@pytest.mark.parametrize(("words", "path", "answer", "line"), STATES, ids=[one[0] for one in STATES])
def test_a_person_sees_a_table_and_a_pipe_gets_yaml(
    run: Runner, call: Caller, server: ScriptedServer, words: str, path: str, answer: Any, line: str
) -> None:
    run.know(server.url)
    server.always("GET", path, document(answer))
    seen = run.terminal(*words.split(), columns=80, env={"NO_COLOR": "1"})
    assert line in [one.partition("  █")[0].partition("  ░")[0] for one in seen.out.splitlines()]
    assert set(yaml.safe_load(call(*words.split()).out)) == set(answer)
    # What is asked for is given, there as here.
    assert run.terminal(*words.split(), "-o", "yaml").out == call(*words.split()).out


def test_a_quota_has_bars_of_what_is_used(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.always("GET", "/system/quotas/user/ada", document(QUOTA))
    lines = run.terminal("quota", "get", "ada", columns=80).out.splitlines()[1:]
    bars = {line[:14].strip(): line.rpartition("  ")[2] for line in lines}
    assert bars["cpu"] == "█" * 7 + "▌" + "░" * 22
    # More than all is all.
    assert bars["memory"] == "█" * 30
    assert bars["volume disk"] == "░" * 30
    assert bars["largest volume"] == "-"


def test_one_thing_is_told_line_by_line(run: Runner, server: ScriptedServer) -> None:
    run.know("http://127.0.0.1:9", "here")
    local = run.terminal("local", "status", columns=80)
    assert local.code == 1
    assert local.out.splitlines()[:3] == [
        "Name:            local",
        "Status:          stopped",
        "PID:             -",
    ]
    login = run.terminal("auth", "status", columns=80).out.splitlines()
    assert [line.partition(":")[0] for line in login] == [
        "Cluster", "Login", "User", "Until", "Kept in", "State",
    ]  # fmt: skip
    # A pipe has a row of one thing as it has rows of many.
    assert len(run("auth", "status").out.splitlines()) == 2


JOB = "text-stats-ebcaec12-5f0a-4f1b-9c5e-0123456789ab"
LISTS: list[tuple[str, str, Any, list[str]]] = [
    (
        "service logs list text-stats",
        "/system/logs/text-stats",
        {"jobs": {JOB: {"status": "Succeeded", "creation_time": "2026-06-12T09:00:00Z",
                        "start_time": "2026-06-12T09:00:01Z", "finish_time": "2026-06-12T09:00:02Z"}}},
        [JOB, "Succeeded", "1s"],
    ),
    (
        "service list",
        "/system/services",
        [{"name": "n" * 60, "image": "registry.example.org/" + "i" * 80, "cpu": "0.5", "memory": "256Mi"}],
        ["n" * 60, "0.5", "256Mi"],
    ),
    (
        "bucket list",
        "/system/buckets",
        [{"bucket_name": "b" * 63, "visibility": "restricted", "allowed_users": ["u" * 40, "v" * 40]}],
        ["b" * 63, "restricted"],
    ),
    ("volume list", "/system/volumes", [{"name": "v" * 70, "owner_user": "o" * 40}], ["v" * 70, "o" * 40]),
]  # fmt: skip


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize(("words", "path", "answer", "whole"), LISTS, ids=[one[0] for one in LISTS])
def test_names_are_whole_and_lines_fit(
    run: Runner, server: ScriptedServer, words: str, path: str, answer: Any, whole: list[str], columns: int
) -> None:
    run.know(server.url)
    server.always("GET", path, document(answer))
    lines = run.terminal(*words.split(), columns=columns, env={"NO_COLOR": "1"}).out.splitlines()
    assert max(map(len, lines)) <= columns
    assert [word for word in whole if word not in " ".join(lines).split()] == []
    assert (len(lines) == 2) == (columns == 200)


@pytest.mark.parametrize("page", ["dev", "hub", "interactive"])
def test_a_page_of_the_manual_is_one_screen(run: Runner, page: str) -> None:
    shown = run.terminal("help", page, columns=80, env={"PAGER": ""}).out.splitlines()
    assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in shown) <= 80
    # A pager leaves it there at once, with a line for the prompt below it.
    assert len(shown) <= 23


def test_red_is_for_errors_alone(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.always("GET", "/system/services", document([{"name": "a"}]))
    server.always("GET", "/system/status", document({"cluster": {"nodes": []}, "oscar": {"ready": False}}))
    for words in (
        ("service", "list"),
        ("cluster", "status"),
        ("cluster", "list"),
        ("local", "status"),
        ("--help",),
    ):
        assert "\x1b[31m" not in run.terminal(*words).out
    assert "\x1b[31mError:\x1b[0m" in run.terminal("service", "lst").out
