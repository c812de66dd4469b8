"""What the system allows this process: how many files may be open, and which limit an error speaks of."""

from __future__ import annotations

import errno
import os
import resource

# Modules that are imported meanwhile, look-ups of names, certificates that are read.
RESERVED_DESCRIPTORS = 4
# What is open when it cannot be counted: the standard streams and a few connections.
USUAL_DESCRIPTORS = 8
# The folder whose entries are this process's own open files, on Linux and macOS.
OPEN_FILES = "/dev/fd"

HINTS = {
    errno.EMFILE: "this process may have no more files open: 'ulimit -n' shows and raises the limit",
    errno.EFBIG: "this process may write no larger files: 'ulimit -f' shows and raises the limit",
    errno.ENOSPC: "make room, or write somewhere else",
    errno.EDQUOT: "make room, or write somewhere else",
}


def affordable(wanted: int, descriptors: int) -> int:
    """Return how many things that each keep files open may be done at the same time, at least one.

    Args:
        wanted: so many at most.
        descriptors: open files and connections of each.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return wanted
    free = limit - _count_open() - RESERVED_DESCRIPTORS
    return max(1, min(wanted, free // descriptors))


def _count_open() -> int:
    try:
        # One of them is that of this look itself.
        return len(os.listdir(OPEN_FILES)) - 1  # noqa: PTH208 -- names alone are wanted
    except OSError:
        return USUAL_DESCRIPTORS


def reason_of(error: OSError) -> str:
    """Return what went wrong, in the system's words."""
    return error.strerror or type(error).__name__


def hint_of(error: OSError) -> str | None:
    """Return what to do about a limit that was reached, `None` when it is none."""
    return HINTS.get(error.errno or 0)
