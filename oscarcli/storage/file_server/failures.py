"""What a server of files answers, as the errors of this program."""

from __future__ import annotations

from oscarcli.errors import (
    AuthError,
    ForbiddenError,
    NotFoundError,
    OscarError,
    RefusedError,
    StorageFullError,
)
from oscarcli.storage.wire import failures as connection_failures
from oscarcli.storage.wire.failures import MAX_ANSWER_CHARACTERS, StatusError

MISSING_BUCKET = "the bucket does not exist: there is no such folder"
MISSING_FILE = "there is no such object"
IS_FOLDER = "it is a folder there, not a file"

# The statuses of RFC 9110 and RFC 4918 that need more than their number to be understood.
SENTENCES: dict[int, tuple[type[OscarError], str]] = {
    401: (AuthError, "the login is refused, or the token has expired"),
    403: (ForbiddenError, "access denied"),
    404: (NotFoundError, MISSING_FILE),
    405: (RefusedError, "the server does not do this with it"),
    409: (RefusedError, "a folder above it is missing, or something is in its place"),
    412: (RefusedError, "the object was changed in the meantime"),
    413: (RefusedError, "the server takes no file as large as this"),
    416: (RefusedError, "the range is beyond the end"),
    423: (RefusedError, "somebody has locked it"),
    507: (StorageFullError, "the quota is used up, or the storage is full"),
}


def file_failure(error: Exception, doing: str) -> Exception:
    """Return the error to raise for what a request raised.

    Args:
        error: any exception of a request.
        doing: what was tried, such as `read "b/k" from webdav.dcache`.
    """
    if isinstance(error, StatusError) and error.status in SENTENCES:
        kind, sentence = SENTENCES[error.status]
        text = error.text.strip()[:MAX_ANSWER_CHARACTERS]
        return kind(f"{doing}: {sentence}" + (f" ({text})" if text else ""))
    return connection_failures.failure(error, doing)
