"""What is known of many tasks before the first one is begun, and what becomes known meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from oscarcli.threads import MAX_WAIT_SECONDS

# So many entries of a listing are looked at ahead of the transfers, to know the total.
MAX_TASKS_AHEAD = 10_000
# No transfer waits for that longer than so many seconds.
MAX_LOOK_AHEAD_SECONDS = 1.0
# So many are enough to begin with: two for each of as many connections as there may be.
TASKS_TO_BEGIN = 512

Task = TypeVar("Task")


@dataclass(frozen=True)
class _End:
    """The end of what a thread reads, and the error that it ended with."""

    error: BaseException | None = None


class LookAhead(Generic[Task]):
    """Tasks of which the first are known before any is begun.

    Args:
        tasks: may be slow to come.
        most: at most so many are waited for.

    Attributes:
        first: those that are known.
        is_all: whether there are no others.
        all: the known ones and the others.
    """

    def __init__(self, tasks: Iterable[Task], most: int | None = None) -> None:
        most = MAX_TASKS_AHEAD if most is None else min(most, MAX_TASKS_AHEAD)
        self._rest = iter(tasks)
        self._read: SimpleQueue[Task | _End] = SimpleQueue()
        self._is_closed = False
        self.first: list[Task] = []
        self.is_all = True
        deadline = time.monotonic() + MAX_LOOK_AHEAD_SECONDS
        for task in self._rest:
            self.first.append(task)
            if len(self.first) >= most or time.monotonic() >= deadline:
                self.is_all = False
                break
        self.all: Iterator[Task] = chain(list(self.first), self._rest)

    def workers(self, most: int) -> int:
        """Return how many may have something to do at the same time, at least one."""
        return max(1, min(most, len(self.first))) if self.is_all else most

    def go_on(self, tell_all: Callable[[list[Task]], None]) -> None:
        """Look at more of the tasks while the first ones are done.

        Args:
            tell_all: told all of the tasks once they are known, which they may never be.
        """
        if self.is_all:
            tell_all(self.first)
            return
        every = self._all(list(self.first))
        try:
            threading.Thread(target=self._look_on, args=(tell_all,), daemon=True).start()
        except RuntimeError:
            # The system gives no more threads: who takes the tasks waits for them.
            return
        self.all = every

    def close(self) -> None:
        """Look at no more, and let nobody wait for more. A thread that waits for a server is left behind."""
        self._is_closed = True
        self._read.put(_End())

    def _all(self, known: list[Task]) -> Iterator[Task]:
        yield from known
        yield from self._looked_at()
        if not self._is_closed:
            yield from self._rest

    def _look_on(self, tell_all: Callable[[list[Task]], None]) -> None:
        end = _End()
        try:
            while len(self.first) < MAX_TASKS_AHEAD and not self._is_closed:
                task = next(self._rest, end)
                if isinstance(task, _End):
                    tell_all(self.first)
                    break
                self.first.append(task)
                self._read.put(task)
        except BaseException as error:  # noqa: BLE001 -- raised where the tasks are taken
            end = _End(error)
        self._read.put(end)

    def _looked_at(self) -> Iterator[Task]:
        """Yield what the thread has found. Raises what the iterable of tasks raised."""
        while True:
            try:
                found = self._read.get(timeout=MAX_WAIT_SECONDS)
            except Empty:
                continue
            if not isinstance(found, _End):
                yield found
            elif found.error is None:
                return
            else:
                raise found.error
