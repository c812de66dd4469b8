"""Bodies whose length is missing, or not what was announced."""

from __future__ import annotations

import re
import socket
from typing import Any

import pytest

from oscarcli.local.objects.s3.chunked import UNSIGNED_TRAILER
from tests.contract.s3.target import CREDENTIALS, Target
from tests.local.objects.raw import signed, streaming_headers

STREAM = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
UNKNOWN = (411, "MissingContentLength")


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)


def _play(target: Target, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
    """Send exactly these headers; return status and error code."""
    lines = [
        f"{method} /{target.bucket}{path} HTTP/1.1",
        f"Host: 127.0.0.1:{target.port}",
        "Connection: close",
    ]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with socket.create_connection(("127.0.0.1", target.port), timeout=30) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    code = re.search(rb"<Code>(\w+)</Code>", answer)
    return int(answer.split(b" ")[1]), code[1].decode() if code else ""


@pytest.mark.parametrize(
    ("length", "body", "expected"),
    [
        ({}, b"", (200, "")),
        ({"Content-Length": "0"}, b"", (200, "")),
        ({"Content-Length": "5"}, b"hello", (200, "")),
        ({"Content-Length": ""}, b"", (400, "")),
        ({"Content-Length": "abc"}, b"", (400, "")),
        ({"Transfer-Encoding": "chunked"}, _framed(b"hello"), UNKNOWN),
    ],
)
@pytest.mark.parametrize("way", ["put", "part"])
def test_the_length_of_a_plain_body(
    target: Target, way: str, length: dict[str, str], body: bytes, expected: Any
) -> None:
    path = "/a"
    if way == "part":
        upload = target.client.create_multipart_upload(Bucket=target.bucket, Key="a")["UploadId"]
        path = f"/a?partNumber=1&uploadId={upload}"
    content = b"hello" if body else b""
    headers = signed(CREDENTIALS, target.port, "PUT", f"/{target.bucket}{path}", body=content)
    assert _play(target, "PUT", path, {**headers, **length}, body) == expected
    assert target.keys() == (["a"] if way == "put" and expected[0] == 200 else [])


@pytest.mark.parametrize(
    ("decoded", "expected"),
    [
        ("5", (200, "")),
        ("", UNKNOWN),
        ("-1", UNKNOWN),
        ("3", (400, None)),
        ("7", (400, None)),
        ("9" * 20, (400, None)),
    ],
)
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_the_length_inside_aws_chunked(target: Target, framing: str, decoded: str, expected: Any) -> None:
    target_path = f"/{target.bucket}/a"
    headers = streaming_headers(
        CREDENTIALS, target.port, target_path, UNSIGNED_TRAILER, decoded, x_amz_trailer="x-amz-checksum-crc32"
    )
    if framing == "length":
        answer = _play(target, "PUT", "/a", {**headers, "Content-Length": str(len(STREAM))}, STREAM)
    else:
        answer = _play(target, "PUT", "/a", {**headers, "Transfer-Encoding": "chunked"}, _framed(STREAM))
    # MinIO calls a wrong length BadRequest, AWS and we IncompleteBody or EntityTooLarge.
    assert answer == ((expected[0], answer[1]) if expected[1] is None else expected)
    assert target.keys() == (["a"] if expected[0] == 200 else [])
