"""`dev`: at each save apply what changed, run the input, and show what the script says."""

from __future__ import annotations

import queue
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oscarcli.cli.kit.command import noun
from oscarcli.cli.kit.fdl_plan import EnvFileOption, NameOption
from oscarcli.cli.kit.job_log import JobLogView, tell_state
from oscarcli.cli.kit.session import Session
from oscarcli.errors import OscarError, UsageError

if TYPE_CHECKING:
    from oscarcli.cli.fdl.dev_run import DevOptions, DevTurn
    from oscarcli.cli.fdl.file_watch import FileWatch

app = noun("Develop a service: run it again at each save.")

DEFAULT_FOLDER = Path("dev-out")
# Stands in the queue of events for a file that was saved.
SAVED = object()


@app.command("dev")
def dev(
    ctx: typer.Context,
    fdl_file: Annotated[str, typer.Argument(metavar="FDL_FILE", help="File, YAML or JSON.")],
    input_file: Annotated[Path, typer.Argument(metavar="FILE", help="The input to run the service with.")],
    service: Annotated[
        str | None,
        typer.Option(
            "--service", metavar="NAME", help="The service that FILE is for, when there are several."
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option("--on", metavar="ID", help="Cluster for all services, whatever FDL_FILE says."),
    ] = None,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="DIR", help="Folder for the results, replaced each time."),
    ] = DEFAULT_FOLDER,
    name: NameOption = None,
    env_file: EnvFileOption = None,
    once: Annotated[
        bool, typer.Option("--once", help="Run once and end; exit code 9 tells that the job failed.")
    ] = False,
) -> None:
    """Run a service again at each save of its FDL, its script or an input.

    Each time what changed is applied, FILE is uploaded, and the script's own words and the paths of its
    results come on stdout. A service without an input folder is run synchronously: a text is shown, anything
    else becomes FILE.answer among the results. A save while a job runs stops that job and begins anew. Ctrl-C
    ends it; the service stays.
    """
    from oscarcli.cli.fdl.dev_run import DevOptions

    session: Session = ctx.obj
    for file in (Path(fdl_file), input_file):
        if not file.is_file():
            raise UsageError(f'there is no file "{file}"')
    if output.exists() and not output.is_dir():
        raise UsageError(f'"{output}" is not a folder')
    if input_file.absolute().is_relative_to(output.absolute()):
        raise UsageError(
            f'the input is in "{output}", where results go', hint="--output DIR names another one"
        )
    options = DevOptions(fdl_file, input_file, service, cluster, output, name or [], env_file)
    _Loop(session, options).run(once=once)


class _Loop:
    """Turns, one after the other, and what is shown of them."""

    def __init__(self, session: Session, options: DevOptions) -> None:
        self._session, self._options = session, options
        self._events: queue.SimpleQueue[tuple[DevTurn | None, Any]] = queue.SimpleQueue()
        # Of all turns: what one applies must not be undone by one before it.
        self._lock = threading.Lock()
        self._began = 0.0
        self._service: tuple[str, str] | None = None
        self._is_over = False

    def run(self, *, once: bool) -> None:
        """Run until the program is interrupted, or one turn has ended. Raises what that failed with."""
        from oscarcli.cli.fdl.file_watch import FileWatch

        watch = None if once else FileWatch(lambda: self._events.put((None, SAVED)))
        turn = self._begin(watch)
        if watch is not None:
            self._session.verbose_note(f"changes are noticed by {watch.way}")
            watch.start()
        try:
            while not (once and self._is_over):
                turn = self._take(turn, watch)
        except KeyboardInterrupt:
            self._tell_what_stays(turn)
            raise
        finally:
            if watch is not None:
                watch.stop()

    def _begin(self, watch: FileWatch | None) -> DevTurn:
        from oscarcli.cli.fdl.dev_run import DevTurn

        if watch is not None:
            watch.watch(self._files())
        self._began = time.monotonic()
        self._log = JobLogView(self._session.out, script_only=True)
        turn = DevTurn(
            self._session, self._options, self._lock, lambda one, event: self._events.put((one, event))
        )
        turn.start()
        return turn

    def _files(self) -> list[Path]:
        """Return the files that a turn is made of."""
        from oscarcli.fdl.read import script_files

        options = self._options
        more = [options.env_file] if options.env_file is not None else []
        return [Path(options.fdl), options.input, *more, *script_files(options.fdl)]

    def _take(self, turn: DevTurn, watch: FileWatch | None) -> DevTurn:
        """Take one event, and return the turn that goes on."""
        from oscarcli.cli.fdl.dev_run import TurnEnded

        whose, event = self._events.get()
        if event is SAVED:
            if not turn.has_ended:
                self._session.note("saved: what runs is stopped, and begins anew")
                turn.cancel()
            return self._begin(watch)
        if whose is not turn:
            # Of a turn that was stopped.
            return turn
        self._service = turn.service
        if isinstance(event, TurnEnded):
            self._tell_end(event.error, is_last=watch is None)
        else:
            self._tell(event)
        return turn

    # -- what is shown -----------------------------------------------------------------------------

    def _tell(self, event: Any) -> None:
        from oscarcli.cli.fdl.dev_run import Applied, SyncAnswer
        from oscarcli.jobs import events as jobs
        from oscarcli.jobs.finished import FinishedJob
        from oscarcli.jobs.uploaded import JobUpdate

        session = self._session
        if isinstance(event, Applied):
            session.note(event.text)
        elif isinstance(event, jobs.LogText):
            session.answer(self._log.shown(event.text))
        elif isinstance(event, JobUpdate):
            session.verbose_note(f'job "{event.name}"')
        elif isinstance(event, jobs.Remark):
            (session.warn if event.is_warning else session.note)(event.text)
        elif isinstance(event, FinishedJob) and event.job.get("exit_code"):
            tell_state(session, event.name, event.job)
        elif isinstance(event, jobs.ResultSaved):
            session.line(str(event.path))
        elif isinstance(event, jobs.ResultFailed):
            session.diagnostics.error(event.error.message, event.error.hint)
        elif isinstance(event, SyncAnswer):
            self._tell_answer(event.content)

    def _tell_answer(self, content: bytes) -> None:
        """Show what a synchronous run answered, or put it into the folder when it is no text."""
        from oscarcli.files import write_atomic
        from oscarcli.output.terminal import clean_log

        try:
            text = content.decode()
        except UnicodeDecodeError:
            self._options.folder.mkdir(parents=True, exist_ok=True)
            path = self._options.folder / f"{self._options.input.name}.answer"
            write_atomic(path, content)
            self._session.line(str(path))
        else:
            self._session.answer(clean_log(text))

    def _tell_end(self, error: Exception | None, *, is_last: bool) -> None:
        self._is_over = True
        seconds = time.monotonic() - self._began
        if error is not None and (is_last or not isinstance(error, OscarError)):
            raise error
        if isinstance(error, OscarError):
            self._session.diagnostics.error(error.message, error.hint, error.details)
        outcome = "failed" if error is not None else "done"
        more = "" if is_last else "; waiting for the next save, Ctrl-C ends"
        self._session.note(f"{outcome} after {seconds:.1f} s{more}")

    def _tell_what_stays(self, turn: DevTurn) -> None:
        if self._service is None:
            return
        name, cluster = self._service
        self._session.note(
            f'service "{name}" stays on cluster "{cluster}"; \'oscar-cli service get {name}\' shows it'
        )
        if turn.job is not None and not turn.has_ended:
            self._session.note(f'job "{turn.job}" goes on')
