"""Times in the forms that the different parts of the wire use; all UTC."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from functools import lru_cache


def now() -> str:
    """Return the time as the table of jobs has it: RFC 3339 with three decimals. Sorts as text."""
    return milliseconds(time.time_ns())


def stamp(seconds: float) -> str:
    """Return seconds since the epoch as RFC 3339 with whole seconds."""
    return f"{_seconds_part(int(seconds))}Z"


def whole_seconds(text: str | None) -> str | None:
    """Return a time of `now` as jobs show it, as `stamp` does; other values stay as they are."""
    return text if text is None or "." not in text else f"{text.partition('.')[0]}Z"


def milliseconds(nanoseconds: int) -> str:
    """Return a time as events carry it, with three decimals."""
    return f"{_seconds_part(nanoseconds // 1_000_000_000)}.{nanoseconds // 1_000_000 % 1000:03d}Z"


def full(nanoseconds: int) -> str:
    """Return a time as log timestamps carry it, with nine decimals."""
    return f"{_seconds_part(nanoseconds // 1_000_000_000)}.{nanoseconds % 1_000_000_000:09d}Z"


def go_text(nanoseconds: int) -> str:
    """Return a time as Go prints it by default, the form of bucket listings."""
    decimals = f".{nanoseconds // 1_000_000 % 1000:03d}".rstrip("0").rstrip(".")
    return f"{_seconds_part(nanoseconds // 1_000_000_000).replace('T', ' ')}{decimals} +0000 UTC"


def log_prefix(nanoseconds: int) -> str:
    """Return a time as the supervisor's log lines carry it."""
    moment = _seconds_part(nanoseconds // 1_000_000_000).replace("T", " ")
    return f"{moment},{nanoseconds // 1_000_000 % 1000:03d}"


@lru_cache(maxsize=64)
def _seconds_part(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
