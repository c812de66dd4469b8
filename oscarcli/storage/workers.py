"""A bounded number of threads over any number of items, given up within seconds when called off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar

from oscarcli.storage.cancel import Cancellation, Cancelled

Item = TypeVar("Item")
Answer = TypeVar("Answer")

# Threads that are told to stop finish what they hold on a server (an abort of a multipart upload) within
# this many seconds, or it is done for them.
MAX_FINISH_SECONDS = 2.0


@dataclass(frozen=True)
class CompletedItem(Generic[Item, Answer]):
    """What became of one item: an answer, or the exception its work ended with."""

    item: Item
    answer: Answer | None = None
    error: Exception | None = None


def run_parallel(
    items: Iterable[Item], do: Callable[[Item], Answer], cancellation: Cancellation, *, workers: int
) -> Generator[CompletedItem[Item, Answer], None, None]:
    """Yield what became of each item, in the order of completion.

    Items are taken from the iterable as threads become free, so it may be long or slow. Leaving the
    iteration early, by an exception such as KeyboardInterrupt too, calls the rest off; use
    `contextlib.closing` so that this happens at once.

    Args:
        items: what to work on; consumed in the worker threads, one at a time.
        do: the work; exceptions it raises are handed over in `CompletedItem.error`.
        cancellation: calls the work off; requested by this function when the iteration is left early.
        workers: most items worked on at the same time.

    Raises:
        Exception: what the iterable raised, after the items before it are done.
        Cancelled: the work was called off from outside.
    """
    pool = _WorkerPool(items, do, cancellation, workers)
    try:
        yield from pool.results()
    except BaseException:
        pool.dismiss()
        raise
    cancellation.check()


class _WorkerPool(Generic[Item, Answer]):
    """The threads of one `work`."""

    def __init__(
        self, items: Iterable[Item], do: Callable[[Item], Answer], cancellation: Cancellation, workers: int
    ) -> None:
        self._items = iter(items)
        self._do = do
        self._cancellation = cancellation
        self._taking = threading.Lock()
        self._exhausted = False
        self._broken: Exception | None = None
        self._finished: SimpleQueue[CompletedItem[Item, Answer] | None] = SimpleQueue()
        # Workers never run far ahead of whoever takes the outcomes, and may decide to stop.
        self._room = threading.Semaphore(2 * workers)
        # Daemons: a thread stuck in a dead connection must not keep the process from ending.
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(workers)]

    def results(self) -> Iterator[CompletedItem[Item, Answer]]:
        """Yield outcomes until all threads are done. Raises what the iterable of items raised."""
        for thread in self._threads:
            thread.start()
        running = len(self._threads)
        while running:
            done = self._finished.get()
            if done is None:
                running -= 1
            else:
                yield done
                self._room.release()
        if self._broken is not None:
            raise self._broken

    def dismiss(self) -> None:
        """Call off what still runs and wait for it, though not for long."""
        self._cancellation.cancel()
        for _ in self._threads:
            self._room.release()
        deadline = time.monotonic() + MAX_FINISH_SECONDS
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))
        self._cancellation.rollback()

    def _run(self) -> None:
        try:
            while not self._exhausted:
                self._room.acquire()
                if self._cancellation.requested or not self._work_on_next():
                    break
        finally:
            self._finished.put(None)

    def _work_on_next(self) -> bool:
        try:
            with self._taking:
                item = next(self._items)
        except StopIteration:
            self._exhausted = True
            return False
        except Exception as error:  # noqa: BLE001 -- carried to the thread that iterates
            self._exhausted = True
            self._broken = error
            return False
        try:
            self._finished.put(CompletedItem(item, answer=self._do(item)))
        except Cancelled:
            return False
        except Exception as error:  # noqa: BLE001 -- carried to the thread that iterates
            self._finished.put(CompletedItem(item, error=error))
        return True
