"""AWS Signature Version 4: who sent a request, and links that carry their permission.

Three places hold a signature: the Authorization header, the query of a presigned link, and each chunk of a
streamed body. Source: the "Signature Version 4" chapters of the S3 API reference. As MinIO with its usual
settings does, any region is accepted: it is part of what is signed, so it cannot be forged.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from urllib.parse import quote, unquote_plus, unquote_to_bytes, urlsplit

from oscarcli.local.http import Request
from oscarcli.local.objects.errors import S3Error

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
SKEW = timedelta(minutes=15)
LONGEST_LINK = 7 * 24 * 3600
_TIME = "%Y%m%dT%H%M%SZ"
_FIELDS = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]*)")
_QUERY_FIELDS = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")


@dataclass(frozen=True)
class Credentials:
    """The store's only user."""

    access_key: str
    secret_key: str


@dataclass(frozen=True)
class Scope:
    """What a signing key is good for: a day (YYYYMMDD) and a region."""

    date: str
    region: str

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/s3/aws4_request"

    def key(self, secret: str) -> bytes:
        """Return the signing key."""
        key = b"AWS4" + secret.encode()
        for word in (self.date, self.region, "s3", "aws4_request"):
            key = hmac.digest(key, word.encode(), "sha256")
        return key


@dataclass(frozen=True)
class _Claim:
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
        expected = hmac.new(self._key, text.encode(), "sha256").hexdigest()
        if not _same(expected, signature):
            raise S3Error("SignatureDoesNotMatch")
        self._previous = expected


@dataclass(frozen=True)
class Authorization:
    """A request that was let in.

    `payload_hash` is the declared SHA-256 of the body in hex, or one of S3's words for "not known yet";
    `chunks` checks the chunks where that word says that they are signed.
    """

    access_key: str
    payload_hash: str
    chunks: ChunkSigner


def authorize(request: Request, credentials: Credentials, now: datetime) -> Authorization:
    """Check the request's signature.

    Args:
        request: as it was on the wire.
        credentials: the only ones accepted.
        now: current time, UTC.

    Raises:
        S3Error: AccessDenied, InvalidAccessKeyId, SignatureDoesNotMatch, RequestTimeTooSkewed or a code
            that says what is malformed.
    """
    query = _query_pairs(request.raw_query)
    fields = dict(query)
    if "authorization" in request.headers:
        claim = _claim_of_header(request)
        _check_skew(claim, now)
        hidden = ""
    elif "X-Amz-Signature" in fields or "X-Amz-Algorithm" in fields:
        claim = _claim_of_query(request, fields)
        _check_lifetime(claim, int(fields["X-Amz-Expires"]), now)
        hidden = "X-Amz-Signature"
    elif "AWSAccessKeyId" in fields and "Signature" in fields:
        raise _unsupported()
    else:
        raise S3Error("AccessDenied")
    if "x-amz-security-token" in request.headers or "X-Amz-Security-Token" in fields:
        raise S3Error("InvalidTokenId")
    if not _same(credentials.access_key, claim.access_key):
        raise S3Error("InvalidAccessKeyId")
    pairs = [pair for pair in query if pair[0] != hidden]
    canonical = _canonical_request(request, pairs, claim)
    key = claim.scope.key(credentials.secret_key)
    if not _same(_sign(key, claim.timestamp, claim.scope, canonical), claim.signature):
        raise S3Error("SignatureDoesNotMatch")
    chunks = ChunkSigner(key, claim.timestamp, claim.scope, claim.signature)
    return Authorization(claim.access_key, claim.payload_hash, chunks)


def presign(
    credentials: Credentials,
    method: str,
    endpoint: str,
    bucket: str,
    key: str,
    *,
    expires: int,
    now: datetime | None = None,
    region: str = "us-east-1",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> str:
    """Return a link that lets its holder send one kind of request without credentials.

    Args:
        credentials: whose permission the link carries.
        method: GET, PUT, HEAD or DELETE.
        endpoint: for example `http://127.0.0.1:9000`, without a path.
        bucket: path-style, becomes the first segment.
        key: as stored, not encoded; empty for the bucket itself.
        expires: seconds from `now`, at most seven days.
        now: moment of signing, UTC; the present when absent.
        region: signed along, any.
        headers: the request must carry these with these values, for example a Content-Type.
        query: further parameters, for example `response-content-disposition`.

    Raises:
        S3Error: `expires` is out of range.
    """
    if not 0 < expires <= LONGEST_LINK:
        raise _too_long()
    moment = (now or datetime.now(timezone.utc)).strftime(_TIME)
    scope = Scope(moment[:8], region)
    signed = {name.lower(): value for name, value in (headers or {}).items()}
    signed["host"] = urlsplit(endpoint).netloc
    path = f"/{bucket}/{key}" if key else f"/{bucket}"
    pairs = [
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", f"{credentials.access_key}/{scope}"),
        ("X-Amz-Date", moment),
        ("X-Amz-Expires", str(expires)),
        ("X-Amz-SignedHeaders", ";".join(sorted(signed))),
        *(query or {}).items(),
    ]
    canonical = _canonical_text(method, path.encode(), pairs, signed, sorted(signed), UNSIGNED_PAYLOAD)
    signature = _sign(scope.key(credentials.secret_key), moment, scope, canonical)
    target = f"{_encode_path(path.encode())}?{_canonical_query(pairs)}"
    return f"{endpoint.rstrip('/')}{target}&X-Amz-Signature={signature}"


# -- what the request claims -----------------------------------------------------------------------------


def _claim_of_header(request: Request) -> _Claim:
    value = request.headers["authorization"]
    if not value.startswith(ALGORITHM):
        raise _unsupported()
    fields = dict(_FIELDS.findall(value))
    if len(fields) != 3:
        raise S3Error("AuthorizationHeaderMalformed")
    timestamp = request.headers.get("x-amz-date", "")
    _parse_time(timestamp)
    access_key, scope = _parse_credential(fields["Credential"], "AuthorizationHeaderMalformed")
    return _Claim(
        access_key=access_key,
        scope=scope,
        timestamp=timestamp,
        signed_headers=_check_signed(fields["SignedHeaders"], request.headers),
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
    access_key, scope = _parse_credential(found["Credential"], code)
    signed = _check_signed(found["SignedHeaders"], request.headers)
    loose = [name for name in request.headers if name.startswith("x-amz-") and name not in signed]
    if any(name != "x-amz-content-sha256" for name in loose):
        raise _unsigned_headers()
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
    try:
        seconds = int(text)
    except ValueError as error:
        raise S3Error(code, "X-Amz-Expires should be a number") from error
    if seconds < 0:
        raise S3Error(code, "X-Amz-Expires must be non-negative")
    if seconds > LONGEST_LINK:
        raise _too_long()


def _parse_credential(text: str, code: str) -> tuple[str, Scope]:
    # An access key may contain slashes; the four words of the scope do not.
    access_key, *scope = text.rsplit("/", 4)
    if len(scope) != 4 or scope[2:] != ["s3", "aws4_request"] or not access_key:
        message = 'The credential must be "<access key>/<YYYYMMDD>/<region>/s3/aws4_request".'
        raise S3Error(code, message)
    return access_key, Scope(scope[0], scope[1])


def _check_signed(text: str, headers: Mapping[str, str]) -> list[str]:
    names = text.lower().split(";")
    if "host" not in names or any(name not in headers for name in names):
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


def _parse_time(text: str) -> datetime:
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=timezone.utc)
    except ValueError as error:
        message = "AWS authentication requires a valid Date or x-amz-date header"
        raise S3Error("AccessDenied", message, status=400) from error


# -- what is signed --------------------------------------------------------------------------------------


def _canonical_request(request: Request, pairs: Sequence[tuple[str, str]], claim: _Claim) -> str:
    path = unquote_to_bytes(request.raw_path)
    return _canonical_text(
        request.method, path, pairs, request.headers, claim.signed_headers, claim.payload_hash
    )


def _canonical_text(
    method: str,
    path: bytes,
    pairs: Sequence[tuple[str, str]],
    headers: Mapping[str, str],
    signed: Sequence[str],
    payload_hash: str,
) -> str:
    lines = [f"{name}:{' '.join(headers[name].split())}" for name in signed]
    return "\n".join(
        [method, _encode_path(path), _canonical_query(pairs), *lines, "", ";".join(signed), payload_hash]
    )


def _sign(key: bytes, timestamp: str, scope: Scope, canonical: str) -> str:
    # Header values arrive as Latin-1, which keeps the bytes the client signed.
    digest = hashlib.sha256(canonical.encode("latin-1", "replace")).hexdigest()
    text = f"{ALGORITHM}\n{timestamp}\n{scope}\n{digest}"
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def _encode_path(path: bytes) -> str:
    return quote(path, safe="/-_.~")


def _canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _query_pairs(raw: str) -> list[tuple[str, str]]:
    pairs = (item.partition("=") for item in raw.split("&") if item)
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


# -- refusals --------------------------------------------------------------------------------------------


def _unsupported() -> S3Error:
    message = f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}."
    return S3Error("InvalidRequest", message)


def _unsigned_headers() -> S3Error:
    message = "There were headers present in the request which were not signed"
    return S3Error("AccessDenied", message, status=400)


def _too_long() -> S3Error:
    message = f"X-Amz-Expires must be between 1 and {LONGEST_LINK} seconds (a week)"
    return S3Error("AuthorizationQueryParametersError", message)
