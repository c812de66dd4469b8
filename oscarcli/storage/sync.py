"""Makes one side as the other: a local folder and a remote one, compared name by name.

Both sides are read in the order of their names and only what differs is kept, so that memory does not grow
with the trees. Nothing is deleted before everything is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from pathlib import Path

from oscarcli.errors import NotFoundError, OscarError
from oscarcli.storage.base import Storage, StoredObject
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.local_tree import LocalFile, LocalTree
from oscarcli.storage.location import Location
from oscarcli.storage.meter import Meter
from oscarcli.storage.patterns import NameFilter
from oscarcli.storage.safe_paths import path_inside, remove_inside
from oscarcli.storage.sync_compare import difference
from oscarcli.storage.system_limits import hint_of, reason_of
from oscarcli.storage.transfer import WORKERS, Fetch, Upload, downloads, uploads
from oscarcli.storage.workers import run_parallel


class ActionKind(Enum):
    """What is to be done about a name."""

    UPLOAD = "upload"
    DOWNLOAD = "download"
    DELETE = "delete"


@dataclass(frozen=True)
class SyncAction:
    """What is to be done about one name.

    Args:
        kind: what.
        name: as seen from the top of both sides.
        size: of the file that is copied or deleted, in bytes.
        reason: why: "new", "size", "time", "checksum", or "not in source".
        file: the local file that is there.
        stored: the object that is there.
    """

    kind: ActionKind
    name: str
    size: int
    reason: str
    file: LocalFile | None = None
    stored: StoredObject | None = None


@dataclass(frozen=True)
class SyncOutcome:
    """What became of an action; `error` is `None` when it is done."""

    action: SyncAction
    error: OscarError | None = None


@dataclass(frozen=True)
class SyncRequest:
    """What is to be as what.

    Args:
        local: the local folder.
        remote: the remote folder.
        is_upload: whether the local one is the source.
        names: which names are compared; others are left alone on both sides.
        checks_content: whether digests are compared, not times.
        deletes: whether what is not in the source is deleted.
        follow_symlinks: whether links in the local folder are followed, where it is the source.
    """

    local: Path
    remote: Location
    is_upload: bool
    names: NameFilter
    checks_content: bool = False
    deletes: bool = False
    follow_symlinks: bool = False


class Sync:
    """One run over both sides.

    Args:
        storage: where the remote side is.
        request: what is wanted.
        refuse: told, in the order of names, of what cannot be read or cannot be a name on the other side.

    Attributes:
        unchanged: how many names are on both sides and alike.
        to_delete: what is to be deleted, after a run of `copies`.
        is_complete: whether nothing was refused.
    """

    def __init__(self, storage: Storage, request: SyncRequest, refuse: Callable[[OscarError], None]) -> None:
        self.unchanged = 0
        self.to_delete: list[SyncAction] = []
        self.is_complete = True
        self._storage = storage
        self._wanted = request
        self._tell = refuse

    def actions(self) -> Iterator[SyncAction]:
        """Yield what is to be done, in the order of names.

        Raises:
            NotFoundError: the remote folder is the source and has nothing in it, or its bucket is missing.
            UsageError: the local folder cannot be read.
            OscarError: the remote folder cannot be listed in the order of names.
        """
        files, objects = self._files(), self._objects()
        file, stored = next(files, None), next(objects, None)
        while file is not None or stored is not None:
            name = min(one[0] for one in (file, stored) if one is not None)
            here = file[1] if file is not None and file[0] == name else None
            there = stored[1] if stored is not None and stored[0] == name else None
            action = self._action(name.decode(), here, there)
            if action is not None:
                yield action
            file = next(files, None) if here is not None else file
            stored = next(objects, None) if there is not None else stored

    def copies(self, meter: Meter) -> Generator[SyncOutcome, None, None]:
        """Copy what differs, keep in mind what is to be deleted, and yield what became of each copy.

        Raises:
            OscarError: as `actions`, and as `uploads` and `downloads`.
        """
        if self._wanted.is_upload:
            yield from self._uploads(meter)
        else:
            yield from self._downloads(meter)

    def deletions(self, to_delete: list[SyncAction]) -> Generator[SyncOutcome, None, None]:
        """Delete, and yield what became of each."""
        cancellation = Cancellation()
        with closing(run_parallel(to_delete, self._delete, cancellation, workers=WORKERS)) as outcomes:
            for done in outcomes:
                if done.error is not None and not isinstance(done.error, OscarError):
                    raise done.error
                yield SyncOutcome(done.item, done.error)

    # -- the two sides -------------------------------------------------------------------------------

    def _refuse(self, error: OscarError) -> None:
        self.is_complete = False
        self._tell(error)

    def _files(self) -> Iterator[tuple[bytes, LocalFile]]:
        wanted = self._wanted
        if not wanted.is_upload and not wanted.local.exists():
            return
        # A link in the target is in nobody's way unless an object has its name, which is told then.
        ignore = None if wanted.is_upload else _ignore
        tree = LocalTree(
            wanted.local,
            wanted.names,
            self._refuse,
            follow_symlinks=wanted.is_upload and wanted.follow_symlinks,
            refuse_link=ignore,
        )
        for file in tree.files():
            yield file.name.encode(), file

    def _objects(self) -> Iterator[tuple[bytes, StoredObject]]:
        folder = self._wanted.remote.as_folder()
        found = self._storage.list(folder.bucket, folder.key)
        first = next(found, None)
        if first is None and not self._wanted.is_upload:
            raise NotFoundError(f'synchronise with {self._storage.provider}: no files found under "{folder}"')
        last = b""
        for one in chain([] if first is None else [first], found):
            name = one.location.key.removeprefix(folder.key)
            encoded = name.encode()
            if encoded < last:
                # To go on would be to take files for missing that come later.
                raise OscarError(f'list "{folder}" in {self._storage.provider}: keys come in no order')
            last = encoded
            # A key that ends in a slash marks a folder and is no file.
            if not one.location.is_folder and self._wanted.names.takes(name) and self._is_name(name, one):
                yield encoded, one

    def _is_name(self, name: str, found: StoredObject) -> bool:
        """Tell whether a name can be that of a local file, and say so when one is wanted that cannot."""
        if self._wanted.is_upload:
            return True
        try:
            if path_inside(Path(), name).as_posix() == name:
                return True
            self._refuse(
                OscarError(f'"{found.location}" cannot be a file here: its name has segments that are none')
            )
        except OscarError as error:
            self._refuse(error)
        return False

    # -- what to do ----------------------------------------------------------------------------------

    def _action(self, name: str, file: LocalFile | None, stored: StoredObject | None) -> SyncAction | None:
        is_upload = self._wanted.is_upload
        copy = ActionKind.UPLOAD if is_upload else ActionKind.DOWNLOAD
        if file is not None and stored is not None:
            reason = difference(file, stored, is_upload=is_upload, checks_content=self._wanted.checks_content)
            if reason is None:
                self.unchanged += 1
                return None
            return SyncAction(copy, name, file.size if is_upload else stored.size, reason, file, stored)
        if (file is not None) == is_upload:
            size = file.size if file is not None else stored.size if stored is not None else 0
            return SyncAction(copy, name, size, "new", file, stored)
        if not self._wanted.deletes:
            return None
        size = stored.size if stored is not None else file.size if file is not None else 0
        return SyncAction(ActionKind.DELETE, name, size, "not in source", file, stored)

    def _differing(self) -> Iterator[SyncAction]:
        for action in self.actions():
            if action.kind is ActionKind.DELETE:
                self.to_delete.append(action)
            else:
                yield action

    def _uploads(self, meter: Meter) -> Generator[SyncOutcome, None, None]:
        started: dict[Location, SyncAction] = {}

        def tasks() -> Iterator[Upload]:
            folder = self._wanted.remote.as_folder()
            for action in self._differing():
                assert action.file is not None
                target = Location(folder.bucket, folder.key + action.name)
                started[target] = action
                yield Upload(action.file.path, target)

        with closing(uploads(self._storage, tasks(), meter)) as outcomes:
            for outcome in outcomes:
                yield SyncOutcome(started.pop(outcome.task.target), outcome.error)

    def _downloads(self, meter: Meter) -> Generator[SyncOutcome, None, None]:
        started: dict[Location, SyncAction] = {}

        def tasks() -> Iterator[Fetch]:
            for action in self._differing():
                assert action.stored is not None
                started[action.stored.location] = action
                root = self._wanted.local
                yield Fetch(action.stored, root / action.name, root, keeps_time=True)

        with closing(downloads(self._storage, tasks(), meter)) as outcomes:
            for outcome in outcomes:
                yield SyncOutcome(started.pop(outcome.task.source.location), outcome.error)

    def _delete(self, action: SyncAction) -> None:
        if action.stored is not None:
            self._storage.remove(action.stored.location)
            return
        assert action.file is not None
        try:
            remove_inside(self._wanted.local, action.file.path)
        except OSError as error:
            reason = f'delete "{action.file.path}": {reason_of(error)}'
            raise OscarError(reason, hint=hint_of(error)) from error


def _ignore(_error: OscarError) -> None:
    """Say nothing."""
