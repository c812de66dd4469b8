"""A full disk: named as such, nothing lost, nothing left behind."""

from __future__ import annotations

import errno
import io
import os
import subprocess
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from oscarcli.local.objects.blobs import Blobs
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.model import EventSource
from tests.local.objects.harness import Server, boto_client, refusal, running

MIB = 1 << 20
SOURCE = EventSource("localadmin")


def test_a_full_disk_is_named_and_loses_nothing(
    server: Server, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put_object(Bucket="data", Key="a", Body=b"old")

    class Full(FileIO):
        room = 600_000

        def write(self, data: Any, /) -> int:
            if not self.room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            # A real disk takes what still fits before it refuses.
            taken: int = super().write(memoryview(data)[: self.room])
            self.room -= taken
            return taken

    def open_full(blobs: Blobs, name: str) -> Any:
        return Full(blobs.path(name), "xb")

    monkeypatch.setattr(Blobs, "open_new", open_full)
    full = (507, "XMinioStorageFull")
    assert refusal(lambda: s3.put_object(Bucket="data", Key="a", Body=b"x" * MIB)) == full
    upload = s3.create_multipart_upload(Bucket="data", Key="b")["UploadId"]
    part = {"Bucket": "data", "Key": "b", "UploadId": upload, "PartNumber": 1}
    assert refusal(lambda: s3.upload_part(**part, Body=b"x" * MIB)) == full
    monkeypatch.undo()
    assert s3.get_object(Bucket="data", Key="a")["Body"].read() == b"old"
    assert server.has_no_orphans()
    s3.put_object(Bucket="data", Key="a", Body=b"new")


def test_a_database_without_room_is_a_full_disk(server: Server) -> None:
    server.store.create_bucket("data")
    server.store.put("data", "a", io.BytesIO(b"old"))
    pages = server.state.read().execute("PRAGMA page_count").fetchone()[0]
    with server.state.transaction() as connection:
        connection.execute(f"PRAGMA max_page_count = {pages}")
    large = {"m": "x" * 30_000}
    with pytest.raises(S3Error, match="XMinioStorageFull"):
        server.store.put("data", "a", io.BytesIO(b"new"), metadata=large, event=SOURCE)
    assert server.commits == []
    assert server.state.read().execute("SELECT count(*) FROM test_events").fetchone()[0] == 0
    with server.state.transaction() as connection:
        connection.execute("PRAGMA max_page_count = 100000")
    assert server.content("a") == b"old"
    assert server.has_no_orphans()
    server.store.put("data", "a", io.BytesIO(b"new"), metadata=large, event=SOURCE)
    assert server.content("a") == b"new"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of eight megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(words, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("no right to mount a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full(small_disk: Path) -> None:
    with running(small_disk) as server:
        client = boto_client(server.endpoint)
        client.create_bucket(Bucket="data")
        stored = 0
        code = ""
        while not code and stored < 1000:
            try:
                client.put_object(Bucket="data", Key=str(stored), Body=os.urandom(100_000))
                stored += 1
            except client.exceptions.ClientError as error:
                code = error.response["Error"]["Code"]
        assert code == "XMinioStorageFull"
        assert server.has_no_orphans()
        keys = [item.key for item in server.store.list_page("data").objects]
        assert sorted(keys, key=int) == [str(number) for number in range(stored)]
        for key in keys:
            assert client.get_object(Bucket="data", Key=key)["ContentLength"] == 100_000
        client.delete_objects(Bucket="data", Delete={"Objects": [{"Key": key} for key in keys]})
        client.put_object(Bucket="data", Key="again", Body=os.urandom(100_000))
        client.close()
    with running(small_disk) as server:
        assert [item.key for item in server.store.list_page("data").objects] == ["again"]
        assert server.has_no_orphans()
