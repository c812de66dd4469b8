"""The files of a repository, in its archive or in a folder of this machine; no name leaves either."""

from __future__ import annotations

import posixpath
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from oscarcli.errors import NotFoundError, OscarError

# Metadata, definitions and scripts; test inputs are pictures and sounds.
MAX_FILE_BYTES = 64 << 20
# A repository with more entries, or larger ones, is no collection of services.
MAX_MEMBERS = 100_000
MAX_ARCHIVE_BYTES = 512 << 20


class PackageFiles(Protocol):
    """Files by their paths from a root, `/` between folders."""

    def read(self, path: str) -> bytes:
        """Return a file's bytes.

        Raises:
            NotFoundError: there is no such file.
            OscarError: it is too large, or leads out of the root.
        """
        ...

    def files(self, folder: str) -> list[str]:
        """Return the names of the files that lie in a folder itself, sorted. Raises NotFoundError."""
        ...

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders that lie in a folder itself, sorted. Raises NotFoundError."""
        ...


def joined(folder: str, path: str) -> str:
    """Return a path relative to a folder as one from the root. Raises OscarError when it leaves the root."""
    whole = posixpath.normpath(posixpath.join(folder, path)) if path else ""
    if not path or path.startswith("/") or whole == ".." or whole.startswith("../") or "\0" in path:
        raise OscarError(f'"{path}" leads out of the repository')
    return whole


class ArchiveFiles:
    """The files of a tar archive whose members lie in one top folder, as GitHub packs them.

    Links are not followed: a name that is one is not there.

    Args:
        archive: the archive, compressed or not.

    Raises:
        OscarError: it is no such archive, or too large.
    """

    def __init__(self, archive: BinaryIO) -> None:
        self._members: dict[str, tarfile.TarInfo] = {}
        try:
            self._tar = tarfile.open(fileobj=archive)  # noqa: SIM115  closed by close()
            # The commit is the archive's comment, which git writes.
            self.commit = ""
            for member in self._sized():
                _top, _, name = member.name.partition("/")
                if name and (member.isfile() or member.isdir()):
                    self._members[posixpath.normpath(name)] = member
            self.commit = str(self._tar.pax_headers.get("comment", ""))
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            raise OscarError(f"the repository's archive cannot be read: {error}") from error

    def _sized(self) -> Iterator[tarfile.TarInfo]:
        total = 0
        for count, member in enumerate(self._tar):
            total += member.size
            if count > MAX_MEMBERS or total > MAX_ARCHIVE_BYTES:
                raise ValueError("it is larger than a collection of services is")
            yield member

    def close(self) -> None:
        """Close the archive."""
        self._tar.close()

    def read(self, path: str) -> bytes:
        """Return a file's bytes; see `PackageFiles`."""
        member = self._members.get(path)
        if member is None or not member.isfile():
            raise NotFoundError(f'the repository has no file "{path}"')
        if member.size > MAX_FILE_BYTES:
            raise OscarError(f'"{path}" is larger than {MAX_FILE_BYTES >> 20} MiB')
        file = self._tar.extractfile(member)
        assert file is not None
        return file.read()

    def files(self, folder: str) -> list[str]:
        """Return the names of the files of a folder; see `PackageFiles`."""
        return [name for name, member in self._entries(folder) if member.isfile()]

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders of a folder; see `PackageFiles`."""
        return [name for name, member in self._entries(folder) if member.isdir()]

    def _entries(self, folder: str) -> list[tuple[str, tarfile.TarInfo]]:
        if folder and not (folder in self._members and self._members[folder].isdir()):
            raise NotFoundError(f'the repository has no folder "{folder}"')
        return sorted(
            (posixpath.basename(path), member)
            for path, member in self._members.items()
            if posixpath.dirname(path) == folder
        )


class FolderFiles:
    """The files below a folder of this machine.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def read(self, path: str) -> bytes:
        """Return a file's bytes; see `PackageFiles`."""
        try:
            file = self._inside(path)
            status = file.stat()
            if not stat.S_ISREG(status.st_mode):
                raise NotFoundError(f'"{file}" is no file')
            if status.st_size > MAX_FILE_BYTES:
                raise OscarError(f'"{file}" is larger than {MAX_FILE_BYTES >> 20} MiB')
            return file.read_bytes()
        except FileNotFoundError as error:
            raise NotFoundError(f'there is no file "{self._root / path}"') from error
        except OSError as error:
            raise OscarError(f'cannot read "{self._root / path}": {error.strerror}') from error

    def files(self, folder: str) -> list[str]:
        """Return the names of the files of a folder; see `PackageFiles`."""
        return sorted(entry.name for entry in self._entries(folder) if entry.is_file())

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders of a folder; see `PackageFiles`."""
        return sorted(entry.name for entry in self._entries(folder) if entry.is_dir())

    def _entries(self, folder: str) -> list[Path]:
        try:
            return list(self._inside(folder).iterdir())
        except OSError as error:
            raise NotFoundError(f'cannot look into "{self._root / folder}": {error.strerror}') from error

    def path(self, path: str) -> Path:
        """Return where a file is on this machine. Raises OscarError when that leads out of the root."""
        return self._inside(path)

    def _inside(self, path: str) -> Path:
        found = (self._root / path).resolve()
        if not found.is_relative_to(self._root):
            raise OscarError(f'"{path}" leads out of "{self._root}"')
        return found
