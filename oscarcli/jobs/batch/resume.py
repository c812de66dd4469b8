"""What is left of a batch that was ended: the journal compared with the store and the files here."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from oscarcli.errors import UsageError
from oscarcli.jobs.batch.journal import BatchHeader, BatchJournal, InputRecord, InputState
from oscarcli.jobs.events import Remark


@dataclass
class BatchRest:
    """The inputs of a batch by name, and what is to be done with them.

    Attributes:
        records: all of them.
        waiting: those to be uploaded.
        unsure: which of these a store may still be at work on.
        uploaded: those whose jobs have not ended, for all that is known.
        ended: those whose results are to be brought.
    """

    records: dict[str, InputRecord] = field(default_factory=dict)
    waiting: dict[str, InputRecord] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)
    uploaded: list[InputRecord] = field(default_factory=list)
    ended: list[InputRecord] = field(default_factory=list)


def rest_of(
    journal: BatchJournal,
    paths: Mapping[str, Path],
    stored: Mapping[str, int],
    folder: Path,
    *,
    retries_failed: bool,
) -> BatchRest:
    """Return what is left to be done.

    Args:
        journal: what is known; uploads whose end was not written are added.
        paths: the inputs that are here, by name.
        stored: the inputs that the store has, and the last attempt of each.
        folder: the folder of the results.
        retries_failed: whether what failed is to be done again.
    """
    rest = BatchRest()
    for name in sorted({*paths, *journal.records}):
        record = journal.records.get(name) or InputRecord(name)
        status = status_of(paths.get(name))
        _compare_with_store(journal, record, stored.get(name, 0), status)
        _compare_with_files(record, status, folder, retries_failed=retries_failed)
        _add(rest, record, is_here=name in paths)
    return rest


def status_of(path: Path | None) -> dict[str, int]:
    """Return what tells a version of a local file; nothing when it is not there."""
    try:
        status = path.stat() if path is not None else None
    except OSError:
        status = None
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns} if status is not None else {}


def _compare_with_store(
    journal: BatchJournal, record: InputRecord, attempt: int, status: Mapping[str, int]
) -> None:
    """Take an upload for done that is in the store, whatever the journal says."""
    if attempt > record.attempt:
        journal.record(record, InputState.UPLOADING, attempt=attempt, **status)
    if record.state is InputState.UPLOADING and attempt == record.attempt:
        journal.record(record, InputState.UPLOADED, time=time.time())


def _compare_with_files(
    record: InputRecord, status: Mapping[str, int], folder: Path, *, retries_failed: bool
) -> None:
    is_changed = bool(status) and status != {"size": record.size, "mtime_ns": record.mtime_ns}
    if record.state is InputState.FAILED:
        begins_anew = bool(status) and (is_changed or retries_failed)
    else:
        begins_anew = is_changed
    if begins_anew:
        record.state = InputState.WAITING
    elif record.state is InputState.DONE and not all((folder / name).is_file() for name in record.files):
        record.state = InputState.ENDED


def _add(rest: BatchRest, record: InputRecord, *, is_here: bool) -> None:
    is_to_be_sent = record.state in (InputState.WAITING, InputState.UPLOADING)
    if is_to_be_sent and not is_here:
        return
    rest.records[record.name] = record
    if is_to_be_sent:
        rest.waiting[record.name] = record
    if record.state is InputState.UPLOADING:
        rest.unsure.add(record.name)
    elif record.state is InputState.UPLOADED:
        rest.uploaded.append(record)
    elif record.state is InputState.ENDED:
        rest.ended.append(record)


def differences(
    header: BatchHeader, service: str, source: Path, endpoint: str, folder: Path
) -> Iterator[Remark]:
    """Yield what about a batch differs from what is asked for.

    Args:
        header: the batch as it was begun.
        service: the service that is asked for.
        source: the folder of the inputs.
        endpoint: the cluster.
        folder: where the results are.

    Raises:
        UsageError: it is another batch.
    """
    hint = "choose another folder for the results"
    if header.service != service:
        raise UsageError(f'"{folder}" has results of service "{header.service}"', hint=hint)
    if header.source != str(source) and Path(header.source).is_dir():
        raise UsageError(f'"{folder}" has results of the inputs in "{header.source}"', hint=hint)
    if header.endpoint != endpoint:
        text = f"the batch was begun at {header.endpoint}; its jobs are looked for at {endpoint}"
        yield Remark(text, is_warning=True)
