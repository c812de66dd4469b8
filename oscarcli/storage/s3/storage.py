"""Objects in MinIO and in Amazon S3: one Storage, whose requests are sent by one of two clients.

Both speak in boto3's names of operations and parameters, so that nothing above them knows which one it is:
the lean client moves objects wherever the way is plain, boto3's does all else (see `choose_engine`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from oscarcli.errors import MissingName, NotFoundError, OscarError
from oscarcli.storage.answer_parts import byte_range, require_range
from oscarcli.storage.base import MD5_ETAG, StoredObject
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.definition import CLUSTER_STORE
from oscarcli.storage.location import Location
from oscarcli.storage.outage import Outage, Tell, delays, outage_limit
from oscarcli.storage.s3.calls import count_attempts
from oscarcli.storage.s3.client import S3Client
from oscarcli.storage.s3.failures import MISSING_BUCKET, AnswerError, failure, required
from oscarcli.storage.s3.lean import LeanClient
from oscarcli.storage.s3.operations import OPERATIONS
from oscarcli.storage.s3.pages import MAX_PAGE_KEYS, listed_objects, page_entries
from oscarcli.storage.s3.reader import S3Reader, described
from oscarcli.storage.s3.settings import DEFAULT_REGION, S3Settings, choose_engine
from oscarcli.storage.source import Source, UploadPart
from oscarcli.storage.wire.failures import wait_or_raise

if TYPE_CHECKING:
    from oscarcli.storage.journal import TransferJournals
    from oscarcli.storage.s3.boto import BotoClient
    from oscarcli.storage.s3.lean_objects import LeanObjects


class S3Storage:
    """One provider reached through the S3 protocol. See `Storage` for what its methods promise.

    Args:
        settings: where it is.
        tell: told that and why it is waited for.
        note: told which client moves the objects, and why.
        journals: where unfinished transfers are remembered; `None` for nowhere.
    """

    def __init__(
        self,
        settings: S3Settings,
        tell: Tell = lambda _text: None,
        note: Tell = lambda _text: None,
        journals: TransferJournals | None = None,
    ) -> None:
        self._settings = settings
        self._note = note
        self._journals = journals
        limit = outage_limit(settings.outage_limit, settings.read_timeout)
        self.outage = Outage(settings.provider, limit, tell)
        self.keeps_checksums = True
        self._connecting, self._making = threading.Lock(), threading.Lock()
        self._made: BotoClient | None = None
        self._chosen: S3Client | None = None

    @property
    def provider(self) -> str:
        """Its name, such as "minio.default"."""
        return self._settings.provider

    @property
    def place(self) -> str:
        """Its address, without what a user might have put before the host."""
        endpoint = self._settings.endpoint
        if endpoint is None:
            return f"s3:{self._settings.region or DEFAULT_REGION}"
        scheme, _, rest = endpoint.partition("://")
        return f"{scheme}://{rest.rpartition('@')[2]}".rstrip("/")

    @property
    def journals(self) -> TransferJournals | None:
        """Where unfinished transfers are remembered."""
        return self._journals

    @property
    def client(self) -> Any:
        """The botocore client, for what no object is moved by."""
        return self._boto.connected

    def close(self) -> None:
        """End the connections."""
        if self._made is not None:
            self._made.close()
        if self._chosen is not None:
            self._chosen.close()

    @property
    def _boto(self) -> BotoClient:
        """boto3's client, which most commands do without."""
        if self._made is None:
            from oscarcli.storage.s3.boto import BotoClient

            with self._making:
                self._made = self._made or BotoClient(self._settings)
        return self._made

    def _client_for(self, operation: str) -> S3Client:
        return (self._chosen or self._choose()) if operation in OPERATIONS else self._boto

    def _choose(self) -> S3Client:
        with self._connecting:
            if self._chosen is None:
                engine, why = choose_engine(self._settings)
                self._note(f"{self.provider}: objects are moved by the {engine} client: {why}")
                self._chosen = LeanClient(self._settings) if engine == "lean" else self._boto
            return self._chosen

    def call(
        self,
        doing: str,
        operation: str,
        *,
        cancellation: Cancellation | None = None,
        outage: Outage | None = None,
        **parameters: Any,
    ) -> dict[str, Any]:
        """Call an operation, again and again while the store is away.

        Args:
            doing: what it is for, for messages.
            operation: such as "head_object".
            cancellation: ends the waiting for the store; needed in any thread but the main one.
            outage: that of all calls when `None`.
            parameters: of the operation.

        Raises:
            OscarError: as for `Storage`.
            Cancelled: the waiting was called off.
        """
        client = self._client_for(operation)
        outage = outage or self.outage
        body = parameters.get("Body")
        for attempt, delay in enumerate(delays()):
            if isinstance(body, UploadPart):
                body.seek(0)
            try:
                answer = client.call(operation, parameters, cancellation)
            except Exception as error:  # noqa: BLE001 -- raised again as one of ours
                told = failure(error, doing, missing=self._as_missing(str(parameters.get("Bucket", ""))))
                wait_or_raise(error, told, outage, delay, cancellation)
            else:
                outage.end()
                count_attempts(answer, attempt)
                return answer
        raise AssertionError("there is always another delay")

    def stat(self, location: Location, *, cancellation: Cancellation | None = None) -> StoredObject:
        """Ask for one object, and when it is missing, whether its bucket is there."""
        doing = f'look up "{location}" in {self.provider}'
        try:
            answer = self.call(
                doing,
                "head_object",
                cancellation=cancellation,
                Bucket=location.bucket,
                Key=location.key,
                ChecksumMode="ENABLED",
            )
        except NotFoundError:
            self._require_bucket(location.bucket, doing)
            raise
        size = int(required(answer, "ContentLength", doing))
        return described(location, answer, size, self, cancellation)

    def _require_bucket(self, bucket: str, doing: str) -> None:
        try:
            self._client_for("head_bucket").call("head_bucket", {"Bucket": bucket}, None)
        except Exception as error:
            if isinstance(error, AnswerError) and error.code in ("NoSuchKey", "NoSuchBucket"):
                missing = self._as_missing(bucket)
                raise NotFoundError(f"{doing}: {MISSING_BUCKET}", missing=missing) from error

    def _as_missing(self, bucket: str) -> MissingName | None:
        """Return a bucket as one that the cluster may know by a similar name: those of its own store."""
        return MissingName("bucket", bucket) if self.provider == CLUSTER_STORE and bucket else None

    def level(self, location: Location, limit: int) -> tuple[str, ...]:
        """Return the keys that begin with a place's up to the next slash, a thousand at most."""
        doing = f'list "{location}" in {self.provider}'
        parameters: dict[str, Any] = {
            "Bucket": location.bucket,
            "Prefix": location.key,
            "MaxKeys": min(limit, MAX_PAGE_KEYS),
            "Delimiter": "/",
        }
        answer = self.call(doing, "list_objects_v2", **parameters)
        keys = [str(entry["Key"]) for entry in page_entries(answer, doing)]
        folders = [str(entry.get("Prefix", "")) for entry in answer.get("CommonPrefixes", [])]
        return tuple(sorted([*keys, *folders]))

    def buckets(self) -> tuple[str, ...]:
        """Return the names of the buckets that the keys show."""
        answer = self.call(f"list the buckets of {self.provider}", "list_buckets")
        return tuple(str(entry.get("Name", "")) for entry in answer.get("Buckets") or ())

    def list(self, bucket: str, prefix: str, *, limit: int | None = None) -> Iterator[StoredObject]:
        """Yield objects, a thousand a request."""
        size = min(limit or MAX_PAGE_KEYS, MAX_PAGE_KEYS)
        return islice(listed_objects(self, bucket, prefix, size), limit)

    def read(
        self,
        location: Location,
        *,
        start: int = 0,
        length: int | None = None,
        etag: str | None = None,
        cancellation: Cancellation | None = None,
    ) -> S3Reader:
        """Open an object, or a range of it."""
        doing = f'download "{location}" from {self.provider}'
        parameters: dict[str, Any] = {"Bucket": location.bucket, "Key": location.key}
        if (wanted := byte_range(start, length)) is not None:
            parameters["Range"] = wanted
        elif not MD5_ETAG.fullmatch(etag or ""):
            parameters["ChecksumMode"] = "ENABLED"
        if etag:
            parameters["IfMatch"] = f'"{etag}"'
        answer = self.call(doing, "get_object", cancellation=cancellation, **parameters)
        try:
            require_range(str(answer.get("ContentRange", "")), start, doing)
            return S3Reader(location, answer, doing, self, cancellation)
        except OscarError:
            answer["Body"].close()
            raise

    def write(
        self, location: Location, source: Source, *, content_type: str, cancellation: Cancellation
    ) -> None:
        """Store an object, in parts when it is large."""
        from oscarcli.storage.s3.upload import upload_object

        upload_object(self, location, source, content_type, cancellation)

    def small_objects(self) -> LeanObjects | None:
        """Return how many small objects are moved by one thread; `None` where that cannot be.

        One thread cannot look after boto3's connections, nor after those with TLS within TLS.
        """
        from oscarcli.storage.s3.lean_objects import LeanObjects

        client = self._client_for("get_object")
        if not isinstance(client, LeanClient) or client.wire.connector.is_tls_within_tls:
            return None
        return LeanObjects(client, self)

    def remove(self, location: Location) -> None:
        """Delete one object; the protocol does not tell whether there was one."""
        doing = f'delete "{location}" from {self.provider}'
        self.call(doing, "delete_object", Bucket=location.bucket, Key=location.key)
