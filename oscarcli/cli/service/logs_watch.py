"""`service logs list --watch`: the list again and again, in place on a terminal, else what changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oscarcli.cli.kit.session import Session
from oscarcli.output.comma_separated import to_csv
from oscarcli.output.live import LiveText
from oscarcli.output.render import Column, Format, selected, to_yaml
from oscarcli.polling import Poll

# A list of many pages is left alone for longer.
REST_FACTOR = 4.0
MAX_PAUSE_SECONDS = 30.0
GONE = {"status": "Deleted"}

Jobs = dict[str, Any]
Row = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True)
class View:
    """Which jobs of a service are shown, and how.

    Args:
        service: whose jobs.
        columns: of the table.
        chosen: returns the jobs to show of all, in the order of the table.
        fits: tells whether a job is one of those that are shown at all.
        newest_first: whether the table begins with the newest job.
    """

    service: str
    columns: Sequence[Column]
    chosen: Callable[[Jobs], Jobs]
    fits: Callable[[Mapping[str, Any]], bool]
    newest_first: bool = False


def watch(session: Session, view: View) -> None:
    """Show the jobs of a service until the program is interrupted.

    Raises:
        KeyboardInterrupt: it was.
        UnreachableError: the server was away for too long.
        OscarError: what a request can raise.
    """
    from oscarcli.api.jobs import list_jobs
    from oscarcli.jobs.outage import TRANSIENT, ServerOutage

    outage = ServerOutage()
    in_place = session.wants_table and LiveText.works(session.out, session.environ.get("TERM"))
    display = _Screen(session, view) if in_place else _Stream(session, view)
    poll = Poll(session.interval, rest=REST_FACTOR, longest_rest=MAX_PAUSE_SECONDS)
    while True:
        poll.begin()
        try:
            jobs = list_jobs(session.api, view.service)
            remark = outage.succeeded()
        except TRANSIENT as error:
            jobs, remark = None, outage.failed(error)
        if remark:
            session.note(remark)
            display.leave()
        if jobs is not None:
            display.show(jobs)
        poll.wait()


class _Screen:
    """The table as it is now, in its place."""

    def __init__(self, session: Session, view: View) -> None:
        self._session, self._view = session, view
        self._live = LiveText(session.out)

    def leave(self) -> None:
        """Begin anew below what was written."""
        self._live.leave()

    def show(self, jobs: Jobs) -> None:
        rows: list[Row] = list(self._view.chosen(jobs).items())
        # One row is the header, and one line tells how many there are besides.
        room = max(self._live.height - 1, 2)
        shown = self._newest(rows, room - 1)
        text = self._table(shown)
        height = max(len(text.splitlines()) // (len(shown) + 1), 1)
        if height > 1:
            # Rows of several lines.
            shown = self._newest(rows, max(room // height - 1, 1))
            text = self._table(shown)
        hidden = len(rows) - len(shown)
        if hidden:
            text += f"({hidden} older {'job' if hidden == 1 else 'jobs'} not shown)\n"
        self._live.show(text if rows else text + "(no jobs)\n")

    def _newest(self, rows: list[Row], count: int) -> list[Row]:
        return rows[:count] if self._view.newest_first else rows[-count:]

    def _table(self, rows: list[Row]) -> str:
        return self._session.table(self._view.columns).piece(rows)


class _Stream:
    """The list once, then each change: a line for each changed job, or a document for all of them."""

    def __init__(self, session: Session, view: View) -> None:
        self._session, self._view = session, view
        self._table = session.table(view.columns)
        self._last: Jobs | None = None

    def leave(self) -> None:
        """Go on: lines never stand in each other's place."""

    def show(self, jobs: Jobs) -> None:
        if self._last is None:
            self._write(self._view.chosen(jobs), is_first=True)
        else:
            changed = {name: job for name, job in jobs.items() if self._has_changed(name, job)}
            changed |= {
                name: None for name, job in self._last.items() if name not in jobs and self._view.fits(job)
            }
            if changed:
                self._write(changed, is_first=False)
        self._last = jobs

    def _has_changed(self, name: str, job: Mapping[str, Any]) -> bool:
        old = (self._last or {}).get(name)
        return old != job and (self._view.fits(job) or (old is not None and self._view.fits(old)))

    def _write(self, jobs: Jobs, *, is_first: bool) -> None:
        rows: list[Row] = [(name, job or GONE) for name, job in jobs.items()]
        document = self._session.chosen({"jobs": jobs})
        if self._session.wants_table:
            self._session.answer(self._table.piece(rows))
        elif self._session.format is Format.CSV:
            layout = self._session.layout
            columns = selected(self._view.columns, layout.columns)
            self._session.answer(to_csv(columns, rows, is_first and layout.has_header))
        elif self._session.format is Format.JSON:
            self._session.answer(json.dumps(document) + "\n")
        else:
            self._session.answer(("" if is_first else "---\n") + to_yaml(document))
