"""Downloads of objects that were sent in parts: compared with what the store tells, whoever sent them.

Between the client and the store stands a forwarder, which can damage what comes back.
"""

from __future__ import annotations

import base64
import os
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from oscarcli.errors import OscarError
from oscarcli.storage import download
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.download import Download
from oscarcli.storage.location import Location
from oscarcli.storage.s3 import upload as s3_upload
from oscarcli.storage.s3.storage import S3Storage
from oscarcli.storage.source import FileSource
from tests.support.daily import daily
from tests.support.s3_servers import Server, local_server, minio_server

MIB = 1 << 20
BUCKET = "integrity"
MARK, DAMAGED = b"-as it was sent-", b"-as it came here"
KMS = {"MINIO_KMS_SECRET_KEY": f"key:{base64.b64encode(bytes(32)).decode()}"}


def content_of(size: int) -> bytes:
    """Return bytes in which the mark stands so often that no cut into pieces hides all of them."""
    return (os.urandom(1008) + MARK) * (size // 1024) + os.urandom(size % 1024)


class Forwarder:
    """Carries bytes to a server and back, and damages what comes back when `damages`."""

    def __init__(self, endpoint: str) -> None:
        host, _, port = endpoint.partition("//")[2].partition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.damages = False
        self.sent = b""
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                ours, _ = self._listener.accept()
                theirs = socket.create_connection(self._target)
                self._open += [ours, theirs]
                for pair in ((ours, theirs, self._note), (theirs, ours, self._damage)):
                    threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, change: Callable[[bytes], bytes]) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(change(data))
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def _note(self, data: bytes) -> bytes:
        if data.startswith(b"HEAD"):
            self.sent += data
        return data

    def _damage(self, data: bytes) -> bytes:
        return data.replace(MARK, DAMAGED) if self.damages else data

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for one in (self._listener, *self._open):
            one.close()


@contextmanager
def minio(folder: Path) -> Iterator[Server]:
    with minio_server(folder, KMS) as server:
        yield server


SERVERS = {"local": local_server, "minio": minio}


@pytest.fixture(scope="module", params=daily(SERVERS, "local"))
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with SERVERS[request.param](tmp_path_factory.mktemp("store")) as server:
        storage = S3Storage(server.settings)
        storage.client.create_bucket(Bucket=BUCKET)
        storage.close()
        yield server


@pytest.fixture
def way(server: Server) -> Iterator[Forwarder]:
    with closing(Forwarder(server.endpoint)) as forwarder:
        yield forwarder


@pytest.fixture
def storage(server: Server, way: Forwarder) -> Iterator[S3Storage]:
    storage = S3Storage(replace(server.settings, endpoint=way.endpoint))
    yield storage
    storage.close()


def fetched(storage: S3Storage, key: str, target: Path) -> bool:
    """Download an object; tell whether it was compared with a digest."""
    one = Download(storage, storage.stat(Location(BUCKET, key)), lambda _: None, Cancellation())
    one.to_file(target)
    return one.is_verified


def put_in_parts(storage: S3Storage, key: str, parts: list[bytes], **options: Any) -> None:
    """Send parts of any sizes, as other programs may."""
    target = {"Bucket": BUCKET, "Key": key}
    upload = storage.client.create_multipart_upload(**target, **options)
    target["UploadId"] = upload["UploadId"]
    listed = []
    for number, part in enumerate(parts, 1):
        sums = {"ChecksumCRC32": crc32_of(part)} if "ChecksumType" in options else {}
        answer = storage.client.upload_part(**target, PartNumber=number, Body=part, **sums)
        listed.append({"PartNumber": number, "ETag": answer["ETag"], **sums})
    storage.client.complete_multipart_upload(**target, MultipartUpload={"Parts": listed})


def crc32_of(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


@pytest.mark.parametrize("streams", [1, 4])
def test_what_this_program_sent_in_parts_is_compared_without_a_question(
    storage: S3Storage, way: Forwarder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, streams: int
) -> None:
    monkeypatch.setattr(s3_upload, "PART_BYTES", 5 * MIB)
    if streams > 1:
        monkeypatch.setattr(download, "MIN_RANGED_BYTES", 0)
        monkeypatch.setattr(download, "MIN_RANGE_BYTES", 5 * MIB)
    content = content_of(12 * MIB + 345)
    (tmp_path / "source").write_bytes(content)
    cancellation = Cancellation()
    with FileSource(tmp_path / "source", lambda _: None, cancellation) as source:
        storage.write(Location(BUCKET, "own"), source, content_type="a/b", cancellation=cancellation)
    found = storage.stat(Location(BUCKET, "own"))
    assert found.digests == {"crc32": f"{zlib.crc32(content):08x}"}
    assert fetched(storage, "own", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == content
    assert b"partNumber" not in way.sent
    way.damages = True
    with pytest.raises(OscarError, match="damaged"):
        fetched(storage, "own", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == content


def test_parts_of_an_odd_size_are_asked_for(
    storage: S3Storage, way: Forwarder, server: Server, tmp_path: Path
) -> None:
    """Three parts of 6 MiB look like three of 5 MiB, until the store tells."""
    content = content_of(12 * MIB + 345)
    put_in_parts(storage, "odd", [content[at : at + 6 * MIB] for at in range(0, len(content), 6 * MIB)])
    assert fetched(storage, "odd", tmp_path / "target") == knows_parts(storage, "odd")
    assert (tmp_path / "target").read_bytes() == content
    if knows_parts(storage, "odd"):
        way.damages = True
        with pytest.raises(OscarError, match="damaged"):
            fetched(storage, "odd", tmp_path / "target")


def knows_parts(storage: S3Storage, key: str) -> bool:
    answer = storage.client.head_object(Bucket=BUCKET, Key=key, PartNumber=1)
    return bool(answer["ContentLength"] == 6 * MIB)


def test_parts_of_several_sizes_are_no_damage(storage: S3Storage, tmp_path: Path) -> None:
    content = content_of(11 * MIB)
    cuts = [0, 5 * MIB, 10 * MIB + 1, len(content)]
    put_in_parts(storage, "several", [content[at:end] for at, end in pairwise(cuts)])
    assert not fetched(storage, "several", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == content


def test_a_checksum_of_the_whole_counts(storage: S3Storage, way: Forwarder, tmp_path: Path) -> None:
    content = content_of(11 * MIB)
    parts = [content[: 5 * MIB], content[5 * MIB :]]
    put_in_parts(storage, "whole", parts, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    found = storage.stat(Location(BUCKET, "whole"))
    assert found.digests == {"crc32": f"{zlib.crc32(content):08x}"}
    assert fetched(storage, "whole", tmp_path / "target")
    way.damages = True
    with pytest.raises(OscarError, match="damaged"):
        fetched(storage, "whole", tmp_path / "target")


def test_beside_a_checksum_of_the_parts_the_etag_counts(
    storage: S3Storage, way: Forwarder, tmp_path: Path
) -> None:
    content = content_of(11 * MIB)
    parts = [content[: 8 * MIB], content[8 * MIB :]]
    put_in_parts(storage, "composite", parts, ChecksumAlgorithm="CRC32", ChecksumType="COMPOSITE")
    assert storage.stat(Location(BUCKET, "composite")).digests == {}
    assert fetched(storage, "composite", tmp_path / "target")
    way.damages = True
    with pytest.raises(OscarError, match="damaged"):
        fetched(storage, "composite", tmp_path / "target")


def test_a_stream_is_compared_too(storage: S3Storage, way: Forwarder) -> None:
    content = content_of(11 * MIB)
    put_in_parts(storage, "stream", [content[: 8 * MIB], content[8 * MIB :]])
    found = storage.stat(Location(BUCKET, "stream"))
    way.damages = True
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 -- a device, not a path
        one = Download(storage, found, lambda _: None, Cancellation())
        with pytest.raises(OscarError, match="damaged"):
            one.to_descriptor(nowhere.fileno())


@pytest.mark.parametrize("encryption", ["AES256", "aws:kms"])
def test_an_etag_of_what_is_encrypted_is_no_damage(
    tmp_path: Path, storage: S3Storage, server: Server, encryption: str
) -> None:
    if server.is_fast:
        pytest.skip("only MinIO encrypts")
    content = content_of(11 * MIB)
    parts = [content[: 8 * MIB], content[8 * MIB :]]
    put_in_parts(storage, "encrypted", parts, ServerSideEncryption=encryption)
    assert fetched(storage, "encrypted", tmp_path / "target") == (encryption == "AES256")
    assert (tmp_path / "target").read_bytes() == content
