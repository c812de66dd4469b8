"""Tokens that a command prints: real little programs, and every way they can fail."""

from __future__ import annotations

import base64
import json
import os
import pty
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oscarcli.errors import AuthError
from oscarcli.login.command import CommandSource
from tests.conftest import Runner, ScriptedServer
from tests.support.command import COMMAND
from tests.support.server import document, text

WaitUntil = Callable[[Callable[[], bool]], None]
SECRET = "s3cr3t-access-token"


def jwt(**claims: object) -> str:
    parts = [{"alg": "RS256"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Return a function that writes a shell script and returns the command that runs it."""

    def write(body: str, interpreter: str = "/bin/sh", mode: int = 0o700) -> str:
        place = tmp_path / "give token"
        place.write_text(f"#!{interpreter}\n{body}\n")
        place.chmod(mode)
        return shlex.quote(str(place))

    return write


def failing(command: str, seconds: float = 60.0) -> AuthError:
    with pytest.raises(AuthError) as caught:
        CommandSource(command, seconds=seconds).fetch()
    shown = f"{caught.value.message} {caught.value.hint}"
    assert SECRET not in shown
    assert caught.value.message.isprintable()
    assert caught.value.hint
    return caught.value


def test_what_it_prints_is_the_token(script: Callable[[str], str]) -> None:
    token = CommandSource(script(f"echo a remark >&2; printf ' %s \\n\\n' {SECRET}")).fetch()
    assert (token.value, token.expires_at) == (SECRET, None)


def test_a_json_web_token_tells_its_own_end(script: Callable[[str], str]) -> None:
    token = CommandSource(script(f"echo {jwt(exp=4102444800)}")).fetch()
    assert token.expires_at == 4102444800


def test_words_are_parted_as_in_a_shell_but_no_shell_sees_them(tmp_path: Path) -> None:
    code = "import sys; print('-'.join(sys.argv[1:]))"
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} $HOME 'a;b' *"
    assert CommandSource(command).fetch().value == "$HOME-a;b-*"


def test_standard_input_is_empty(script: Callable[[str], str]) -> None:
    assert CommandSource(script("read line; echo got-${line:-nothing}")).fetch().value == "got-nothing"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("", "names no program"),
        ("   ", "names no program"),
        ("''", "names no program"),
        ("echo 'a", "no closing quotation"),
        ("echo \\", "no escaped character"),
        ("oscar-no-such-program AT", "there is no such program"),
        ("/nowhere/program AT", "there is no such program"),
        ("/etc AT", "it is not executable"),
        ("echo a\x00b", "a character that no command can have"),
    ],
)
def test_a_command_that_cannot_be_run_is_told(command: str, reason: str) -> None:
    assert reason in failing(command).message


def test_a_file_that_is_no_program_is_told(script: Callable[..., str], tmp_path: Path) -> None:
    assert "it is not executable" in failing(script("echo", mode=0o600)).message
    assert "its first line names is not there" in failing(script("echo", interpreter="/nowhere/sh")).message
    other = tmp_path / "other"
    other.write_bytes(b"\x7fELF" + b"\0" * 100)
    other.chmod(0o700)
    assert "Exec format error" in failing(str(other)).message


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("echo first >&2; echo the last line >&2; exit 3", "exit code 3: the last line"),
        ("printf 'progress\\rno such profile\\n\\n' >&2; exit 1", "exit code 1: no such profile"),
        ("exit 4", "exit code 4 and said nothing"),
        ("kill -TERM $$", "ended by SIGTERM and said nothing"),
        ("exit 0", "it printed nothing"),
        ("echo '   '; echo log in first >&2", "it printed nothing, and said: log in first"),
        ("echo two words", "something else than a token"),
        ("echo one; echo two", "it printed 2 lines"),
        ("printf 't\\303\\266k'", "something else than a token"),
        ("printf 'a\\000b'", "something else than a token"),
        ("yes", "it printed more than 64 KiB"),
        ("yes >&2", "it took longer than 1 s"),
        (f"echo {SECRET}; echo the token {SECRET} is over >&2; exit 1", "the token *** is over"),
        (f"echo {SECRET}; printf '{SECRET[:-3]} and {SECRET[4:]}' >&2; exit 1", "*** and ***"),
        ("printf '\\033[31mbad\\033[0m\\n' >&2; exit 1", "exit code 1: [31mbad [0m"),
    ],
)
def test_a_program_that_gives_no_token_is_told(script: Callable[[str], str], body: str, reason: str) -> None:
    assert reason in failing(script(body), seconds=1 if ">&2" in body and "yes" in body else 60).message


def test_a_last_line_without_end_is_cut(script: Callable[[str], str]) -> None:
    assert len(failing(script("head -c 300000 /dev/zero | tr '\\0' x >&2; exit 1")).message) < 500


def test_arguments_are_not_shown() -> None:
    assert "false" in failing(f"false --password {SECRET}").message


def is_alive(number: int) -> bool:
    """Tell whether a process runs; one that ended and that nobody asked for yet does not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_after_the_time_it_is_ended_with_all_that_it_started(
    script: Callable[[str], str], tmp_path: Path, wait_until: WaitUntil
) -> None:
    # The shell and what it started both ignore the kind request.
    command = script(f"trap '' TERM; sleep 600 & echo $! $$ > '{tmp_path}/numbers'; wait; sleep 600")
    assert "it took longer than 2 s" in failing(command, seconds=2).message
    numbers = [int(number) for number in (tmp_path / "numbers").read_text().split()]
    wait_until(lambda: not any(map(is_alive, numbers)))


def test_what_it_leaves_behind_does_not_hold_the_command(
    script: Callable[[str], str], tmp_path: Path
) -> None:
    # As when it starts an agent that goes on by itself and has its pipes.
    command = script(f"sleep 600 & echo $! > '{tmp_path}/number'; echo {SECRET}")
    started = time.monotonic()
    assert CommandSource(command, seconds=60).fetch().value == SECRET
    assert time.monotonic() - started < 30
    number = int((tmp_path / "number").read_text())
    assert is_alive(number)
    os.kill(number, signal.SIGKILL)


def know(run: Runner, endpoint: str, command: str) -> None:
    run.write_config(
        f"oscar:\n  test:\n    endpoint: {endpoint}\n    token_command: {json.dumps(command)}\n"
        "    ssl_verify: true\ndefault: test\n"
    )


def test_a_cluster_logs_in_with_it(run: Runner, server: ScriptedServer, script: Callable[[str], str]) -> None:
    know(run, server.url, script(f"echo {SECRET}"))
    server.expect("GET", "/system/services", document([]))
    outcome = run("service", "list")
    assert (outcome.code, outcome.err) == (0, "There are no services in the cluster\n")
    assert server.requests[0].headers["authorization"] == f"Bearer {SECRET}"


def test_after_a_refusal_it_is_run_once_more(
    run: Runner, server: ScriptedServer, script: Callable[[str], str], tmp_path: Path
) -> None:
    know(run, server.url, script(f"echo x >> '{tmp_path}/runs'; echo token-$(wc -l < '{tmp_path}/runs')"))
    server.expect("GET", "/system/services", text("", 401))
    server.expect("GET", "/system/services", document([]))
    assert run("service", "list").code == 0
    assert [request.headers["authorization"] for request in server.requests] == [
        "Bearer token-1",
        "Bearer token-2",
    ]


def test_a_command_that_fails_is_one_line_and_a_hint(
    run: Runner, server: ScriptedServer, script: Callable[[str], str]
) -> None:
    know(run, server.url, script("echo 'no such profile' >&2; exit 1"))
    outcome = run("service", "list")
    assert (outcome.code, outcome.out) == (4, "")
    assert "exit code 1: no such profile" in outcome.err
    assert "hint: run the command by hand" in outcome.err
    assert server.requests == []


def test_ctrl_c_ends_both(
    run: Runner, server: ScriptedServer, script: Callable[[str], str], tmp_path: Path, wait_until: WaitUntil
) -> None:
    place = tmp_path / "number"
    know(run, server.url, script(f"echo $$ > '{place}.new'; mv '{place}.new' '{place}'; exec sleep 600"))
    process = run.start("service", "list")
    wait_until(place.exists)
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in err
    wait_until(lambda: not is_alive(int(place.read_text())))


def test_an_interrupt_while_it_is_started_leaves_nothing_behind(
    script: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, wait_until: WaitUntil
) -> None:
    numbers: list[int] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            numbers.append(self.pid)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        CommandSource(script("exec sleep 600")).fetch()
    wait_until(lambda: not is_alive(*numbers))


def test_ctrl_c_while_a_new_cluster_is_looked_at_ends_both(
    run: Runner, server: ScriptedServer, script: Callable[[str], str], tmp_path: Path, wait_until: WaitUntil
) -> None:
    # It is run by a thread that the program leaves behind.
    place = tmp_path / "number"
    command = script(f"echo $$ > '{place}.new'; mv '{place}.new' '{place}'; exec sleep 600")
    process = run.start("cluster", "add", "test", server.url, "--token-command", command, "--timeout", "60")
    wait_until(place.exists)
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=60)
    assert (process.returncode, b"Traceback" in err) == (130, False)
    wait_until(lambda: not is_alive(int(place.read_text())))


def test_at_a_terminal_it_may_ask(run: Runner, server: ScriptedServer, script: Callable[[str], str]) -> None:
    body = "printf 'PIN: ' >&0; read pin; test \"$pin\" = 1234 && echo token-of-the-pin"
    know(run, server.url, script(body))
    server.expect("GET", "/system/services", document([]))
    outcome = run.terminal("service", "list", answers=[("PIN: ", "1234\n")])
    assert outcome.code == 0
    assert server.requests[0].headers["authorization"] == "Bearer token-of-the-pin"


def test_ctrl_c_at_a_terminal_ends_both(
    run: Runner, server: ScriptedServer, script: Callable[[str], str], tmp_path: Path, wait_until: WaitUntil
) -> None:
    if shutil.which("setsid") is None:
        pytest.skip("no setsid, which gives a command a terminal of its own")
    know(run, server.url, script(f"echo $$ > '{tmp_path}/number'; printf 'PIN: ' > /dev/tty; read pin"))
    master, slave = pty.openpty()
    words = ["setsid", "--ctty", "--wait", *COMMAND, "service", "list"]
    process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, env=dict(run.environ))
    os.close(slave)
    shown = b""
    while b"PIN: " not in shown:
        shown += os.read(master, 1024)
    # The terminal sends the signal to all that runs there.
    os.write(master, b"\x03")
    assert process.wait(60) == 130
    os.close(master)
    wait_until(lambda: not is_alive(int((tmp_path / "number").read_text())))


def test_adding_a_cluster_does_not_leave_a_slow_one_behind(
    run: Runner, server: ScriptedServer, script: Callable[[str], str], tmp_path: Path, wait_until: WaitUntil
) -> None:
    # The look at a new cluster ends after three seconds, whatever still runs.
    command = script(f"echo $$ > '{tmp_path}/number'; exec sleep 600")
    outcome = run("cluster", "add", "test", server.url, "--token-command", command)
    assert outcome.code == 0
    wait_until(lambda: not is_alive(int((tmp_path / "number").read_text())))
    assert stat.S_IMODE(run.config.stat().st_mode) == 0o600


def test_a_tab_does_not_run_it_but_uses_a_token_that_is_kept(
    run: Runner, server: ScriptedServer, script: Callable[[str], str], tmp_path: Path
) -> None:
    know(run, server.url, script(f"echo x >> '{tmp_path}/runs'; echo {jwt(exp=4102444800)}"))
    # Else a busy machine knows no names either.
    patience = {"OSCAR_CLI_COMPLETION_SECONDS": "60"}
    assert "cowsay" not in run("__complete", "service", "get", "", env=patience).out
    assert not (tmp_path / "runs").exists()
    for _ in range(2):
        server.expect("GET", "/system/services", document([{"name": "cowsay"}]))
    assert run("service", "list").code == 0
    assert "cowsay" in run("__complete", "service", "get", "", env=patience).out
    assert (tmp_path / "runs").read_text() == "x\n"
