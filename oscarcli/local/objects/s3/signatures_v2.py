"""AWS Signature Version 2, which clients still use by default for links and forms.

A request is signed with its Authorization header, a link with parameters of its query, and a form by the
policy in it. Only the method, three headers, all `x-amz-*` headers and the resource are covered, not the
body. Source: "Signing and authenticating REST requests" of the S3 developer guide.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from oscarcli.local.http.messages import Request
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.s3.signatures import SKEW, Accounts, missing_date, same

HEADER_PREFIX = "AWS "
ACCESS_KEY, SIGNATURE, EXPIRES = "AWSAccessKeyId", "Signature", "Expires"
# Digits of a count of seconds, so that a number of thousands of digits is never read.
_MAX_SECONDS_DIGITS = 15

# The parameters of a query that belong to the resource: those that choose an operation or change its answer.
# fmt: off
_SIGNED_PARAMETERS = frozenset((
    "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "encryption", "inventory",
    "legal-hold", "lifecycle", "location", "logging", "metrics", "notification", "object-lock", "partNumber",
    "policy", "replication", "requestPayment", "response-cache-control", "response-content-disposition",
    "response-content-encoding", "response-content-language", "response-content-type", "response-expires",
    "restore", "retention", "select", "select-type", "storageClass", "tagging", "torrent", "uploadId",
    "uploads", "versionId", "versioning", "versions", "website",
))
# fmt: on


class _ClaimV2(NamedTuple):
    """What a request says about its signature; `date` is the one that is signed, as text."""

    access_key: str
    signature: str
    date: str


def check_request(
    request: Request,
    query: Sequence[tuple[str, str]],
    paths: Iterable[str],
    accounts: Accounts,
    now: datetime,
) -> str:
    """Check a request that is signed in its header or its query; returns the access key.

    Args:
        request: as it was on the wire.
        query: decoded parameters.
        paths: the percent-encoded forms in which the client may have signed the path.
        accounts: those accepted.
        now: current time, UTC.

    Raises:
        S3Error: AccessDenied, InvalidAccessKeyId, SignatureDoesNotMatch, RequestTimeTooSkewed or a code
            that says what is malformed.
    """
    fields = dict(query)
    in_header = "authorization" in request.headers
    claim = _claim_of_header(request, now) if in_header else _claim_of_link(fields, now)
    if "x-amz-security-token" in request.headers or "x-amz-security-token" in fields:
        raise S3Error("InvalidTokenId")
    credentials = accounts.find(claim.access_key)
    if credentials is None:
        raise S3Error("InvalidAccessKeyId")
    texts = (_string_to_sign(request, path, fields, claim.date) for path in paths)
    if not any(same(sign_v2(credentials.secret_key, text), claim.signature) for text in texts):
        raise S3Error("SignatureDoesNotMatch")
    return claim.access_key


def sign_v2(secret_key: str, text: str) -> str:
    """Return the signature of a text: HMAC-SHA1 in base64."""
    # Header values arrive as Latin-1, which keeps the bytes the client signed.
    digest = hmac.digest(secret_key.encode(), text.encode("latin-1", "replace"), "sha1")
    return base64.b64encode(digest).decode()


def _claim_of_header(request: Request, now: datetime) -> _ClaimV2:
    access_key, separator, signature = request.headers["authorization"][len(HEADER_PREFIX) :].partition(":")
    if not separator:
        raise S3Error("MissingFields")
    amazon_date = request.headers.get("x-amz-date", "")
    date = amazon_date or request.headers.get("date", "")
    try:
        moment = parsedate_to_datetime(date)
    except (TypeError, ValueError, IndexError, OverflowError) as error:
        raise missing_date() from error
    # A date that names no zone is UTC.
    if abs(now - (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc))) > SKEW:
        raise S3Error("RequestTimeTooSkewed")
    # Beside an x-amz-date, which is signed with its kind, the line of the date stays empty.
    return _ClaimV2(access_key.strip(), signature.strip(), "" if amazon_date else date)


def _claim_of_link(fields: Mapping[str, str], now: datetime) -> _ClaimV2:
    claim = _ClaimV2(*(fields.get(name, "") for name in (ACCESS_KEY, SIGNATURE, EXPIRES)))
    code = "AuthorizationQueryParametersError"
    if not all(claim):
        raise S3Error(
            code, f"A signed link must have the parameters {ACCESS_KEY}, {SIGNATURE} and {EXPIRES}."
        )
    if not claim.date.isascii() or not claim.date.isdigit() or len(claim.date) > _MAX_SECONDS_DIGITS:
        raise S3Error(code, f"{EXPIRES} should be a number")
    if int(claim.date) < now.timestamp():
        raise S3Error("AccessDenied", "Request has expired")
    return claim


def _string_to_sign(request: Request, path: str, fields: Mapping[str, str], date: str) -> str:
    headers = request.headers
    head = [request.method, headers.get("content-md5", ""), headers.get("content-type", ""), date]
    amazon = [f"{name}:{headers[name].strip()}" for name in sorted(headers) if name.startswith("x-amz-")]
    return "\n".join([*head, *amazon, path + _signed_query(fields)])


def _signed_query(fields: Mapping[str, str]) -> str:
    names = sorted(_SIGNED_PARAMETERS & fields.keys())
    words = [f"{name}={fields[name]}" if fields[name] else name for name in names]
    return f"?{'&'.join(words)}" if words else ""
