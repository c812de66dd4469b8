"""Single objects through boto3: put, get, head, copy, delete, tags and what goes with them."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.objects.harness import Server, refusal

BODY = b"The quick brown fox\n"
ETAG = f'"{hashlib.md5(BODY).hexdigest()}"'
PAST = datetime(2001, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "key",
    [
        "a",
        "a/b",
        "folder/",
        "a//b",
        "%41",
        "%",
        "100%25",
        "a b+c",
        "...",
        "..a/b..",
        ".hidden",
        "grüße/日本語/🙂",
        "q?x=y&z#f;g",
        "tab\tnew\nline",
        "'\"<>&",
        "/".join(["x" * 255] * 4),
        "é" * 127,
    ],
)
def test_any_text_can_name_an_object(server: Server, s3: Any, key: str) -> None:
    s3.put_object(Bucket="data", Key=key, Body=BODY)
    assert s3.get_object(Bucket="data", Key=key)["Body"].read() == BODY
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="data")["Contents"]] == [key]
    s3.copy_object(Bucket="data", Key="copy", CopySource={"Bucket": "data", "Key": key})
    deleted = s3.delete_objects(Bucket="data", Delete={"Objects": [{"Key": key}, {"Key": "copy"}]})
    assert [item["Key"] for item in deleted["Deleted"]] == [key, "copy"]
    assert server.blobs == []


@pytest.mark.parametrize(
    "key", ["..", ".", "../../etc/passwd", "./x", "a/./b", "a/../b", "a/..", "a/ ../b", "a\\..\\b"]
)
def test_no_segment_of_a_key_is_a_dot_or_two(s3: Any, key: str) -> None:
    bad = (400, "XMinioInvalidResourceName")
    s3.put_object(Bucket="data", Key="source", Body=BODY)
    assert refusal(lambda: s3.put_object(Bucket="data", Key=key, Body=BODY)) == bad
    assert refusal(lambda: s3.get_object(Bucket="data", Key=key)) == bad
    assert refusal(lambda: s3.create_multipart_upload(Bucket="data", Key=key)) == bad
    assert refusal(lambda: s3.delete_object(Bucket="data", Key=key)) == bad
    assert refusal(lambda: s3.copy_object(Bucket="data", Key=key, CopySource="data/source")) == bad
    assert refusal(lambda: s3.list_objects_v2(Bucket="data", Prefix=key)) == bad
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="data", Delimiter="..")["Contents"]] == [
        "source"
    ]


def test_keys_that_share_a_beginning_live_side_by_side(s3: Any) -> None:
    keys = ["a", "a/", "a/b", "a/b/", "a/b/c", "A", "a "]
    for key in keys:
        s3.put_object(Bucket="data", Key=key, Body=key.encode())
    assert [s3.get_object(Bucket="data", Key=key)["Body"].read().decode() for key in keys] == keys


@pytest.mark.parametrize(("key", "code"), [("x" * 1025, "KeyTooLongError"), ("é" * 513, "KeyTooLongError")])
def test_a_key_has_a_longest_length(s3: Any, key: str, code: str) -> None:
    assert refusal(lambda: s3.put_object(Bucket="data", Key=key)) == (400, code)


def test_what_was_said_about_an_object_is_kept(s3: Any) -> None:
    said = {
        "ContentType": "text/plain; charset=utf-8",
        "ContentEncoding": "gzip",
        "ContentDisposition": 'attachment; filename="x.txt"',
        "ContentLanguage": "de",
        "CacheControl": "no-cache",
        "Metadata": {"camera": "X 100", "empty": "", "under_score": "1"},
    }
    expires = datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    put = s3.put_object(Bucket="data", Key="a", Body=BODY, Expires=expires, **said)
    assert put["ETag"] == ETAG
    for answer in (s3.head_object(Bucket="data", Key="a"), s3.get_object(Bucket="data", Key="a")):
        assert {name: answer[name] for name in said} == said
        assert answer["ExpiresString"] == "Wed, 02 Jan 2030 03:04:05 GMT"
        assert (answer["ETag"], answer["ContentLength"], answer["AcceptRanges"]) == (ETAG, len(BODY), "bytes")
        assert abs(answer["LastModified"] - datetime.now(timezone.utc)) < timedelta(minutes=1)


def test_an_object_without_a_type_gets_the_one_minio_gives(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="a.txt", Body=BODY)
    assert s3.head_object(Bucket="data", Key="a.txt")["ContentType"] == "binary/octet-stream"


def test_a_reader_may_ask_for_other_headers(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="a", Body=BODY, ContentType="text/plain")
    answer = s3.get_object(
        Bucket="data",
        Key="a",
        ResponseContentType="image/png",
        ResponseContentDisposition="attachment; filename=grüße\r\nSet-Cookie: x",
        ResponseCacheControl="private",
        ResponseContentLanguage="fr",
        ResponseContentEncoding="br",
    )
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert answer["ContentType"] == "image/png"
    assert headers["content-disposition"].encode("latin-1").decode() == (
        "attachment; filename=grüße  Set-Cookie: x"
    )
    assert "set-cookie" not in headers
    assert (answer["CacheControl"], answer["ContentLanguage"], answer["ContentEncoding"]) == (
        "private",
        "fr",
        "br",
    )


def test_missing_things_are_told_apart(s3: Any) -> None:
    assert refusal(lambda: s3.get_object(Bucket="data", Key="a")) == (404, "NoSuchKey")
    assert refusal(lambda: s3.head_object(Bucket="data", Key="a")) == (404, "404")
    assert refusal(lambda: s3.get_object(Bucket="nowhere", Key="a")) == (404, "NoSuchBucket")
    assert refusal(lambda: s3.put_object(Bucket="nowhere", Key="a", Body=BODY)) == (404, "NoSuchBucket")
    assert refusal(lambda: s3.delete_object(Bucket="nowhere", Key="a")) == (404, "NoSuchBucket")
    s3.delete_object(Bucket="data", Key="a")


def test_a_version_other_than_null_does_not_exist(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="a", Body=BODY)
    assert s3.get_object(Bucket="data", Key="a", VersionId="null")["ETag"] == ETAG
    other = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
    assert refusal(lambda: s3.get_object(Bucket="data", Key="a", VersionId=other)) == (404, "NoSuchVersion")
    assert refusal(lambda: s3.get_object(Bucket="data", Key="a", VersionId="x")) == (400, "InvalidArgument")
    s3.delete_object(Bucket="data", Key="a", VersionId=other)
    assert s3.head_object(Bucket="data", Key="a")["ETag"] == ETAG
    s3.delete_object(Bucket="data", Key="a", VersionId="null")
    assert refusal(lambda: s3.get_object(Bucket="data", Key="a")) == (404, "NoSuchKey")


def test_replacing_an_object_leaves_one_blob(server: Server, s3: Any) -> None:
    for body in (BODY, b"", b"second", b"third"):
        s3.put_object(Bucket="data", Key="a", Body=body)
    assert s3.get_object(Bucket="data", Key="a")["Body"].read() == b"third"
    assert len(server.blobs) == 1
    s3.delete_object(Bucket="data", Key="a")
    assert server.blobs == []


def test_many_are_deleted_in_one_request(s3: Any) -> None:
    for key in ("a", "b", "c"):
        s3.put_object(Bucket="data", Key=key)
    objects = [{"Key": "a"}, {"Key": "missing"}]
    answer = s3.delete_objects(Bucket="data", Delete={"Objects": objects})
    assert [item["Key"] for item in answer["Deleted"]] == ["a", "missing"]
    quiet = s3.delete_objects(Bucket="data", Delete={"Objects": [{"Key": "b"}], "Quiet": True})
    assert "Deleted" not in quiet
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="data")["Contents"]] == ["c"]
    too_many = {"Objects": [{"Key": str(number)} for number in range(1001)]}
    assert refusal(lambda: s3.delete_objects(Bucket="data", Delete=too_many)) == (400, "MalformedXML")


# -- ranges ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-3", 0, 3),
        ("bytes=4-", 4, 19),
        ("bytes=-5", 15, 19),
        ("bytes=18-999", 18, 19),
        ("bytes=-99", 0, 19),
    ],
)
def test_a_range_gives_just_these_bytes(s3: Any, asked: str, first: int, last: int) -> None:
    s3.put_object(Bucket="data", Key="a", Body=BODY)
    answer = s3.get_object(Bucket="data", Key="a", Range=asked)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert answer["ContentRange"] == f"bytes {first}-{last}/20"
    assert answer["Body"].read() == BODY[first : last + 1]
    assert s3.head_object(Bucket="data", Key="a", Range=asked)["ContentLength"] == last + 1 - first


@pytest.mark.parametrize("asked", ["bytes=20-", "bytes=-0", "bytes=5-3"])
def test_a_range_beyond_the_end_is_416(s3: Any, asked: str) -> None:
    s3.put_object(Bucket="data", Key="a", Body=BODY)
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket="data", Key="a", Range=asked)
    response = caught.value.response
    assert (response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]) == (
        416,
        "InvalidRange",
    )
    assert response["Error"]["ActualObjectSize"] == "20"
    assert response["ResponseMetadata"]["HTTPHeaders"]["content-range"] == "bytes */20"


@pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "lines=1-2", "bytes=x-y", "bytes=-"])
def test_a_range_that_cannot_be_served_gives_everything(s3: Any, asked: str) -> None:
    s3.put_object(Bucket="data", Key="a", Body=BODY)
    answer = s3.get_object(Bucket="data", Key="a", Range=asked)
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Body"].read()) == (200, BODY)


def test_an_empty_object_has_no_ranges(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="a")
    assert s3.get_object(Bucket="data", Key="a")["Body"].read() == b""
    assert refusal(lambda: s3.get_object(Bucket="data", Key="a", Range="bytes=0-")) == (416, "InvalidRange")


# -- conditions ------------------------------------------------------------------------------------------


def test_conditional_reading(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="a", Body=BODY)
    future = datetime.now(timezone.utc) + timedelta(days=1)
    same = {"Bucket": "data", "Key": "a"}
    for operation in (s3.get_object, s3.head_object):
        for passing in (
            {"IfMatch": ETAG},
            {"IfMatch": "*"},
            {"IfMatch": f'"x", {ETAG}'},
            {"IfNoneMatch": '"x"'},
            {"IfModifiedSince": PAST},
            {"IfUnmodifiedSince": future},
            {"IfMatch": ETAG, "IfUnmodifiedSince": PAST},
        ):
            assert operation(**same, **passing)["ETag"] == ETAG
        for unchanged in ({"IfNoneMatch": ETAG}, {"IfNoneMatch": "*"}, {"IfModifiedSince": future}):
            assert refusal(lambda op=operation, c=unchanged: op(**same, **c))[0] == 304  # type: ignore[misc]
        for failing in ({"IfMatch": '"x"'}, {"IfUnmodifiedSince": PAST}):
            assert refusal(lambda op=operation, c=failing: op(**same, **c))[0] == 412  # type: ignore[misc]


def test_conditional_writing(server: Server, s3: Any) -> None:
    def put(body: bytes, **condition: str) -> Any:
        return s3.put_object(Bucket="data", Key="a", Body=body, **condition)

    assert refusal(lambda: put(BODY, IfMatch=ETAG)) == (404, "NoSuchKey")
    put(BODY, IfNoneMatch="*")
    assert refusal(lambda: put(b"other", IfNoneMatch="*")) == (412, "PreconditionFailed")
    assert refusal(lambda: put(b"other", IfMatch='"x"')) == (412, "PreconditionFailed")
    assert s3.get_object(Bucket="data", Key="a")["Body"].read() == BODY
    put(b"other", IfMatch=ETAG)
    assert refusal(lambda: s3.delete_object(Bucket="data", Key="a", IfMatch=ETAG))[0] == 412
    s3.delete_object(Bucket="data", Key="a", IfMatch=f'"{hashlib.md5(b"other").hexdigest()}"')
    assert server.blobs == []


# -- tags, limits, what is not there ---------------------------------------------------------------------


def test_tags_of_an_object(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="a", Body=BODY, Tagging="a=1&b=%C3%A9")
    wanted = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "é"}]
    assert s3.get_object_tagging(Bucket="data", Key="a")["TagSet"] == wanted
    s3.put_object_tagging(Bucket="data", Key="a", Tagging={"TagSet": wanted[:1]})
    assert s3.get_object_tagging(Bucket="data", Key="a")["TagSet"] == wanted[:1]
    assert s3.get_object(Bucket="data", Key="a")["TagCount"] == 1
    s3.delete_object_tagging(Bucket="data", Key="a")
    assert s3.get_object_tagging(Bucket="data", Key="a")["TagSet"] == []
    assert refusal(lambda: s3.get_object_tagging(Bucket="data", Key="b")) == (404, "NoSuchKey")
    many = {"TagSet": [{"Key": str(number), "Value": ""} for number in range(11)]}
    assert refusal(lambda: s3.put_object_tagging(Bucket="data", Key="a", Tagging=many)) == (400, "BadRequest")
    assert refusal(lambda: s3.put_object(Bucket="data", Key="a", Tagging="a=1&a=2")) == (400, "InvalidTag")


def test_metadata_has_a_limit(s3: Any) -> None:
    call = lambda: s3.put_object(Bucket="data", Key="a", Metadata={"big": "x" * 2048})  # noqa: E731
    assert refusal(call) == (400, "MetadataTooLarge")


def test_protection_that_cannot_be_given_is_refused(s3: Any) -> None:
    def put(**more: Any) -> tuple[int, str]:
        return refusal(lambda: s3.put_object(Bucket="data", Key="a", Body=BODY, **more))

    assert put(StorageClass="GLACIER") == (400, "InvalidStorageClass")
    assert put(ServerSideEncryption="AES256") == (501, "NotImplemented")
    assert put(ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=PAST) == (501, "NotImplemented")
    s3.put_object(Bucket="data", Key="a", Body=BODY, StorageClass="STANDARD")
    assert refusal(lambda: s3.get_object_retention(Bucket="data", Key="a")) == (400, "InvalidRequest")
    assert refusal(lambda: s3.get_object_torrent(Bucket="data", Key="a")) == (501, "NotImplemented")


def test_attributes_of_an_object(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="a", Body=BODY, ChecksumAlgorithm="SHA1")
    wanted = ["ETag", "ObjectSize", "Checksum", "StorageClass"]
    answer = s3.get_object_attributes(Bucket="data", Key="a", ObjectAttributes=wanted)
    assert (answer["ETag"], answer["ObjectSize"]) == (ETAG.strip('"'), 20)
    assert answer["Checksum"]["ChecksumType"] == "FULL_OBJECT"
    assert s3.get_object_acl(Bucket="data", Key="a")["Owner"]["DisplayName"] == "minio"
