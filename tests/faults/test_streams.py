"""Readers that go away, disks that are full, Ctrl-C, and what --debug says."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Caller, Runner
from tests.support.daily import daily
from tests.support.server import Answer, ScriptedServer, document, text

LIST = "/system/services"
MANY = [{"name": f"service-{number}", "image": "i" * 200} for number in range(2000)]
SECRETS = ("s3cr3t-pass", "YWRhOnMzY3IzdC1wYXNz", "f" * 64)


@pytest.fixture
def run(world: dict[str, str]) -> Runner:
    """The real command as a user starts it."""
    return Runner(Path(world["HOME"]), world, may_fork=False)


def shell(run: Runner, command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail\n{command.replace('oscar-cli', f'{sys.executable} -m oscarcli')}"],
        env={**run.environ, **env},
        capture_output=True,
        text=True,
        check=False,
        cwd=run.home,
    )


@pytest.mark.parametrize(
    "words",
    daily(
        ["service list", "service list -o json", "service list -o yaml", "cluster list", "--help"],
        "service list -o json",
        "--help",
    ),
)
def test_a_reader_that_goes_away_ends_the_command_quietly(
    run: Runner, server: ScriptedServer, words: str
) -> None:
    run.know(server.url)
    if words.startswith("service"):
        server.expect("GET", LIST, document(MANY))
    done = shell(run, f"oscar-cli {words} | head -c 1")
    assert len(done.stdout) == 1
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    "words",
    daily(
        [
            "--help",
            "--version",
            "version",
            "cluster",
            "cluster --help",
            "cluster help",
            "cluster list --help",
            "cluster list",
            "service list -o json",
        ],
        "--version",
        "cluster help",
        "service list -o json",
    ),
)
def test_a_full_disk_is_an_error_and_not_a_traceback(run: Runner, server: ScriptedServer, words: str) -> None:
    run.know(server.url)
    if words.startswith("service"):
        server.expect("GET", LIST, document(MANY))
    done = shell(run, f"oscar-cli {words} > /dev/full")
    assert done.returncode == 1
    assert "cannot write the answer: No space left on device" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("closing", daily(["<&-", ">&-", "2>&-", "<&- >&- 2>&-"], ">&-"))
def test_closed_streams_do_not_crash_anything(run: Runner, closing: str) -> None:
    run.know("http://x")
    is_lost = ">&-" in closing.replace("2>&-", "")
    done = shell(run, f"oscar-cli cluster list {closing}")
    assert done.returncode == (1 if is_lost else 0)
    told = "Error: cannot write the answer: standard output is closed\n"
    assert done.stderr == (told if is_lost and "2>&-" not in closing else "")
    assert (done.stdout == "") == is_lost
    done = shell(run, f"oscar-cli cluster lst {closing}")
    assert done.returncode == 2


@pytest.mark.parametrize(
    "words",
    daily(
        ["--help", "--version", "cluster --help", "cluster list", "cluster list -o json"],
        "--help",
        "cluster list -o json",
    ),
)
def test_an_answer_that_nobody_can_get_is_a_failure_in_one_line(run: Runner, words: str) -> None:
    run.know("http://x")
    done = shell(run, f"oscar-cli {words} >&-")
    assert done.returncode == 1
    said = json.loads(done.stderr)["error"] if "json" in words else done.stderr
    assert "cannot write the answer: standard output is closed" in said
    assert len(done.stderr.splitlines()) == 1


def test_what_is_done_with_closed_streams_is_done_to_its_end(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    for name in ("a", "b"):
        server.expect("DELETE", f"{LIST}/{name}", Answer(204))
    done = shell(run, "oscar-cli service delete a b --yes <&- >&-")
    assert done.returncode == 1
    assert done.stderr == "Error: cannot write the answer: standard output is closed\n"
    # Nothing that is opened gets the number of a closed stream, so that no answer goes there.
    assert run.config.read_text().startswith("oscar:")


@pytest.mark.thorough
def test_a_comparison_that_cannot_be_written_does_not_tell_a_difference(
    run: Runner, server: ScriptedServer
) -> None:
    run.know(server.url)
    service = "{name: x, image: i, script: run.sh, cpu: '1', memory: 1Gi}"
    (run.home / "fdl.yaml").write_text(f"functions: {{oscar: [{{test: {service}}}]}}\n")
    (run.home / "run.sh").write_text("#!/bin/sh\n")
    server.always("GET", f"{LIST}/x", Answer(404))
    for stream in (">&-", "> /dev/full"):
        assert shell(run, f"oscar-cli diff fdl.yaml {stream}").returncode == 7


@pytest.mark.parametrize(
    "environ",
    [
        {"PYTHONIOENCODING": "ascii"},
        pytest.param(
            {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, marks=pytest.mark.thorough
        ),
    ],
)
def test_a_stream_without_umlauts_still_gets_the_answer(
    run: Runner, server: ScriptedServer, environ: dict[str, str]
) -> None:
    run.know(server.url)
    server.expect("GET", LIST, document([{"name": "größe ✓"}]))
    server.expect("DELETE", f"{LIST}/x", Answer(204))
    assert "gr\\xf6\\xdfe \\u2713" in run("service", "list", env=environ).out
    result = run("service", "delete", "x", env=environ)
    assert (result.code, result.out) == (0, '\\u2713 Removing service "x"\n')


def test_names_and_logs_with_escapes_never_reach_a_terminal(run: Runner, server: ScriptedServer) -> None:
    # Any way to start it will do.
    run = Runner(run.home, run.environ)
    run.know(server.url)
    evil = "x\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"
    server.always("GET", LIST, document([{"name": evil, "image": evil, "script": f"a\n{evil}\n"}]))
    server.always("GET", f"{LIST}/x", text(f"no {evil}", 500))
    server.always(
        "GET", "/system/logs/x", document({"jobs": {evil: {"status": evil, "creation_time": evil}}})
    )
    server.always("GET", "/system/logs/x/j", text(evil))
    for words in (
        ("service", "list"),
        ("service", "list", "-o", "json"),
        ("service", "list", "-o", "yaml"),
        ("service", "get", "x"),
        ("service", "logs", "list", "x"),
        ("service", "logs", "get", "x", "j"),
        ("service", evil),
        ("cluster", "info", "-c", evil),
    ):
        screen = run.terminal(*words).out
        # Our own colours are the only escapes.
        assert "\x1b" not in re.sub(r"\x1b\[[0-9;]*m", "", screen), words
        assert not set("\x07\x9b\u202e") & set(screen), words


@pytest.mark.parametrize(
    "words",
    [
        ("service", "list"),
        pytest.param(("service", "run", "x", "-i", "x"), marks=pytest.mark.thorough),
        pytest.param(("service", "logs", "get", "x", "j", "-f"), marks=pytest.mark.thorough),
    ],
)
def test_ctrl_c_during_a_request_is_quiet_and_130(
    run: Runner, server: ScriptedServer, wait_until: Callable[..., None], words: tuple[str, ...]
) -> None:
    run.know(server.url)
    server.always(
        "GET",
        LIST if words[1] == "list" else "/system/logs/x" if words[1] == "logs" else f"{LIST}/x",
        Answer(200, b"xx", stall_after=1),
    )
    process = run.start(*words)
    wait_until(lambda: bool(server.requests) or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"interrupted\n")


def test_ctrl_c_while_waiting_to_follow_is_quiet_too(
    run: Runner, server: ScriptedServer, wait_until: Callable[..., None]
) -> None:
    run.know(server.url)
    server.always("GET", "/system/logs/x", document({"jobs": {"j": {"status": "Running"}}}))
    server.always("GET", "/system/logs/x/j", text("line\n"))
    process = run.start("service", "logs", "get", "x", "j", "-f")
    wait_until(lambda: len(server.requests) > 3 or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"line\n", b"interrupted\n")


def test_debug_shows_requests_and_tracebacks_and_never_a_secret(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    service = {"name": "x", "token": "f" * 64, "clusters": {"c": {"auth_password": "s3cr3t-pass"}}}
    server.always("GET", f"{LIST}/x", document(service))
    server.always("GET", "/system/info", Answer(401))
    server.always("POST", "/run/x", Answer(500, b"{'broken"))
    server.always("GET", LIST, Answer(200, b"[", {"Content-Type": "application/json"}))
    wrong = call("service", "list", "--debug")
    assert wrong.code == 1
    assert f"debug: GET {server.url}{LIST}: 200" in wrong.err
    assert "Traceback (most recent call last)" in wrong.err
    assert "JSONDecodeError" in wrong.err
    for words in (
        ("service", "get", "x", "--debug"),
        ("service", "run", "x", "-i", "x", "--debug"),
        ("service", "run", "x", "-i", "x", "--debug", "-e", server.url, "-t", "f" * 64),
        ("cluster", "info", "--debug"),
        ("cluster", "add", "new", server.url, "ada", "s3cr3t-pass", "--debug"),
        ("service", "list", "--debug"),
    ):
        result = call(*words)
        for secret in SECRETS:
            assert secret not in result.out + result.err, words


def test_debug_does_not_quote_the_configurations_lines(call: Caller) -> None:
    call.write_config('oscar:\n  a:\n    auth_password: "s3cr3t-pass\n')
    result = call("cluster", "list", "--debug")
    assert (result.code, "Traceback" in result.err) == (3, True)
    assert "s3cr3t" not in result.err
    call.write_config("oscar:\n  a:\n    auth_password: *s3cr3t-pass\n")
    assert "s3cr3t" not in call("cluster", "list", "--debug").err


def test_without_debug_there_is_no_traceback_anywhere(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always("GET", LIST, Answer(200, b"[", {"Content-Type": "application/json"}))
    result = call("service", "list", "-v")
    assert "Traceback" not in result.err
    assert "debug:" not in result.err
