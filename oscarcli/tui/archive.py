"""Many files as one zip: written as they come, under a temporary name, renamed when it is whole."""

from __future__ import annotations

import os
import re
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from oscarcli.errors import OscarError, RefusedError
from oscarcli.storage.base import Reader
from oscarcli.storage.safe_paths import created, opened_folder, safe_name, temporary_name

MODE = 0o644
FIRST_YEAR, LAST_YEAR = 1980, 2107
# Names of one archive after another, before it is told that there are too many.
MAX_NAMES = 1000


@dataclass(frozen=True)
class ArchiveMember:
    """A file of an archive.

    Args:
        name: its name in there, as it came from outside.
        pieces: yields what is in it; given who is to be told of the reader, if there is one.
        modified: time of the last change.
    """

    name: str
    pieces: Callable[[Callable[[Reader], None]], Iterator[bytes]]
    modified: datetime | None = None


class ArchiveWriter:
    """Writes one archive.

    Args:
        folder: where it goes.
        name: what it is called, without the ending; letters that no file's name should have are replaced.
        members: what goes into it; called when the writing begins, in the same thread.

    Attributes:
        files: how many files are in it so far.
        bytes: and how many bytes of theirs.
        left_out: what could not be taken, each with the reason.
    """

    def __init__(self, folder: Path, name: str, members: Callable[[], Sequence[ArchiveMember]]) -> None:
        self._folder = folder
        self._name = re.sub(r"[^\w.-]+", "-", name).strip(".-")[:100] or "files"
        self._members = members
        self._reader: Reader | None = None
        self._is_cancelled = False
        # Set while nothing is being written.
        self.ended = threading.Event()
        self.ended.set()
        self.files = self.bytes = 0
        self.left_out: list[str] = []

    def cancel(self) -> None:
        """Let `write` end without an archive; from any thread."""
        self._is_cancelled = True
        if (reader := self._reader) is not None:
            reader.interrupt()

    def write(self) -> Path:
        """Write it, and return where it is. No older archive is ever replaced.

        Raises:
            OscarError: a file cannot be read, or the archive not be written; nothing is left of it.
        """
        self.ended.clear()
        try:
            return self._write()
        finally:
            self.ended.set()

    def _write(self) -> Path:
        members = self._safe(self._members())
        if not members:
            raise RefusedError("there are no files to put into an archive")
        try:
            with opened_folder(self._folder / f"{self._name}.zip", self._folder) as (folder, name):
                temporary = temporary_name(name)
                try:
                    with os.fdopen(created(folder, temporary, name), "wb") as file:
                        self._fill(file, members)
                    return self._folder / self._put_in_place(folder, temporary)
                finally:
                    with suppress(FileNotFoundError):
                        os.unlink(temporary, dir_fd=folder)
        except OSError as error:
            raise OscarError(f'cannot write an archive into "{self._folder}": {error.strerror}') from error

    def _safe(self, members: Sequence[ArchiveMember]) -> list[ArchiveMember]:
        """Return the members that are unpacked into one folder, each under a name of its own."""
        chosen: dict[str, ArchiveMember] = {}
        for member in members:
            try:
                name = safe_name(member.name).as_posix()
            except RefusedError as error:
                self.left_out.append(error.message)
                continue
            if name in chosen:
                self.left_out.append(f'there is another "{name}"')
            else:
                chosen[name] = ArchiveMember(name, member.pieces, member.modified)
        return list(chosen.values())

    def _fill(self, file: BinaryIO, members: Sequence[ArchiveMember]) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for member in members:
                # How long it gets is known at its end: it may be more than 4 GiB.
                with archive.open(_entry(member), "w", force_zip64=True) as entry:
                    for piece in member.pieces(self._opened):
                        self._go_on()
                        entry.write(piece)
                        self.bytes += len(piece)
                self._go_on()
                self.files += 1

    def _opened(self, reader: Reader) -> None:
        self._reader = reader
        if self._is_cancelled:
            reader.interrupt()

    def _go_on(self) -> None:
        if self._is_cancelled:
            raise OscarError("the archive was called off")

    def _put_in_place(self, folder: int, temporary: str) -> str:
        for number in range(1, MAX_NAMES):
            name = f"{self._name}{f'-{number}' if number > 1 else ''}.zip"
            with suppress(FileExistsError):
                # Unlike a rename, a link never replaces what is there.
                os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
                return name
        raise RefusedError(f'"{self._folder}" has {MAX_NAMES} archives of this name already')


def _entry(member: ArchiveMember) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(member.name)
    if member.modified is not None and FIRST_YEAR <= member.modified.year <= LAST_YEAR:
        entry.date_time = member.modified.timetuple()[:6]
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = MODE << 16
    return entry
