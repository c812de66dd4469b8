"""Slashes at the front of a key are none of its: one object has one name, whoever asks for it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.s3.forms import encoded, send_form, signed_fields
from tests.contract.s3.target import Target

BAD_NAME = (400, "XMinioInvalidObjectName")


def refusal(call: Any) -> tuple[int, str] | None:
    """Status and code of what a call was refused with."""
    try:
        call()
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    return None


@pytest.mark.parametrize(
    ("sent", "stored"),
    [("/lead.txt", "lead.txt"), ("//two", "two"), ("/in/", "in/"), ("///z//", "z/"), ("/a//b", "a/b")],
)
def test_an_object_is_stored_and_found_without_its_leading_slashes(
    target: Target, sent: str, stored: str
) -> None:
    body = b"" if sent.endswith("/") else b"hello"
    target.client.put_object(Bucket=target.bucket, Key=sent, Body=body)
    assert target.keys() == [stored]
    for key in (stored, sent, f"/{stored}"):
        assert target.content(key) == body, key
    tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
    target.client.put_object_tagging(Bucket=target.bucket, Key=sent, Tagging=tags)
    found = target.client.get_object_tagging(Bucket=target.bucket, Key=stored)
    assert found["TagSet"] == tags["TagSet"]
    target.client.delete_object(Bucket=target.bucket, Key=sent)
    assert target.keys() == []


@pytest.mark.parametrize("key", ["/", "//"])
def test_slashes_alone_are_no_key_and_never_the_bucket(target: Target, key: str) -> None:
    client, bucket = target.client, target.bucket
    client.put_object(Bucket=bucket, Key="kept", Body=b"")
    assert refusal(lambda: client.put_object(Bucket=bucket, Key=key, Body=b"")) == BAD_NAME
    # MinIO takes two slashes for one and finds nothing of that name.
    assert refusal(lambda: client.get_object(Bucket=bucket, Key=key)) in (BAD_NAME, (404, "NoSuchKey"))
    # To delete what is not there is no failure at MinIO, where two slashes are taken for one.
    assert target.send("DELETE", f"/{key}").status in (204, 400)
    assert target.keys() == ["kept"]


def test_copies_parts_forms_and_deletions_of_many_take_keys_alike(target: Target) -> None:
    client, bucket = target.client, target.bucket
    client.put_object(Bucket=bucket, Key="/a", Body=b"hello")
    client.copy_object(Bucket=bucket, Key="/copy", CopySource=f"{bucket}//a")
    to_itself = {"Bucket": bucket, "Key": "/a", "CopySource": f"{bucket}/a"}
    assert refusal(lambda: client.copy_object(**to_itself)) == (400, "InvalidRequest")
    upload = client.create_multipart_upload(Bucket=bucket, Key="/parts")
    assert upload["Key"] == "parts"
    named = {"Bucket": bucket, "UploadId": upload["UploadId"]}
    etag = client.upload_part(**named, Key="parts", PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    assert client.complete_multipart_upload(**named, Key="//parts", MultipartUpload=parts)["Key"] == "parts"
    assert target.keys() == ["a", "copy", "parts"]
    to_delete = [{"Key": "/copy"}, {"Key": "//parts"}]
    answer = client.delete_objects(Bucket=bucket, Delete={"Objects": to_delete})
    assert [item["Key"] for item in answer["Deleted"]] == ["copy", "parts"]
    assert target.keys() == ["a"]


def test_the_policy_of_a_form_is_about_the_key_as_it_is_sent(target: Target) -> None:
    fields = signed_fields(target, [{"key": "/form"}], {"key": "/form"})
    assert send_form(target, encoded(fields, b"hello")).status == 204
    assert target.content("form") == b"hello"
