"""Local files that change while they are uploaded, told apart from content that is damaged on the way."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from oscarcli.errors import RefusedError
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.location import Location
from oscarcli.storage.s3.settings import S3Settings
from oscarcli.storage.s3.storage import S3Storage
from oscarcli.storage.source import FileSource
from tests.support.scripted_s3 import MIB, Reply, Seen, Server, error_body

PLACE = Location("bucket", "in/a.bin")


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def storage(server: Server) -> Iterator[S3Storage]:
    storage = S3Storage(S3Settings("minio.default", "access", "secret", endpoint=server.endpoint))
    yield storage
    storage.close()


def checking_digests(seen: Seen) -> Reply:
    """Answer as a store does that compares Content-MD5 with what arrived."""
    digest = hashlib.md5(seen.body).digest()
    if base64.b64encode(digest).decode() != seen.headers["content-md5"]:
        return Reply(400, body=error_body("BadDigest"))
    return Reply(headers={"ETag": f'"{digest.hex()}"'})


def test_a_file_that_changes_while_it_is_sent_is_told_as_that(
    server: Server, storage: S3Storage, tmp_path: Path
) -> None:
    server.script = checking_digests
    path = tmp_path / "f"
    path.write_bytes(b"a" * (3 * MIB))

    def change(_: int) -> None:
        with path.open("r+b") as file:
            file.seek(2 * MIB)
            file.write(b"b" * MIB)

    cancellation = Cancellation()
    with (
        FileSource(path, change, cancellation) as source,
        pytest.raises(RefusedError, match="was changed while it was read"),
    ):
        storage.write(PLACE, source, content_type="", cancellation=cancellation)


def test_content_that_is_damaged_on_the_way_is_told_as_that(
    server: Server, storage: S3Storage, tmp_path: Path
) -> None:
    server.script = lambda _: Reply(400, body=error_body("BadDigest"))
    path = tmp_path / "f"
    path.write_bytes(b"a" * (3 * MIB))
    cancellation = Cancellation()
    with (
        FileSource(path, lambda _: None, cancellation) as source,
        pytest.raises(RefusedError, match="damaged on the way"),
    ):
        storage.write(PLACE, source, content_type="", cancellation=cancellation)


def test_a_small_file_that_changed_is_not_stored(
    server: Server, storage: S3Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"a" * 1000)
    cancellation = Cancellation()
    with FileSource(path, lambda _: None, cancellation) as source:
        read = os.pread

        def change_then_read(descriptor: int, size: int, offset: int) -> bytes:
            path.write_bytes(b"b" * 2000)
            return read(descriptor, size, offset)

        monkeypatch.setattr(os, "pread", change_then_read)
        with pytest.raises(RefusedError, match="was changed while it was read"):
            storage.write(PLACE, source, content_type="", cancellation=cancellation)
    assert server.seen == []
