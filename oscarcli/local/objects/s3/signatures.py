"""How AWS Signature Version 4 signs, and links that carry the permission of who signed them.

Source: the "Signature Version 4" chapters of the S3 API reference.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Protocol
from urllib.parse import quote, urlsplit

from oscarcli.local.objects.errors import S3Error

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
MAX_LINK_SECONDS = 7 * 24 * 3600
# How far a client's clock may be from ours.
SKEW = timedelta(minutes=15)
TIME_FORMAT = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Credentials:
    """The keys of an account. Taken for all the accounts of a store, it may do everything there."""

    access_key: str
    secret_key: str

    def find(self, access_key: str) -> Credentials | None:
        """Return itself for its access key, `None` for any other one."""
        return self if same(self.access_key, access_key) else None

    def may_use(self, access_key: str, bucket: str) -> bool:
        """Tell whether an account may work with a bucket."""
        return True

    def may_make_buckets(self, access_key: str) -> bool:
        """Tell whether an account may make and delete buckets."""
        return True


class Accounts(Protocol):
    """The accounts of a store, and what each may do."""

    def find(self, access_key: str) -> Credentials | None:
        """Return an account by its access key, or `None`."""

    def may_use(self, access_key: str, bucket: str) -> bool:
        """Tell whether an account may work with a bucket that exists or not."""

    def may_make_buckets(self, access_key: str) -> bool:
        """Tell whether an account may make and delete buckets."""


@dataclass(frozen=True)
class Scope:
    """What a signing key is good for: a day (YYYYMMDD) and a region."""

    date: str
    region: str

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/s3/aws4_request"

    @lru_cache(maxsize=16)  # noqa: B019 -- a scope is a value; few of them live at a time
    def key(self, secret: str) -> bytes:
        """Return the signing key."""
        key = b"AWS4" + secret.encode()
        for word in (self.date, self.region, "s3", "aws4_request"):
            key = hmac.digest(key, word.encode(), "sha256")
        return key


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
    if not 0 < expires <= MAX_LINK_SECONDS:
        raise link_too_long()
    moment = (now or datetime.now(timezone.utc)).strftime(TIME_FORMAT)
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
    canonical = canonical_text(
        method, encode_path(path.encode()), pairs, signed, sorted(signed), UNSIGNED_PAYLOAD
    )
    signature = sign(scope.key(credentials.secret_key), moment, scope, canonical)
    target = f"{encode_path(path.encode())}?{canonical_query(pairs)}"
    return f"{endpoint.rstrip('/')}{target}&X-Amz-Signature={signature}"


def canonical_text(
    method: str,
    path: str,
    pairs: Sequence[tuple[str, str]],
    headers: Mapping[str, str],
    signed: Sequence[str],
    payload_hash: str,
) -> str:
    """Return the canonical form of a request.

    Args:
        method: GET, PUT, ...
        path: percent-encoded.
        pairs: decoded parameters of the query, without the signature.
        headers: by lower-case name.
        signed: names of the headers that are covered, in the order the request gives.
        payload_hash: SHA-256 of the body in hex, or one of S3's words instead.
    """
    lines = [f"{name}:{' '.join(headers[name].split())}" for name in signed]
    return "\n".join([method, path, canonical_query(pairs), *lines, "", ";".join(signed), payload_hash])


def sign(key: bytes, timestamp: str, scope: Scope, canonical: str) -> str:
    """Return the signature of a canonical request, in hex."""
    # Header values arrive as Latin-1, which keeps the bytes the client signed.
    digest = hashlib.sha256(canonical.encode("latin-1", "replace")).hexdigest()
    text = f"{ALGORITHM}\n{timestamp}\n{scope}\n{digest}"
    return hmac.digest(key, text.encode(), "sha256").hex()


def encode_path(path: bytes) -> str:
    """Return a path as S3 signs it."""
    return quote(path, safe="/-_.~")


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Return parameters as S3 signs them, which may be sent like that."""
    encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def same(one: str, other: str) -> bool:
    """Tell whether two secrets are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def missing_date() -> S3Error:
    """Return the error for a request without a moment of signing."""
    message = "AWS authentication requires a valid Date or x-amz-date header"
    return S3Error("AccessDenied", message, status=400)


def link_too_long() -> S3Error:
    """Return the error for a link's lifetime out of range."""
    message = f"X-Amz-Expires must be between 1 and {MAX_LINK_SECONDS} seconds (a week)"
    return S3Error("AuthorizationQueryParametersError", message)
