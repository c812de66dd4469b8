"""The configuration file on disk: read within bounds, locked, replaced as a whole, private to its owner."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oscarcli.config.limits import MAX_FILE_BYTES
from oscarcli.errors import ConfigError
from oscarcli.files import stale_files, write_atomic

OWNER_ONLY = 0o600
OWNERS_BITS = 0o700
OTHERS = 0o077
BACKUP_SUFFIX = ".backup"
MEND = "mend the file by hand, or name another one with --config; nothing was written"
ELSEWHERE = "name a file you can write with --config PATH or OSCAR_CLI_CONFIG"


def read_text(path: Path) -> str:
    """Return the file's text; nothing when it does not exist.

    Raises:
        ConfigError: it cannot be read, is too large, or is no text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_FILE_BYTES >> 20} MiB", hint=MEND)
        # Not read_text(): it would turn CRLF into LF, and a rewrite would then change every line.
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        column = error.start - error.object.rfind(b"\n", 0, error.start)
        raise ConfigError(f"{path}:{line}:{column}: not UTF-8 text", hint=MEND) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"cannot read the configuration {path}: {reason}") from error


def tightened(path: Path) -> str | None:
    """Take a file away from other users' eyes, for it may hold passwords. Returns what there is to say."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode) or not status.st_mode & OTHERS:
        return None
    mode = status.st_mode & OWNERS_BITS
    try:
        path.chmod(mode)
    except OSError:
        return f"{path} can be read by other users and its mode cannot be changed"
    return f"{path} could be read by other users; its mode is {mode:04o} now"


def refuse_unwritable(target: Path, shown: Path) -> None:
    """Return when a file may be replaced: it is missing, or a plain file that its owner may write.

    Raises:
        ConfigError: it may not. To replace it would be possible, but is not what its mode says.
        OSError: it cannot be looked at.
    """
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise ConfigError(f"cannot write the configuration {shown}: it is no ordinary file", hint=ELSEWHERE)
    if not mode & stat.S_IWUSR:
        raise ConfigError(
            f"cannot write the configuration {shown}: it is read-only (mode {mode & 0o777:04o}); "
            "it is as it was",
            hint=f"'chmod u+w {target}' allows changes; or name another file with --config PATH",
        )


def make_folder(folder: Path) -> None:
    """Make a folder and what is missing above it, for its owner alone."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(mode=0o700, exist_ok=True)


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the lock of a file that is about to be replaced.

    The lock is on a file beside it, which stays: the target itself is a new file after every change.
    """
    import fcntl

    descriptor = os.open(target.parent / f".{target.name}.lock", os.O_RDWR | os.O_CREAT, OWNER_ONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        _remove_stale(target)
        yield
    finally:
        os.close(descriptor)


def _remove_stale(target: Path) -> None:
    """Remove what a killed process left. The lock is ours, so nobody is writing."""
    for stale in stale_files(target):
        with contextlib.suppress(OSError):
            stale.unlink()


def replace(target: Path, text: str, *, like: Path | None = None) -> None:
    """Write a new file and put it in the place of the old one; a reader sees the old or the new, whole.

    Args:
        target: the file; its lock, or that of the file it belongs to, is held.
        text: the new content.
        like: the file whose owner and mode the new one gets; `target` itself when omitted.

    Raises:
        OSError: it cannot be written, and is as it was.
    """
    like = like or target
    write_atomic(
        target,
        text.encode(),
        mode=OWNER_ONLY,
        prepare=lambda descriptor: _keep_owner(like, descriptor),
        is_durable=True,
    )


def keep_backup(target: Path, text: str) -> Path:
    """Keep a file's text beside it, where the reference client never looks, and return where."""
    backup = target.with_name(target.name + BACKUP_SUFFIX)
    replace(backup, text, like=target)
    return backup


def _keep_owner(target: Path, descriptor: int) -> None:
    """Give a new file the old one's owner and the owner's rights.

    The owner may be another for the administrator who edits somebody else's file.
    """
    with contextlib.suppress(FileNotFoundError, PermissionError):
        status = target.stat()
        if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(descriptor, status.st_uid, status.st_gid)
        os.fchmod(descriptor, status.st_mode & OWNERS_BITS)
