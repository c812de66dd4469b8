"""Runs scripts as plain processes of this machine, each in a process group of its own."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

from oscarcli.local.jobs.engine.base import Cancellation, Cancelled, Command
from oscarcli.local.jobs.engine.processes import kill_marked

READ_BLOCK = 1 << 16
# Between asking a script to stop and making it.
GRACE_SECONDS = 2.0
# After KILL the kernel closes what the processes held; a pipe still open then is held by somebody else.
LAST_READ_SECONDS = 1.0
POLL_SECONDS = 0.01


class HostEngine:
    """Runs scripts with `/bin/sh` and the rights of the user who started the cluster."""

    name = "host"

    def run(self, command: Command, output: Callable[[bytes], None], cancellation: Cancellation) -> int:
        """Run a script to its end; see `Engine.run`."""
        cancellation.check()
        process = subprocess.Popen(
            ["/bin/sh", str(command.script)],
            cwd=command.folder,
            env={name.encode(): value for name, value in command.environment.items()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _Watch(process, output, cancellation).until_end()
        finally:
            _end_group(process)
            kill_marked(*command.marker)
        if cancellation.reason is not None:
            raise Cancelled(cancellation.reason)
        return process.returncode if process.returncode >= 0 else 128 - process.returncode

    def differences(self, image: str) -> str:
        """Return one sentence: how a run differs from one on a real cluster."""
        return (
            f"the local cluster runs the script on this machine with your rights; the image {image} "
            "and the limits of memory and cpu are not used"
        )


class _Watch:
    """Reads what a process prints until it ends or has to stop."""

    def __init__(
        self, process: subprocess.Popen[bytes], output: Callable[[bytes], None], cancellation: Cancellation
    ) -> None:
        self._process = process
        self._output = output
        self._cancellation = cancellation
        self._wake_read, self._wake_write = os.pipe()
        self._kill_at: float | None = None
        self._give_up_at: float | None = None

    def until_end(self) -> None:
        """Pass on output until its end, as the supervisor does, then wait for the process."""
        self._cancellation.notify(self._wake)
        try:
            while not self._over() and self._read():
                pass
            while not _has_ended(self._process) and not self._over():
                time.sleep(POLL_SECONDS)
        finally:
            self._cancellation.forget(self._wake)
            for descriptor in (self._wake_read, self._wake_write):
                os.close(descriptor)
            if self._process.stdout is not None:
                self._process.stdout.close()

    def _wake(self) -> None:
        os.write(self._wake_write, b"!")

    def _over(self) -> bool:
        """Move a stop on: TERM first, KILL after the grace, and no waiting for ever after that."""
        now = time.monotonic()
        if self._cancellation.reason is None:
            return False
        if self._kill_at is None:
            self._kill_at = now + GRACE_SECONDS
            _signal_group(self._process, signal.SIGTERM)
        elif self._give_up_at is None and now >= self._kill_at:
            self._give_up_at = now + LAST_READ_SECONDS
            _signal_group(self._process, signal.SIGKILL)
        return self._give_up_at is not None and now >= self._give_up_at

    def _read(self) -> bool:
        """Read what there is, waiting for it. False at the end of the output."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if self._kill_at is None:
            poll.register(self._wake_read, select.POLLIN)
        ready = [number for number, _ in poll.poll(None if self._kill_at is None else POLL_SECONDS * 1000)]
        if descriptor not in ready:
            return True
        data = os.read(descriptor, READ_BLOCK)
        if data:
            self._output(data)
        return bool(data)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Tell whether the process ended, leaving it unreaped where possible so that its number stays its own."""
    if process.returncode is not None:
        return True
    if not hasattr(os, "waitid"):
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    # The script leads its group, so the group's number is its pid.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the group, then take the script's exit code."""
    _signal_group(process, signal.SIGKILL)
    process.wait()
