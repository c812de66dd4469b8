"""Many files at once: a bounded number of workers, every outcome reported, one failure stops nothing.

Functions here end when all is done, and leave nothing behind when they are interrupted: neither temporary
files nor unfinished uploads. Iterators are to be closed for that, as with `contextlib.closing`.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Generic, TypeVar

from oscarcli.errors import OscarError, PartialError, StorageFullError, UnreachableError, is_general
from oscarcli.storage.base import Storage, StoredObject
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.content_type import content_type_of
from oscarcli.storage.download import RANGES_AT_ONCE, Download
from oscarcli.storage.location import Location
from oscarcli.storage.look_ahead import TASKS_TO_BEGIN, LookAhead
from oscarcli.storage.meter import Meter, SilentMeter
from oscarcli.storage.safe_paths import set_time
from oscarcli.storage.small_files import (
    MIN_FILES,
    OffersSmallObjects,
    SmallDownloads,
    SmallObjects,
    SmallTransfers,
    SmallUploads,
)
from oscarcli.storage.source import Advance, FileSource, Source, StreamSource
from oscarcli.storage.system_limits import affordable, hint_of, reason_of
from oscarcli.storage.workers import run_parallel

# Small files are a matter of round trips, large ones of bandwidth and of connections per file.
WORKERS = 16
MAX_WORKERS = 256
WORKERS_FOR_LARGE = 4
MIN_LARGE_BYTES = 16 << 20
# Open files and connections of a worker: the file and a connection, or one for each part that is sent at the
# same time; of a download the folder, the folder in it and the new file, too. Large files have a journal.
DESCRIPTORS_PER_UPLOAD = 2
DESCRIPTORS_PER_LARGE_UPLOAD = 6
DESCRIPTORS_PER_DOWNLOAD = 5
# Those of all small files together, beside a connection each: file, folder, selector, and two to wake it.
RESERVED_FOR_SMALL = 6
# When so many in a row find the storage full or may not enter it any more, or never could reach it, the rest
# is not tried.
MAX_FAILURES_IN_A_ROW = 4


@dataclass(frozen=True)
class Upload:
    """A local file, or the descriptor of a stream, and the object it becomes."""

    source: Path | int
    target: Location


@dataclass(frozen=True)
class Fetch:
    """An object and the local file, or the descriptor of a stream, it becomes.

    `root` is a folder above the file that is not left; `None` where the user named the file itself. With
    `keeps_time` the file has the object's time afterwards.
    """

    source: StoredObject
    target: Path | int
    root: Path | None = None
    keeps_time: bool = False


Task = TypeVar("Task", Upload, Fetch)


@dataclass
class TransferOutcome(Generic[Task]):
    """What became of one task; `error` is `None` when it is done.

    With `has_next` the outcome of another one is there already: who writes lines may write both at once.
    `is_verified` tells whether the content was compared with a digest, not by its size alone.
    """

    task: Task
    error: OscarError | None = None
    has_next: bool = False
    is_verified: bool = True


Report = Callable[[TransferOutcome[Task]], None]


def upload(
    storage: Storage, tasks: Iterable[Upload], report: Report[Upload], meter: Meter | None = None
) -> None:
    """Upload files; `report` is called for each in this thread, in the order of completion.

    Raises:
        OscarError: as in `uploads`.
    """
    _report_all(uploads(storage, tasks, meter), report)


def uploads(
    storage: Storage, tasks: Iterable[Upload], meter: Meter | None = None
) -> Generator[TransferOutcome[Upload], None, None]:
    """Upload files, and yield what became of each, in the order of completion.

    Args:
        storage: where the objects go.
        tasks: what to upload; may be a walk through a folder that is still going on, whose errors are raised.
        meter: told how far it is.

    Raises:
        OscarError: nothing went through, and the storage cannot be reached or entered or is full: the rest,
            of which no outcome came, was not tried; and what the iterable raises.
        PartialError: the same when the login was good, or there was room, for the first ones.
    """
    meter = meter or SilentMeter()
    ahead = LookAhead(tasks)
    sizes = [_size_of(task.source) for task in ahead.first]
    known = [size for size in sizes if size is not None]
    are_known = ahead.is_all and len(known) == len(sizes)
    meter.expect(len(sizes) if ahead.is_all else None, sum(known) if are_known else None)
    cancellation = Cancellation()

    def do(task: Upload) -> bool:
        _upload_one(storage, task, meter.advance, cancellation)
        return True

    if max(known, default=MIN_LARGE_BYTES) < MIN_LARGE_BYTES:
        most = affordable(ahead.workers(MAX_WORKERS), DESCRIPTORS_PER_UPLOAD)
    else:
        most = affordable(ahead.workers(WORKERS_FOR_LARGE), DESCRIPTORS_PER_LARGE_UPLOAD)
    small = _small(storage, ahead, SmallUploads, meter)
    yield from _carry_out(ahead.all, do, meter, cancellation, most, small)


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
        tasks: what to download; may be a listing that is still going on, whose errors are raised. Where it
            is long, what follows the first ones is taken from it in another thread.
        meter: told how far it is.

    Raises:
        OscarError: as in `uploads`, and what the iterable raises.
    """
    meter = meter or SilentMeter()
    ahead = LookAhead(tasks, TASKS_TO_BEGIN)
    meter.expect(None, None)
    ahead.go_on(lambda all_tasks: meter.expect(len(all_tasks), sum(task.source.size for task in all_tasks)))
    cancellation = Cancellation()
    streams = affordable(RANGES_AT_ONCE, 1) if ahead.is_all and len(ahead.first) == 1 else 1

    def do(task: Fetch) -> bool:
        one = Download(storage, task.source, meter.advance, cancellation)
        if isinstance(task.target, int):
            one.to_descriptor(task.target)
        else:
            one.to_file(task.target, root=task.root, streams=streams)
            if task.keeps_time and task.source.modified is not None:
                set_time(task.target, task.root, task.source.modified)
        return one.is_verified

    most = affordable(ahead.workers(MAX_WORKERS), DESCRIPTORS_PER_DOWNLOAD)
    small = _small(storage, ahead, SmallDownloads, meter)
    with closing(ahead), cancellation.waking(ahead.close):
        yield from _carry_out(ahead.all, do, meter, cancellation, most, small)


def _small(
    storage: Storage,
    ahead: LookAhead[Task],
    kind: Callable[[Iterator[Task], SmallObjects, int, Advance], SmallTransfers[Task]],
    meter: Meter,
) -> SmallTransfers[Task] | None:
    """Return what does the small ones of many tasks; `None` where nothing does."""
    if not isinstance(storage, OffersSmallObjects) or len(ahead.first) < MIN_FILES:
        return None
    objects = None
    # What is wrong is said of each file.
    with suppress(OscarError):
        objects = storage.small_objects()
    most = affordable(ahead.workers(MAX_WORKERS) + RESERVED_FOR_SMALL, 1) - RESERVED_FOR_SMALL
    return kind(ahead.all, objects, most, meter.advance) if objects and most > 0 else None


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
    if isinstance(source, int):
        return None
    try:
        status = source.stat()
    except OSError:
        # It is gone by now; whoever opens it says so.
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _carry_out(
    tasks: Iterable[Task],
    do: Callable[[Task], bool],
    meter: Meter,
    cancellation: Cancellation,
    most: int,
    small: SmallTransfers[Task] | None,
) -> Iterator[TransferOutcome[Task]]:
    succeeded, failures_in_a_row = False, 0
    if small is not None:
        with closing(small.run()) as outcomes:
            for one in outcomes:
                meter.finish_file()
                yield TransferOutcome(one.task, None, one.has_next, one.is_verified)
                succeeded = True
        left = small.left()
        head = list(islice(left, 1))
        if not head:
            return
        tasks = chain(head, left)
    with closing(run_parallel(tasks, do, cancellation, workers=min(WORKERS, most), most=most)) as usual:
        for done in usual:
            if done.error is not None and not isinstance(done.error, OscarError):
                raise done.error
            meter.finish_file()
            yield TransferOutcome(done.item, done.error, done.has_next, done.answer is not False)
            if done.error is None:
                succeeded, failures_in_a_row = True, 0
                continue
            failures_in_a_row += _fails_alike(done.error, succeeded)
            if failures_in_a_row >= MAX_FAILURES_IN_A_ROW:
                raise _given_up(done.error, succeeded)


def _fails_alike(error: OscarError, succeeded: bool) -> bool:
    """Tell whether other files would fail like this one. A storage that was there may come back."""
    if isinstance(error, UnreachableError):
        return not succeeded
    return is_general(error) or isinstance(error, StorageFullError)


def _given_up(storage_error: OscarError, succeeded: bool) -> OscarError:
    """Return the error to end with: of its own kind only when nothing went through before."""
    kind = PartialError if succeeded else type(storage_error)
    return kind(
        f"{MAX_FAILURES_IN_A_ROW} files in a row failed, the rest was not tried: {storage_error.message}",
        hint=storage_error.hint,
    )
