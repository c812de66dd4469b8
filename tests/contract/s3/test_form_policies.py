"""Uploads by form that are refused: by their policy, by their signature, or for what they are."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.s3.forms import (
    BOUNDARY,
    DENIED,
    KEY,
    KEY_CONDITION,
    MALFORMED,
    encoded,
    post_form,
    send_form,
    signed_fields,
)
from tests.contract.s3.target import Target
from tests.local.objects.harness import boto_client
from tests.local.objects.raw import send
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY


@pytest.mark.parametrize(
    ("conditions", "fields"),
    [
        ([{"acl": "private"}], {"acl": "public-read"}),
        ([{"acl": "private"}], {}),
        ([["starts-with", "$Content-Type", "image/"]], {"Content-Type": "text/html"}),
        (
            [["starts-with", "$success_action_redirect", "http://good/"]],
            {"success_action_redirect": "http://evil/"},
        ),
        ([{"x-amz-meta-note": "green"}], {"x-amz-meta-note": "red"}),
        ([["starts-with", "$bucket", ""]], {}),
        ([], {"Content-Type": "text/html"}),
        ([], {"x-amz-meta-note": "green"}),
        ([{"key": "other"}], {}),
        ([["eq", "$key", "up/"]], {}),
    ],
)
def test_fields_that_break_the_policy(target: Target, conditions: list[Any], fields: dict[str, str]) -> None:
    pairs = signed_fields(target, [KEY_CONDITION, *conditions], {**KEY, **fields})
    assert send_form(target, encoded(pairs, b"hello")).refusal == DENIED
    assert target.keys() == []


def test_the_policy_ends_and_is_for_its_bucket_and_keys(target: Target) -> None:
    late = signed_fields(target, [KEY_CONDITION], KEY, seconds=-5)
    answer = send_form(target, encoded(late, b"hello"))
    assert (answer.refusal, b"Policy expired" in answer.body) == (DENIED, True)
    assert post_form(target, key="elsewhere/a.txt").refusal == DENIED
    other = f"{target.bucket}-other"
    target.client.create_bucket(Bucket=other)
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    body = encoded(signed_fields(target, [KEY_CONDITION], KEY), b"hello")
    assert send(target.port, "POST", f"/{other}", headers, body).refusal == DENIED
    doubled = [*signed_fields(target, [KEY_CONDITION], KEY), ("key", "up/b.txt")]
    assert send_form(target, encoded(doubled, b"hello")).refusal == DENIED
    assert target.keys() == []


@pytest.mark.parametrize(
    ("size", "least", "most", "refusal"),
    [
        (5, 5, 5, None),
        (5, "5", "5", None),
        (4, 5, 9, (400, "EntityTooSmall")),
        (10, 5, 9, (400, "EntityTooLarge")),
        (300_000, 0, 299_999, (400, "EntityTooLarge")),
        (0, 1, 9, (400, "EntityTooSmall")),
        (0, -1, 0, None),
    ],
)
def test_the_range_of_lengths(
    target: Target, size: int, least: Any, most: Any, refusal: tuple[int, str] | None
) -> None:
    answer = post_form(target, ["content-length-range", least, most], data=b"x" * size)
    assert (answer.refusal if answer.code else None) == refusal
    assert (target.keys() == []) == (refusal is not None)


def test_who_signed_the_form(target: Target) -> None:
    mismatch = (403, "SignatureDoesNotMatch")
    wrong = signed_fields(target, [KEY_CONDITION], KEY, secret="wrong")
    assert send_form(target, encoded(wrong, b"hello")).refusal == mismatch
    good = signed_fields(target, [KEY_CONDITION], KEY)
    other = [(name, value.replace(ACCESS_KEY, "nobody")) for name, value in good]
    assert send_form(target, encoded(other, b"hello")).refusal == (403, "InvalidAccessKeyId")
    changed = [(name, f"{value}AAAA" if name == "policy" else value) for name, value in good]
    assert send_form(target, encoded(changed, b"hello")).refusal == mismatch
    nobody = [(name, value) for name, value in good if not name.startswith("x-amz")]
    assert send_form(target, encoded(nobody, b"hello")).status in (400, 403)
    assert send_form(target, encoded(list(KEY.items()), b"hello")).status in (400, 403)
    assert target.keys() == []


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"conditions": []},
        {"expiration": "soon", "conditions": []},
        {"expiration": "2100-01-01T00:00:00Z", "conditions": [["eq", "key", "a"]]},
        {"expiration": "2100-01-01T00:00:00Z", "conditions": [["like", "$key", "a"]]},
        {"expiration": "2100-01-01T00:00:00Z", "conditions": [["eq", "$key"]]},
        {"expiration": "2100-01-01T00:00:00Z", "conditions": [{"key": 1}]},
        {"expiration": "2100-01-01T00:00:00Z", "conditions": ["key"]},
        {"expiration": "2100-01-01T00:00:00Z", "conditions": [["content-length-range", 0]]},
        {"expiration": 4102444800, "conditions": []},
        {"expiration": "2100-01-01T00:00:00Z", "conditions": [["content-length-range", "a", "b"]]},
        {"expiration": "2100-01-01T00:00:00Z", "conditions": [], "more": 1},
    ],
)
def test_malformed_policies(target: Target, document: Any) -> None:
    answer = send_form(target, encoded(signed_fields(target, [], KEY, document=document), b"hello"))
    assert answer.refusal == (403, "PostPolicyInvalidKeyName")
    assert target.keys() == []


def test_malformed_forms(target: Target) -> None:
    fields = signed_fields(target, [KEY_CONDITION], KEY)
    body = encoded(fields, b"hello")
    assert send_form(target, body, content_type="multipart/form-data").refusal == MALFORMED
    assert send_form(target, body, content_type="multipart/form-data; boundary=other").refusal == MALFORMED
    assert send_form(target, body[: body.index(b"hello") + 2]).status == 400
    assert send_form(target, body.replace(b'name="file"', b'name="other"')).refusal == MALFORMED
    assert (
        send_form(target, encoded([pair for pair in fields if pair[0] != "key"], b"hello")).refusal
        == MALFORMED
    )
    long = [("x-ignore-me", "x" * ((1 << 20) + 1)), *fields]
    assert send_form(target, encoded(long, b"hello")).refusal == MALFORMED
    assert send_form(target, body, path="/key").refusal == (405, "MethodNotAllowed")
    assert target.keys() == []


def test_a_bucket_that_does_not_exist(target: Target) -> None:
    client = boto_client(target.endpoint, key=ACCESS_KEY, secret=SECRET_KEY, signature_version="s3v4")
    form = client.generate_presigned_post("no-such-bucket-here", "a")
    client.close()
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    body = encoded(list(form["fields"].items()), b"hello")
    assert send(target.port, "POST", "/no-such-bucket-here", headers, body).refusal == (404, "NoSuchBucket")
