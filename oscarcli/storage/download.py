"""One object to one local file: under a temporary name beside it, verified, then renamed.

Whatever goes wrong, an older file of that name stays as it was.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from oscarcli.errors import OscarError, RefusedError, UnreachableError, UsageError
from oscarcli.storage.base import BufferReader, Reader, Storage, StoredObject
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.digests import Content
from oscarcli.storage.integrity import ContentCheck, PieceChecksums, content_check
from oscarcli.storage.part_file import PIECE_BYTES, PartFile, part_file
from oscarcli.storage.resume import can_go_on
from oscarcli.storage.safe_paths import opened_folder
from oscarcli.storage.source import Advance
from oscarcli.storage.system_limits import hint_of, reason_of
from oscarcli.storage.workers import run_parallel

MIB = 1 << 20
# Measured on loopback: reads of 256 KiB are twice to three times as fast as those of 64 KiB or 1 MiB.
READ_BLOCK_BYTES = MIB >> 2
# One stream is the fastest on loopback, several on a long way; few and large ranges cost little on either.
MIN_RANGED_BYTES = 64 * MIB
MIN_RANGE_BYTES = 32 * MIB
MAX_RANGE_BYTES = 256 * MIB
RANGES_AT_ONCE = 4
# A broken stream is continued where it broke, so often in a row without getting a block further.
MAX_ATTEMPTS = 3
RETRY_SECONDS = 0.3

Sink = Callable[[Content, int], None]


class Download:
    """The transfer of one object.

    Args:
        storage: where it is.
        wanted: the object, as `stat` or a listing described it; any other version of it is refused.
        advance: told how many bytes arrived.
        cancellation: of the transfer.

    Attributes:
        is_verified: whether what arrived was compared with a digest of the provider's.
    """

    def __init__(
        self, storage: Storage, wanted: StoredObject, advance: Advance, cancellation: Cancellation
    ) -> None:
        self._storage = storage
        self._wanted = wanted
        self._advance = advance
        self._cancellation = cancellation
        self.is_verified = not wanted.size
        self._check: ContentCheck | None = None
        self._pieces: PieceChecksums | None = None
        self._is_check_chosen = False
        self._choosing = threading.Lock()

    def to_file(self, target: Path, *, root: Path | None = None, streams: int = RANGES_AT_ONCE) -> None:
        """Store the object as `target`; missing folders are made.

        Args:
            target: a path of a file; a device or a pipe is written to directly.
            root: a folder above it that is not left, whatever links are in it; then no device is written to.
            streams: most connections used at the same time.

        Raises:
            UsageError: `target` is a folder.
            RefusedError: a symbolic link leads out of `root`.
            OscarError: the file cannot be written, or what arrived is not what was stored; and all errors
                of `Storage.read`.
        """
        try:
            if root is None and target.is_dir():
                raise IsADirectoryError
            if root is None and target.exists() and not target.is_file():
                with target.open("wb", buffering=0) as file:
                    self._write_to_descriptor(file.fileno())
            else:
                with opened_folder(target, root) as (folder, name):
                    self._replace(folder, target, name, streams)
        except BrokenPipeError:
            raise
        except IsADirectoryError as error:
            raise UsageError(f'{self._doing}: "{target}" is a folder') from error
        except OSError as error:
            raise self._unwritable(f'"{target}"', error) from error

    def to_descriptor(self, descriptor: int) -> None:
        """Write the content to an open file, such as standard output, as it arrives.

        Raises:
            BrokenPipeError: nobody reads any more.
            OscarError: it cannot be written, or what arrived is not what was stored.
        """
        try:
            self._write_to_descriptor(descriptor)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._unwritable("standard output", error) from error

    def _unwritable(self, what: str, error: OSError) -> OscarError:
        return OscarError(f"{self._doing}: {what} cannot be written: {reason_of(error)}", hint=hint_of(error))

    def _write_to_descriptor(self, descriptor: int) -> None:
        def sink(data: Content, _: int) -> None:
            while data:
                data = data[os.write(descriptor, data) :]

        self._receive(0, self._wanted.size, sink, self._cancellation)
        self._verify(None)

    @property
    def _doing(self) -> str:
        return f'download "{self._wanted.location}" from {self._storage.provider}'

    def _replace(self, folder: int, target: Path, name: str, streams: int) -> None:
        if self._wanted.size > PIECE_BYTES:
            # The journal of a large file knows it by its whole path, for which each folder is looked at.
            target = Path(os.path.realpath(target))
        whole = target if target.name == name else target.with_name(name)
        with part_file(self._storage, self._wanted, folder, whole, self._cancellation) as part:
            try:
                self._cancellation.check()
                self._fill(part, streams)
                self._cancellation.check()
                part.put_in_place()
            except Exception as error:
                part.is_useless = not can_go_on(error)
                raise

    def _fill(self, part: PartFile, streams: int) -> None:
        arrived = part.arrived
        self._pieces = part if part.is_remembered else None
        if arrived or (streams > 1 and self._wanted.size >= MIN_RANGED_BYTES):
            self._advance(arrived)
            self._receive_ranges(part, streams)
            if os.fstat(part.descriptor).st_size != self._wanted.size:
                raise OscarError(f"{self._doing}: the file is not as long as the object")
        else:
            self._receive(0, self._wanted.size, part.writer(), self._cancellation)
        self._verify(part.descriptor)

    def _receive_ranges(self, part: PartFile, streams: int) -> None:
        def receive(span: tuple[int, int]) -> None:
            self._receive(*span, part.writer(), receiving)

        length = min(max(-(-self._wanted.size // streams), MIN_RANGE_BYTES), MAX_RANGE_BYTES)
        with (
            self._cancellation.part() as receiving,
            closing(run_parallel(part.missing(length), receive, receiving, workers=streams)) as outcomes,
        ):
            for done in outcomes:
                if done.error is not None:
                    raise done.error

    def _receive(
        self,
        position: int,
        end: int,
        sink: Sink,
        cancellation: Cancellation,
    ) -> None:
        """Hand the bytes from `position` to `end` to `sink`; continue where a connection broke."""

        def take(data: Content, where: int) -> None:
            sink(data, where)
            self._advance(len(data))
            if self._check is not None:
                self._check.update(data, where)

        failures = 0
        while position < end:
            before = position
            position, error = self._read(position, end, take, cancellation)
            if error is None:
                return
            cancellation.check()
            failures = failures + 1 if position - before < READ_BLOCK_BYTES else 1
            if failures >= MAX_ATTEMPTS:
                raise UnreachableError(
                    f"{error.message} after {position} of {self._wanted.size} bytes"
                ) from error
            cancellation.sleep(RETRY_SECONDS * 2**failures)

    def _read(
        self, position: int, end: int, take: Sink, cancellation: Cancellation
    ) -> tuple[int, UnreachableError | None]:
        """Hand on what one connection gives; return how far it came, and what it ended with too early."""
        is_whole = position == 0 and end == self._wanted.size
        reader = self._storage.read(
            self._wanted.location,
            start=position,
            length=None if is_whole else end - position,
            etag=self._wanted.etag,
            cancellation=cancellation,
        )
        with closing(reader), cancellation.waking(reader.interrupt):
            self._require_version(reader.object)
            self._choose_check(reader.object)
            read = _read_function(reader, end - position)
            while position < end:
                cancellation.check()
                # Up to a multiple of a block: what is written is whole pages, a quarter less work for the
                # file system.
                size = min(READ_BLOCK_BYTES - position % READ_BLOCK_BYTES, end - position)
                try:
                    data = read(size)
                except UnreachableError as error:
                    return position, error
                if not data:
                    return position, UnreachableError(f"{self._doing}: the connection broke")
                take(data, position)
                position += len(data)
        return position, None

    def _require_version(self, found: StoredObject) -> None:
        if found.size != self._wanted.size:
            raise RefusedError(f"{self._doing}: the object was changed in the meantime")

    def _choose_check(self, found: StoredObject) -> None:
        """Choose it by the first answer, for it may take a question to the provider."""
        if not self._is_check_chosen:
            with self._choosing:
                if not self._is_check_chosen:
                    self._check = content_check(self._wanted, found, pieces=self._pieces)
                    self._is_check_chosen = True

    def _verify(self, descriptor: int | None) -> None:
        """Compare what arrived with the digest, if there is one; `None` for what cannot be read again."""

        def read(position: int, size: int) -> bytes:
            self._cancellation.check()
            assert descriptor is not None
            return os.pread(descriptor, size, position)

        # The check is that of the first answer: of a file of which all had arrived there was none.
        self._choose_check(self._wanted)
        if self._check is None:
            return
        is_intact = self._check.is_intact(read if descriptor is not None else None)
        if is_intact is False:
            raise OscarError(f"{self._doing}: what arrived is damaged: its digest is not the object's")
        self.is_verified = bool(is_intact)


def _read_function(reader: Reader, left: int) -> Callable[[int], Content]:
    """Return what gives at most so many bytes, which are valid until it is called again.

    Args:
        reader: of the content.
        left: bytes that follow.
    """
    if left <= READ_BLOCK_BYTES or not isinstance(reader, BufferReader):
        return reader.read
    fill, buffer = reader.read_into, memoryview(bytearray(READ_BLOCK_BYTES))
    return lambda size: buffer[: fill(buffer[:size])]
