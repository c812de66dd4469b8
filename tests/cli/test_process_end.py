"""The end of the process: its code, and what happens before it although what was made is not destroyed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from oscarcli import __version__
from tests.support.command import Outcome, Runner

LISTED = "test (http://a) (Default)\n"
# Tells when the interpreter destroys what the program left.
WITNESS = """
class Witness:
    def __del__(self):
        os.write(2, b"destroyed\\n")
witness = Witness()
"""


@pytest.fixture
def run(world: dict[str, str]) -> Runner:
    """A user with a cluster on record."""
    runner = Runner(Path(world["HOME"]), world, may_fork=False)
    runner.know("http://a")
    return runner


def ended(run: Runner, prelude: str, *words: str, out: int = subprocess.PIPE) -> Outcome:
    """Run the program behind some lines, in a process in which nothing else waits for the end."""
    script = f"import os, sys\n{prelude}\nsys.argv = ['oscar-cli', *{list(words)!r}]\n"
    script += "from oscarcli.__main__ import main\nmain()\n"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=dict(run.environ),
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return Outcome(done.returncode, done.stdout or "", done.stderr)


@pytest.mark.parametrize(
    ("words", "code", "out", "err"),
    [
        (("--version",), 0, f"oscar-cli {__version__}\n", ""),
        (("cluster", "list"), 0, LISTED, ""),
        (("cluster", "default", "--set", "b"), 3, "", "Error: "),
        (("cluster", "fly"), 2, "", "Error: "),
    ],
)
def test_a_process_ends_with_its_code_before_all_is_destroyed(
    run: Runner, words: tuple[str, ...], code: int, out: str, err: str
) -> None:
    result = ended(run, WITNESS, *words)
    assert (result.code, result.out, result.err[:7]) == (code, out, err)
    assert "destroyed" not in result.err


def test_threads_and_functions_for_the_end_come_before_it(run: Runner) -> None:
    prelude = """
import threading
from oscarcli.cli.kit.session import Session
def work():
    threading.main_thread().join()
    os.write(1, b"thread\\n")
def close(session):
    import atexit
    atexit.register(os.write, 1, b"function\\n")
    threading.Thread(target=work).start()
    sys.stdout.write("left in the buffer\\n")
Session.close = close
"""
    result = ended(run, WITNESS + prelude, "cluster", "list")
    assert result == Outcome(0, LISTED + "thread\nfunction\nleft in the buffer\n", "")


def test_what_cannot_be_written_at_the_end_is_told(run: Runner) -> None:
    prelude = """
from oscarcli.cli.kit.session import Session
Session.close = lambda session: sys.stdout.write("late")
"""
    with Path("/dev/full").open("w") as full:
        result = ended(run, prelude, "cluster", "fly", out=full.fileno())
    # What Python itself ends with in that case.
    assert result.code == 120
    assert "No space left on device" in result.err


def test_a_tool_that_waited_for_the_end_before_is_called(run: Runner) -> None:
    tool = "import atexit\natexit.register(os.write, 1, b'measured\\n')\n"
    result = ended(run, tool, "cluster", "list")
    assert result == Outcome(0, LISTED + "measured\n", "")
