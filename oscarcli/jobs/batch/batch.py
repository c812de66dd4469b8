"""A batch: a folder of inputs, a job for each, and their results in another folder.

It can be ended at any time and begun again: what was done is in the journal, and the steps that are not are
found on the cluster. Each attempt at an input is an object of its own below the service's input folder, in a
folder of the batch's name, so that the object and the job that it started cannot be taken for others.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from oscarcli.api.jobs import list_jobs
from oscarcli.errors import OscarError, UnreachableError, is_general
from oscarcli.jobs.batch.failures import failure_of
from oscarcli.jobs.batch.jobs import BatchJobs, EndedJob, LostJob, step_of
from oscarcli.jobs.batch.journal import BatchJournal, InputRecord, InputState
from oscarcli.jobs.batch.options import BatchInput, BatchOptions
from oscarcli.jobs.batch.results import BatchResults, BroughtResults, OverwrittenError
from oscarcli.jobs.batch.resume import BatchRest, differences, rest_of
from oscarcli.jobs.batch.service import require_batch_service
from oscarcli.jobs.batch.turns import next_attempt, next_inputs, shared_names
from oscarcli.jobs.batch.uploads import BatchUploads
from oscarcli.jobs.events import BatchEvent, InputDone, InputFailed, JobsProgress, Remark, Uploaded
from oscarcli.jobs.follow import MAX_PAUSE_SECONDS, MIN_PAUSE_SECONDS, REST_FACTOR
from oscarcli.jobs.outage import TRANSIENT, ServerOutage
from oscarcli.jobs.progress_count import ProgressCount
from oscarcli.jobs.service_storage import ServiceStorage
from oscarcli.jobs.supervisor_log import ObjectName
from oscarcli.polling import Poll
from oscarcli.storage.provider import DEFAULT_PROVIDER

# Seconds between two looks at the jobs while files are uploaded.
LOOK_SECONDS = 1.0
# A store may still be at work on the upload of a program that was killed; it is not sent again before.
SETTLE_UPLOAD_SECONDS = 2.0
# Between uploads, and between downloads, the jobs are looked at and steps are written.
MAX_UPLOADS = 256
MAX_RESULTS = 64
UPLOADING, UPLOADED = InputState.UPLOADING, InputState.UPLOADED
DONE, FAILED = InputState.DONE, InputState.FAILED
USUAL_OPTIONS = BatchOptions()


class Batch:
    """A batch.

    Args:
        files: the service and its storage.
        source: the folder of the inputs.
        inputs: what is in it.
        folder: where results go, and the journal.
        options: how it is done.

    Attributes:
        service: the service's name.
        folder: as given.
        has_begun: whether it is known what there is to do.
        records: all inputs by name, as far as they are.
        errors: why inputs or results of this run could not be transferred, by the input's name. Another run
            tries them again.
    """

    def __init__(
        self,
        files: ServiceStorage,
        source: Path,
        inputs: Sequence[BatchInput],
        folder: Path,
        options: BatchOptions = USUAL_OPTIONS,
    ) -> None:
        self.records: dict[str, InputRecord] = {}
        self.errors: dict[str, OscarError] = {}
        self.service, self.folder = files.service, folder
        self._files, self._source, self._options = files, source.resolve(), options
        self._paths = {one.name: one.path for one in inputs}
        self._awaited: dict[ObjectName, InputRecord] = {}
        self._rest = BatchRest()
        self._began = self._looked = time.monotonic()
        self._outage = ServerOutage()
        self.has_begun = self._has_failed = False

    def events(self) -> Generator[BatchEvent, None, None]:
        """Do the batch, and yield what happens; close it to end early, the cluster goes on with its jobs.

        Raises:
            UsageError: the service has no input folder, or the results' folder is none or that of another
                batch.
            UnreachableError: a server was away for too long, or not all was done in time.
            OscarError: another program is at work on the batch, and what else goes wrong with all of it.
        """
        require_batch_service(self._files.document, self.service)
        with closing(BatchJournal(self.folder)) as self._journal:
            yield from self._begin()
            yield from self._work()

    def _work(self) -> Iterator[BatchEvent]:
        self._count = ProgressCount(self._over)
        poll = Poll(MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS, rest=REST_FACTOR, limit=self._options.limit)
        while True:
            poll.begin()
            before = self._over
            yield from self._send()
            yield from self._look()
            yield self._progress()
            if self._is_stopping or not (self._rest.waiting or self._awaited):
                return
            # An end may make room for the next inputs.
            if poll.left == 0 or not (self._chosen() or poll.wait(changed=self._over > before)):
                raise self._too_late()

    def failures(self) -> list[InputFailed]:
        """Return the inputs without a result, those of earlier runs, too."""
        failed = [record for record in self.records.values() if record.state is FAILED]
        told = {record.name: failure_of(record) for record in failed}
        for name, error in self.errors.items():
            told[name] = InputFailed(name, error, is_job=False, job=self.records[name].job)
        return [told[name] for name in sorted(told)]

    def place(self, record: InputRecord) -> str | None:
        """Return the object that an input became last, with its provider; `None` when it became none."""
        if not record.attempt:
            return None
        return f"{DEFAULT_PROVIDER}:{self._uploads.location(record.name, record.attempt)}"

    @property
    def counts(self) -> tuple[int, int]:
        """How many inputs have their results here, and how many have none and get none in this run."""
        states = [record.state for record in self.records.values()]
        return states.count(DONE), states.count(FAILED) + len(self.errors)

    @property
    def _over(self) -> int:
        return sum(self.counts)

    @property
    def _is_stopping(self) -> bool:
        return self._has_failed and self._options.is_failing_fast

    def _progress(self) -> JobsProgress:
        return self._count.progress(len(self.records), *self.counts, self._jobs.running)

    def _too_late(self) -> UnreachableError:
        left = len(self.records) - self._over
        return UnreachableError(
            f"{left} of {len(self.records)} inputs have no result after {self._options.limit:g} s"
        )

    # -- begin, or begin again -------------------------------------------------------------------

    def _begin(self) -> Iterator[BatchEvent]:
        client, service = self._files.client, self.service
        header = self._journal.header
        if header is None:
            header = self._journal.begin(
                service, self._source, self._options.endpoint, list_jobs(client, service)
            )
            stored: dict[str, int] = {}
            self._uploads = BatchUploads(self._files, self._journal)
        else:
            yield from differences(header, self.service, self._source, self._options.endpoint, self.folder)
            self._uploads = BatchUploads(self._files, self._journal)
            stored = self._uploads.stored()
        self._jobs = BatchJobs(client, service, header.before)
        self._rest = rest_of(
            self._journal, self._paths, stored, self.folder, retries_failed=self._options.retries_failed
        )
        self.records, self.has_begun = self._rest.records, True
        for record in self.records.values():
            self._jobs.settle(record.job)
        for record in self._rest.uploaded:
            self._await(record)
        self._results = BatchResults(
            self._files, self.folder, self.records.values(), own_folders=self._options.own_folders
        )
        self._results.sweep(self._rest.ended)
        yield from shared_names(self._rest)

    # -- uploads ---------------------------------------------------------------------------------

    def _send(self) -> Iterator[BatchEvent]:
        if self._rest.unsure and time.monotonic() - self._began >= SETTLE_UPLOAD_SECONDS:
            self._look_for_unsure()
        with closing(self._uploads.send(self._chosen())) as sent:
            for record, task, error in sent:
                del self._rest.waiting[record.name]
                if error is None:
                    assert task is not None
                    self._take_uploaded(record)
                    yield Uploaded(task, DEFAULT_PROVIDER)
                else:
                    yield self._not_transferred(record, error)
                if time.monotonic() - self._looked >= LOOK_SECONDS:
                    yield from self._look()
                    yield self._progress()
                if self._is_stopping:
                    return

    def _look_for_unsure(self) -> None:
        """See which uploads were done by the store after the program that sent them had been killed."""
        stored = self._uploads.stored()
        for name in self._rest.unsure:
            record = self.records[name]
            if stored.get(name) == record.attempt:
                del self._rest.waiting[name]
                self._take_uploaded(record)
        self._rest.unsure = set()

    def _chosen(self) -> list[tuple[InputRecord, Path, int]]:
        """Return the inputs whose turn it is, each with its file and the number of the attempt."""
        limit = self._options.max_running
        free = MAX_UPLOADS if limit is None else min(limit - len(self._awaited), MAX_UPLOADS)
        return [
            (record, self._paths[record.name], next_attempt(record))
            for record in next_inputs(self._rest, self._awaited.values(), free)
        ]

    def _take_uploaded(self, record: InputRecord) -> None:
        self._journal.record(record, UPLOADED, time=time.time())
        self._await(record)

    def _await(self, record: InputRecord) -> None:
        location = self._uploads.location(record.name, record.attempt)
        place = ObjectName(location.bucket, location.key)
        self._awaited[place] = record
        self._jobs.add(place, record.time)

    def _not_transferred(self, record: InputRecord, error: OscarError) -> InputFailed:
        """Keep why an input or its results could not be transferred. Raises what concerns all of them."""
        if is_general(error):
            raise error
        self._has_failed = True
        self.errors[record.name] = error
        return InputFailed(record.name, error, is_job=False, job=record.job)

    # -- jobs and results ------------------------------------------------------------------------

    def _look(self) -> Iterator[BatchEvent]:
        self._looked = time.monotonic()
        remark = None
        if self._awaited:
            try:
                for found in self._jobs.look():
                    yield from self._take(found)
                remark = self._outage.succeeded()
            except TRANSIENT as error:
                remark = self._outage.failed(error)
        if remark:
            yield Remark(remark)
        while self._rest.ended and not self._is_stopping:
            ended, self._rest.ended = self._rest.ended[:MAX_RESULTS], self._rest.ended[MAX_RESULTS:]
            yield from self._bring(ended)
            yield self._progress()

    def _take(self, found: EndedJob | LostJob) -> Iterator[InputFailed]:
        record = self._awaited.pop(found.place)
        state, changes = step_of(found, self._files.document)
        self._journal.record(record, state, **changes)
        if state is FAILED:
            self._has_failed = True
            yield failure_of(record)
        else:
            self._rest.ended.append(record)

    def _bring(self, ended: Sequence[InputRecord]) -> Iterator[BatchEvent]:
        general: OscarError | None = None
        for brought in self._results.bring(ended):
            if isinstance(brought, Remark):
                yield brought
            elif brought.error is not None and is_general(brought.error):
                # Others may be here by now.
                general = brought.error
            else:
                yield self._settled(brought)
        if general is not None:
            raise general

    def _settled(self, brought: BroughtResults) -> InputDone | InputFailed:
        record = brought.record
        if brought.error is None:
            self._journal.record(record, DONE, files=brought.files, versions=brought.versions)
            return InputDone(record.name, record.job, tuple(self.folder / name for name in brought.files))
        if not isinstance(brought.error, OverwrittenError):
            return self._not_transferred(record, brought.error)
        self._journal.record(record, FAILED, reason=brought.error.message, files=[], versions=[])
        self._has_failed = True
        return failure_of(record)
