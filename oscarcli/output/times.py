"""Moments as people read them in tables: local, or counted from now."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from oscarcli.timestamps import clock, moment_of

# Seconds of each unit, the largest first. Nobody needs to know the month of a job to the day.
UNITS = (("year", 31_536_000), ("month", 2_592_000), ("day", 86_400), ("hour", 3600), ("minute", 60))


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
        # Half the time of `strftime`, which is felt in long lists.
        return moment.astimezone().replace(tzinfo=None).isoformat(" ", "seconds")
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


def run_time(start: object, finish: object, *, is_running: bool) -> str | None:
    """Return how long something ran, until now if it still does; `None` where the server does not tell.

    Args:
        start: the server's text for the moment it began.
        finish: and for the one it ended.
        is_running: whether it has not ended.
    """
    begin, end = moment_of(start), moment_of(finish)
    if begin is None or (end is None and not is_running):
        return None
    return duration_text((end or datetime.now(timezone.utc)) - begin)
