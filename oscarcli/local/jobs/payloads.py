"""The payload of a run: a job has it in memory, a synchronous call in a file that it was written to."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


class RunPayload(Protocol):
    """The bytes that a run is about."""

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def open(self) -> BinaryIO:
        """Return them as a stream, which the caller closes. Raises OSError."""
        ...

    def read(self) -> bytes:
        """Return all of them. Raises OSError."""
        ...


@dataclass(frozen=True)
class PayloadBytes:
    """A payload in memory."""

    data: bytes

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.data)

    def open(self) -> BinaryIO:
        """Return a stream of it."""
        return io.BytesIO(self.data)

    def read(self) -> bytes:
        """Return it."""
        return self.data


@dataclass(frozen=True)
class PayloadFile:
    """A payload in a file, which may be larger than memory."""

    path: Path

    @property
    def size(self) -> int:
        """Its bytes. Raises OSError."""
        return self.path.stat().st_size

    def open(self) -> BinaryIO:
        """Return the opened file. Raises OSError."""
        return self.path.open("rb")

    def read(self) -> bytes:
        """Return its content. Raises OSError."""
        return self.path.read_bytes()
