"""Brings the files that jobs wrote into a folder here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from oscarcli.api.jobs import FAILED
from oscarcli.errors import NotFoundError, OscarError
from oscarcli.jobs.events import OpenMeter, Remark, ResultEvent, ResultFailed, ResultSaved, silent_meter
from oscarcli.jobs.finished import FinishedJob, ResultFile
from oscarcli.jobs.results import ResultFinder
from oscarcli.jobs.service_storage import ServiceStorage
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.safe_paths import path_inside, write_inside
from oscarcli.storage.system_limits import affordable
from oscarcli.storage.transfer import Fetch, downloads
from oscarcli.storage.workers import run_parallel

if TYPE_CHECKING:
    from oscarcli.storage.base import Storage, StoredObject
    from oscarcli.storage.meter import Meter

LOOKS_AT_ONCE = 8

# Given files and the objects that they are, returns why some of them are not to be taken.
FindRefused = Callable[["Sequence[tuple[ResultFile, StoredObject]]"], "Mapping[ResultFile, OscarError]"]


def bring_results(
    files: ServiceStorage,
    done: Sequence[FinishedJob],
    folder: Path,
    open_meter: OpenMeter = silent_meter,
    *,
    earlier: Collection[str] = (),
) -> Iterator[ResultEvent]:
    """Download what jobs wrote, and yield what becomes of each file.

    Args:
        files: the jobs' service and its storage.
        done: the jobs.
        folder: where the files go; made when there is anything to put into it.
        open_meter: gives who is told how far it is.
        earlier: jobs that had ended before those began, and so wrote none of their files.

    Raises:
        OscarError: which files the jobs wrote cannot be found out, or a store cannot be reached at all.
    """
    found: list[ResultFile] = []
    for one in ResultFinder(files, earlier).files_of(done):
        if isinstance(one, Remark):
            yield one
        else:
            found.append(one)
    wanted, clashes = one_of_each_name(found)
    if not wanted:
        yield Remark("the job wrote no files" if len(done) == 1 else "the jobs wrote no files")
        return
    failed = {one.name for one in done if one.job.get("status") == FAILED}
    with open_meter("results", len(wanted) + len(clashes)) as meter:
        yield from _unpack([file for file in wanted if not file.provider], folder)
        yield from fetch_files(
            files, [file for file in wanted if file.provider], folder, meter, failed=failed
        )
        for file, error in clashes:
            yield ResultFailed(file, error)


def fetch_files(
    files: ServiceStorage,
    wanted: Sequence[ResultFile],
    folder: Path,
    meter: Meter,
    *,
    failed: Container[str] = (),
    find_refused: FindRefused | None = None,
) -> Iterator[ResultEvent]:
    """Download files that jobs stored, each under its name, and yield what becomes of it.

    Args:
        files: the jobs' service and its storage.
        wanted: the files; no two of them have the same name.
        folder: where they go.
        meter: told how far it is.
        failed: the jobs that failed: they need not have stored what their logs announce.
        find_refused: is shown what is there before any of it is downloaded, and tells what is not to be.
    """
    for provider in dict.fromkeys(file.provider for file in wanted):
        chosen = [file for file in wanted if file.provider == provider]
        yield from _download(files, provider, chosen, folder, failed, meter, find_refused)


def _unpack(chosen: Sequence[ResultFile], folder: Path) -> Iterator[ResultEvent]:
    """Write files whose content the log had."""
    for file in chosen:
        try:
            path = path_inside(folder, file.name)
            write_inside(folder, path, file.content or b"")
        except OSError as error:
            reason = f'cannot write "{file.name}" into "{folder}": {error.strerror}'
            yield ResultFailed(file, OscarError(reason))
        except OscarError as error:
            yield ResultFailed(file, error)
        else:
            yield ResultSaved(file, path)


def _download(
    files: ServiceStorage,
    provider: str,
    chosen: Sequence[ResultFile],
    folder: Path,
    failed: Container[str],
    meter: Meter,
    find_refused: FindRefused | None,
) -> Iterator[ResultEvent]:
    """Download files from one storage provider."""
    try:
        storage = files.storage(provider)
    except OscarError as error:
        for file in chosen:
            yield ResultFailed(file, error)
        return
    looks = list(zip(chosen, _looks(storage, chosen, folder), strict=True))
    there = [(file, look.source) for file, look in looks if isinstance(look, Fetch)]
    refused = find_refused(there) if find_refused is not None else {}
    tasks: dict[Fetch, ResultFile] = {}
    for file, look in looks:
        if file in refused:
            yield ResultFailed(file, refused[file])
        elif isinstance(look, Fetch):
            tasks[look] = file
        elif isinstance(look, NotFoundError) and file.job in failed:
            # The log says so before the upload, which then failed with the job.
            yield Remark(f'job "{file.job}" failed before it had stored "{file.location}"')
        else:
            yield ResultFailed(file, look)
    if tasks:
        with closing(downloads(storage, list(tasks), meter)) as outcomes:
            for outcome in outcomes:
                file = tasks[outcome.task]
                if outcome.error is None:
                    yield ResultSaved(file, Path(str(outcome.task.target)))
                else:
                    yield ResultFailed(file, outcome.error)


def _looks(storage: Storage, chosen: Sequence[ResultFile], folder: Path) -> list[Fetch | OscarError]:
    """Look files up; Ctrl-C does not wait for a store that is away."""
    cancellation = Cancellation()

    def look(numbered: tuple[int, ResultFile]) -> Fetch | OscarError:
        return _look(storage, numbered[1], folder, cancellation)

    workers = affordable(min(LOOKS_AT_ONCE, len(chosen)), 1)
    looks: dict[int, Fetch | OscarError] = {}
    with closing(run_parallel(enumerate(chosen), look, cancellation, workers=workers)) as outcomes:
        for done in outcomes:
            if done.error is not None:
                raise done.error
            assert done.answer is not None
            looks[done.item[0]] = done.answer
    return [looks[number] for number in range(len(chosen))]


def _look(storage: Storage, file: ResultFile, folder: Path, cancellation: Cancellation) -> Fetch | OscarError:
    """Look a file up, as a download wants it; the error when it cannot be had."""
    try:
        assert file.location is not None
        found = storage.stat(file.location, cancellation=cancellation)
        return Fetch(found, path_inside(folder, file.name), folder)
    except OscarError as error:
        return error


def one_of_each_name(
    files: Iterable[ResultFile],
) -> tuple[list[ResultFile], list[tuple[ResultFile, OscarError]]]:
    """Return files of which no two would become the same one, and those that are left out with the reason.

    A job puts each of its files into every output, and two jobs may have written the same object: neither
    is a mistake, and one copy is enough. Two jobs with different files of one name are.
    """
    first: dict[str, ResultFile] = {}
    clashes: list[tuple[ResultFile, OscarError]] = []
    for file in files:
        other = first.setdefault(file.name, file)
        if other.job != file.job and (other.location, other.content) != (file.location, file.content):
            reason = f'"{file.name}" of job "{file.job}" would replace "{other.name}" of job "{other.job}"'
            clashes.append((file, OscarError(reason, hint="bring the files of each job into its own folder")))
    return list(first.values()), clashes
