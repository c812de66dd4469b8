"""One mounted folder: objects become files before a script, and what it changed becomes objects after it.

All jobs that mount the same objects share the folder, as they share the bucket on a real cluster. What is in
it is fetched once, and again only when it has changed.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from oscarcli.local.folder import remove_tree
from oscarcli.local.jobs.mounts.index import MountedFile, MountIndex
from oscarcli.local.jobs.mounts.objects import MountedObject, MountedObjects
from oscarcli.local.jobs.mounts.schema import MountError, Note
from oscarcli.local.jobs.mounts.tree import FILE_MODE, FileState, FileTree, FoundFile, is_being_written
from oscarcli.local.objects.errors import S3Error

FILES, DRAFTS = "files", "drafts"
# Of the files that could not be stored; the log has all of them.
MAX_NAMED = 3
# Of one part of a path; Linux and macOS take no more.
MAX_NAME_BYTES = 255


class MountedFolder:
    """A folder of this machine with the objects below a prefix in it.

    Args:
        name: the folder's, in the index.
        home: the folder in which its files are.
        index: what is known of the files.
        objects: the objects.
        read_only: whether scripts only read; what they change is undone and not stored.
    """

    def __init__(
        self, name: str, home: Path, index: MountIndex, objects: MountedObjects, *, read_only: bool
    ) -> None:
        self.root = home / FILES
        self._name = name
        self._home = home
        self._index = index
        self._objects = objects
        self._read_only = read_only
        self._tree = FileTree(self.root, home / DRAFTS)
        self._lock = threading.Lock()
        self._users = 0
        self._is_gone = False

    def enter(self, note: Note, check: Callable[[], None]) -> int | None:
        """Bring the folder up to date for a job that begins.

        Args:
            note: the job's log.
            check: called for each file that is fetched; an exception from it ends the work.

        Returns:
            The time in ns from which on changes are this job's, or those of jobs beside it; `None` when the
            folder has been discarded, so that another one is needed.

        Raises:
            MountError: the files cannot be had.
        """
        with self._lock, _failing("the mounted files cannot be fetched"):
            if self._is_gone:
                return None
            if not self._users:
                if self.root.is_dir() and not self._read_only:
                    # What an earlier job left could not be stored then. This one has nothing to do with it.
                    self._store_changes(note, self._now() + 1)
                self._begin()
            self._fetch_changes(note, check)
            self._users += 1
            return self._now()

    def _now(self) -> int:
        """Return the time in ns by which the file system dates changes.

        On Linux that is milliseconds behind the clock: what a quick script writes would be older than it.
        """
        os.utime(self._home)
        return self._home.stat().st_ctime_ns

    def leave(self, note: Note, since: int) -> None:
        """Store what has changed.

        Args:
            note: the job's log.
            since: what `enter` returned.

        Raises:
            MountError: a file that has changed since then cannot be stored; it stays, and is tried again.
        """
        with self._lock:
            self._users -= 1
            if not self._read_only:
                with _failing("the mounted files cannot be stored"):
                    self._store_changes(note, since)

    def discard(self) -> bool:
        """Store what is left, and remove the folder unless a job has it; tell whether it was removed.

        Raises:
            MountError: something cannot be stored; the folder stays.
        """
        with self._lock:
            if self._users or self._is_gone:
                return False
            with _failing("the mounted files cannot be stored"):
                self._store_leftovers()
            self._index.remove(self._name)
            remove_tree(self._home)
            self._is_gone = True
            return True

    def store_leftovers(self) -> None:
        """Store what jobs changed that nobody saw the end of. Raises MountError."""
        with self._lock, _failing("the mounted files cannot be stored"):
            self._store_leftovers()

    def _store_leftovers(self) -> None:
        if self.root.is_dir() and not self._read_only and self._objects.exist():
            self._store_changes(_no_note, 0)

    def _begin(self) -> None:
        if not self.root.is_dir():
            # Somebody has removed it: that is no script that has deleted all files.
            self._index.record(self._name, {}, self._index.files(self._name))
        self._tree.create()

    # -- objects to files ------------------------------------------------------------------------

    def _fetch_changes(self, note: Note, check: Callable[[], None]) -> None:
        known = self._index.files(self._name)
        fetched: dict[str, MountedFile] = {}
        present = set()
        try:
            for name, record in self._objects.all():
                present.add(name)
                if not _is_path(name):
                    note("WARNING", f"the object {name!r} cannot be a file and is not in the mounted folder")
                elif not name or name.endswith("/"):
                    self._make_folder(name, note)
                elif self._is_outdated(name, record, known.get(name)):
                    check()
                    file = self._fetch(name, note)
                    if file is not None:
                        fetched[name] = file
        finally:
            self._index.record(self._name, fetched)
        self._remove_gone(known, known.keys() - present)
        if self._read_only and not self._users:
            self._remove_strangers(present)

    def _remove_gone(self, known: Mapping[str, MountedFile], gone: Collection[str]) -> None:
        for name in gone:
            status = self._tree.status(name)
            # What was changed meanwhile is a new file now.
            if status is not None and FileState.of(status) == known[name].state:
                self._tree.remove(name)
        self._index.record(self._name, {}, gone)

    def _remove_strangers(self, present: Collection[str]) -> None:
        """Remove what a script put into a folder of which it may only read."""
        others: list[str] = []
        names = [file.name for file in self._tree.walk(others.append)]
        for name in (*names, *others):
            if name not in present:
                self._tree.remove(name)

    def _make_folder(self, name: str, note: Note) -> None:
        """Make the folder that an object stands for, whose name ends with a slash; the root is there."""
        if name:
            with _passing_over(name, note):
                self._tree.make_folder(name.rstrip("/"))

    def _is_outdated(self, name: str, record: MountedObject, known: MountedFile | None) -> bool:
        if self._read_only:
            # Whatever a script did to it is undone.
            status = self._tree.status(name)
            is_same = known is not None and status is not None and FileState.of(status) == known.state
            return not is_same or known is None or known.content != record.content
        if known is not None and known.content == record.content:
            return False
        status = self._tree.status(name)
        if status is None or (known is not None and FileState.of(status) == known.state):
            return True
        # Both have changed: the later one counts, as in the bucket of a real cluster.
        return status.st_ctime_ns < record.modified_ns

    def _fetch(self, name: str, note: Note) -> MountedFile | None:
        record = self._objects.find(name)
        if record is None:
            return None
        found: list[MountedObject] = []

        def fill(target: BinaryIO) -> None:
            found.append(self._objects.read(name, target))

        with _passing_over(name, note):
            state = self._tree.put(name, fill, record.modified_ns)
            return MountedFile(found[0].content, state)
        return None

    # -- files to objects ------------------------------------------------------------------------

    def _store_changes(self, note: Note, since: int) -> None:
        known = self._index.files(self._name)
        failures: list[str] = []
        present = set()
        for file in self._tree.walk(lambda name: _note_no_file(name, note)):
            present.add(file.name)
            row = known.get(file.name)
            if row is not None and row.state == FileState.of(file.status):
                continue
            try:
                self._store(file, row, note)
            except FileNotFoundError:
                continue
            except (S3Error, OSError) as error:
                note("ERROR", f"the mounted file {file.name!a} cannot be stored: {_reason(error)}")
                if file.status.st_ctime_ns >= since:
                    failures.append(f"{file.name!a}: {_reason(error)}")
        for name in known.keys() - present:
            if self._tree.status(name) is None:
                self._objects.remove(name, known[name].content)
                self._index.record(self._name, {}, [name])
        if failures:
            more = f"; and {len(failures) - MAX_NAMED} more" if len(failures) > MAX_NAMED else ""
            raise MountError(f"mounted files could not be stored: {'; '.join(failures[:MAX_NAMED])}{more}")

    def _store(self, file: FoundFile, known: MountedFile | None, note: Note) -> None:
        with file.open() as source:
            if is_being_written(source):
                # By another job, at whose end it is complete.
                return
            state = FileState.of(os.fstat(source.fileno()))
            there = self._objects.find(file.name)
            if there is not None and known is not None and there.content == known.content:
                there = None
            if there is not None and there.size == state.size and self._objects.equals(file.name, source):
                self._index.record(self._name, {file.name: MountedFile(there.content, state)})
                return
            if there is not None and there.modified_ns > file.status.st_ctime_ns:
                note("WARNING", f"the mounted file {file.name!a} is not stored: a later one is in the bucket")
                return
            with contextlib.suppress(OSError):
                os.fchmod(source.fileno(), FILE_MODE)
            source.seek(0)
            record = self._objects.write(file.name, source)
        self._index.record(self._name, {file.name: MountedFile(record.content, state)})


def _is_path(name: str) -> bool:
    """Tell whether a name can be one below the folder, and nowhere else: stores take more than disks."""
    if not name:
        return True
    parts = name.removesuffix("/").split("/")
    is_fit = all(part not in ("", ".", "..") and len(os.fsencode(part)) <= MAX_NAME_BYTES for part in parts)
    return is_fit and "\0" not in name


def _note_no_file(name: str, note: Note) -> None:
    note(
        "WARNING",
        f"{name!a} in the mounted folder is no file and not stored; a real cluster refuses to make it",
    )


def _no_note(level: str, message: str) -> None:
    """Take a line for the log of no job."""


def _reason(error: S3Error | OSError) -> str:
    return error.message if isinstance(error, S3Error) else str(error.strerror or error)


@contextlib.contextmanager
def _passing_over(name: str, note: Note) -> Iterator[None]:
    """Pass over an object that cannot be a file, because another one is a folder or a file of its name."""
    try:
        yield
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        note("WARNING", f"the object {name!a} is not in the mounted folder: {error.strerror}")


@contextlib.contextmanager
def _failing(what: str) -> Iterator[None]:
    try:
        yield
    except (S3Error, OSError) as error:
        raise MountError(f"{what}: {_reason(error)}") from error
