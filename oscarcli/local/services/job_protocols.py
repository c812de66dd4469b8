"""What services need of jobs, which stand above them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class JobTable(Protocol):
    """What a service that goes needs of the table of jobs."""

    def names(self, service: str) -> list[str]:
        """Return the names of a service's jobs."""

    def remove(self, names: Sequence[str]) -> None:
        """Remove jobs."""


class JobQueue(Protocol):
    """What a service that goes needs of the scheduler."""

    def forget(self, names: Sequence[str]) -> None:
        """Stop jobs whose rows are gone, and remove their logs."""
