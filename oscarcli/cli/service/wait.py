"""`--wait`: what happens to a job until it has ended, told on stderr, and its files brought here."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from oscarcli.cli.kit.answer_options import require_document
from oscarcli.cli.kit.command import TABLE_FORMATS
from oscarcli.cli.kit.job_log import JobLogView, tell_state
from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.transfer_report import TransferReport, carried_out
from oscarcli.cli.kit.transfers import shown_path
from oscarcli.errors import JobFailedError, OscarError, UsageError
from oscarcli.output.render import Result

if TYPE_CHECKING:
    from oscarcli.jobs.events import Event, LogText, ResultFailed, ResultSaved
    from oscarcli.jobs.finished import FinishedJob
    from oscarcli.jobs.service_storage import ServiceStorage
    from oscarcli.jobs.upload_outcomes import UploadOutcomes
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


def settle_output(
    session: Session, values: Sequence[str], wait: bool, *, script: bool = False
) -> Path | None:
    """Put the form of the answer among the values of --output into the session; return the folder, if any.

    Raises:
        UsageError: there are two folders, or one without --wait, or something else has its name; or --script
            stands without --wait.
    """
    if script and not wait:
        raise UsageError("--script needs --wait: without it no log is shown")
    for value in values:
        if value in TABLE_FORMATS:
            session.output = value
            require_document(session)
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
        files: the jobs' service and its storage.
        followed: the job that is followed from the start, if it is known.
        show_progress: whether to show how far transfers are.
        is_single: whether there is a single job, whose states, log and files are told one by one.
        script_only: whether only the script's lines of the log are shown.
    """

    def __init__(
        self,
        session: Session,
        files: ServiceStorage,
        *,
        followed: str | None = None,
        show_progress: bool = True,
        is_single: bool = True,
        script_only: bool = False,
    ) -> None:
        self._log = JobLogView(session.diagnostics.terminal, script_only=script_only)
        self._session, self._files, self._service = session, files, files.service
        self._followed, self._is_single = followed, is_single
        self._show_progress = show_progress
        self._results: TransferReport | None = None

    @cached_property
    def outcomes(self) -> UploadOutcomes:
        """What has become of the jobs."""
        from oscarcli.jobs.upload_outcomes import UploadOutcomes

        return UploadOutcomes(self._files)

    def print_all(self, events: Generator[Event, None, None]) -> None:
        """Tell of all events. When a job failed, an error about its files is told and not raised.

        Raises:
            PartialError: some of several files could not be had; each is named.
            OscarError: what the iterator raises.
        """
        try:
            tells = self.tells()
            for event in events:
                self.outcomes.take(event)
                if (tell := tells.get(type(event))) is not None:
                    tell(event)
            if self._results is not None:
                self._results.conclude("downloaded")
        except OscarError as error:
            if not self.outcomes.failures():
                raise
            self._session.diagnostics.error(error.message, error.hint)
        except KeyboardInterrupt:
            if self._followed is not None:
                watch = f"'oscar-cli service logs get {self._service} {self._followed} --follow'"
                self._session.note(f"the job goes on; {watch} watches it")
            raise
        finally:
            events.close()

    def tells(self) -> dict[type, Callable[[Any], None]]:
        """Return what tells of each kind of event; others are not told."""
        from oscarcli.jobs.events import JobState, LogText, Remark, ResultFailed, ResultSaved
        from oscarcli.jobs.finished import FinishedJob

        session = self._session
        return {
            JobState: lambda event: tell_state(session, event.name, event.job),
            LogText: self._tell_log,
            Remark: lambda event: (session.warn if event.is_warning else session.note)(event.text),
            FinishedJob: self._tell_end,
            ResultSaved: self._tell_result,
            ResultFailed: self._tell_result_failure,
        }

    def _tell_log(self, event: LogText) -> None:
        if self._session.wants_table and (text := self._log.shown(event.text)):
            self._session.diagnostics.log(text)

    def _tell_end(self, _event: FinishedJob) -> None:
        self._followed = None

    def _tell_result(self, event: ResultSaved) -> None:
        assert self._results is not None
        self._results.succeed(shown_path(event.path) if self._is_single else None)

    def _tell_result_failure(self, event: ResultFailed) -> None:
        assert self._results is not None
        self._results.fail(event.error)

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
    from oscarcli.api.jobs import FAILED, raise_if_failed

    failed = [one for one in done if one.job.get("status") == FAILED]
    if len(done) == 1:
        raise_if_failed(done[0].name, done[0].job)
    elif failed:
        raise JobFailedError(f"{len(failed)} of {len(done)} jobs failed")


def tell_name(session: Session, name: str | None) -> None:
    """Print a job's name, unless a document will follow."""
    if name is not None and session.wants_table:
        session.line(name)


def wait_for_started(
    session: Session,
    files: ServiceStorage,
    name: str,
    limit: float | None,
    folder: Path | None,
    *,
    script_only: bool,
) -> None:
    """Tell a job's name, wait for it and bring its files."""
    printer = WaitPrinter(session, files, followed=name, script_only=script_only)
    try:
        printer.print_all(_waited(session, files, name, limit, folder, printer))
    finally:
        if printer.outcomes.done and not session.wants_table:
            session.show(Result(printer.outcomes.single_document()))
    conclude(printer.outcomes.done)


def _waited(
    session: Session,
    files: ServiceStorage,
    name: str,
    limit: float | None,
    folder: Path | None,
    printer: WaitPrinter,
) -> Generator[Event, None, None]:
    """Tell a job's name and yield what happens to it and to its files."""
    # In here, for Ctrl-C may come from now on.
    tell_name(session, name)
    from oscarcli.jobs.result_files import bring_results
    from oscarcli.jobs.wait import wait_for_job

    yield from wait_for_job(session.api, files.service, name, limit=limit, is_raw=True)
    if folder is not None:
        yield from bring_results(files, printer.outcomes.done, folder, printer.meter)
