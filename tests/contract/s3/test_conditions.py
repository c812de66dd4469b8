"""Writes with a condition, and what is refused of uploads in parts and of deletions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.s3.target import Target
from tests.local.objects.harness import refusal

FAILED = (412, "PreconditionFailed")
NO_KEY = (404, "NoSuchKey")
OTHER = '"0123456789abcdef0123456789abcdef"'


def _outcome(call: Any) -> Any:
    """Return None for a call that does its work, else its refusal."""
    from botocore.exceptions import ClientError

    try:
        call()
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    return None


def _upload(target: Target, key: str) -> dict[str, Any]:
    where = {"Bucket": target.bucket, "Key": key}
    where["UploadId"] = target.client.create_multipart_upload(**where)["UploadId"]
    part = target.client.upload_part(**where, PartNumber=1, Body=b"new")
    return {**where, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}}


CASES = [
    # What is there, the condition (E: the ETag of what is there), what happens.
    ("old", {"IfNoneMatch": "*"}, FAILED),
    ("old", {"IfNoneMatch": "E"}, FAILED),
    ("old", {"IfNoneMatch": OTHER}, None),
    ("old", {"IfMatch": "*"}, None),
    ("old", {"IfMatch": "E"}, None),
    ("old", {"IfMatch": OTHER}, FAILED),
    ("old", {"IfMatch": "E", "IfNoneMatch": "E"}, FAILED),
    ("old", {"IfMatch": "E", "IfNoneMatch": OTHER}, None),
    (None, {"IfNoneMatch": "*"}, None),
    (None, {"IfNoneMatch": OTHER}, None),
    (None, {"IfMatch": "*"}, NO_KEY),
    (None, {"IfMatch": OTHER}, NO_KEY),
]


@pytest.mark.parametrize(("content", "condition", "expected"), CASES)
@pytest.mark.parametrize("way", ["put", "parts"])
def test_writes_with_a_condition(
    target: Target, way: str, content: str | None, condition: dict[str, str], expected: Any
) -> None:
    etag = OTHER
    if content is not None:
        etag = target.client.put_object(Bucket=target.bucket, Key="a", Body=content.encode())["ETag"]
    named = {name: etag if value == "E" else value for name, value in condition.items()}
    if way == "put":
        found = _outcome(
            lambda: target.client.put_object(Bucket=target.bucket, Key="a", Body=b"new", **named)
        )
    else:
        upload = _upload(target, "a")
        found = _outcome(lambda: target.client.complete_multipart_upload(**upload, **named))
    assert found == expected
    stored = target.content("a") if target.keys() else None
    assert stored == (b"new" if expected is None else content and content.encode())


@pytest.mark.parametrize(
    ("written", "equal"),
    [
        ("{etag}", True),
        ('"{etag}"', True),
        ('W/"{etag}"', False),
        ('""', False),
        ('"*"', False),
        ("**", False),
    ],
)
def test_how_an_etag_is_written(target: Target, written: str, equal: bool) -> None:
    etag = target.client.put_object(Bucket=target.bucket, Key="a", Body=b"old")["ETag"].strip('"')
    match = {"If-Match": written.format(etag=etag)}
    expected = (200, "") if equal else FAILED
    assert target.send("GET", "/a", b"", match).refusal == expected
    assert target.send("PUT", "/a", b"old", match).refusal == expected


def test_an_empty_condition_is_none(target: Target) -> None:
    target.client.put_object(Bucket=target.bucket, Key="a", Body=b"old")
    for name in ("If-Match", "If-None-Match"):
        assert target.send("GET", "/a", b"", {name: ""}).body == b"old"
        assert target.send("PUT", "/a", b"old", {name: ""}).refusal == (200, "")


def test_an_upload_in_parts_goes_on_after_a_condition_that_failed(target: Target) -> None:
    target.client.put_object(Bucket=target.bucket, Key="a", Body=b"old")
    upload = _upload(target, "a")
    assert refusal(lambda: target.client.complete_multipart_upload(**upload, IfNoneMatch="*")) == FAILED
    target.client.complete_multipart_upload(**upload)
    assert target.content("a") == b"new"


def test_conditions_without_a_bucket(target: Target) -> None:
    missing = {"Bucket": "no-such-bucket-here", "Key": "a", "Body": b""}
    for condition in ({"IfMatch": OTHER}, {"IfNoneMatch": "*"}):
        call = _outcome(lambda named=condition: target.client.put_object(**missing, **named))
        assert call == (404, "NoSuchBucket")


def test_uploads_that_do_not_exist(target: Target) -> None:
    where = {"Bucket": target.bucket, "Key": "a", "UploadId": "56788"}
    no_upload = (404, "NoSuchUpload")
    client = target.client
    parts = {"Parts": [{"PartNumber": 1, "ETag": OTHER}]}
    assert refusal(lambda: client.complete_multipart_upload(**where, MultipartUpload=parts)) == no_upload
    assert refusal(lambda: client.upload_part(**where, PartNumber=1, Body=b"")) == no_upload
    assert refusal(lambda: client.list_parts(**where)) == no_upload
    assert _outcome(lambda: client.abort_multipart_upload(**where)) == no_upload


def test_an_upload_is_aborted_once(target: Target) -> None:
    where = {"Bucket": target.bucket, "Key": "a"}
    where["UploadId"] = target.client.create_multipart_upload(**where)["UploadId"]
    target.client.abort_multipart_upload(**where)
    again = _outcome(lambda: target.client.abort_multipart_upload(**where))
    # As AWS; to MinIO an upload that may once have been there is done with.
    assert again == {"local": (404, "NoSuchUpload"), "minio": None}[target.name]
    elsewhere = {"Bucket": "no-such-bucket-here", "Key": "a", "UploadId": where["UploadId"]}
    assert refusal(lambda: target.client.abort_multipart_upload(**elsewhere)) == (404, "NoSuchBucket")


@pytest.mark.parametrize(("count", "expected"), [(1000, None), (1001, (400, "MalformedXML"))])
def test_most_keys_of_one_deletion(target: Target, count: int, expected: Any) -> None:
    target.client.put_object(Bucket=target.bucket, Key="k0", Body=b"")
    objects = [{"Key": f"k{number}"} for number in range(count)]
    call = _outcome(lambda: target.client.delete_objects(Bucket=target.bucket, Delete={"Objects": objects}))
    assert call == expected
    assert target.keys() == ([] if expected is None else ["k0"])


def test_a_deletion_of_nothing(target: Target) -> None:
    body = b"<Delete></Delete>"
    import base64
    import hashlib

    md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
    answer = target.send("POST", "?delete", body, {"Content-MD5": md5})
    assert answer.refusal == (400, "MalformedXML")
