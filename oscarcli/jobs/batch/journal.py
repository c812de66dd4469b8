"""What became of each input of a batch: a journal in the folder of the results.

A line is added for each step, in one write, so that a program that is killed loses no step that it had taken.
Steps without a line are looked up on the cluster.
"""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import Any

from oscarcli.errors import OscarError, UsageError

JOURNAL_NAME = ".oscar-cli-map.jsonl"
FORMAT = 1


class InputState(str, Enum):
    """How far an input is.

    `UPLOADING` is written before the upload, whose end may be lost with the program. `ENDED` is a job that
    succeeded, whose results are not here yet.
    """

    WAITING = "waiting"
    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    ENDED = "ended"
    DONE = "done"
    FAILED = "failed"


# States whose lines are known, for they tell what was before what.
LINES = (InputState.UPLOADED, InputState.ENDED, InputState.DONE)


@dataclass
class InputRecord:
    """An input of a batch.

    Attributes:
        name: its path as seen from the folder of the inputs, with slashes.
        state: how far it is.
        attempt: how often it was begun; each time is an object of its own.
        size, mtime_ns: of the local file when it was begun: another one is another input.
        time: when it was uploaded, in seconds since 1970.
        job, status, exit_code: the job that worked on it, and how that ended.
        outputs: what the job wrote: name, provider, bucket and key of each.
        files: the results, as seen from their folder.
        versions: which versions of the objects they are.
        reason: why it failed.
        log: the last lines of a failed job's log.
        uploaded_line, ended_line, done_line: the journal's lines that say so.
    """

    name: str
    state: InputState = InputState.WAITING
    attempt: int = 0
    size: int = -1
    mtime_ns: int = -1
    time: float = 0.0
    job: str = ""
    status: str = ""
    exit_code: int | None = None
    outputs: list[list[str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    reason: str = ""
    log: list[str] = field(default_factory=list)
    uploaded_line: int = 0
    ended_line: int = 0
    done_line: int = 0

    def renew(self) -> None:
        """Forget what became of it, but not how often it was begun."""
        fresh = InputRecord(self.name, attempt=self.attempt)
        for name, value in asdict(fresh).items():
            setattr(self, name, value)


FIELDS = {one.name for one in fields(InputRecord)} - {"name", "uploaded_line", "ended_line", "done_line"}


@dataclass(frozen=True)
class BatchHeader:
    """What a batch is.

    Args:
        batch: its name, which is a folder in the service's input folder.
        service: the service.
        source: the folder of the inputs.
        endpoint: the cluster.
        before: the jobs that the service had before.
    """

    batch: str
    service: str
    source: str
    endpoint: str
    before: tuple[str, ...] = ()


class BatchJournal:
    """The journal, open and locked.

    Args:
        folder: the folder of the results; made when it is not there.

    Attributes:
        header: what the batch is; `None` when it has not begun.
        records: the inputs by name, as the journal has them.

    Raises:
        UsageError: the folder is none.
        OscarError: another program works on this batch, or the journal cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self.header: BatchHeader | None = None
        self.records: dict[str, InputRecord] = {}
        self.path = folder / JOURNAL_NAME
        self._lines = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
            self._descriptor = os.open(self.path, flags, 0o666)
        except (FileExistsError, NotADirectoryError) as error:
            raise UsageError(f'"{folder}" is not a folder: results cannot go there') from error
        except OSError as error:
            raise OscarError(f'cannot open "{self.path}": {error.strerror}') from error
        try:
            self._lock(folder)
            self._read()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the journal; others may work on the batch from now on."""
        os.close(self._descriptor)

    def begin(self, service: str, source: Path, endpoint: str, before: Collection[str]) -> BatchHeader:
        """Begin a batch, and give it a name that no other one has."""
        name = f"map-{uuid.uuid4().hex[:12]}"
        self.header = BatchHeader(name, service, str(source), endpoint, tuple(before))
        self._write({"format": FORMAT, **asdict(self.header)})
        # Uploads are found by the batch's name, whatever else is lost.
        with contextlib.suppress(OSError):
            os.fsync(self._descriptor)
        return self.header

    def record(self, record: InputRecord, state: InputState, **changes: Any) -> None:
        """Take and write a step of an input.

        Args:
            record: the input, which is changed.
            state: how far it is now.
            changes: other attributes that change with that.
        """
        step = {"state": state.value, **changes}
        self._write({"input": record.name, **step})
        self._apply(record, step)

    # -- the file --------------------------------------------------------------------------------

    def _lock(self, folder: Path) -> None:
        import fcntl

        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OscarError(
                f'another program works on the batch in "{folder}"',
                hint="wait until it has ended; or choose another folder for the results",
            ) from error
        except OSError:
            # A file system without locks.
            return

    def _read(self) -> None:
        try:
            with os.fdopen(os.dup(self._descriptor), "rb") as file:
                content = file.read()
            # The last line may be half of one: the step was not taken.
            whole = content[: content.rfind(b"\n") + 1]
            if len(whole) < len(content):
                os.ftruncate(self._descriptor, len(whole))
        except OSError as error:
            raise OscarError(f'cannot read "{self.path}": {error.strerror}') from error
        for line in whole.splitlines():
            self._lines += 1
            try:
                self._take(json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise OscarError(
                    f'cannot read "{self.path}": line {self._lines} is none of a batch\'s journal',
                    hint="without that file the batch begins anew, and does every job again",
                ) from error

    def _take(self, line: dict[str, Any]) -> None:
        if self.header is None:
            if line["format"] != FORMAT:
                raise ValueError(line["format"])
            values = {one.name: line[one.name] for one in fields(BatchHeader)}
            self.header = BatchHeader(**{**values, "before": tuple(values["before"])})
            return
        name = str(line["input"])
        record = self.records.setdefault(name, InputRecord(name))
        self._apply(record, {key: value for key, value in line.items() if key in FIELDS})

    def _apply(self, record: InputRecord, step: dict[str, Any]) -> None:
        state = InputState(step["state"])
        if state is InputState.UPLOADING:
            record.renew()
        for name, value in step.items():
            setattr(record, name, value)
        record.state = state
        if state in LINES:
            setattr(record, f"{state.value}_line", self._lines)

    def _write(self, line: dict[str, Any]) -> None:
        data = json.dumps(line).encode() + b"\n"
        try:
            size = os.fstat(self._descriptor).st_size
            if os.write(self._descriptor, data) < len(data):
                # The disk is full; half a line would be taken for the start of the next one.
                os.ftruncate(self._descriptor, size)
                raise OscarError(f'cannot write "{self.path}": no space is left')
        except OSError as error:
            raise OscarError(f'cannot write "{self.path}": {error.strerror}') from error
        self._lines += 1
