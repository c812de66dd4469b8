"""Brings the results of a batch's jobs into one folder, each where its input's name says."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from oscarcli.errors import OscarError
from oscarcli.jobs.batch.journal import JOURNAL_NAME, InputRecord
from oscarcli.jobs.batch.names import result_names
from oscarcli.jobs.events import Remark, ResultSaved
from oscarcli.jobs.finished import ResultFile
from oscarcli.jobs.result_files import fetch_files
from oscarcli.jobs.service_storage import ServiceStorage
from oscarcli.storage.location import Location
from oscarcli.storage.meter import SilentMeter
from oscarcli.storage.safe_paths import path_inside, stale_files

if TYPE_CHECKING:
    from oscarcli.storage.base import StoredObject


class OverwrittenError(OscarError):
    """Several jobs wrote the same object: what is there is the result of one of them."""


@dataclass
class BroughtResults:
    """What became of the results of an input.

    Attributes:
        record: the input.
        files: its results, as seen from their folder.
        versions: which versions of the objects they are.
        error: why they are not, or not all, here.
    """

    record: InputRecord
    files: list[str]
    versions: list[str]
    error: OscarError | None = None


class BatchResults:
    """The results of a batch.

    Args:
        files: the service and its storage.
        folder: where results go.
        records: the inputs.
        own_folders: whether those of each input go into a folder of its name.
    """

    def __init__(
        self,
        files: ServiceStorage,
        folder: Path,
        records: Collection[InputRecord],
        *,
        own_folders: bool = False,
    ) -> None:
        self._files, self._folder, self._own_folders = files, folder, own_folders
        self._owners = {name: record.name for record in records for name in record.files}
        # Which version of an object is whose result: the last job that wrote it is the only one it can be of.
        self._claims: dict[str, list[InputRecord]] = {}
        for record in records:
            for version in record.versions:
                self._claims.setdefault(version, []).append(record)
        self._brought: dict[str, BroughtResults] = {}

    def sweep(self, ended: Sequence[InputRecord]) -> None:
        """Remove what a program that was killed left of the results of jobs that have ended."""
        folders: dict[Path, set[str]] = {}
        for record in ended:
            for name in self._names(record).values():
                with suppress(OscarError):
                    path = path_inside(self._folder, name)
                    folders.setdefault(path.parent, set()).add(path.name)
        for folder, names in folders.items():
            for stale in stale_files(folder, names):
                stale.unlink(missing_ok=True)

    def bring(self, ended: Sequence[InputRecord]) -> Iterator[BroughtResults | Remark]:
        """Download the results of jobs that have ended, and yield what becomes of each input.

        An input whose results were here already may be among them: they turned out to be another's.
        """
        self._brought = {record.job: BroughtResults(record, [], []) for record in ended}
        wanted = [file for record in ended for file in self._wanted(record)]
        for event in fetch_files(
            self._files, wanted, self._folder, SilentMeter(), find_refused=self._refused
        ):
            if isinstance(event, Remark):
                yield event
                continue
            brought = self._brought[event.file.job]
            if isinstance(event, ResultSaved):
                brought.files.append(event.file.name)
            else:
                brought.error = brought.error or event.error
        yield from self._brought.values()

    # -- names -----------------------------------------------------------------------------------

    def _names(self, record: InputRecord) -> dict[str, str]:
        written = [name for name, *_ in record.outputs]
        return result_names(record.name, written, own_folder=self._own_folders)

    def _wanted(self, record: InputRecord) -> list[ResultFile]:
        """Return the files of a job under the names that they get here; none when one is another's."""
        names = self._names(record)
        for name in names.values():
            owner = self._owners.setdefault(name, record.name)
            if owner != record.name or name == JOURNAL_NAME:
                self._brought[record.job].error = OscarError(
                    f'"{owner}" and "{record.name}" would become one result, "{name}"',
                    hint="with --own-folders the results of each input go into a folder of its name",
                )
                return []
        return [
            ResultFile(record.job, names[name], None, provider, Location(bucket, key))
            for name, provider, bucket, key in record.outputs
        ]

    # -- objects that several jobs wrote ---------------------------------------------------------

    def _refused(self, there: Sequence[tuple[ResultFile, StoredObject]]) -> Mapping[ResultFile, OscarError]:
        refused: dict[ResultFile, OscarError] = {}
        by_version: dict[str, list[ResultFile]] = {}
        for file, found in there:
            version = f"{file.provider}:{found.location} {found.etag} {found.modified}"
            record = self._brought[file.job].record
            if record.versions and version not in record.versions:
                refused[file] = _overwritten(file, [record])
            elif not record.versions:
                by_version.setdefault(version, []).append(file)
            else:
                self._brought[file.job].versions.append(version)
        for version, files in by_version.items():
            refused |= self._refused_of_version(version, files)
        return refused

    def _refused_of_version(self, version: str, files: Sequence[ResultFile]) -> dict[ResultFile, OscarError]:
        """Return which of the files, which are one version of one object, are not what their jobs wrote."""
        records = {file: self._brought[file.job].record for file in files}
        known = [*self._claims.get(version, ()), *records.values()]
        last = max(record.uploaded_line for record in known)
        # Who had ended before another one began has been overwritten.
        refused: dict[ResultFile, OscarError] = {
            file: _overwritten(file, [record]) for file, record in records.items() if record.ended_line < last
        }
        left = {file: record for file, record in records.items() if file not in refused}
        if not left:
            return refused
        # What was here before a job began cannot be what that job wrote.
        first = min(record.uploaded_line for record in left.values())
        earlier = [one for one in self._claims.get(version, ()) if one.done_line > first]
        if len(left) + len(earlier) > 1:
            error = _overwritten(files[0], [*left.values(), *earlier])
            self._revoke(earlier, error)
            return refused | dict.fromkeys(left, error)
        for file, record in left.items():
            self._brought[file.job].versions.append(version)
            self._claims.setdefault(version, []).append(record)
        return refused

    def _revoke(self, records: Sequence[InputRecord], error: OscarError) -> None:
        """Take results back that may be another's."""
        for record in records:
            for name in record.files:
                (self._folder / name).unlink(missing_ok=True)
            self._brought[record.job] = BroughtResults(record, [], [], error)


def _overwritten(file: ResultFile, records: Sequence[InputRecord]) -> OverwrittenError:
    place = f"{file.provider}:{file.location}"
    names = ", ".join(sorted(f'"{record.name}"' for record in records))
    if len(records) == 1:
        return OverwrittenError(f'the result of {names}, "{place}", was written by another job since')
    return OverwrittenError(
        f'the jobs of {names} wrote the same object, "{place}", and what one of them wrote is left',
        hint="with --limit 1 --retry-failed each result is here before the next job begins",
    )
