"""Uploads by form, as browsers send them: what the policy demands, and what the answer is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from oscarcli.local.objects.s3.signatures import Scope
from tests.contract.s3.target import Target
from tests.local.objects.harness import boto_client
from tests.local.objects.raw import Answer, send
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
DENIED = (403, "AccessDenied")
MALFORMED = (400, "MalformedPOSTRequest")
DAY = "20200101"

Pairs = Sequence[tuple[str, str]]


@pytest.fixture
def new(target: Target) -> Iterator[Any]:
    """A boto3 client that signs forms by Version 4."""
    client = boto_client(target.endpoint, key=ACCESS_KEY, secret=SECRET_KEY, signature_version="s3v4")
    yield client
    client.close()


def _encoded(pairs: Pairs, data: bytes, file_name: str = "page.html", after: bytes = b"") -> bytes:
    fields = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in pairs
    )
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{file_name}"\r\n'
    return (
        f"{fields}{head}Content-Type: text/html\r\n\r\n".encode()
        + data
        + b"\r\n"
        + after
        + f"--{BOUNDARY}--\r\n".encode()
    )


def _send(target: Target, body: bytes, path: str = "", content_type: str = "") -> Answer:
    headers = {"Content-Type": content_type or f"multipart/form-data; boundary={BOUNDARY}"}
    return send(target.port, "POST", f"/{target.bucket}{path}", headers, body)


def _signed(
    target: Target,
    conditions: Sequence[Any],
    fields: Mapping[str, str],
    *,
    seconds: float = 60,
    document: Any = None,
    secret: str = SECRET_KEY,
) -> list[tuple[str, str]]:
    """Return the fields of a form with a signed policy. Bucket and signing fields are added to it."""
    scope = Scope(DAY, "us-east-1")
    signing = {
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": f"{ACCESS_KEY}/{scope}",
        "x-amz-date": f"{DAY}T000000Z",
    }
    expiration = (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    named = [{"bucket": target.bucket}, *({name: value} for name, value in signing.items()), *conditions]
    policy = document if document is not None else {"expiration": expiration, "conditions": named}
    encoded = base64.b64encode(json.dumps(policy).encode()).decode()
    signature = hmac.new(scope.key(secret), encoded.encode(), hashlib.sha256).hexdigest()
    return [*fields.items(), *signing.items(), ("policy", encoded), ("x-amz-signature", signature)]


KEY_CONDITION = ["starts-with", "$key", "up/"]
KEY = {"key": "up/a.txt"}


def _post(target: Target, *conditions: Any, data: bytes = b"hello", **fields: str) -> Answer:
    named = {**KEY, **{name.replace("__", "-"): value for name, value in fields.items()}}
    return _send(target, _encoded(_signed(target, [KEY_CONDITION, *conditions], named), data))


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
        form["url"], data=form["fields"], files={"file": ("b c+ö.txt", b"hello")}, trust_env=False
    )
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["etag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert answer.headers["location"] == f"{target.endpoint}/{target.bucket}/up/b%20c+%C3%B6.txt"
    assert target.content("up/b c+ö.txt") == b"hello"
    found = target.client.head_object(Bucket=target.bucket, Key="up/b c+ö.txt")
    assert found["ContentType"] == "text/x"


def test_a_form_of_minio_py(target: Target) -> None:
    minio = pytest.importorskip("minio")
    client: Any = minio.Minio(
        endpoint=f"127.0.0.1:{target.port}", access_key=ACCESS_KEY, secret_key=SECRET_KEY, secure=False
    )
    policy = minio.datatypes.PostPolicy(target.bucket, datetime.now(timezone.utc) + timedelta(minutes=1))
    policy.add_equals_condition("key", "a.txt")
    policy.add_content_length_range_condition(1, 10)
    form = client.presigned_post_policy(policy=policy)
    body = _encoded([*form.items(), ("key", "a.txt")], b"hello")
    assert _send(target, body).status == 204
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
    fields = _signed(target, [["starts-with", "$key", ""]], {"key": key})
    assert _send(target, _encoded(fields, b"hello", file_name)).status == 204
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
    answer = _post(target, data=data)
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
    answer = _send(
        target,
        _encoded(
            _signed(target, [KEY_CONDITION, *({n: v} for n, v in fields.items())], {**KEY, **fields}), b"x"
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
    fields = _signed(target, [KEY_CONDITION], {"key": f"up/{key}"})
    after = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="submit"\r\n\r\nUpload\r\n'.encode()
    assert _send(target, _encoded(fields, b"hello", after=after)).status == 204
    found = target.client.get_object(Bucket=target.bucket, Key=f"up/{key}")
    assert (found["ContentType"], found["Body"].read()) == (content_type, b"hello")


@pytest.mark.parametrize("data", [b"x" * size for size in range(0, 200_000, 40_009)])
def test_a_file_whose_boundary_falls_anywhere(target: Target, data: bytes) -> None:
    fields = _signed(target, [KEY_CONDITION], KEY)
    for shift in range(3):
        padded = [("x-ignore-padding", "p" * shift), *fields]
        assert _send(target, _encoded(padded, data)).status == 204
    assert target.content("up/a.txt") == data


def test_names_of_fields_in_any_letters(target: Target) -> None:
    fields = _signed(target, [["starts-with", "$KeY", "up/"], {"cOnTeNt-TyPe": "text/x"}], {})
    odd = [
        ("kEy", "up/\\$a.txt"),
        ("CONTENT-type", "text/x"),
        *((name.upper(), value) for name, value in fields),
    ]
    assert _send(target, _encoded(odd, b"hello")).status == 204
    found = target.client.get_object(Bucket=target.bucket, Key="up/\\$a.txt")
    assert (found["Body"].read(), found["ContentType"]) == (b"hello", "text/x")


# -- answers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "status"), [("200", 200), ("201", 201), ("204", 204), ("299", 204), ("x", 204)]
)
def test_the_status_of_success(target: Target, asked: str, status: int) -> None:
    answer = _post(target, {"success_action_status": asked}, success_action_status=asked)
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
    answer = _post(target, {"success_action_redirect": url}, success_action_redirect=url)
    assert answer.status == 303
    parts = urlsplit(answer.headers["location"])
    assert (parts.netloc, parts.path) == ("127.0.0.1", "/done")
    etag = f'"{hashlib.md5(b"hello").hexdigest()}"'
    expected = {"a": ["b"], "key": ["mine", "up/a.txt"], "bucket": [target.bucket], "etag": [etag]}
    assert parse_qs(parts.query) == expected


# -- refusals --------------------------------------------------------------------------------------------


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
    pairs = _signed(target, [KEY_CONDITION, *conditions], {**KEY, **fields})
    assert _send(target, _encoded(pairs, b"hello")).refusal == DENIED
    assert target.keys() == []


def test_the_policy_ends_and_is_for_its_bucket_and_keys(target: Target) -> None:
    late = _signed(target, [KEY_CONDITION], KEY, seconds=-5)
    answer = _send(target, _encoded(late, b"hello"))
    assert (answer.refusal, b"Policy expired" in answer.body) == (DENIED, True)
    assert _post(target, key="elsewhere/a.txt").refusal == DENIED
    other = f"{target.bucket}-other"
    target.client.create_bucket(Bucket=other)
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    body = _encoded(_signed(target, [KEY_CONDITION], KEY), b"hello")
    assert send(target.port, "POST", f"/{other}", headers, body).refusal == DENIED
    doubled = [*_signed(target, [KEY_CONDITION], KEY), ("key", "up/b.txt")]
    assert _send(target, _encoded(doubled, b"hello")).refusal == DENIED
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
    answer = _post(target, ["content-length-range", least, most], data=b"x" * size)
    assert (answer.refusal if answer.code else None) == refusal
    assert (target.keys() == []) == (refusal is not None)


def test_who_signed_the_form(target: Target) -> None:
    mismatch = (403, "SignatureDoesNotMatch")
    wrong = _signed(target, [KEY_CONDITION], KEY, secret="wrong")
    assert _send(target, _encoded(wrong, b"hello")).refusal == mismatch
    good = _signed(target, [KEY_CONDITION], KEY)
    other = [(name, value.replace(ACCESS_KEY, "nobody")) for name, value in good]
    assert _send(target, _encoded(other, b"hello")).refusal == (403, "InvalidAccessKeyId")
    changed = [(name, f"{value}AAAA" if name == "policy" else value) for name, value in good]
    assert _send(target, _encoded(changed, b"hello")).refusal == mismatch
    nobody = [(name, value) for name, value in good if not name.startswith("x-amz")]
    assert _send(target, _encoded(nobody, b"hello")).status in (400, 403)
    assert _send(target, _encoded(list(KEY.items()), b"hello")).status in (400, 403)
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
    answer = _send(target, _encoded(_signed(target, [], KEY, document=document), b"hello"))
    assert answer.refusal == (403, "PostPolicyInvalidKeyName")
    assert target.keys() == []


def test_malformed_forms(target: Target) -> None:
    fields = _signed(target, [KEY_CONDITION], KEY)
    body = _encoded(fields, b"hello")
    assert _send(target, body, content_type="multipart/form-data").refusal == MALFORMED
    assert _send(target, body, content_type="multipart/form-data; boundary=other").refusal == MALFORMED
    assert _send(target, body[: body.index(b"hello") + 2]).status == 400
    assert _send(target, body.replace(b'name="file"', b'name="other"')).refusal == MALFORMED
    assert (
        _send(target, _encoded([pair for pair in fields if pair[0] != "key"], b"hello")).refusal == MALFORMED
    )
    long = [("x-ignore-me", "x" * ((1 << 20) + 1)), *fields]
    assert _send(target, _encoded(long, b"hello")).refusal == MALFORMED
    assert _send(target, body, path="/key").refusal == (405, "MethodNotAllowed")
    assert target.keys() == []


def test_a_bucket_that_does_not_exist(target: Target) -> None:
    client = boto_client(target.endpoint, key=ACCESS_KEY, secret=SECRET_KEY, signature_version="s3v4")
    form = client.generate_presigned_post("no-such-bucket-here", "a")
    client.close()
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    body = _encoded(list(form["fields"].items()), b"hello")
    assert send(target.port, "POST", "/no-such-bucket-here", headers, body).refusal == (404, "NoSuchBucket")


def test_a_checksum_among_the_fields(target: Target) -> None:
    value = base64.b64encode(hashlib.sha256(b"hello").digest()).decode()
    condition = ["starts-with", "$x-amz-checksum-sha256", ""]
    good = _post(target, condition, x__amz__checksum__sha256=value)
    assert (good.status, good.headers["x-amz-checksum-sha256"]) == (204, value)
    wrong = _post(target, condition, x__amz__checksum__sha256=value, data=b"other")
    assert wrong.refusal == (400, "XAmzContentChecksumMismatch")
    assert target.content("up/a.txt") == b"hello"
