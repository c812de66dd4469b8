"""The operation that copies an object, and what names a source."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from oscarcli.local.http.messages import Response
from oscarcli.local.objects import checksums, names
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.model import Attributes, ObjectRecord
from oscarcli.local.objects.s3 import conditional
from oscarcli.local.objects.s3.documents import XmlNode, iso_time
from oscarcli.local.objects.s3.request import S3Request, checksum_headers, xml

_DIRECTIVES = ("", "COPY", "REPLACE")


def copy(exchange: S3Request) -> Response:
    """CopyObject."""
    headers = exchange.headers
    exchange.check_protection()
    source = copy_source(exchange)
    replaces = _directive(headers, "x-amz-metadata-directive", "Unknown metadata directive.")
    retags = _directive(headers, "x-amz-tagging-directive", "Unknown tagging directive.")
    if source == (exchange.bucket, exchange.key) and not (replaces or retags):
        raise S3Error(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing "
            "the object's metadata, storage class, website redirect location or encryption attributes.",
        )

    def decide(original: ObjectRecord) -> Attributes:
        conditional.check_copy(original, headers)
        base = exchange.attributes() if replaces else original.attributes
        tags = exchange.tags() if retags else original.attributes.tags
        return Attributes(base.content_type, base.headers, base.metadata, tags)

    named = headers.get("x-amz-checksum-algorithm", "")
    stored = exchange.store.copy(
        source,
        exchange.bucket,
        exchange.key,
        decide=decide,
        algorithm=checksums.check_algorithm(named) if named else "",
        event=exchange.event,
        condition=conditional.write_condition(headers),
    )
    members: list[XmlNode] = [("LastModified", iso_time(stored.modified)), ("ETag", f'"{stored.etag}"')]
    if stored.checksum is not None:
        members.append((f"Checksum{stored.checksum.algorithm}", stored.checksum.value))
        members.append(("ChecksumType", stored.checksum.kind))
    response = xml("CopyObjectResult", members)
    response.headers.update(checksum_headers(stored))
    return response


def copy_source(exchange: S3Request) -> tuple[str, str]:
    """Return bucket and key of the x-amz-copy-source header. Raises S3Error."""
    path, _, query = exchange.headers["x-amz-copy-source"].partition("?versionId=")
    try:
        bucket, _, key = unquote(path, errors="strict").removeprefix("/").partition("/")
    except UnicodeDecodeError as error:
        raise S3Error("InvalidURI") from error
    if not bucket or not key:
        message = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey."
        raise S3Error("InvalidArgument", message)
    if query not in ("", "null"):
        raise S3Error("NoSuchVersion")
    key = names.canonical_key(key)
    names.check_key(key)
    if not exchange.may_use(bucket):
        raise S3Error("AccessDenied")
    return bucket, key


def _directive(headers: Mapping[str, str], name: str, complaint: str) -> bool:
    """Tell whether the directive is REPLACE."""
    value = headers.get(name, "")
    if value not in _DIRECTIVES:
        raise S3Error("InvalidArgument", complaint)
    return value == "REPLACE"
