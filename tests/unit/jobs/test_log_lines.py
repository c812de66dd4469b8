"""Lines of logs: new ones, their times, chosen ones."""

from __future__ import annotations

import random
from datetime import datetime, timezone

import pytest

from oscarcli.jobs.log_lines import LineSelection, SeenLines, have_times, lines_of, time_of, without_time

STAMP = "2026-06-12T09:05:29.123456789Z"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("\n", [""]),
        ("a", ["a"]),
        ("a\n", ["a"]),
        ("a\n\n", ["a", ""]),
        ("a\r\nb\x85c\n", ["a\r", "b\x85c"]),
    ],
)
def test_only_a_line_feed_ends_a_line(text: str, lines: list[str]) -> None:
    assert lines_of(text) == lines


@pytest.mark.parametrize(
    ("line", "rest", "second"),
    [
        (f"{STAMP} words", "words", 29),
        (f"{STAMP} ", "", 29),
        (STAMP, "", 29),
        ("2026-06-12T11:05:29+02:00  two blanks", " two blanks", 29),
        ("2026-06-12T09:05:29.5Z x", "x", 29),
    ],
)
def test_times_are_told_and_taken_off(line: str, rest: str, second: int) -> None:
    moment = time_of(line)
    assert moment is not None
    assert moment.astimezone(timezone.utc).replace(microsecond=0) == datetime(
        2026, 6, 12, 9, 5, second, tzinfo=timezone.utc
    )
    assert without_time(line) == rest


@pytest.mark.parametrize("line", ["words", "", "2026-06-12 09:05:29 x", f"{STAMP}x", f"x {STAMP}"])
def test_what_is_no_time_stays(line: str) -> None:
    assert (time_of(line), without_time(line), have_times([line])) == (None, line, False)


def test_a_day_that_does_not_exist_is_no_time() -> None:
    assert time_of("2026-02-31T09:05:29Z x") is None


def test_any_growth_of_a_log_gives_each_line_once_and_in_order() -> None:
    chance = random.Random(7)
    lines = [f"{STAMP[:-10]}{n:09}Z {chance.choice(['tick', 'tock', ''])}" for n in range(2000)]
    text = "\n".join(lines) + "\n"
    seen, found = SeenLines(), []
    for end in sorted(chance.randrange(len(text)) for _ in range(200)):
        found += seen.new_lines(text[:end], ended=False)
    found += seen.new_lines(text, ended=True)
    assert found == lines


def test_equal_lines_without_times_are_counted() -> None:
    seen = SeenLines()
    assert seen.new_lines("a\na\nb\n", ended=False) == ["a", "a", "b"]
    assert seen.new_lines("a\na\nb\na\nb\n", ended=False) == ["a", "b"]
    assert seen.new_lines("", ended=False) == []
    assert seen.new_lines("a\na\nb\na\nb\nc", ended=False) == []
    assert seen.new_lines("a\na\nb\na\nb\nc", ended=True) == ["c"]


def test_lines_are_chosen_by_time_and_by_number() -> None:
    lines = [f"2026-01-01T00:00:{n:02}Z line {n}" for n in range(10)]
    since = datetime(2026, 1, 1, 0, 0, 6, tzinfo=timezone.utc)
    assert LineSelection(since=since).of(lines, timed=True) == ["line 6", "line 7", "line 8", "line 9"]
    assert LineSelection(since=since, tail=2, times=True).of(lines, timed=True) == lines[8:]
    assert LineSelection(tail=0).of(lines, timed=True) == []
    assert LineSelection(tail=99).of(["a"], timed=False) == ["a"]
    assert LineSelection(since=since).of(["a"], timed=False) == ["a"]
    assert LineSelection(tail=1).of(["a", "b"], timed=False, first=False) == ["a", "b"]
