"""Files in a space of Onedata, reached through one Oneprovider.

OSCAR's `storage_providers.onedata` has `oneprovider_host`, `token` and `space`; paths start below the space.
The first part of a path is what S3 calls the bucket: a folder as all others, made when it is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from oscarcli.errors import NotFoundError, RefusedError
from oscarcli.storage.answer_parts import byte_range
from oscarcli.storage.base import StoredObject
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.file_server.failures import IS_FOLDER, MISSING_FILE
from oscarcli.storage.file_server.folders import (
    KnownFolders,
    deepest_folder,
    folder_names,
    level_keys,
    walk,
)
from oscarcli.storage.file_server.paths import require_kind, require_path
from oscarcli.storage.file_server.reader import FileReader, require_readable
from oscarcli.storage.file_server.requests import FileServerSettings
from oscarcli.storage.journal import TransferJournals
from oscarcli.storage.location import Location
from oscarcli.storage.onedata.client import Oneprovider
from oscarcli.storage.onedata.documents import OnedataEntry, stored_object
from oscarcli.storage.onedata.upload import send_parts
from oscarcli.storage.outage import Tell
from oscarcli.storage.safe_paths import temporary_name
from oscarcli.storage.source import Source


class OnedataStorage:
    """One space at one Oneprovider. See `Storage` for what its methods promise.

    Args:
        settings: where the Oneprovider is.
        space: the name of the space.
        tell: told that and why it is waited for.
        journals: where unfinished downloads are remembered; `None` for nowhere.

    Attributes:
        place: its address and the space.
    """

    def __init__(
        self,
        settings: FileServerSettings,
        space: str,
        tell: Tell = lambda _text: None,
        journals: TransferJournals | None = None,
    ) -> None:
        self._oneprovider = Oneprovider(settings, space, tell)
        self.journals = journals
        self.place = f"{settings.endpoint}/{space}"
        self._folders = KnownFolders()

    @property
    def provider(self) -> str:
        """Its name, such as "onedata.plg"."""
        return self._oneprovider.server.provider

    def close(self) -> None:
        """End the connections."""
        self._oneprovider.server.close()

    def _path(self, location: Location, doing: str) -> str:
        return f"/{self._oneprovider.space}{require_path(location, doing)}"

    def stat(self, location: Location, *, cancellation: Cancellation | None = None) -> StoredObject:
        """Ask for a file, or a folder with a slash at its end; if it is missing, for its bucket, too."""
        doing = f'look up "{location}" in {self.provider}'
        entry = self._require_entry(location, doing, cancellation)
        require_kind(location, doing, is_folder=entry.is_folder)
        return stored_object(location, entry)

    def _require_entry(
        self, location: Location, doing: str, cancellation: Cancellation | None
    ) -> OnedataEntry:
        try:
            return self._oneprovider.entry(self._path(location, doing), doing, cancellation)
        except NotFoundError:
            self._oneprovider.require_bucket(location.bucket, doing, cancellation)
            raise

    # -- listing -----------------------------------------------------------------------------------

    def list(self, bucket: str, prefix: str, *, limit: int | None = None) -> Iterator[StoredObject]:
        """Yield files, folder by folder and page by page; symbolic links are passed over."""
        return islice(self._below(bucket, prefix), limit)

    def _below(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        doing = f'list "{bucket}/{prefix}" in {self.provider}'
        for key, entry in walk(prefix, lambda folder: list(self._children(bucket, folder, doing))):
            yield stored_object(Location(bucket, key), entry)

    def level(self, location: Location, limit: int) -> Sequence[str]:
        """Return the keys that begin with a place's up to the next slash, by the pages of one folder."""
        doing = f'list "{location}" in {self.provider}'
        children = self._children(location.bucket, deepest_folder(location.key), doing)
        return level_keys(children, location.key, limit)

    def buckets(self) -> Sequence[str]:
        """Return the names of the first folders of the space."""
        doing = f"list the first folders in {self.provider}"
        return folder_names(self._oneprovider.children(f"/{self._oneprovider.space}", doing))

    def _children(self, bucket: str, folder: str, doing: str) -> Iterator[OnedataEntry]:
        """Yield what is in a folder; nothing when only the bucket above it is there."""
        path = self._path(Location(bucket, folder), doing)
        try:
            yield from self._oneprovider.children(path, doing)
        except NotFoundError:
            self._oneprovider.require_bucket(bucket, doing, None)

    # -- whether it can be written to ---------------------------------------------------------------

    def has_folder(self, folder: Location) -> bool:
        """See `FolderStorage`."""
        doing = f'look up "{folder}" in {self.provider}'
        is_there = self._is_folder(self._path(folder, doing).rstrip("/"), doing, None)
        if not is_there and not folder.key:
            self._oneprovider.require_space(doing, None)
        return is_there

    def try_write(self, folder: Location, name: str) -> None:
        """See `FolderStorage`."""
        doing = f'write to "{folder}" in {self.provider}'
        path = self._path(folder.child(name), doing)
        # Also when it seems to fail: it may have happened, and its answer not have come.
        with Cancellation().on_failure(lambda: self._oneprovider.delete(path, doing, None)):
            self._oneprovider.server.call(doing, "PUT", f"/cdmi{path}")
        self._oneprovider.delete(path, doing, None)

    # -- content -----------------------------------------------------------------------------------

    def read(
        self,
        location: Location,
        *,
        start: int = 0,
        length: int | None = None,
        etag: str | None = None,
        cancellation: Cancellation | None = None,
    ) -> FileReader:
        """Open a file, or a range of it."""
        doing = f'download "{location}" from {self.provider}'
        entry = self._require_entry(location, doing, cancellation)
        if entry.is_folder:
            raise NotFoundError(f"{doing}: {MISSING_FILE}: {IS_FOLDER}")
        known = stored_object(location, entry)
        require_readable(known, start, length, etag, doing)
        wanted = byte_range(start, length)
        answer = self._oneprovider.server.call(
            doing,
            "GET",
            f"/cdmi{self._path(location, doing)}",
            headers={} if wanted is None else {"range": wanted},
            cancellation=cancellation,
            is_stream=True,
        )
        return FileReader(
            location, answer, doing, lambda: known, start=start, length=length, etag=None, known=known
        )

    def write(
        self, location: Location, source: Source, *, content_type: str, cancellation: Cancellation
    ) -> None:
        """Store a file under a temporary name, and rename it when it is whole."""
        doing = f'upload "{location}" to {self.provider}'
        path = self._path(location, doing)
        if location.key.endswith("/"):
            if source.size != 0:
                raise RefusedError(f"{doing}: a folder has no content")
            self._make_folders(path, doing, cancellation)
            return
        self._refuse_folder(path, doing, cancellation)
        folder, _, name = path.rpartition("/")
        self._make_folders(f"{folder}/", doing, cancellation)
        temporary = f"{folder}/{temporary_name(name)}"
        with cancellation.on_failure(lambda: self._oneprovider.delete(temporary, doing, cancellation)):
            sent = self._send(temporary, source, content_type, doing, cancellation)
            cancellation.check()
            self._put_in_place(temporary, sent, path, doing, cancellation)

    def _refuse_folder(self, path: str, doing: str, cancellation: Cancellation) -> OnedataEntry | None:
        """Return what is at a path. Raises RefusedError for a folder."""
        entry = self._oneprovider.find(path, doing, cancellation)
        if entry is not None and entry.is_folder:
            raise RefusedError(f"{doing}: {IS_FOLDER}")
        return entry

    def _send(
        self, path: str, source: Source, content_type: str, doing: str, cancellation: Cancellation
    ) -> OnedataEntry:
        """Send the content and return the file that it became."""
        try:
            count = send_parts(
                self._oneprovider.server, f"/cdmi{path}", source, content_type, doing, cancellation
            )
        except (NotFoundError, RefusedError):
            # A folder that was there may be gone, and what looks refused may have been changed here.
            self._folders.forget()
            source.check_unchanged()
            raise
        source.check_unchanged()
        entry = self._oneprovider.entry(path, doing, cancellation)
        if entry.size != count:
            raise RefusedError(f"{doing}: {count} bytes were sent, the stored object has {entry.size}")
        return entry

    def _make_folders(self, path: str, doing: str, cancellation: Cancellation) -> None:
        """Make the folders of a path that ends with a slash, below the space."""
        parts = path.strip("/").split("/")
        wanted = ["/" + "/".join(parts[:count]) for count in range(2, len(parts) + 1)]
        self._folders.make(
            wanted,
            lambda folder: self._is_folder(folder, doing, cancellation),
            lambda folder: self._make_folder(folder, doing, cancellation),
        )

    def _is_folder(self, path: str, doing: str, cancellation: Cancellation | None) -> bool:
        entry = self._oneprovider.find(path, doing, cancellation)
        if entry is not None and not entry.is_folder:
            raise RefusedError(f'{doing}: "{path.strip("/")}" is a file, not a folder')
        return entry is not None

    def _make_folder(self, path: str, doing: str, cancellation: Cancellation) -> None:
        try:
            self._oneprovider.make_folder(path, doing, cancellation)
        except NotFoundError:
            self._oneprovider.require_bucket(path.split("/")[2], doing, cancellation)
            raise
        except RefusedError:
            # Somebody else made it meanwhile.
            if not self._is_folder(path, doing, cancellation):
                raise

    # -- names -------------------------------------------------------------------------------------

    def _put_in_place(
        self, temporary: str, sent: OnedataEntry, path: str, doing: str, cancellation: Cancellation
    ) -> None:
        """Rename an uploaded file. One of that name steps aside, since a rename replaces nothing."""
        former = self._refuse_folder(path, doing, cancellation)
        if former is None:
            self._oneprovider.rename(temporary, path, sent, doing, cancellation)
            return
        folder, _, name = path.rpartition("/")
        aside = f"{folder}/{temporary_name(name)}"
        # Also when stepping aside seems to fail: it may have happened, and its answer not have come.
        with cancellation.on_failure(
            lambda: self._oneprovider.rename(aside, path, former, doing, cancellation)
        ):
            self._oneprovider.rename(path, aside, former, doing, cancellation)
            self._oneprovider.rename(temporary, path, sent, doing, cancellation)
        self._oneprovider.delete(aside, doing, cancellation)

    def remove(self, location: Location) -> None:
        """Delete one file, or an empty folder that is named with a slash at its end."""
        doing = f'delete "{location}" from {self.provider}'
        path = self._path(location, doing)
        entry = self._oneprovider.find(path, doing, None)
        if entry is None:
            self._oneprovider.require_bucket(location.bucket, doing, None)
            return
        is_named_folder = location.key.endswith("/")
        if entry.is_folder and not is_named_folder:
            raise RefusedError(f"{doing}: {IS_FOLDER}")
        if entry.is_folder and not self._oneprovider.is_empty(path, doing):
            raise RefusedError(f"{doing}: the folder is not empty")
        if entry.is_folder == is_named_folder:
            self._folders.forget()
            self._oneprovider.delete(path, doing, None)
