"""Who is told how far transfers are."""

from __future__ import annotations

from typing import Protocol


class Meter(Protocol):
    """Whoever wants to know how far a transfer is; called from several threads."""

    def expect(self, files: int | None, size: int | None) -> None:
        """Take the totals; `None` for what is not known."""
        ...

    def advance(self, count: int) -> None:
        """Count bytes; a negative number when they have to be sent again."""
        ...

    def finish_file(self) -> None:
        """Count a file, done or failed."""
        ...


class SilentMeter:
    """A meter nobody looks at."""

    def expect(self, files: int | None, size: int | None) -> None:
        """Ignore the totals."""

    def advance(self, count: int) -> None:
        """Ignore the bytes."""

    def finish_file(self) -> None:
        """Ignore the file."""
