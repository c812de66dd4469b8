"""Runs the command-line programs of engines for everything but scripts: questions, pulls, clearing up."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence

from oscarcli.local.images.model import ImageError

# A question is answered in a fraction of a second, also on a busy machine.
ANSWER_SECONDS = 30.0
_MAX_MESSAGE = 500
# What Docker's client says after each of its errors, in two versions.
_PREFIX = re.compile(r"^(?:Error|ERROR|FATAL) *:")
_ADVICE = re.compile(r"(?:Run|See) '.* --help'")


class ClientError(Exception):
    """A program of an engine failed; the text is what it said."""


class EngineProgram:
    """The program of an engine.

    Args:
        words: its path, and arguments that go before all others.
        variables: what it gets besides the environment of this process.
    """

    def __init__(self, words: Sequence[str], variables: Mapping[str, str] | None = None) -> None:
        self.words = tuple(words)
        self.variables = dict(variables or {})
        self._lock = threading.Lock()
        self._pulls: set[subprocess.Popen[str]] = set()
        self._is_stopped = False

    def environment(self) -> dict[str, str]:
        """Return the program's environment."""
        return {**os.environ, **self.variables}

    def ask(self, *arguments: str, timeout: float = ANSWER_SECONDS, data: bytes | None = None) -> str:
        """Return what the program prints, on its standard error if there is nothing else.

        Args:
            arguments: its arguments.
            timeout: seconds after which it is ended.
            data: its standard input.

        Raises:
            ClientError: it failed, or took too long.
        """
        try:
            done = subprocess.run(
                [*self.words, *arguments],
                input=b"" if data is None else data,
                capture_output=True,
                timeout=timeout,
                env=self.environment(),
                check=False,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired as error:
            raise ClientError(f"it did not end within {timeout:.0f} s") from error
        except OSError as error:
            raise ClientError(error.strerror or str(error)) from error
        if done.returncode:
            raise ClientError(last_line(done.stderr) or f"it ended with exit code {done.returncode}")
        return (done.stdout or done.stderr).decode("utf-8", "replace")

    def pull(
        self,
        arguments: Sequence[str],
        progress: Callable[[str], None],
        variables: Mapping[str, str] | None = None,
    ) -> str:
        """Run the program for as long as it takes; return the last line it prints.

        Args:
            arguments: its arguments.
            progress: told each line, of both streams.
            variables: more of its environment.

        Raises:
            ImageError: it failed.
        """
        try:
            process = subprocess.Popen(
                [*self.words, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**self.environment(), **(variables or {})},
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise ImageError(str(error)) from error
        with self._lock:
            self._pulls.add(process)
            if self._is_stopped:
                process.terminate()
        lines = []
        with process:
            for line in process.stdout or ():
                if line.strip():
                    lines.append(line.strip())
                    progress(lines[-1])
        with self._lock:
            self._pulls.discard(process)
        if process.returncode:
            raise ImageError(last_line("\n".join(lines).encode()) or "the program said nothing")
        return lines[-1] if lines else ""

    def stop(self) -> None:
        """End all pulls, and those that are begun from now on."""
        with self._lock:
            self._is_stopped = True
            for process in self._pulls:
                process.terminate()


def last_line(output: bytes) -> str:
    """Return the line that says what went wrong: the last `Error` or `FATAL`, or the last one."""
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines()]
    lines = [line for line in lines if line and not _ADVICE.match(line)]
    errors = [line for line in lines if line.lower().startswith(("error", "fatal"))]
    text = (errors or lines or [""])[-1]
    return _PREFIX.sub("", text).strip()[:_MAX_MESSAGE]
