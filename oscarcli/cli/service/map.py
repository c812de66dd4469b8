"""`service map`: a folder of inputs becomes a folder of results, a job for each."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.file_options import (
    ExcludeOption,
    FollowSymlinksOption,
    IncludeOption,
    name_filter,
)
from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.transfer_report import terminated_by_exception
from oscarcli.cli.kit.transfers import NoProgressOption
from oscarcli.cli.service.batch_lines import progress_text, status_line, tell_failures
from oscarcli.cli.service.stored_files import service_storage
from oscarcli.cli.service.wait import wait_limit
from oscarcli.errors import JobFailedError, OscarError, PartialError
from oscarcli.output.render import Result

if TYPE_CHECKING:
    from oscarcli.jobs.batch.batch import Batch
    from oscarcli.output.status_line import StatusLine

app = noun("Batches of jobs.")


@app.command("map", formats=TABLE_FORMATS, waits=True)
def map_inputs(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="SERVICE_NAME", help="The service's name.")],
    source: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the inputs.")],
    folder: Annotated[
        Path, typer.Argument(metavar="OUT", help="The folder for the results; made when it is not there.")
    ],
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    follow_symlinks: FollowSymlinksOption = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            min=1,
            help="Have at most N inputs on the way: uploaded, and their results not here.",
        ),
    ] = None,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="End with the first failure; jobs that have begun go on.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Begin inputs anew that failed before.")
    ] = False,
    own_folders: Annotated[
        bool,
        typer.Option("--own-folders", help="Put the results of each input into a folder of its name."),
    ] = False,
    no_progress: NoProgressOption = False,
) -> None:
    """Run a job for each file of a folder, and put the results into another one under the inputs' names.

    It can be ended at any time; the same command again goes on where it ended, and does no job twice. An
    input that has changed is done again. With --timeout it ends after so many seconds. Exit code 9 tells
    that jobs failed, 8 that files could not be transferred.
    """
    from oscarcli.jobs.batch.batch import Batch
    from oscarcli.jobs.batch.inputs import find_inputs
    from oscarcli.jobs.batch.options import BatchOptions

    session: Session = ctx.obj
    refused: list[OscarError] = []
    inputs = find_inputs(
        source, folder, refused.append, names=name_filter(include, exclude), follow_symlinks=follow_symlinks
    )
    seconds = wait_limit(session)
    options = BatchOptions(
        limit, fail_fast, retry_failed, own_folders, limit=seconds, endpoint=session.cluster.endpoint
    )
    batch = Batch(service_storage(session, name, restart=False), source, inputs, folder, options)
    try:
        with terminated_by_exception(), status_line(session, wanted=not no_progress) as line:
            _tell_events(session, batch, line)
    finally:
        if batch.has_begun:
            _tell_all(session, batch, refused)
    _conclude(batch, len(refused))


def _tell_events(session: Session, batch: Batch, line: StatusLine) -> None:
    """Do the batch, and tell how far it is."""
    from oscarcli.jobs.events import InputDone, JobsProgress, Remark

    with closing(batch.events()) as events:
        for event in events:
            if isinstance(event, JobsProgress):
                line.show(progress_text(event))
            elif isinstance(event, Remark):
                (session.warn if event.is_warning else session.note)(event.text)
            elif isinstance(event, InputDone):
                session.verbose_note(f'"{event.name}": {", ".join(map(str, event.paths)) or "no files"}')


def _tell_all(session: Session, batch: Batch, refused: list[OscarError]) -> None:
    """Say what has become of the batch so far, also when it has ended early."""
    if not session.wants_table:
        from oscarcli.jobs.batch.report import batch_document

        session.show(Result(batch_document(batch, refused)))
        return
    for error in refused:
        session.diagnostics.error(error.message, error.hint)
    done, failed = batch.counts
    left = len(batch.records) - done - failed
    session.line(
        f"{done} of {len(batch.records)} done, {failed} failed"
        + (f", {left} not done yet" if left else "")
        + f"; results in {batch.folder}"
    )
    tell_failures(session, batch.failures())
    if left:
        session.note(
            "the same command again goes on where this one ended; jobs that have begun go on meanwhile"
        )


def _conclude(batch: Batch, refused: int) -> None:
    """Raise JobFailedError when jobs failed, PartialError when something else did."""
    failures = batch.failures()
    jobs = sum(one.is_job for one in failures)
    if jobs:
        raise JobFailedError(
            f"{jobs} of {len(batch.records)} jobs failed", hint="with --retry-failed they are done again"
        )
    if failures or refused:
        raise PartialError(
            f"{len(failures) + refused} of {len(batch.records) + refused} inputs have no result"
        )
