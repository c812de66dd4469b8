"""Operations that list: objects (both versions of the call), versions and unfinished uploads."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from urllib.parse import quote

from oscarcli.local.http.messages import Response
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.model import ObjectRecord, Page
from oscarcli.local.objects.s3.buckets import OWNER
from oscarcli.local.objects.s3.documents import XmlNode, iso_time, truth
from oscarcli.local.objects.s3.request import S3Request, xml

MAX_ENTRIES = 1000
# Tells our continuation tokens from arbitrary base64, and keeps the token of an empty name from being empty.
_TOKEN_MARK = b"after:"

Encode = Callable[[str], str]


def list_objects(exchange: S3Request) -> Response:
    """ListObjects, or ListObjectsV2 when the query says so."""
    return _list_v2(exchange) if exchange.query.get("list-type") == "2" else _list_v1(exchange)


def _list_v1(exchange: S3Request) -> Response:
    query, encode = exchange.query, _encoding(exchange)
    marker = query.get("marker", "")
    limit = exchange.number("max-keys", MAX_ENTRIES, MAX_ENTRIES)
    page = _page(exchange, marker, limit)
    members: list[XmlNode] = [
        ("Name", exchange.bucket),
        ("Prefix", encode(query.get("prefix", ""))),
        ("Marker", encode(marker)),
    ]
    members += [("NextMarker", encode(page.last))] if page.truncated else []
    members += [("MaxKeys", limit), *_common(exchange, page, encode)]
    members += [("Contents", _entry(item, encode, owner=True)) for item in page.objects]
    return xml("ListBucketResult", members + _folders(page.prefixes, encode))


def _list_v2(exchange: S3Request) -> Response:
    query, encode = exchange.query, _encoding(exchange)
    token = query.get("continuation-token")
    start_after = query.get("start-after", "")
    limit = exchange.number("max-keys", MAX_ENTRIES, MAX_ENTRIES)
    page = _page(exchange, start_after if token is None else _decode_token(token), limit)
    members: list[XmlNode] = [("Name", exchange.bucket), ("Prefix", encode(query.get("prefix", "")))]
    members += [] if token is None else [("ContinuationToken", token)]
    members += [("NextContinuationToken", _encode_token(page.last))] if page.truncated else []
    members += [("StartAfter", encode(start_after))] if start_after else []
    members += [("KeyCount", len(page.objects) + len(page.prefixes)), ("MaxKeys", limit)]
    members += _common(exchange, page, encode)
    owner = query.get("fetch-owner", "").lower() == "true"
    members += [("Contents", _entry(item, encode, owner=owner)) for item in page.objects]
    return xml("ListBucketResult", members + _folders(page.prefixes, encode))


def list_versions(exchange: S3Request) -> Response:
    """ListObjectVersions: each object is its only version, called null."""
    query, encode = exchange.query, _encoding(exchange)
    marker = query.get("key-marker", "")
    limit = exchange.number("max-keys", MAX_ENTRIES, MAX_ENTRIES)
    page = _page(exchange, marker, limit)
    members: list[XmlNode] = [
        ("Name", exchange.bucket),
        ("Prefix", encode(query.get("prefix", ""))),
        ("KeyMarker", encode(marker)),
        ("VersionIdMarker", query.get("version-id-marker", "")),
    ]
    if page.truncated:
        members += [("NextKeyMarker", encode(page.last)), ("NextVersionIdMarker", "null")]
    members += [("MaxKeys", limit), *_common(exchange, page, encode)]
    for item in page.objects:
        version: list[XmlNode] = [("VersionId", "null"), ("IsLatest", "true")]
        members.append(("Version", version + _entry(item, encode, owner=True)))
    return xml("ListVersionsResult", members + _folders(page.prefixes, encode))


def list_uploads(exchange: S3Request) -> Response:
    """ListMultipartUploads."""
    query, encode = exchange.query, _encoding(exchange)
    marker = (query.get("key-marker", ""), query.get("upload-id-marker", ""))
    limit = exchange.number("max-uploads", MAX_ENTRIES, MAX_ENTRIES)
    uploads, prefixes, truncated = exchange.store.uploads.unfinished(
        exchange.bucket,
        prefix=query.get("prefix", ""),
        delimiter=query.get("delimiter", ""),
        after=marker,
        limit=limit,
    )
    members: list[XmlNode] = [
        ("Bucket", exchange.bucket),
        ("KeyMarker", encode(marker[0])),
        ("UploadIdMarker", marker[1]),
    ]
    if truncated:
        last_folder = max(prefixes, default="")
        last = uploads[-1] if uploads and uploads[-1].key > last_folder else None
        members.append(("NextKeyMarker", encode(last.key if last else last_folder)))
        members.append(("NextUploadIdMarker", last.identifier if last else ""))
    members += _options(exchange, encode)
    members += [
        ("Prefix", encode(query.get("prefix", ""))),
        ("MaxUploads", limit),
        ("IsTruncated", truth(truncated)),
    ]
    for upload in uploads:
        found: list[XmlNode] = [("Key", encode(upload.key)), ("UploadId", upload.identifier)]
        found += [("Initiator", OWNER), ("Owner", OWNER), ("StorageClass", "STANDARD")]
        members.append(("Upload", [*found, ("Initiated", iso_time(upload.started))]))
    return xml("ListMultipartUploadsResult", members + _folders(tuple(prefixes), encode))


def _page(exchange: S3Request, after: str, limit: int) -> Page:
    query = exchange.query
    return exchange.store.list_page(
        exchange.bucket, query.get("prefix", ""), after, limit, query.get("delimiter", "")
    )


def _common(exchange: S3Request, page: Page, encode: Encode) -> list[XmlNode]:
    return [*_options(exchange, encode), ("IsTruncated", truth(page.truncated))]


def _options(exchange: S3Request, encode: Encode) -> list[XmlNode]:
    query = exchange.query
    delimiter = query.get("delimiter", "")
    members: list[XmlNode] = [("Delimiter", encode(delimiter))] if delimiter else []
    return members + ([("EncodingType", "url")] if query.get("encoding-type") else [])


def _entry(item: ObjectRecord, encode: Encode, *, owner: bool) -> list[XmlNode]:
    members: list[XmlNode] = [
        ("Key", encode(item.key)),
        ("LastModified", iso_time(item.modified)),
        ("ETag", f'"{item.etag}"'),
    ]
    if item.checksum is not None:
        members.append(("ChecksumAlgorithm", item.checksum.algorithm))
        members.append(("ChecksumType", item.checksum.kind))
    members.append(("Size", item.size))
    members += [("Owner", OWNER)] if owner else []
    return [*members, ("StorageClass", "STANDARD")]


def _folders(prefixes: tuple[str, ...], encode: Encode) -> list[XmlNode]:
    return [("CommonPrefixes", [("Prefix", encode(prefix))]) for prefix in prefixes]


def _encoding(exchange: S3Request) -> Encode:
    """Return how names are written: as they are, or percent-encoded when the client asked for that."""
    kind = exchange.query.get("encoding-type", "")
    if kind.lower() not in ("", "url"):
        raise S3Error("InvalidArgument", "Invalid Encoding Method specified in Request")
    return (lambda name: quote(name, safe="/-_.~")) if kind else str


def _encode_token(name: str) -> str:
    return base64.urlsafe_b64encode(_TOKEN_MARK + name.encode()).decode()


def _decode_token(token: str) -> str:
    try:
        data = base64.b64decode(token, altchars=b"-_", validate=True)
        if not data.startswith(_TOKEN_MARK):
            raise ValueError("not one of our tokens")
        return data[len(_TOKEN_MARK) :].decode()
    except (binascii.Error, ValueError) as error:
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect") from error
