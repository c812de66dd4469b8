"""S3 on the wire: from a request to its operation, and from a failure to its document."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from urllib.parse import unquote

from oscarcli.local.commit_group import PostponedChange
from oscarcli.local.http.messages import ConnectionLost, DeferredAnswer, Request, Response
from oscarcli.local.objects import names
from oscarcli.local.objects.blobs import MAX_SMALL_BYTES
from oscarcli.local.objects.errors import NotModified, S3Error, full_disk_named
from oscarcli.local.objects.s3 import buckets, forms, lists, multipart, objects
from oscarcli.local.objects.s3.authorization import authorize
from oscarcli.local.objects.s3.documents import XmlNode, xml_document
from oscarcli.local.objects.s3.form import is_form
from oscarcli.local.objects.s3.request import S3Request, header_of
from oscarcli.local.objects.s3.signatures import Accounts
from oscarcli.local.objects.store import ObjectStore

log = logging.getLogger(__name__)

HEALTH_PREFIX = "/minio/health/"

Operation = Callable[[S3Request], Response]

# Everything in a query that chooses an operation; other parameters are options or meaningless.
# fmt: off
_SUBRESOURCES = frozenset((
    "accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption", "events",
    "intelligent-tiering", "inventory", "legal-hold", "lifecycle", "location", "logging",
    "metadataTable", "metrics", "notification", "object-lock", "ownershipControls", "policy",
    "policyStatus", "publicAccessBlock", "renameObject", "replication", "requestPayment", "restore",
    "retention", "select", "session", "tagging", "torrent", "uploadId", "uploads", "versioning",
    "versions", "website",
))
# fmt: on

_SERVICE: dict[tuple[str, str], Operation] = {("GET", ""): buckets.list_all}
_BUCKET: dict[tuple[str, str], Operation] = {
    ("GET", ""): lists.list_objects,
    ("GET", "versions"): lists.list_versions,
    ("GET", "uploads"): lists.list_uploads,
    ("HEAD", ""): buckets.head,
    ("PUT", ""): buckets.create,
    ("DELETE", ""): buckets.delete,
    ("POST", "delete"): objects.delete_many,
    ("GET", "tagging"): buckets.get_tags,
    ("PUT", "tagging"): buckets.put_tags,
    ("DELETE", "tagging"): buckets.delete_tags,
    **buckets.CONFIGURATION,
}
_OBJECT: dict[tuple[str, str], Operation] = {
    ("GET", ""): objects.get,
    ("HEAD", ""): objects.head,
    ("PUT", ""): objects.put,
    ("DELETE", ""): objects.delete,
    ("GET", "attributes"): objects.get_attributes,
    ("GET", "acl"): objects.get_acl,
    ("PUT", "acl"): objects.put_acl,
    ("GET", "tagging"): objects.get_tags,
    ("PUT", "tagging"): objects.put_tags,
    ("DELETE", "tagging"): objects.delete_tags,
    ("GET", "retention"): objects.no_lock,
    ("PUT", "retention"): objects.no_lock,
    ("GET", "legal-hold"): objects.no_lock,
    ("PUT", "legal-hold"): objects.no_lock,
    ("POST", "uploads"): multipart.start,
    ("PUT", "uploadId"): multipart.put_part,
    ("GET", "uploadId"): multipart.list_parts,
    ("POST", "uploadId"): multipart.complete,
    ("DELETE", "uploadId"): multipart.abort,
}


class S3Front:
    """Answers S3 requests, path-style.

    Args:
        store: buckets and objects.
        accounts: those let in, and what each may do; credentials alone may do everything.
        region: named in answers; requests may be signed for any.
        now: tells the time, UTC.
    """

    def __init__(
        self,
        store: ObjectStore,
        accounts: Accounts,
        *,
        region: str = "us-east-1",
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._region = region
        self._now = now
        # Like MinIO's, an identifier is a time; the counter keeps those of one instant apart.
        self._serial = itertools.count()

    def is_quick(self, request: Request) -> bool:
        """Tell whether a request is a small upload, which is answered without waiting for anybody."""
        return (
            request.method == "PUT"
            and request.body_is_here
            and (request.content_length or 0) <= MAX_SMALL_BYTES
            # The name of a bucket, and one of an object; nothing but the object itself.
            and "/" in request.target[1:-1]
            and "?" not in request.target
            and "x-amz-copy-source" not in request.headers
            and not self._store.is_held_up()
        )

    def handle(self, request: Request) -> Response | DeferredAnswer:
        """Answer one request. Raises ConnectionLost when the client went away."""
        request_id = f"{time.time_ns() + next(self._serial):016X}"
        change = PostponedChange() if request.may_be_deferred else None
        response = self._guard(request, request_id, lambda: self._answer(request, request_id, change))
        if change is None or not change.is_postponed:
            return response

        def answer_of_change() -> Response:
            with full_disk_named():
                change.check()
            return response

        def answer() -> Response:
            return self._guard(request, request_id, answer_of_change)

        return DeferredAnswer(change.make, change.when_ended, answer)

    def _guard(self, request: Request, request_id: str, answer: Callable[[], Response]) -> Response:
        """Return an answer, or the one that tells of a failure. Raises ConnectionLost."""
        try:
            response = answer()
        except NotModified as unchanged:
            response = Response(304, unchanged.headers)
        except S3Error as error:
            response = _error_answer(request, error, request_id)
        except ConnectionLost:
            raise
        except Exception:
            log.exception("%s %s failed", request.method, request.raw_path)
            response = _error_answer(request, S3Error("InternalError"), request_id)
        response.headers["x-amz-request-id"] = request_id
        return response

    def _answer(self, request: Request, request_id: str, change: PostponedChange | None) -> Response:
        if request.method in ("GET", "HEAD") and request.raw_path.startswith(HEALTH_PREFIX):
            return Response()
        _check_segments(request)
        bucket, key = _split(request)
        if is_form_upload(request):
            return self._post(request, bucket, key, request_id)
        authorization = authorize(request, self._accounts, self._now())
        self._check_permission(request.method, authorization.access_key, bucket, key)
        if key:
            names.check_key(key)
        exchange = S3Request(
            self._store,
            request,
            authorization,
            self._accounts,
            bucket,
            key,
            self._region,
            request_id,
            change,
        )
        return _operation(request.method, bucket, key, exchange.query)(exchange)

    def _check_permission(self, method: str, access_key: str, bucket: str, key: str) -> None:
        """Raise S3Error("AccessDenied") for what an account may not do."""
        if not bucket:
            return
        # A bucket that is made has no policy yet, and one that is deleted takes it along.
        is_for_makers = not key and method in ("PUT", "DELETE")
        accounts = self._accounts
        if is_for_makers and not accounts.may_make_buckets(access_key):
            raise S3Error("AccessDenied")
        if not is_for_makers and not accounts.may_use(access_key, bucket):
            raise S3Error("AccessDenied")

    def _post(self, request: Request, bucket: str, key: str, request_id: str) -> Response:
        if key:
            raise S3Error("MethodNotAllowed")
        return forms.post(
            self._store,
            request,
            bucket,
            self._accounts,
            self._now(),
            region=self._region,
            request_id=request_id,
        )


def is_form_upload(request: Request) -> bool:
    """Tell whether the request is a form whose fields, not header or query, say who sent it."""
    if request.method != "POST":
        return False
    signed = "authorization" in request.headers or "X-Amz-Signature" in request.query
    return is_form(request) and not signed


def _check_segments(request: Request) -> None:
    """Raise S3Error when the path or what the query asks for has "." or ".." among its segments."""
    # A delimiter may be anything.
    asked = [value for name, value in request.query.items() if name != "delimiter"]
    if any(map(names.has_dot_segment, [request.path, *asked])):
        raise S3Error("XMinioInvalidResourceName")


def _split(request: Request) -> tuple[str, str]:
    """Return bucket and key. Raises S3Error, such as "InvalidURI" when they are not UTF-8."""
    bucket, _, key = request.raw_path.removeprefix("/").partition("/")
    try:
        return unquote(bucket, errors="strict"), names.canonical_key(unquote(key, errors="strict"))
    except UnicodeDecodeError as error:
        raise S3Error("InvalidURI") from error


def _operation(method: str, bucket: str, key: str, query: Mapping[str, str]) -> Operation:
    subresource = next((name for name in query if name in _SUBRESOURCES), "")
    table = _SERVICE if not bucket else _OBJECT if key else _BUCKET
    operation = table.get((method, subresource))
    if operation is None:
        words = f"{method} with ?{subresource}" if subresource else method
        raise S3Error("NotImplemented", f"The local object store does not implement {words} here.")
    return operation


def _error_answer(request: Request, error: S3Error, request_id: str) -> Response:
    headers = dict(error.headers)
    if request.method == "HEAD":
        # There is no body to say why.
        headers["x-minio-error-code"] = error.code
        headers["x-minio-error-desc"] = header_of(f'"{error.message}"')
        return Response(error.status, headers)
    path = unquote(request.raw_path, errors="replace")
    bucket, _, key = path.removeprefix("/").partition("/")
    members: list[XmlNode] = [("Code", error.code), ("Message", error.message)]
    members += [("Key", key)] if key else []
    members += [("BucketName", bucket)] if bucket else []
    members += [("Resource", path), ("RequestId", request_id), ("HostId", "oscar-local")]
    members += list(error.details.items())
    headers["Content-Type"] = "application/xml"
    return Response(error.status, headers, xml_document("Error", members, namespace=False))
