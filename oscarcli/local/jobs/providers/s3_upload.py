"""Files sent to a store that speaks S3, large ones in parts, as the supervisor's client does it."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from xml.sax.saxutils import escape

from oscarcli.local.jobs.providers.remote import Body, FileRange
from oscarcli.local.jobs.providers.s3_client import (
    S3Refusal,
    S3Unreachable,
    StoreClient,
    StoreRequest,
    texts_of,
)

# From this size on a file goes in parts, of this size unless there were too many.
PART_BYTES = 8 << 20
MAX_PARTS = 10_000

Telling = Callable[[str], AbstractContextManager[None]]
"""Given an operation by its S3 name, turns the failures in its block into something else."""


class ObjectUpload:
    """One object that is to come.

    Args:
        client: of the store.
        bucket: the object's.
        key: the object's.
        telling: is around every request.
        headers: of the object, such as its type.
    """

    def __init__(
        self,
        client: StoreClient,
        bucket: str,
        key: str,
        telling: Telling,
        headers: Mapping[str, str] = {},
    ) -> None:
        self._client, self._bucket, self._key = client, bucket, key
        self._telling = telling
        self._headers = headers

    def send(self, content: FileRange) -> None:
        """Store a file. Raises what the failures are turned into, OSError."""
        if content.length >= PART_BYTES:
            self._send_parts(content)
            return
        with self._telling("PutObject"):
            self._ask("PUT", body=content, headers=self._headers)

    def _send_parts(self, content: FileRange) -> None:
        with self._telling("CreateMultipartUpload"):
            _, answer = self._ask("POST", [("uploads", "")], headers=self._headers)
        upload = texts_of(answer).get("UploadId", "")
        try:
            tags = [self._send_part(part, number, upload) for number, part in enumerate(parts_of(content), 1)]
            self._complete(tags, upload)
        except BaseException:
            with suppress(S3Refusal, S3Unreachable):
                self._ask("DELETE", [("uploadId", upload)])
            raise

    def _send_part(self, part: FileRange, number: int, upload: str) -> str:
        query = [("partNumber", str(number)), ("uploadId", upload)]
        with self._telling("UploadPart"):
            headers, _ = self._ask("PUT", query, part)
        return headers.get("etag", "")

    def _complete(self, tags: list[str], upload: str) -> None:
        parts = "".join(
            f"<Part><ETag>{escape(tag)}</ETag><PartNumber>{number}</PartNumber></Part>"
            for number, tag in enumerate(tags, 1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        with self._telling("CompleteMultipartUpload"):
            _, answer = self._ask("POST", [("uploadId", upload)], body)
            told = texts_of(answer)
            if "Code" in told:
                # The status was sent before the parts were put together.
                raise S3Refusal(told["Code"], told.get("Message", ""), http.client.OK)

    def _ask(
        self,
        method: str,
        query: Sequence[tuple[str, str]] = (),
        body: Body = b"",
        headers: Mapping[str, str] = {},
    ) -> tuple[Mapping[str, str], bytes]:
        return self._client.document(StoreRequest(method, self._bucket, self._key, query, body, headers))


def parts_of(content: FileRange) -> list[FileRange]:
    """Return the parts in which a file is uploaded."""
    size, end = PART_BYTES, content.length
    while size * MAX_PARTS < end:
        size *= 2
    return [FileRange(content.file, offset, min(size, end - offset)) for offset in range(0, end, size)]
