"""Moments as people write them (`7d`, `24h`, a date, RFC 3339) and as servers do."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from oscarcli.errors import UsageError

AGO = re.compile(r"(?:\d+(?:\.\d+)?[wdhms])+")
PART = re.compile(r"(\d+(?:\.\d+)?)([wdhms])")
UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
CLOCK = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[T ](?P<time>\d\d:\d\d(?::\d\d)?)(?P<fraction>\.\d+)?\s?(?P<zone>Z|[+-]\d\d:?\d\d)?(?: UTC)?)?",
    re.IGNORECASE,
)
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


def clock(text: str) -> datetime | None:
    """Return a date and time in RFC 3339, or as the object store prints it; `None` when it is neither.

    Raises:
        ValueError: it looks like one, but there is no such day or hour.
    """
    found = CLOCK.fullmatch(text.strip())
    if found is None:
        return None
    zone = (found["zone"] or "").upper().replace("Z", "+00:00")
    if zone and ":" not in zone:
        zone = f"{zone[:3]}:{zone[3:]}"
    # Servers have up to nine digits, Python 3.10 reads three or six.
    fraction = f"{found['fraction'][:7]:0<7}" if found["fraction"] else ""
    return datetime.fromisoformat(
        f"{found['date']}T{found['time'] or '00:00'}{_seconds(found)}{fraction}{zone}"
    )


def _seconds(found: re.Match[str]) -> str:
    """Return seconds where the text has none: a fraction or a zone may follow only them."""
    return "" if found["time"] and found["time"].count(":") == 2 else ":00"


def rfc3339(when: datetime) -> str:
    """Return a moment as servers take it: UTC, whole seconds."""
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def in_utc(value: object) -> str | None:
    """Return a server's time as `YYYY-MM-DD HH:MM:SS UTC`; odd text as it is, nothing for nothing."""
    if not isinstance(value, str) or not value:
        return None
    try:
        found = clock(value)
    except ValueError:
        return value
    if found is None or found.tzinfo is None:
        return value
    return found.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
