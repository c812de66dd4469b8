"""Who sent a request: the three places of AWS Signature Version 4, and the door to Version 2.

They are the Authorization header, the query of a presigned link, and each chunk of a streamed body. As MinIO
with its usual settings does, any region is accepted: it is part of what is signed, so it cannot be forged.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_plus, unquote_to_bytes

from oscarcli.local.http.messages import Request
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.s3 import signatures_v2 as v2
from oscarcli.local.objects.s3.numbers import parse_number
from oscarcli.local.objects.s3.signatures import (
    ALGORITHM,
    EMPTY_SHA256,
    MAX_LINK_SECONDS,
    SKEW,
    UNSIGNED_PAYLOAD,
    Accounts,
    Scope,
    canonical_text,
    encode_path,
    link_too_long,
    missing_date,
    same,
    sign,
)

_HEADER_FIELDS = ("Credential", "SignedHeaders", "Signature")
# Their values are part of what is signed, whether or not they are listed.
_SIGNED_ANYWAY = frozenset(("x-amz-content-sha256", "x-amz-date"))
# As `signatures.TIME_FORMAT`.
_TIME = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")
# Has one encoding.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/_.~-]*")
_QUERY_FIELDS = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")


class _Claim(NamedTuple):
    """What a request says about its signature."""

    access_key: str
    scope: Scope
    timestamp: str
    signed_headers: Sequence[str]
    signature: str
    payload_hash: str


class ChunkSigner:
    """Checks the chain of signatures in a streamed body, each of which covers the one before."""

    def __init__(self, key: bytes, timestamp: str, scope: Scope, seed: str) -> None:
        self._key = key
        self._timestamp = timestamp
        self._scope = scope
        self._previous = seed

    def check_chunk(self, digest: str, signature: str) -> None:
        """Check one chunk by its SHA-256 in hex. Raises S3Error("SignatureDoesNotMatch")."""
        self._check("PAYLOAD", [EMPTY_SHA256, digest], signature)

    def check_trailer(self, trailer: bytes, signature: str) -> None:
        """Check the trailing headers, written `name:value` with a line feed each."""
        self._check("TRAILER", [hashlib.sha256(trailer).hexdigest()], signature)

    def _check(self, what: str, digests: Iterable[str], signature: str) -> None:
        text = "\n".join([f"{ALGORITHM}-{what}", self._timestamp, str(self._scope), self._previous, *digests])
        expected = hmac.digest(self._key, text.encode(), "sha256").hex()
        if not same(expected, signature):
            raise S3Error("SignatureDoesNotMatch")
        self._previous = expected


class Authorization(NamedTuple):
    """A request that was let in.

    `payload_hash` is the declared SHA-256 of the body in hex, or one of S3's words for "not known yet";
    `chunks` checks the chunks where that word says that they are signed, and is absent where it cannot.
    """

    access_key: str
    payload_hash: str
    chunks: ChunkSigner | None = None


def authorize(request: Request, accounts: Accounts, now: datetime) -> Authorization:
    """Check the request's signature.

    Args:
        request: as it was on the wire.
        accounts: those accepted.
        now: current time, UTC.

    Raises:
        S3Error: AccessDenied, InvalidAccessKeyId, SignatureDoesNotMatch, RequestTimeTooSkewed or a code
            that says what is malformed.
    """
    query = _query_pairs(request.raw_query)
    fields = dict(query)
    if request.headers.get("authorization", "").startswith(v2.HEADER_PREFIX) or (
        "authorization" not in request.headers and v2.ACCESS_KEY in fields
    ):
        access_key = v2.check_request(request, query, _signed_paths(request), accounts, now)
        # The body is not covered; a header that speaks of its digest or chunks is only a header.
        return Authorization(access_key, UNSIGNED_PAYLOAD)
    if "authorization" in request.headers:
        claim = _claim_of_header(request)
        _check_skew(claim, now)
        hidden = ""
    elif "X-Amz-Signature" in fields or "X-Amz-Algorithm" in fields:
        claim = _claim_of_query(request, fields)
        _check_lifetime(claim, int(fields["X-Amz-Expires"]), now)
        hidden = "X-Amz-Signature"
    else:
        raise S3Error("AccessDenied")
    if "x-amz-security-token" in request.headers or "X-Amz-Security-Token" in fields:
        raise S3Error("InvalidTokenId")
    credentials = accounts.find(claim.access_key)
    if credentials is None:
        raise S3Error("InvalidAccessKeyId")
    pairs = [pair for pair in query if pair[0] != hidden]
    key = claim.scope.key(credentials.secret_key)
    for path in _signed_paths(request):
        text = canonical_text(
            request.method, path, pairs, request.headers, claim.signed_headers, claim.payload_hash
        )
        if same(sign(key, claim.timestamp, claim.scope, text), claim.signature):
            break
    else:
        raise S3Error("SignatureDoesNotMatch")
    chunks = ChunkSigner(key, claim.timestamp, claim.scope, claim.signature)
    return Authorization(claim.access_key, claim.payload_hash, chunks)


# -- what the request claims -----------------------------------------------------------------------------


def _claim_of_header(request: Request) -> _Claim:
    value = request.headers["authorization"]
    if not value.startswith(ALGORITHM):
        raise _unsupported()
    words = [word.partition("=") for word in value.removeprefix(ALGORITHM).replace(",", " ").split()]
    fields = {name: text for name, sign_of_equality, text in words if sign_of_equality}
    if not all(name in fields for name in _HEADER_FIELDS):
        raise S3Error("AuthorizationHeaderMalformed")
    timestamp = request.headers.get("x-amz-date", "")
    _parse_time(timestamp)
    access_key, scope = parse_credential(fields["Credential"], "AuthorizationHeaderMalformed")
    signed = _check_signed(fields["SignedHeaders"], tuple(request.headers))
    return _Claim(
        access_key=access_key,
        scope=scope,
        timestamp=timestamp,
        signed_headers=signed,
        signature=fields["Signature"],
        payload_hash=request.headers.get("x-amz-content-sha256", EMPTY_SHA256),
    )


def _claim_of_query(request: Request, fields: Mapping[str, str]) -> _Claim:
    code = "AuthorizationQueryParametersError"
    found = {name: fields.get(f"X-Amz-{name}", "") for name in _QUERY_FIELDS}
    if not all(found.values()):
        raise S3Error(code)
    if found["Algorithm"] != ALGORITHM:
        raise S3Error(code, 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
    _check_expires(found["Expires"])
    access_key, scope = parse_credential(found["Credential"], code)
    signed = _check_signed(found["SignedHeaders"], tuple(request.headers))
    declared = fields.get("X-Amz-Content-Sha256") or request.headers.get("x-amz-content-sha256")
    return _Claim(
        access_key=access_key,
        scope=scope,
        timestamp=found["Date"],
        signed_headers=signed,
        signature=found["Signature"],
        payload_hash=declared or UNSIGNED_PAYLOAD,
    )


def _check_expires(text: str) -> None:
    code = "AuthorizationQueryParametersError"
    seconds = parse_number(text.removeprefix("-"))
    if seconds is None:
        raise S3Error(code, "X-Amz-Expires should be a number")
    if text.startswith("-"):
        raise S3Error(code, "X-Amz-Expires must be non-negative")
    if seconds > MAX_LINK_SECONDS:
        raise link_too_long()


# A client sends the same with each request of a day.
@lru_cache(maxsize=16)
def parse_credential(text: str, code: str) -> tuple[str, Scope]:
    """Return access key and scope of a credential. Raises S3Error with that code when it is malformed."""
    # An access key may contain slashes; the four words of the scope do not.
    access_key, *scope = text.rsplit("/", 4)
    if len(scope) != 4 or scope[2:] != ["s3", "aws4_request"] or not access_key:
        message = 'The credential must be "<access key>/<YYYYMMDD>/<region>/s3/aws4_request".'
        raise S3Error(code, message)
    return access_key, Scope(scope[0], scope[1])


# A client sends the same headers with each request of a kind.
@lru_cache(maxsize=16)
def _check_signed(text: str, headers: tuple[str, ...]) -> Sequence[str]:
    """Return the names of the signed headers. Raises S3Error when there are some that are not."""
    names = text.lower().split(";")
    loose = {name for name in headers if name.startswith("x-amz-")} - _SIGNED_ANYWAY - set(names)
    if "host" not in names or loose or any(name not in headers for name in names):
        raise _unsigned_headers()
    return names


def _check_skew(claim: _Claim, now: datetime) -> None:
    moment = _parse_time(claim.timestamp)
    if abs(now - moment) > SKEW or claim.scope.date != claim.timestamp[:8]:
        raise S3Error("RequestTimeTooSkewed")


def _check_lifetime(claim: _Claim, expires: int, now: datetime) -> None:
    moment = _parse_time(claim.timestamp)
    if claim.scope.date != claim.timestamp[:8]:
        raise S3Error("SignatureDoesNotMatch")
    if moment > now + SKEW:
        raise S3Error("AccessDenied", "Request is not valid yet")
    if now >= moment + timedelta(seconds=expires):
        raise S3Error("AccessDenied", "Request has expired")


# Many requests are sent within a second.
@lru_cache(maxsize=16)
def _parse_time(text: str) -> datetime:
    # Not by strptime: that takes longer than the whole signature.
    match = _TIME.fullmatch(text)
    try:
        if match is not None:
            return datetime(*map(int, match.groups()), tzinfo=timezone.utc)  # type: ignore[misc, arg-type]
    except ValueError:
        pass
    raise missing_date()


# -- what is signed --------------------------------------------------------------------------------------


def _signed_paths(request: Request) -> Iterable[str]:
    """Return the path in each encoding that may be signed: S3's, and the client's own where that differs."""
    if _PLAIN_PATH.fullmatch(request.raw_path):
        return (request.raw_path,)
    return dict.fromkeys([encode_path(unquote_to_bytes(request.raw_path)), request.raw_path])


def _query_pairs(raw: str) -> list[tuple[str, str]]:
    pairs = (item.partition("=") for item in raw.split("&") if item)
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]


# -- refusals --------------------------------------------------------------------------------------------


def _unsupported() -> S3Error:
    message = f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}."
    return S3Error("InvalidRequest", message)


def _unsigned_headers() -> S3Error:
    message = "There were headers present in the request which were not signed"
    return S3Error("AccessDenied", message, status=400)
