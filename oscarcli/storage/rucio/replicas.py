"""The content of a file that is at several places: where one breaks off, the next one goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from oscarcli.errors import OscarError, RefusedError, UnreachableError
from oscarcli.storage.file_server.reader import FileReader
from oscarcli.storage.outage import Tell

OpenReplica = Callable[[str, int], FileReader]
"""Takes the address of a replica and the first byte that is wanted, and returns what reads from there on."""


class ReplicaReader:
    """Reads the first replica that answers, and another one from where it stopped. See `Reader`.

    Args:
        pfns: the addresses of the replicas, the best one first.
        start: first byte.
        end: the byte behind the last one.
        open_replica: opens one.
        doing: what was tried, for messages.
        tell: told which replica goes on.

    Raises:
        OscarError: no replica answers: what the last one said.
    """

    def __init__(
        self,
        pfns: Sequence[str],
        start: int,
        end: int,
        open_replica: OpenReplica,
        doing: str,
        tell: Tell,
    ) -> None:
        self._pfns = list(pfns)
        self._position, self._end = start, end
        self._open_replica, self._doing, self._tell = open_replica, doing, tell
        self._was_interrupted = False
        self._reader = self._next(RefusedError(f"{doing}: no replica of it can be read by WebDAV"))
        self.object = self._reader.object

    def _next(self, failure: OscarError) -> FileReader:
        """Open the next replica that answers, from where the content stands; raise what the last one said."""
        while self._pfns and not self._was_interrupted:
            try:
                return self._open_replica(self._pfns.pop(0), self._position)
            except OscarError as error:
                failure = error
        raise failure

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        while self._position < self._end:
            try:
                data = self._reader.read(size)
            except UnreachableError as error:
                self._switch(error)
                continue
            if data:
                self._position += len(data)
                return data
            self._switch(UnreachableError(f"{self._doing}: the connection broke"))
        return b""

    def _switch(self, broken: UnreachableError) -> None:
        """Go on at the next replica; raise what was wrong with this one when there is none."""
        self._reader.close()
        try:
            self._reader = self._next(broken)
        except OscarError:
            raise broken from None
        if self._was_interrupted:
            raise broken
        self._tell(f"{broken.message}; another replica goes on at byte {self._position}")

    def interrupt(self) -> None:
        """Shut the socket for reading, and go on nowhere."""
        self._was_interrupted = True
        self._reader.interrupt()

    def close(self) -> None:
        """Close the body."""
        self._reader.close()
