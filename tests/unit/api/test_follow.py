"""Following a log, over a clock that takes no time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from oscarcli.api import follow
from oscarcli.api.follow import LogEvent, follow_log
from oscarcli.errors import JobFailedError, NotFoundError, UnreachableError

Look = tuple[str | Exception, str | None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = [0.0]

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        waited[0] += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0 + waited[0])
    return waited


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> Any:
    """Return a function that follows a job through these looks: its state, and its log so far."""

    def played(*looks: Look) -> Iterator[LogEvent]:
        rest = list(looks)
        log: list[str | None] = [None]

        def find_job(*_: Any) -> dict[str, str]:
            state, text = rest.pop(0) if len(rest) > 1 else rest[0]
            if isinstance(state, Exception):
                raise state
            log[0] = text
            return {"status": state}

        monkeypatch.setattr(follow, "find_job", find_job)
        monkeypatch.setattr(follow, "find_log", lambda *_, **__: log[0])
        client: Any = None
        return follow_log(client, "svc", "j")

    return played


def text_of(events: Iterator[LogEvent]) -> list[str]:
    return [event.text for event in events if event.text]


def test_lines_come_whole_and_once_until_the_job_ends(play: Any) -> None:
    events = play(
        ("Suspended", None),
        ("Pending", None),
        ("Running", ""),
        ("Running", "one\ntw"),
        ("Running", "one\ntw"),
        ("Running", "one\ntwo\nthr"),
        ("Succeeded", "one\ntwo\nthree"),
    )
    assert list(events) == [
        LogEvent("one\n"),
        LogEvent("two\n"),
        LogEvent("three\n"),
        LogEvent(note='job "j": Succeeded'),
    ]


def test_a_job_that_failed_is_told_after_its_last_words(play: Any) -> None:
    events = play(("Running", "one\n"), ("Failed", "one\nwhy\n"))
    assert next(events).text == "one\n"
    assert next(events).text == "why\n"
    assert next(events).note == 'job "j": Failed'
    with pytest.raises(JobFailedError, match='job "j" failed'):
        next(events)


def test_an_unknown_state_is_not_the_end(play: Any) -> None:
    assert text_of(play(("Unknown", "a\n"), ("Running", "a\nb\n"), ("Succeeded", "a\nb\n"))) == ["a\n", "b\n"]


def test_a_log_that_begins_anew_is_shown_from_its_start_with_a_word(play: Any) -> None:
    events = list(play(("Running", "a\nb\n"), ("Running", "x\n"), ("Succeeded", "x\ny\n")))
    assert [event.text for event in events] == ["a\nb\n", "x\n", "y\n", ""]
    assert "from its start" in events[1].note


def test_lines_that_come_between_others_are_shown_when_they_come(play: Any) -> None:
    events = play(
        ("Running", "head\nsaid\n"),
        ("Running", "head\ntail\nsaid\nmore\n"),
        ("Succeeded", "head\ntail\nsaid\nmore\nend"),
    )
    assert list(events)[:-1] == [LogEvent("head\nsaid\n"), LogEvent("tail\nmore\n"), LogEvent("end\n")]


def test_a_log_that_vanishes_or_shrinks_is_not_shown_twice(play: Any) -> None:
    assert text_of(
        play(("Running", "a\nb\n"), ("Running", None), ("Running", "a\n"), ("Succeeded", "a\nb\n"))
    ) == ["a\nb\n"]


def test_a_short_absence_of_the_server_is_waited_for(play: Any, clock: list[float]) -> None:
    away = UnreachableError("cannot list: refused")
    events = play(("Running", "a\n"), *[(away, None)] * 5, ("Succeeded", "a\nb\n"))
    assert text_of(events) == ["a\n", "b\n"]


def test_a_long_absence_is_an_error(play: Any, clock: list[float]) -> None:
    with pytest.raises(UnreachableError):
        list(play(("Running", "a\n"), (UnreachableError("cannot list: refused"), None)))
    assert 60 <= clock[0] < 70


def test_a_job_that_was_removed_ends_it(play: Any) -> None:
    with pytest.raises(NotFoundError):
        list(play(("Running", "a\n"), (NotFoundError("no job"), None)))


def test_looks_are_frequent_while_something_happens_and_rare_while_nothing_does(
    play: Any, clock: list[float]
) -> None:
    list(play(*[("Running", "a\n")] * 12, ("Running", "a\nb\n"), ("Succeeded", "a\nb\n")))
    pauses = clock[1:]
    assert pauses[0] == follow.SHORTEST_PAUSE
    assert pauses[1:12] == sorted(pauses[1:12])
    assert max(pauses) == follow.LONGEST_PAUSE
    assert pauses[12] == follow.SHORTEST_PAUSE
