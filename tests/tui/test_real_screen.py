"""The real command on a real terminal, and where there is none."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios

import pytest

from oscarcli.errors import OscarError
from tests.conftest import Runner
from tests.support.server import ScriptedServer, document

ENTER_FULL_SCREEN, LEAVE_FULL_SCREEN, SHOW_CURSOR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"


@pytest.fixture
def known(run: Runner, server: ScriptedServer) -> Runner:
    """A command that knows a cluster with one service."""
    server.always("GET", "/system/services", document([{"name": "grayify", "image": "an/image"}]))
    run.know(server.url)
    return run


@pytest.mark.parametrize(
    ("word", "answer", "code"),
    [("interactive", "q", 0), ("ui", "\x03", 130), ("ui", signal.SIGINT, 130), ("ui", signal.SIGTERM, -15)],
)
def test_it_shows_names_and_gives_the_terminal_back(
    known: Runner, word: str, answer: str | signal.Signals, code: int
) -> None:
    done = known.terminal(word, answers=[("grayify", answer)])
    assert done.code == code, done.out
    _, _, shown = done.out.partition(ENTER_FULL_SCREEN)
    shown, _, after = shown.rpartition(LEAVE_FULL_SCREEN)
    assert "grayify" in shown
    assert "test › services" in shown
    assert SHOW_CURSOR in after or SHOW_CURSOR in shown
    assert "Traceback" not in done.out


def test_it_ends_with_its_terminal(known: Runner) -> None:
    """A window that is closed leaves no program behind that nobody sees."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    command = [sys.executable, "-m", "oscarcli", "ui"]
    environ = {**known.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ)
    os.close(theirs)
    seen = b""
    while b"grayify" not in seen:
        seen += os.read(ours, 1 << 16)
    os.close(ours)
    assert process.wait(timeout=60) in (-signal.SIGHUP, 128 + signal.SIGHUP)


def test_without_a_terminal_it_is_a_mistake(run: Runner) -> None:
    done = run("interactive")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Error: the full-screen interface needs a terminal\nhint: in a script, ")


def test_without_clusters_it_tells_how_to_get_one(run: Runner) -> None:
    done = run.terminal("ui", env={"NO_COLOR": "1"})
    assert done.code == 3
    assert "Error: there are no clusters to look at\nhint: 'oscar-cli local start'" in done.out
    assert ENTER_FULL_SCREEN not in done.out


def test_a_cluster_that_is_not_on_record_is_told_before_the_screen_opens(run: Runner) -> None:
    run.know("http://127.0.0.1:9")
    done = run.terminal("ui", "-c", "tset", env={"NO_COLOR": "1"})
    assert done.code == 3
    assert 'Error: the cluster "tset" doesn\'t exist\nhint: did you mean test?' in done.out


def test_without_the_extra_it_tells_how_to_install_it() -> None:
    from oscarcli.tui.requirements import require_library

    require_library("textual", "the full-screen interface")
    with pytest.raises(OscarError) as caught:
        require_library("no_such_library", "the full-screen interface")
    assert caught.value.message == "the full-screen interface needs the library no-such-library"
    assert caught.value.hint == 'install it with: pip install "oscar-cli[tui]"'
