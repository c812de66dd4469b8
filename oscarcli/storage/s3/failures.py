"""One table from what S3 answers to the errors of this program."""

from __future__ import annotations

from typing import Any

from oscarcli.errors import (
    AuthError,
    ForbiddenError,
    MissingName,
    NotFoundError,
    OscarError,
    RefusedError,
    StorageFullError,
    UnreachableError,
)
from oscarcli.storage.wire import failures as connection_failures
from oscarcli.storage.wire.failures import MAX_ANSWER_CHARACTERS, StatusError, class_of

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
    "XAmzContentChecksumMismatch": (RefusedError, "the content was damaged on the way: the digests differ"),
    "QuotaExceeded": (StorageFullError, "the quota is exceeded"),
    "XMinioAdminBucketQuotaExceeded": (StorageFullError, "the bucket's quota is exceeded"),
    "XMinioStorageFull": (StorageFullError, "the storage is full"),
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


class AnswerError(StatusError):
    """A store answered that it does not do what it was asked for.

    Args:
        status: of HTTP.
        code: of S3, such as "NoSuchKey"; empty when the answer names none.
        text: the store's words.
        region: where it says that the bucket is, if it does.
    """

    def __init__(self, status: int, code: str, text: str, region: str = "") -> None:
        super().__init__(status, text)
        self.code = CODES_BY_STATUS.get(int(code), code) if code.isdigit() else code
        self.region = region


def failure(error: Exception, doing: str, *, missing: MissingName | None = None) -> Exception:
    """Return the error to raise for what a client raised.

    Args:
        error: any exception of a call.
        doing: what was tried, such as `read "b/k" from minio.default`.
        missing: the bucket, should it turn out not to be there; `None` where no other one can be meant.
    """
    if isinstance(error, AnswerError):
        answered = _answered(error, doing)
        if error.code == "NoSuchBucket" and isinstance(answered, NotFoundError):
            answered.missing = missing
        return answered
    return connection_failures.failure(error, doing)


def is_refused_request(error: OscarError) -> bool:
    """Tell whether a store said that it does not do what was asked for, or not so."""
    cause = error.__cause__
    return isinstance(error, RefusedError) or (isinstance(cause, AnswerError) and cause.status == 501)


def required(answer: dict[str, Any], key: str, doing: str) -> Any:
    """Return a part of an answer. Raises OscarError without it: something else than a store answered."""
    if answer.get(key) is None:
        raise OscarError(f"{doing}: the answer is none of an object store: it has no {key}")
    return answer[key]


def _answered(error: AnswerError, doing: str) -> OscarError:
    if error.code in SENTENCES:
        kind, sentence = SENTENCES[error.code]
        return kind(f"{doing}: {sentence}")
    text = error.text.strip()[:MAX_ANSWER_CHARACTERS]
    said = ": ".join(part for part in (error.code, text) if part) or "no reason given"
    return class_of(error.status)(f"{doing}: the server answered {error.status} ({said})")
