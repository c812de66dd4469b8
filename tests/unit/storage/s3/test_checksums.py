"""Checksums of uploads in parts: CRC-32 where a store keeps that of the whole, MD5 where it does not."""

from __future__ import annotations

import base64
import hashlib
import random
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from oscarcli.errors import RefusedError
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.integrity import combined_crc32
from oscarcli.storage.location import Location
from oscarcli.storage.s3 import upload as s3_upload
from oscarcli.storage.s3.settings import ENGINE_VARIABLE, ENGINES, S3Settings
from oscarcli.storage.s3.storage import S3Storage
from oscarcli.storage.source import FileSource
from tests.support.scripted_s3 import MIB, Reply, Seen, Server, error_body

SIZE = 11 * MIB
PARTS = [5 * MIB, 5 * MIB, MIB]
CRC32 = {"x-amz-checksum-algorithm": "CRC32"}
OF_WHOLE = {**CRC32, "x-amz-checksum-type": "FULL_OBJECT"}
OF_PARTS = {**CRC32, "x-amz-checksum-type": "COMPOSITE"}


class ChecksumStore:
    """A store that takes checksums in one of the ways that stores do.

    Args:
        told: headers of its answer to a request for them; a refusal of this status when it is a number.
        checksum: what it says of the whole; `None` for nothing, in its answer and for the object.
    """

    def __init__(self, told: dict[str, str] | int, checksum: str | None = None) -> None:
        self._told = told
        self.checksum = checksum
        self.begun: dict[str, bool] = {}
        self.aborted: list[str] = []
        self.parts: dict[tuple[str, int], dict[str, str]] = {}
        self.completion: Seen | None = None

    def answer(self, seen: Seen) -> Reply:
        query = parse_qs(seen.path.partition("?")[2], keep_blank_values=True)
        name = query.get("uploadId", [""])[0]
        if "uploads" in query:
            return self._create("x-amz-checksum-algorithm" in seen.headers)
        if seen.method == "PUT":
            self.parts[name, int(query["partNumber"][0])] = seen.headers
            return Reply(headers={"ETag": f'"{hashlib.md5(seen.body).hexdigest()}"'})
        if seen.method == "DELETE":
            self.aborted.append(name)
            return Reply(204)
        if seen.method == "POST":
            self.completion = seen
            told = f"<ChecksumCRC32>{self.checksum}</ChecksumCRC32>" if self.checksum else ""
            return Reply(body=f'<R><ETag>"odd-3"</ETag>{told}</R>'.encode())
        known = {"x-amz-checksum-crc32": self.checksum, **OF_WHOLE} if self.checksum else {}
        return Reply(headers={"Content-Length": str(SIZE), "ETag": '"odd-3"', **known})

    def _create(self, wants_checksums: bool) -> Reply:
        if wants_checksums and isinstance(self._told, int):
            return Reply(
                self._told, body=error_body("NotImplemented" if self._told == 501 else "InvalidArgument")
            )
        name = f"upload-{len(self.begun) + 1}"
        self.begun[name] = wants_checksums
        headers = self._told if wants_checksums and isinstance(self._told, dict) else {}
        return Reply(headers=headers, body=f"<R><UploadId>{name}</UploadId></R>".encode())


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def content() -> bytes:
    return random.Random(5).randbytes(SIZE)


Send = Callable[[ChecksumStore], None]


@pytest.fixture(params=ENGINES)
def send(
    server: Server,
    content: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Send]:
    """Return a function that uploads the content to a store in three parts."""
    monkeypatch.setenv(ENGINE_VARIABLE, request.param)
    monkeypatch.setattr(s3_upload, "PART_BYTES", PARTS[0])
    (tmp_path / "large").write_bytes(content)
    storage = S3Storage(
        S3Settings("minio.default", "access", "secret", endpoint=server.endpoint, outage_limit=0)
    )

    def upload(store: ChecksumStore) -> None:
        server.script = store.answer
        target, cancellation = Location("bucket", "key"), Cancellation()
        with FileSource(tmp_path / "large", lambda _: None, cancellation) as source:
            storage.write(target, source, content_type="text/plain", cancellation=cancellation)

    yield upload
    storage.close()


def encoded(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def sections(content: bytes) -> list[bytes]:
    return [content[: PARTS[0]], content[PARTS[0] : 2 * PARTS[0]], content[2 * PARTS[0] :]]


def sent(store: ChecksumStore, header: str) -> list[str | None]:
    return [headers.get(header) for _, headers in sorted(store.parts.items())]


def test_a_store_that_keeps_them_gets_those_of_the_parts_and_of_the_whole(send: Send, content: bytes) -> None:
    store = ChecksumStore(OF_WHOLE, encoded(content))
    send(store)
    assert store.begun == {"upload-1": True}
    assert sent(store, "x-amz-checksum-crc32") == [encoded(part) for part in sections(content)]
    assert sent(store, "content-md5") == [None] * 3
    assert store.completion is not None
    assert store.completion.headers["x-amz-checksum-crc32"] == encoded(content)
    assert store.completion.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    assert all(encoded(part).encode() in store.completion.body for part in sections(content))


@pytest.mark.parametrize("told", [{}, OF_PARTS, CRC32, 400, 501])
def test_a_store_that_does_not_gets_md5s(send: Send, content: bytes, told: Any) -> None:
    """It ignores what it is asked for, keeps something else, or refuses; the second time it is not asked."""
    store = ChecksumStore(told)
    for _ in range(2):
        store.parts.clear()
        send(store)
        expected = [hashlib.md5(part).digest() for part in sections(content)]
        assert sent(store, "content-md5") == [base64.b64encode(digest).decode() for digest in expected]
        assert sent(store, "x-amz-checksum-crc32") == [None] * 3
        assert store.completion is not None
        assert "x-amz-checksum-crc32" not in store.completion.headers
    assert store.aborted == (["upload-1"] if isinstance(told, dict) and told else [])
    assert sum(store.begun.values()) == (1 if isinstance(told, dict) else 0)


def test_another_checksum_of_the_whole_is_damage(send: Send) -> None:
    with pytest.raises(RefusedError, match="the stored object's digest is not that of what was sent"):
        send(ChecksumStore(OF_WHOLE, encoded(b"something else")))


def test_one_that_says_nothing_of_the_whole_is_compared_by_size(send: Send) -> None:
    send(ChecksumStore(OF_WHOLE))


@pytest.mark.parametrize("cuts", [[0], [1], [7, 8, 9], [65536, 65537, 900_000]])
def test_that_of_the_whole_is_made_of_those_of_the_parts(content: bytes, cuts: list[int]) -> None:
    whole = content[:MIB]
    stretches = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, MIB], strict=True)]
    units = [(zlib.crc32(stretch), len(stretch)) for stretch in stretches]
    assert combined_crc32(units) == zlib.crc32(whole).to_bytes(4, "big")
