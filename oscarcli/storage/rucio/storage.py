"""Files in Rucio: its server says what there is, and grid storage has the content, behind WebDAV.

A place is SCOPE/NAME: a scope is what S3 calls a bucket. A file is looked up in the catalogue, and read from
the first of its replicas that answers. A new one is sent to the RSE of the definition, compared, and only
then told to the catalogue, with a rule of the account that keeps it there. Files never change: to store the
same content again is no failure, another content under a name that is taken is refused.

OSCAR's `storage_providers.rucio` has `host`, `auth_host`, `account`, `rse`, `refresh_token`, `token_endpoint`
and `oidc_audience`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from itertools import islice
from urllib.parse import urlsplit

from oscarcli.errors import NotFoundError, OscarError, RefusedError, UsageError
from oscarcli.storage.answer_parts import byte_range
from oscarcli.storage.base import StoredObject
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.file_server.failures import MISSING_FILE
from oscarcli.storage.file_server.reader import FileReader, require_readable
from oscarcli.storage.file_server.requests import FileServer, FileServerSettings
from oscarcli.storage.journal import TransferJournals
from oscarcli.storage.location import Location, cut_keys
from oscarcli.storage.outage import Tell
from oscarcli.storage.rucio.client import ERASE_SECONDS, Rucio, split_address
from oscarcli.storage.rucio.documents import FILE, RucioFile, read_refusal, require_name
from oscarcli.storage.rucio.doors import StorageDoors
from oscarcli.storage.rucio.login import RucioLogin
from oscarcli.storage.rucio.measured import MeasuredSource
from oscarcli.storage.rucio.replicas import ReplicaReader
from oscarcli.storage.source import Source
from oscarcli.storage.webdav.storage import WebDavStorage


def at_host(doing: str, url: str) -> str:
    """Return what is tried, for messages, with the server of storage where it is."""
    return f"{doing}, at {urlsplit(url).hostname}"


class RucioStorage:
    """One account at one Rucio server. See `Storage` for what its methods promise.

    Args:
        settings: where the server is, and how to reach storage.
        login: of the account.
        account: its name.
        rse: where new files go; empty when the definition names none.
        tell: told that and why it is waited for, and that files go later than they are deleted.
        journals: where unfinished downloads are remembered; `None` for nowhere.

    Attributes:
        place: the server's address.
    """

    def __init__(
        self,
        settings: FileServerSettings,
        login: RucioLogin,
        account: str,
        rse: str,
        tell: Tell = lambda _text: None,
        journals: TransferJournals | None = None,
    ) -> None:
        self._settings, self._tell, self._rse = settings, tell, rse
        self._rucio = Rucio(FileServer(settings, tell, read_refusal), login, account)
        self._doors = StorageDoors(settings, login, tell)
        self.journals = journals
        self.place = settings.endpoint

    @property
    def provider(self) -> str:
        """Its name, such as "rucio.escape"."""
        return self._settings.provider

    def close(self) -> None:
        """End the connections."""
        self._rucio.server.close()
        self._doors.close()

    def stat(self, location: Location, *, cancellation: Cancellation | None = None) -> StoredObject:
        """Ask the catalogue for one file, and when it is missing, for its scope."""
        doing = f'look up "{location}" in {self.provider}'
        return self._require_file(location, doing, cancellation).stored_object()

    def _require_file(self, location: Location, doing: str, cancellation: Cancellation | None) -> RucioFile:
        require_name(location, doing)
        try:
            file = self._rucio.file(location.bucket, location.key, doing, cancellation)
        except NotFoundError:
            self._rucio.require_scope(location.bucket, doing, cancellation)
            raise
        if file.kind != FILE:
            raise NotFoundError(f"{doing}: {MISSING_FILE}: it is a {file.kind.lower()} there, not a file")
        return file

    def _find(self, location: Location, doing: str, cancellation: Cancellation | None) -> RucioFile | None:
        """Return what has this name, `None` for nothing."""
        try:
            return self._rucio.file(location.bucket, location.key, doing, cancellation)
        except NotFoundError:
            return None

    def list(self, bucket: str, prefix: str, *, limit: int | None = None) -> Iterator[StoredObject]:
        """Yield the files of a scope; datasets and containers are no files."""
        return islice(self._below(bucket, prefix), limit)

    def level(self, location: Location, limit: int) -> Sequence[str]:
        """Return the names that begin with a place's up to the next slash, by one search."""
        names = self._rucio.names(location.bucket, location.key, f'list "{location}" in {self.provider}')
        return cut_keys(names, location.key)[:limit]

    def buckets(self) -> Sequence[str]:
        """Return the scopes."""
        return sorted(self._rucio.scopes(f"list the scopes in {self.provider}"), key=str.encode)

    def _below(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        doing = f'list "{bucket}/{prefix}" in {self.provider}'
        is_empty = True
        for file in self._rucio.files(bucket, prefix, doing):
            is_empty = False
            yield file.stored_object()
        if is_empty:
            self._rucio.require_scope(bucket, doing, None)

    # -- content -----------------------------------------------------------------------------------

    def read(
        self,
        location: Location,
        *,
        start: int = 0,
        length: int | None = None,
        etag: str | None = None,
        cancellation: Cancellation | None = None,
    ) -> ReplicaReader:
        """Open a file, or a range of it, at the first replica that answers."""
        doing = f'download "{location}" from {self.provider}'
        file = self._require_file(location, doing, cancellation)
        require_readable(file.stored_object(), start, length, etag, doing)
        end = file.size if length is None else min(start + length, file.size)

        def open_replica(pfn: str, position: int) -> FileReader:
            wanted = None if position == start and length is None else end - position
            return self._open(pfn, file, position, wanted, doing, cancellation)

        replicas = self._rucio.replicas(location.bucket, location.key, self._rse, doing, cancellation)
        return ReplicaReader(replicas, start, end, open_replica, doing, self._tell)

    def _open(
        self,
        pfn: str,
        file: RucioFile,
        start: int,
        length: int | None,
        doing: str,
        cancellation: Cancellation | None,
    ) -> FileReader:
        origin, path, query = split_address(pfn, file.name)
        doing = at_host(doing, origin)
        wanted = byte_range(start, length)
        answer = self._doors.server(origin, cancellation).call(
            doing,
            "GET",
            path,
            headers={} if wanted is None else {"range": wanted},
            query=query,
            cancellation=cancellation,
            is_stream=True,
            is_encoded=bool(query),
        )
        known = file.stored_object()
        return FileReader(
            known.location,
            answer,
            doing,
            lambda: known,
            start=start,
            length=length,
            etag=None,
            known=known,
        )

    def write(
        self, location: Location, source: Source, *, content_type: str, cancellation: Cancellation
    ) -> None:
        """Store a file at the RSE, and tell the catalogue of it when it is there and whole."""
        doing = f'upload "{location}" to {self.provider}'
        require_name(location, doing)
        if not self._rse:
            raise UsageError(
                f"{doing}: the service names no rse for {self.provider}",
                hint="storage_providers.rucio.ID.rse says where new files go",
            )
        measured = MeasuredSource(source)
        stored = self._stored_alike(location, measured, doing, cancellation)
        if stored is not None:
            self._ensure_kept(location, stored, doing, cancellation)
            for part in source.sections(max(source.size or 0, 1)):
                part.sent()
            return
        endpoint, path = self._rucio.path_for_writing(
            location.bucket, location.key, self._rse, doing, cancellation
        )
        bucket, _, key = path.lstrip("/").partition("/")
        place = Location(bucket, key)
        storage = self._doors.store(endpoint, cancellation)
        with cancellation.on_failure(lambda: self._withdraw(storage, place, location, doing)):
            storage.put(place, measured, content_type, at_host(doing, endpoint), cancellation)
            cancellation.check()
            self._register(location, measured, doing, cancellation)

    def _stored_alike(
        self, location: Location, measured: MeasuredSource, doing: str, cancellation: Cancellation
    ) -> RucioFile | None:
        """Return the file that has this content under this name, `None` when the name is free.

        Raises:
            RefusedError: something else has it.
        """
        found = self._find(location, doing, cancellation)
        if found is None:
            return None
        if found.kind != FILE:
            raise RefusedError(f"{doing}: it is a {found.kind.lower()} there, not a file")
        # A stream is not measured yet.
        if measured.size is None or not measured.is_content_of(found):
            raise RefusedError(
                f"{doing}: there is a file of this name, and files in Rucio never change",
                hint="choose another name",
            )
        return found

    def _register(
        self, location: Location, measured: MeasuredSource, doing: str, cancellation: Cancellation
    ) -> None:
        file = {
            "scope": location.bucket,
            "name": location.key,
            "bytes": measured.count,
            **measured.digests,
            "state": "A",
            "meta": {"guid": uuid.uuid4().hex},
        }
        try:
            self._rucio.register(file, self._rse, doing, cancellation)
        except NotFoundError:
            self._rucio.require_scope(location.bucket, doing, cancellation)
            raise
        except RefusedError:
            # The answer to a first attempt may have been lost: then it is there, and wants its rule.
            found = self._find(location, doing, cancellation)
            if found is None or not measured.is_content_of(found):
                raise
        self._keep(location, doing, cancellation)

    def _keep(self, location: Location, doing: str, cancellation: Cancellation) -> None:
        """Make a rule for a file; one that is registered stays so, also without a rule."""
        try:
            self._rucio.keep(location.bucket, location.key, self._rse, doing, cancellation)
        except OscarError as error:
            raise type(error)(
                f"{error.message}; the file is in the catalogue, but no rule keeps it",
                hint="the same command makes the rule when that is mended; 'delete-file' lets the file go",
            ) from error

    def _ensure_kept(
        self, location: Location, file: RucioFile, doing: str, cancellation: Cancellation
    ) -> None:
        """See that a file stays that is there: it may be about to go, or have no rule."""
        if file.is_expiring:
            self._rucio.set_lifetime(location.bucket, location.key, None, doing, cancellation)
        if not self._rucio.has_rule(location.bucket, location.key, doing, cancellation):
            self._keep(location, doing, cancellation)

    def _withdraw(self, storage: WebDavStorage, place: Location, location: Location, doing: str) -> None:
        """Remove content that the catalogue does not know."""
        if self._find(location, doing, None) is None:
            storage.remove(place)

    def remove(self, location: Location) -> None:
        """Let one file go: the server removes it, with all replicas, within a day."""
        doing = f'delete "{location}" from {self.provider}'
        require_name(location, doing)
        file = self._find(location, doing, None)
        if file is None:
            self._rucio.require_scope(location.bucket, doing, None)
            return
        if file.kind != FILE:
            raise RefusedError(f"{doing}: it is a {file.kind.lower()} there, not a file")
        self._rucio.set_lifetime(location.bucket, location.key, ERASE_SECONDS, doing, None)
        self._tell(f'{self.provider} removes "{location}" within 24 hours')
