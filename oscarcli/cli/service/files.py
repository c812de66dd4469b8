"""`service put-file`, `get-file`, `list-files`, `delete-file`: the files of a service."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.session import Session
from oscarcli.cli.service.wait import OutputOption, WaitOption, settle_output, wait_limit
from oscarcli.errors import NotFoundError, OscarError, PartialError, UsageError
from oscarcli.output.render import Column, Result
from oscarcli.output.terminal import CLOSED

if TYPE_CHECKING:
    from oscarcli.cli.service.file_arguments import Get
    from oscarcli.output.progress import Progress
    from oscarcli.storage.base import Storage, StoredObject
    from oscarcli.storage.location import Location
    from oscarcli.storage.transfer import Fetch, Outcome, Task, Upload
else:
    Task = TypeVar("Task")

app = noun("The files of a service.")

# Rows of a listing are aligned with those of the same thousand: a page of the server.
ROWS_AT_ONCE = 1000
STANDARD_OUTPUT = 1

# Of pairs of a name and what is stored under it.
LIST_COLUMNS = (
    Column("NAME", lambda row: row[0]),
    Column("SIZE", lambda row: row[1].size, is_number=True),
    Column("LAST MODIFIED", lambda row: row[1].modified, is_time=True),
)

ProviderOption = Annotated[
    str | None,
    typer.Option("--provider", metavar="P", help="Storage provider; no other word is taken for one then."),
]
NoProgressOption = Annotated[bool, typer.Option("--no-progress", help="Do not show how far it is.")]
KeyOption = Annotated[
    bool, typer.Option("--key", help="The remote path is that of one object, also when it ends in '/'.")
]


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
    wait: WaitOption = False,
    output: OutputOption = None,
) -> None:
    """Upload files to the storage of a service.

    With --wait, the names of the jobs that the uploads started follow, and with --output DIR the paths of
    the files that these wrote. State changes are shown on stderr, and the log of a single job, or of those
    that failed. Exit code 9 tells that a job failed.
    """
    from oscarcli.cli.kit.local_paths import local_files, upload_targets
    from oscarcli.cli.service.file_arguments import parse_put
    from oscarcli.storage.location import parse_location
    from oscarcli.storage.provider import default_input_path
    from oscarcli.storage.transfer import Upload

    session: Session = ctx.obj
    folder = settle_output(session, output or [], wait)
    wanted = parse_put(words or [], provider=provider, to=to)
    sources = local_files(wanted.local)
    limit = wait_limit(session) if wait else None
    files = ServiceFiles(session, wanted.service)
    remote = wanted.remote or default_input_path(files.document, wanted.provider) + "/"
    target = parse_location(remote)
    if not target.key and not remote.endswith("/"):
        raise UsageError(
            f'the remote path "{remote}" names a bucket and no object in it',
            hint=f"'{target.bucket}/' keeps the local name",
        )
    tasks = [Upload(*pair) for pair in zip(sources, upload_targets(sources, target), strict=True)]
    if wait:
        from oscarcli.cli.service.put_and_wait import Wish, put_and_wait

        wish = Wish(wanted.service, wanted.provider, tasks, limit, folder, show_progress=not no_progress)
        put_and_wait(session, files, wish)
        return
    storage = files.storage(wanted.provider)
    uploaded: list[Upload] = []
    try:
        put_all(session, storage, tasks, show_progress=not no_progress, done=uploaded.append)
    finally:
        if uploaded and not session.wants_table:
            session.show(Result({"service": wanted.service, "uploaded": places_of(storage, uploaded)}))


def places_of(storage: Storage, uploaded: Sequence[Upload]) -> list[str]:
    """Return what uploads have become, with the provider's name."""
    return [f"{storage.provider}:{task.target}" for task in uploaded]


def put_all(
    session: Session,
    storage: Storage,
    tasks: list[Upload],
    *,
    show_progress: bool,
    done: Callable[[Upload], None] | None = None,
) -> None:
    """Upload files, showing how far it is, and say of each where it is.

    Args:
        session: where lines go.
        storage: where the files go.
        tasks: the uploads.
        show_progress: whether to show how far it is.
        done: told each upload that succeeded.

    Raises:
        OscarError: that of a single file, else what they have in common, else PartialError.
    """
    from oscarcli.storage.transfer import Upload, upload

    def line(task: Upload) -> str | None:
        if done is not None:
            done(task)
        text = f'Uploaded "{_local_name(task.source)}" to "{storage.provider}:{task.target}"'
        return text if session.wants_table else None

    tally = Tally[Upload](session, line, alone=len(tasks) == 1)
    label = _local_name(tasks[0].source) if len(tasks) == 1 else f"{len(tasks)} files"
    with carried_out(session, f"Uploading {label}", tally, wanted=show_progress) as progress:
        upload(storage, tasks, tally.take, progress)
    tally.conclude("uploaded")


@app.command("get-file, gf", formats=TABLE_FORMATS, optional_values={"--download-latest-into": ()})
def get_file(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SERVICE_NAME [STORAGE_PROVIDER] [REMOTE_PATH] [LOCAL_FILE]",
            help="REMOTE_PATH is BUCKET/KEY, or a folder ending in '/' for all files in it. LOCAL_FILE may "
            "be a folder, or '-' for standard output.",
        ),
    ] = None,
    provider: ProviderOption = None,
    latest: Annotated[
        str | None,
        typer.Option(
            "--download-latest-into",
            metavar="[PATH]",
            help="Download the newest file in REMOTE_PATH, or in the path of the service's output, into "
            "the current folder, or into PATH with =PATH.",
        ),
    ] = None,
    key: KeyOption = False,
    no_progress: NoProgressOption = False,
) -> None:
    """Download a file from the storage of a service, and print where it is."""
    from oscarcli.cli.service.file_arguments import parse_get
    from oscarcli.storage.location import parse_location
    from oscarcli.storage.provider import default_output_path, default_output_provider

    session: Session = ctx.obj
    wanted = parse_get(words or [], provider=provider, latest=latest)
    if wanted.latest and key:
        raise UsageError("--key names one object, and --download-latest-into looks for one")
    files = ServiceFiles(session, wanted.service)
    name = wanted.provider or default_output_provider(files.document)
    remote = wanted.remote or default_output_path(files.document, name)
    storage = files.storage(name)
    if not wanted.latest and not key and remote.endswith("/"):
        get_folder(session, storage, parse_location(remote), wanted.local, show_progress=not no_progress)
        return
    task = _one_file(session, storage, wanted, remote)
    get_one(session, storage, task, show_progress=not no_progress)


def _one_file(session: Session, storage: Storage, wanted: Get, remote: str) -> Fetch:
    from oscarcli.cli.kit.local_paths import latest_target, root_of, target_file
    from oscarcli.storage.location import parse_object
    from oscarcli.storage.transfer import Fetch

    if wanted.latest:
        found, ties = _latest(storage, wanted, remote)
        also = f"; of {ties} files with the same time, the last by name" if ties > 1 else ""
        session.verbose_note(f'the latest file is "{found.location}", of {_time_text(found)}{also}')
    else:
        location = parse_object(remote, is_key=True)
        found = _existing(storage, wanted.service, location)
    if wanted.local == "-" or wanted.destination == "-":
        return Fetch(found, STANDARD_OUTPUT)
    if wanted.destination is not None:
        target = latest_target(wanted.destination, found.location.name)
        return Fetch(found, target, root_of(target, wanted.destination))
    target = target_file(wanted.local, found.location.name)
    return Fetch(found, target, root_of(target, wanted.local))


def _latest(storage: Storage, wanted: Get, remote: str) -> tuple[StoredObject, int]:
    """Return the newest object of a folder, and how many have its time."""
    from oscarcli.storage.listing import latest_at
    from oscarcli.storage.location import parse_location

    try:
        return latest_at(storage, parse_location(remote))
    except NotFoundError as error:
        if wanted.remote is not None and wanted.destination is None and wanted.local is None:
            error.hint = f"a local folder needs an equals sign: --download-latest-into={wanted.remote}"
        raise


def _existing(storage: Storage, service: str, location: Location) -> StoredObject:
    try:
        return storage.stat(location)
    except NotFoundError as error:
        folder = f"{location}".rpartition("/")[0]
        hint = f"'oscar-cli service list-files {service} {storage.provider} {folder}' shows what is there"
        raise NotFoundError(error.message, hint=hint) from error


def get_one(session: Session, storage: Storage, task: Fetch, *, show_progress: bool) -> None:
    """Download one object, showing how far it is, and print the path of the file."""
    from oscarcli.storage.transfer import Fetch, download

    if task.target == STANDARD_OUTPUT and session.out.stream is None:
        raise OscarError(CLOSED)
    label = f"Downloading {task.source.location.name}"
    with _paths_told(session) as line:
        tally = Tally[Fetch](session, line, alone=True)
        with carried_out(session, label, tally, wanted=show_progress) as progress:
            download(storage, [task], tally.take, progress)
        tally.conclude("downloaded")


@contextmanager
def _paths_told(session: Session) -> Iterator[Callable[[Fetch], str | None]]:
    """Give what tells of a downloaded file: a line for a person, for a program a list in the end."""
    paths: list[str] = []

    def line(task: Fetch) -> str | None:
        path = _path_line(task)
        if path is None or session.wants_table:
            return path
        paths.append(path)
        return None

    try:
        yield line
    finally:
        # Also when some failed: what is there is there.
        if paths:
            session.show(Result({"files": paths}))


def get_folder(
    session: Session, storage: Storage, location: Location, local: str | None, *, show_progress: bool
) -> None:
    """Download what is in a folder and print the paths of the files.

    Args:
        session: where lines go.
        storage: where the folder is.
        location: the remote folder.
        local: the folder to put them in; one of the same name in the current folder when `None`.
        show_progress: whether to show how far it is.

    Raises:
        NotFoundError: there is nothing in it.
    """
    from oscarcli.cli.kit.local_paths import files_inside, safe_name
    from oscarcli.storage.listing import objects_at, relative_name
    from oscarcli.storage.transfer import Fetch, Outcome, download

    folder = Path(local) if local is not None else safe_name(location.name)
    refused: list[Outcome[Fetch]] = []

    def refuse(found: StoredObject, error: OscarError) -> None:
        refused.append(Outcome(Fetch(found, folder), error))

    def tasks() -> Iterator[Fetch]:
        objects = (one for one in objects_at(storage, location) if not one.location.is_folder)
        for found, path in files_inside(folder, objects, partial(relative_name, location=location), refuse):
            yield Fetch(found, path, folder)

    with _paths_told(session) as line:
        tally = Tally[Fetch](session, line)
        with carried_out(session, f"Downloading {location.name}", tally, wanted=show_progress) as progress:
            download(storage, tasks(), tally.take, progress)
            for outcome in refused:
                tally.take(outcome)
        if not tally.count:
            raise NotFoundError(
                f'download "{location}" from {storage.provider}: no files found under it',
                hint="with --key it is the name of an object" if location.key else None,
            )
        tally.conclude("downloaded")


def _path_line(task: Fetch) -> str | None:
    return None if isinstance(task.target, int) else os.path.abspath(task.target)  # noqa: PTH100 -- links stay


@app.command("list-files, list-file, lsf", formats=TABLE_FORMATS, columns=LIST_COLUMNS)
def list_files(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SERVICE_NAME [STORAGE_PROVIDER] REMOTE_PATH",
            help="REMOTE_PATH is BUCKET or BUCKET/FOLDER; the provider is minio.default when left out.",
        ),
    ] = None,
    provider: ProviderOption = None,
    prefix: Annotated[
        bool, typer.Option("--prefix", help="List all that begins with REMOTE_PATH, folder or not.")
    ] = False,
) -> None:
    """List files in the storage of a service: name, size in bytes, time of the last change."""
    from oscarcli.cli.service.file_arguments import parse_list
    from oscarcli.storage.listing import objects_at, relative_name
    from oscarcli.storage.location import parse_location

    session: Session = ctx.obj
    wanted = parse_list(words or [], provider=provider)
    location = parse_location(wanted.remote)
    storage = ServiceFiles(session, wanted.service).storage(wanted.provider)
    found = storage.list(location.bucket, location.key) if prefix else objects_at(storage, location)
    rows = ((relative_name(one, location), one) for one in found)
    write = _write_rows if session.wants_table else _write_documents
    if not write(session, rows):
        session.note(f'There are no files under "{location}"')


Row = tuple[str, "StoredObject"]


def _write_rows(session: Session, rows: Iterator[Row]) -> int:
    """Write a row for each object as pages arrive; a name never moves from the start of its line."""
    count = 0
    table = session.table(LIST_COLUMNS, has_header=False)
    while page := list(islice(rows, ROWS_AT_ONCE)):
        session.answer(table.piece(page))
        count += len(page)
    return count


def _write_documents(session: Session, rows: Iterator[Row]) -> int:
    """Write a list in JSON or YAML, page by page."""
    from oscarcli.output.render import Format, to_json, to_yaml

    is_json = session.format is Format.JSON
    count = 0
    while page := list(islice(rows, ROWS_AT_ONCE)):
        documents = [_document(name, found) for name, found in page]
        if is_json:
            # All but the brackets of the list, so that pages can follow each other.
            text = to_json(documents).strip().removeprefix("[").removesuffix("]").rstrip()
            session.answer(("," if count else "[") + text)
        else:
            session.answer(to_yaml(documents))
        count += len(page)
    if is_json:
        session.answer("\n]\n" if count else "[]\n")
    elif not count:
        session.answer("[]\n")
    return count


def _document(name: str, found: StoredObject) -> dict[str, Any]:
    return {
        "name": name,
        "bucket": found.location.bucket,
        "key": found.location.key,
        "size": found.size,
        "last_modified": found.modified.isoformat().replace("+00:00", "Z") if found.modified else None,
        "etag": found.etag,
    }


def _time_text(found: StoredObject) -> str:
    return found.modified.strftime("%Y-%m-%d %H:%M:%S UTC") if found.modified else "-"


@app.command("delete-file, df, del-fil, remove-file, rmf", formats=TABLE_FORMATS)
def delete_file(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SERVICE_NAME STORAGE_PROVIDER REMOTE_FILE", help="REMOTE_FILE is BUCKET/KEY."
        ),
    ] = None,
    provider: ProviderOption = None,
    key: KeyOption = False,
) -> None:
    """Delete a file from the storage of a service."""
    from oscarcli.cli.service.file_arguments import parse_delete
    from oscarcli.storage.location import parse_object

    session: Session = ctx.obj
    wanted = parse_delete(words or [], provider=provider)
    location = parse_object(wanted.remote, is_key=key)
    storage = ServiceFiles(session, wanted.service).storage(wanted.provider)
    # A delete alone does not tell whether there was anything to delete.
    _existing(storage, wanted.service, location)
    storage.remove(location)
    place = f"{storage.provider}:{location}"
    session.done(f'Deleted "{place}"', {"deleted": [place]})


class ServiceFiles:
    """A service's document, read once, and the way from there to its storage."""

    def __init__(self, session: Session, service: str) -> None:
        self._session = session
        self._service = service

    @cached_property
    def document(self) -> dict[str, Any]:
        """The service. Raises NotFoundError when there is none of that name."""
        from oscarcli.api.services import get_service

        return get_service(self._session.api, self._service)

    def storage(self, provider: str) -> Storage:
        """Return the storage of a provider. See `open_storage` for what it raises."""
        from oscarcli.api.system import get_config
        from oscarcli.storage.provider import open_storage

        def cluster_minio() -> Any:
            return get_config(self._session.api).get("minio_provider")

        return open_storage(
            provider,
            self.document,
            cluster_minio,
            read_timeout=self._session.timeout,
            tls=self._session.cluster.tls,
            tell=self._session.note,
        )


class Tally(Generic[Task]):
    """Says what became of each file, and in the end of all.

    Args:
        session: where lines go.
        line: the line of stdout for a file that is done, `None` for none.
        alone: whether a single file was asked for, whose failure is that of the command.
    """

    def __init__(self, session: Session, line: Callable[[Task], str | None], *, alone: bool = False) -> None:
        self.is_holding = False
        self.count = 0
        self._session = session
        self._line: Callable[[Task], str | None] = line
        self._alone = alone
        self._held: list[Callable[[], None]] = []
        self._errors: list[OscarError] = []

    def take(self, outcome: Outcome[Task]) -> None:
        """Take one outcome; it is written at once unless a bar is on the screen."""
        self.count += 1
        if outcome.error is None:
            line = self._line(outcome.task)
            if line is not None:
                self._held.append(partial(self._session.line, line))
        else:
            self._errors.append(outcome.error)
            if not self._alone:
                error = outcome.error
                self._held.append(partial(self._session.diagnostics.error, error.message, error.hint))
        if not self.is_holding:
            self.release()

    def release(self) -> None:
        """Write what was held back."""
        held, self._held = self._held, []
        for write in held:
            write()

    def conclude(self, done: str) -> None:
        """Raise what the command ends with when something failed."""
        if not self._errors:
            return
        if self._alone:
            raise self._errors[0]
        codes = {error.exit_code for error in self._errors}
        if len(self._errors) == self.count and len(codes) == 1:
            raise type(self._errors[0])(f"none of the {self.count} files was {done}")
        raise PartialError(f"{len(self._errors)} of {self.count} files were not {done}")


@contextmanager
def carried_out(session: Session, label: str, tally: Tally[Any], *, wanted: bool) -> Iterator[Progress]:
    """Show progress and hold back lines while a bar is there; tidy up also when told to end by a signal."""
    from oscarcli.output.progress import progress

    with _terminated_by_exception():
        try:
            with progress(label, session.diagnostics.terminal, wanted=wanted) as shown:
                tally.is_holding = shown.is_live
                with session.diagnostics.above(shown):
                    yield shown
        finally:
            tally.release()


@contextmanager
def _terminated_by_exception() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind the stack as Ctrl-C does, so that nothing half-done stays behind."""

    def end(number: int, _: Any) -> None:
        raise SystemExit(128 + number)

    handled = [
        number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) == signal.SIG_DFL
    ]
    for number in handled:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


def _local_name(source: Path | int) -> str:
    return "-" if isinstance(source, int) else str(source)
