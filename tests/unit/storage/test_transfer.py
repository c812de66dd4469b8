from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path

import pytest

from oscarcli.errors import (
    AuthError,
    ForbiddenError,
    NotFoundError,
    OscarError,
    PartialError,
    StorageFullError,
    UnreachableError,
)
from oscarcli.storage import look_ahead, transfer
from oscarcli.storage.base import StoredObject
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.content_type import content_type_of
from oscarcli.storage.location import Location
from oscarcli.storage.memory import MemoryStorage
from oscarcli.storage.source import Source
from oscarcli.storage.transfer import Fetch, TransferOutcome, Upload, download, downloads, upload


class Meter:
    def __init__(self) -> None:
        self.expected: tuple[int | None, int | None] | None = None
        self.total = 0
        self.files = 0
        self._lock = threading.Lock()

    def expect(self, files: int | None, size: int | None) -> None:
        self.expected = (files, size)

    def advance(self, count: int) -> None:
        with self._lock:
            self.total += count

    def finish_file(self) -> None:
        self.files += 1


class Failing(MemoryStorage):
    """Fails for keys that are named in `failures`, or for all keys with `always`."""

    def __init__(self, failures: dict[str, OscarError], always: OscarError | None = None) -> None:
        super().__init__(buckets=("b",))
        self.failures = failures
        self.always = always
        self.tried: list[str] = []

    def write(
        self, location: Location, source: Source, *, content_type: str, cancellation: Cancellation
    ) -> None:
        self.tried.append(location.key)
        error = self.failures.get(location.key, self.always)
        if error is not None:
            raise error
        super().write(location, source, content_type=content_type, cancellation=cancellation)


def uploads(folder: Path, count: int) -> list[Upload]:
    tasks = []
    for number in range(count):
        path = folder / f"{number:03}"
        path.write_bytes(b"x" * number)
        tasks.append(Upload(path, Location("b", f"in/{number:03}")))
    return tasks


def test_many_files_go_up_and_come_back(tmp_path: Path) -> None:
    storage, meter = MemoryStorage(buckets=("b",)), Meter()
    outcomes: list[TransferOutcome[Upload]] = []
    upload(storage, uploads(tmp_path, 50), outcomes.append, meter)
    assert [outcome for outcome in outcomes if outcome.error] == []
    assert meter.expected == (50, sum(range(50)))
    assert (meter.total, meter.files) == (sum(range(50)), 50)

    back, meter = tmp_path / "back", Meter()
    tasks = (Fetch(found, back / found.location.name) for found in storage.list("b", "in/"))
    fetched: list[TransferOutcome[Fetch]] = []
    download(storage, tasks, fetched.append, meter)
    assert sorted(path.name for path in back.iterdir()) == [f"{n:03}" for n in range(50)]
    assert (meter.expected, meter.total, meter.files) == ((50, sum(range(50))), sum(range(50)), 50)


def test_one_failure_stops_nothing(tmp_path: Path) -> None:
    storage = Failing({"in/003": NotFoundError("gone"), "in/005": OscarError("odd")})
    outcomes: list[TransferOutcome[Upload]] = []
    upload(storage, uploads(tmp_path, 10), outcomes.append)
    failed = {outcome.task.target.key: outcome.error for outcome in outcomes if outcome.error}
    assert {key: str(error) for key, error in failed.items()} == {"in/003": "gone", "in/005": "odd"}
    assert len(outcomes) == 10


def test_a_file_that_cannot_be_read_is_one_failure(tmp_path: Path) -> None:
    tasks = [*uploads(tmp_path, 3), Upload(tmp_path / "nowhere", Location("b", "in/nowhere"))]
    outcomes: list[TransferOutcome[Upload]] = []
    upload(MemoryStorage(buckets=("b",)), tasks, outcomes.append)
    errors = [outcome.error for outcome in outcomes if outcome.error]
    assert len(errors) == 1
    assert "No such file" in errors[0].message


@pytest.mark.parametrize("error", [UnreachableError("no answer"), AuthError("wrong keys")])
def test_what_is_hopeless_is_given_up(tmp_path: Path, error: OscarError) -> None:
    storage = Failing({}, always=error)
    outcomes: list[TransferOutcome[Upload]] = []
    with pytest.raises(type(error), match="the rest was not tried"):
        upload(storage, uploads(tmp_path, 200), outcomes.append)
    assert len(outcomes) == transfer.MAX_FAILURES_IN_A_ROW
    assert len(storage.tried) <= transfer.MAX_FAILURES_IN_A_ROW + 2 * transfer.WORKERS


@pytest.mark.parametrize("error", [StorageFullError("no room"), AuthError("expired")])
def test_what_became_hopeless_is_given_up_too(tmp_path: Path, error: OscarError) -> None:
    tasks = uploads(tmp_path, 200)
    storage = Failing({task.target.key: error for task in tasks[20:]})
    outcomes: list[TransferOutcome[Upload]] = []
    with pytest.raises(PartialError, match=f"the rest was not tried: {error.message}"):
        upload(storage, tasks, outcomes.append)
    assert {outcome.task.target.key for outcome in outcomes if not outcome.error} <= {
        task.target.key for task in tasks[:20]
    }
    assert len(storage.tried) < 100


def test_what_was_there_may_come_back(tmp_path: Path) -> None:
    tasks = uploads(tmp_path, 50)
    late: dict[str, OscarError] = {task.target.key: UnreachableError("away") for task in tasks[20:40]}
    outcomes: list[TransferOutcome[Upload]] = []
    upload(Failing(late), tasks, outcomes.append)
    assert sum(outcome.error is None for outcome in outcomes) == 30


def test_what_may_not_be_done_to_one_may_be_done_to_another(tmp_path: Path) -> None:
    outcomes: list[TransferOutcome[Upload]] = []
    upload(Failing({}, always=ForbiddenError("not you")), uploads(tmp_path, 20), outcomes.append)
    assert len(outcomes) == 20


def test_a_listing_that_breaks_is_raised_after_what_came_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_ahead, "MAX_TASKS_AHEAD", 2)
    storage, meter = MemoryStorage(buckets=("b",)), Meter()
    upload(storage, uploads(tmp_path, 5), lambda _: None)

    def tasks() -> Iterator[Fetch]:
        for found in storage.list("b", "in/"):
            yield Fetch(found, tmp_path / "back" / found.location.name)
        raise UnreachableError("listing broke")

    with pytest.raises(UnreachableError, match="listing broke"):
        download(storage, tasks(), lambda _: None, meter)
    assert len(list((tmp_path / "back").iterdir())) == 5
    assert meter.expected == (None, None)


@pytest.mark.parametrize("breaks", [False, True])
def test_the_first_of_a_long_listing_are_fetched_while_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, breaks: bool
) -> None:
    monkeypatch.setattr(transfer, "TASKS_TO_BEGIN", 2)
    storage, meter = MemoryStorage(buckets=("b",)), Meter()
    upload(storage, uploads(tmp_path, 5), lambda _: None)
    begun = threading.Event()

    def tasks() -> Iterator[Fetch]:
        for number, found in enumerate(storage.list("b", "in/")):
            if number == 3:
                assert begun.wait(10), "the first ones are fetched before the next ones are known"
                assert meter.expected == (None, None)
            yield Fetch(found, tmp_path / "back" / found.location.name)
        if breaks:
            raise UnreachableError("listing broke")

    expected = pytest.raises(UnreachableError, match="listing broke") if breaks else nullcontext()
    with expected:
        download(storage, tasks(), lambda _: begun.set(), meter)
    assert len(list((tmp_path / "back").iterdir())) == 5
    assert meter.expected == ((None, None) if breaks else (5, sum(range(5))))


def test_of_a_listing_no_more_is_taken_once_the_downloads_were_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "TASKS_TO_BEGIN", 2)
    storage, meter = MemoryStorage(buckets=("b",)), Meter()
    upload(storage, uploads(tmp_path, 5), lambda _: None)
    left, ended = threading.Event(), threading.Event()
    others = set(threading.enumerate())
    taken: list[str] = []

    def tasks() -> Iterator[Fetch]:
        try:
            for number, found in enumerate(storage.list("b", "in/")):
                if number == 3:
                    assert left.wait(10)
                taken.append(found.location.name)
                yield Fetch(found, tmp_path / "back" / found.location.name)
        finally:
            ended.set()

    with closing(downloads(storage, tasks(), meter)) as outcomes:
        next(outcomes)
    assert len(set(threading.enumerate()) - others) == 1, "nobody but the listing's thread waits for it"
    left.set()
    assert ended.wait(10)
    assert len(taken) == 4
    assert meter.expected == (None, None)


def test_streams_go_both_ways(tmp_path: Path) -> None:
    storage = MemoryStorage(buckets=("b",))
    (tmp_path / "f").write_bytes(b"content")
    place = Location("b", "k")
    with (tmp_path / "f").open("rb") as source:
        meter = Meter()
        upload(storage, [Upload(source.fileno(), place)], lambda _: None, meter)
    assert meter.expected == (1, None)
    with (tmp_path / "g").open("wb") as target:
        download(storage, [Fetch(storage.stat(place), target.fileno())], lambda _: None)
    assert (tmp_path / "g").read_bytes() == b"content"


def test_a_named_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    storage = MemoryStorage(buckets=("b",))
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"piped",))
    writer.start()
    upload(storage, [Upload(tmp_path / "pipe", Location("b", "k"))], lambda _: None)
    writer.join()
    assert storage.stat(Location("b", "k")).size == 5


def test_nobody_to_read_the_output_is_no_error_of_the_storage(tmp_path: Path) -> None:
    storage = MemoryStorage(buckets=("b",))
    (tmp_path / "f").write_bytes(bytes(1 << 20))
    upload(storage, [Upload(tmp_path / "f", Location("b", "k"))], lambda _: None)
    reader, writer = os.pipe()
    os.close(reader)
    try:
        with pytest.raises(BrokenPipeError):
            download(storage, [Fetch(StoredObject(Location("b", "k"), 1 << 20), writer)], lambda _: None)
    finally:
        os.close(writer)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.png", "image/png"),
        ("a.txt", "text/plain"),
        ("a.json", "application/json"),
        ("a.tar.gz", "application/gzip"),
        ("a", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
    ],
)
def test_content_types_are_guessed_from_names(name: str, expected: str) -> None:
    assert content_type_of(name) == expected
