"""The file that a download is written to: beside its target under a hidden name, until it is whole.

Beside, because only within one file system a file gets its final name at once. Of a large one a journal says
which pieces are there, so that another run goes on with it; each is checked before it counts.
"""

from __future__ import annotations

import os
import stat
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from oscarcli.storage.base import Storage, StoredObject
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.digests import Content
from oscarcli.storage.journal import Journal, TransferIdentity, TransferJournals, remove_part_file
from oscarcli.storage.preallocation import preallocate
from oscarcli.storage.resume import HOW_TO_GO_ON, amount_text
from oscarcli.storage.safe_paths import created, put_in_place, temporary_name

MIB = 1 << 20
# As much as a worker may have to fetch again; smaller objects are fetched anew.
PIECE_BYTES = 16 * MIB

Write = Callable[[Content, int], None]


class PartFile:
    """A file that is being filled.

    Args:
        folder: descriptor of the folder.
        target: the file to be, in that folder.
        wanted: the object.
        journal: where pieces are remembered, and what says of that; `None` for nowhere.

    Attributes:
        is_useless: whether it is of no use to another run.
    """

    def __init__(
        self,
        folder: int,
        target: Path,
        wanted: StoredObject,
        journal: tuple[Journal, TransferJournals] | None,
    ) -> None:
        self.is_useless = False
        self._folder, self._target, self._wanted = folder, target, wanted
        self._journal = journal[0] if journal else None
        self._journals = journal[1] if journal else None
        self._name = temporary_name(target.name)
        self._descriptor = -1
        self._lock = threading.Lock()
        # Pieces that are there, and the CRC-32 of each.
        self._done: dict[int, int] = {}
        self._is_reopened = False

    @property
    def descriptor(self) -> int:
        """The open file."""
        return self._descriptor

    @property
    def arrived(self) -> int:
        """Bytes that are there and remembered."""
        with self._lock:
            return sum(self._length_of(number) for number in self._done)

    def open(self, identity: TransferIdentity | None, storage: Storage, cancellation: Cancellation) -> None:
        """Take up the file of an earlier run, or create a new one. Raises OSError, Cancelled."""
        if self._journal is not None and self._journals is not None and self._journal.header:
            reason = self._reopen(self._journal.header, cancellation)
            name = f'the download of "{self._wanted.location}"'
            if reason is None:
                self._journals.tell(f"{name} goes on: {self._arrived_text} have arrived")
                return
            remove_part_file(self._journal.header)
            if not self._journals.restart:
                self._journals.tell(f"{name} begins anew: {reason}")
        self._descriptor = created(self._folder, self._name, self._target.name)
        preallocate(self._descriptor, self._wanted.size)
        if self._journal is not None and identity is not None:
            self._journal.begin(self._header(identity, storage.provider))

    def _header(self, identity: TransferIdentity, provider: str) -> dict[str, Any]:
        status = os.fstat(self._descriptor)
        return {
            "kind": identity.kind,
            "place": identity.place,
            "provider": provider,
            "bucket": identity.bucket,
            "key": identity.key,
            "path": identity.path,
            "size": self._wanted.size,
            "etag": self._wanted.etag,
            "piece_size": PIECE_BYTES,
            "part": {
                "folder": str(self._target.parent),
                "name": self._name,
                "file": [status.st_dev, status.st_ino],
            },
            "started": time.time(),
        }

    def _reopen(self, header: dict[str, Any], cancellation: Cancellation) -> str | None:
        """Open the file of an earlier run; return why that is of no use, `None` when it is."""
        if self._journals is None or self._journals.restart:
            return "that was asked for"
        then = (header.get("size"), header.get("etag"), header.get("piece_size"))
        if then != (self._wanted.size, self._wanted.etag, PIECE_BYTES):
            return "the object was changed since it was interrupted"
        part = header.get("part")
        if not isinstance(part, dict) or not self._open_part(str(part.get("name")), part.get("file")):
            return "the part that had arrived is gone"
        self._is_reopened = True
        self._done = dict(self._intact_pieces(cancellation))
        return None

    def _open_part(self, name: str, file: Any) -> bool:
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(name, flags, dir_fd=self._folder)
        except (OSError, ValueError):
            return False
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or [status.st_dev, status.st_ino] != file or "/" in name:
            os.close(descriptor)
            return False
        self._name, self._descriptor = name, descriptor
        return True

    def _intact_pieces(self, cancellation: Cancellation) -> Iterator[tuple[int, int]]:
        """Yield the pieces whose bytes are those that arrived: a power cut may have taken some."""
        assert self._journal is not None
        said = {line[0]: line[1] for line in self._journal.lines if len(line) == 2}
        for number, checksum in said.items():
            cancellation.check()
            if not isinstance(number, int) or not 0 <= number * PIECE_BYTES < self._wanted.size:
                continue
            if checksum == self._checksum(number):
                yield number, int(checksum)

    def _checksum(self, number: int) -> int | None:
        """Return the CRC-32 of a piece, `None` when it is not all there."""
        position, end, checksum = number * PIECE_BYTES, number * PIECE_BYTES + self._length_of(number), 0
        while position < end:
            block = os.pread(self._descriptor, min(MIB, end - position), position)
            if not block:
                return None
            checksum = zlib.crc32(block, checksum)
            position += len(block)
        return checksum

    def _length_of(self, number: int) -> int:
        return min(PIECE_BYTES, self._wanted.size - number * PIECE_BYTES)

    def missing(self, length: int) -> Iterator[tuple[int, int]]:
        """Yield the ranges, first byte and the one behind the last, that are not there.

        Args:
            length: at most so many bytes each, where pieces are remembered rounded up to whole ones.
        """
        size = self._wanted.size
        if self._journal is None:
            yield from ((start, min(start + length, size)) for start in range(0, size, length))
            return
        most = max(1, -(-length // PIECE_BYTES))
        run: list[int] = []
        for number in range(-(-size // PIECE_BYTES) + 1):
            is_missing = number * PIECE_BYTES < size and number not in self._done
            if run and (not is_missing or len(run) == most):
                yield run[0] * PIECE_BYTES, run[-1] * PIECE_BYTES + self._length_of(run[-1])
                run = []
            run += [number] if is_missing else []

    def writer(self) -> Write:
        """Return what writes the bytes of one range, in their order."""
        if self._journal is None:
            return self._write
        checksum = 0

        def write(data: Content, position: int) -> None:
            nonlocal checksum
            while data:
                inside = position % PIECE_BYTES
                block, data = data[: PIECE_BYTES - inside], data[PIECE_BYTES - inside :]
                self._write(block, position)
                checksum = zlib.crc32(block, checksum if inside else 0)
                position += len(block)
                if position % PIECE_BYTES == 0 or position == self._wanted.size:
                    self._finish_piece((position - 1) // PIECE_BYTES, checksum)

        return write

    def _write(self, data: Content, position: int) -> None:
        while data:
            # Short when a disk becomes full or a limit is reached: what the next one says is the cause.
            count = os.pwrite(self._descriptor, data, position)
            data, position = data[count:], position + count

    def _finish_piece(self, number: int, checksum: int) -> None:
        assert self._journal is not None
        self._journal.add(number, checksum)
        with self._lock:
            self._done[number] = checksum

    @property
    def is_remembered(self) -> bool:
        """Whether pieces are remembered, for which their CRC-32s are computed."""
        return self._journal is not None

    def crc32s(self) -> list[tuple[int, int]] | None:
        """Return CRC-32 and size of each piece, in their order; `None` when not all of them are there."""
        with self._lock:
            if len(self._done) * PIECE_BYTES < self._wanted.size:
                return None
            return [(self._done[number], self._length_of(number)) for number in sorted(self._done)]

    def put_in_place(self) -> None:
        """Give it its final name. Raises OSError."""
        put_in_place(self._folder, self._name, self._target.name)
        if self._journal is not None:
            self._journal.remove()

    def leave(self) -> None:
        """Remove it, or say that it stays for another run."""
        is_worth_keeping = self._is_reopened or self.arrived
        if self._journal is None or self._journals is None or self.is_useless or not is_worth_keeping:
            with suppress(OSError):
                os.unlink(self._name, dir_fd=self._folder)
            if self._journal is not None:
                self._journal.remove()
            return
        if self.arrived:
            kept = f'{self._arrived_text} of "{self._wanted.location}" have arrived and stay here'
            self._journals.tell(f"{kept}: {HOW_TO_GO_ON}")

    @property
    def _arrived_text(self) -> str:
        return amount_text(self.arrived, self._wanted.size)

    def close(self) -> None:
        """Close the file and its journal."""
        # Forgotten first: a thread that was left behind must not write to what is opened next in its place.
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
        if self._journal is not None:
            self._journal.leave()


@contextmanager
def part_file(
    storage: Storage, wanted: StoredObject, folder: int, target: Path, cancellation: Cancellation
) -> Iterator[PartFile]:
    """Open the file for a download: removed when the inside fails, unless another run can go on with it.

    Args:
        storage: where the object is.
        wanted: the object.
        folder: descriptor of the target's folder.
        target: the file to be, a whole path.
        cancellation: of the transfer.
    """
    journals = storage.journals
    identity, journal = None, None
    if journals and wanted.etag and wanted.size > PIECE_BYTES:
        place = (wanted.location.bucket, wanted.location.key, str(target))
        identity = TransferIdentity("download", storage.place, *place)
        journal = journals.open(identity)
    part = PartFile(folder, target, wanted, (journal, journals) if journal and journals else None)
    try:
        with cancellation.on_failure(part.leave):
            part.open(identity, storage, cancellation)
            yield part
    finally:
        part.close()
