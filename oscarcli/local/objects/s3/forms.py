"""The operation that stores the file of a form, as browsers send it: PostObject."""

from __future__ import annotations

import mimetypes
import posixpath
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from oscarcli.local.http.messages import Request, Response
from oscarcli.local.objects import names
from oscarcli.local.objects.body_reader import MAX_UPLOAD_BYTES
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.model import EVENT_POST, Attributes, ObjectRecord, Readable
from oscarcli.local.objects.s3.bodies import receive
from oscarcli.local.objects.s3.documents import XmlNode, parse_tags, xml_document
from oscarcli.local.objects.s3.form import Form, malformed, read_form
from oscarcli.local.objects.s3.post_policy import authorize_form, parse_policy
from oscarcli.local.objects.s3.request import S3Request, checksum_headers, header_of
from oscarcli.local.objects.s3.signatures import Accounts
from oscarcli.local.objects.store import ObjectStore

_FILE_NAME = "${filename}"
# What a path may hold as it is (RFC 3986).
_UNQUOTED = "/$&+,:;=@"


class _AtLeast:
    """A file that must have some bytes."""

    def __init__(self, stream: Readable, minimum: int) -> None:
        self._stream = stream
        self._missing = minimum

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._missing -= len(data)
        if not data and self._missing > 0:
            raise S3Error("EntityTooSmall")
        return data


def post(
    store: ObjectStore,
    request: Request,
    bucket: str,
    accounts: Accounts,
    now: datetime,
    *,
    region: str,
    request_id: str,
) -> Response:
    """PostObject: the signed policy in the form is what lets it in.

    Args:
        store: where the file goes.
        request: with the form.
        bucket: from the path.
        accounts: those accepted.
        now: current time, UTC.
        region: of the store.
        request_id: told to the client and to events.
    """
    form = read_form(request)
    fields = _completed(form, bucket)
    authorization = authorize_form(fields, accounts)
    if not accounts.may_use(authorization.access_key, bucket):
        raise S3Error("AccessDenied")
    policy = parse_policy(fields["policy"])
    policy.check(fields, form.repeated, now)
    least, most = policy.lengths or (0, MAX_UPLOAD_BYTES)
    # To all that follows the fields are what headers are elsewhere.
    headers = {name: header_of(value) for name, value in fields.items()}
    upload = replace(request, headers=headers, body=_AtLeast(form.file, least), content_length=None)
    # The policy was about the key as it was sent.
    key = names.canonical_key(fields["key"])
    exchange = S3Request(store, upload, authorization, accounts, bucket, key, region, request_id)
    stored = store.put(
        bucket,
        exchange.key,
        receive(upload, authorization, limit=min(most, MAX_UPLOAD_BYTES)),
        attributes=_attributes(exchange, fields),
        event=exchange.event._replace(user_agent=request.headers.get("user-agent", "")),
        event_name=EVENT_POST,
    )
    return _answer(fields, stored, request.headers.get("host", ""))


def _completed(form: Form, bucket: str) -> dict[str, str]:
    """Return the fields with the bucket of the path and the whole key."""
    if not form.fields.get("key"):
        raise malformed("the key is missing")
    fields = {**form.fields, "bucket": bucket}
    fields["key"] = fields["key"].replace(_FILE_NAME, form.file_name or fields["key"])
    try:
        urlsplit(fields.get("success_action_redirect", ""))
    except ValueError as error:
        raise malformed("success_action_redirect is no URL") from error
    return fields


def _attributes(exchange: S3Request, fields: Mapping[str, str]) -> Attributes:
    # Tags have a field of their own; the header they have elsewhere does not count here.
    untagged = {name: value for name, value in exchange.headers.items() if name != "x-amz-tagging"}
    plain = replace(exchange, request=replace(exchange.request, headers=untagged)).attributes()
    if not fields.get("content-type"):
        plain = plain._replace(content_type=_guessed_type(exchange.key))
    if not fields.get("tagging"):
        return plain
    tags = names.check_tags(parse_tags(fields["tagging"].encode()), names.OBJECT_TAGS)
    return plain._replace(tags=tags)


def _guessed_type(key: str) -> str:
    """Return the media type of the key's extension, which MinIO looks at here, and nowhere else."""
    # Without the files of this system, so that it is the same everywhere.
    known = mimetypes.MimeTypes(filenames=()).types_map[True]
    return known.get(posixpath.splitext(key)[1].lower(), "application/octet-stream")


def _answer(fields: Mapping[str, str], stored: ObjectRecord, host: str) -> Response:
    location = f"http://{host}/{stored.bucket}/{quote(stored.key, safe=_UNQUOTED)}"
    etag = f'"{stored.etag}"'
    headers = {"ETag": etag, "Location": location, **checksum_headers(stored)}
    redirect = fields.get("success_action_redirect", "")
    if redirect:
        headers["Location"] = header_of(_redirect(redirect, stored, etag))
        return Response(303, headers)
    if fields.get("success_action_status") == "201":
        headers["Content-Type"] = "application/xml"
        members: list[XmlNode] = [
            ("Bucket", stored.bucket),
            ("Key", stored.key),
            ("ETag", etag),
            ("Location", location),
        ]
        return Response(201, headers, xml_document("PostResponse", members, namespace=False))
    return Response(200 if fields.get("success_action_status") == "200" else 204, headers)


def _redirect(url: str, stored: ObjectRecord, etag: str) -> str:
    """Return the page the browser is sent to, with what was stored in its query."""
    parts = urlsplit(url)
    pairs = [*parse_qsl(parts.query, keep_blank_values=True), ("bucket", stored.bucket), ("key", stored.key)]
    return urlunsplit(parts._replace(query=urlencode(sorted([*pairs, ("etag", etag)]))))
