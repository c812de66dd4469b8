"""`--wait`: what happens to a job until it has ended, told on stderr, and its files brought here."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS
from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.transfers import TransferReport, carried_out, shown_path
from oscarcli.errors import JobFailedError, OscarError, UsageError

if TYPE_CHECKING:
    from oscarcli.jobs.events import Event, ResultFailed, ResultSaved
    from oscarcli.jobs.finished import FinishedJob
    from oscarcli.output.progress import Progress

WaitOption = Annotated[
    bool,
    typer.Option("--wait", help="Wait until the job has ended, for --timeout seconds at most."),
]
OutputOption = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FORMAT|DIR",
        help=f"Form of the answer: {', '.join(TABLE_FORMATS)}; or, with --wait, the folder to download the "
        "files into that the job wrote. May be given twice.",
    ),
]


def wait_limit(session: Session) -> float | None:
    """Return the seconds to wait at most, from --timeout; single requests keep their own limit then.

    Has to be called before the session's client is made.
    """
    from oscarcli.api.client import READ_SECONDS

    limit = session.timeout
    session.timeout = None if limit is None else min(limit, READ_SECONDS)
    return limit


def settle_output(session: Session, values: Sequence[str], wait: bool) -> Path | None:
    """Put the form of the answer among the values of --output into the session; return the folder, if any.

    Raises:
        UsageError: there are two folders, or one without --wait, or something else has its name.
    """
    for value in values:
        if value in TABLE_FORMATS:
            session.output = value
    folders = [value for value in values if value not in TABLE_FORMATS]
    if not folders:
        return None
    if not wait:
        raise UsageError(
            f'"{folders[0]}" is not one of {", ".join(TABLE_FORMATS)}',
            hint="a folder for the job's files needs --wait",
        )
    if len(folders) > 1:
        raise UsageError(f'"{folders[0]}" and "{folders[1]}" cannot both be the folder for the job\'s files')
    folder = Path(folders[0])
    if not folders[0] or (folder.exists() and not folder.is_dir()):
        raise UsageError(f'"{folders[0]}" is not a folder')
    return folder


class WaitPrinter:
    """Tells what happens to jobs and to their files, and keeps what the command ends with.

    Args:
        session: where lines go.
        service: the jobs' service.
        followed: the job that is followed from the start, if it is known.
        show_progress: whether to show how far transfers are.

    Attributes:
        done: the jobs that have ended.
        paths: the files that are here, in the order of their completion.
    """

    def __init__(
        self, session: Session, service: str, *, followed: str | None = None, show_progress: bool = True
    ) -> None:
        self.done: list[FinishedJob] = []
        self.paths: list[str] = []
        self._session, self._service = session, service
        self._followed = followed
        self._show_progress = show_progress
        self._results: TransferReport | None = None

    def print_all(self, events: Generator[Event, None, None]) -> None:
        """Tell of all events. When a job failed, an error about its files is told and not raised.

        Raises:
            PartialError: some of several files could not be had; each is named.
            OscarError: what the iterator raises.
        """
        try:
            for event in events:
                self.take(event)
            if self._results is not None:
                self._results.conclude("downloaded")
        except OscarError as error:
            if not any(one.job.get("status") == "Failed" for one in self.done):
                raise
            self._session.diagnostics.error(error.message, error.hint)
        except KeyboardInterrupt:
            if self._followed is not None:
                watch = f"'oscar-cli service logs get {self._service} {self._followed} --follow'"
                self._session.note(f"the job goes on; {watch} watches it")
            raise
        finally:
            events.close()

    def take(self, event: Event) -> None:
        """Tell of one event."""
        from oscarcli.api.jobs import state_text
        from oscarcli.jobs.events import JobState, LogText, Remark, ResultFailed, ResultSaved
        from oscarcli.jobs.finished import FinishedJob

        session = self._session
        if isinstance(event, JobState):
            session.note(f'job "{event.name}": {state_text(event.job)}')
        elif isinstance(event, LogText):
            if session.wants_table:
                session.note(event.text.removesuffix("\n"))
        elif isinstance(event, Remark):
            (session.warn if event.is_warning else session.note)(event.text)
        elif isinstance(event, FinishedJob):
            self._followed = None
            self.done.append(event)
        elif isinstance(event, (ResultSaved, ResultFailed)):
            self._take_result(event)

    def _take_result(self, event: ResultSaved | ResultFailed) -> None:
        from oscarcli.jobs.events import ResultFailed

        assert self._results is not None
        if isinstance(event, ResultFailed):
            self._results.fail(event.error)
            return
        path = shown_path(event.path)
        self.paths.append(path)
        self._results.succeed(path)

    @contextmanager
    def meter(self, what: Literal["uploads", "results"], count: int) -> Iterator[Progress]:
        """Show how far the downloads of results are."""
        self._results = TransferReport(self._session, alone=count == 1)
        with carried_out(
            self._session, "Downloading results", self._results, wanted=self._show_progress
        ) as progress:
            yield progress


def conclude(done: list[FinishedJob]) -> None:
    """Raise JobFailedError when a job failed: the only one by its reason, several by their number."""
    from oscarcli.api.jobs import raise_if_failed

    failed = [one for one in done if one.job.get("status") == "Failed"]
    if len(done) == 1:
        raise_if_failed(done[0].name, done[0].job)
    elif failed:
        raise JobFailedError(
            f"{len(failed)} of {len(done)} jobs failed", details=[f'job "{one.name}"' for one in failed]
        )


def outcome_document(service: str, done: FinishedJob, paths: list[str]) -> dict[str, Any]:
    """Return what `-o json` shows of a job that was waited for."""
    return {
        "service": service,
        "job": done.name,
        "status": done.job.get("status"),
        "log": done.log,
        "files": paths,
    }
