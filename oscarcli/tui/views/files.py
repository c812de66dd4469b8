"""What is in a bucket: one level of folders, and files."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

from oscarcli.output.amounts import size
from oscarcli.output.table import Column
from oscarcli.storage.location import Location
from oscarcli.tui.access import Access
from oscarcli.tui.archive import ArchiveMember
from oscarcli.tui.views.base import ResourceView, RowCommand

if TYPE_CHECKING:
    from textual.screen import Screen

    from oscarcli.storage.base import StoredObject

# So many objects below a folder are looked at: whoever has more narrows it down by opening a folder of it.
MAX_OBJECTS = 50_000


@dataclass(frozen=True)
class FileEntry:
    """A file, or a folder with what it holds altogether.

    Args:
        location: where it is.
        size: in bytes.
        modified: time of the last change.
        count: how many files a folder holds; `None` for a file.
    """

    location: Location
    size: int
    modified: datetime | None = None
    count: int | None = None

    @property
    def name(self) -> str:
        """The name as seen from its folder; a folder's ends in a slash."""
        return self.location.name + ("/" if self.count is not None else "")


def one_level(objects: Iterable[StoredObject], folder: Location) -> list[FileEntry]:
    """Return the folders right below a folder, then its own files; a folder's marker is no file."""
    folders: dict[str, FileEntry] = {}
    files = []
    for found in objects:
        below, slash, rest = found.location.key[len(folder.key) :].partition("/")
        if not slash:
            if below:
                files.append(FileEntry(found.location, found.size, found.modified))
            continue
        place = Location(folder.bucket, folder.key + below + slash)
        entry = folders.get(place.key) or FileEntry(place, 0, None, 0)
        if rest:
            times = [moment for moment in (entry.modified, found.modified) if moment is not None]
            entry = replace(
                entry,
                size=entry.size + found.size,
                count=(entry.count or 0) + 1,
                modified=max(times, default=None),
            )
        folders[place.key] = entry
    return [*folders.values(), *files]


class FilesView(ResourceView):
    """Files of a bucket, or of a folder in it.

    Args:
        access: the way to clusters.
        cluster: the cluster's id.
        bucket: the bucket.
        folder: the key of the folder with a slash at its end; empty for the bucket itself.
    """

    title = "files"
    seconds: ClassVar[float] = 60.0
    columns: ClassVar[Sequence[Column]] = (
        Column("NAME", lambda one: one.name),
        Column("SIZE", lambda one: size(one.size), is_number=True),
        Column("FILES", lambda one: one.count, is_number=True),
        Column("LAST MODIFIED", lambda one: one.modified, is_time=True),
    )
    commands: ClassVar = {
        "d": RowCommand("bucket delete-file {BUCKET_NAME} {REMOTE_FILE}", "Delete", is_ready=False),
        "g": RowCommand("bucket get-file {BUCKET_NAME} {REMOTE_FILE}", "Get"),
        "u": RowCommand("bucket put-file {BUCKET_NAME} ", "Upload", is_ready=False),
    }

    def __init__(self, access: Access, cluster: str, bucket: str, folder: str = "") -> None:
        super().__init__(access, cluster)
        self.place = Location(bucket, folder)
        # Whether there are more objects than were looked at.
        self.is_cut = False

    @property
    def crumb(self) -> str:
        """The place."""
        return str(self.place) + (f" (the first {MAX_OBJECTS} objects)" if self.is_cut else "")

    def load(self) -> Sequence[FileEntry]:
        """Return the folders and files at the place."""
        storage = self.access.store(self.cluster)
        found = list(islice(storage.list(self.place.bucket, self.place.key), MAX_OBJECTS + 1))
        self.is_cut = len(found) > MAX_OBJECTS
        return one_level(found[:MAX_OBJECTS], self.place)

    def key(self, item: FileEntry) -> str:
        """Return the object's key."""
        return item.location.key

    def open(self, item: FileEntry) -> ResourceView | Screen[None]:
        """Go into a folder, or show what is in a file."""
        if item.count is not None:
            return FilesView(self.access, self.cluster, self.place.bucket, item.location.key)
        from oscarcli.tui.screens.file import FileScreen

        heading = f"{item.location} · {size(item.size)}"
        command = f"oscar-cli bucket get-file {self._words_of(item)} -c {self.cluster}"
        return FileScreen(self.access, heading, command, partial(self._first_bytes, item.location))

    def _first_bytes(self, location: Location, most: int) -> bytes:
        from oscarcli.tui.contents import first_bytes

        return first_bytes(self.access.store(self.cluster), location, most)

    def _words_of(self, item: FileEntry) -> str:
        return f"{self.place.bucket} {shlex.quote(item.location.key)}"

    # -- archive -------------------------------------------------------------------------------------

    @property
    def archive_name(self) -> str:
        """The folder, or the bucket."""
        return self.place.name

    def members(self, items: Sequence[FileEntry]) -> list[ArchiveMember]:
        """Return files, and all that is in folders, as seen from here."""
        from oscarcli.tui.contents import pieces

        storage = self.access.store(self.cluster)
        objects: list[tuple[Location, datetime | None]] = []
        for item in items:
            if item.count is None:
                objects.append((item.location, item.modified))
            else:
                below = storage.list(self.place.bucket, item.location.key)
                objects += [(one.location, one.modified) for one in below if not one.location.is_folder]
        start = len(self.place.key)
        return [
            ArchiveMember(location.key[start:], partial(pieces, storage, location), modified)
            for location, modified in objects
        ]

    def archive_command(self, items: Sequence[FileEntry]) -> str:
        """Return the command that brings the folder, or the first of the files."""
        return f"oscar-cli bucket get-file {self._words_of(items[0])} -c {self.cluster}"

    def words(self, item: FileEntry | None) -> dict[str, str]:
        """Return bucket and file as commands call them."""
        own = {"BUCKET_NAME": self.place.bucket}
        return own if item is None else own | {"REMOTE_FILE": item.location.key}
