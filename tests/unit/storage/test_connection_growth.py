"""How many connections one thread looks after: more for as long as it waits."""

from __future__ import annotations

import pytest

from oscarcli.storage.wire.connection_growth import ConnectionGrowth


class Run:
    """Answers that arrive in rounds: of a round all are sent together, and arrive together."""

    def __init__(self, most: int) -> None:
        self.now = 0.0
        self.growth = ConnectionGrowth(most)
        self.growth.begin(self.now)

    def round(self, latency: float, waited: float) -> int:
        """Let a round take so many seconds, of which so many are waited for; return the size then."""
        started, count = self.now, self.growth.size
        self.now += latency
        self.growth.waited(waited)
        for _ in range(count):
            self.growth.answered(started, self.now)
        return self.growth.size


def test_it_grows_while_answers_are_waited_for() -> None:
    run = Run(most=256)
    assert [run.growth.size, run.round(0.05, 0.03), run.round(0.05, 0.03), run.round(0.05, 0.03)] == [
        *(16, 80, 256),
        256,
    ]


def test_what_came_before_the_first_request_tells_nothing() -> None:
    run = Run(most=256)
    run.growth.waited(0.4)
    run.now += 1.0
    run.growth.begin(run.now)
    assert run.round(0.05, 0.03) == 80


def test_the_step_is_as_large_as_the_wait() -> None:
    steps = {waited: Run(most=1000).round(0.05, waited) for waited in (0.021, 0.025, 0.04, 0.045, 0.05)}
    assert steps == {0.021: 64, 0.025: 64, 0.04: 160, 0.045: 256, 0.05: 256}


def test_a_busy_thread_needs_no_more() -> None:
    run = Run(most=256)
    assert [run.round(0.05, 0.01) for _ in range(4)] == [16, 16, 16, 16]
    assert run.round(0.05, 0.03) == 80, "the way has become longer"


def test_a_server_that_does_no_more_at_once_gets_no_more() -> None:
    run = Run(most=256)
    assert run.round(0.05, 0.03) == 80
    assert run.round(0.24, 0.23) == 16, "five times as many wait for almost five times as long"
    assert [run.round(0.05, 0.03) for _ in range(3)] == [16, 16, 16], "that is the last word"


def test_slower_answers_are_worth_it_where_more_of_them_come() -> None:
    run = Run(most=1000)
    assert run.round(0.05, 0.03) == 80
    assert run.round(0.15, 0.09) == 400


def test_answers_that_a_busy_thread_comes_late_to_tell_nothing_of_the_server() -> None:
    run = Run(most=256)
    assert run.round(0.05, 0.03) == 80
    assert [run.round(0.5, 0.1) for _ in range(3)] == [80, 80, 80]


@pytest.mark.parametrize("most", [1, 7, 40])
def test_there_are_no_more_than_may_be(most: int) -> None:
    run = Run(most)
    assert run.growth.size == min(16, most)
    assert [run.round(0.05, 0.05) for _ in range(3)][-1] == most
