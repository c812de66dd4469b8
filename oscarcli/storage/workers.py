"""A bounded number of threads over any number of items, given up within seconds when called off.

Where it may, the number grows for as long as more threads get more done: on a long way most of the time is
spent waiting, and hundreds of connections are as cheap as a few.
"""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from oscarcli.storage.cancel import Cancellation, Cancelled
from oscarcli.threads import MAX_WAIT_SECONDS, within

Item = TypeVar("Item")
Answer = TypeVar("Answer")

# Threads that are told to stop finish what they hold on a server (an abort of a multipart upload) within
# this many seconds, or it is done for them.
MAX_FINISH_SECONDS = 0.8
# What they left is undone for them, of which a silent server must not hold up the end of the program.
MAX_UNDO_SECONDS = 2.0
# So many times as many threads are tried at a step, and kept when they get so many times as much done.
GROWTH_FACTOR = 4
MIN_RATE_GAIN = 1.2
# A program that computes for so large a part of the time gains nothing by threads: one runs at a time.
# What the system does for it meanwhile does not count, for it does that for several at once.
MAX_CPU_SHARE = 0.6


@dataclass
class CompletedItem(Generic[Item, Answer]):
    """What became of one item: an answer, or the exception its work ended with.

    With `has_next` the outcome of another one is there already.
    """

    item: Item
    answer: Answer | None = None
    error: Exception | None = None
    has_next: bool = False


def run_parallel(
    items: Iterable[Item],
    do: Callable[[Item], Answer],
    cancellation: Cancellation,
    *,
    workers: int,
    most: int = 0,
) -> Generator[CompletedItem[Item, Answer], None, None]:
    """Yield what became of each item, in the order of completion.

    Items are taken from the iterable as threads become free, so it may be long or slow. Leaving the
    iteration early, by an exception such as KeyboardInterrupt too, calls the rest off; use
    `contextlib.closing` so that this happens at once.

    Args:
        items: what to work on; consumed in the worker threads, one at a time.
        do: the work; exceptions it raises are handed over in `CompletedItem.error`.
        cancellation: calls the work off; requested by this function when the iteration is left early.
        workers: items worked on at the same time, to begin with.
        most: at most so many when more of them get more done; `workers` when it is less.

    Raises:
        Exception: what the iterable raised, after the items before it are done.
        Cancelled: the work was called off from outside.
    """
    pool = _WorkerPool(items, do, cancellation, Growth(workers, max(workers, most)))
    try:
        yield from pool.results()
    except BaseException:
        pool.cancel_and_wait()
        raise
    cancellation.check()


def _own_seconds() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


class Growth:
    """How many threads there should be, from how fast items are done. Not safe for threads by itself.

    Args:
        size: so many to begin with.
        most: at most so many.
        clock: gives seconds.
        cpu_clock: gives seconds that the program itself has computed.

    Attributes:
        size: so many there should be.
        is_settled: whether that is the last word.
    """

    def __init__(
        self,
        size: int,
        most: int,
        clock: Callable[[], float] = time.monotonic,
        cpu_clock: Callable[[], float] = _own_seconds,
    ) -> None:
        self._clock, self._cpu_clock = clock, cpu_clock
        self.size = size
        self._most = most
        self.is_settled = size >= most
        # How many did how much before the last step, in items a second.
        self._before = (size, 0.0)
        # Threads of the last step that have yet to do their first item, connections being slow to open.
        self._newcomers = 0
        self._done = 0
        self._since, self._cpu_since = self._clock(), self._cpu_clock()

    def finished(self, *, is_first: bool) -> int:
        """Take note of an item that was done, the first one of its thread or not.

        Returns:
            How many threads to start, or, as a negative number, to end.
        """
        if self.is_settled:
            return 0
        if self._newcomers:
            self._newcomers -= is_first
            self._done = 0
            self._since, self._cpu_since = self._clock(), self._cpu_clock()
            return 0
        self._done += 1
        # As many as there are threads: a look at all of them.
        return 0 if self._done < self.size else self._step()

    def _step(self) -> int:
        seconds = max(self._clock() - self._since, 1e-6)
        rate = self._done / seconds
        size, rate_before = self._before
        if rate < rate_before * MIN_RATE_GAIN:
            wanted = size
        elif self._cpu_clock() - self._cpu_since > seconds * MAX_CPU_SHARE:
            wanted = self.size
        else:
            self._before = (self.size, rate)
            wanted = min(self.size * GROWTH_FACTOR, self._most)
        change = wanted - self.size
        self.is_settled = change <= 0
        self.size, self._newcomers = wanted, max(change, 0)
        return change


class _WorkerPool(Generic[Item, Answer]):
    """The threads of one `run_parallel`."""

    def __init__(
        self,
        items: Iterable[Item],
        do: Callable[[Item], Answer],
        cancellation: Cancellation,
        growth: Growth,
    ) -> None:
        self._items = iter(items)
        self._do = do
        self._cancellation = cancellation
        self._taking = threading.Lock()
        self._growing = threading.Lock()
        self._growth = growth
        self._surplus = 0
        self._exhausted = False
        self._broken: Exception | None = None
        self._finished: SimpleQueue[CompletedItem[Item, Answer] | None] = SimpleQueue()
        # Workers never run far ahead of whoever takes the outcomes, and may decide to stop.
        # A queue of tokens, of which a thread takes one for each item: Python's own semaphores are slower.
        self._room: SimpleQueue[None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._ended = 0

    def results(self) -> Iterator[CompletedItem[Item, Answer]]:
        """Yield outcomes until all threads are done. Raises what the iterable of items raised."""
        with self._growing:
            self._make_room(2 * self._growth.size)
            self._start(self._growth.size)
        following: CompletedItem[Item, Answer] | None = None
        while done := following or self._next():
            following = None if self._finished.empty() else self._next(waits=False)
            done.has_next = following is not None
            yield done
            self._room.put(None)
        if self._broken is not None:
            raise self._broken

    def _next(self, *, waits: bool = True) -> CompletedItem[Item, Answer] | None:
        """Return the next outcome; `None` after the last, or when there is none yet and nobody `waits`."""
        # A thread that starts others does so before its own end.
        while self._ended < len(self._threads) and (waits or not self._finished.empty()):
            try:
                done = self._finished.get(timeout=MAX_WAIT_SECONDS)
            except Empty:
                continue
            if done is not None:
                return done
            self._ended += 1
        return None

    def _make_room(self, count: int) -> None:
        for _ in range(count):
            self._room.put(None)

    def _start(self, count: int) -> None:
        for _ in range(count):
            # Daemons: a thread stuck in a dead connection must not keep the process from ending.
            thread = threading.Thread(target=self._run, daemon=True)
            self._threads.append(thread)
            try:
                thread.start()
            except RuntimeError:
                # The system gives no more: those that there are do it.
                self._threads.remove(thread)
                self._growth.is_settled = True
                if not self._threads:
                    raise
                return

    def cancel_and_wait(self) -> None:
        """Call off what still runs and wait for it, though not for long."""
        self._cancellation.cancel()
        with self._growing:
            self._make_room(len(self._threads))
        deadline = time.monotonic() + MAX_FINISH_SECONDS
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))
        with suppress(TimeoutError):
            within(MAX_UNDO_SECONDS, self._cancellation.rollback)

    def _run(self) -> None:
        is_first = True
        try:
            while not self._exhausted:
                self._room.get()
                if self._cancellation.requested or not self._work_on_next():
                    break
                if not (self._growth.is_settled and not self._surplus) and not self._adapt(is_first):
                    break
                is_first = False
        finally:
            self._finished.put(None)

    def _adapt(self, is_first: bool) -> bool:
        """Start threads, or return False when this one is too many."""
        with self._growing:
            change = self._growth.finished(is_first=is_first)
            if change > 0 and not self._exhausted and not self._cancellation.requested:
                self._make_room(2 * change)
                self._start(change)
            self._surplus -= min(change, 0)
            is_surplus = self._surplus > 0
            self._surplus -= is_surplus
        return not is_surplus

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
