"""Copies within the store."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timezone
from typing import Any

from tests.local.objects.harness import Server, refusal

BODY = b"The quick brown fox\n"
ETAG = f'"{hashlib.md5(BODY).hexdigest()}"'
PAST = datetime(2001, 1, 1, tzinfo=timezone.utc)


def test_a_copy_takes_everything_along(server: Server, s3: Any) -> None:
    s3.put_object(
        Bucket="data", Key="a", Body=BODY, ContentType="text/x", Metadata={"m": "1"}, Tagging="t=1&u=2"
    )
    answer = s3.copy_object(Bucket="data", Key="b", CopySource="data/a")
    assert answer["CopyObjectResult"]["ETag"] == ETAG
    s3.delete_object(Bucket="data", Key="a")
    copy = s3.get_object(Bucket="data", Key="b")
    assert (copy["Body"].read(), copy["ContentType"], copy["Metadata"]) == (BODY, "text/x", {"m": "1"})
    assert copy["TagCount"] == 2
    assert len(server.blobs) == 1


def test_a_copy_can_be_given_new_attributes(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="a", Body=BODY, ContentType="text/x", Metadata={"m": "1"}, Tagging="t=1")
    s3.copy_object(
        Bucket="data",
        Key="a",
        CopySource="/data/a",
        MetadataDirective="REPLACE",
        ContentType="text/y",
        Metadata={"n": "2"},
        TaggingDirective="REPLACE",
        Tagging="u=2",
    )
    copy = s3.get_object(Bucket="data", Key="a")
    assert (copy["Body"].read(), copy["ContentType"], copy["Metadata"]) == (BODY, "text/y", {"n": "2"})
    tags = s3.get_object_tagging(Bucket="data", Key="a")["TagSet"]
    assert tags == [{"Key": "u", "Value": "2"}]


def test_a_copy_can_be_refused(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="a", Body=BODY)

    def copy(source: str = "data/a", key: str = "b", **more: Any) -> tuple[int, str]:
        return refusal(lambda: s3.copy_object(Bucket="data", Key=key, CopySource=source, **more))

    assert copy(key="a") == (400, "InvalidRequest")
    assert copy("data/missing") == (404, "NoSuchKey")
    assert copy("nowhere/a") == (404, "NoSuchBucket")
    assert copy("data") == (400, "InvalidArgument")
    assert copy("data/a?versionId=x") == (404, "NoSuchVersion")
    assert copy(MetadataDirective="KEEP") == (400, "InvalidArgument")
    assert copy(CopySourceIfMatch='"x"') == (412, "PreconditionFailed")
    assert copy(CopySourceIfNoneMatch=ETAG) == (412, "PreconditionFailed")
    assert copy(CopySourceIfUnmodifiedSince=PAST) == (412, "PreconditionFailed")
    assert copy(CopySourceIfModifiedSince=datetime(2100, 1, 1)) == (412, "PreconditionFailed")
    assert refusal(lambda: s3.head_object(Bucket="data", Key="b"))[0] == 404


def test_a_copy_can_be_given_a_checksum(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="a", Body=BODY)
    answer = s3.copy_object(Bucket="data", Key="b", CopySource="data/a", ChecksumAlgorithm="SHA256")
    expected = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    assert answer["CopyObjectResult"]["ChecksumSHA256"] == expected
    assert s3.get_object(Bucket="data", Key="b")["Body"].read() == BODY
