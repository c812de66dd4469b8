"""What a Rucio server answers: lines of JSON, dates, and errors.

- Lists are `application/x-json-stream`, one document a line (lib/rucio/web/rest/flaskapi/v1/dids.py and
  replicas.py of the repository rucio/rucio).
- An error has its class and its words in the headers `ExceptionClass` and `ExceptionMessage`, and in a
  document with the same members (lib/rucio/client/baseclient.py, `_get_exception`). `AccessDenied` comes with
  401, as a token that has expired does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from oscarcli.errors import OscarError, UsageError
from oscarcli.storage.answer_parts import http_time, json_fields
from oscarcli.storage.base import StoredObject
from oscarcli.storage.location import Location
from oscarcli.storage.wire.client import WireResponse

FILE = "FILE"
# Classes of errors that say more than their status does.
STATUS_OF = {
    "AccessDenied": 403,
    "CannotAuthenticate": 401,
    "CannotAuthorize": 403,
    "IdentityError": 401,
    "IdentityNotFound": 401,
    "InsufficientAccountLimit": 507,
    "InsufficientTargetRSEs": 507,
    "InsufficientQuota": 507,
    "RSEOverQuota": 507,
}


@dataclass(frozen=True)
class RucioFile:
    """What the catalogue knows of a data identifier.

    Attributes:
        scope, name: its two parts.
        kind: FILE, DATASET or CONTAINER.
        size: in bytes.
        adler32, md5: hexadecimal digests, empty when it has none.
        modified: time of the last change of what is known of it.
        is_expiring: whether the server will remove it at some time.
    """

    scope: str
    name: str
    kind: str
    size: int
    adler32: str
    md5: str
    modified: datetime | None
    is_expiring: bool

    @property
    def checksums(self) -> dict[str, str]:
        """The digests by algorithm."""
        found = {"adler32": self.adler32.rjust(8, "0") if self.adler32 else "", "md5": self.md5}
        return {name: value for name, value in found.items() if value}

    def stored_object(self) -> StoredObject:
        """Return it as an object: a file in Rucio never changes, so its content is its version."""
        version = f"{self.scope}:{self.name}:{self.size}:{self.adler32}:{self.md5}".encode()
        etag = hashlib.sha256(version).hexdigest()[:16]
        return StoredObject(Location(self.scope, self.name), self.size, self.modified, etag, self.checksums)


def read_file(fields: Mapping[str, Any], doing: str) -> RucioFile:
    """Return a data identifier from its metadata. Raises OscarError for what is none."""
    scope, name = fields.get("scope"), fields.get("name")
    if not isinstance(scope, str) or not isinstance(name, str):
        raise not_rucio(doing)
    size = fields.get("bytes")
    return RucioFile(
        scope,
        name,
        str(fields.get("did_type") or fields.get("type") or "").rpartition(".")[2].upper(),
        size if isinstance(size, int) else 0,
        str(fields.get("adler32") or "").lower(),
        str(fields.get("md5") or "").lower(),
        http_time(str(fields.get("updated_at") or fields.get("created_at") or "")),
        fields.get("expired_at") is not None,
    )


def read_document(document: bytes, doing: str) -> Mapping[str, Any]:
    """Return a document of JSON. Raises OscarError for an answer that is none."""
    fields = json_fields(document)
    if fields is None:
        raise not_rucio(doing)
    return fields


def read_lines(document: bytes, doing: str) -> list[Any]:
    """Return the documents of a stream. Raises OscarError for an answer that is none."""
    try:
        return [json.loads(line) for line in document.splitlines() if line.strip()]
    except ValueError as error:
        raise not_rucio(doing) from error


def not_rucio(doing: str) -> OscarError:
    """Return the error for an answer of something else."""
    return OscarError(f"{doing}: the answer is none of a Rucio server")


def read_refusal(answer: WireResponse) -> tuple[int, str]:
    """Return the status that an error of a Rucio server stands for, and its words."""
    fields = json_fields(answer.document) or {}
    kind = str(fields.get("ExceptionClass") or answer.headers.get("exceptionclass", ""))
    said = str(fields.get("ExceptionMessage") or answer.headers.get("exceptionmessage", ""))
    return STATUS_OF.get(kind, answer.status), " ".join(said.split())


def require_name(location: Location, doing: str) -> None:
    """Raise UsageError for a place that cannot be that of a file."""
    if not location.key or any(part in ("", ".", "..") for part in location.key.split("/")):
        raise UsageError(
            f'{doing}: a name in Rucio has no empty parts, no "." and no ".."',
            hint="a remote path in Rucio has the form SCOPE/NAME",
        )
