"""Operations on single objects, and the one that deletes many."""

from __future__ import annotations

import re
from collections.abc import Sequence

from oscarcli.local.http.messages import Response
from oscarcli.local.objects import checksums, names
from oscarcli.local.objects.body_reader import MAX_DOCUMENT_BYTES, BodyReader
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.model import ObjectRecord, Piece
from oscarcli.local.objects.reading import ObjectReader
from oscarcli.local.objects.s3 import conditional, documents
from oscarcli.local.objects.s3.buckets import accept_private_acl, acl_answer, tag_answer
from oscarcli.local.objects.s3.copies import copy
from oscarcli.local.objects.s3.documents import XmlNode, truth
from oscarcli.local.objects.s3.ranges import Span, parse_range, part_span
from oscarcli.local.objects.s3.request import META, S3Request, checksum_headers, header_of, xml
from oscarcli.local.objects.writing import Condition, NewObject

_OVERRIDES = {
    "response-content-type": "Content-Type",
    "response-content-language": "Content-Language",
    "response-expires": "Expires",
    "response-cache-control": "Cache-Control",
    "response-content-disposition": "Content-Disposition",
    "response-content-encoding": "Content-Encoding",
}


# -- reading ---------------------------------------------------------------------------------------------


def get(exchange: S3Request) -> Response:
    """GetObject."""
    stored, reader = exchange.store.open(exchange.bucket, exchange.key)
    try:
        response = _describe(exchange, stored, reader)
    except BaseException:
        reader.close()
        raise
    response.body = reader
    return response


def head(exchange: S3Request) -> Response:
    """HeadObject."""
    stored, reader = exchange.store.open(exchange.bucket, exchange.key)
    with reader:
        return _describe(exchange, stored, reader)


def _describe(exchange: S3Request, stored: ObjectRecord, reader: ObjectReader) -> Response:
    """Return the answer to GET or HEAD but for the body, and point the reader to it."""
    exchange.check_version()
    conditional.check_read(stored, exchange.headers)
    span, piece = _wanted(exchange, stored, reader.pieces)
    headers = _object_headers(exchange, stored)
    if span is None:
        headers.update(_checksum_headers(exchange, stored))
        span = (0, stored.size)
        status = 200
    else:
        headers["Content-Range"] = f"bytes {span[0]}-{span[0] + span[1] - 1}/{stored.size}"
        status = 206
    if exchange.query.get("partNumber"):
        headers.update(_part_headers(exchange, stored, reader.pieces, piece))
    reader.narrow(*span)
    headers["Content-Length"] = str(span[1])
    return Response(status, headers)


def _wanted(
    exchange: S3Request, stored: ObjectRecord, pieces: Sequence[Piece]
) -> tuple[Span | None, Piece | None]:
    number = exchange.query.get("partNumber", "")
    if not number:
        return parse_range(exchange.headers.get("range"), stored.size), None
    if "range" in exchange.headers:
        message = "Cannot specify both Range header and partNumber query parameter"
        raise S3Error("InvalidRequest", message)
    span, piece = part_span(pieces, stored.size, exchange.part_number("InvalidArgument"))
    # An empty object has a first part but no range to name.
    return (span if stored.size else None), piece


def _object_headers(exchange: S3Request, stored: ObjectRecord) -> dict[str, str]:
    headers = {
        **conditional.validators(stored),
        "Accept-Ranges": "bytes",
        "Content-Type": header_of(stored.content_type),
    }
    for name, value in stored.attributes.headers.items():
        headers[name.title()] = header_of(value)
    for name, value in stored.metadata.items():
        headers[META + name] = header_of(value)
    if stored.attributes.tags:
        headers["x-amz-tagging-count"] = str(len(stored.attributes.tags))
    for parameter, name in _OVERRIDES.items():
        if parameter in exchange.query:
            headers[name] = header_of(exchange.query[parameter])
    return headers


def _checksum_headers(exchange: S3Request, stored: ObjectRecord) -> dict[str, str]:
    # Never with a range: clients would compare it with the bytes of the range.
    if stored.checksum is None or exchange.headers.get("x-amz-checksum-mode", "").upper() != "ENABLED":
        return {}
    return checksum_headers(stored)


def _part_headers(
    exchange: S3Request, stored: ObjectRecord, pieces: Sequence[Piece], piece: Piece | None
) -> dict[str, str]:
    headers: dict[str, str] = {}
    if "-" in stored.etag:
        headers["x-amz-mp-parts-count"] = str(len(pieces))
    enabled = exchange.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED"
    if enabled and piece is not None and piece.checksum and stored.checksum is not None:
        headers[checksums.header_name(stored.checksum.algorithm)] = piece.checksum
    return headers


def get_attributes(exchange: S3Request) -> Response:
    """GetObjectAttributes."""
    stored, reader = exchange.store.open(exchange.bucket, exchange.key)
    with reader:
        exchange.check_version()
        asked = {word.strip() for word in exchange.headers.get("x-amz-object-attributes", "").split(",")}
        members: list[XmlNode] = [("ETag", stored.etag)]
        if stored.checksum is not None:
            name = f"Checksum{stored.checksum.algorithm}"
            value = stored.checksum.value.partition("-")[0]
            members.append(("Checksum", [(name, value), ("ChecksumType", stored.checksum.kind)]))
        if "-" in stored.etag:
            members.append(("ObjectParts", _parts_of(exchange, stored, reader.pieces)))
        members += [("StorageClass", "STANDARD"), ("ObjectSize", stored.size)]
    response = xml("GetObjectAttributesResponse", [member for member in members if member[0] in asked])
    response.headers["Last-Modified"] = conditional.http_date(stored)
    return response


def _number(text: str, default: int) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,10}", text) else default


def _parts_of(exchange: S3Request, stored: ObjectRecord, pieces: Sequence[Piece]) -> list[XmlNode]:
    marker = _number(exchange.headers.get("x-amz-part-number-marker", ""), 0)
    most = _number(exchange.headers.get("x-amz-max-parts", ""), 1000)
    following = [piece for piece in pieces if piece.number > marker]
    shown = following[:most]
    members: list[XmlNode] = [
        ("IsTruncated", truth(len(following) > len(shown))),
        ("MaxParts", most),
        ("NextPartNumberMarker", shown[-1].number if shown else 0),
        ("PartNumberMarker", marker),
        ("PartsCount", len(pieces)),
    ]
    for piece in shown:
        part: list[XmlNode] = [("PartNumber", piece.number), ("Size", piece.size)]
        if piece.checksum and stored.checksum is not None:
            part.append((f"Checksum{stored.checksum.algorithm}", piece.checksum))
        members.append(("Part", part))
    return members


# -- writing ---------------------------------------------------------------------------------------------


def put(exchange: S3Request) -> Response:
    """PutObject, or CopyObject when a source is named."""
    if "x-amz-copy-source" in exchange.headers:
        return copy(exchange)
    stored = _put(exchange, exchange.content(), conditional.write_condition(exchange.headers))
    return Response(200, {"ETag": f'"{stored.etag}"', **checksum_headers(stored)})


def _put(exchange: S3Request, content: BodyReader, condition: Condition | None) -> ObjectRecord | NewObject:
    store, bucket, key = exchange.store, exchange.bucket, exchange.key
    attributes, event = exchange.attributes(), exchange.event
    if exchange.postponed is not None and content.is_here:
        return store.put_later(bucket, key, content, attributes, event, condition, exchange.postponed)
    return store.put(bucket, key, content, attributes=attributes, event=event, condition=condition)


# -- deleting --------------------------------------------------------------------------------------------


def delete(exchange: S3Request) -> Response:
    """DeleteObject: also of what is not there."""
    if not exchange.is_foreign_version():
        condition = conditional.delete_condition(exchange.headers)
        exchange.store.delete(exchange.bucket, exchange.key, condition=condition)
    return Response(204)


def delete_many(exchange: S3Request) -> Response:
    """DeleteObjects."""
    intake = exchange.intake(MAX_DOCUMENT_BYTES)
    if intake.announced.md5 is None and not intake.announced.algorithm:
        raise S3Error("MissingContentMD5")
    deletions, quiet = documents.parse_deletions(intake.read_all())
    refusals = [(deletion, _refusal(deletion)) for deletion in deletions]
    to_delete = [item.key for item, refusal in refusals if refusal is None and item.version in ("", "null")]
    exchange.store.delete_all(exchange.bucket, to_delete)
    members: list[XmlNode] = []
    for deletion, refusal in refusals:
        version: list[XmlNode] = [("VersionId", deletion.version)] if deletion.version else []
        if refusal is not None:
            said: list[XmlNode] = [("Code", refusal.code), ("Message", refusal.message)]
            members.append(("Error", [*said, ("Key", deletion.key), *version]))
        elif not quiet:
            members.append(("Deleted", [("Key", deletion.key), *version]))
    return xml("DeleteResult", members)


def _refusal(deletion: documents.Deletion) -> S3Error | None:
    try:
        names.check_key(deletion.key)
    except S3Error as error:
        return error
    return None


# -- tags, access, locks ---------------------------------------------------------------------------------


def get_tags(exchange: S3Request) -> Response:
    """GetObjectTagging."""
    exchange.check_version()
    return tag_answer(exchange.store.stat(exchange.bucket, exchange.key).attributes.tags.items())


def put_tags(exchange: S3Request) -> Response:
    """PutObjectTagging."""
    exchange.check_version()
    tags = names.check_tags(documents.parse_tags(exchange.document()), names.OBJECT_TAGS)
    exchange.store.set_object_tags(exchange.bucket, exchange.key, tags)
    return Response(200)


def delete_tags(exchange: S3Request) -> Response:
    """DeleteObjectTagging."""
    exchange.check_version()
    exchange.store.set_object_tags(exchange.bucket, exchange.key, {})
    return Response(204)


def get_acl(exchange: S3Request) -> Response:
    """GetObjectAcl."""
    exchange.store.stat(exchange.bucket, exchange.key)
    return acl_answer()


def put_acl(exchange: S3Request) -> Response:
    """PutObjectAcl."""
    exchange.store.stat(exchange.bucket, exchange.key)
    return accept_private_acl(exchange)


def no_lock(exchange: S3Request) -> Response:
    """Answer for retention and legal hold, which need a bucket made for them."""
    exchange.store.stat(exchange.bucket, exchange.key)
    raise S3Error("InvalidRequest", "Bucket is missing ObjectLockConfiguration")
