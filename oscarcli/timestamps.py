"""Moments in text: as servers and people write them, and as servers take them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

EPOCH = datetime.fromtimestamp(0, timezone.utc)
CLOCK = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[T ](?P<time>\d\d:\d\d(?::\d\d)?)(?P<fraction>\.\d+)?\s?(?P<zone>Z|[+-]\d\d:?\d\d)?(?: UTC)?)?",
    re.IGNORECASE,
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


def moment_of(value: object) -> datetime | None:
    """Return the moment of a server's text, in UTC when it names no zone; `None` when it tells none."""
    if not isinstance(value, str):
        return None
    try:
        found = clock(value)
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=timezone.utc)


def rfc3339(when: datetime) -> str:
    """Return a moment as servers take it: UTC, whole seconds."""
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def exact(when: datetime) -> str:
    """Return a moment with its zone as documents have it: RFC 3339, to the microsecond."""
    return when.isoformat().replace("+00:00", "Z")


def nanoseconds(moment: datetime) -> int:
    """Return a moment, with its zone, as nanoseconds since 1970: what file systems keep, without rounding."""
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000
