"""A folder of files that scripts change while the server reads and writes it.

A script may put a link in the place of any folder at any time, so that every step goes by the descriptor of
the folder above, and no link is ever followed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Scripts run as users of their images; nobody else gets as far as here.
FOLDER_MODE, FILE_MODE = 0o777, 0o666


@dataclass(frozen=True)
class FileState:
    """By what a file is known to be the one that was stored: size in bytes, time in ns, and inode."""

    size: int
    modified_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileState:
        """Return the state of a file."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)


@dataclass(frozen=True)
class FoundFile:
    """A file of a tree: its name below the root with `/`, its status, and what opens it."""

    name: str
    status: os.stat_result
    open: Callable[[], BinaryIO]


class FileTree:
    """The files below a root.

    Args:
        root: the folder; made by `create`.
        drafts: a folder on the same file system, for files that are not complete.
    """

    def __init__(self, root: Path, drafts: Path) -> None:
        self.root = root
        self._drafts = drafts

    def create(self) -> None:
        """Make the root, and throw away incomplete files."""
        shutil.rmtree(self._drafts, ignore_errors=True)
        self._drafts.mkdir(mode=0o700, parents=True)
        self.root.mkdir(exist_ok=True)
        self.root.chmod(FOLDER_MODE)

    def walk(self, passed_over: Callable[[str], None]) -> Iterator[FoundFile]:
        """Yield the files in order of their folders.

        Args:
            passed_over: told the names of what is neither a file nor a folder.

        Raises:
            OSError: a folder cannot be read, so that nobody knows what is in it.
        """
        for folder, folders, names, descriptor in os.fwalk(self.root, onerror=_fail):
            folders.sort()
            with suppress(OSError):
                os.fchmod(descriptor, FOLDER_MODE)
            above = os.path.relpath(folder, self.root)
            prefix = "" if above == os.curdir else f"{above}/"
            for name in folders:
                if stat.S_ISLNK(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode):
                    passed_over(prefix + name)
            for name in sorted(names):
                try:
                    status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(status.st_mode):
                    yield FoundFile(prefix + name, status, _opener(name, descriptor))
                else:
                    passed_over(prefix + name)

    def status(self, name: str) -> os.stat_result | None:
        """Return the status of what has a name, `None` when there is nothing."""
        with suppress(FileNotFoundError, NotADirectoryError), self._parent(name) as (descriptor, last):
            return os.stat(last, dir_fd=descriptor, follow_symlinks=False)
        return None

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading. Raises OSError."""
        with self._parent(name) as (descriptor, last):
            return _opener(last, descriptor)()

    def put(self, name: str, fill: Callable[[BinaryIO], None], modified_ns: int) -> FileState:
        """Put a file in its place once it is complete, with the folders above it.

        Args:
            name: below the root.
            fill: writes what is in it; what it raises leaves everything as it is.
            modified_ns: its time.

        Raises:
            OSError: there is no room for it, or a folder has its name.
        """
        draft = self._drafts / uuid.uuid4().hex
        try:
            with draft.open("wb") as file:
                fill(file)
                file.flush()
                os.fchmod(file.fileno(), FILE_MODE)
                os.utime(file.fileno(), ns=(modified_ns, modified_ns))
                state = FileState.of(os.fstat(file.fileno()))
            with self._parent(name, create=True) as (descriptor, last):
                os.rename(draft, last, dst_dir_fd=descriptor)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        return state

    def make_folder(self, name: str) -> None:
        """Make a folder and those above it. Raises OSError."""
        with self._parent(f"{name}/", create=True):
            pass

    def remove(self, name: str) -> None:
        """Remove a file, if it is there. Raises OSError."""
        with suppress(FileNotFoundError, NotADirectoryError), self._parent(name) as (descriptor, last):
            os.unlink(last, dir_fd=descriptor)

    @contextmanager
    def _parent(self, name: str, *, create: bool = False) -> Iterator[tuple[int, str]]:
        """Give the descriptor of the folder above a name, and the name's last part."""
        *folders, last = name.split("/")
        descriptor = os.open(self.root, _FOLDER)
        try:
            for folder in folders:
                if create:
                    _make(folder, descriptor)
                inner = os.open(folder, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor, last
        finally:
            os.close(descriptor)


def is_being_written(file: BinaryIO) -> bool:
    """Tell whether somebody has a file open for writing: nobody gets a lease on such a file."""
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        # Who opens the file meanwhile breaks the lease: the signal for that, SIGIO, would end the server.
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except OSError:
        # Another user's file, or a file system without leases.
        return False
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def _make(name: str, descriptor: int) -> None:
    try:
        os.mkdir(name, dir_fd=descriptor)
    except FileExistsError:
        return
    # A chmod by name would follow a link that has come in between.
    made = os.open(name, _FOLDER, dir_fd=descriptor)
    try:
        os.fchmod(made, FOLDER_MODE)
    finally:
        os.close(made)


def _opener(name: str, descriptor: int) -> Callable[[], BinaryIO]:
    # A pipe that has come in between must not hold up the server.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return lambda: os.fdopen(os.open(name, flags, dir_fd=descriptor), "rb")


def _fail(error: OSError) -> None:
    raise error
