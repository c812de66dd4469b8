"""Moments as servers write them, and as people read them in tables: local, or counted from now."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

CLOCK = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[T ](?P<time>\d\d:\d\d(?::\d\d)?)(?P<fraction>\.\d+)?\s?(?P<zone>Z|[+-]\d\d:?\d\d)?(?: UTC)?)?",
    re.IGNORECASE,
)
# Seconds of each unit, the largest first. Nobody needs to know the month of a job to the day.
UNITS = (("year", 31_536_000), ("month", 2_592_000), ("day", 86_400), ("hour", 3600), ("minute", 60))


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


def shown_time(value: object, now: datetime | None = None) -> str | None:
    """Return a moment for a table.

    Args:
        value: a moment with its zone, or a server's text; text that tells no moment stays as it is.
        now: the present, to count from; `YYYY-MM-DD HH:MM:SS` in this machine's zone when `None`.

    Returns:
        `None` for what is neither text nor a moment.
    """
    if isinstance(value, str) and value:
        try:
            moment = clock(value)
        except ValueError:
            return value
    else:
        moment = value if isinstance(value, datetime) else None
    if moment is None or moment.tzinfo is None:
        return value if isinstance(value, str) and value else None
    try:
        if now is not None:
            return relative(moment - now)
        return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError):
        # The first and the last moments there are have no place in some zones.
        return str(value)


def relative(distance: timedelta) -> str:
    """Return how far away a moment is: "3 minutes ago", "in 2 hours", "now"."""
    seconds = distance.total_seconds()
    amount = abs(seconds)
    unit, size = next((pair for pair in UNITS if amount >= pair[1]), ("second", 1))
    count = int(amount // size)
    if not count:
        return "now"
    text = f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{text} ago" if seconds < 0 else f"in {text}"


def moment_of(value: object) -> datetime | None:
    """Return the moment of a server's text, in UTC when it names no zone; `None` when it tells none."""
    if not isinstance(value, str):
        return None
    try:
        found = clock(value)
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=timezone.utc)


def duration_text(distance: timedelta) -> str:
    """Return a length of time by its two largest units: "45s", "3m12s", "2h05m", "1d04h"."""
    # The clocks of server and client may differ.
    seconds = max(int(distance.total_seconds()), 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if not minutes:
        return f"{seconds}s"
    if not hours:
        return f"{minutes}m{seconds % 60:02}s"
    return f"{hours}h{minutes % 60:02}m" if not days else f"{days}d{hours % 24:02}h"
