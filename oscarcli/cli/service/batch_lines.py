"""How several jobs are shown: a line that says how far they are, and what failed in the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from oscarcli.cli.kit.session import Session

if TYPE_CHECKING:
    from oscarcli.jobs.events import InputFailed, JobsProgress
    from oscarcli.output.status_line import StatusLine

# More of them are in the JSON.
MAX_FAILURES = 20


@contextmanager
def status_line(session: Session, *, wanted: bool) -> Iterator[StatusLine]:
    """Give a line on stderr that notes and errors are written above."""
    from oscarcli.output.status_line import StatusLine

    shown = StatusLine(session.diagnostics.terminal, session.environ.get("TERM"), wanted=wanted)
    try:
        with session.diagnostics.above(shown):
            yield shown
    finally:
        shown.close()


def progress_text(progress: JobsProgress) -> str:
    """Return how far jobs are, such as "37 of 300 done, 2 failed, 5 running, about 4 min left"."""
    from oscarcli.output.status_line import duration_text

    text = f"{progress.done} of {progress.total} done, {progress.failed} failed, {progress.running} running"
    if progress.seconds_left is None or progress.done + progress.failed == progress.total:
        return text
    return f"{text}, about {duration_text(progress.seconds_left)} left"


def tell_failures(session: Session, failures: Sequence[InputFailed]) -> None:
    """Say of each input why it failed, with the last lines of its job's log."""
    for one in failures[:MAX_FAILURES]:
        lines = [f"    {line}" for line in one.log]
        session.diagnostics.error(f'"{one.name}": {one.error.message}', one.error.hint, lines)
    if len(failures) > MAX_FAILURES:
        session.note(f"and {len(failures) - MAX_FAILURES} more; '-o json' has all of them")
