"""The one way to write a file: whole under a temporary name beside it, then renamed. And when it has changed.

`storage.safe_paths` does the same below an open folder, for names that come from outside.
"""

from __future__ import annotations

import contextlib
import glob
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

TEMPORARY_SUFFIX = ".part"
# Names of files have at most 255 bytes; a character has at most four.
MAX_NAME_CHARACTERS = 50

# Inode, size in bytes, and time of the last change in ns.
FileState = tuple[int, int, int]


def write_atomic(
    target: Path,
    content: bytes,
    *,
    mode: int | None = None,
    prepare: Callable[[int], None] | None = None,
    is_durable: bool = False,
    may_replace: bool = True,
) -> None:
    """Put a whole new file at a place; a reader sees the old file or the new one.

    Args:
        target: where to; its folder must exist. A symbolic link there is replaced, not followed.
        content: what the file is to hold.
        mode: its permissions; those of the old file when omitted, or the usual ones of a new file.
        prepare: is given the descriptor of the new file before it has its name, to set owner and rights.
        is_durable: whether the file, and its name, have to survive a power cut.
        may_replace: whether there may be an old file.

    Raises:
        FileExistsError: there is one, and there may not be.
        OSError: it cannot be written; the old one is as it was.
    """
    descriptor, name = tempfile.mkstemp(prefix=_prefix(target), suffix=TEMPORARY_SUFFIX, dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, _mode_of(target) if mode is None else mode)
            if prepare is not None:
                prepare(descriptor)
            if is_durable:
                os.fsync(descriptor)
        if may_replace:
            temporary.replace(target)
        else:
            # Unlike a rename, a link fails when somebody else has made the file in the meantime.
            os.link(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    if is_durable:
        _keep_name(target.parent)


def behind_links(path: Path) -> Path:
    """Return the file that a path leads to, for who writes through a symbolic link as other programs do."""
    return Path(os.path.realpath(path))


def stale_files(target: Path) -> Iterator[Path]:
    """Yield what killed processes left of their new versions of a file."""
    return target.parent.glob(f"{glob.escape(_prefix(target))}*{TEMPORARY_SUFFIX}")


def file_state(path: Path) -> FileState | None:
    """Return what tells one state of a file from another one, `None` when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def usual_mode(mode: int = 0o666) -> int:
    """Return the permissions that a new file has for this user."""
    mask = os.umask(0)
    os.umask(mask)
    return mode & ~mask


def _prefix(target: Path) -> str:
    return f".{target.name[:MAX_NAME_CHARACTERS]}-"


def _mode_of(target: Path) -> int:
    try:
        return target.stat().st_mode & 0o7777
    except FileNotFoundError:
        return usual_mode()


def _keep_name(folder: Path) -> None:
    """Let a rename survive a power cut, too, where the file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
