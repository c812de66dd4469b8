"""A lock for one login: a refresh token may be good once, and whoever uses it again ends the login."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from oscarcli.config.private import make_private_folder
from oscarcli.polling import Poll

OWNER_ONLY = 0o600
# How long to wait for another process, which may wait for a provider; then it goes on without.
LOCK_SECONDS = 60.0
LOCK_POLL_SECONDS = 0.05


@contextmanager
def login_lock(places: Sequence[Path]) -> Iterator[None]:
    """Let no other process change or use a login.

    Args:
        places: files to lock, in order; the first that can be opened is taken, and stays. Where none can,
            there is no lock.
    """
    descriptor = next((opened for place in places if (opened := _opened(place)) is not None), None)
    if descriptor is None:
        yield
        return
    try:
        _wait_for(descriptor)
        yield
    finally:
        os.close(descriptor)


def _opened(place: Path) -> int | None:
    try:
        if not place.parent.exists():
            make_private_folder(place.parent)
        return os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, OWNER_ONLY)
    except OSError:
        return None


def _wait_for(descriptor: int) -> None:
    import fcntl

    poll = Poll(LOCK_POLL_SECONDS, limit=LOCK_SECONDS)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if not poll.wait():
                return
        except OSError:
            # A file system without locks.
            return
