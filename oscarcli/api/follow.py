"""Follows a job's log. The server has no such route: the log is asked for again and again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from oscarcli.api.client import Client
from oscarcli.api.jobs import FAILED, find_job, find_log, is_running
from oscarcli.errors import JobFailedError, UnreachableError

# Seconds between two looks: short while something happens, longer while nothing does.
SHORTEST_PAUSE = 0.3
LONGEST_PAUSE = 3.0
# How long a server may be away before following is given up.
PATIENCE = 60.0


@dataclass(frozen=True)
class LogEvent:
    """Something to show: new text of the log, or a remark about the job."""

    text: str = ""
    note: str = ""


def follow_log(client: Client, service: str, job: str, *, timestamps: bool = False) -> Iterator[LogEvent]:
    """Yield a job's log as it grows, until the job has ended.

    A job that waits has no log yet; a server that is away for less than a minute is waited for. Lines come
    whole, except for what the job's last words lack.

    Raises:
        JobFailedError: the job failed; the whole log was given before.
        NotFoundError: the service has no such job.
        UnreachableError: the server was away for too long.
    """
    shown = ""
    pause = SHORTEST_PAUSE
    away_since: float | None = None
    while True:
        try:
            # The state before the log: what is written in between is seen by the next look.
            state = find_job(client, service, job)
            text = find_log(client, service, job, timestamps=timestamps) or ""
            away_since = None
        except UnreachableError:
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > PATIENCE:
                raise
            time.sleep(LONGEST_PAUSE)
            continue
        ended = not is_running(state)
        whole = text if ended else text[: text.rfind("\n") + 1]
        new, note = _news(shown, whole, ended)
        if new or note:
            yield LogEvent(new, note)
            shown = whole
        pause = SHORTEST_PAUSE if new else min(pause * 1.5, LONGEST_PAUSE)
        if ended:
            yield LogEvent(note=f'job "{job}": {state.get("status")}')
            if state.get("status") == FAILED:
                raise JobFailedError(f'job "{job}" failed')
            return
        time.sleep(pause)


def _news(shown: str, whole: str, ended: bool) -> tuple[str, str]:
    """Return what to show of a log of which `shown` was shown already, and a remark if it was rewritten."""
    if whole.startswith(shown):
        new = whole[len(shown) :]
        return (new + "\n" if ended and (shown + new) and not (shown + new).endswith("\n") else new), ""
    if shown.startswith(whole):
        return "", ""
    inserted = _inserted(shown, whole)
    if inserted is not None:
        return inserted, ""
    return whole, "the log does not go on where it ended; it is shown from its start"


def _inserted(shown: str, whole: str) -> str | None:
    """Return the lines that were put between lines shown before, and those after; `None` when some are gone.

    The supervisor's lines about the results stand before what the script printed, which a local cluster
    shows earlier.
    """
    pairs = zip(shown.splitlines(keepends=True), whole.splitlines(keepends=True), strict=False)
    head = sum(len(old) for old, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    kept = shown[head:]
    place = whole.find(kept, head)
    return None if place < 0 else whole[head:place] + whole[place + len(kept) :]
