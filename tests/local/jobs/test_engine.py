"""The host engine: what a script gets, and that nothing of it is left."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from oscarcli.local.jobs.engine import execution
from oscarcli.local.jobs.engine.base import RunCancellation, RunCancelled, ScriptCommand
from oscarcli.local.jobs.engine.host import HostEngine
from oscarcli.local.jobs.engine.launcher import Launcher
from oscarcli.local.jobs.engine.processes import kill_marked
from tests.local.harness import wait_for

Run = Callable[..., tuple[int, bytes]]
# glibc's posix_spawn leaves the two signals that it keeps for itself.
GLIBCS = 1 << 31 | 1 << 32


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(script: str, cancellation: RunCancellation | None = None) -> tuple[int, bytes]:
        path = tmp_path / "script.sh"
        path.write_text(script)
        marker = ("TMP_OUTPUT_DIR", os.fsencode(tmp_path / "out"))
        environment = {"PATH": os.environ["PATH"].encode(), "ODD": b"\xff", marker[0]: marker[1]}
        printed: list[bytes] = []
        command = ScriptCommand(str(path), tmp_path, environment, marker)
        code = HostEngine().run(command, printed.append, cancellation or RunCancellation())
        return code, b"".join(printed)

    return run


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A killed process may still wait to be reaped by init.
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def pid_in(path: Path) -> int:
    pid: int = wait_for(lambda: path.exists() and path.read_text().strip() and int(path.read_text()), "a pid")
    return pid


def test_output_and_exit_code_come_back(run: Run) -> None:
    assert run("echo out; echo err >&2; read -r x || echo 'no input'; exit 5") == (5, b"out\nerr\nno input\n")


def test_a_signal_becomes_a_code_like_the_shells(run: Run) -> None:
    assert run("kill -9 $$")[0] == 137


def test_the_script_gets_only_its_own_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "1")
    names = {line.split(b"=")[0] for line in run("env")[1].splitlines()}
    assert names <= {b"PATH", b"ODD", b"TMP_OUTPUT_DIR", b"PWD", b"OLDPWD", b"SHLVL", b"_"}


def test_the_end_of_the_output_is_waited_for_as_the_supervisor_does(run: Run) -> None:
    assert run("(sleep 0.2; echo late) & echo first") == (0, b"first\nlate\n")


def test_a_script_that_closes_its_output_is_waited_for_too(run: Run, tmp_path: Path) -> None:
    assert run("exec > /dev/null 2>&1; sleep 0.1; echo x > done; exit 3") == (3, b"")
    assert (tmp_path / "done").exists()


def test_processes_left_behind_are_killed(run: Run, tmp_path: Path) -> None:
    run("sleep 60 > /dev/null 2>&1 & echo $! > pid")
    wait_for(lambda: not alive(pid_in(tmp_path / "pid")), "the process to be gone")


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_processes_that_left_the_group_are_killed_too(run: Run, tmp_path: Path) -> None:
    script = (
        "import os, sys; os.setsid(); open('pid', 'w').write(str(os.getpid())); import time; time.sleep(60)"
    )
    run(f'python3 -c "{script}" > /dev/null 2>&1 & while [ ! -s pid ]; do sleep 0.01; done')
    wait_for(lambda: not alive(pid_in(tmp_path / "pid")), "the process to be gone")


DAEMON = """env -i setsid /bin/sh -c 'cd /; (echo $$ > %s/pid; exec /bin/sleep 60) & wait' > /dev/null 2>&1 &
while [ ! -s %s/pid ]; do sleep 0.01; done
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux has subreapers")
def test_a_process_that_hides_from_its_script_ends_with_it(run: Run, tmp_path: Path) -> None:
    script = DAEMON.replace("%s", str(tmp_path))
    assert run(script)[0] == 0
    assert not alive(pid_in(tmp_path / "pid"))
    # Its parent is gone before the script is, so it belongs to nobody.
    orphan = f"( {script} ) & wait; rm {tmp_path}/pid; ( {script} )\nkill -9 $$"
    assert run(orphan)[0] == 137
    assert not alive(pid_in(tmp_path / "pid"))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux has subreapers")
def test_another_run_keeps_its_processes(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    script = other / "script.sh"
    script.write_text(
        DAEMON.replace("%s", str(other)) + "while [ ! -e go ]; do sleep 0.01; done; kill -0 $(cat pid)"
    )
    codes: list[int] = []
    command = ScriptCommand(str(script), other, {"PATH": os.environ["PATH"].encode()}, ("OTHER", b"1"))
    thread = threading.Thread(
        target=lambda: codes.append(HostEngine().run(command, lambda _: None, RunCancellation()))
    )
    thread.start()
    hidden = pid_in(other / "pid")
    run(DAEMON.replace("%s", str(tmp_path)))
    assert alive(hidden)
    (other / "go").touch()
    thread.join()
    assert codes == [0]
    assert not alive(hidden)


def test_a_reaper_that_was_killed_is_replaced(run: Run) -> None:
    # The guard is the script's parent, the reaper that of the guard.
    status = run("cut -d' ' -f4 /proc/$PPID/stat")[1] if Path("/proc/self/stat").exists() else b""
    if status:
        os.kill(int(status), 9)
        wait_for(lambda: not alive(int(status)), "the reaper's end")
    assert run("echo again") == (0, b"again\n")


def test_words_that_come_too_late_are_not_for_the_next_run(tmp_path: Path) -> None:
    launcher = Launcher()
    parents = set()
    for code in range(3):
        words = ["/bin/sh", "-c", f"echo $PPID; exit {code}"]
        script = launcher.launch(tmp_path, words, {})
        parents.add(os.read(script.output, 100))
        while not script.has_ended:
            script.hear()
        script.terminate()
        script.kill()
        assert script.finish() == code
    # All of them were guarded by the same process.
    assert len(parents) == 1


RUN_IN_ODD_SIGNALS = """
import signal, sys
from pathlib import Path
from oscarcli.local.jobs.engine.base import RunCancellation
from oscarcli.local.jobs.engine.execution import Program, execute

signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
words = ["/bin/grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"]
execute(Program(words, Path(sys.argv[1]), {}, ("A", b"")), sys.stdout.buffer.write, RunCancellation())
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_a_script_ignores_nothing_that_its_server_does_and_no_socket_is_left_open(tmp_path: Path) -> None:
    words = [sys.executable, "-W", "error", "-c", RUN_IN_ODD_SIGNALS, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, check=True)
    found = dict(line.split(":") for line in done.stdout.decode().splitlines())
    assert {name: int(value, 16) & ~GLIBCS for name, value in found.items()} == {"SigBlk": 0, "SigIgn": 0}
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("variable", "value", "error"),
    [("BIG", b"x" * (1 << 22), OSError), ("NUL", b"a\0b", ValueError), ("A=B", b"", ValueError)],
)
def test_what_cannot_be_started_says_why(
    tmp_path: Path, variable: str, value: bytes, error: type[Exception]
) -> None:
    command = ScriptCommand(str(tmp_path / "script.sh"), tmp_path, {variable: value}, ("A", b"1"))
    with pytest.raises(error, match=r"too long|null byte|variable name"):
        HostEngine().run(command, lambda _: None, RunCancellation())


def test_a_script_gets_the_usual_signals_and_no_descriptors(run: Run) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc")
    # The last one is that of the listing itself.
    assert run("ls /proc/self/fd | tr '\\n' ' '") == (0, b"0 1 2 3 ")
    ignored = int(run("grep SigIgn /proc/self/status")[1].split()[1], 16)
    assert ignored & ~GLIBCS == 0


def test_a_cancelled_script_gets_term_and_nothing_of_it_is_left(run: Run, tmp_path: Path) -> None:
    cancellation = RunCancellation()

    def cancel_when_running() -> None:
        pid_in(tmp_path / "pid")
        cancellation.cancel("enough")

    watcher = threading.Thread(target=cancel_when_running)
    watcher.start()
    with pytest.raises(RunCancelled, match="enough"):
        run("trap 'echo x > trapped; exit 0' TERM; sleep 60 & echo $! > pid; wait", cancellation)
    watcher.join()
    assert (tmp_path / "trapped").exists()
    wait_for(lambda: not alive(pid_in(tmp_path / "pid")), "the process to be gone")


def test_a_script_that_ignores_term_is_killed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "GRACE_SECONDS", 0.1)
    cancellation = RunCancellation()

    def cancel_when_running() -> None:
        pid_in(tmp_path / "pid")
        cancellation.cancel("enough")

    watcher = threading.Thread(target=cancel_when_running)
    watcher.start()
    began = time.monotonic()
    with pytest.raises(RunCancelled):
        run("trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done", cancellation)
    watcher.join()
    assert time.monotonic() - began < 30
    assert not alive(pid_in(tmp_path / "pid"))


def test_a_run_cancelled_before_it_begins_does_not_begin(run: Run, tmp_path: Path) -> None:
    cancellation = RunCancellation()
    cancellation.cancel("never mind")
    with pytest.raises(RunCancelled):
        run("echo x > begun", cancellation)
    assert not (tmp_path / "begun").exists()


def test_only_the_first_reason_counts_and_listeners_are_told_once() -> None:
    cancellation = RunCancellation()
    told: list[str] = []
    cancellation.notify(lambda: told.append("first"))
    forgotten = lambda: told.append("forgotten")  # noqa: E731
    cancellation.notify(forgotten)
    cancellation.forget(forgotten)
    cancellation.cancel("one")
    cancellation.cancel("two")
    cancellation.notify(lambda: told.append("late"))
    assert (cancellation.reason, told) == ("one", ["first", "late"])


def test_a_process_with_another_mark_is_left_alone(tmp_path: Path) -> None:
    assert kill_marked("TMP_OUTPUT_DIR", os.fsencode(tmp_path) + b"/", prefix=True) == 0
