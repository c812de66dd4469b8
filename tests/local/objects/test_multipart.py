"""Multipart uploads through boto3."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig

from oscarcli.local.objects import checksums
from tests.local.objects.harness import Server, refusal
from tests.support.daily import daily

MIB = 1 << 20
FIRST = bytes(range(256)) * (5 * MIB // 256)
SECOND = b"tail"


def _crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


class Upload:
    """An upload driven step by step."""

    def __init__(self, s3: Any, key: str = "a", **options: Any) -> None:
        self.s3 = s3
        self.where = {"Bucket": "data", "Key": key}
        self.where["UploadId"] = s3.create_multipart_upload(**self.where, **options)["UploadId"]

    def put(self, number: int, body: bytes, **options: Any) -> dict[str, Any]:
        answer = self.s3.upload_part(**self.where, PartNumber=number, Body=body, **options)
        found = {name: answer[name] for name in answer if name.startswith("Checksum")}
        return {"PartNumber": number, "ETag": answer["ETag"], **found}

    def complete(self, parts: Sequence[dict[str, Any]], **options: Any) -> Any:
        return self.s3.complete_multipart_upload(
            **self.where, MultipartUpload={"Parts": list(parts)}, **options
        )


def test_parts_become_an_object(server: Server, s3: Any) -> None:
    upload = Upload(s3, ContentType="text/x", Metadata={"m": "1"}, Tagging="t=1")
    second = upload.put(7, SECOND)
    first = upload.put(2, FIRST)
    upload.put(9, b"not used")
    assert refusal(lambda: s3.head_object(Bucket="data", Key="a"))[0] == 404
    answer = upload.complete([first, second])
    digests = hashlib.md5(FIRST).digest() + hashlib.md5(SECOND).digest()
    assert answer["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-2"'
    stored = s3.get_object(Bucket="data", Key="a")
    assert stored["Body"].read() == FIRST + SECOND
    assert (stored["ContentType"], stored["Metadata"], stored["TagCount"]) == ("text/x", {"m": "1"}, 1)
    across = s3.get_object(Bucket="data", Key="a", Range=f"bytes={5 * MIB - 2}-{5 * MIB + 1}")
    assert across["Body"].read() == FIRST[-2:] + SECOND[:2]
    assert len(server.blobs) == 2
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="data")
    s3.delete_object(Bucket="data", Key="a")
    assert server.blobs == []


def test_an_object_can_be_read_by_parts(s3: Any) -> None:
    upload = Upload(s3)
    upload.complete([upload.put(1, FIRST), upload.put(5, SECOND)])
    part = s3.get_object(Bucket="data", Key="a", PartNumber=5)
    assert (part["Body"].read(), part["PartsCount"]) == (SECOND, 2)
    assert part["ContentRange"] == f"bytes {5 * MIB}-{5 * MIB + 3}/{5 * MIB + 4}"
    assert s3.head_object(Bucket="data", Key="a", PartNumber=1)["ContentLength"] == 5 * MIB
    assert refusal(lambda: s3.get_object(Bucket="data", Key="a", PartNumber=2)) == (416, "InvalidPartNumber")
    both = {"PartNumber": 1, "Range": "bytes=0-1"}
    assert refusal(lambda: s3.get_object(Bucket="data", Key="a", **both)) == (400, "InvalidRequest")
    s3.put_object(Bucket="data", Key="b", Body=SECOND)
    assert s3.get_object(Bucket="data", Key="b", PartNumber=1)["Body"].read() == SECOND
    attributes = s3.get_object_attributes(Bucket="data", Key="a", ObjectAttributes=["ObjectParts"])
    assert attributes["ObjectParts"]["TotalPartsCount"] == 2
    assert [part["Size"] for part in attributes["ObjectParts"]["Parts"]] == [5 * MIB, 4]


def test_parts_are_listed_in_pages(s3: Any) -> None:
    upload = Upload(s3)
    parts = [upload.put(number, b"x" * number) for number in (3, 1, 2)]
    pages = list(s3.get_paginator("list_parts").paginate(**upload.where, PaginationConfig={"PageSize": 2}))
    found = [(part["PartNumber"], part["Size"]) for page in pages for part in page["Parts"]]
    assert found == [(1, 1), (2, 2), (3, 3)]
    assert {part["ETag"] for page in pages for part in page["Parts"]} == {part["ETag"] for part in parts}


def test_a_part_sent_again_replaces_the_first(server: Server, s3: Any) -> None:
    upload = Upload(s3)
    upload.put(1, b"old")
    new = upload.put(1, b"new")
    assert len(server.blobs) == 1
    upload.complete([new])
    assert s3.get_object(Bucket="data", Key="a")["Body"].read() == b"new"


def test_completing_again_gives_the_same_answer(s3: Any) -> None:
    upload = Upload(s3)
    part = upload.put(1, SECOND)
    assert upload.complete([part])["ETag"] == upload.complete([part])["ETag"]
    s3.put_object(Bucket="data", Key="a", Body=b"other")
    assert refusal(lambda: upload.complete([part])) == (404, "NoSuchUpload")


def test_wrong_lists_of_parts(s3: Any) -> None:
    upload = Upload(s3)
    small, tail = upload.put(1, b"small"), upload.put(2, SECOND)
    assert refusal(lambda: upload.complete([small, tail])) == (400, "EntityTooSmall")
    assert refusal(lambda: upload.complete([tail, small])) == (400, "InvalidPartOrder")
    assert refusal(lambda: upload.complete([tail, tail])) == (400, "InvalidPartOrder")
    assert refusal(lambda: upload.complete([{"PartNumber": 3, "ETag": "x"}])) == (400, "InvalidPart")
    assert refusal(lambda: upload.complete([{**tail, "ETag": '"x"'}])) == (400, "InvalidPart")
    assert refusal(lambda: upload.complete([])) == (400, "InvalidRequest")
    upload.complete([tail])


def test_wrong_parts_and_uploads(s3: Any) -> None:
    upload = Upload(s3)
    assert refusal(lambda: upload.put(0, b"x")) == (400, "InvalidPart")
    assert refusal(lambda: upload.put(10_001, b"x")) == (400, "InvalidArgument")
    upload.put(10_000, b"x")
    upload.where["UploadId"] = "nothing"
    assert refusal(lambda: upload.put(1, b"x")) == (404, "NoSuchUpload")
    assert refusal(lambda: upload.complete([{"PartNumber": 1, "ETag": "x"}])) == (404, "NoSuchUpload")
    assert refusal(lambda: s3.list_parts(**upload.where)) == (404, "NoSuchUpload")
    assert refusal(lambda: s3.create_multipart_upload(Bucket="nowhere", Key="a")) == (404, "NoSuchBucket")


def test_an_upload_belongs_to_its_key(s3: Any) -> None:
    upload = Upload(s3)
    upload.where["Key"] = "b"
    assert refusal(lambda: upload.put(1, b"x")) == (404, "NoSuchUpload")


def test_an_aborted_upload_leaves_nothing(server: Server, s3: Any) -> None:
    upload = Upload(s3)
    upload.put(1, FIRST)
    assert len(server.blobs) == 1
    s3.abort_multipart_upload(**upload.where)
    assert server.blobs == []
    assert refusal(lambda: s3.abort_multipart_upload(**upload.where)) == (404, "NoSuchUpload")
    assert refusal(lambda: upload.put(1, b"x")) == (404, "NoSuchUpload")


def test_completing_can_have_a_condition(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="a", Body=b"there")
    upload = Upload(s3)
    part = upload.put(1, SECOND)
    assert refusal(lambda: upload.complete([part], IfNoneMatch="*")) == (412, "PreconditionFailed")
    s3.delete_object(Bucket="data", Key="a")
    upload.complete([part], IfNoneMatch="*")


def test_parts_can_be_copied(server: Server, s3: Any) -> None:
    s3.put_object(Bucket="data", Key="source", Body=FIRST)
    upload = Upload(s3)

    def copy(number: int, source: str = "data/source", **options: Any) -> dict[str, Any]:
        answer = s3.upload_part_copy(**upload.where, PartNumber=number, CopySource=source, **options)
        return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}

    whole = copy(1)
    some = copy(2, CopySourceRange="bytes=1-4")
    wrong = "bytes=0-99999999"
    assert refusal(lambda: copy(3, CopySourceRange=wrong)) == (400, "InvalidArgument")
    assert refusal(lambda: copy(3, CopySourceRange="bytes=1-")) == (400, "InvalidArgument")
    assert refusal(lambda: copy(3, source="data/missing")) == (404, "NoSuchKey")
    assert refusal(lambda: copy(3, CopySourceIfMatch="x")) == (412, "PreconditionFailed")
    upload.complete([whole, some])
    assert s3.get_object(Bucket="data", Key="a")["Body"].read() == FIRST + FIRST[1:5]


def test_a_copy_of_a_multipart_object_has_a_plain_etag(s3: Any) -> None:
    upload = Upload(s3)
    upload.complete([upload.put(1, FIRST), upload.put(2, SECOND)])
    s3.copy_object(Bucket="data", Key="b", CopySource="data/a")
    copy = s3.get_object(Bucket="data", Key="b")
    assert copy["ETag"] == f'"{hashlib.md5(FIRST + SECOND).hexdigest()}"'
    assert copy["Body"].read() == FIRST + SECOND


@pytest.mark.parametrize("kind", ["COMPOSITE", "FULL_OBJECT"])
def test_checksums_of_parts_make_one_of_the_object(s3: Any, kind: str) -> None:
    upload = Upload(s3, ChecksumAlgorithm="CRC32", ChecksumType=kind)
    parts = [
        upload.put(1, FIRST, ChecksumAlgorithm="CRC32"),
        upload.put(2, SECOND, ChecksumAlgorithm="CRC32"),
    ]
    assert parts[0]["ChecksumCRC32"] == _crc32(FIRST)
    assert refusal(lambda: upload.complete([{**parts[0], "ChecksumCRC32": _crc32(b"")}])) == (
        400,
        "InvalidPart",
    )
    wrong = {"ChecksumCRC32": _crc32(b"")}
    assert refusal(lambda: upload.complete(parts, **wrong)) == (400, "XAmzContentChecksumMismatch")
    digests = zlib.crc32(FIRST).to_bytes(4, "big") + zlib.crc32(SECOND).to_bytes(4, "big")
    expected = f"{_crc32(digests)}-2" if kind == "COMPOSITE" else _crc32(FIRST + SECOND)
    answer = upload.complete(parts, ChecksumCRC32=expected)
    assert (answer["ChecksumCRC32"], answer["ChecksumType"]) == (expected, kind)
    head = s3.head_object(Bucket="data", Key="a", ChecksumMode="ENABLED")
    assert head["ChecksumCRC32"] == expected
    part = s3.head_object(Bucket="data", Key="a", PartNumber=2, ChecksumMode="ENABLED")
    assert part["ChecksumCRC32"] == _crc32(SECOND)
    assert s3.get_object(Bucket="data", Key="a", ChecksumMode="ENABLED")["Body"].read() == FIRST + SECOND


@pytest.mark.parametrize("algorithm", daily(["CRC32", "CRC32C", "CRC64NVME"], "CRC32", "CRC32C"))
def test_a_checksum_of_the_whole_follows_from_the_parts(s3: Any, algorithm: str) -> None:
    def value(data: bytes) -> dict[str, str]:
        hasher = checksums.new(algorithm)
        hasher.update(data)
        return {f"Checksum{algorithm}": checksums.encoded(hasher)}

    upload = Upload(s3, ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT")
    assert refusal(lambda: upload.put(1, SECOND, ChecksumSHA1="x" * 28)) == (400, "InvalidArgument")
    parts = [upload.put(1, FIRST, **value(FIRST)), upload.put(2, SECOND, **value(SECOND))]
    whole = value(FIRST + SECOND)
    answer = upload.complete(parts, **whole)
    assert {name: answer[name] for name in whole} == whole


def test_a_part_needs_the_checksum_its_upload_promised(s3: Any) -> None:
    upload = Upload(s3, ChecksumAlgorithm="SHA256")
    assert refusal(lambda: upload.put(1, SECOND, ChecksumAlgorithm="CRC32")) == (400, "InvalidRequest")
    s3.put_object(Bucket="data", Key="source", Body=SECOND)
    copied = s3.upload_part_copy(**upload.where, PartNumber=1, CopySource="data/source")["CopyPartResult"]
    expected = base64.b64encode(hashlib.sha256(SECOND).digest()).decode()
    assert copied["ChecksumSHA256"] == expected
    listed = s3.list_parts(**upload.where)
    assert (listed["ChecksumAlgorithm"], listed["Parts"][0]["ChecksumSHA256"]) == ("SHA256", expected)


def test_a_digest_cannot_cover_the_whole_of_an_upload(s3: Any) -> None:
    def start(algorithm: str, kind: str) -> Any:
        return s3.create_multipart_upload(
            Bucket="data", Key="a", ChecksumAlgorithm=algorithm, ChecksumType=kind
        )

    assert refusal(lambda: start("SHA256", "FULL_OBJECT")) == (400, "InvalidArgument")
    assert start("CRC64NVME", "FULL_OBJECT")["ChecksumType"] == "FULL_OBJECT"
    assert start("SHA1", "COMPOSITE")["ChecksumAlgorithm"] == "SHA1"


def test_transfers_of_boto3_in_parts(s3: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(FIRST + FIRST + FIRST + SECOND)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)
    s3.upload_file(str(source), "data", "folder/file", Config=config)
    assert s3.head_object(Bucket="data", Key="folder/file")["ETag"].endswith('-4"')
    s3.copy({"Bucket": "data", "Key": "folder/file"}, "data", "copy", Config=config)
    for key in ("folder/file", "copy"):
        target = tmp_path / "target"
        s3.download_file("data", key, str(target), Config=config)
        assert target.read_bytes() == source.read_bytes()
