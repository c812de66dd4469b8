"""Uploads that nobody completed, as real stores tell of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from oscarcli.errors import NotFoundError
from oscarcli.storage.s3.storage import S3Storage
from oscarcli.storage.s3.unfinished import UnfinishedUploads
from tests.support.daily import daily
from tests.support.s3_servers import Server, local_server, minio_server

MIB = 1 << 20
BUCKET = "photos"


def begin(server: Server, *keys: str) -> list[str]:
    """Begin an upload of each key, with two parts; return what the store calls them."""
    storage = S3Storage(server.settings)
    client = storage.client
    client.create_bucket(Bucket=BUCKET)
    identifiers = []
    for key in keys:
        identifier = client.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
        target = {"Bucket": BUCKET, "Key": key, "UploadId": identifier}
        client.upload_part(**target, PartNumber=1, Body=bytes(5 * MIB))
        client.upload_part(**target, PartNumber=3, Body=b"end")
        identifiers.append(identifier)
    storage.close()
    return identifiers


@pytest.mark.parametrize("serve", daily([local_server, minio_server], local_server))
def test_uploads_are_found_and_aborted(
    serve: Callable[[Path], AbstractContextManager[Server]], tmp_path: Path
) -> None:
    with serve(tmp_path) as server:
        first, second, third = begin(server, "in/a.bin", "in/a.bin.2", "b.bin")
        storage = S3Storage(server.settings)
        unfinished = UnfinishedUploads(storage)
        found = unfinished.of(BUCKET)
        assert [(one.key, one.upload_id, one.sent_bytes) for one in found] == [
            ("b.bin", third, 5 * MIB + 3),
            ("in/a.bin", first, 5 * MIB + 3),
            ("in/a.bin.2", second, 5 * MIB + 3),
        ]
        assert all(one.started is not None and not one.is_active for one in found)
        # A whole name, not its beginning.
        assert [one.upload_id for one in unfinished.of(BUCKET, "in/a.bin")] == [first]
        unfinished.abort(found[1])
        # Somebody else was quicker: it is gone, as was wanted.
        unfinished.abort(found[1])
        assert [one.upload_id for one in unfinished.of(BUCKET)] == [third, second]
        with pytest.raises(NotFoundError):
            unfinished.of("no-such-bucket")
        storage.close()


@pytest.mark.thorough
def test_minio_forgets_to_list_what_was_begun_before_its_start(tmp_path: Path) -> None:
    with minio_server(tmp_path) as server:
        (identifier,) = begin(server, "in/a.bin")
    with minio_server(tmp_path) as server:
        storage = S3Storage(server.settings)
        unfinished = UnfinishedUploads(storage)
        assert unfinished.of(BUCKET) == []
        assert [one.upload_id for one in unfinished.of(BUCKET, "in/a.bin")] == [identifier]
        storage.close()
