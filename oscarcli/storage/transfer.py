"""Many files at once: a bounded number of workers, every outcome reported, one failure stops nothing.

Functions here end when all is done, and leave nothing behind when they are interrupted: neither temporary
files nor unfinished uploads. Iterators are to be closed for that, as with `contextlib.closing`.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from oscarcli.errors import AuthError, ForbiddenError, OscarError, UnreachableError
from oscarcli.storage.base import Storage, StoredObject
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.download import RANGES_AT_ONCE, Download
from oscarcli.storage.location import Location
from oscarcli.storage.source import Advance, FileSource, Source, StreamSource
from oscarcli.storage.system_limits import affordable, hint_of, reason_of
from oscarcli.storage.workers import run_parallel

# Small files are a matter of round trips, large ones of bandwidth and of connections per file.
WORKERS = 16
MAX_WORKERS = 256
WORKERS_FOR_LARGE = 4
LARGE = 16 << 20
# Open files and connections of a worker: the file and a connection, or one for each part that is sent at the
# same time; of a download the folder, the folder in it and the new file, too. Large files have a journal.
DESCRIPTORS_PER_UPLOAD = 2
DESCRIPTORS_PER_LARGE_UPLOAD = 6
DESCRIPTORS_PER_DOWNLOAD = 5
# When so many in a row cannot reach or enter the storage, and nothing ever could, the rest is not tried.
HOPELESS = 4
# So many entries of a listing are looked at before the first transfer, to know the total.
LOOKED_AHEAD = 10_000
DEFAULT_CONTENT_TYPE = "application/octet-stream"
# "a.tar.gz" is a gzip file, whatever is inside.
COMPRESSED_TYPES = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}


class Meter(Protocol):
    """Whoever wants to know how far a transfer is; called from several threads."""

    def expect(self, files: int | None, size: int | None) -> None:
        """Take the totals; `None` for what is not known."""
        ...

    def advance(self, count: int) -> None:
        """Count bytes; a negative number when they have to be sent again."""
        ...

    def finish_file(self) -> None:
        """Count a file, done or failed."""
        ...


class SilentMeter:
    """A meter nobody looks at."""

    def expect(self, files: int | None, size: int | None) -> None:
        """Ignore the totals."""

    def advance(self, count: int) -> None:
        """Ignore the bytes."""

    def finish_file(self) -> None:
        """Ignore the file."""


@dataclass(frozen=True)
class Upload:
    """A local file, or the descriptor of a stream, and the object it becomes."""

    source: Path | int
    target: Location


@dataclass(frozen=True)
class Fetch:
    """An object and the local file, or the descriptor of a stream, it becomes.

    `root` is a folder above the file that is not left; `None` where the user named the file itself.
    """

    source: StoredObject
    target: Path | int
    root: Path | None = None


Task = TypeVar("Task", Upload, Fetch)


@dataclass(frozen=True)
class TransferOutcome(Generic[Task]):
    """What became of one task; `error` is `None` when it is done."""

    task: Task
    error: OscarError | None = None


Report = Callable[[TransferOutcome[Task]], None]


def content_type_of(name: str) -> str:
    """Guess the media type of a file from its name."""
    kind, encoding = mimetypes.guess_type(name)
    if encoding is not None:
        return COMPRESSED_TYPES.get(encoding, DEFAULT_CONTENT_TYPE)
    return kind or DEFAULT_CONTENT_TYPE


def upload(
    storage: Storage, tasks: Sequence[Upload], report: Report[Upload], meter: Meter | None = None
) -> None:
    """Upload files; `report` is called for each in this thread, in the order of completion.

    Raises:
        OscarError: as in `uploads`.
    """
    _report_all(uploads(storage, tasks, meter), report)


def uploads(
    storage: Storage, tasks: Sequence[Upload], meter: Meter | None = None
) -> Generator[TransferOutcome[Upload], None, None]:
    """Upload files, and yield what became of each, in the order of completion.

    Raises:
        OscarError: nothing went through and the storage cannot be reached or entered: the rest, of which no
            outcome came, was not tried.
    """
    meter = meter or SilentMeter()
    sizes = [_size_of(task.source) for task in tasks]
    known = [size for size in sizes if size is not None]
    meter.expect(len(tasks), sum(known) if len(known) == len(sizes) else None)
    cancellation = Cancellation()

    def do(task: Upload) -> None:
        _upload_one(storage, task, meter.advance, cancellation)

    if max(known, default=LARGE) < LARGE:
        most = affordable(min(MAX_WORKERS, len(tasks)), DESCRIPTORS_PER_UPLOAD)
    else:
        most = affordable(min(WORKERS_FOR_LARGE, len(tasks)), DESCRIPTORS_PER_LARGE_UPLOAD)
    yield from _carry_out(tasks, do, meter, cancellation, most)


def download(
    storage: Storage, tasks: Iterable[Fetch], report: Report[Fetch], meter: Meter | None = None
) -> None:
    """Download objects; `report` is called for each in this thread, in the order of completion.

    Raises:
        OscarError: as in `downloads`.
    """
    _report_all(downloads(storage, tasks, meter), report)


def downloads(
    storage: Storage, tasks: Iterable[Fetch], meter: Meter | None = None
) -> Generator[TransferOutcome[Fetch], None, None]:
    """Download objects, and yield what became of each, in the order of completion.

    Args:
        storage: where the objects are.
        tasks: what to download; may be a listing that is still going on, whose errors are raised.
        meter: told how far it is.

    Raises:
        OscarError: as in `uploads`, and what the iterable raises.
    """
    meter = meter or SilentMeter()
    iterator = iter(tasks)
    ahead = list(islice(iterator, LOOKED_AHEAD))
    is_all = len(ahead) < LOOKED_AHEAD
    meter.expect(len(ahead) if is_all else None, sum(t.source.size for t in ahead) if is_all else None)
    cancellation = Cancellation()
    streams = affordable(RANGES_AT_ONCE, 1) if len(ahead) == 1 else 1

    def do(task: Fetch) -> None:
        one = Download(storage, task.source, meter.advance, cancellation)
        if isinstance(task.target, int):
            one.to_descriptor(task.target)
        else:
            one.to_file(task.target, root=task.root, streams=streams)

    most = affordable(min(MAX_WORKERS, max(1, len(ahead))), DESCRIPTORS_PER_DOWNLOAD)
    yield from _carry_out(chain(ahead, iterator), do, meter, cancellation, most)


def _report_all(outcomes: Generator[TransferOutcome[Task], None, None], report: Report[Task]) -> None:
    with closing(outcomes):
        for outcome in outcomes:
            report(outcome)


def _upload_one(storage: Storage, task: Upload, advance: Advance, cancellation: Cancellation) -> None:
    try:
        with _opened(task.source, advance, cancellation) as source:
            kind = content_type_of(task.target.name)
            storage.write(task.target, source, content_type=kind, cancellation=cancellation)
    except OSError as error:
        reason = f'upload "{task.source}": it cannot be read: {reason_of(error)}'
        raise OscarError(reason, hint=hint_of(error)) from error


@contextmanager
def _opened(source: Path | int, advance: Advance, cancellation: Cancellation) -> Iterator[Source]:
    if isinstance(source, int):
        yield StreamSource(source, advance, cancellation)
    elif source.is_file():
        with FileSource(source, advance, cancellation) as file:
            yield file
    else:
        # A pipe, such as a shell makes of `<(command)`.
        with source.open("rb", buffering=0) as pipe:
            yield StreamSource(pipe.fileno(), advance, cancellation)


def _size_of(source: Path | int) -> int | None:
    if isinstance(source, int) or not source.is_file():
        return None
    return source.stat().st_size


def _carry_out(
    tasks: Iterable[Task],
    do: Callable[[Task], None],
    meter: Meter,
    cancellation: Cancellation,
    most: int,
) -> Iterator[TransferOutcome[Task]]:
    succeeded = False
    hopeless = 0
    with closing(run_parallel(tasks, do, cancellation, workers=min(WORKERS, most), most=most)) as outcomes:
        for done in outcomes:
            if done.error is not None and not isinstance(done.error, OscarError):
                raise done.error
            meter.finish_file()
            yield TransferOutcome(done.item, done.error)
            succeeded = succeeded or done.error is None
            hopeless += _is_hopeless(done.error)
            if not succeeded and hopeless >= HOPELESS:
                raise _given_up(storage_error=done.error)


def _is_hopeless(error: OscarError | None) -> bool:
    return isinstance(error, (UnreachableError, AuthError)) and not isinstance(error, ForbiddenError)


def _given_up(storage_error: OscarError | None) -> OscarError:
    assert storage_error is not None
    return type(storage_error)(
        f"{HOPELESS} files in a row failed, the rest was not tried: {storage_error.message}",
        hint=storage_error.hint,
    )
