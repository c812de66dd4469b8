"""How many threads work: more for as long as more get more done."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from functools import partial

import pytest

from oscarcli.storage import workers
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.workers import Growth, run_parallel


class Gauge:
    """How many are inside at the same time, and how many were at most; `reached` once they are so many."""

    def __init__(self, expected: int) -> None:
        self._lock = threading.Lock()
        self.now = self.most = 0
        self._expected = expected
        self.reached = threading.Event()

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        if self.most >= self._expected:
            self.reached.set()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.now -= 1


def most_at_once(expected: int, **limits: int) -> int:
    """Return how many items are worked on at the same time at most.

    Those of the second half wait until as many are as are expected, however long their threads take to start.
    """
    gauge, items = Gauge(expected), 12 * expected

    def do(item: int) -> int:
        with gauge:
            time.sleep(0.01)
            if item > items // 2:
                gauge.reached.wait(30)
        return item

    with closing(run_parallel(range(items), do, Cancellation(), **limits)) as outcomes:
        assert sorted(outcome.item for outcome in outcomes) == list(range(items))
    return gauge.most


def test_waiting_work_gets_all_threads_that_it_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    # By a clock that stands still each step gets more done.
    growth = partial(Growth, clock=lambda: 0.0, cpu_clock=lambda: 0.0)
    monkeypatch.setattr(workers, "Growth", growth)
    assert most_at_once(32, workers=2, most=32) == 32


def test_without_room_to_grow_the_number_stays() -> None:
    assert most_at_once(3, workers=3) == 3


class Rates:
    """A clock that stands still, but for the time that a number of items takes."""

    def __init__(self, most: int) -> None:
        self.now, self.new = 0.0, 0
        self.growth = Growth(2, most, clock=lambda: self.now, cpu_clock=lambda: 0.0)

    def step(self, rate: float) -> int:
        """Let every new thread do its first item, and all of them one more at so many a second."""
        for _ in range(self.new):
            assert self.growth.finished(is_first=True) == 0
        self.new = 0
        for _ in range(self.growth.size):
            self.now += 1 / rate
            if change := self.growth.finished(is_first=False):
                self.new = max(change, 0)
                return change
        return 0


def test_where_more_threads_get_no_more_done_they_are_given_up() -> None:
    rates = Rates(most=512)
    assert [rates.step(rate) for rate in (100, 300, 330)] == [6, 24, -24]
    assert rates.growth.size == 2 * workers.GROWTH_FACTOR
    assert rates.step(5000) == 0, "it has settled"


def test_the_first_item_of_a_new_thread_tells_nothing() -> None:
    rates = Rates(most=8)
    assert rates.step(100) == 6
    rates.now += 3600
    assert rates.step(400) == 0, "there may be no more"
    assert rates.growth.size == 8


def test_a_busy_process_starts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "MAX_CPU_SHARE", -1.0)
    assert most_at_once(2, workers=2, most=32) == 2


def test_threads_that_were_added_are_called_off_too() -> None:
    cancellation = Cancellation()
    gauge = Gauge(8)

    def do(_: int) -> None:
        with gauge:
            cancellation.sleep(0.01 if gauge.most < 8 else 60)

    started = time.monotonic()
    with closing(run_parallel(range(1000), do, cancellation, workers=2, most=8)) as outcomes:
        for _ in outcomes:
            if gauge.most == 8:
                break
    assert gauge.now == 0
    assert time.monotonic() - started < 30
