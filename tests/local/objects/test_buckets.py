"""Buckets through boto3."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.objects.harness import Server, refusal


def test_a_bucket_can_be_made_seen_and_removed(server: Server, s3: Any) -> None:
    assert s3.create_bucket(Bucket="pictures")["Location"] == "/pictures"
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["data", "pictures"]
    s3.head_bucket(Bucket="pictures")
    s3.delete_bucket(Bucket="pictures")
    assert refusal(lambda: s3.head_bucket(Bucket="pictures")) == (404, "404")
    assert refusal(lambda: s3.delete_bucket(Bucket="pictures")) == (404, "NoSuchBucket")


def test_a_bucket_cannot_be_made_twice(s3: Any) -> None:
    assert refusal(lambda: s3.create_bucket(Bucket="data")) == (409, "BucketAlreadyOwnedByYou")


@pytest.mark.parametrize(
    "name", ["ab", "Data", "da_ta", "-data", "data.", "da..ta", "127.0.0.1", "minio", "x" * 64]
)
def test_a_bucket_needs_a_proper_name(s3: Any, name: str) -> None:
    assert refusal(lambda: s3.create_bucket(Bucket=name)) == (400, "InvalidBucketName")


def test_a_location_is_accepted_and_the_usual_one_reported(s3: Any) -> None:
    s3.create_bucket(Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert s3.get_bucket_location(Bucket="far")["LocationConstraint"] is None


def test_a_bucket_with_objects_stays(server: Server, s3: Any) -> None:
    s3.put_object(Bucket="data", Key="a")
    assert refusal(lambda: s3.delete_bucket(Bucket="data")) == (409, "BucketNotEmpty")
    s3.delete_object(Bucket="data", Key="a")
    s3.create_multipart_upload(Bucket="data", Key="b")
    s3.delete_bucket(Bucket="data")
    assert server.store.bucket("data") is None


def test_tags_of_a_bucket(s3: Any) -> None:
    assert refusal(lambda: s3.get_bucket_tagging(Bucket="data")) == (404, "NoSuchTagSet")
    tags = [{"Key": "owner", "Value": "me & you"}, {"Key": "from_service", "Value": "<x>"}]
    s3.put_bucket_tagging(Bucket="data", Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket="data")["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket="data")
    assert refusal(lambda: s3.get_bucket_tagging(Bucket="data")) == (404, "NoSuchTagSet")
    twice = {"TagSet": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}
    assert refusal(lambda: s3.put_bucket_tagging(Bucket="data", Tagging=twice)) == (400, "InvalidTag")


def test_settings_that_do_not_exist_are_answered_as_unset(s3: Any) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket="data")
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket="data")
    assert s3.get_bucket_acl(Bucket="data")["Grants"][0]["Permission"] == "FULL_CONTROL"
    assert s3.get_bucket_request_payment(Bucket="data")["Payer"] == "BucketOwner"
    s3.get_bucket_logging(Bucket="data")
    s3.get_bucket_accelerate_configuration(Bucket="data")


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("get_bucket_policy", "NoSuchBucketPolicy"),
        ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
        ("get_bucket_cors", "NoSuchCORSConfiguration"),
        ("get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError"),
        ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"),
        ("get_bucket_website", "NoSuchWebsiteConfiguration"),
        ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
    ],
)
def test_settings_that_were_never_made(s3: Any, operation: str, code: str) -> None:
    assert refusal(lambda: getattr(s3, operation)(Bucket="data")) == (404, code)
    assert refusal(lambda: getattr(s3, operation)(Bucket="nowhere")) == (404, "NoSuchBucket")


def test_what_is_not_there_is_refused_and_never_ignored(s3: Any) -> None:
    enabled = {"Status": "Enabled"}
    rule = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
    calls = [
        lambda: s3.put_bucket_versioning(Bucket="data", VersioningConfiguration=enabled),
        lambda: s3.put_bucket_cors(Bucket="data", CORSConfiguration=rule),
        lambda: s3.put_bucket_policy(Bucket="data", Policy="{}"),
        lambda: s3.put_bucket_acl(Bucket="data", ACL="public-read"),
        lambda: s3.put_bucket_notification_configuration(Bucket="data", NotificationConfiguration={}),
        lambda: s3.get_public_access_block(Bucket="data"),
        lambda: s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True),
    ]
    for call in calls:
        assert refusal(call) == (501, "NotImplemented")
    s3.put_bucket_acl(Bucket="data", ACL="private")
    s3.put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Suspended"})
    s3.delete_bucket_policy(Bucket="data")
