"""What a server of WebDAV does with single files and folders."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

from oscarcli.errors import NotFoundError, RefusedError
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.file_server.failures import MISSING_BUCKET, MISSING_FILE
from oscarcli.storage.file_server.requests import FileServer, FileServerSettings, raised
from oscarcli.storage.outage import Tell
from oscarcli.storage.webdav.documents import PROPERTIES, DavEntry, read_entries

# Characters that mean something in a URL, or are left out of one: not every server decodes the destination of
# a move once and no more.
MISREAD = re.compile(r"[%?#;\x00-\x1f\x7f]")
MAX_TRIED_NAME_BYTES = 200


class WebDav:
    """One server; may be used by several threads.

    Paths start with a slash and are not encoded. All methods raise as those of `Storage` do.

    Args:
        settings: where it is.
        tell: told that and why it is waited for.
    """

    def __init__(self, settings: FileServerSettings, tell: Tell) -> None:
        self.server = FileServer(settings, tell)

    def entry(self, path: str, doing: str, cancellation: Cancellation | None) -> DavEntry:
        """Return what is at a path. Raises NotFoundError when there is nothing."""
        return self._ask(path, "0", doing, cancellation)[0]

    def find(self, path: str, doing: str, cancellation: Cancellation | None) -> DavEntry | None:
        """Return what is there, `None` for nothing."""
        try:
            return self.entry(path, doing, cancellation)
        except NotFoundError:
            return None

    def listed(self, path: str, doing: str) -> tuple[DavEntry, Sequence[DavEntry]]:
        """Return what is at a path, and what is in it. Raises NotFoundError when there is nothing."""
        return self._ask(path, "1", doing, None)

    def _ask(
        self, path: str, depth: str, doing: str, cancellation: Cancellation | None
    ) -> tuple[DavEntry, Sequence[DavEntry]]:
        headers = {"depth": depth, "content-type": "application/xml; charset=utf-8"}
        try:
            answer = self.server.call(
                doing, "PROPFIND", path, headers=headers, body=PROPERTIES, cancellation=cancellation
            )
        except RefusedError as error:
            # What Apache says of a path that goes on below a file.
            if raised(error) == 400 and self._is_below_file(path, doing, cancellation):
                raise NotFoundError(f"{doing}: {MISSING_FILE}") from error
            raise
        return read_entries(answer.document, doing)

    def _is_below_file(self, path: str, doing: str, cancellation: Cancellation | None) -> bool:
        above = path.rstrip("/").rpartition("/")[0]
        if not above:
            return False
        entry = self.find(above, doing, cancellation)
        # Nothing there: the file is still further up.
        return entry is None or not entry.is_folder

    def require_bucket(self, bucket: str, doing: str, cancellation: Cancellation | None) -> None:
        """Raise NotFoundError when the first folder of a path is missing."""
        if self.find(f"/{bucket}", doing, cancellation) is None:
            raise NotFoundError(
                f'{doing}: {MISSING_BUCKET} "{bucket}"', hint="the first folder of a path must exist"
            )

    def is_folder(self, path: str, doing: str, cancellation: Cancellation | None) -> bool:
        """Tell whether a folder is there. Raises RefusedError for a file in its place."""
        entry = self.find(path, doing, cancellation)
        if entry is not None and not entry.is_folder:
            raise RefusedError(f'{doing}: "{path.strip("/")}" is a file, not a folder')
        return entry is not None

    def make_folder(self, path: str, doing: str, cancellation: Cancellation | None) -> None:
        """Make a folder whose parent is there; one that exists stays as it is."""
        try:
            self.server.call(doing, "MKCOL", f"{path}/", cancellation=cancellation)
        except RefusedError as error:
            # 405 when it is there: somebody else made it meanwhile.
            if raised(error) != 405 or not self.is_folder(path, doing, cancellation):
                raise

    def move(self, source: str, target: str, doing: str, cancellation: Cancellation) -> None:
        """Give a file another name; one that has it is replaced.

        Raises:
            RefusedError: the server does not know a name like this one.
        """
        if MISREAD.search(target) is None:
            self._move(source, target, doing, cancellation)
            return
        folder, _, name = target.rpartition("/")
        mark = f".{secrets.token_hex(4)}"
        cut = name.encode()[:MAX_TRIED_NAME_BYTES].decode(errors="ignore")
        tried = f"{folder}/{mark}.{cut}.part"
        with cancellation.on_failure(lambda: self._delete_marked(folder, mark, doing, cancellation)):
            # Misread, the name may be that of another file, which would be replaced: so one that nothing has
            # is tried first.
            self._move(source, tried, doing, cancellation, overwrites=False)
            self._require_moved(tried, doing, cancellation)
            self._move(tried, target, doing, cancellation)
        self._require_moved(target, doing, cancellation)

    def _move(
        self, source: str, target: str, doing: str, cancellation: Cancellation, *, overwrites: bool = True
    ) -> None:
        headers = {"destination": self.server.url_of(target), "overwrite": "T" if overwrites else "F"}
        try:
            self.server.call(doing, "MOVE", source, headers=headers, cancellation=cancellation)
        except NotFoundError:
            # The answer to a first attempt may have been lost: then the file is in its place.
            if self.find(source, doing, cancellation) or not self.find(target, doing, cancellation):
                raise

    def _require_moved(self, path: str, doing: str, cancellation: Cancellation) -> None:
        if not self.find(path, doing, cancellation):
            raise RefusedError(f"{doing}: the server does not give a file a name like this one")

    def _delete_marked(self, folder: str, mark: str, doing: str, cancellation: Cancellation) -> None:
        for entry in self._ask(folder, "1", doing, cancellation)[1]:
            if entry.name.startswith(mark):
                self.delete(f"{folder}/{entry.name}", doing, cancellation)

    def delete(self, path: str, doing: str, cancellation: Cancellation | None) -> None:
        """Delete a file, or a folder and all that is in it."""
        try:
            self.server.call(doing, "DELETE", path, cancellation=cancellation)
        except NotFoundError:
            # Somebody else was faster, or the answer to a first attempt was lost.
            return
