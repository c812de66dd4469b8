"""What a server of WebDAV does with single files and folders."""

from __future__ import annotations

from collections.abc import Sequence

from oscarcli.errors import NotFoundError, RefusedError
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.file_server.failures import MISSING_BUCKET
from oscarcli.storage.file_server.requests import FileServer, FileServerSettings, raised
from oscarcli.storage.outage import Tell
from oscarcli.storage.webdav.documents import PROPERTIES, DavEntry, read_entries

# Characters that mean something in a URL.
MISREAD = frozenset("%?#;")


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
        answer = self.server.call(
            doing, "PROPFIND", path, headers=headers, body=PROPERTIES, cancellation=cancellation
        )
        return read_entries(answer.document, doing)

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

    def move(self, source: str, target: str, doing: str, cancellation: Cancellation | None) -> None:
        """Give a file another name; one that has it is replaced.

        Raises:
            RefusedError: the server gave it a name that nobody asked for.
        """
        headers = {"destination": self.server.url_of(target), "overwrite": "T"}
        try:
            self.server.call(doing, "MOVE", source, headers=headers, cancellation=cancellation)
        except NotFoundError:
            # The answer to a first attempt may have been lost: then the file is in its place.
            if self.find(source, doing, cancellation) or not self.find(target, doing, cancellation):
                raise
        # Not every server decodes a destination once and no more.
        if MISREAD & set(target) and not self.find(target, doing, cancellation):
            raise RefusedError(f"{doing}: the server does not give a file a name like this one")

    def delete(self, path: str, doing: str, cancellation: Cancellation | None) -> None:
        """Delete a file, or a folder and all that is in it."""
        try:
            self.server.call(doing, "DELETE", path, cancellation=cancellation)
        except NotFoundError:
            # Somebody else was faster, or the answer to a first attempt was lost.
            return
