"""Operations of S3 as requests, and their answers as mappings: by boto3's names, those that move objects.

`OPERATIONS` has them; boto3 does all others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote_plus
from xml.etree import ElementTree as Xml

from oscarcli.storage.answer_parts import http_time, parsed_document
from oscarcli.storage.s3.failures import AnswerError
from oscarcli.storage.wire.client import WireRequest
from oscarcli.storage.wire.failures import ParameterError

# The rule of botocore, for names that MinIO and others take beyond those of Amazon.
BUCKET_NAME = re.compile(r"[a-zA-Z0-9.\-_]{1,255}")
UNESCAPED_IN_KEYS = "/-_.~"
PLAIN_KEY = re.compile(r"[A-Za-z0-9/\-_.~]*")
SSE_HEADERS = {
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
}
# Headers of an answer, and what boto3 calls them.
TEXT_HEADERS = {
    "etag": "ETag",
    "content-range": "ContentRange",
    "x-amz-checksum-crc32": "ChecksumCRC32",
    "x-amz-checksum-type": "ChecksumType",
    "x-amz-checksum-algorithm": "ChecksumAlgorithm",
    **SSE_HEADERS,
}
# Parameters that are sent as headers.
PARAMETER_HEADERS = {
    "ContentMD5": "content-md5",
    "ContentType": "content-type",
    "IfMatch": "if-match",
    "Range": "range",
    "ChecksumCRC32": "x-amz-checksum-crc32",
    "ChecksumMode": "x-amz-checksum-mode",
    "ChecksumAlgorithm": "x-amz-checksum-algorithm",
    "ChecksumType": "x-amz-checksum-type",
}

Document = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """How an operation is asked for, and how its answer is read.

    Attributes:
        method: of HTTP.
        query: parameters of the query by boto3's names; others, such as "uploads", have a value.
        fixed: parameters of the query that are always there.
        read: makes a mapping of the headers and the document of an answer; `None` for content that is
            handed on as it comes.
    """

    method: str
    query: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    read: Callable[[Mapping[str, str], bytes], Document] | None = None

    def request(self, parameters: Mapping[str, Any]) -> WireRequest:
        """Return the request for parameters by boto3's names. Raises ParameterError."""
        request = WireRequest(self.method, _path(parameters), dict(self.fixed))
        for name, value in parameters.items():
            if name in self.query:
                request.query[self.query[name]] = str(value)
            elif name in PARAMETER_HEADERS:
                request.headers[PARAMETER_HEADERS[name]] = value
        if self.method in ("PUT", "POST"):
            body = parameters.get("Body", b"")
            if "MultipartUpload" in parameters:
                body = _completion(parameters["MultipartUpload"]["Parts"])
            request.body = body
            request.headers["content-length"] = str(len(body))
        return request


def _path(parameters: Mapping[str, Any]) -> str:
    bucket = parameters.get("Bucket")
    if bucket is None:
        return "/"
    if not BUCKET_NAME.fullmatch(bucket):
        raise ParameterError(f'Invalid bucket name "{bucket}"')
    key = parameters.get("Key")
    if key is None:
        return f"/{bucket}"
    return f"/{bucket}/{key if PLAIN_KEY.fullmatch(key) else quote(key, safe=UNESCAPED_IN_KEYS)}"


def _completion(parts: list[dict[str, Any]]) -> bytes:
    from xml.sax.saxutils import escape

    names = ("PartNumber", "ETag", "ChecksumCRC32")
    lines = []
    for part in parts:
        told = "".join(f"<{name}>{escape(str(part[name]))}</{name}>" for name in names if name in part)
        lines.append(f"<Part>{told}</Part>")
    return f"<CompleteMultipartUpload>{''.join(lines)}</CompleteMultipartUpload>".encode()


def stored(headers: Mapping[str, str], _: bytes = b"") -> Document:
    """Return what the headers of an answer tell of what was stored."""
    return {ours: headers[name] for name, ours in TEXT_HEADERS.items() if name in headers}


def described(headers: Mapping[str, str], _: bytes = b"") -> Document:
    """Return what the headers of an answer tell of an object."""
    found = stored(headers)
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit():
        found["ContentLength"] = int(length)
    if when := http_time(headers.get("last-modified", "")):
        found["LastModified"] = when
    return found


def refusal(status: int, headers: Mapping[str, str], document: bytes) -> AnswerError:
    """Return the exception for an answer that is no success."""
    told = _members(document)
    region = told.get("Region", "") or headers.get("x-amz-bucket-region", "")
    return AnswerError(status, told.get("Code", "") or str(status), told.get("Message", ""), region)


def _members(document: bytes) -> dict[str, str]:
    """Return the texts below the root of a document; nothing for what is none."""
    root = parsed_document(document)
    return {} if root is None else {_name(child): child.text or "" for child in root}


def _name(element: Xml.Element) -> str:
    return _local_name(element.tag)


@lru_cache(maxsize=256)
def _local_name(tag: str) -> str:
    return tag.rpartition("}")[2]


def _completed(_: Mapping[str, str], document: bytes) -> Document:
    root = parsed_document(document)
    told = _members(document)
    if root is not None and _name(root) == "Error":
        # A completion takes long, so that the server says 200 before it knows.
        raise AnswerError(500, told.get("Code", ""), told.get("Message", ""))
    return dict(told)


def _begun(headers: Mapping[str, str], document: bytes) -> Document:
    return {**stored(headers), **_members(document)}


def _nothing(headers: Mapping[str, str], _: bytes) -> Document:
    return {}


def _listed(_: Mapping[str, str], document: bytes) -> Document:
    """Return a page of a list of objects."""
    root = parsed_document(document)
    answer: Document = {"Contents": [], "CommonPrefixes": []}
    told = {} if root is None else {_name(child): child.text for child in root}
    is_encoded = told.get("EncodingType") == "url"
    for child in root if root is not None else ():
        name = _name(child)
        if name == "Contents":
            answer["Contents"].append(_entry(child, is_encoded))
        elif name == "CommonPrefixes":
            texts = (member.text or "" for member in child if _name(member) == "Prefix")
            answer[name] += [{"Prefix": unquote_plus(text) if is_encoded else text} for text in texts]
        elif name == "IsTruncated":
            answer[name] = child.text == "true"
        elif name == "NextContinuationToken":
            answer[name] = child.text
    return answer


def _entry(element: Xml.Element, is_encoded: bool) -> Document:
    told = {_local_name(child.tag): child.text or "" for child in element}
    entry: Document = {name: told[name] for name in ("ETag", "PartNumber") if name in told}
    if (key := told.get("Key")) is not None:
        entry["Key"] = unquote_plus(key) if is_encoded else key
    if (size := told.get("Size", "")).isascii() and size.isdigit():
        entry["Size"] = int(size)
    if (when := told.get("LastModified")) is not None:
        entry["LastModified"] = _iso_time(when)
    return entry


def _iso_time(text: str) -> datetime | None:
    try:
        # The whole at once: Python 3.10 knows no "Z".
        when = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=timezone.utc)


def _parts(_: Mapping[str, str], document: bytes) -> Document:
    """Return a page of the parts of an unfinished upload."""
    root = parsed_document(document)
    told = _members(document)
    parts = [_entry(child, is_encoded=False) for child in root or () if _name(child) == "Part"]
    for part in parts:
        part["PartNumber"] = int(part.get("PartNumber") or 0)
    answer: Document = {"Parts": parts, "IsTruncated": told.get("IsTruncated") == "true"}
    if told.get("NextPartNumberMarker", "").isdigit():
        answer["NextPartNumberMarker"] = int(told["NextPartNumberMarker"])
    return answer


def _buckets(_: Mapping[str, str], document: bytes) -> Document:
    root = parsed_document(document)
    if root is None or _name(root) != "ListAllMyBucketsResult":
        return {}
    buckets = [child for group in root if _name(group) == "Buckets" for child in group]
    return {"Buckets": [{_name(member): member.text or "" for member in bucket} for bucket in buckets]}


UPLOAD = {"UploadId": "uploadId"}
LIST = {"Prefix": "prefix", "MaxKeys": "max-keys", "ContinuationToken": "continuation-token"}
LIST |= {"StartAfter": "start-after", "Delimiter": "delimiter"}
PARTS = {**UPLOAD, "MaxParts": "max-parts", "PartNumberMarker": "part-number-marker"}

OPERATIONS: dict[str, Operation] = {
    "list_buckets": Operation("GET", read=_buckets),
    "head_bucket": Operation("HEAD", read=_nothing),
    "head_object": Operation("HEAD", {"PartNumber": "partNumber"}, read=described),
    "get_object": Operation("GET"),
    "put_object": Operation("PUT", read=stored),
    "delete_object": Operation("DELETE", read=_nothing),
    "list_objects_v2": Operation("GET", LIST, {"list-type": "2", "encoding-type": "url"}, _listed),
    "create_multipart_upload": Operation("POST", fixed={"uploads": ""}, read=_begun),
    "upload_part": Operation("PUT", {**UPLOAD, "PartNumber": "partNumber"}, read=stored),
    "complete_multipart_upload": Operation("POST", UPLOAD, read=_completed),
    "abort_multipart_upload": Operation("DELETE", UPLOAD, read=_nothing),
    "list_parts": Operation("GET", PARTS, read=_parts),
}
