"""The lean client: requests for objects over connections of its own, at a seventh of what botocore costs.

Measured for 2,000 files of 16 KiB, CPU of a whole upload: 0.3 ms here, 0.6 ms with Python's HTTP library in
the place of `wire`, 1.0 ms with urllib3, 2.2 ms with botocore.
"""

from __future__ import annotations

import itertools
from typing import Any

from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.s3 import settings as s3_settings
from oscarcli.storage.s3.calls import count_attempts
from oscarcli.storage.s3.failures import AnswerError
from oscarcli.storage.s3.operations import OPERATIONS, Operation, described, refusal
from oscarcli.storage.s3.settings import DEFAULT_REGION, S3Settings
from oscarcli.storage.s3.signature import Signer, canonical_query
from oscarcli.storage.wire.client import WireClient, WireRequest, is_transient

TRANSIENT_CODES = ("SlowDown", "RequestTimeout", "Throttling", "ThrottlingException", "RequestThrottled")


class LeanClient:
    """One provider. See `S3Client`.

    Args:
        settings: where it is; its endpoint is given.

    Attributes:
        wire: over which requests go.
    """

    def __init__(self, settings: S3Settings) -> None:
        self.wire = WireClient(settings)
        self._signer = Signer(settings.access_key, settings.secret_key, settings.region or DEFAULT_REGION)

    def call(
        self, operation: str, parameters: dict[str, Any], cancellation: Cancellation | None
    ) -> dict[str, Any]:
        """Do one of OPERATIONS."""
        wanted = OPERATIONS[operation]
        numbers = itertools.count()

        def attempt(wakeable: Cancellation | None) -> dict[str, Any]:
            before = next(numbers)
            answer = self._attempt(wanted, parameters, wakeable)
            count_attempts(answer, before)
            return answer

        return self.wire.retry(
            attempt,
            cancellation,
            s3_settings.MAX_ATTEMPTS,
            mends=self._is_of_another_region,
            is_transient=_is_transient,
        )

    def close(self) -> None:
        """End the connections that nobody uses."""
        self.wire.close()

    def _is_of_another_region(self, error: Exception) -> bool:
        """Take on the region that a store names; return whether it is a new one."""
        is_new = (
            isinstance(error, AnswerError)
            and error.code == "AuthorizationHeaderMalformed"
            and bool(error.region)
            and error.region != self._signer.region
        )
        if is_new and isinstance(error, AnswerError):
            self._signer.change_region(error.region)
        return is_new

    def _attempt(
        self, operation: Operation, parameters: dict[str, Any], cancellation: Cancellation | None
    ) -> dict[str, Any]:
        request, query = self._signed(operation, parameters)
        answer = self.wire.send(request, query, cancellation, is_stream=operation.read is None)
        if answer.content is not None:
            return {**described(answer.headers), "Body": answer.content}
        if operation.read is None or answer.status >= 300:
            raise refusal(answer.status, answer.headers, answer.document)
        return operation.read(answer.headers, answer.document)

    def _signed(self, operation: Operation, parameters: dict[str, Any]) -> tuple[WireRequest, str]:
        """Return a request and its query, to be sent soon."""
        request = operation.request(parameters)
        request.headers["host"] = self.wire.connector.host
        path = self.wire.connector.base_path + request.path
        query = canonical_query(request.query) if request.query else ""
        self._signer.sign(request.method, path, query, request.headers)
        # "?uploads" is signed as "uploads=", and sent as everybody sends it.
        return request, query.removesuffix("=")

    def request(self, operation: str, parameters: dict[str, Any], body: bytes = b"") -> bytes:
        """Return all that is sent for one of OPERATIONS, to be sent soon. Raises ParameterError."""
        return self.wire.head_of(*self._signed(OPERATIONS[operation], parameters)) + body


def _is_transient(error: Exception) -> bool:
    return is_transient(error) or (isinstance(error, AnswerError) and error.code in TRANSIENT_CODES)
