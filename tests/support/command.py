"""The program as tests call it: a process, on a pseudo-terminal, or, where many calls are made, in here."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from tests.support import forked

COMMAND = (sys.executable, "-m", "oscarcli")
# Generous, for a busy machine: no test passes or fails by it, it only ends a hung one.
PATIENCE = 120.0


@dataclass(frozen=True)
class Outcome:
    """What a run of the program left behind; `raw` is what `out` was decoded from."""

    code: int
    out: str
    err: str
    raw: bytes = b""


@dataclass(frozen=True)
class World:
    """An isolated HOME, configuration and environment."""

    home: Path
    environ: Mapping[str, str]

    @property
    def config(self) -> Path:
        """The configuration file of this world."""
        return self.home / ".oscar-cli" / "config.yaml"

    @property
    def journals(self) -> list[Path]:
        """What this world remembers of transfers that were interrupted."""
        return list((self.home / ".cache" / "oscar-cli" / "transfers").glob("*"))

    def write_config(self, text: str, path: Path | None = None) -> Path:
        """Write a configuration file with the mode the program wants."""
        path = path or self.config
        path.parent.mkdir(mode=0o700, exist_ok=True, parents=True)
        path.write_bytes(text.encode())
        path.chmod(0o600)
        return path

    def know(self, endpoint: str, identifier: str = "test") -> None:
        """Let a cluster with this endpoint be the only one on record, and the default."""
        self.write_config(
            f"oscar:\n  {identifier}:\n    endpoint: {endpoint}\n    auth_user: ada\n"
            f"    auth_password: s3cr3t-pass\n    ssl_verify: true\ndefault: {identifier}\n"
        )


@dataclass(frozen=True)
class Runner(World):
    """Runs the real command in a process of its own.

    `runner("cluster", "list", input="...", env={...})` gives an `Outcome`; `terminal(...)` the same on a
    pseudo-terminal; `start(...)` a running process for tests that interrupt it.

    Attributes:
        may_fork: whether the process may be a fork of one that has imported the program: ten times as quick.
            False where how Python starts is what a test is about.
    """

    may_fork: bool = True

    def __call__(
        self,
        *words: str | Path,
        input: str | bytes = "",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Outcome:
        data = input.encode() if isinstance(input, str) else input
        with self.start(*words, env=env, cwd=cwd) as process:
            try:
                out, err = process.communicate(data, timeout=PATIENCE)
            finally:
                process.kill()
        return _outcome(process.returncode, out, err)

    def start(
        self, *words: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Start the command and return its process, with pipes on all three streams."""
        return self._started(words, subprocess.PIPE, {**self.environ, **(env or {})}, cwd or self.home)

    def terminal(
        self,
        *words: str | Path,
        answers: Sequence[tuple[str, str | signal.Signals]] = (),
        env: Mapping[str, str] | None = None,
        columns: int = 100,
    ) -> Outcome:
        """Run the command on a pseudo-terminal; both streams come back as `out`.

        Args:
            words: the command line.
            answers: pairs of a text to wait for and what to type then, or a signal to send.
            env: variables to add.
            columns: the terminal's width.
        """
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        environ = {**self.environ, "TERM": "xterm-256color", **(env or {})}
        process = self._started(words, slave, environ, self.home, start_new_session=True)
        os.close(slave)
        try:
            screen = _screen(master, process, list(answers))
            code = process.wait(timeout=PATIENCE)
        finally:
            process.kill()
            os.close(master)
        return Outcome(code, screen.replace("\r\n", "\n"), "")

    def _started(
        self,
        words: Sequence[str | Path],
        streams: int,
        environ: Mapping[str, str],
        cwd: Path,
        start_new_session: bool = False,
    ) -> subprocess.Popen[bytes]:
        arguments = [str(word) for word in words]
        if self.may_fork and forked.can_run(environ):
            return forked.ForkedProcess(
                arguments, streams=streams, env=environ, cwd=cwd, start_new_session=start_new_session
            )
        return subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=streams,
            stdout=streams,
            stderr=streams,
            env=environ,
            cwd=cwd,
            start_new_session=start_new_session,
        )


def _screen(
    master: int, process: subprocess.Popen[bytes], answers: list[tuple[str, str | signal.Signals]]
) -> str:
    """Read what appears on a terminal until the program ends, and type the answers on cue."""
    seen = b""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if not select.select([master], [], [], 1.0)[0]:
            continue
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        seen += data
        if answers and answers[0][0] in seen.decode(errors="replace"):
            _answer(master, process, answers.pop(0)[1])
    return seen.decode(errors="replace")


def _answer(master: int, process: subprocess.Popen[bytes], answer: str | signal.Signals) -> None:
    if isinstance(answer, signal.Signals):
        process.send_signal(answer)
    else:
        os.write(master, answer.encode())


@dataclass(frozen=True)
class Caller(World):
    """Calls the program inside the test's own process: the same words and outcome as `Runner`, but fast."""

    def __call__(
        self,
        *words: str | Path,
        input: str | bytes = "",
        env: Mapping[str, str] | None = None,
    ) -> Outcome:
        from oscarcli.cli.app import main
        from tests.support import command_groups

        command_groups.make_once()
        data = input.encode() if isinstance(input, str) else input
        out, err = _stream(), _stream()
        # The coverage tool, if there is one, and threads look things up in the real environment.
        with (
            mock.patch.dict(os.environ, {**self.environ, **(env or {})}, clear=True),
            mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(data))),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            code = 0
            try:
                main([str(word) for word in words])
            except SystemExit as ending:
                code = int(ending.code or 0)
        return _outcome(code, _content(out), _content(err))


def _outcome(code: int, out: bytes, err: bytes) -> Outcome:
    return Outcome(code, out.decode(errors="replace"), err.decode(), out)


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")


def _content(stream: io.TextIOWrapper) -> bytes:
    stream.flush()
    content = stream.buffer
    assert isinstance(content, io.BytesIO)
    return content.getvalue()
