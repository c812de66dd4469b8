"""What a body is held to: digests, lengths, and the aws-chunked forms."""

from __future__ import annotations

import base64
import hashlib
import socket
import sys
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from oscarcli.local.objects import checksums, crc, crc_native
from oscarcli.local.objects.s3.chunked import SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER
from tests.local.objects.harness import CREDENTIALS, Server
from tests.local.objects.raw import Answer, Streamed, send, signed, streaming_headers

BODY = b"0123456789" * 10_000
TARGET = "/data/a"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _value(algorithm: str, data: bytes) -> str:
    hasher = checksums.new(algorithm)
    hasher.update(data)
    return checksums.encoded(hasher)


@pytest.fixture
def port(server: Server) -> int:
    server.store.create_bucket("data")
    return server.port


def _put(port: int, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return send(port, "PUT", TARGET, signed(CREDENTIALS, port, "PUT", TARGET, body=BODY, headers=named), BODY)


def _nothing_was_stored(server: Server) -> bool:
    return server.store.find("data", "a") is None and server.blobs == [] and server.created == []


def test_who_waits_for_a_body_keeps_nobody_from_storing(server: Server, port: int) -> None:
    body = b"0123456789"
    headers = signed(CREDENTIALS, port, "PUT", "/data/slow", body=body)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    lines += f"Host: 127.0.0.1:{port}\r\nContent-Length: 10\r\nConnection: close\r\n"
    head = f"PUT /data/slow HTTP/1.1\r\n{lines}\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=30) as slow:
        slow.sendall(head.encode() + body[:4])
        assert _put(port).status == 200
        small = signed(CREDENTIALS, port, "PUT", "/data/small", body=b"x")
        assert send(port, "PUT", "/data/small", small, b"x").status == 200
        assert server.store.find("data", "slow") is None
        slow.sendall(body[4:])
        assert slow.recv(12) == b"HTTP/1.1 200"
    assert server.content("slow") == body


# -- digests ---------------------------------------------------------------------------------------------


def test_a_wrong_md5_is_refused(server: Server, port: int) -> None:
    assert _put(port, Content_MD5=_base64(hashlib.md5(b"").digest())).refusal == (400, "BadDigest")
    assert _put(port, Content_MD5="AAAA").refusal == (400, "InvalidDigest")
    assert _put(port, Content_MD5="???").refusal == (400, "InvalidDigest")
    assert _nothing_was_stored(server)
    assert _put(port, Content_MD5=_base64(hashlib.md5(BODY).digest())).status == 200


@pytest.mark.parametrize("algorithm", checksums.ALGORITHMS)
def test_a_wrong_checksum_is_refused(server: Server, port: int, algorithm: str) -> None:
    name = checksums.header_name(algorithm)
    wrong = {name: _value(algorithm, b"other")}
    assert _put(port, **wrong).refusal == (400, "XAmzContentChecksumMismatch")
    assert _put(port, **{name: "AAA"}).refusal == (400, "InvalidArgument")
    assert _nothing_was_stored(server)
    right = {name: _value(algorithm, BODY)}
    answer = _put(port, **right)
    assert (answer.status, answer.headers[name]) == (200, right[name])
    headers = signed(CREDENTIALS, port, "HEAD", TARGET, headers={"x-amz-checksum-mode": "ENABLED"})
    assert send(port, "HEAD", TARGET, headers).headers[name] == right[name]


def test_a_checksum_is_not_sent_with_a_range(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="a", Body=BODY)
    whole = s3.get_object(Bucket="data", Key="a", ChecksumMode="ENABLED")
    assert whole["ChecksumCRC32"] == _base64(zlib.crc32(BODY).to_bytes(4, "big"))
    assert whole["Body"].read() == BODY
    some = s3.get_object(Bucket="data", Key="a", ChecksumMode="ENABLED", Range="bytes=1-5")
    assert "ChecksumCRC32" not in some
    assert some["Body"].read() == BODY[1:6]


def test_two_checksums_at_once_are_refused(server: Server, port: int) -> None:
    both = {checksums.header_name(name): _value(name, BODY) for name in ("CRC32", "SHA1")}
    assert _put(port, **both).refusal == (400, "InvalidArgument")
    assert _put(port, x_amz_checksum_algorithm="ADLER").refusal == (400, "InvalidArgument")
    assert _nothing_was_stored(server)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 4095, 4096, 4160, 70_001])
def test_the_checksums_we_compute_ourselves(size: int) -> None:
    data = bytes((number * number) >> 3 & 0xFF for number in range(size))
    assert crc.CRC32.update(data) == zlib.crc32(data)
    for cut in (0, 1, size // 2, size):
        parts = data[:cut], data[cut:]
        values = [zlib.crc32(part) for part in parts]
        assert crc.CRC32.combine(values[0], values[1], len(parts[1])) == zlib.crc32(data)
        for function in (crc.CRC32C, crc.CRC64NVME):
            assert function.update(parts[1], function.update(parts[0])) == function.update(data)


def test_published_check_values() -> None:
    assert crc.CRC32C.update(b"123456789") == 0xE3069283
    assert crc.CRC64NVME.update(b"123456789") == 0xAE8B14860A799888
    zeros = bytes(4096)
    assert crc.CRC32C.update(zeros) == 0x98F94189


@pytest.fixture
def chosen_again() -> Iterator[None]:
    """Libraries are looked for anew, before and after."""
    for function in (crc_native.crc32c, crc_native.crc64nvme):
        function.cache_clear()
    yield
    for function in (crc_native.crc32c, crc_native.crc64nvme):
        function.cache_clear()


@pytest.mark.parametrize(
    ("library", "name", "own"),
    [
        ("awscrt.checksums", "crc32c", crc.CRC32C),
        ("awscrt.checksums", "crc64nvme", crc.CRC64NVME),
        ("google_crc32c.cext", "crc32c", crc.CRC32C),
    ],
)
@pytest.mark.usefixtures("chosen_again")
def test_a_compiled_library_is_used_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, library: str, name: str, own: crc.Crc
) -> None:
    pytest.importorskip(library)
    if library != "awscrt.checksums":
        monkeypatch.setitem(sys.modules, "awscrt.checksums", None)
    update = getattr(crc_native, name)()
    assert update != own.update
    data = bytes(number * number >> 3 & 0xFF for number in range(70_001))
    for cut in (0, 1, 4096, len(data)):
        assert update(data[cut:], update(data[:cut], 0)) == own.update(data)


@pytest.mark.usefixtures("chosen_again")
def test_without_a_compiled_library_our_own_is_used(
    server: Server, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for library in ("awscrt.checksums", "google_crc32c"):
        monkeypatch.setitem(sys.modules, library, None)
    assert crc_native.crc32c() == crc.CRC32C.update
    assert crc_native.crc64nvme() == crc.CRC64NVME.update
    assert _put(port, x_amz_checksum_crc64nvme=_value("CRC64NVME", BODY)).status == 200
    assert _put(port, x_amz_checksum_crc32c=_value("CRC32C", b"x")).refusal[0] == 400
    assert server.content("a") == BODY


# -- lengths ---------------------------------------------------------------------------------------------


def test_an_upload_over_the_limit_is_refused_at_once(server: Server, port: int) -> None:
    headers = {"Content-Length": str((5 << 30) + 1), "Expect": "100-continue"}
    headers.update(signed(CREDENTIALS, port, "PUT", TARGET))
    assert send(port, "PUT", TARGET, headers).refusal == (400, "EntityTooLarge")
    assert _nothing_was_stored(server)


def test_an_upload_that_breaks_off_leaves_nothing(server: Server, port: int) -> None:
    headers = signed(CREDENTIALS, port, "PUT", TARGET, headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    head = f"PUT {TARGET} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 1000000\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(head.encode() + b"\r\n" + b"x" * 500_000)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1000) == b""
    assert _nothing_was_stored(server)


def test_a_body_of_unknown_length(server: Server, port: int) -> None:
    headers = signed(CREDENTIALS, port, "PUT", TARGET, body=BODY)
    chunks = [BODY[start : start + 30_000] for start in range(0, len(BODY), 30_000)]
    encoded = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])
    answer = send(port, "PUT", TARGET, {**headers, "Transfer-Encoding": "chunked"}, encoded)
    assert answer.refusal == (411, "MissingContentLength")
    assert _nothing_was_stored(server)


def test_a_chunk_cannot_claim_any_amount_of_memory(server: Server, port: int) -> None:
    target = "/data?tagging"
    headers = signed(CREDENTIALS, port, "PUT", target, headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    head = f"PUT {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nTransfer-Encoding: chunked\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(head.encode() + b"\r\n40000000\r\nonly this")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1000) == b""
    assert _nothing_was_stored(server)


# -- aws-chunked -----------------------------------------------------------------------------------------


def _stream(port: int, form: str, body: bytes, *, length: int = len(BODY), **headers: str) -> Answer:
    return send(
        port, "PUT", TARGET, streaming_headers(CREDENTIALS, port, TARGET, form, length, **headers), body
    )


def _unsigned(chunks: list[bytes], trailer: str) -> bytes:
    return (
        b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + f"0\r\n{trailer}\r\n".encode()
    )


def test_chunks_without_signatures(server: Server, port: int) -> None:
    crc32 = _value("CRC32", BODY)
    body = _unsigned([BODY[:1], BODY[1:70_000], BODY[70_000:]], f"x-amz-checksum-crc32:{crc32}\r\n")
    answer = _stream(port, UNSIGNED_TRAILER, body, x_amz_trailer="x-amz-checksum-crc32")
    assert answer.headers["x-amz-checksum-crc32"] == crc32
    stored = server.store.stat("data", "a")
    assert (stored.etag, stored.attributes.headers) == (hashlib.md5(BODY).hexdigest(), {})


def test_a_content_encoding_of_the_object_itself_is_kept(server: Server, port: int) -> None:
    body = _unsigned([BODY], "")
    assert _stream(port, UNSIGNED_TRAILER, body, Content_Encoding="aws-chunked,gzip").status == 200
    assert server.store.stat("data", "a").attributes.headers == {"content-encoding": "gzip"}


@pytest.mark.parametrize(
    ("trailer", "code"),
    [
        (f"x-amz-checksum-crc32:{_value('CRC32', b'other')}\r\n", "XAmzContentChecksumMismatch"),
        ("x-amz-checksum-crc32:AAA\r\n", "InvalidArgument"),
        ("", "MalformedTrailerError"),
        ("nonsense\r\n", "MalformedTrailerError"),
    ],
)
def test_a_wrong_trailer_is_refused(server: Server, port: int, trailer: str, code: str) -> None:
    answer = _stream(port, UNSIGNED_TRAILER, _unsigned([BODY], trailer), x_amz_trailer="x-amz-checksum-crc32")
    assert answer.refusal == (400, code)
    assert _nothing_was_stored(server)


@pytest.mark.parametrize(
    ("body", "length", "code"),
    [
        (_unsigned([BODY], ""), len(BODY) + 1, "IncompleteBody"),
        (_unsigned([BODY], ""), len(BODY) - 1, "IncompleteBody"),
        (b"5\r\nabc", 5, "IncompleteBody"),
        (b"5\r\nabcde\r\n", 5, "IncompleteBody"),
        (b"xyz\r\nabc\r\n0\r\n\r\n", 3, "InvalidRequest"),
        (b"-3\r\nabc\r\n0\r\n\r\n", 3, "InvalidRequest"),
        (b"2\r\nabc\r\n0\r\n\r\n", 3, "InvalidRequest"),
        (b"x" * 10_000, 3, "InvalidRequest"),
        (b"3\r\nabc\r\n0\r\n\r\nmore", 3, "IncompleteBody"),
        (b"3\r\nabc\r\n0\r\n\r\nmore\r\n", 3, "MalformedTrailerError"),
    ],
)
def test_malformed_chunks_are_refused(server: Server, port: int, body: bytes, length: int, code: str) -> None:
    answer = _stream(port, UNSIGNED_TRAILER, body, length=length)
    assert answer.refusal == (400, code)
    assert _nothing_was_stored(server)


def _chunks(headers: dict[str, str], spoil: int = -1) -> tuple[Streamed, bytes]:
    streamed = Streamed(CREDENTIALS, headers)
    pieces = [BODY[:65_536], BODY[65_536:]]
    body = [streamed.chunk(piece, spoil=number == spoil) for number, piece in enumerate(pieces)]
    return streamed, b"".join(body)


@pytest.mark.parametrize("spoil", [-1, 0, 1, 2])
def test_chunks_with_signatures(server: Server, port: int, spoil: int) -> None:
    headers = streaming_headers(CREDENTIALS, port, TARGET, SIGNED, len(BODY))
    streamed, body = _chunks(headers, spoil)
    body += streamed.chunk(b"", spoil=spoil == 2)
    answer = send(port, "PUT", TARGET, headers, body)
    if spoil < 0:
        assert answer.headers["etag"] == f'"{hashlib.md5(BODY).hexdigest()}"'
    else:
        assert answer.refusal == (403, "SignatureDoesNotMatch")
        assert _nothing_was_stored(server)


def test_changed_data_does_not_match_its_chunk_signature(server: Server, port: int) -> None:
    headers = streaming_headers(CREDENTIALS, port, TARGET, SIGNED, len(BODY))
    streamed, body = _chunks(headers)
    body = body.replace(b"0123456789", b"0123456780", 1) + streamed.last()
    assert send(port, "PUT", TARGET, headers, body).refusal == (403, "SignatureDoesNotMatch")
    assert _nothing_was_stored(server)


def test_a_signed_stream_needs_its_last_chunk(server: Server, port: int) -> None:
    headers = streaming_headers(CREDENTIALS, port, TARGET, SIGNED, len(BODY))
    assert send(port, "PUT", TARGET, headers, _chunks(headers)[1]).refusal == (400, "IncompleteBody")
    unsigned = _unsigned([BODY], "")
    assert send(port, "PUT", TARGET, headers, unsigned).refusal == (400, "InvalidRequest")
    assert _nothing_was_stored(server)


@pytest.mark.parametrize("spoil", [False, True])
def test_chunks_and_a_trailer_with_signatures(server: Server, port: int, spoil: bool) -> None:
    headers = streaming_headers(
        CREDENTIALS, port, TARGET, SIGNED_TRAILER, len(BODY), x_amz_trailer="x-amz-checksum-sha256"
    )
    streamed, body = _chunks(headers)
    trailers = {"x-amz-checksum-sha256": _value("SHA256", BODY)}
    answer = send(port, "PUT", TARGET, headers, body + streamed.last(trailers, spoil=spoil))
    if not spoil:
        assert answer.headers["x-amz-checksum-sha256"] == trailers["x-amz-checksum-sha256"]
    else:
        assert answer.refusal == (403, "SignatureDoesNotMatch")
        assert _nothing_was_stored(server)


def test_forms_we_do_not_know_are_refused(port: int) -> None:
    ecdsa = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
    assert _stream(port, ecdsa, b"").refusal == (501, "NotImplemented")
    assert _stream(port, "nonsense", b"").refusal == (400, "InvalidArgument")
    headers = streaming_headers(CREDENTIALS, port, TARGET, SIGNED, 0)
    del headers["X-Amz-Decoded-Content-Length"]
    assert send(port, "PUT", TARGET, headers, b"").status == 400
