"""Objects in MinIO and in Amazon S3.

The client is botocore's: boto3 adds resources and a transfer manager, neither is used, and loading them
takes a fifth of the time again (measured: 150 ms for botocore with a client, 180 ms for boto3).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from oscarcli.config.model import TlsSettings
from oscarcli.errors import NotFoundError, OscarError, UnreachableError
from oscarcli.storage import outage as outages
from oscarcli.storage.base import MD5_ETAG, StoredObject
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.journal import TransferJournals
from oscarcli.storage.location import Location
from oscarcli.storage.outage import Outage, Tell, delays
from oscarcli.storage.s3_connection import Sender
from oscarcli.storage.s3_failures import MISSING_BUCKET, code_of, failure, is_answer, is_away, required
from oscarcli.storage.s3_upload import upload
from oscarcli.storage.source import Source, UploadPart

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 60.0
ATTEMPTS = 3
CONNECTIONS = 16
PAGE = 1000
# The keys are given: a profile, a role or a region of the user's own AWS account has no say here. The
# members are those of botocore's table of settings: key in a file, variables, default, conversion.
NO_PROFILE = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True)
class S3Settings:
    """How to reach one provider.

    Args:
        provider: its name, such as "minio.default", for messages.
        access_key, secret_key: static keys.
        region: empty for us-east-1.
        endpoint: URL of a MinIO server; `None` for Amazon's by region (or AWS_ENDPOINT_URL_S3).
        tls: whom TLS trusts, and what it shows.
        read_timeout: seconds a server may keep silent.
        outage_limit: seconds it may be away, as while it is restarted; `None` for the usual patience, but
            no more than `read_timeout`.
    """

    provider: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = ""
    endpoint: str | None = None
    tls: TlsSettings = field(default=TlsSettings())
    read_timeout: float = READ_TIMEOUT
    outage_limit: float | None = None


def connect(settings: S3Settings) -> Any:
    """Return a botocore client. Nothing is sent yet, and nothing is read from `~/.aws`.

    Raises:
        UnreachableError: the endpoint is not a URL.
    """
    import botocore.session
    from botocore.config import Config

    _require_url(settings)
    session = botocore.session.Session(session_vars=NO_PROFILE)
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if settings.endpoint else "auto"},
        connect_timeout=min(CONNECT_TIMEOUT, settings.read_timeout),
        read_timeout=settings.read_timeout,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=CONNECTIONS,
        # Who sends looks for a proxy.
        proxies={},
        # MinIO servers of before 2025 do not know the checksums botocore sends otherwise; digests go along
        # as Content-MD5.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        # "auto", possible through AWS_DEFAULTS_MODE, asks the metadata service of EC2 for the region.
        defaults_mode="legacy",
        **({"use_dualstack_endpoint": False, "use_fips_endpoint": False} if settings.endpoint else {}),
    )
    client = session.create_client(
        "s3",
        region_name=settings.region or DEFAULT_REGION,
        endpoint_url=settings.endpoint,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
        config=config,
    )
    if not settings.tls.verify:
        _accept_unverified()
    _count_what_is_sent(client)
    client.meta.events.register_last("before-send.s3", _sender(settings).send)
    return client


def _sender(settings: S3Settings) -> Sender:
    return Sender(
        settings.tls,
        connect_timeout=min(CONNECT_TIMEOUT, settings.read_timeout),
        read_timeout=settings.read_timeout,
        connections=CONNECTIONS,
    )


def _accept_unverified() -> None:
    """Keep urllib3 from a warning at every connection: whoever defined the provider wanted it so."""
    import urllib3

    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)


def _require_url(settings: S3Settings) -> None:
    if settings.endpoint is None:
        return
    try:
        parts = urlsplit(settings.endpoint)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise UnreachableError(
            f'connect to {settings.provider}: "{settings.endpoint}" is not a usable endpoint',
            hint="an endpoint is a URL, such as https://minio.example:9000",
        )


def _count_what_is_sent(client: Any) -> None:
    """Let a UploadPart know when it is read for sending: signing, between these two events, reads it too."""

    def switch(sending: bool) -> Any:
        def handler(request: Any, **_: Any) -> None:
            if isinstance(request.body, UploadPart):
                request.body.sending = sending

        return handler

    client.meta.events.register_first("request-created.s3", switch(False))
    client.meta.events.register_last("request-created.s3", switch(True))


class S3Storage:
    """One provider reached through the S3 protocol. See `Storage` for what its methods promise.

    Args:
        settings: where it is.
        tell: told that and why it is waited for.
        journals: where unfinished transfers are remembered; `None` for nowhere.
    """

    def __init__(
        self,
        settings: S3Settings,
        tell: Tell = lambda _text: None,
        journals: TransferJournals | None = None,
    ) -> None:
        self._settings = settings
        self._journals = journals
        limit = settings.outage_limit
        if limit is None:
            limit = min(outages.MAX_OUTAGE_SECONDS, settings.read_timeout)
        self.outage = Outage(settings.provider, limit, tell)
        self._connecting = threading.Lock()
        self._connected: Any = None

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
        """The botocore client, made once; all threads use the same one."""
        with self._connecting:
            if self._connected is None:
                self._connected = connect(self._settings)
            return self._connected

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
        method = getattr(self.client, operation)
        outage = outage or self.outage
        body = parameters.get("Body")
        for delay in delays():
            if isinstance(body, UploadPart):
                body.seek(0)
            try:
                answer: dict[str, Any] = method(**parameters)
            except Exception as error:  # noqa: BLE001 -- raised again as one of ours
                self._after(error, failure(error, doing), outage, delay, cancellation)
            else:
                outage.end()
                return answer
        raise AssertionError("there is always another delay")

    def _after(
        self,
        error: Exception,
        told: Exception,
        outage: Outage,
        delay: float,
        cancellation: Cancellation | None,
    ) -> None:
        """Wait when a failure was that of a store that is away; else raise what is told of it."""
        if is_away(error):
            told.__cause__ = error
            outage.wait(told, delay, cancellation)
            return
        if is_answer(error):
            outage.end()
        raise told from error

    def stat(self, location: Location, *, cancellation: Cancellation | None = None) -> StoredObject:
        """Ask for one object, and when it is missing, whether its bucket is there."""
        doing = f'look up "{location}" in {self.provider}'
        try:
            answer = self.call(
                doing, "head_object", cancellation=cancellation, Bucket=location.bucket, Key=location.key
            )
        except NotFoundError:
            self._require_bucket(location.bucket, doing)
            raise
        return _described(location, answer, int(required(answer, "ContentLength", doing)))

    def _require_bucket(self, bucket: str, doing: str) -> None:
        try:
            self.client.head_bucket(Bucket=bucket)
        except Exception as error:
            if code_of(error) in ("NoSuchKey", "NoSuchBucket"):
                raise NotFoundError(f"{doing}: {MISSING_BUCKET}") from error

    def list(self, bucket: str, prefix: str, *, limit: int | None = None) -> Iterator[StoredObject]:
        """Yield objects, a thousand a request."""
        return islice(self._pages(bucket, prefix, min(limit or PAGE, PAGE)), limit)

    def _pages(self, bucket: str, prefix: str, page: int) -> Iterator[StoredObject]:
        doing = f'list "{bucket}/{prefix}" in {self.provider}'
        more: dict[str, Any] = {}
        seen: set[str] = set()
        while True:
            answer = self.call(doing, "list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=page, **more)
            for entry in _entries(answer, doing):
                yield _listed(bucket, entry)
            if not answer["IsTruncated"]:
                return
            token = answer.get("NextContinuationToken")
            if not token or token in seen:
                raise OscarError(f"{doing}: the list goes on, and the server does not say where")
            seen.add(token)
            more = {"ContinuationToken": token}

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
        if start or length is not None:
            end = "" if length is None else str(start + length - 1)
            parameters["Range"] = f"bytes={start}-{end}"
        if etag:
            parameters["IfMatch"] = f'"{etag}"'
        answer = self.call(doing, "get_object", cancellation=cancellation, **parameters)
        if start and not str(answer.get("ContentRange", "")).startswith(f"bytes {start}-"):
            answer["Body"].close()
            raise UnreachableError(f"{doing}: the server does not give the range that was asked for")
        return S3Reader(location, answer, doing)

    def write(
        self, location: Location, source: Source, *, content_type: str, cancellation: Cancellation
    ) -> None:
        """Store an object, in parts when it is large."""
        upload(self, location, source, content_type, cancellation)

    def remove(self, location: Location) -> None:
        """Delete one object; the protocol does not tell whether there was one."""
        doing = f'delete "{location}" from {self.provider}'
        self.call(doing, "delete_object", Bucket=location.bucket, Key=location.key)


class S3Reader:
    """The body of a GET. See `Reader`."""

    def __init__(self, location: Location, answer: dict[str, Any], doing: str) -> None:
        self._body = answer["Body"]
        self._doing = doing
        # "bytes 0-9/1234": behind the slash is the size of the whole.
        whole = str(answer.get("ContentRange", "")).rpartition("/")[2]
        size = int(whole) if whole.isdigit() else int(required(answer, "ContentLength", doing))
        self.object = _described(location, answer, size)

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        try:
            return bytes(self._body.read(size))
        except Exception as error:
            raise failure(error, self._doing) from error

    def interrupt(self) -> None:
        """Shut the socket for reading; urllib3 can do so from version 2.3 on."""
        shutdown = getattr(self._body._raw_stream, "shutdown", None)
        if shutdown is not None:
            shutdown()

    def close(self) -> None:
        """Close the body; a connection whose body was read to its end is used again."""
        self._body.close()


def _described(location: Location, answer: dict[str, Any], size: int) -> StoredObject:
    etag = str(answer.get("ETag", "")).strip('"') or None
    # With these two the ETag looks like a digest but is none of the content.
    is_opaque = answer.get("SSECustomerAlgorithm") or "kms" in str(answer.get("ServerSideEncryption", ""))
    md5 = etag if etag and not is_opaque and MD5_ETAG.fullmatch(etag) else None
    modified: datetime | None = answer.get("LastModified")
    return StoredObject(location, size, modified, etag, md5)


def _entries(answer: dict[str, Any], doing: str) -> list[dict[str, Any]]:
    """Return what a page of a list has.

    Whatever a web server or a proxy answers with 200 passes for a page without anything in it: that every
    object has a key and a size, and whether there is more, is told by a list alone.
    """
    entries: list[dict[str, Any]] = answer.get("Contents", [])
    is_list = isinstance(answer.get("IsTruncated"), bool)
    if not is_list or not all(entry.get("Key") and "Size" in entry for entry in entries):
        raise OscarError(f"{doing}: the answer is no list of objects")
    return entries


def _listed(bucket: str, entry: dict[str, Any]) -> StoredObject:
    etag = str(entry.get("ETag", "")).strip('"') or None
    location = Location(bucket, str(entry["Key"]))
    # A listing does not tell how an object is encrypted, so its ETag is not taken for a digest.
    return StoredObject(location, int(entry["Size"]), entry.get("LastModified"), etag)
