"""`service put-file`: local files go to the storage of a service, and start jobs there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.resume_options import RestartOption
from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.transfers import NoProgressOption, places_of, put_all
from oscarcli.cli.service.stored_files import ProviderOption, service_storage
from oscarcli.cli.service.wait import OutputOption, WaitOption, settle_output, wait_limit
from oscarcli.errors import UsageError
from oscarcli.output.render import Result

if TYPE_CHECKING:
    from oscarcli.storage.transfer import Upload

app = noun("Files for a service.")


@app.command("put-file, pf", formats=TABLE_FORMATS)
def put_file(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SERVICE_NAME [STORAGE_PROVIDER] LOCAL_FILE... [REMOTE_FILE]",
            help="Local files, globs, or '-' for standard input. REMOTE_FILE is BUCKET/KEY, or a folder "
            "ending in '/'; when left out, the path of the service's input.",
        ),
    ] = None,
    provider: ProviderOption = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="REMOTE", help="Remote file, or folder ending in '/'.")
    ] = None,
    no_progress: NoProgressOption = False,
    restart: RestartOption = False,
    wait: WaitOption = False,
    output: OutputOption = None,
) -> None:
    """Upload files to the storage of a service.

    With --wait, the names of the jobs that the uploads started follow, and with --output DIR the paths of
    the files that these wrote. State changes are shown on stderr, and the log of a single job, or of those
    that failed. Exit code 9 tells that a job failed.
    """
    from oscarcli.cli.kit.local_paths import local_files
    from oscarcli.cli.service.file_arguments import parse_put
    from oscarcli.storage.provider import default_input_path

    session: Session = ctx.obj
    folder = settle_output(session, output or [], wait)
    wanted = parse_put(words or [], provider=provider, to=to)
    sources = local_files(wanted.local)
    limit = wait_limit(session) if wait else None
    tasks = _uploads(sources, wanted.remote) if wanted.remote else []
    files = service_storage(session, wanted.service, restart=restart)
    if not tasks:
        tasks = _uploads(sources, default_input_path(files.document, wanted.provider) + "/")
    if wait:
        from oscarcli.cli.service.put_and_wait import put_and_wait

        put_and_wait(
            session,
            files,
            tasks,
            provider=wanted.provider,
            limit=limit,
            folder=folder,
            show_progress=not no_progress,
        )
        return
    storage = files.storage(wanted.provider)
    uploaded: list[Upload] = []
    try:
        put_all(session, storage, tasks, show_progress=not no_progress, done=uploaded.append)
    finally:
        if uploaded and not session.wants_table:
            session.show(Result({"service": wanted.service, "uploaded": places_of(storage, uploaded)}))


def _uploads(sources: Sequence[Path | int], remote: str) -> list[Upload]:
    """Return what becomes of local files. Raises UsageError when that cannot be."""
    from oscarcli.cli.kit.local_paths import upload_targets
    from oscarcli.storage.location import parse_location
    from oscarcli.storage.transfer import Upload

    target = parse_location(remote)
    if not target.key and not remote.endswith("/"):
        raise UsageError(
            f'the remote path "{remote}" names a bucket and no object in it',
            hint=f"'{target.bucket}/' keeps the local name",
        )
    return [Upload(*pair) for pair in zip(sources, upload_targets(sources, target), strict=True)]
