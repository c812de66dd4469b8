"""The content of a file as a server of files sends it."""

from __future__ import annotations

from collections.abc import Callable

from oscarcli.errors import RefusedError
from oscarcli.storage.answer_parts import byte_range, http_time, plain_etag, require_range
from oscarcli.storage.base import StoredObject
from oscarcli.storage.file_server.checksums import checksums_of
from oscarcli.storage.file_server.failures import file_failure
from oscarcli.storage.file_server.requests import content_size
from oscarcli.storage.location import Location
from oscarcli.storage.wire.client import WireResponse
from oscarcli.storage.wire.failures import BrokenConnectionError

# What comes before the first byte that is wanted is read in pieces of this size.
SKIPPED_BLOCK_BYTES = 1 << 20


def require_readable(
    known: StoredObject, start: int, length: int | None, etag: str | None, doing: str
) -> None:
    """Look at what a read asks for, where the server does not compare versions by itself.

    Args:
        known: what was found out about the file just before.
        start: first byte.
        length: how many bytes, `None` for all that follow.
        etag: the version that is wanted, `None` for any.
        doing: what was tried, for the message.

    Raises:
        RefusedError: it is another version, or shorter than the range begins.
    """
    if etag and etag != known.etag:
        raise RefusedError(f"{doing}: the object was changed in the meantime")
    if byte_range(start, length) is not None and start >= known.size:
        raise RefusedError(f"{doing}: the range is beyond the end")


class FileReader:
    """The content of an answer. See `Reader`.

    Args:
        location: the file.
        answer: to a GET, with its content.
        doing: what was tried, for messages.
        ask: describes the file, for a server that does not tell its size with the content.
        start: first byte that was asked for.
        length: how many bytes, `None` for all that follow.
        etag: the version that was asked for.
        known: the file, for a server whose answers tell nothing of it.

    Raises:
        UnreachableError: it does not begin with that byte.
        RefusedError: it is another version.
    """

    def __init__(
        self,
        location: Location,
        answer: WireResponse,
        doing: str,
        ask: Callable[[], StoredObject],
        *,
        start: int,
        length: int | None,
        etag: str | None,
        known: StoredObject | None = None,
    ) -> None:
        assert answer.content is not None
        self._content = answer.content
        self._doing = doing
        found = plain_etag(answer.headers.get("etag", ""))
        content_range = answer.headers.get("content-range", "")
        try:
            # Some say that it is a range, and leave open which one; some know no ranges, and send all.
            if answer.status != 200 and (content_range or known is None):
                require_range(content_range, start, doing)
            size = known.size if known is not None else content_size(answer)
            size = ask().size if size is None else size
            if etag and found and _strong(found) != _strong(etag):
                raise RefusedError(f"{doing}: the object was changed in the meantime")
        except BaseException:
            self._content.close()
            raise
        modified = http_time(answer.headers.get("last-modified", ""))
        # With a range it may be that of the range, whatever it should be.
        digests = checksums_of(answer.headers) if answer.status == 200 else {}
        self.object = known or StoredObject(location, size, modified, found, digests)
        self._left = length if answer.status == 200 and length is not None else None
        self._unwanted = start if answer.status == 200 else 0

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        wanted = size if self._left is None else min(size, self._left)
        try:
            self._skip_unwanted()
            data = self._content.read(wanted) if wanted else b""
        except Exception as error:
            raise file_failure(error, self._doing) from error
        if self._left is not None:
            self._left -= len(data)
        return data

    def _skip_unwanted(self) -> None:
        while self._unwanted:
            data = self._content.read(min(self._unwanted, SKIPPED_BLOCK_BYTES))
            if not data:
                raise BrokenConnectionError
            self._unwanted -= len(data)

    def interrupt(self) -> None:
        """Shut the socket for reading."""
        self._content.interrupt()

    def close(self) -> None:
        """Close the body; a connection whose body was read to its end is used again."""
        self._content.close()


def _strong(etag: str) -> str:
    return etag.removeprefix("W/")
