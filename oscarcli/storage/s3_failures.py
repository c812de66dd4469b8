"""One table from what S3 and botocore answer to the errors of this program."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

from oscarcli.errors import (
    AuthError,
    ForbiddenError,
    NotFoundError,
    OscarError,
    RefusedError,
    UnreachableError,
)
from oscarcli.storage.cancel import Cancelled
from oscarcli.storage.system_limits import hint_of, reason_of

MAX_ANSWER_CHARACTERS = 300

MISSING_BUCKET = "the bucket does not exist"
MISSING_OBJECT = "there is no such object"

# The codes of https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html that need more than
# their status to be understood.
SENTENCES: dict[str, tuple[type[OscarError], str]] = {
    "NoSuchBucket": (NotFoundError, MISSING_BUCKET),
    "NoSuchKey": (NotFoundError, MISSING_OBJECT),
    "NoSuchVersion": (NotFoundError, MISSING_OBJECT),
    "NoSuchUpload": (NotFoundError, "the unfinished upload is gone: somebody aborted it"),
    "InvalidAccessKeyId": (AuthError, "the access key is unknown there"),
    "SignatureDoesNotMatch": (AuthError, "the secret key is wrong"),
    "AccessDenied": (ForbiddenError, "access denied"),
    "AllAccessDisabled": (ForbiddenError, "access denied"),
    "ExpiredToken": (AuthError, "the keys have expired"),
    "InvalidToken": (AuthError, "the keys are refused"),
    "RequestTimeTooSkewed": (AuthError, "this machine's clock differs too much from the server's"),
    "AuthorizationHeaderMalformed": (AuthError, "the region of the keys is wrong"),
    "PreconditionFailed": (RefusedError, "the object was changed in the meantime"),
    "BadDigest": (RefusedError, "the content was damaged on the way: the digests differ"),
    "PermanentRedirect": (RefusedError, "the bucket is in another region"),
    "QuotaExceeded": (RefusedError, "the quota is exceeded"),
    "XMinioAdminBucketQuotaExceeded": (RefusedError, "the bucket's quota is exceeded"),
    "XMinioStorageFull": (RefusedError, "the storage is full"),
    "SlowDown": (UnreachableError, "the server is overloaded"),
    "ServiceUnavailable": (UnreachableError, "the server is not available at the moment"),
}

# What a HEAD request fails with: it has no body to name a code.
CODES_BY_STATUS = {
    403: "AccessDenied",
    404: "NoSuchKey",
    412: "PreconditionFailed",
    503: "ServiceUnavailable",
}

UNREACHABLE_HINT = "check the endpoint in the service's storage_providers or in the cluster's configuration"


# A store that is down, seen through the proxy in front of it or while it starts.
AWAY_STATUS = (502, 503, 504)


class NoConnectionError(Exception):
    """Requests cannot travel to a store, and to repeat them does not help.

    Args:
        reason: why, to go on behind what was tried.
        hint: what to do.
    """

    def __init__(self, reason: str, hint: str | None) -> None:
        super().__init__(reason)
        self.reason_told = reason
        self.hint = hint


class RefusedConnectionError(NoConnectionError):
    """Nobody listens at a store's address, at this moment at least."""


def is_away(error: Exception) -> bool:
    """Tell whether what botocore raised means that a store is down, as while it is restarted.

    Not a silence: to wait for an answer in time is patience enough.
    """
    from botocore.exceptions import ClientError, ConnectionClosedError

    if isinstance(error, ClientError):
        return _status_of(error) in AWAY_STATUS
    kinds = (RefusedConnectionError, ConnectionClosedError)
    return any(isinstance(inner, kinds) for inner in chain(error))


def is_answer(error: Exception) -> bool:
    """Tell whether what botocore raised came from the store itself."""
    return bool(code_of(error)) and _status_of(error) not in AWAY_STATUS


def _status_of(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def failure(error: Exception, doing: str) -> Exception:
    """Return the error to raise for what botocore raised.

    Args:
        error: any exception of a call.
        doing: what was tried, such as `read "b/k" from minio.default`.
    """
    from botocore.exceptions import ClientError

    for inner in chain(error):
        if isinstance(inner, (OscarError, Cancelled)):
            return inner
        if isinstance(inner, NoConnectionError):
            return UnreachableError(f"{doing}: {inner.reason_told}", hint=inner.hint)
    if isinstance(error, ClientError):
        return _answered(error, doing)
    return _unanswered(error, doing)


def required(answer: dict[str, Any], key: str, doing: str) -> Any:
    """Return a part of an answer. Raises OscarError without it: something else than a store answered."""
    if answer.get(key) is None:
        raise OscarError(f"{doing}: the answer is none of an object store: it has no {key}")
    return answer[key]


def code_of(error: Exception) -> str:
    """Return the S3 error code of an answer, empty when there was none."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return ""
    code = str(response.get("Error", {}).get("Code", ""))
    return CODES_BY_STATUS.get(int(code), code) if code.isdigit() else code


def _answered(error: Any, doing: str) -> OscarError:
    code = code_of(error)
    status = _status_of(error)
    if code in SENTENCES:
        kind, sentence = SENTENCES[code]
        return kind(f"{doing}: {sentence}")
    text = str(error.response.get("Error", {}).get("Message", "")).strip()[:MAX_ANSWER_CHARACTERS]
    said = ": ".join(part for part in (code, text) if part) or "no reason given"
    return _class_of(status)(f"{doing}: the server answered {status} ({said})")


def _class_of(status: int) -> type[OscarError]:
    if status in (401, 403):
        return AuthError if status == 401 else ForbiddenError
    if status == 404:
        return NotFoundError
    if status in (502, 503, 504):
        return UnreachableError
    return RefusedError if 400 <= status < 500 or status == 507 else OscarError


def _unanswered(error: Exception, doing: str) -> OscarError:
    from botocore import exceptions as boto

    timeouts = (boto.ConnectTimeoutError, boto.ReadTimeoutError)
    broken = (boto.ConnectionClosedError, boto.ResponseStreamingError, boto.IncompleteReadError)
    if isinstance(error, boto.ParamValidationError):
        return RefusedError(f"{doing}: {_first_report(error)}")
    if isinstance(error, timeouts):
        return UnreachableError(f"{doing}: no answer in time", hint=UNREACHABLE_HINT)
    if isinstance(error, boto.SSLError):
        return UnreachableError(f"{doing}: TLS failed: {_reason(error)}", hint=UNREACHABLE_HINT)
    if isinstance(error, boto.ProxyConnectionError):
        return UnreachableError(f"{doing}: the proxy does not answer: {_reason(error)}")
    if isinstance(error, broken):
        return UnreachableError(f"{doing}: the connection broke")
    if isinstance(error, (boto.HTTPClientError, boto.ConnectionError)):
        return UnreachableError(f"{doing}: no connection: {_reason(error)}", hint=UNREACHABLE_HINT)
    if isinstance(error, OSError):
        return OscarError(f"{doing}: {reason_of(error)}", hint=hint_of(error))
    return OscarError(f"{doing}: {type(error).__name__}: {str(error)[:MAX_ANSWER_CHARACTERS]}")


def _first_report(error: Exception) -> str:
    # Two lines: "Parameter validation failed:" and what is wrong, with a long regular expression at the end.
    lines = str(error).splitlines()
    return lines[-1].partition(": Bucket name must match")[0]


def _reason(error: Exception) -> str:
    """Return the words of the operating system or of the TLS library at the bottom of an exception."""
    for inner in chain(error):
        if isinstance(inner, ssl.SSLCertVerificationError):
            return str(inner.verify_message)
        if isinstance(inner, ssl.SSLError):
            return str(inner.reason or "the handshake failed")
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
    return type(error).__name__


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and everything it wraps: botocore and urllib3 each have a way of their own."""
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        current = waiting.pop(0)
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        wrapped = getattr(current, "kwargs", None)
        waiting += [wrapped.get("error")] if isinstance(wrapped, dict) else []
        waiting += [getattr(current, "reason", None), *current.args, current.__cause__, current.__context__]
