"""`service put-file`: local files go to the storage of a service, and start jobs there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.file_options import (
    ExcludeOption,
    FollowSymlinksOption,
    IncludeOption,
    RecursiveOption,
    name_filter,
)
from oscarcli.cli.kit.job_log import ScriptOption
from oscarcli.cli.kit.resume_options import RestartOption
from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.transfers import NoProgressOption, places_of, put_all
from oscarcli.cli.service.stored_files import ProviderOption, service_storage
from oscarcli.cli.service.wait import OutputOption, WaitOption, settle_output, wait_limit
from oscarcli.errors import UsageError
from oscarcli.output.render import Result

if TYPE_CHECKING:
    from oscarcli.storage.location import Location
    from oscarcli.storage.transfer import Upload

app = noun("Files for a service.")


@app.command("put-file, pf", formats=TABLE_FORMATS, waits=True)
def put_file(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SERVICE_NAME [STORAGE_PROVIDER] LOCAL_FILE... [REMOTE_FILE]",
            help="Local files, 'DIR/' for what is in a folder, globs, or '-' for standard input. REMOTE_FILE "
            "is BUCKET/KEY, or a folder ending in '/'; when left out, the path of the service's input.",
        ),
    ] = None,
    provider: ProviderOption = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="REMOTE", help="Remote file, or folder ending in '/'.")
    ] = None,
    recursive: RecursiveOption = False,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    follow_symlinks: FollowSymlinksOption = False,
    no_progress: NoProgressOption = False,
    restart: RestartOption = False,
    wait: WaitOption = False,
    output: OutputOption = None,
    script: ScriptOption = False,
) -> None:
    """Upload files to the storage of a service.

    With --wait, the names of the jobs that the uploads started follow, and with --output DIR the paths of
    the files that these wrote. State changes are shown on stderr, and the log of a single job, or of those
    that failed. Exit code 9 tells that a job failed.
    """
    from oscarcli.cli.kit.upload_sources import upload_batch, upload_sources
    from oscarcli.cli.service.file_arguments import parse_put
    from oscarcli.storage.location import parse_location
    from oscarcli.storage.provider import default_input_path

    session: Session = ctx.obj
    folder = settle_output(session, output or [], wait, script=script)
    wanted = parse_put(words or [], provider=provider, to=to, recursive=recursive)
    names = name_filter(include, exclude)
    sources = upload_sources(wanted.local, recursive=recursive)
    limit = wait_limit(session) if wait else None
    target = _target(wanted.remote) if wanted.remote is not None else None
    batch = upload_batch(sources, target, names, follow_symlinks=follow_symlinks) if target else None
    files = service_storage(session, wanted.service, restart=restart)
    if batch is None:
        target = parse_location(default_input_path(files.document, wanted.provider) + "/")
        batch = upload_batch(sources, target, names, follow_symlinks=follow_symlinks)
    if wait:
        from oscarcli.cli.service.put_and_wait import put_and_wait

        put_and_wait(
            session,
            files,
            list(batch.tasks),
            provider=wanted.provider,
            limit=limit,
            folder=folder,
            show_progress=not no_progress,
            refused=batch.refused,
            script_only=script,
        )
        return
    storage = files.storage(wanted.provider)
    uploaded: list[Upload] = []
    take = None if session.wants_table else uploaded.append
    try:
        put_all(session, storage, batch, show_progress=not no_progress, done=take)
    finally:
        if uploaded:
            session.show(Result({"service": wanted.service, "uploaded": places_of(storage, uploaded)}))


def _target(remote: str) -> Location:
    """Return where files go. Raises UsageError when that is a bucket without a slash."""
    from oscarcli.storage.location import parse_location

    target = parse_location(remote)
    if not target.key and not remote.endswith("/"):
        raise UsageError(
            f'the remote path "{remote}" names a bucket and no object in it',
            hint=f"'{target.bucket}/' keeps the local name",
        )
    return target
