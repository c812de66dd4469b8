"""Folders that nothing written into them leaves: no name, and no symbolic link, planted before or meanwhile.

A path is walked folder by folder, each opened from within the one above, so that whatever is renamed or put
in its place meanwhile, what was opened is what is written to.
"""

from __future__ import annotations

import errno
import os
import random
import re
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from oscarcli.errors import RefusedError
from oscarcli.timestamps import nanoseconds

# Bytes of a name in a folder, on every file system in use.
MAX_NAME_BYTES = 255
TEMPORARY_ENDING = re.compile(r"\.[0-9a-f]{8}\.part$")
# One name that is neither of a folder nor too long, whatever the file system.
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def safe_name(relative: str) -> Path:
    """Return a path for a name that came from a server, one that stays below any folder it is put into.

    Raises:
        RefusedError: the name would lead out of the folder, or cannot be one of a file on this system.
    """
    path = Path(relative)
    is_strange = "\\" in relative or "\0" in relative or ".." in path.parts or path.is_absolute()
    if is_strange or not path.name or not all(map(_is_name, path.parts)):
        raise RefusedError(
            f'the object name "{relative}" cannot be used as a file name here',
            hint="name the local file behind the remote one",
        )
    return path


def _is_name(part: str) -> bool:
    try:
        return len(os.fsencode(part)) <= MAX_NAME_BYTES
    except UnicodeEncodeError:
        return False


def path_inside(folder: Path, relative: str) -> Path:
    """Return the path of a server's name below a folder; `opened_folder` sees to it that no link leads out.

    Raises:
        RefusedError: the name would lead out of the folder.
    """
    # To take a name apart takes longer than all else that is done with it.
    return folder / (relative if PLAIN_NAME.fullmatch(relative) else safe_name(relative))


@contextmanager
def opened_folder(target: Path, root: Path | None) -> Iterator[tuple[int, str]]:
    """Open the folder of a file that is to be written, making what is missing of it.

    Args:
        target: the file.
        root: a folder above it, which may itself be a link; below it no link is followed. `None` to follow
            all of them, that of the file's own name, too.

    Returns:
        A descriptor of the folder, and the file's name in it.

    Raises:
        RefusedError: a symbolic link is in the way, or the file's name is that of one.
        OSError: a folder cannot be opened or made.
    """
    if root is None:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Through a symbolic link the file behind it is replaced, as with other programs.
        target = Path(os.path.realpath(target))
        descriptor = os.open(target.parent, FOLDER_FLAGS)
    else:
        descriptor = _walked(root, target)
    try:
        yield descriptor, target.name
    finally:
        os.close(descriptor)


def _walked(root: Path, target: Path) -> int:
    count = len(root.parts)
    if target.parts[:count] != root.parts:
        raise ValueError(f'"{target}" is not below "{root}"')
    *folders, name = target.parts[count:]
    descriptor = _opened_root(root)
    try:
        for folder in folders:
            with suppress(FileExistsError):
                os.mkdir(folder, dir_fd=descriptor)
            refuse_link(descriptor, folder, target)
            inner = os.open(folder, FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        refuse_link(descriptor, name, target)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _opened_root(root: Path) -> int:
    try:
        return os.open(root, FOLDER_FLAGS)
    except FileNotFoundError:
        root.mkdir(parents=True, exist_ok=True)
        return os.open(root, FOLDER_FLAGS)


def refuse_link(descriptor: int, name: str, target: Path) -> None:
    """Name a link for what it is; one that comes later is refused as no folder, or replaced as a file.

    Args:
        descriptor: of the folder.
        name: in that folder.
        target: the file that is to be written there or below.

    Raises:
        RefusedError: it is a symbolic link.
    """
    _refuse_link(status_in(descriptor, name), name, target)


def _refuse_link(status: os.stat_result | None, name: str, target: Path) -> None:
    if status is not None and stat.S_ISLNK(status.st_mode):
        raise RefusedError(f'"{target}" cannot be written: "{name}" is a symbolic link')


def status_in(descriptor: int, name: str) -> os.stat_result | None:
    """Return the status of a name in an open folder, of a link itself; `None` when it is not there."""
    try:
        return os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return None


def write_inside(root: Path, target: Path, content: bytes) -> None:
    """Put a whole new file below a folder, in the place of an older one.

    Raises:
        RefusedError: a symbolic link is in the way.
        OSError: it cannot be written; an older one is as it was.
    """
    with opened_folder(target, root) as (folder, name):
        write_in(folder, name, content)


def write_in(
    folder: int, name: str, content: bytes, modified: datetime | None = None, target: Path | None = None
) -> None:
    """Put a whole new file into an open folder, in the place of an older one.

    Args:
        folder: descriptor of the folder.
        name: in that folder.
        content: of the file.
        modified: the time of the last change that it gets, with its zone; `None` for now.
        target: as in `created`.

    Raises:
        RefusedError: as in `created`.
        OSError: it cannot be written; an older one is as it was.
    """
    temporary = temporary_name(name)
    descriptor = created(folder, temporary, name, target)
    try:
        try:
            while content:
                content = content[os.write(descriptor, content) :]
            if modified is not None:
                _set_time(descriptor, modified)
        finally:
            os.close(descriptor)
        put_in_place(folder, temporary, name)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise


def _set_time(file: int, modified: datetime) -> None:
    moment = nanoseconds(modified)
    # A file system that keeps no times holds the content none the less.
    with suppress(OSError):
        os.utime(file, ns=(moment, moment))


def set_time(target: Path, root: Path | None, modified: datetime) -> None:
    """Give a file a time of the last change, as far as its file system can keep it.

    Args:
        target: the file.
        root: a folder above it that no link leads out of, as in `opened_folder`.
        modified: the time, with its zone.
    """
    moment = nanoseconds(modified)
    # A file system that keeps no times holds the content none the less.
    with suppress(OSError), opened_folder(target, root) as (folder, name):
        os.utime(name, ns=(moment, moment), dir_fd=folder, follow_symlinks=False)


def remove_inside(root: Path, target: Path) -> None:
    """Remove a file below a folder, and the folders between them that are empty then.

    Raises:
        RefusedError: a symbolic link is in the way.
        OSError: it cannot be removed.
    """
    with opened_folder(target, root) as (folder, name), suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
    for parent in target.relative_to(root).parents[:-1]:
        try:
            with opened_folder(root / parent, root) as (folder, name):
                os.rmdir(name, dir_fd=folder)
        except (OSError, RefusedError):
            # Something is still in it.
            return


def temporary_name(name: str) -> str:
    """Return a hidden name that no file has."""
    # Names of files have at most 255 bytes; a character has at most four. No secret: who creates the file
    # sees to it that there is none.
    return f".{name[:50]}.{random.getrandbits(32):08x}.part"


def stale_files(folder: Path, names: Collection[str]) -> Iterator[Path]:
    """Yield what killed programs left in a folder of new versions of files with these names."""
    wanted = {TEMPORARY_ENDING.sub("", temporary_name(name)) for name in names}
    with suppress(FileNotFoundError, NotADirectoryError):
        for entry in os.scandir(folder):
            if TEMPORARY_ENDING.search(entry.name) and TEMPORARY_ENDING.sub("", entry.name) in wanted:
                yield Path(entry.path)


def created(folder: int, temporary: str, name: str, target: Path | None = None) -> int:
    """Create a file for writing and reading, with the permissions of the one it is going to replace.

    Args:
        folder: descriptor of its folder.
        temporary: its name, which no file has.
        name: of the one that it is going to replace.
        target: the whole path of that, which must not be a link; `None` where a link is replaced.

    Raises:
        RefusedError: a symbolic link is in the place of `target`.
        IsADirectoryError: what it would replace is a folder.
        OSError: it cannot be created.
    """
    status = status_in(folder, name)
    if target is not None:
        _refuse_link(status, name, target)
    if status is not None and stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o666, dir_fd=folder)
    if status is not None and stat.S_ISREG(status.st_mode):
        os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
    return descriptor


def put_in_place(folder: int, temporary: str, name: str) -> None:
    """Give a file its final name: a link of that name is replaced, never followed, a folder never."""
    os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
