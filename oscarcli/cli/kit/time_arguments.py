"""Moments as people write them: `7d`, `24h`, a date, RFC 3339."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from oscarcli.errors import UsageError
from oscarcli.timestamps import clock

AGO = re.compile(r"(?:\d+(?:\.\d+)?[wdhms])+")
PART = re.compile(r"(\d+(?:\.\d+)?)([wdhms])")
UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
FORMS = "a time ago such as 7d, 24h or 1h30m, a date such as 2026-06-30, or 2026-06-30T12:00:00Z"


def moment(text: str, now: datetime) -> datetime:
    """Return the moment that a word of the command line means, in UTC.

    Args:
        text: a time ago, a date (its first moment here), a date and time (of this machine's zone when it
            names none), or "now".
        now: the present, with its zone.

    Raises:
        UsageError: it is none of these.
    """
    word = text.strip()
    try:
        if word.lower() == "now":
            return now.astimezone(timezone.utc)
        if AGO.fullmatch(word.lower()):
            return (now - _duration(word.lower())).astimezone(timezone.utc)
        found = clock(word)
        if found is not None:
            return found.astimezone(timezone.utc)
    except (OverflowError, ValueError):
        pass
    raise UsageError(f'"{text}" is not a time', hint=f"write {FORMS}")


def _duration(text: str) -> timedelta:
    return sum(
        (timedelta(**{UNITS[unit]: float(number)}) for number, unit in PART.findall(text)), timedelta()
    )
