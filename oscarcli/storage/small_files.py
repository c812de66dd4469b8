"""Many small files at once, from one thread, where the storage offers it and nothing is out of the ordinary.

What is out of the ordinary (a failure, a link in the way, a file that is gone, one that is large) is left to
the usual way, which does it with all its patience and says what is wrong.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, runtime_checkable

from oscarcli.errors import OscarError
from oscarcli.storage.base import MD5_ETAG, StoredObject
from oscarcli.storage.content_type import content_type_of
from oscarcli.storage.location import Location
from oscarcli.storage.safe_paths import opened_folder, write_in
from oscarcli.storage.wire.client import WireClient
from oscarcli.storage.wire.failures import ParameterError
from oscarcli.storage.wire.loop import MAX_CONTENT_BYTES, ExchangeLoop, LoopRequest
from oscarcli.storage.wire.polled import PolledAnswer

if TYPE_CHECKING:
    from oscarcli.storage.transfer import Fetch, Upload

# So few are not worth it.
MIN_FILES = 8
# So many tasks may be left to the usual way before it is their turn.
MAX_LEFT = 1000
READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK

Task = TypeVar("Task")
Advance = Callable[[int], None]


class SmallObjects(Protocol):
    """Requests for small objects, each sent once, and what their answers say."""

    @property
    def wire(self) -> WireClient:
        """Over which they are sent."""

    @property
    def asks_more(self) -> bool:
        """Whether answers do not tell all: one thread would wait for the answer to each further question."""

    def put(self, location: Location, content: bytes, content_type: str) -> tuple[bytes, str]:
        """Return the request that stores an object, and a digest for `is_stored`. Raises ParameterError."""

    def is_stored(self, answer: PolledAnswer, location: Location, size: int, digest: str) -> bool:
        """Tell whether an answer says that an object is stored. Raises OscarError when it is damaged."""

    def get(self, wanted: StoredObject) -> bytes:
        """Return the request for an object of this version. Raises ParameterError."""

    def is_intact(self, wanted: StoredObject, answer: PolledAnswer) -> bool | None:
        """Tell whether an answer brings an object as it was stored; `None` where there is no digest."""


@runtime_checkable
class OffersSmallObjects(Protocol):
    """A storage whose small objects may be moved so."""

    def small_objects(self) -> SmallObjects | None:
        """Return how; `None` when they cannot in this case. Raises OscarError."""


@dataclass(frozen=True)
class SmallOutcome(Generic[Task]):
    """A task that is done, compared with a digest or not; `has_next` when another one is there already."""

    task: Task
    is_verified: bool
    has_next: bool


@dataclass(frozen=True)
class _Sent(Generic[Task]):
    """A task whose request is on its way; size and digest of what was sent with it."""

    task: Task
    size: int = 0
    digest: str = ""


class SmallTransfers(Generic[Task]):
    """Does of some tasks what it can.

    Args:
        tasks: what to do.
        objects: of the storage.
        most: connections at the same time, at most.
        advance: told how many bytes were moved.
    """

    def __init__(self, tasks: Iterator[Task], objects: SmallObjects, most: int, advance: Advance) -> None:
        self._tasks = tasks
        self._objects = objects
        self._advance = advance
        self._loop: ExchangeLoop[_Sent[Task]] = ExchangeLoop(objects.wire, most)
        self._left: list[Task] = []
        self._error: Exception | None = None

    def run(self) -> Generator[SmallOutcome[Task], None, None]:
        """Yield what is done, in the order of completion."""
        with closing(self._loop.run(self._requests())) as batches:
            for batch in batches:
                done = [one for sent, answer in batch if (one := self._finished(sent, answer)) is not None]
                for number, (task, is_verified) in enumerate(done, 1):
                    yield SmallOutcome(task, is_verified, number < len(done))

    def left(self) -> Iterator[Task]:
        """Yield what is left to the usual way. Raises what the iterable of tasks raised, after that."""
        yield from self._left
        if self._error is not None:
            raise self._error
        yield from self._tasks

    def _requests(self) -> Iterator[LoopRequest[_Sent[Task]]]:
        while len(self._left) < MAX_LEFT:
            try:
                task = next(self._tasks)
            except StopIteration:
                return
            except Exception as error:  # noqa: BLE001 -- raised when it is its turn
                self._error = error
                return
            request = None
            with suppress(OSError, OscarError, ParameterError):
                request = self._prepared(task)
            if request is None:
                self._left.append(task)
            else:
                yield request

    def _finished(self, sent: _Sent[Task], answer: PolledAnswer | None) -> tuple[Task, bool] | None:
        is_verified = None
        with suppress(OSError, OscarError):
            is_verified = None if answer is None else self._completed(sent, answer)
        if is_verified is None:
            self._loop.failed()
            self._left.append(sent.task)
            return None
        self._loop.succeeded()
        if self._objects.asks_more:
            self._loop.stop()
        return sent.task, is_verified

    def _prepared(self, task: Task) -> LoopRequest[_Sent[Task]] | None:
        """Return the request for a task, `None` for one that is not of this kind."""
        raise NotImplementedError

    def _completed(self, sent: _Sent[Task], answer: PolledAnswer) -> bool | None:
        """Return whether what was done was compared with a digest, `None` when it is not done."""
        raise NotImplementedError


class SmallUploads(SmallTransfers["Upload"]):
    """Uploads of small files."""

    def _prepared(self, task: Upload) -> LoopRequest[_Sent[Upload]] | None:
        content = None if isinstance(task.source, int) else _content_of(task.source)
        if content is None:
            return None
        data, digest = self._objects.put(task.target, content, content_type_of(task.target.name))
        return LoopRequest(_Sent(task, len(content), digest), "PUT", data, len(content))

    def _completed(self, sent: _Sent[Upload], answer: PolledAnswer) -> bool | None:
        if not self._objects.is_stored(answer, sent.task.target, sent.size, sent.digest):
            return None
        self._advance(sent.size)
        return True


class SmallDownloads(SmallTransfers["Fetch"]):
    """Downloads of small objects into folders."""

    _folder: tuple[Path | None, str, int] | None = None

    def run(self) -> Generator[SmallOutcome[Fetch], None, None]:
        """Yield what is done, in the order of completion."""
        with ExitStack() as self._open:
            yield from super().run()

    def _prepared(self, task: Fetch) -> LoopRequest[_Sent[Fetch]] | None:
        wanted = task.source
        is_small = 0 < wanted.size <= MAX_CONTENT_BYTES and MD5_ETAG.fullmatch(wanted.etag or "")
        if not is_small or task.root is None or isinstance(task.target, int):
            return None
        return LoopRequest(_Sent(task), "GET", self._objects.get(wanted), wanted.size)

    def _completed(self, sent: _Sent[Fetch], answer: PolledAnswer) -> bool | None:
        task, content = sent.task, answer.document
        is_intact = self._objects.is_intact(task.source, answer)
        if is_intact is False or isinstance(task.target, int):
            return None
        modified = task.source.modified if task.keeps_time else None
        # Of a path the text is known already; to ask it for its parts makes objects of each.
        parent, _, name = str(task.target).rpartition(os.sep)
        folder = self._folder_of(task.target, parent, task.root)
        write_in(folder, name, content, modified, task.target)
        self._advance(len(content))
        return bool(is_intact)

    def _folder_of(self, target: Path, parent: str, root: Path | None) -> int:
        """Return a descriptor of a file's folder: one after the other they are often in the same."""
        if self._folder is None or self._folder[:2] != (root, parent):
            self._folder = None
            self._open.close()
            descriptor, _ = self._open.enter_context(opened_folder(target, root))
            self._folder = (root, parent, descriptor)
        return self._folder[2]


def _content_of(path: Path) -> bytes | None:
    """Return what is in a small file; `None` for any other one, and one that is changed meanwhile."""
    descriptor = os.open(path, READ_FLAGS)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode) or before.st_size > MAX_CONTENT_BYTES:
            return None
        content = os.read(descriptor, before.st_size)
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    is_same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    return content if is_same and len(content) == before.st_size else None
