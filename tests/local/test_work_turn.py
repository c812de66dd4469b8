"""The turn of those who change something in a moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from oscarcli.local.work_turn import WorkTurn
from tests.local.harness import wait_for


def test_one_thread_at_a_time_has_the_turn_until_it_leaves() -> None:
    turn = WorkTurn()
    entered: list[str] = []
    left = threading.Event()

    def work() -> None:
        with turn.held():
            entered.append("second")
            left.wait(30)
        entered.append("out")

    with ThreadPoolExecutor(1) as pool:
        with turn.held():
            second = pool.submit(work)
            entered.append("first")
            turn.leave()
            wait_for(lambda: len(entered) == 2, "the second")
            # It is somebody else's by now.
            turn.leave()
        assert turn._lock.locked()
        left.set()
        second.result()
    assert entered == ["first", "second", "out"]
    with turn.held():
        pass


def test_a_failure_gives_the_turn_away() -> None:
    turn = WorkTurn()
    with pytest.raises(KeyError), turn.held():
        raise KeyError
    assert not turn._lock.locked()
