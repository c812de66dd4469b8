"""Objects of other stores as a run reads and writes them, with the words of the supervisor's boto3."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from oscarcli.local.jobs.classify import SupervisorCrash
from oscarcli.local.jobs.providers.remote import COPY_BLOCK, FileRange
from oscarcli.local.jobs.providers.s3_client import S3Refusal, S3Unreachable, StoreClient, StoreRequest
from oscarcli.local.jobs.providers.s3_endpoint import endpoint_of
from oscarcli.local.jobs.providers.s3_upload import ObjectUpload
from oscarcli.local.jobs.staging import StageError


class OtherStorage:
    """One provider.

    Args:
        kind: minio or s3.
        settings: the provider's, of the definition.
        failure: what a crash is told to be, such as "a result could not be stored".

    Raises:
        SupervisorCrash: its endpoint is no address.
    """

    def __init__(self, kind: str, settings: Mapping[str, Any], failure: str) -> None:
        endpoint = endpoint_of(kind, settings)
        if not endpoint.is_valid:
            line = f"ValueError: Invalid endpoint: {endpoint.url}"
            raise SupervisorCrash(f"{failure}: {endpoint.url} is no address", line)
        self._client = StoreClient(endpoint)
        self._failure = failure

    # -- input -----------------------------------------------------------------------------------

    def download(self, bucket: str, key: str, target: BinaryIO, before_long: Callable[[], None]) -> None:
        """Write an object to a file; see `RunStorage.download`. Raises also SupervisorCrash."""
        before_long()
        with self._told("HeadObject"):
            self._client.document(StoreRequest("HEAD", bucket, key))
        wanted = StoreRequest("GET", bucket, key)
        with self._told("GetObject"), self._client.answer(wanted) as answer:
            self._copy(answer, target)

    def _copy(self, answer: http.client.HTTPResponse, target: BinaryIO) -> None:
        expected = int(answer.headers.get("Content-Length") or 0)
        received = 0
        while block := self._block(answer):
            target.write(block)
            received += len(block)
        if received != expected:
            words = f"{received} read, but total bytes expected is {expected}."
            raise self._crash("IncompleteReadError", words)

    def _block(self, answer: http.client.HTTPResponse) -> bytes:
        try:
            return answer.read(COPY_BLOCK)
        except (OSError, http.client.HTTPException) as error:
            words = f"An error occurred while reading from response stream: {error}"
            raise self._crash("ResponseStreamingError", words) from error

    # -- output ----------------------------------------------------------------------------------

    def upload(self, source: Path, bucket: str, key: str) -> None:
        """Store a file as an object. Raises StageError, SupervisorCrash, OSError."""
        ObjectUpload(self._client, bucket, key, self._told).send(FileRange.whole(source))

    # -- failures --------------------------------------------------------------------------------

    @contextmanager
    def _told(self, operation: str) -> Iterator[None]:
        """Turn the failures of an operation into what the supervisor tells of them."""
        try:
            yield
        except S3Refusal as refusal:
            raise StageError(refusal.code, refusal.message, operation, refusal.attempts) from refusal
        except S3Unreachable as error:
            kind, words = _exception_of(error)
            raise self._crash(kind, words) from error

    def _crash(self, kind: str, words: str) -> SupervisorCrash:
        return SupervisorCrash(f"{self._failure}: {words}", f"botocore.exceptions.{kind}: {words}")


def _exception_of(error: S3Unreachable) -> tuple[str, str]:
    """Return name and words of the exception that boto3 raises when a store does not answer."""
    cause, url = error.cause, error.url
    if isinstance(cause, ssl.SSLError):
        return "SSLError", f"SSL validation failed for {url} {cause}"
    if isinstance(cause, TimeoutError):
        return "ReadTimeoutError", f'Read timeout on endpoint URL: "{url}"'
    if isinstance(cause, (ConnectionResetError, BrokenPipeError, http.client.HTTPException)):
        words = f'Connection was closed before we received a valid response from endpoint URL: "{url}".'
        return "ConnectionClosedError", words
    return "EndpointConnectionError", f'Could not connect to the endpoint URL: "{url}"'
