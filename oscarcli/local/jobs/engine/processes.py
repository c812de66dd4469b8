"""Finds and ends processes that a script left behind, by what only they have in their environment."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

PROC = Path("/proc")


def kill_marked(name: str, value: bytes, *, prefix: bool = False) -> int:
    """Kill every process of this user whose environment has the variable `name` with a given value.

    Args:
        name: the variable.
        value: its value.
        prefix: also match values that only begin with `value`.

    Returns:
        How many processes were killed; 0 on systems without /proc, where nothing is known for sure.
    """
    wanted = name.encode() + b"=" + value
    killed = 0
    for pid in _processes():
        if _has(pid, wanted, prefix) and _kill(pid, wanted, prefix):
            killed += 1
    return killed


def _processes() -> Iterator[int]:
    with suppress(OSError):
        for entry in os.scandir(PROC):
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                yield int(entry.name)


def _has(pid: int, wanted: bytes, prefix: bool) -> bool:
    try:
        variables = (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(variable.startswith(wanted) if prefix else variable == wanted for variable in variables)


def _kill(pid: int, wanted: bytes, prefix: bool) -> bool:
    """Kill a process, sure that the number still means the process that was looked at."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    except (OSError, AttributeError):
        # An old kernel or one that forbids it: between the look and the signal lie microseconds.
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            return True
        return False
    try:
        if not _has(pid, wanted, prefix):
            return False
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except OSError as error:
        log.debug("process %d could not be killed: %s", pid, error)
        return False
    finally:
        os.close(descriptor)
    return True
