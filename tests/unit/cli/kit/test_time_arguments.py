"""Moments: every way that people and servers write them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from oscarcli.cli.kit.time_arguments import moment
from oscarcli.errors import UsageError
from oscarcli.timestamps import rfc3339

NOW = datetime(2026, 6, 12, 9, 5, 29, 123456, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def _two_hours_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC-2")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("word", "ago"),
    [
        ("7d", timedelta(days=7)),
        ("24h", timedelta(hours=24)),
        ("30m", timedelta(minutes=30)),
        ("90s", timedelta(seconds=90)),
        ("2w", timedelta(weeks=2)),
        ("1h30m", timedelta(minutes=90)),
        ("1.5d", timedelta(hours=36)),
        (" 7D ", timedelta(days=7)),
        ("0s", timedelta()),
        ("now", timedelta()),
    ],
)
def test_a_time_ago(word: str, ago: timedelta) -> None:
    assert moment(word, NOW) == NOW - ago


@pytest.mark.parametrize(
    ("word", "utc"),
    [
        ("2026-06-30", "2026-06-29T22:00:00Z"),
        ("2026-06-30T12:00:00Z", "2026-06-30T12:00:00Z"),
        ("2026-06-30t12:00:00z", "2026-06-30T12:00:00Z"),
        ("2026-06-30T12:00:00+02:00", "2026-06-30T10:00:00Z"),
        ("2026-06-30T12:00:00+0200", "2026-06-30T10:00:00Z"),
        ("2026-06-30 12:00", "2026-06-30T10:00:00Z"),
        ("2026-06-30T12:00Z", "2026-06-30T12:00:00Z"),
        ("2026-06-30T12:00:00.123456789Z", "2026-06-30T12:00:00Z"),
        ("2024-02-29", "2024-02-28T22:00:00Z"),
    ],
)
def test_a_date_or_a_moment(word: str, utc: str) -> None:
    found = moment(word, NOW)
    assert found.utcoffset() == timedelta()
    assert rfc3339(found) == utc


@pytest.mark.parametrize(
    "word",
    ["", " ", "7", "d", "-7d", "7 d", "7y", "2026", "2026-06", "2026-02-30", "2026-06-30T25:00", "30/06/2026",
     "2026-06-30T12:00:00+25:00", "999999999w", "0001-01-01", "9999-12-31T23:59:59-23:00", "tomorrow"],
)  # fmt: skip
def test_what_is_no_time(word: str) -> None:
    with pytest.raises(UsageError) as raised:
        moment(word, NOW)
    assert f'"{word}" is not a time' in raised.value.message
    assert raised.value.hint is not None
