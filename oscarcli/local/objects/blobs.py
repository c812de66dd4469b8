"""Files that hold the bytes of objects.

A blob is written once under a name nobody else uses, made durable, and only then named by a row of the
index. So it needs no temporary name: until the row is committed the file is an orphan, and orphans are what
`sweep` removes. That saves a rename and a second journal commit for every upload.

A blob of up to `MAX_SMALL_BYTES` never becomes a file: the transaction that names it stores its bytes too.

Names of files are random, never derived from keys, and spread over 256 folders.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from io import FileIO
from pathlib import Path
from types import TracebackType

from oscarcli.local.objects.model import Readable

# Large enough that a system call costs nothing beside the copying, small enough for many threads at once.
BLOCK_BYTES = 1 << 18
# Up to here a row of the database costs less than a file; SQLite's own measurements say 100 kB.
MAX_SMALL_BYTES = 1 << 16
# Keeps those of one moment apart; where it begins, those of another process, too.
_serial = itertools.count(secrets.randbits(62))
_SHARDS = [f"{number:02x}" for number in range(256)]


class Draft:
    """A blob being written. As a context manager it is removed again unless `keep` was called.

    The file is created when there are more bytes than a small blob has; `small` are the bytes until then.
    """

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._file: FileIO | None = None
        self.small = b""
        self._kept = False
        # Given with the file, or when it is known that there will be none.
        self.name = ""
        self.size = 0

    def receive(self, stream: Readable) -> None:
        """Take in everything that a stream gives, and `seal` it.

        Raises OSError, and what the stream raises.
        """
        while block := stream.read(BLOCK_BYTES):
            self.write(block)
        self.seal()

    def write(self, data: bytes) -> None:
        """Append `data`. Raises OSError, for example for a full disk."""
        if not data:
            return
        self.size += len(data)
        if self._file is None:
            data = self.small + data
            if self.size <= MAX_SMALL_BYTES:
                self.small = data
                return
            self.small = b""
            self.name = uuid.uuid4().hex
            self._file = self._blobs.open_new(self.name)
        left = memoryview(data)
        # A file that meets a full disk takes a part first and fails only when asked again.
        while left:
            left = left[self._file.write(left) :]

    def seal(self) -> None:
        """Make the bytes and the name survive a power cut. Raises OSError."""
        if self._file is None:
            self.name = ordered_identifier()
            return
        os.fsync(self._file.fileno())
        self._file.close()
        self._blobs.fsync_folder(self.name)

    def keep(self) -> None:
        """The index names this blob now."""
        self._kept = True

    def __enter__(self) -> Draft:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        with contextlib.suppress(OSError):
            self._file.close()
        self._blobs.finished(self.name, keep=self._kept)


def ordered_identifier() -> str:
    """Return a new name above all earlier ones: rows in their order fill one page after the other."""
    return f"{time.time_ns():016x}{next(_serial):016x}"


class Blobs:
    """The folder of all blobs.

    Args:
        folder: created when absent, with its 256 subfolders.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._drafts: set[str] = set()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for shard in _SHARDS:
            (folder / shard).mkdir(mode=0o700, exist_ok=True)
        _fsync_folder(folder)

    def path(self, name: str) -> Path:
        """Return where the blob is."""
        return self._folder / name[:2] / name

    def draft(self) -> Draft:
        """Start a new blob."""
        return Draft(self)

    def open(self, name: str) -> FileIO:
        """Open a blob for reading, unbuffered. Raises FileNotFoundError when it is gone."""
        return self.path(name).open("rb", buffering=0)

    def open_new(self, name: str) -> FileIO:
        """Create the file of a draft."""
        with self._lock:
            self._drafts.add(name)
        return self.path(name).open("xb", buffering=0)

    def link(self, name: str) -> Draft | None:
        """Return a sealed draft with the same bytes as the blob `name`, or None where links do not work."""
        linked = uuid.uuid4().hex
        with self._lock:
            self._drafts.add(linked)
        try:
            os.link(self.path(name), self.path(linked))
        except OSError:
            self.finished(linked, keep=False)
            return None
        self.fsync_folder(linked)
        return _LinkedDraft(self, linked)

    def fsync_folder(self, name: str) -> None:
        """Make the name of a blob durable."""
        _fsync_folder(self.path(name).parent)

    def finished(self, name: str, *, keep: bool) -> None:
        """A draft is over; unless kept, its file is removed."""
        if not keep:
            self.remove([name])
        with self._lock:
            self._drafts.discard(name)

    def remove(self, names: Iterable[str]) -> None:
        """Delete blobs that no row names any more. One that cannot be deleted now is left to `sweep`."""
        for name in names:
            with contextlib.suppress(OSError):
                self.path(name).unlink()

    def sweep(self, named: Callable[[str, str], set[str]]) -> int:
        """Delete files that are neither a draft nor named by the index; returns how many.

        Args:
            named: `named(start, stop)` gives the blobs the index names in that range.
        """
        removed = 0
        for shard in _SHARDS:
            # The folder is listed before the index is asked: a blob that is committed in between was a
            # draft when it was listed, or is named by now.
            found = {path.name for path in (self._folder / shard).iterdir()}
            with self._lock:
                found -= self._drafts
            if not found:
                continue
            orphans = found - named(shard, shard + "~")
            self.remove(orphans)
            removed += len(orphans)
        return removed


class _LinkedDraft(Draft):
    """A draft whose file exists already as a second name of a blob."""

    def __init__(self, blobs: Blobs, name: str) -> None:
        super().__init__(blobs)
        self.name = name

    def seal(self) -> None:
        return

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._blobs.finished(self.name, keep=self._kept)


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
