"""What every test of the program needs: the real command, in a world of its own."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

COMMAND = (sys.executable, "-m", "oscarcli")
# Generous, for a busy machine: no test passes or fails by it, it only ends a hung one.
PATIENCE = 120.0


@dataclass(frozen=True)
class Outcome:
    """What a run of the program left behind."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Runner:
    """Runs the real command in a process with an isolated HOME, configuration and environment.

    `runner("cluster", "list", input="...", env={...})` gives an `Outcome`; `terminal(...)` the same on a
    pseudo-terminal; `start(...)` a running process for tests that interrupt it.
    """

    home: Path
    environ: Mapping[str, str]

    @property
    def config(self) -> Path:
        """The configuration file of this world."""
        return self.home / ".oscar-cli" / "config.yaml"

    def __call__(
        self,
        *words: str | Path,
        input: str | bytes = "",  # noqa: A002 -- named as in subprocess.run
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Outcome:
        data = input.encode() if isinstance(input, str) else input
        done = subprocess.run(
            [*COMMAND, *map(str, words)],
            input=data,
            capture_output=True,
            timeout=PATIENCE,
            env={**self.environ, **(env or {})},
            cwd=cwd or self.home,
            check=False,
        )
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(
        self, *words: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Start the command and return its process, with pipes on all three streams."""
        return subprocess.Popen(
            [*COMMAND, *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**self.environ, **(env or {})},
            cwd=cwd or self.home,
        )

    def terminal(
        self,
        *words: str | Path,
        answers: Sequence[tuple[str, str]] = (),
        env: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Run the command on a pseudo-terminal; both streams come back as `out`.

        Args:
            words: the command line.
            answers: pairs of a text to wait for and what to type then.
            env: variables to add.
        """
        master, slave = pty.openpty()
        process = subprocess.Popen(
            [*COMMAND, *map(str, words)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**self.environ, "TERM": "xterm-256color", "COLUMNS": "100", **(env or {})},
            cwd=self.home,
            start_new_session=True,
        )
        os.close(slave)
        screen = _screen(master, list(answers))
        code = process.wait(timeout=PATIENCE)
        os.close(master)
        return Outcome(code, screen.replace("\r\n", "\n"), "")


def _screen(master: int, answers: list[tuple[str, str]]) -> str:
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
            os.write(master, answers.pop(0)[1].encode())
    return seen.decode(errors="replace")


@pytest.fixture
def world(tmp_path: Path) -> dict[str, str]:
    """Environment variables of an isolated world: nothing of the machine's user reaches the program."""
    home = tmp_path / "home"
    home.mkdir()
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
        "PYTHONWARNINGS": "error",
        "PYTHONDEVMODE": "0",
        # A keyring of this machine must never be asked.
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }


@pytest.fixture
def run(world: dict[str, str]) -> Runner:
    """The real command."""
    return Runner(Path(world["HOME"]), world)


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Return a function that waits for a condition, and fails the test when it never comes."""

    def wait(condition: Callable[[], bool], seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "the condition never came"
            time.sleep(0.02)

    return wait


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tests in this process speak to loopback alone, whatever the machine's proxy settings."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    yield
