"""`service logs list`: durations, order, the newest ones, and the list that goes on."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from typing import IO, Any

import pytest
import yaml

from tests.conftest import Caller, Runner
from tests.support.server import Answer, Request, ScriptedServer, document

LIST = "/system/logs/svc"
DAY = "2026-06-12T"


def job(status: str, *times: str, **more: Any) -> dict[str, Any]:
    names = ("creation_time", "start_time", "finish_time")
    return {
        "status": status,
        **{name: f"{DAY}{time}Z" for name, time in zip(names, times, strict=False)},
        **more,
    }


FIRST = {
    "a": job("Succeeded", "09:00:00", "09:00:01", "09:00:46"),
    "b": job("Failed", "09:01:00", "09:01:01", "11:04:13"),
    "c": job("Succeeded", "09:02:00", "09:02:01", "09:02:01"),
    "w": job("Pending"),
}


class Changing:
    """A list of jobs that changes at each look but the last one; `None` breaks the connection."""

    def __init__(self, server: ScriptedServer, *looks: dict[str, Any] | None) -> None:
        self.looks = list(looks)
        server.always("GET", LIST, self.listed)

    def listed(self, _request: Request) -> Answer:
        found = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return Answer(hang_up=True) if found is None else document({"jobs": found})


@pytest.fixture
def cluster(call: Caller, server: ScriptedServer) -> ScriptedServer:
    call.know(server.url)
    return server


def names(out: str) -> list[str]:
    return [line.split()[0] for line in out.splitlines()[1:]]


# -- the list ------------------------------------------------------------------------------------


def test_the_list_tells_how_long_jobs_ran(call: Caller, cluster: ScriptedServer) -> None:
    Changing(cluster, FIRST)
    rows = call("service", "logs", "list", "svc").out.splitlines()
    assert rows[0].endswith("DURATION")
    assert [row.split()[-1] for row in rows[1:]] == ["45s", "2h03m", "0s", "-"]
    assert json.loads(call("service", "logs", "list", "svc", "-o", "json").out) == {"jobs": FIRST}


def test_a_running_job_has_run_until_now(call: Caller, cluster: ScriptedServer) -> None:
    Changing(cluster, {"a": job("Running", "09:00:00", "09:00:01")})
    (row,) = call("service", "logs", "list", "svc").out.splitlines()[1:]
    assert row.split()[-1] not in ("-", "")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("--limit 2", "c w"),
        ("--reverse", "w c b a"),
        ("--reverse --limit 1", "w"),
        ("--limit 9", "a b c w"),
        ("--limit 1 --status succeeded", "c"),
    ],
)
def test_the_newest_jobs_are_the_last_or_the_first(
    call: Caller, cluster: ScriptedServer, words: str, shown: str
) -> None:
    Changing(cluster, FIRST)
    assert names(call("service", "logs", "list", "svc", *words.split()).out) == shown.split()
    as_json = json.loads(call("service", "logs", "list", "svc", "-o", "json", *words.split()).out)
    assert list(as_json["jobs"]) == shown.split()


def test_a_limit_is_a_number_above_nothing(call: Caller, cluster: ScriptedServer) -> None:
    assert call("service", "logs", "list", "svc", "--limit", "0").code == 2


# -- watching ------------------------------------------------------------------------------------


def lines_of(stream: IO[bytes] | None, count: int) -> list[str]:
    assert stream is not None
    return [stream.readline().decode().rstrip("\n") for _ in range(count)]


def interrupted(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return process.returncode, out.decode(), err.decode()


LATER = {
    **{name: FIRST[name] for name in "ab"},
    "w": job("Running", "09:03:00", "09:03:01"),
    "n": job("Pending"),
}
LAST = {**LATER, "w": job("Succeeded", "09:03:00", "09:03:01", "09:03:05")}


def test_in_a_pipe_each_changed_job_is_a_line(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    Changing(server, FIRST, FIRST, None, LATER, LAST)
    process = run.start("service", "logs", "list", "svc", "--watch", "--interval", "0.1")
    lines = lines_of(process.stdout, 9)
    code, out, err = interrupted(process)
    assert [line.split()[:2] for line in lines] == [
        ["JOB", "NAME"],
        ["a", "Succeeded"],
        ["b", "Failed"],
        ["c", "Succeeded"],
        ["w", "Pending"],
        ["w", "Running"],
        ["n", "Pending"],
        ["c", "Deleted"],
        ["w", "Succeeded"],
    ]
    assert lines[-1].split()[-1] == "4s"
    assert (code, out, err) == (130, "", "interrupted\n")


def test_changes_come_as_documents_too(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    Changing(server, FIRST, LATER)
    process = run.start("service", "logs", "list", "svc", "-w", "--interval=0.1", "-o", "json")
    first, second = map(json.loads, lines_of(process.stdout, 2))
    assert interrupted(process)[0] == 130
    assert first == {"jobs": FIRST}
    assert second == {"jobs": {"w": LATER["w"], "n": LATER["n"], "c": None}}


def test_changes_in_yaml_are_documents_of_one_stream(
    run: Runner, server: ScriptedServer, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    run.know(server.url)
    looks = Changing(server, {"a": FIRST["a"]}, {"a": FIRST["b"]}, {"a": FIRST["b"]})
    process = run.start("service", "logs", "list", "svc", "-w", "--interval=0.1", "-o", "yaml")
    wait_until(lambda: len(looks.looks) == 1 and len(server.requests) > 3)
    code, out, _ = interrupted(process)
    assert code == 130
    assert list(yaml.safe_load_all(out)) == [{"jobs": {"a": FIRST["a"]}}, {"jobs": {"a": FIRST["b"]}}]


def test_a_filter_lets_a_job_leave(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    Changing(server, LATER, LAST)
    process = run.start("service", "logs", "list", "svc", "-w", "--interval=0.1", "--status", "running")
    lines = lines_of(process.stdout, 3)
    interrupted(process)
    assert [line.split()[:2] for line in lines[1:]] == [["w", "Running"], ["w", "Succeeded"]]


def test_on_a_terminal_the_table_stays_in_its_place(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    looks = Changing(server, FIRST, LAST)
    screen = run.terminal(
        "service", "logs", "list", "svc", "--watch", "--interval=0.1", answers=[("\x1b[J", signal.SIGINT)]
    )
    assert screen.code == 130
    assert len(looks.looks) == 1
    # Five lines back, and all that was there is gone before the new table.
    before, _, after = screen.out.partition("\x1b[5A\r\x1b[J")
    assert names(before.replace("\x1b[1m", "").replace("\x1b[0m", "")) == list("abcw")
    assert "Deleted" not in screen.out
    assert [line.split()[0] for line in after.splitlines()[1:5]] == list("abwn")


def test_a_dumb_terminal_gets_lines(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    Changing(server, FIRST, LATER)
    screen = run.terminal(
        "service",
        "logs",
        "list",
        "svc",
        "--watch",
        env={"TERM": "dumb"},
        answers=[("Deleted", signal.SIGINT)],
    )
    assert "\x1b" not in screen.out
    assert names(screen.out)[:7] == [*"abcw", "w", "n", "c"]


def test_a_service_that_is_not_there_is_not_watched(call: Caller, cluster: ScriptedServer) -> None:
    cluster.expect("GET", LIST, Answer(404))
    assert call("service", "logs", "list", "svc", "--watch").code == 5
