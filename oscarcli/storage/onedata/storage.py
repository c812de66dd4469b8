"""Files in a space of Onedata, reached through one Oneprovider.

OSCAR's `storage_providers.onedata` has `oneprovider_host`, `token` and `space`; paths start below the space.
The first part of a path is what S3 calls the bucket: a folder as all others, made when it is missing.

Facts that this relies on, and where they stand:

- CDMI 1.1.1 at `/cdmi/SPACE/PATH`, a slash at the end of a folder's path, `X-Auth-Token`: the page "CDMI" of
  Onedata's documentation (onedata/onedata-documentation, docs/user-guide/cdmi.md). `oscar-cli` and OSCAR's
  supervisor write in the same way;
- a file asked for as a folder, or the other way round, is a redirection; a file is written piece by piece
  with `Content-Range`; a rename is a PUT with `{"move": PATH}` to a path where nothing is; a folder is
  deleted with all that is in it: `src/http/cdmi` of the repository onedata/op-worker;
- such a PUT has to name what it accepts: observed with Onedata 25.0 (groundnuty/onedata-mcp, research);
- `lookup-file-id`, and `data/ID/children` with its pages: onedata/oneprovider-swagger.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from urllib.parse import urlencode

from oscarcli.errors import NotFoundError, OscarError, RefusedError
from oscarcli.storage.answer_parts import byte_range
from oscarcli.storage.base import StoredObject
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.file_server.failures import IS_FOLDER, MISSING_BUCKET, MISSING_FILE
from oscarcli.storage.file_server.folders import KnownFolders, walk
from oscarcli.storage.file_server.paths import require_path
from oscarcli.storage.file_server.reader import FileReader
from oscarcli.storage.file_server.requests import REDIRECTIONS, FileServer, FileServerSettings
from oscarcli.storage.journal import TransferJournals
from oscarcli.storage.location import Location
from oscarcli.storage.onedata.documents import (
    MAX_PAGE,
    OnedataEntry,
    cdmi_entry,
    not_onedata,
    read_document,
    read_page,
    read_refusal,
    stored_object,
)
from oscarcli.storage.onedata.upload import send_parts
from oscarcli.storage.outage import Tell
from oscarcli.storage.safe_paths import temporary_name
from oscarcli.storage.source import Source

REST = "/api/v3/oneprovider"
VERSION = {"x-cdmi-specification-version": "1.1.1"}
FILE = {**VERSION, "content-type": "application/cdmi-object", "accept": "application/cdmi-object"}
FOLDER = {**VERSION, "content-type": "application/cdmi-container", "accept": "application/cdmi-container"}
# By their names of today, and by those that versions before 21.02.4 know.
ATTRIBUTES = [("attributes", name) for name in ("fileId", "name", "type", "size", "mtime")] + [
    ("attribute", name) for name in ("file_id", "name", "type", "size", "mtime")
]


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
        self._server = FileServer(settings, tell, read_refusal)
        self._space = space
        self.journals = journals
        self.place = f"{settings.endpoint}/{space}"
        self._folders = KnownFolders()

    @property
    def provider(self) -> str:
        """Its name, such as "onedata.plg"."""
        return self._server.provider

    def close(self) -> None:
        """End the connections."""
        self._server.close()

    def _path(self, location: Location, doing: str) -> str:
        return f"/{self._space}{require_path(location, doing)}"

    def stat(self, location: Location, *, cancellation: Cancellation | None = None) -> StoredObject:
        """Ask for one file, and when it is missing, whether its first folder is there."""
        doing = f'look up "{location}" in {self.provider}'
        return stored_object(location, self._require_file(location, doing, cancellation))

    def _require_file(
        self, location: Location, doing: str, cancellation: Cancellation | None
    ) -> OnedataEntry:
        try:
            entry = self._entry(self._path(location, doing), doing, cancellation)
        except NotFoundError:
            self._require_bucket(location.bucket, doing, cancellation)
            raise
        if entry.is_folder:
            raise NotFoundError(f"{doing}: {MISSING_FILE}: {IS_FOLDER}")
        return entry

    def _entry(self, path: str, doing: str, cancellation: Cancellation | None) -> OnedataEntry:
        """Return what is at a path below the root of all spaces."""
        path = path.rstrip("/")
        answer = self._server.call(
            doing,
            "GET",
            f"/cdmi{path}",
            headers={**VERSION, "accept": "application/cdmi-object"},
            query="objectID;metadata:cdmi_",
            cancellation=cancellation,
            follows=False,
        )
        name = path.rpartition("/")[2]
        if answer.status in REDIRECTIONS:
            return OnedataEntry(name, True)
        return cdmi_entry(answer.document, name, doing)

    def _find(self, path: str, doing: str, cancellation: Cancellation | None) -> OnedataEntry | None:
        """Return what is there, `None` for nothing."""
        try:
            return self._entry(path, doing, cancellation)
        except NotFoundError:
            return None

    def _require_bucket(self, bucket: str, doing: str, cancellation: Cancellation | None) -> None:
        if self._find(f"/{self._space}/{bucket}", doing, cancellation) is not None:
            return
        if self._find(f"/{self._space}", doing, cancellation) is None:
            raise NotFoundError(
                f'{doing}: there is no space "{self._space}"',
                hint="the token must be one of a member, and the Oneprovider must support the space",
            )
        raise NotFoundError(f'{doing}: {MISSING_BUCKET} "{bucket}" in the space "{self._space}"')

    # -- listing -----------------------------------------------------------------------------------

    def list(self, bucket: str, prefix: str, *, limit: int | None = None) -> Iterator[StoredObject]:
        """Yield files, folder by folder and page by page; symbolic links are passed over."""
        return islice(self._below(bucket, prefix), limit)

    def _below(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        doing = f'list "{bucket}/{prefix}" in {self.provider}'
        for key, entry in walk(prefix, lambda folder: self._children(bucket, folder, doing)):
            yield stored_object(Location(bucket, key), entry)

    def _children(self, bucket: str, folder: str, doing: str) -> Sequence[OnedataEntry]:
        path = self._path(Location(bucket, folder), doing).rstrip("/")
        try:
            answer = self._server.call(doing, "POST", f"{REST}/lookup-file-id{path}")
            identifier = read_document(answer.document, doing).get("fileId")
            if not isinstance(identifier, str):
                raise not_onedata(doing)
            return list(self._pages(identifier, doing))
        except NotFoundError:
            self._require_bucket(bucket, doing, None)
            return []

    def _pages(self, identifier: str, doing: str) -> Iterator[OnedataEntry]:
        position, count, is_last = ("", ""), 0, False
        while not is_last:
            query = [("limit", str(MAX_PAGE)), *ATTRIBUTES, *([position] if count else [])]
            path = f"{REST}/data/{identifier}/children"
            answer = self._server.call(doing, "GET", path, query=urlencode(query))
            page = read_page(answer.document, doing)
            yield from page.entries
            count, is_last = count + page.count, page.is_last
            position = ("token", page.token) if page.token else ("offset", str(count))

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
        known = stored_object(location, self._require_file(location, doing, cancellation))
        if etag and etag != known.etag:
            raise RefusedError(f"{doing}: the object was changed in the meantime")
        wanted = byte_range(start, length)
        if wanted is not None and start >= known.size:
            raise RefusedError(f"{doing}: the range is beyond the end")
        answer = self._server.call(
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
        with cancellation.on_failure(lambda: self._delete(temporary, doing, cancellation)):
            sent = self._send(temporary, source, content_type, doing, cancellation)
            cancellation.check()
            self._put_in_place(temporary, sent, path, doing, cancellation)

    def _refuse_folder(self, path: str, doing: str, cancellation: Cancellation) -> OnedataEntry | None:
        """Return what is at a path. Raises RefusedError for a folder."""
        entry = self._find(path, doing, cancellation)
        if entry is not None and entry.is_folder:
            raise RefusedError(f"{doing}: {IS_FOLDER}")
        return entry

    def _send(
        self, path: str, source: Source, content_type: str, doing: str, cancellation: Cancellation
    ) -> OnedataEntry:
        """Send the content and return the file that it became."""
        try:
            count = send_parts(self._server, f"/cdmi{path}", source, content_type, doing, cancellation)
        except (NotFoundError, RefusedError):
            # A folder that was there may be gone, and what looks refused may have been changed here.
            self._folders.forget()
            source.check_unchanged()
            raise
        source.check_unchanged()
        entry = self._entry(path, doing, cancellation)
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

    def _is_folder(self, path: str, doing: str, cancellation: Cancellation) -> bool:
        entry = self._find(path, doing, cancellation)
        if entry is not None and not entry.is_folder:
            raise RefusedError(f'{doing}: "{path.strip("/")}" is a file, not a folder')
        return entry is not None

    def _make_folder(self, path: str, doing: str, cancellation: Cancellation) -> None:
        try:
            # A folder that is there already stays as it is.
            self._server.call(doing, "PUT", f"/cdmi{path}/", headers=FOLDER, cancellation=cancellation)
        except NotFoundError:
            self._require_bucket(path.split("/")[2], doing, cancellation)
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
        if self._refuse_folder(path, doing, cancellation) is None:
            self._rename(temporary, path, sent, doing, cancellation)
            return
        folder, _, name = path.rpartition("/")
        aside = f"{folder}/{temporary_name(name)}"
        former = self._entry(path, doing, cancellation)
        self._rename(path, aside, former, doing, cancellation)
        try:
            self._rename(temporary, path, sent, doing, cancellation)
        except BaseException:
            self._rename(aside, path, former, doing, cancellation)
            raise
        self._delete(aside, doing, cancellation)

    def _rename(
        self, source: str, target: str, entry: OnedataEntry, doing: str, cancellation: Cancellation
    ) -> None:
        body = json.dumps({"move": source.lstrip("/")}).encode()
        try:
            self._server.call(
                doing, "PUT", f"/cdmi{target}", headers=FILE, body=body, cancellation=cancellation
            )
        except OscarError:
            # The answer to a first attempt may have been lost: then the file is in its place.
            found = self._find(target, doing, cancellation)
            if found is None or found.identifier != entry.identifier:
                raise

    def _delete(self, path: str, doing: str, cancellation: Cancellation | None) -> None:
        try:
            self._server.call(doing, "DELETE", f"/cdmi{path}", headers=VERSION, cancellation=cancellation)
        except NotFoundError:
            # Somebody else was faster, or the answer to a first attempt was lost.
            return

    def remove(self, location: Location) -> None:
        """Delete one file, or an empty folder that is named with a slash at its end."""
        doing = f'delete "{location}" from {self.provider}'
        path = self._path(location, doing)
        entry = self._find(path, doing, None)
        if entry is None:
            self._require_bucket(location.bucket, doing, None)
            return
        is_named_folder = location.key.endswith("/")
        if entry.is_folder and not is_named_folder:
            raise RefusedError(f"{doing}: {IS_FOLDER}")
        if entry.is_folder and self._children(location.bucket, location.key, doing):
            raise RefusedError(f"{doing}: the folder is not empty")
        if entry.is_folder == is_named_folder:
            self._folders.forget()
            self._delete(path, doing, None)
