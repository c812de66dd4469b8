"""A program that is asked for something: run without a shell, within limits of time and size."""

from __future__ import annotations

import atexit
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from oscarcli.login.deferred_signals import finished_before_the_end

# No token is as long: servers take headers of 8 to 64 KiB.
MAX_OUTPUT_BYTES = 64 << 10
# How long one that is to end may put its things in order.
GRACE_SECONDS = 1.0
# How long output is waited for when the program has ended and something it started still holds the pipes.
LINGER_SECONDS = 0.5
# How often to look whether it has ended although its pipes are open.
LOOK_SECONDS = 0.1

# Also what threads have started that are left behind.
_running: list[_Started] = []


class OutputTooLargeError(Exception):
    """The program printed more than anybody wants."""


@dataclass(frozen=True)
class ProcessResult:
    """What a program left behind.

    Attributes:
        code: its exit code; the negative number of the signal that ended it.
        out: what it printed; it may hold a secret.
        err: the last of what it said on standard error.
    """

    code: int
    out: bytes = field(repr=False)
    err: bytes = field(repr=False)


def run(
    argv: Sequence[str], *, seconds: float, environ: Mapping[str, str] | None = None, may_ask: bool = False
) -> ProcessResult:
    """Run a program to its end.

    Args:
        argv: the program and its arguments.
        seconds: how long it may take.
        environ: its environment variables; this program's if omitted.
        may_ask: whether it gets the terminal, to ask a person. It then stays in this program's own process
            group, for only that may read from a terminal; else it has one for itself and what it starts.

    Raises:
        TimeoutError: it took too long; it was ended, with all of its own group.
        OutputTooLargeError: it printed too much; it was ended likewise.
        OSError: it cannot be started.
        ValueError: an argument holds a NUL.
    """
    deadline = time.monotonic() + seconds
    started: list[_Started] = []
    try:
        # An interrupt in the middle of it would leave a program that nobody knows of.
        with finished_before_the_end():
            started.append(_start(argv, environ, may_ask=may_ask))
        process = started[0].process
        out, err = _outputs(process, deadline)
        code = process.wait(timeout=max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        started[0].end()
        raise TimeoutError from error
    except BaseException:
        for one in started:
            one.end()
        raise
    finally:
        for one in started:
            one.forget()
    return ProcessResult(code, out, err)


def end_all() -> None:
    """End all that still run: a thread that asks may be left behind when this program ends."""
    for one in tuple(_running):
        one.end()


atexit.register(end_all)


def _start(argv: Sequence[str], environ: Mapping[str, str] | None, *, may_ask: bool) -> _Started:
    process = subprocess.Popen(
        argv,
        stdin=None if may_ask else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
        start_new_session=not may_ask,
    )
    return _Started(process, has_group=not may_ask)


class _Started:
    """A program that runs, known to `end_all` until it is forgotten.

    Args:
        process: it.
        has_group: whether it has a group for itself and what it starts.
    """

    def __init__(self, process: subprocess.Popen[bytes], *, has_group: bool) -> None:
        self.process = process
        self._has_group = has_group
        _running.append(self)

    def forget(self) -> None:
        """Take note that it has ended."""
        _running.remove(self)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def end(self) -> None:
        """End it, with its group when it has one: kindly first, then at once."""
        self._send(signal.SIGTERM)
        # A stopped one hears nothing else.
        self._send(signal.SIGCONT)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=GRACE_SECONDS)
        self._send(signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=GRACE_SECONDS)

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if self._has_group:
                os.killpg(self.process.pid, number)
            else:
                self.process.send_signal(number)


def _outputs(process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bytes]:
    """Return what comes on both pipes until they end, or until the program has ended for a while."""
    assert process.stdout is not None
    assert process.stderr is not None
    kept = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    out, err = kept.values()
    ended_at: float | None = None
    with selectors.DefaultSelector() as selector:
        for descriptor in kept:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            now = time.monotonic()
            if ended_at is None and process.poll() is not None:
                ended_at = now
            if ended_at is not None and now - ended_at > LINGER_SECONDS:
                break
            if now > deadline:
                raise TimeoutError
            for key, _events in selector.select(min(LOOK_SECONDS, deadline - now)):
                piece = os.read(key.fd, MAX_OUTPUT_BYTES)
                kept[key.fd] += piece
                if not piece:
                    selector.unregister(key.fd)
            if len(out) > MAX_OUTPUT_BYTES:
                raise OutputTooLargeError
            del err[:-MAX_OUTPUT_BYTES]
    return bytes(out), bytes(err)
