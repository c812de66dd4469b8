"""Programs in environments of their own: installed once, for all clones, and used where they are there."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "oscar-cli-tests"
PYTHON = f"py{sys.version_info[0]}.{sys.version_info[1]}"
MAX_STEP_SECONDS = 300.0


@dataclass(frozen=True)
class ProgramEnvironment:
    """An environment of Python.

    Args:
        name: of the program, with its version.
        module: the one that installs it, by `python -m`.
        steps: what pip is told to install, one call after another.
    """

    name: str
    module: str
    steps: Sequence[Sequence[str]]

    @property
    def folder(self) -> Path:
        """Where it is: it belongs to a version of Python."""
        return CACHE / f"{self.name}-{PYTHON}"

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.folder / "bin" / "python")

    @property
    def is_installed(self) -> bool:
        """Whether it is there, and was finished."""
        return self._stamp.exists()

    @property
    def reason(self) -> str:
        """Why a test is left out that needs it."""
        return f"{self.name} is not installed here; 'python -m {self.module}' does that"

    @property
    def _stamp(self) -> Path:
        # Written last.
        return self.folder / "installed"

    def install(self) -> None:
        """Install it unless it is there. Raises CalledProcessError, TimeoutExpired, OSError."""
        CACHE.mkdir(parents=True, exist_ok=True)
        with (CACHE / f"{self.folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.is_installed:
                return
            pip = [self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            _run([sys.executable, "-m", "venv", "--clear", str(self.folder)])
            for words in self.steps:
                _run([*pip, *words])
            self._stamp.touch()


def _run(words: Sequence[str]) -> None:
    subprocess.run(words, check=True, timeout=MAX_STEP_SECONDS)
