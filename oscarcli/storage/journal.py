"""What is remembered of a large transfer until it is done, so that another run can go on with it.

A journal is a file of its own, locked by the process that does the transfer: a line of JSON that says what is
transferred, then a line for each piece that is done. A line that a killed process wrote half is no line. It
holds no secret, and nothing in it is trusted: the store, or the bytes on disk, are asked.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from oscarcli.config.private import OTHERS, make_private_folder
from oscarcli.polling import Poll

OWNER_ONLY = 0o600
SUFFIX = ".journal"
# After a week nobody goes on; most stores have dropped what was sent long before.
MAX_AGE_SECONDS = 7 * 24 * 3600
# One line per part of 10,000, of less than 100 bytes each.
MAX_JOURNAL_BYTES = 4 << 20

# How long to wait for another process that has a journal.
MAX_LOCK_SECONDS = 0.5
LOCK_POLL_SECONDS = 0.05

Kind = Literal["upload", "download"]


@dataclass(frozen=True)
class TransferIdentity:
    """What makes two runs the same transfer.

    Args:
        kind: the direction.
        place: the provider's address.
        bucket, key: the object.
        path: of the local file, a whole one.
    """

    kind: Kind
    place: str
    bucket: str
    key: str
    path: str

    @property
    def file_name(self) -> str:
        """The name of its journal."""
        parts = "\0".join((self.kind, self.place, self.bucket, self.key, self.path))
        return hashlib.sha256(parts.encode(errors="surrogateescape")).hexdigest()[:32] + SUFFIX


class Journal:
    """An open journal, which no other process writes to. Its methods may be called from several threads.

    Attributes:
        header: what an earlier run said of the transfer, empty when there was none.
        lines: what it said of each piece.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor: int | None = descriptor
        self._lock = threading.Lock()
        self.header, self.lines = _parsed(_content(descriptor))

    def begin(self, header: dict[str, Any]) -> None:
        """Forget what is in it and begin with another header."""
        self.header, self.lines = header, []
        with self._lock, suppress(OSError):
            if self._descriptor is not None:
                os.ftruncate(self._descriptor, 0)
                os.write(self._descriptor, _line(header))

    def add(self, *values: Any) -> None:
        """Append a line. A disk that takes none makes another run do more, and is no failure of this one."""
        with self._lock, suppress(OSError):
            if self._descriptor is not None:
                os.write(self._descriptor, _line(list(values)))

    def remove(self) -> None:
        """Forget the transfer."""
        with self._lock:
            if self._descriptor is not None:
                with suppress(OSError):
                    self._path.unlink()
        self.close()

    def leave(self) -> None:
        """Let another process have it; one of which nothing was begun is removed."""
        if self.header:
            self.close()
        else:
            self.remove()

    def close(self) -> None:
        """Let another process have it."""
        with self._lock:
            descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


class TransferJournals:
    """The journals of all transfers that were begun on this machine.

    Args:
        folder: where they are; it is made when needed.
        tell: told in passing that a transfer goes on, or why it does not.
        restart: whether what an earlier run left is forgotten.
    """

    def __init__(
        self, folder: Path, tell: Callable[[str], object] = lambda _text: None, *, restart: bool = False
    ) -> None:
        self.tell = tell
        self.restart = restart
        self._folder = folder

    def open(self, identity: TransferIdentity) -> Journal | None:
        """Return the journal of a transfer.

        Returns:
            `None` where none can be kept, or another process is at this transfer: it is done on its own then.
        """
        try:
            make_private_folder(self._folder)
            self._remove_stale()
            # One that was killed a moment ago may be on its way out.
            poll = Poll(LOCK_POLL_SECONDS, limit=MAX_LOCK_SECONDS)
            while (journal := _locked(self._folder / identity.file_name, create=True)) is None:
                if not poll.wait():
                    break
        except OSError:
            return None
        return journal

    def left(self) -> Iterator[tuple[dict[str, Any], Journal | None]]:
        """Yield the headers of all journals, and the journals, which the caller closes.

        The journal is `None` for a transfer that another process is at.
        """
        for path in self._paths():
            with suppress(OSError):
                # It may have been done with in between, or be none of ours.
                journal = _locked(path, create=False)
                header = _parsed(path.read_bytes())[0] if journal is None else journal.header
                yield header, journal

    def _paths(self) -> list[Path]:
        with suppress(OSError):
            return sorted(self._folder.glob(f"*{SUFFIX}"))
        return []

    def _remove_stale(self) -> None:
        oldest = time.time() - MAX_AGE_SECONDS
        for path in self._paths():
            with suppress(OSError):
                if path.stat().st_mtime < oldest and (journal := _locked(path, create=False)) is not None:
                    remove_part_file(journal.header)
                    journal.remove()


def remove_part_file(header: dict[str, Any]) -> None:
    """Remove what an interrupted download left beside its target, and nothing that took its place."""
    part = header.get("part")
    if not isinstance(part, dict) or header.get("kind") != "download":
        return
    with suppress(OSError, KeyError, TypeError, ValueError):
        path = Path(str(part["folder"])) / str(part["name"])
        status = path.lstat()
        if stat.S_ISREG(status.st_mode) and [status.st_dev, status.st_ino] == part["file"]:
            path.unlink()


def _locked(path: Path, *, create: bool) -> Journal | None:
    """Open and lock a journal; `None` when another process has it. Raises OSError."""
    import fcntl

    flags = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        descriptor = os.open(path, flags | (os.O_CREAT if create else 0), OWNER_ONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _require_ours(descriptor)
            if _is_at(path, descriptor):
                return Journal(path, descriptor)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        # Whoever had it was done with it, and has removed it in between.
        os.close(descriptor)


def _require_ours(descriptor: int) -> None:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & OTHERS:
        raise PermissionError


def _is_at(path: Path, descriptor: int) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    return False


def _content(descriptor: int) -> bytes:
    return os.pread(descriptor, MAX_JOURNAL_BYTES, 0)


def _line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _parsed(content: bytes) -> tuple[dict[str, Any], list[list[Any]]]:
    values: list[Any] = []
    # What stands behind the last end of line was not written to its end.
    for line in content.split(b"\n")[:-1]:
        with suppress(ValueError, RecursionError):
            values.append(json.loads(line))
    header = values[0] if values and isinstance(values[0], dict) else {}
    return header, [value for value in values[1:] if isinstance(value, list)] if header else []
