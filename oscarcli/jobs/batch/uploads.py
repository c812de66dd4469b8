"""The objects of a batch: each attempt at an input is one of its own, in a folder of the batch's name."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from oscarcli.errors import OscarError
from oscarcli.jobs.batch.journal import BatchJournal, InputRecord, InputState
from oscarcli.jobs.service_storage import ServiceStorage
from oscarcli.storage.location import Location, parse_location
from oscarcli.storage.provider import DEFAULT_PROVIDER, default_input_path
from oscarcli.storage.system_limits import reason_of

if TYPE_CHECKING:
    from oscarcli.storage.base import Storage
    from oscarcli.storage.transfer import Upload


class BatchUploads:
    """The uploads of a batch.

    Args:
        files: the service and its storage.
        journal: the batch's journal, which has begun.

    Raises:
        UsageError: the service has no input folder at the cluster's own store.
    """

    def __init__(self, files: ServiceStorage, journal: BatchJournal) -> None:
        assert journal.header is not None
        self._journal, self._batch = journal, journal.header.batch
        self._folder = parse_location(default_input_path(files.document, DEFAULT_PROVIDER)).as_folder()
        self.storage: Storage = files.storage(DEFAULT_PROVIDER)

    def location(self, name: str, attempt: int) -> Location:
        """Return the object of an attempt at an input. Raises UsageError when it cannot have this name."""
        number = f".{attempt}" if attempt > 1 else ""
        return self._folder.child(f"{self._batch}{number}/{name}")

    def stored(self) -> dict[str, int]:
        """Return the inputs that are stored, and the last attempt of each."""
        own = re.compile(rf"{re.escape(self._folder.key + self._batch)}(?:\.(\d+))?/(.+)", re.DOTALL)
        attempts: dict[str, int] = {}
        for found in self.storage.list(self._folder.bucket, self._folder.key + self._batch):
            if parts := own.fullmatch(found.location.key):
                attempts[parts[2]] = max(int(parts[1] or 1), attempts.get(parts[2], 0))
        return attempts

    def send(
        self, chosen: Sequence[tuple[InputRecord, Path, int]]
    ) -> Generator[tuple[InputRecord, Upload | None, OscarError | None], None, None]:
        """Upload inputs, and yield each with what was uploaded, or why it was not.

        Args:
            chosen: each input, its file, and which attempt it is.
        """
        from oscarcli.storage.transfer import Upload, uploads

        tasks: dict[Upload, InputRecord] = {}
        for record, path, attempt in chosen:
            try:
                task = Upload(path, self.location(record.name, attempt))
                status = path.stat()
            except OSError as error:
                yield record, None, OscarError(f'upload "{path}": it cannot be read: {reason_of(error)}')
            except OscarError as error:
                yield record, None, error
            else:
                # Before the upload: when it is done, somebody may have ended this program.
                self._journal.record(
                    record,
                    InputState.UPLOADING,
                    attempt=attempt,
                    size=status.st_size,
                    mtime_ns=status.st_mtime_ns,
                )
                tasks[task] = record
        if tasks:
            with closing(uploads(self.storage, list(tasks))) as outcomes:
                for outcome in outcomes:
                    yield tasks[outcome.task], outcome.task, outcome.error
