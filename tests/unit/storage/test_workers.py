from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from oscarcli.storage.cancel import Cancellation, Cancelled
from oscarcli.storage.workers import run_parallel

LONG = 30.0


def test_every_item_is_worked_on_once() -> None:
    outcomes = list(run_parallel(range(100), lambda item: item * 2, Cancellation(), workers=7))
    assert sorted((done.item, done.answer) for done in outcomes) == [(n, 2 * n) for n in range(100)]


def test_no_items_no_outcomes() -> None:
    assert list(run_parallel([], lambda item: item, Cancellation(), workers=3)) == []


def test_a_failure_is_handed_over_and_stops_nothing() -> None:
    def do(item: int) -> int:
        if item == 3:
            raise ValueError("three")
        return item

    outcomes = list(run_parallel(range(6), do, Cancellation(), workers=2))
    assert [done.item for done in outcomes if done.error] == [3]
    assert len(outcomes) == 6


def test_an_outcome_knows_of_another_one_that_is_there_already() -> None:
    go = threading.Event()
    before = set(threading.enumerate())

    def do(item: int) -> None:
        if item:
            go.wait(LONG)

    with closing(run_parallel(range(3), do, Cancellation(), workers=3)) as outcomes:
        alone = next(outcomes)
        go.set()
        for thread in set(threading.enumerate()) - before:
            thread.join(LONG)
        rest = list(outcomes)
    assert (alone.item, alone.has_next) == (0, False)
    assert [done.has_next for done in rest] == [True, False], "the ends of the threads are no outcomes"


def test_never_more_at_a_time_than_allowed() -> None:
    lock = threading.Lock()
    running = 0
    most = 0
    gate = threading.Barrier(3)

    def do(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        gate.wait(LONG)
        with lock:
            running -= 1

    list(run_parallel(range(9), do, Cancellation(), workers=3))
    assert most == 3


def test_what_the_items_raise_comes_after_those_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("broken listing")

    seen: list[int] = []

    def consume() -> None:
        for done in run_parallel(items(), lambda item: item, Cancellation(), workers=2):
            seen.append(done.item)

    with pytest.raises(ValueError, match="broken listing"):
        consume()
    assert sorted(seen) == [1, 2]


def test_leaving_early_calls_the_rest_off() -> None:
    cancellation = Cancellation()
    started = threading.Event()

    def do(item: int) -> int:
        if item == 0:
            started.wait(LONG)
            return item
        started.set()
        while True:
            cancellation.sleep(LONG)

    with closing(run_parallel(range(2), do, cancellation, workers=2)) as outcomes:
        next(outcomes)
    assert cancellation.requested


def test_calling_off_from_outside_ends_the_iteration() -> None:
    cancellation = Cancellation()

    def do(item: int) -> None:
        if item == 5:
            cancellation.cancel()
        cancellation.check()

    with pytest.raises(Cancelled):
        list(run_parallel(range(1000), do, cancellation, workers=2))


def test_a_stuck_thread_is_left_behind_and_its_traces_are_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oscarcli.storage.workers.MAX_FINISH_SECONDS", 0.05)
    cancellation = Cancellation()
    release, stuck = threading.Event(), threading.Event()
    undone = []

    def do(item: int) -> None:
        if item == 0:
            stuck.wait(LONG)
            raise ValueError("first")
        with cancellation.on_failure(lambda: undone.append("once")):
            stuck.set()
            release.wait(LONG)
            cancellation.check()

    with closing(run_parallel(range(2), do, cancellation, workers=2)) as outcomes:
        next(outcomes)
    assert undone == ["once"]
    release.set()


def test_an_undo_that_nobody_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oscarcli.storage.workers.MAX_FINISH_SECONDS", 0.05)
    monkeypatch.setattr("oscarcli.storage.workers.MAX_UNDO_SECONDS", 0.05)
    cancellation = Cancellation()
    release, stuck, undoing = threading.Event(), threading.Event(), threading.Event()

    def undo() -> None:
        undoing.set()
        release.wait(LONG)

    def do(item: int) -> None:
        if item == 0:
            stuck.wait(LONG)
            raise ValueError("first")
        with cancellation.on_failure(undo):
            stuck.set()
            release.wait(LONG)

    started = time.monotonic()
    with closing(run_parallel(range(2), do, cancellation, workers=2)) as outcomes:
        next(outcomes)
    assert undoing.is_set()
    assert time.monotonic() - started < LONG / 2
    release.set()


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_threads_that_the_system_does_not_give_are_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def start_few(thread: threading.Thread) -> None:
        if len(started) == limit:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_few)
    # More are tried after the first look, however busy this machine is.
    monkeypatch.setattr("oscarcli.storage.workers.MAX_CPU_SHARE", 1000)
    items = run_parallel(range(100), lambda _: time.sleep(0.001), Cancellation(), workers=4, most=16)
    assert sorted(done.item for done in items) == list(range(100))
    assert len(started) == limit


def test_without_any_thread_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="can't start"):
        list(run_parallel(range(3), str, Cancellation(), workers=2))


def test_undoing_happens_on_failure_only() -> None:
    cancellation = Cancellation()
    undone = []
    with cancellation.on_failure(lambda: undone.append("good")):
        pass
    with pytest.raises(ValueError, match="bad"), cancellation.on_failure(lambda: undone.append("bad")):
        raise ValueError("bad")
    assert undone == ["bad"]


def test_an_undo_that_fails_does_not_hide_the_failure() -> None:
    def fail() -> None:
        raise OSError("undo")

    with pytest.raises(ValueError, match="first"), Cancellation().on_failure(fail):
        raise ValueError("first")


def test_what_was_undone_meanwhile_is_not_done() -> None:
    cancellation = Cancellation()
    with pytest.raises(Cancelled), cancellation.on_failure(lambda: None):
        cancellation.rollback()


def test_a_request_wakes_up_whoever_waits() -> None:
    cancellation = Cancellation()
    woken = threading.Event()
    with cancellation.waking(woken.set):
        cancellation.cancel()
    assert woken.is_set()
    with pytest.raises(Cancelled), cancellation.waking(woken.set):
        raise AssertionError("nobody may start to wait now")


def test_a_part_is_called_off_with_the_whole_but_not_the_other_way() -> None:
    whole = Cancellation()
    with whole.part() as part:
        part.cancel()
        assert not whole.requested
    with whole.part() as part:
        whole.cancel()
        assert part.requested
