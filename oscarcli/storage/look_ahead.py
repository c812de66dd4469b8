"""What is known of many tasks before the first one is begun."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Generic, TypeVar

# So many entries of a listing are looked at before the first transfer, to know the total, but no longer than
# so many seconds.
MAX_TASKS_AHEAD = 10_000
MAX_LOOK_AHEAD_SECONDS = 1.0

Task = TypeVar("Task")


class LookAhead(Generic[Task]):
    """Tasks of which the first are known before any is begun.

    Attributes:
        first: those that are known.
        is_all: whether there are no others.
        all: the known ones and the others.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        rest = iter(tasks)
        self.first: list[Task] = []
        self.is_all = True
        deadline = time.monotonic() + MAX_LOOK_AHEAD_SECONDS
        for task in rest:
            self.first.append(task)
            if len(self.first) >= MAX_TASKS_AHEAD or time.monotonic() >= deadline:
                self.is_all = False
                break
        self.all: Iterator[Task] = chain(self.first, rest)

    def workers(self, most: int) -> int:
        """Return how many may have something to do at the same time, at least one."""
        return max(1, min(most, len(self.first))) if self.is_all else most
