"""Pauses between looks, by a clock that only sleeping and slow answers move."""

from __future__ import annotations

import time

import pytest

from oscarcli.polling import Poll


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(time, "sleep", clock.sleep)
    return clock


def test_pauses_grow_without_news_up_to_the_longest_and_begin_anew_with_news(clock: Clock) -> None:
    poll = Poll(1.0, 3.0)
    assert [poll.wait(changed=changed) for changed in (True, False, False, False, False, True, False)] == [
        True
    ] * 7
    assert clock.slept == [1.0, 1.5, 2.25, 3.0, 3.0, 1.0, 1.5]


def test_a_pause_without_a_longest_stays(clock: Clock) -> None:
    poll = Poll(0.5)
    assert all(poll.wait() for _ in range(4))
    assert clock.slept == [0.5] * 4


def test_a_slow_answer_is_followed_by_a_rest_in_proportion_that_has_an_end(clock: Clock) -> None:
    poll = Poll(1.0, rest=4.0, longest_rest=30.0)
    for seconds in (0.1, 2.0, 20.0):
        poll.begin()
        clock.now += seconds
        poll.wait()
    assert clock.slept == [1.0, 8.0, 30.0]


def test_what_lies_before_a_look_is_no_part_of_its_cost(clock: Clock) -> None:
    poll = Poll(1.0, rest=2.0)
    clock.now += 50.0
    poll.begin()
    clock.now += 0.25
    poll.wait()
    clock.now += 0.75
    poll.wait()
    assert clock.slept == [1.0, 1.5]


def test_the_last_pause_ends_with_the_limit_and_then_there_is_none(clock: Clock) -> None:
    poll = Poll(1.0, limit=2.5)
    assert [poll.wait() for _ in range(4)] == [True, True, True, False]
    assert clock.slept == [1.0, 1.0, 0.5]
    assert poll.left == 0.0


def test_without_a_limit_nothing_is_left_to_tell(clock: Clock) -> None:
    assert Poll(1.0).left is None
    assert Poll(1.0, limit=4.0).left == 4.0
    assert clock.slept == []
