"""Files behind WebDAV (RFC 4918): dCache, Nextcloud, ownCloud, and web servers.

The first part of a path is what S3 calls the bucket: a folder that must exist. Folders below it are made as
they are needed; they are no objects themselves. A file is sent to a temporary name beside its own, compared,
and moved into its place, so that nobody ever sees a part of it.

OSCAR's `storage_providers.webdav` has `hostname`, `login` and `password`; with the login BEARER the password
is a token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from oscarcli.errors import NotFoundError, RefusedError
from oscarcli.storage.answer_parts import byte_range
from oscarcli.storage.base import StoredObject
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.file_server.checksums import WANTED
from oscarcli.storage.file_server.failures import IS_FOLDER
from oscarcli.storage.file_server.folders import (
    KnownFolders,
    deepest_folder,
    folder_names,
    level_keys,
    walk,
)
from oscarcli.storage.file_server.paths import require_kind, require_path
from oscarcli.storage.file_server.reader import FileReader
from oscarcli.storage.file_server.requests import FileServerSettings
from oscarcli.storage.file_server.upload import SentContent
from oscarcli.storage.journal import TransferJournals
from oscarcli.storage.location import Location
from oscarcli.storage.outage import Tell
from oscarcli.storage.safe_paths import temporary_name
from oscarcli.storage.source import Source
from oscarcli.storage.webdav.client import WebDav
from oscarcli.storage.webdav.documents import DavEntry, stored_object


class WebDavStorage:
    """One provider reached by WebDAV. See `Storage` for what its methods promise.

    Args:
        settings: where it is.
        tell: told that and why it is waited for.
        journals: where unfinished downloads are remembered; `None` for nowhere.
        makes_buckets: whether the first folder of a path is made as the others are, without a look at what is
            above it, which may be nobody's business.

    Attributes:
        place: its address.
    """

    def __init__(
        self,
        settings: FileServerSettings,
        tell: Tell = lambda _text: None,
        journals: TransferJournals | None = None,
        *,
        makes_buckets: bool = False,
    ) -> None:
        self._dav = WebDav(settings, tell)
        self.journals = journals
        self.place = settings.endpoint
        self._folders = KnownFolders()
        self._makes_buckets = makes_buckets

    @property
    def provider(self) -> str:
        """Its name, such as "webdav.dcache"."""
        return self._dav.server.provider

    def close(self) -> None:
        """End the connections."""
        self._dav.server.close()

    def stat(self, location: Location, *, cancellation: Cancellation | None = None) -> StoredObject:
        """Ask for a file, or a folder with a slash at its end; if it is missing, for its bucket, too."""
        doing = f'look up "{location}" in {self.provider}'
        entry = self._require_entry(location, doing, cancellation)
        require_kind(location, doing, is_folder=entry.is_folder)
        return stored_object(location, entry)

    def _require_entry(self, location: Location, doing: str, cancellation: Cancellation | None) -> DavEntry:
        try:
            return self._dav.entry(require_path(location, doing), doing, cancellation)
        except NotFoundError as error:
            missing = error
        self._dav.require_bucket(location.bucket, doing, cancellation)
        raise missing

    def list(self, bucket: str, prefix: str, *, limit: int | None = None) -> Iterator[StoredObject]:
        """Yield files, folder by folder."""
        return islice(self._below(bucket, prefix), limit)

    def _below(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        doing = f'list "{bucket}/{prefix}" in {self.provider}'
        for key, entry in walk(prefix, lambda folder: self._children(bucket, folder, doing)):
            yield stored_object(Location(bucket, key), entry)

    def level(self, location: Location, limit: int) -> Sequence[str]:
        """Return the keys that begin with a place's up to the next slash, by one listing."""
        doing = f'list "{location}" in {self.provider}'
        children = self._children(location.bucket, deepest_folder(location.key), doing)
        return level_keys(children, location.key, limit)

    def buckets(self) -> Sequence[str]:
        """Return the names of the first folders."""
        return folder_names(self._dav.listed("/", f"list the first folders in {self.provider}")[1])

    def _children(self, bucket: str, folder: str, doing: str) -> Sequence[DavEntry]:
        try:
            own, entries = self._dav.listed(require_path(Location(bucket, folder), doing), doing)
        except NotFoundError:
            self._dav.require_bucket(bucket, doing, None)
            return []
        return entries if own.is_folder else []

    # -- whether it can be written to ---------------------------------------------------------------

    def has_folder(self, folder: Location) -> bool:
        """See `FolderStorage`."""
        doing = f'look up "{folder}" in {self.provider}'
        return self._dav.is_folder(require_path(folder, doing), doing, None)

    def try_write(self, folder: Location, name: str) -> None:
        """See `FolderStorage`."""
        doing = f'write to "{folder}" in {self.provider}'
        path = require_path(folder.child(name), doing)
        # Also when it seems to fail: it may have happened, and its answer not have come.
        with Cancellation().on_failure(lambda: self._dav.delete(path, doing, None)):
            self._dav.server.call(doing, "PUT", path)
        self._dav.delete(path, doing, None)

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
        headers = {"want-digest": WANTED}
        if (wanted := byte_range(start, length)) is not None:
            headers["range"] = wanted
        if etag and not etag.startswith("W/"):
            headers["if-match"] = f'"{etag}"'
        path = require_path(location, doing)
        try:
            answer = self._dav.server.call(
                doing, "GET", path, headers=headers, cancellation=cancellation, is_stream=True
            )
        except NotFoundError as error:
            missing = error
        else:
            return FileReader(
                location, answer, doing, lambda: self.stat(location), start=start, length=length, etag=etag
            )
        self._dav.require_bucket(location.bucket, doing, cancellation)
        raise missing

    def write(
        self, location: Location, source: Source, *, content_type: str, cancellation: Cancellation
    ) -> None:
        """Store a file under a temporary name, and move it into its place when it is whole."""
        self.put(location, source, content_type, f'upload "{location}" to {self.provider}', cancellation)

    def put(
        self,
        location: Location,
        source: Source,
        content_type: str,
        doing: str,
        cancellation: Cancellation,
    ) -> None:
        """Store a file as `write` does, for somebody who knows it by another name.

        Args:
            location: where it goes.
            source: the content.
            content_type: of the content.
            doing: what was tried, for messages.
            cancellation: of the transfer.
        """
        path = require_path(location, doing)
        if location.key.endswith("/"):
            if source.size != 0:
                raise RefusedError(f"{doing}: a folder has no content")
            self._make_folders(location, doing, cancellation)
            return
        self._make_folders(location, doing, cancellation)
        self._refuse_folder(path, doing, cancellation)
        folder, _, name = path.rpartition("/")
        temporary = f"{folder}/{temporary_name(name)}"
        with cancellation.on_failure(lambda: self._dav.delete(temporary, doing, cancellation)):
            self._send(temporary, source, content_type, doing, cancellation)
            cancellation.check()
            self._dav.move(temporary, path, doing, cancellation)

    def _refuse_folder(self, path: str, doing: str, cancellation: Cancellation) -> None:
        """Raise RefusedError for a folder: to move a file into its place would delete all that is in it."""
        entry = self._dav.find(path, doing, cancellation)
        if entry is not None and entry.is_folder:
            raise RefusedError(f"{doing}: {IS_FOLDER}")

    def _make_folders(self, location: Location, doing: str, cancellation: Cancellation) -> None:
        parts = location.key.split("/")[:-1]
        wanted = [f"/{location.bucket}/" + "/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        if self._makes_buckets:
            wanted = [f"/{location.bucket}", *wanted]
        elif f"/{location.bucket}" not in self._folders:
            self._dav.require_bucket(location.bucket, doing, cancellation)
            self._folders.add(f"/{location.bucket}")
        self._folders.make(
            wanted,
            lambda folder: self._dav.is_folder(folder, doing, cancellation),
            lambda folder: self._dav.make_folder(folder, doing, cancellation),
        )

    def _send(
        self, path: str, source: Source, content_type: str, doing: str, cancellation: Cancellation
    ) -> None:
        content = SentContent(source)
        try:
            self._put(path, content, content_type, doing, cancellation)
        except (NotFoundError, RefusedError):
            # A folder that was there may be gone, and what looks refused may have been changed here.
            self._folders.forget()
            content.check()
            raise
        content.check()
        found = self._dav.entry(path, doing, cancellation)
        content.compare(found.size, found.checksums, doing)

    def _put(
        self, path: str, content: SentContent, content_type: str, doing: str, cancellation: Cancellation
    ) -> None:
        headers = {"content-type": content_type}
        self._dav.server.call(
            doing, "PUT", path, headers=headers, body=content.body, cancellation=cancellation
        )
        content.sent()

    def remove(self, location: Location) -> None:
        """Delete one file, or an empty folder that is named with a slash at its end."""
        doing = f'delete "{location}" from {self.provider}'
        path = require_path(location, doing)
        try:
            own, entries = self._dav.listed(path, doing)
        except NotFoundError:
            self._dav.require_bucket(location.bucket, doing, None)
            return
        if own.is_folder and not location.key.endswith("/"):
            raise RefusedError(f"{doing}: {IS_FOLDER}")
        if entries:
            raise RefusedError(f"{doing}: the folder is not empty")
        if own.is_folder != location.key.endswith("/"):
            return
        self._folders.forget()
        self._dav.delete(path, doing, None)
