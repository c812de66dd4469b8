"""One S3 request on its way to an answer, and what all operations need of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qsl

from oscarcli.local.commit_group import PostponedChange
from oscarcli.local.http.messages import Request, Response
from oscarcli.local.objects import checksums, names
from oscarcli.local.objects.body_reader import MAX_DOCUMENT_BYTES, MAX_UPLOAD_BYTES, BodyReader
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.model import DEFAULT_CONTENT_TYPE, Attributes, EventSource, ObjectRecord
from oscarcli.local.objects.multipart import check_part_number
from oscarcli.local.objects.s3.authorization import Authorization
from oscarcli.local.objects.s3.bodies import receive
from oscarcli.local.objects.s3.documents import XmlNode, xml_document
from oscarcli.local.objects.s3.numbers import parse_number
from oscarcli.local.objects.s3.signatures import Accounts
from oscarcli.local.objects.store import ObjectStore
from oscarcli.local.objects.writing import NewObject

META = "x-amz-meta-"
KEPT_HEADERS = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")
_STORAGE_CLASSES = ("", "STANDARD", "REDUCED_REDUNDANCY")
_VERSION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Stored without what they ask for, an object would be less safe than its owner believes.
_PROTECTION = (
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-object-lock-legal-hold",
)


@dataclass
class S3Request:
    """A request that was let in.

    Args:
        store: what it is about.
        request: as it was on the wire.
        authorization: who sent it.
        accounts: say what that one may do.
        bucket: decoded first segment of the path, "" for the service itself.
        key: the decoded rest, "" for a bucket.
        region: of the store.
        request_id: told to the client and to events.
        postponed: gets what a small upload is to change, which is not waited for then.
    """

    store: ObjectStore
    request: Request
    authorization: Authorization
    accounts: Accounts
    bucket: str
    key: str
    region: str
    request_id: str
    postponed: PostponedChange | None = None

    @cached_property
    def query(self) -> Mapping[str, str]:
        """Decoded query parameters."""
        return self.request.query

    @property
    def headers(self) -> Mapping[str, str]:
        """Request headers by lower-case name."""
        return self.request.headers

    def may_use(self, bucket: str) -> bool:
        """Tell whether who sent it may work with a bucket."""
        return self.accounts.may_use(self.authorization.access_key, bucket)

    @property
    def event(self) -> EventSource:
        """This request as the cause of an event."""
        return EventSource(
            principal=self.authorization.access_key,
            source_ip=self.request.remote_ip,
            user_agent=self.headers.get("user-agent", ""),
            request_id=self.request_id,
        )

    def intake(self, limit: int = MAX_UPLOAD_BYTES) -> BodyReader:
        """Return the body, held to what the headers promise and to `limit` bytes."""
        return receive(self.request, self.authorization, limit=limit)

    def content(self) -> BodyReader:
        """Return the body as the content of an object or part. Raises S3Error("MissingContentLength")."""
        intake = self.intake()
        if intake.announced.size is None:
            raise S3Error("MissingContentLength")
        return intake

    def document(self) -> bytes:
        """Return the whole small body, checked."""
        return self.intake(MAX_DOCUMENT_BYTES).read_all()

    def number(self, name: str, default: int, most: int) -> int:
        """Return a counting parameter of the query, cut at `most`. Raises S3Error("InvalidArgument")."""
        text = self.query.get(name, "")
        if not text:
            return default
        number = parse_number(text)
        if number is None:
            words = name.split("-")
            label = words[0] + "".join(word.title() for word in words[1:])
            raise S3Error("InvalidArgument", f"Argument {label} must be an integer between 0 and 2147483647")
        return min(number, most)

    def part_number(self, code: str) -> int:
        """Return the number of the part that the query names. Raises S3Error: `code` when it is no number."""
        number = parse_number(self.query.get("partNumber", ""))
        if not number:
            raise S3Error(code)
        return check_part_number(number)

    def attributes(self) -> Attributes:
        """Return what the headers say about the object that is sent. Raises S3Error."""
        self.check_protection()
        headers = self.headers
        metadata = {
            name[len(META) :]: text_of(value) for name, value in headers.items() if name.startswith(META)
        }
        names.check_metadata(metadata)
        kept = {name: text_of(headers[name]) for name in KEPT_HEADERS if headers.get(name)}
        encodings = [word.strip() for word in kept.pop("content-encoding", "").split(",")]
        # aws-chunked describes the transfer, not the object.
        if encoding := ",".join(word for word in encodings if word and word.lower() != "aws-chunked"):
            kept["content-encoding"] = encoding
        content_type = text_of(headers.get("content-type", "")) or DEFAULT_CONTENT_TYPE
        return Attributes(content_type, kept, metadata, self.tags())

    def tags(self) -> dict[str, str]:
        """Return the object tags of the x-amz-tagging header. Raises S3Error("InvalidTag")."""
        text = self.headers.get("x-amz-tagging")
        if not text:
            return {}
        pairs = parse_qsl(text, keep_blank_values=True)
        return names.check_tags(pairs, names.OBJECT_TAGS)

    def check_protection(self) -> None:
        """Raise S3Error for a storage class, encryption or lock that the store cannot give."""
        headers = self.headers
        if headers.get("x-amz-storage-class", "") not in _STORAGE_CLASSES:
            raise S3Error("InvalidStorageClass")
        asked = [name for name in _PROTECTION if headers.get(name)]
        if asked:
            raise S3Error("NotImplemented", f"The local object store does not implement {asked[0]}.")

    def is_foreign_version(self) -> bool:
        """Tell whether the query names a version that cannot exist: there is only "null" of each key."""
        return self.query.get("versionId", "") not in ("", "null")

    def check_version(self) -> None:
        """Raise S3Error when the query names a version that cannot exist."""
        if self.is_foreign_version():
            raise missing_version(self.query["versionId"])


def missing_version(version: str) -> S3Error:
    """Return the error for a version that does not exist."""
    if _VERSION.fullmatch(version):
        return S3Error("NoSuchVersion")
    return S3Error("InvalidArgument", "Invalid version id specified")


def checksum_headers(stored: ObjectRecord | NewObject) -> dict[str, str]:
    """Return the headers that carry an object's additional checksum, if it has one."""
    if stored.checksum is None:
        return {}
    return {
        checksums.header_name(stored.checksum.algorithm): stored.checksum.value,
        "x-amz-checksum-type": stored.checksum.kind,
    }


def xml(root: str, children: Iterable[XmlNode], *, namespace: bool = True) -> Response:
    """Return an answer with an XML document."""
    headers = {"Content-Type": "application/xml"}
    return Response(200, headers, xml_document(root, children, namespace=namespace))


def text_of(value: str) -> str:
    """Return a header value, which HTTP hands over as Latin-1, as the UTF-8 it mostly is."""
    try:
        return value.strip().encode("latin-1").decode()
    except UnicodeDecodeError:
        return value.strip()


def header_of(text: str) -> str:
    """Return text as a header value: the reverse of `text_of`, without line breaks or other controls."""
    printable = "".join(character if character >= " " and character != "\x7f" else " " for character in text)
    return printable.encode().decode("latin-1")
