"""Following a log, over a clock that takes no time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from oscarcli.api.responses import ServerError
from oscarcli.errors import NotFoundError, UnreachableError
from oscarcli.jobs import follow
from oscarcli.jobs.follow import LogEvent, LogFollower
from oscarcli.jobs.log_lines import LineSelection

Look = tuple[str | Exception | None, str | Exception | None]
AWAY = UnreachableError("cannot look: refused")


class Played:
    """A job that shows one look after the other, the last one for ever; `lists` counts what was asked."""

    def __init__(self, looks: list[Look]) -> None:
        self.looks = looks
        self.lists = 0
        self.logs = 0
        self.log: str | Exception | None = None

    def find_job(self, *_: Any) -> dict[str, str]:
        self.lists += 1
        state, self.log = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(state, Exception):
            raise state
        if state is None:
            raise NotFoundError('service "svc" has no job "j"')
        return {"status": state}

    def find_log(self, *_: Any, **__: Any) -> str | None:
        self.logs += 1
        if isinstance(self.log, Exception):
            raise self.log
        return self.log


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

    def played(*looks: Look, **options: Any) -> LogFollower:
        job = Played(list(looks))
        monkeypatch.setattr(follow, "find_job", job.find_job)
        monkeypatch.setattr(follow, "find_log", job.find_log)
        client: Any = None
        return LogFollower(client, "svc", "j", **options)

    return played


def texts(follower: LogFollower) -> list[str]:
    return [event.text for event in follower.events() if event.text]


def states(events: Iterator[LogEvent]) -> list[Any]:
    return [event.job["status"] for event in events if event.job]


def test_lines_come_whole_and_once_until_the_job_ends(play: Any) -> None:
    follower = play(
        ("Suspended", None),
        ("Pending", None),
        ("Running", ""),
        ("Running", "one\ntw"),
        ("Running", "one\ntw"),
        ("Running", "one\ntwo\nthr"),
        ("Succeeded", "one\ntwo\nthree"),
    )
    events = list(follower.events())
    assert [event.text for event in events if event.text] == ["one\n", "two\n", "three\n"]
    assert states(iter(events)) == ["Suspended", "Pending", "Running", "Succeeded"]
    assert (follower.job, follower.log) == ({"status": "Succeeded"}, "one\ntwo\nthree")


def test_a_waiting_job_is_not_asked_for_a_log_it_cannot_have(play: Any, monkeypatch: Any) -> None:
    follower = play(("Suspended", AWAY), ("Pending", AWAY), ("Succeeded", "one\n"))
    assert texts(follower) == ["one\n"]


def test_a_failed_job_is_told_with_all_of_its_log(play: Any) -> None:
    follower = play(("Running", "one\n"), ("Failed", "one\nwhy\n"))
    assert texts(follower) == ["one\n", "why\n"]
    assert follower.job == {"status": "Failed"}


def test_an_unknown_state_is_not_the_end(play: Any) -> None:
    assert texts(play(("Unknown", "a\n"), ("Running", "a\nb\n"), ("Succeeded", "a\nb\n"))) == ["a\n", "b\n"]


def test_a_job_without_a_log_has_an_end_all_the_same(play: Any) -> None:
    assert texts(play(("Pending", None), ("Failed", None))) == []


def test_of_a_log_that_begins_anew_only_new_lines_are_shown(play: Any) -> None:
    looks = [("Running", "a\nb\n"), ("Running", "x\nb\n"), ("Succeeded", "x\nb\ny\n")]
    assert texts(play(*looks)) == ["a\nb\n", "x\n", "y\n"]


def test_lines_that_come_between_others_are_shown_when_they_come(play: Any) -> None:
    looks = [
        ("Running", "head\nsaid\n"),
        ("Running", "head\ntail\nsaid\nmore\n"),
        ("Succeeded", "head\ntail\nsaid\nmore\nend"),
    ]
    assert texts(play(*looks)) == ["head\nsaid\n", "tail\nmore\n", "end\n"]


def test_a_log_that_vanishes_or_shrinks_is_not_shown_twice(play: Any) -> None:
    looks = [("Running", "a\nb\n"), ("Running", None), ("Running", "a\n"), ("Succeeded", "a\nb\n")]
    assert texts(play(*looks)) == ["a\nb\n"]


def test_lines_whose_start_was_dropped_by_the_node_are_shown_once(play: Any) -> None:
    def log(first: int, last: int) -> str:
        return "".join(f"2026-01-01T00:00:{n:02}.000000001Z tick\n" for n in range(first, last))

    looks = [("Running", log(0, 20)), ("Running", log(10, 30)), ("Succeeded", log(25, 40))]
    assert "".join(texts(play(*looks))) == "tick\n" * 40
    looks = [("Running", log(0, 20)), ("Running", log(10, 30)), ("Succeeded", log(25, 40))]
    assert "".join(texts(play(*looks, selection=LineSelection(times=True)))) == log(0, 40)


def test_the_last_lines_that_are_there_come_first_and_then_all_that_is_new(play: Any) -> None:
    looks: list[Look] = [
        ("Running", "a\nb\nc\n"),
        ("Running", "a\nb\nc\nd\ne\n"),
        ("Succeeded", "a\nb\nc\nd\ne\nf\n"),
    ]
    assert texts(play(*looks, selection=LineSelection(tail=1))) == ["c\n", "d\ne\n", "f\n"]
    looks = [("Running", "a\nb\nc\n"), ("Succeeded", "a\nb\nc\nd\n")]
    assert texts(play(*looks, selection=LineSelection(tail=0))) == ["d\n"]
    looks = [("Pending", None), ("Running", "a\nb\n"), ("Succeeded", "a\nb\n")]
    assert texts(play(*looks, selection=LineSelection(tail=1))) == ["a\nb\n"]


# -- a server that is away -----------------------------------------------------------------------


def test_a_short_absence_of_the_server_is_told_once_and_waited_for(play: Any) -> None:
    follower = play(("Running", "a\n"), *[(AWAY, None)] * 5, ("Succeeded", "a\nb\n"))
    events = list(follower.events())
    assert [event.text for event in events if event.text] == ["a\n", "b\n"]
    assert [event.note for event in events if event.note] == [
        "cannot look: refused; trying again for 60 s",
        "the server answers again",
    ]


def test_a_log_that_fails_after_the_end_was_seen_is_asked_for_again(play: Any) -> None:
    follower = play(("Running", "a\n"), ("Succeeded", AWAY))
    events = follower.events()
    seen = [next(events) for _ in range(3)]
    assert seen[-1].note.startswith("cannot look")
    follow.find_log.__self__.log = "a\nb\n"  # type: ignore[attr-defined]
    assert [event.text for event in events if event.text] == ["b\n"]


def test_a_log_that_is_gone_at_the_end_is_not_taken_for_the_end_of_it(play: Any, clock: list[float]) -> None:
    with pytest.raises(UnreachableError, match="end of the log"):
        texts(play(("Running", "a\n"), ("Succeeded", None)))
    assert clock[0] >= 60


@pytest.mark.parametrize("error", [AWAY, ServerError("cannot list: the server failed")])
def test_a_long_absence_is_an_error(play: Any, clock: list[float], error: Exception) -> None:
    with pytest.raises(type(error)):
        texts(play(("Running", "a\n"), (error, None)))
    assert 60 <= clock[0] < 75


def test_a_server_that_never_gave_an_answer_and_fails_is_an_error_at_once(
    play: Any, clock: list[float]
) -> None:
    with pytest.raises(ServerError):
        texts(play((ServerError("cannot list: the server failed"), None)))
    assert clock[0] == 0


def test_a_job_that_was_removed_ends_it(play: Any) -> None:
    with pytest.raises(NotFoundError, match="was removed while it was followed"):
        texts(play(("Running", "a\n"), (None, None)))
    with pytest.raises(NotFoundError, match='has no job "j"'):
        texts(play((None, None)))


def test_a_new_job_may_take_a_while_to_appear(play: Any, clock: list[float]) -> None:
    assert texts(play((None, None), (None, None), ("Succeeded", "a\n"), appear=5.0)) == ["a\n"]
    with pytest.raises(NotFoundError):
        texts(play((None, None), appear=5.0))


def test_a_limit_ends_the_wait(play: Any, clock: list[float]) -> None:
    with pytest.raises(UnreachableError, match="has not ended after 20 s: Running"):
        texts(play(("Running", "a\n"), limit=20.0))
    assert 20 <= clock[0] < 21


# -- manners -------------------------------------------------------------------------------------


def test_looks_are_frequent_while_something_happens_and_rare_while_nothing_does(
    play: Any, clock: list[float]
) -> None:
    texts(play(*[("Running", "a\n")] * 12, ("Running", "a\nb\n"), ("Succeeded", "a\nb\n")))
    pauses = clock[1:]
    assert pauses[0] == follow.MIN_PAUSE_SECONDS
    assert pauses[1:12] == sorted(pauses[1:12])
    assert max(pauses) == follow.MAX_PAUSE_SECONDS
    assert follow.MIN_PAUSE_SECONDS in pauses[12:]


def test_a_long_list_of_jobs_is_asked_for_seldom(
    play: Any, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Played([("Running", "")])
    follower = play(("Running", ""))

    def slow(*_: Any) -> dict[str, str]:
        clock[0] += 2.0
        if clock[0] > 300:
            job.looks = [("Succeeded", "")]
        return job.find_job()

    monkeypatch.setattr(follow, "find_job", slow)
    monkeypatch.setattr(follow, "find_log", lambda *_, **__: "a\n")
    texts(follower)
    assert 10 < job.lists < 35


def test_the_supervisors_last_words_bring_the_end_forward(play: Any, clock: list[float]) -> None:
    line = "2026-01-01 00:00:00,000 - supervisor - INFO - Creating response\n"
    follower = play(("Running", line), ("Succeeded", line))
    texts(follower)
    assert clock[1:] == [follow.MIN_PAUSE_SECONDS]
