"""Real shells on a pseudo-terminal: a person types, presses Tab and looks at the screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import pytest

from tests.support.command import World

PATIENCE = 120.0
PROMPT = "READY> "
# Colours, cursor movements, titles and queries that shells write.
CONTROLS = re.compile(
    r"\x1b\[[0-9;?<>=]*[ -/]*[a-zA-Z@~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()=>78cHMPk\\][B0]?|\r"
)
# Without a terminal of its own Fish does not start.
LAUNCH = (
    "import fcntl, os, sys, termios;"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)
CLEAR_LINE = b"\x15"
# How each shell is started, and what it is told so that it completes.
SETUPS = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-i"],
        "bind 'set enable-bracketed-paste off'; source <(oscar-cli completion bash); PS1='{}''{}'",
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        "autoload -Uz compinit; compinit -u -D; source <(oscar-cli completion zsh); PS1='{}''{}'",
    ),
    "fish": (
        ["fish", "--no-config", "-i"],
        "oscar-cli completion fish | source; function fish_prompt; echo -n '{}''{}'; end",
    ),
}


class Shell:
    """A shell with completion loaded.

    Args:
        words: how to start it, interactive and without the user's own files.
        setup: what it is told first; the last of it has to set the prompt.
        environ: its variables.
        folder: where it works.
    """

    def __init__(self, words: list[str], setup: str, environ: Mapping[str, str], folder: Path) -> None:
        if shutil.which(words[0]) is None:
            pytest.skip(f"no {words[0]} here")
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**environ, "TERM": "xterm"},
            cwd=folder,
            start_new_session=True,
        )
        os.close(slave)
        self._seen = ""
        os.write(self._master, setup.encode() + b"\n")
        self.wait_for(PROMPT)

    def __enter__(self) -> Shell:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._master)

    def tab(self, line: str, wanted: str) -> str:
        """Type a line and Tab, wait for a text, empty the line again, and return the screen."""
        self._seen = ""
        os.write(self._master, line.encode() + b"\t")
        if self._comes("\a", wanted) != wanted:
            # Where several words fit, Bash rings a bell at the first Tab and lists them at the second.
            os.write(self._master, b"\t")
        screen = self.wait_for(wanted)
        os.write(self._master, CLEAR_LINE)
        return screen

    def wait_for(self, wanted: str) -> str:
        """Return the screen once it has this text."""
        self._comes(wanted)
        return CONTROLS.sub("", self._seen)

    def _comes(self, *texts: str) -> str:
        """Wait until one of some texts is on the screen, and return the last of these that is."""
        deadline = time.monotonic() + PATIENCE
        while True:
            screen = CONTROLS.sub("", self._seen)
            found = [text for text in texts if text in screen]
            if found:
                return found[-1]
            assert time.monotonic() < deadline, f"none of {texts} came: {screen!r}"
            if select.select([self._master], [], [], 0.1)[0]:
                self._seen += os.read(self._master, 65536).decode(errors="replace")


@contextmanager
def completing_shell(name: str, world: World, variables: Mapping[str, str]) -> Iterator[Shell]:
    """Yield a shell of SETUPS with completion loaded, in the home of a world.

    Args:
        name: of the shell.
        world: whose variables it has.
        variables: more of them.
    """
    words, setup = SETUPS[name]
    programs = world.home / "bin"
    programs.mkdir(exist_ok=True)
    program = programs / "oscar-cli"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m oscarcli "$@"\n')
    program.chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    environ = {**world.environ, **variables, "PATH": path, "PYTHONPATH": str(Path(__file__).parents[2])}
    # The prompt is written in two parts, so that the echo of the command does not look like it.
    with Shell(words, setup.format(PROMPT[:3], PROMPT[3:]), environ, world.home) as started:
        yield started
