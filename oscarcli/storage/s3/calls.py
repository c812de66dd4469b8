"""What uploads need of an S3 storage, and how they tell that what is stored is what was sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from oscarcli.errors import RefusedError
from oscarcli.storage.base import StoredObject
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.location import Location
from oscarcli.storage.outage import Outage

if TYPE_CHECKING:
    from oscarcli.storage.journal import TransferJournals


class S3Calls(Protocol):
    """What an upload needs of its storage."""

    outage: Outage
    # Whether the store keeps checksums of whole objects, as far as it is known.
    keeps_checksums: bool

    @property
    def provider(self) -> str:
        """The provider's name, for messages."""

    @property
    def place(self) -> str:
        """The provider's address."""

    @property
    def journals(self) -> TransferJournals | None:
        """Where unfinished transfers are remembered."""

    def call(
        self,
        doing: str,
        operation: str,
        *,
        cancellation: Cancellation | None = None,
        outage: Outage | None = None,
        **parameters: Any,
    ) -> dict[str, Any]:
        """Call an operation, again and again while the store is away."""

    def stat(self, location: Location, *, cancellation: Cancellation | None = None) -> StoredObject:
        """Ask for one object."""


def compare_stored(found: StoredObject, size: int, is_same: bool | None, doing: str) -> None:
    """Raise RefusedError when what is stored is not what was sent.

    Args:
        found: what is stored.
        size: of what was sent, in bytes.
        is_same: whether the digests are the same; `None` where that cannot be told.
        doing: what it is for, for messages.
    """
    if found.size != size:
        raise RefusedError(f"{doing}: {size} bytes were sent, the stored object has {found.size}")
    if is_same is False:
        raise RefusedError(f"{doing}: the stored object's digest is not that of what was sent")


def attempts_before(answer: dict[str, Any]) -> int:
    """Return how many attempts came before the one that was answered so: they may have been carried out."""
    return int(answer.get("ResponseMetadata", {}).get("RetryAttempts", 0))


def count_attempts(answer: dict[str, Any], attempts: int) -> None:
    """Add attempts to those that came before an answer. They are kept where botocore keeps them."""
    if attempts:
        answer["ResponseMetadata"] = {"RetryAttempts": attempts_before(answer) + attempts}


def list_parts(
    storage: S3Calls,
    doing: str,
    location: Location,
    upload_id: str,
    *,
    cancellation: Cancellation | None = None,
) -> Iterator[tuple[int, str, int]]:
    """Yield the parts of an unfinished upload that have arrived: number, ETag as it came, size in bytes.

    Args:
        storage: where it is.
        doing: what it is for, for messages.
        location: the object that it would become.
        upload_id: what the provider calls it.
        cancellation: ends the waiting for a store that is away.

    Raises:
        NotFoundError: there is no such upload.
        OscarError: as for `Storage`.
    """
    marker = 0
    while True:
        following: dict[str, Any] = {"PartNumberMarker": marker} if marker else {}
        answer = storage.call(
            doing,
            "list_parts",
            cancellation=cancellation,
            Bucket=location.bucket,
            Key=location.key,
            UploadId=upload_id,
            **following,
        )
        for part in answer.get("Parts") or []:
            yield int(part["PartNumber"]), str(part.get("ETag", "")), int(part.get("Size", -1))
        before, marker = marker, int(answer.get("NextPartNumberMarker") or 0)
        if not answer.get("IsTruncated") or marker <= before:
            return
