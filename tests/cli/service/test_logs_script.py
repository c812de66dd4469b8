"""What of a job's log is the script's: `--script`, and how a terminal tells the two apart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from oscarcli.jobs.log_speakers import LogReader
from tests.conftest import Caller, Runner
from tests.local.harness import LocalCluster, open_cluster
from tests.support.server import ScriptedServer, document, text

LIST = "/system/logs/svc"
LOGS = Path(__file__).parents[2] / "support" / "supervisor_logs"
EVENT_LINE = "event: minio s3:ObjectCreated:Put in/a b.txt"
DIM, RED, PLAIN = "\x1b[2m", "\x1b[31m", "\x1b[0m"
EXIT_LINE = (
    "2026-06-12 09:00:04,001 - local cluster - WARNING - "
    "the script ended with exit code 3, which does not make a job fail"
)
WORDS = "\none\x0ctwo\n\n2026 - supervisor - INFO - not so\nlast"


def log_of(name: str) -> str:
    """Return what the real supervisor wrote."""
    return (LOGS / f"{name}.txt").read_text()


@pytest.mark.parametrize(
    ("name", "words"), [("object", "working\n"), ("debug", "working\n"), ("payload", "SEVMTE8=\n")]
)
@pytest.mark.parametrize("ways", [(), ("--raw",), ("--follow",)], ids=["whole", "raw", "follow"])
def test_the_words_of_a_script_come_alone_through_a_pipe(
    call: Caller, server: ScriptedServer, name: str, words: str, ways: tuple[str, ...]
) -> None:
    call.know(server.url)
    server.always("GET", f"{LIST}/j", text(log_of(name)))
    if ways == ("--follow",):
        server.always("GET", LIST, document({"jobs": {"j": {"status": "Succeeded"}}}))
    assert call("service", "logs", "get", "svc", "j", *ways, "--script").out == words
    assert call("service", "logs", "get", "svc", "j", *ways).out == log_of(name)


def test_what_looks_like_the_supervisors_is_the_scripts(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    before, behind = log_of("object").split("working\n")
    server.always("GET", f"{LIST}/j", text(f"{before}{WORDS}{behind}"))
    result = call("service", "logs", "get", "svc", "j", "--script")
    assert result.out == WORDS.replace("\x0c", "\\x0c") + "\n"
    assert call("service", "logs", "get", "svc", "j", "--script", "--tail", "1").out == "last\n"
    shown = json.loads(call("service", "logs", "get", "svc", "j", "--script", "-o", "json").out)
    assert shown["log"] == WORDS + "\n"


def test_times_stand_before_the_words_and_do_not_hide_who_spoke(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    time = "2026-06-12T09:00:04.123456789Z"
    timed = "".join(f"{time} {line}\n" for line in log_of("object").splitlines())
    server.always("GET", f"{LIST}/j", text(timed), query={"timestamps": "true"})
    words = call("service", "logs", "get", "svc", "j", "--script", "-t").out
    assert words == f"{time} working\n"
    since = call("service", "logs", "get", "svc", "j", "--script", "--since", "2026-06-12").out
    assert since == "working\n"


def test_a_terminal_dims_the_supervisor_and_shortens_the_event(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.always("GET", f"{LIST}/j", text(f"{log_of('object')}{EXIT_LINE}\n"))
    screen = run.terminal("service", "logs", "get", "svc", "j", columns=300).out.splitlines()
    assert screen[0].startswith(f"{DIM}2026-11-27 08:02:32,628 - supervisor - INFO - Storage event found.")
    assert screen[1] == f"{DIM}{EVENT_LINE}{PLAIN}"
    assert all(line.startswith(DIM) and line.endswith(PLAIN) for line in screen[:14])
    assert screen[14:] == ["working", "", f"{RED}{EXIT_LINE}{PLAIN}"]
    plain = run.terminal("service", "logs", "get", "svc", "j", columns=300, env={"NO_COLOR": "1"}).out
    assert "\x1b" not in plain
    assert EVENT_LINE in plain.splitlines()
    assert run.terminal("service", "logs", "get", "svc", "j", "--raw", columns=9000).out.startswith(
        log_of("object").splitlines()[0]
    )
    # Colour that was asked for is no terminal.
    forced = run("service", "logs", "get", "svc", "j", env={"CLICOLOR_FORCE": "1"}).out
    assert forced == f"{log_of('object')}{EXIT_LINE}\n"


def test_an_exit_code_that_is_not_0_is_said_in_red(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.always("GET", f"{LIST}/j", text(f"{log_of('object')}{EXIT_LINE}\n"))
    server.always("GET", LIST, document({"jobs": {"j": {"status": "Succeeded", "exit_code": 3}}}))
    said = f'{RED}job "j": Succeeded (the script\'s exit code is 3){PLAIN}\n'
    assert said in run.terminal("service", "logs", "get", "svc", "j", "--follow").out
    words = ("service", "logs", "get", "svc", "j", "--script")
    assert run.terminal(*words).out == f"working\n{RED}the script's exit code is 3{PLAIN}\n"
    piped = run(*words)
    assert (piped.out, piped.err) == ("working\n", "the script's exit code is 3\n")


def test_the_last_line_end_is_the_supervisors_and_no_other() -> None:
    reader = LogReader()
    assert reader.of_script(["a", "", "", "b", ""]) == ["a", "", "", "b"]
    # More may come, and then that line was the script's.
    assert reader.of_script(["c", "", ""]) == ["", "c", ""]


def test_an_event_that_is_not_understood_stays_whole() -> None:
    line = LogReader().read("2026-06-12 09:00:04,001 - supervisor - INFO - event_records = {'odd': 1}")
    assert (line.event, line.speaker) == (None, "supervisor")


# -- waiting for jobs ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    cluster = open_cluster(tmp_path_factory.mktemp("script") / "data")
    cluster.create("say", 'echo "said: $(cat "$INPUT_FILE_PATH")"\nexit 3\n')
    yield cluster
    cluster.close()


def test_who_waits_for_a_job_may_see_the_scripts_words_alone(known: Caller) -> None:
    (known.home / "in.txt").write_text("hello")
    states = r'job "[^"]+": (Pending|Suspended|Running)\n'
    for words in (
        ("put-file", "say", known.home / "in.txt", "--wait", "--script", "--no-progress"),
        ("job", "say", "-i", "hello", "--wait", "--script"),
    ):
        result = known("service", *words)
        assert result.code == 0, result.err
        said = re.sub(states, "", result.err)
        assert re.fullmatch(r"said: hello\njob \"[^\"]+\": Succeeded \(the script's exit code is 3\)\n", said)


@pytest.mark.parametrize("words", [("put-file", "say", "x"), ("job", "say", "-i", "x")])
def test_without_waiting_there_is_no_log(call: Caller, words: tuple[str, ...]) -> None:
    result = call("service", *words, "--script")
    assert (result.code, result.err.splitlines()[0]) == (
        2,
        "Error: --script needs --wait: without it no log is shown",
    )
