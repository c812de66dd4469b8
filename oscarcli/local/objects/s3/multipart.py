"""Operations on multipart uploads."""

from __future__ import annotations

from oscarcli.local.http.messages import Response
from oscarcli.local.objects import checksums
from oscarcli.local.objects.body_reader import MAX_DOCUMENT_BYTES, MAX_UPLOAD_BYTES, BodyReader, DeclaredBody
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.model import Checksum, MultipartUpload, Piece, as_time
from oscarcli.local.objects.multipart import MAX_PARTS
from oscarcli.local.objects.s3 import conditional, documents
from oscarcli.local.objects.s3.bodies import receive
from oscarcli.local.objects.s3.buckets import OWNER
from oscarcli.local.objects.s3.copies import copy_source
from oscarcli.local.objects.s3.documents import XmlNode, iso_time, truth
from oscarcli.local.objects.s3.ranges import parse_copy_range
from oscarcli.local.objects.s3.request import S3Request, checksum_headers, xml


def start(exchange: S3Request) -> Response:
    """CreateMultipartUpload."""
    named = exchange.headers.get("x-amz-checksum-algorithm", "")
    upload = exchange.store.uploads.start(
        exchange.bucket,
        exchange.key,
        exchange.attributes(),
        algorithm=checksums.check_algorithm(named) if named else "",
        kind=exchange.headers.get("x-amz-checksum-type", ""),
    )
    members: list[XmlNode] = [("Bucket", upload.bucket), ("Key", upload.key), ("UploadId", upload.identifier)]
    response = xml("InitiateMultipartUploadResult", members)
    if upload.checksum_algorithm:
        response.headers["x-amz-checksum-algorithm"] = upload.checksum_algorithm
        response.headers["x-amz-checksum-type"] = upload.checksum_kind
    return response


def put_part(exchange: S3Request) -> Response:
    """UploadPart, or UploadPartCopy when a source is named."""
    upload = _upload(exchange)
    number = exchange.part_number("InvalidPart")
    if "x-amz-copy-source" in exchange.headers:
        return _copy_part(exchange, upload, number)
    intake = exchange.content()
    if upload.checksum_algorithm and intake.announced.algorithm != upload.checksum_algorithm:
        raise S3Error(
            "InvalidRequest",
            f"Checksum Type mismatch occurred, expected checksum Type: {upload.checksum_algorithm.lower()}, "
            f"actual checksum Type: {intake.announced.algorithm.lower() or 'null'}",
        )
    piece = exchange.store.uploads.put_part(upload, number, intake)
    headers = {"ETag": f'"{piece.etag}"'}
    if intake.checksum is not None:
        headers[checksums.header_name(intake.checksum.algorithm)] = intake.checksum.value
    return Response(200, headers)


def _copy_part(exchange: S3Request, upload: MultipartUpload, number: int) -> Response:
    stored, reader = exchange.store.open(*copy_source(exchange))
    with reader:
        conditional.check_copy(stored, exchange.headers)
        reader.narrow(*parse_copy_range(exchange.headers.get("x-amz-copy-source-range"), stored.size))
        intake = BodyReader(reader, DeclaredBody(algorithm=upload.checksum_algorithm), MAX_UPLOAD_BYTES)
        piece = exchange.store.uploads.put_part(upload, number, intake)
    members: list[XmlNode] = [
        ("LastModified", iso_time(as_time(piece.modified_ns))),
        ("ETag", f'"{piece.etag}"'),
        *_part_checksum(upload, piece),
    ]
    return xml("CopyPartResult", members)


def list_parts(exchange: S3Request) -> Response:
    """ListParts."""
    upload = _upload(exchange)
    marker = exchange.number("part-number-marker", 0, MAX_PARTS)
    limit = exchange.number("max-parts", 1000, 1000)
    pieces, truncated = exchange.store.uploads.parts(upload, after=marker, limit=limit)
    members: list[XmlNode] = [
        ("Bucket", upload.bucket),
        ("Key", upload.key),
        ("UploadId", upload.identifier),
        ("Initiator", OWNER),
        ("Owner", OWNER),
        ("StorageClass", "STANDARD"),
        ("PartNumberMarker", marker),
        ("NextPartNumberMarker", pieces[-1].number if truncated else 0),
        ("MaxParts", limit),
        ("IsTruncated", truth(truncated)),
    ]
    if upload.checksum_algorithm:
        members.append(("ChecksumAlgorithm", upload.checksum_algorithm))
        members.append(("ChecksumType", upload.checksum_kind))
    for piece in pieces:
        part: list[XmlNode] = [
            ("PartNumber", piece.number),
            ("LastModified", iso_time(as_time(piece.modified_ns))),
            ("ETag", f'"{piece.etag}"'),
            ("Size", piece.size),
            *_part_checksum(upload, piece),
        ]
        members.append(("Part", part))
    return xml("ListPartsResult", members)


def complete(exchange: S3Request) -> Response:
    """CompleteMultipartUpload."""
    body = receive(exchange.request, exchange.authorization, limit=MAX_DOCUMENT_BYTES, checksum=False)
    references = documents.parse_parts(body.read_all())
    stored = exchange.store.uploads.complete(
        exchange.bucket,
        exchange.key,
        exchange.query["uploadId"],
        references,
        event=exchange.event,
        condition=conditional.write_condition(exchange.headers),
        expected=_expected(exchange),
    )
    members: list[XmlNode] = [
        ("Location", f"http://{exchange.headers.get('host', '')}{exchange.request.raw_path}"),
        ("Bucket", stored.bucket),
        ("Key", stored.key),
        ("ETag", f'"{stored.etag}"'),
    ]
    if stored.checksum is not None:
        members.append((f"Checksum{stored.checksum.algorithm}", stored.checksum.value))
        members.append(("ChecksumType", stored.checksum.kind))
    response = xml("CompleteMultipartUploadResult", members)
    response.headers.update(checksum_headers(stored))
    return response


def abort(exchange: S3Request) -> Response:
    """AbortMultipartUpload."""
    exchange.store.uploads.abort(exchange.bucket, exchange.key, exchange.query["uploadId"])
    return Response(204)


def _upload(exchange: S3Request) -> MultipartUpload:
    return exchange.store.uploads.get(exchange.bucket, exchange.key, exchange.query["uploadId"])


def _part_checksum(upload: MultipartUpload, piece: Piece) -> list[XmlNode]:
    return [(f"Checksum{upload.checksum_algorithm}", piece.checksum)] if piece.checksum else []


def _expected(exchange: S3Request) -> Checksum | None:
    """Return the checksum of the whole object the client names, which is not one of this request's body."""
    for algorithm in checksums.ALGORITHMS:
        value = exchange.headers.get(checksums.header_name(algorithm))
        if value is not None:
            return Checksum(algorithm, value)
    return None
