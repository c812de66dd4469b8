"""What an S3Storage needs of a client: operations by boto3's names, and errors of our own."""

from __future__ import annotations

from typing import Any, Protocol

from oscarcli.storage.cancel import Cancellation


class ObjectBody(Protocol):
    """The content of an object as it arrives. See `Reader`."""

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, empty at the end. Raises what `S3Client.call` raises."""
        ...

    def read_into(self, buffer: memoryview) -> int:
        """Fill a buffer as far as that goes, and return how many bytes; 0 at the end. Raises as `read`."""
        ...

    def interrupt(self) -> None:
        """Make a `read` that waits in another thread return or fail."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


class S3Client(Protocol):
    """Sends requests to one provider; may be used by several threads."""

    def call(
        self, operation: str, parameters: dict[str, Any], cancellation: Cancellation | None
    ) -> dict[str, Any]:
        """Do an operation, with a few attempts where one fails in passing.

        Args:
            operation: by boto3's name, such as "head_object".
            parameters: by boto3's names. A `Body` is bytes or an UploadPart.
            cancellation: ends a wait.

        Returns:
            The members of boto3's answer; "Body" is an `ObjectBody`.

        Raises:
            AnswerError: the store said no.
            NoConnectionError: requests cannot travel there; RefusedConnectionError when nobody listens now.
            BrokenConnectionError: a connection ended in the middle.
            SilentServerError: no answer came in time.
            ParameterError: a parameter cannot be one.
            OscarError, Cancelled: what reading the body raised.
        """
        ...

    def close(self) -> None:
        """End all connections."""
        ...
