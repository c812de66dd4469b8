"""Uploads of minio-go, with checksums in trailing headers: the program itself, and what it once sent."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from oscarcli.local.http.listener import Listener
from oscarcli.local.objects.s3.listener import S3Front
from tests.contract.s3.target import Target
from tests.local.objects.harness import CREDENTIALS, Server, running
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY

SOURCE = Path(__file__).parent / "minio_go"
KINDS = ("plain", "unsigned", "parts", "stream", "empty")
CHECKSUMS = ("none", "crc32", "crc32c", "crc64nvme", "sha1", "sha256")

# minio-go 7.0.91 to http://127.0.0.1:19000: ten bytes with a CRC32C, signed and not. The line of the
# trailer ends with LF, and then with CRLF.
SIGNED = (
    b"PUT /data/a HTTP/1.1\r\nHost: 127.0.0.1:19000\r\n"
    b"User-Agent: MinIO (linux; amd64) minio-go/v7.0.91\r\nContent-Length: 305\r\n"
    b"Authorization: AWS4-HMAC-SHA256 Credential=localadmin/20261127/us-east-1/s3/aws4_request,"
    b"SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-trailer,"
    b"Signature=ebb5e81bee79f3db2183e1ae754f174527c078727667d41acb054d005011774a\r\n"
    b"Content-Type: application/octet-stream\r\n"
    b"X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER\r\n"
    b"X-Amz-Date: 20261127T073041Z\r\nX-Amz-Decoded-Content-Length: 10\r\n"
    b"X-Amz-Trailer: x-amz-checksum-crc32c\r\n\r\n"
    b"a;chunk-signature=09fdc2d8b4536fbbbf377112ad1c02d8938a47cd424ef216662b7ca8af5bde84\r\nten bytes.\r\n"
    b"0;chunk-signature=a4687bece43427ca54f219e936cd7214759464b5a2eb28d494b0581970c18b6b\r\n"
    b"x-amz-checksum-crc32c:Xn2bUg==\n\r\n"
    b"x-amz-trailer-signature:cbc3664ff84b3953e111ef1f41f745e3cd8c65eeaea18cadf96f1e6169edd2f2\r\n\r\n"
)
UNSIGNED = (
    b"PUT /data/a HTTP/1.1\r\nHost: 127.0.0.1:19000\r\n"
    b"User-Agent: MinIO (linux; amd64) minio-go/v7.0.91\r\nContent-Length: 53\r\n"
    b"Authorization: AWS4-HMAC-SHA256 Credential=localadmin/20261127/us-east-1/s3/aws4_request, "
    b"SignedHeaders=content-encoding;content-type;host;x-amz-content-sha256;x-amz-date;"
    b"x-amz-decoded-content-length;x-amz-trailer, "
    b"Signature=2a710d68f3971e47c58cf9224026d8daf0b7fbf76df149dbf4ec145738e1c93c\r\n"
    b"Content-Encoding: aws-chunked\r\nContent-Type: application/octet-stream\r\n"
    b"X-Amz-Content-Sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n"
    b"X-Amz-Date: 20261127T073042Z\r\nX-Amz-Decoded-Content-Length: 10\r\n"
    b"X-Amz-Trailer: x-amz-checksum-crc32c\r\n\r\n"
    b"a\r\nten bytes.\r\n0\r\nx-amz-checksum-crc32c:Xn2bUg==\n\r\n\r\n"
)
RECORDED_AT = datetime(2026, 11, 27, 7, 31, tzinfo=timezone.utc)


@pytest.fixture(scope="session")
def program(cache_folder: Path) -> Path:
    """The Go program, built once for all runs of the tests; modules come from Go's own cache alone."""
    content = b"".join(path.read_bytes() for path in sorted(SOURCE.iterdir()))
    built = cache_folder / f"minio-go-{hashlib.sha256(content).hexdigest()[:16]}"
    if built.exists():
        return built
    go = shutil.which("go")
    if go is None:
        pytest.skip("there is no Go here")
    cache_folder.mkdir(parents=True, exist_ok=True)
    made = built.with_suffix(f".{os.getpid()}")
    done = subprocess.run(
        [go, "build", "-o", str(made), "."],
        cwd=SOURCE,
        env={**os.environ, "GOPROXY": "off", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        where = SOURCE.relative_to(Path.cwd()) if SOURCE.is_relative_to(Path.cwd()) else SOURCE
        pytest.skip(f"minio-go is not in Go's cache: `cd {where} && go mod download` ({done.stderr.strip()})")
    made.replace(built)
    return built


@pytest.mark.thorough
def test_every_combination_is_stored(target: Target, program: Path) -> None:
    words = [str(program), f"127.0.0.1:{target.port}", ACCESS_KEY, SECRET_KEY, target.bucket]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    outcome = dict(line.split("\t", 1) for line in done.stdout.splitlines())
    assert done.stderr == ""
    assert outcome == {f"{kind}-{checksum}": "ok" for kind in KINDS for checksum in CHECKSUMS}
    assert sorted(outcome) == target.keys()


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[tuple[Server, int]]:
    """The local store at the time of the recording, with a bucket `data`, and its port."""
    with running(tmp_path) as server:
        server.store.create_bucket("data")
        listener = Listener(
            "127.0.0.1", 0, S3Front(server.store, CREDENTIALS, now=lambda: RECORDED_AT).handle
        )
        listener.start()
        try:
            yield server, listener.port
        finally:
            listener.stop()


def _play(port: int, request: bytes) -> bytes:
    """Return the first answer to these bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        return connection.recv(1 << 16)


@pytest.mark.parametrize("request_bytes", [SIGNED, UNSIGNED], ids=["signed", "unsigned"])
def test_recorded_uploads_are_stored(recorded: tuple[Server, int], request_bytes: bytes) -> None:
    server, port = recorded
    answer = _play(port, request_bytes)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"x-amz-checksum-crc32c: Xn2bUg==" in answer
    assert server.content("a") == b"ten bytes."


@pytest.mark.parametrize("request_bytes", [SIGNED, UNSIGNED], ids=["signed", "unsigned"])
def test_a_recorded_upload_with_another_checksum_is_refused(
    recorded: tuple[Server, int], request_bytes: bytes
) -> None:
    server, port = recorded
    answer = _play(port, request_bytes.replace(b"Xn2bUg==", b"Xn2bUw=="))
    assert not answer.startswith(b"HTTP/1.1 200 ")
    assert server.store.find("data", "a") is None
