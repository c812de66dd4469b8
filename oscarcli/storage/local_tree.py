"""The files of a local folder, in the order in which an object store lists their names.

One folder of the way down is in memory at a time, whatever the tree's size.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from oscarcli.errors import OscarError, UsageError
from oscarcli.storage.patterns import NameFilter
from oscarcli.storage.system_limits import hint_of, reason_of

Refuse = Callable[[OscarError], None]


@dataclass(frozen=True)
class LocalFile:
    """A regular file below a folder.

    Args:
        name: as seen from the folder, with slashes.
        path: where it is.
        size: in bytes.
        modified_ns: time of the last change, in nanoseconds since 1970.
    """

    name: str
    path: Path
    size: int
    modified_ns: int


@dataclass
class _Level:
    """A folder on the way down: its prefix in names, its identity, and the names in it that are left."""

    prefix: str
    identity: tuple[int, int]
    names: list[str] = field(default_factory=list)


class LocalTree:
    """A folder whose files are wanted.

    Args:
        folder: an existing folder; may itself be a link.
        names: which files are wanted.
        refuse: told of each that is wanted and cannot be had: an error for each link that is not followed or
            leads back up, each file that is none, each folder that cannot be read, each name that is no text.
        follow_symlinks: whether links in the folder are followed.
        refuse_link: told of links that are not followed instead of `refuse`.
    """

    def __init__(
        self,
        folder: Path,
        names: NameFilter,
        refuse: Refuse,
        *,
        follow_symlinks: bool = False,
        refuse_link: Refuse | None = None,
    ) -> None:
        self.folder = folder
        self._names = names
        self._refuse = refuse
        self._refuse_link = refuse_link or refuse
        self._follows = follow_symlinks

    def files(self) -> Iterator[LocalFile]:
        """Yield the wanted files in the order of their names as UTF-8.

        Raises:
            UsageError: the folder is none, or cannot be read.
        """
        try:
            status = self.folder.stat()
            levels = [_Level("", (status.st_dev, status.st_ino), self._listed(self.folder))]
        except OSError as error:
            raise UsageError(f'local folder "{self.folder}" cannot be read: {reason_of(error)}') from error
        while levels:
            level = levels[-1]
            if not level.names:
                levels.pop()
                continue
            name = level.prefix + level.names.pop()
            if name.endswith("/"):
                below = self._level(name, levels)
                levels += [below] if below is not None else []
            elif (found := self._file(name)) is not None:
                yield found

    def _listed(self, folder: Path) -> list[str]:
        """Return the names in a folder, those of folders with a slash, the first one last."""
        with os.scandir(folder) as entries:
            names = [entry.name + "/" * entry.is_dir(follow_symlinks=self._follows) for entry in entries]
        names.sort(key=os.fsencode, reverse=True)
        return names

    def _level(self, name: str, levels: list[_Level]) -> _Level | None:
        if not self._names.leaves_folder(name[:-1]):
            path = self.folder / name
            try:
                status = path.stat()
                identity = (status.st_dev, status.st_ino)
                if identity not in {level.identity for level in levels}:
                    return _Level(name, identity, self._listed(path))
                self._refuse(OscarError(f'"{path}" is a link to a folder that it is in: it is not followed'))
            except OSError as error:
                self._refuse(_unreadable("folder", path, error))
        return None

    def _file(self, name: str) -> LocalFile | None:
        if not self._names.takes(name):
            return None
        path = self.folder / name
        try:
            name.encode()
            status = path.stat() if self._follows else path.lstat()
        except UnicodeEncodeError:
            self._refuse(OscarError(f'"{path}" cannot be the name of an object: it is no UTF-8'))
        except OSError as error:
            self._refuse(_unreadable("file", path, error))
        else:
            if stat.S_ISREG(status.st_mode):
                return LocalFile(name, path, status.st_size, status.st_mtime_ns)
            self._refuse_other(path, is_link=stat.S_ISLNK(status.st_mode))
        return None

    def _refuse_other(self, path: Path, *, is_link: bool) -> None:
        if is_link:
            hint = "--follow-symlinks takes what it leads to, --exclude leaves it out"
            self._refuse_link(OscarError(f'"{path}" is a symbolic link: it is not followed', hint=hint))
        else:
            self._refuse(OscarError(f'"{path}" is no regular file', hint="--exclude leaves it out"))


def _unreadable(kind: str, path: Path, error: OSError) -> OscarError:
    return OscarError(f'local {kind} "{path}" cannot be read: {reason_of(error)}', hint=hint_of(error))
