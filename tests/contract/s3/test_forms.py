"""Uploads by form, as browsers send them: what is stored, and what the answer is."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.contract.s3.forms import (
    BOUNDARY,
    KEY,
    KEY_CONDITION,
    encoded,
    post_form,
    send_form,
    signed_fields,
)
from tests.contract.s3.target import Target
from tests.local.objects.harness import boto_client
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY


@pytest.fixture
def new(target: Target) -> Iterator[Any]:
    """A boto3 client that signs forms by Version 4."""
    client = boto_client(target.endpoint, key=ACCESS_KEY, secret=SECRET_KEY, signature_version="s3v4")
    yield client
    client.close()


# -- programs that make such forms -----------------------------------------------------------------------


@pytest.mark.parametrize("version", ["2", "4"])
def test_a_form_of_boto3_sent_by_httpx(target: Target, new: Any, version: str) -> None:
    import httpx

    client = (
        new
        if version == "4"
        else boto_client(target.endpoint, key=ACCESS_KEY, secret=SECRET_KEY, signature_version="s3")
    )
    form = client.generate_presigned_post(
        target.bucket,
        "up/${filename}",
        Fields={"x-amz-meta-note": "grün", "Content-Type": "text/x", "x-ignore-me": "1"},
        Conditions=[{"x-amz-meta-note": "grün"}, ["starts-with", "$Content-Type", "text/"]],
    )
    assert ("signature" in form["fields"]) == (version == "2")
    answer = httpx.post(
        form["url"],
        data=form["fields"],
        files={"file": ("b c+ö.txt", b"hello")},
        trust_env=False,
        verify=False,
    )
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["etag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert answer.headers["location"] == f"{target.endpoint}/{target.bucket}/up/b%20c+%C3%B6.txt"
    assert target.content("up/b c+ö.txt") == b"hello"
    found = target.client.head_object(Bucket=target.bucket, Key="up/b c+ö.txt")
    assert found["ContentType"] == "text/x"


# Of minio-py itself, on Python 3.12 and later.
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
def test_a_form_of_minio_py(target: Target) -> None:
    minio = pytest.importorskip("minio")
    client: Any = minio.Minio(
        endpoint=f"127.0.0.1:{target.port}", access_key=ACCESS_KEY, secret_key=SECRET_KEY, secure=False
    )
    policy = minio.datatypes.PostPolicy(target.bucket, datetime.now(timezone.utc) + timedelta(minutes=1))
    policy.add_equals_condition("key", "a.txt")
    policy.add_content_length_range_condition(1, 10)
    form = client.presigned_post_policy(policy=policy)
    body = encoded([*form.items(), ("key", "a.txt")], b"hello")
    assert send_form(target, body).status == 204
    assert target.content("a.txt") == b"hello"


# -- what is stored --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "file_name", "stored"),
    [
        ("up/${filename}", "a.txt", "up/a.txt"),
        ("up/${filename}", "deep/a.txt", "up/a.txt"),
        ("up/${filename}-${filename}", "a", "up/a-a"),
        ("up/x", "a.txt", "up/x"),
        ("up/${filename}", "", "up/up/${filename}"),
        ("up/$filename", "a.txt", "up/$filename"),
    ],
)
def test_the_name_of_the_file_in_the_key(target: Target, key: str, file_name: str, stored: str) -> None:
    fields = signed_fields(target, [["starts-with", "$key", ""]], {"key": key})
    assert send_form(target, encoded(fields, b"hello", file_name)).status == 204
    assert target.keys() == [stored]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        b"x" * 300_000,
        f"\r\n--{BOUNDARY}x goes on\r\n--{BOUNDARY[:-1]}\r\n".encode(),
        b"\r\n--" * 70_000,
        bytes(range(256)) * 1024,
    ],
    ids=["empty", "line", "large", "almost", "dashes", "binary"],
)
def test_the_bytes_of_the_file(target: Target, data: bytes) -> None:
    answer = post_form(target, data=data)
    assert answer.headers["etag"] == f'"{hashlib.md5(data).hexdigest()}"'
    assert target.content("up/a.txt") == data


def test_headers_metadata_and_tags_of_the_fields(target: Target) -> None:
    tagging = "<Tagging><TagSet><Tag><Key>a</Key><Value>b c</Value></Tag></TagSet></Tagging>"
    fields = {
        "Content-Type": "text/x",
        "Cache-Control": "no-store",
        "Content-Disposition": "attachment",
        "x-amz-meta-Note": "green",
        "tagging": tagging,
    }
    answer = send_form(
        target,
        encoded(
            signed_fields(target, [KEY_CONDITION, *({n: v} for n, v in fields.items())], {**KEY, **fields}),
            b"x",
        ),
    )
    assert answer.status == 204
    found = target.client.get_object(Bucket=target.bucket, Key="up/a.txt")
    assert (found["ContentType"], found["CacheControl"]) == ("text/x", "no-store")
    assert (found["ContentDisposition"], found["Metadata"]) == ("attachment", {"note": "green"})
    tags = target.client.get_object_tagging(Bucket=target.bucket, Key="up/a.txt")["TagSet"]
    assert tags == [{"Key": "a", "Value": "b c"}]


@pytest.mark.parametrize(
    ("key", "content_type"),
    [
        ("a.txt", "text/plain"),
        ("a.PNG", "image/png"),
        ("a.b.json", "application/json"),
        ("a.csv", "text/csv"),
        ("a.pdf", "application/pdf"),
        ("a.unheard-of", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ],
)
def test_a_file_without_a_type_and_fields_after_it(target: Target, key: str, content_type: str) -> None:
    fields = signed_fields(target, [KEY_CONDITION], {"key": f"up/{key}"})
    after = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="submit"\r\n\r\nUpload\r\n'.encode()
    assert send_form(target, encoded(fields, b"hello", after=after)).status == 204
    found = target.client.get_object(Bucket=target.bucket, Key=f"up/{key}")
    assert (found["ContentType"], found["Body"].read()) == (content_type, b"hello")


@pytest.mark.parametrize("data", [b"x" * size for size in range(0, 200_000, 40_009)])
def test_a_file_whose_boundary_falls_anywhere(target: Target, data: bytes) -> None:
    fields = signed_fields(target, [KEY_CONDITION], KEY)
    for shift in range(3):
        padded = [("x-ignore-padding", "p" * shift), *fields]
        assert send_form(target, encoded(padded, data)).status == 204
    assert target.content("up/a.txt") == data


def test_names_of_fields_in_any_letters(target: Target) -> None:
    fields = signed_fields(target, [["starts-with", "$KeY", "up/"], {"cOnTeNt-TyPe": "text/x"}], {})
    odd = [
        ("kEy", "up/\\$a.txt"),
        ("CONTENT-type", "text/x"),
        *((name.upper(), value) for name, value in fields),
    ]
    assert send_form(target, encoded(odd, b"hello")).status == 204
    found = target.client.get_object(Bucket=target.bucket, Key="up/\\$a.txt")
    assert (found["Body"].read(), found["ContentType"]) == (b"hello", "text/x")


# -- answers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "status"), [("200", 200), ("201", 201), ("204", 204), ("299", 204), ("x", 204)]
)
def test_the_status_of_success(target: Target, asked: str, status: int) -> None:
    answer = post_form(target, {"success_action_status": asked}, success_action_status=asked)
    assert answer.status == status
    etag = f'"{hashlib.md5(b"hello").hexdigest()}"'
    location = f"{target.endpoint}/{target.bucket}/up/a.txt"
    assert (answer.headers["etag"], answer.headers["location"]) == (etag, location)
    if status == 201:
        assert f"<Bucket>{target.bucket}</Bucket><Key>up/a.txt</Key>".encode() in answer.body
        assert f"<Location>{location}</Location></PostResponse>".encode() in answer.body
    else:
        assert answer.body == b""


def test_the_page_after_success(target: Target) -> None:
    url = "http://127.0.0.1/done?a=b&key=mine"
    answer = post_form(target, {"success_action_redirect": url}, success_action_redirect=url)
    assert answer.status == 303
    parts = urlsplit(answer.headers["location"])
    assert (parts.netloc, parts.path) == ("127.0.0.1", "/done")
    etag = f'"{hashlib.md5(b"hello").hexdigest()}"'
    expected = {"a": ["b"], "key": ["mine", "up/a.txt"], "bucket": [target.bucket], "etag": [etag]}
    assert parse_qs(parts.query) == expected


def test_a_checksum_among_the_fields(target: Target) -> None:
    value = base64.b64encode(hashlib.sha256(b"hello").digest()).decode()
    condition = ["starts-with", "$x-amz-checksum-sha256", ""]
    good = post_form(target, condition, x__amz__checksum__sha256=value)
    assert (good.status, good.headers["x-amz-checksum-sha256"]) == (204, value)
    wrong = post_form(target, condition, x__amz__checksum__sha256=value, data=b"other")
    assert wrong.refusal == (400, "XAmzContentChecksumMismatch")
    assert target.content("up/a.txt") == b"hello"
