"""Moments in tables: local ones, and distances."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from oscarcli.output.times import relative, shown_time
from oscarcli.timestamps import clock

NOW = datetime(2026, 6, 12, 9, 5, 29, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def _two_hours_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC-2")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("2026-06-12T09:05:29Z", "2026-06-12 11:05:29"),
        ("2026-06-12T09:05:29.123456789Z", "2026-06-12 11:05:29"),
        ("2026-06-12T11:05:29+02:00", "2026-06-12 11:05:29"),
        ("2026-06-12 09:05:29.123 +0000 UTC", "2026-06-12 11:05:29"),
        (NOW, "2026-06-12 11:05:29"),
        ("2026-06-12 09:05:29.123456789 +0200 CEST", "2026-06-12 09:05:29.123456789 +0200 CEST"),
        ("2026-06-12T09:05:29", "2026-06-12T09:05:29"),
        ("2026-99-99T00:00:00Z", "2026-99-99T00:00:00Z"),
        ("soon", "soon"),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_a_time_is_shown_in_the_zone_of_this_machine(value: object, shown: str | None) -> None:
    assert shown_time(value) == shown


def test_the_first_moment_there_is_has_no_place_in_a_zone_west_of_greenwich(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "WEST5")
    time.tzset()
    assert shown_time("0001-01-01T00:00:00Z") == "0001-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(), "now"),
        (timedelta(milliseconds=-900), "now"),
        (timedelta(seconds=-1), "1 second ago"),
        (timedelta(seconds=-59), "59 seconds ago"),
        (timedelta(minutes=-3, seconds=-20), "3 minutes ago"),
        (timedelta(hours=-1), "1 hour ago"),
        (timedelta(hours=-47), "1 day ago"),
        (timedelta(days=-29), "29 days ago"),
        (timedelta(days=-70), "2 months ago"),
        (timedelta(days=-800), "2 years ago"),
        (timedelta(minutes=15), "in 15 minutes"),
    ],
)
def test_a_distance_in_words(distance: timedelta, words: str) -> None:
    assert relative(distance) == words


def test_distances_are_counted_from_the_given_moment() -> None:
    assert shown_time("2026-06-12T09:00:00Z", NOW) == "5 minutes ago"
    assert shown_time("soon", NOW) == "soon"


def test_fractions_are_kept_to_the_microsecond() -> None:
    found = clock("2026-06-12T09:05:29.123456789Z")
    assert found is not None
    assert found.microsecond == 123456
