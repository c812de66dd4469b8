"""Links and requests in the form of Signature Version 2, which boto3 and s3cmd make by default."""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Iterator, Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from tests.contract.s3.target import Target
from tests.local.objects.harness import boto_client, refusal
from tests.local.objects.raw import Answer, send
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY

KEYS = ("a.txt", "deep/b c+d.txt", "é%41&=?.bin")


@pytest.fixture
def old(target: Target) -> Iterator[Any]:
    """A boto3 client that signs its requests by Version 2."""
    client = boto_client(target.endpoint, key=ACCESS_KEY, secret=SECRET_KEY, signature_version="s3")
    yield client
    client.close()


def _link(target: Target, method: str, **parameters: Any) -> str:
    """Return the link a boto3 client with default settings makes."""
    seconds = parameters.pop("ExpiresIn", 60)
    named = {"Bucket": target.bucket, **parameters}
    url: str = target.client.generate_presigned_url(method, Params=named, ExpiresIn=seconds)
    assert "AWSAccessKeyId=" in url
    return url.removeprefix(target.endpoint)


def _open(target: Target, url: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
    return send(target.port, method, url, {k.replace("_", "-"): v for k, v in headers.items()}, body)


@pytest.mark.parametrize("key", KEYS)
def test_links_of_boto3_with_default_settings(target: Target, key: str) -> None:
    assert _open(target, _link(target, "put_object", Key=key), "PUT", b"by link").status == 200
    assert _open(target, _link(target, "get_object", Key=key)).body == b"by link"
    assert _open(target, _link(target, "head_object", Key=key), "HEAD").headers["content-length"] == "7"
    assert _open(target, _link(target, "delete_object", Key=key), "DELETE").status == 204
    assert target.keys() == []


def test_a_link_may_ask_for_other_headers(target: Target) -> None:
    target.client.put_object(Bucket=target.bucket, Key="a.txt", Body=b"hello")
    disposition = 'attachment; filename="b c.txt"'
    link = _link(target, "get_object", Key="a.txt", ResponseContentDisposition=disposition)
    assert _open(target, link).headers["content-disposition"] == disposition


def test_a_link_for_a_part_of_an_upload(target: Target) -> None:
    upload = target.client.create_multipart_upload(Bucket=target.bucket, Key="a")["UploadId"]
    link = _link(target, "upload_part", Key="a", UploadId=upload, PartNumber=1)
    etag = _open(target, link, "PUT", b"part").headers["etag"]
    target.client.complete_multipart_upload(
        Bucket=target.bucket,
        Key="a",
        UploadId=upload,
        MultipartUpload={"Parts": [{"ETag": etag, "PartNumber": 1}]},
    )
    assert target.content("a") == b"part"


def test_a_link_covers_type_and_metadata_of_an_upload(target: Target) -> None:
    link = _link(target, "put_object", Key="a", ContentType="text/x", Metadata={"note": "green"})
    bare = _open(target, link, "PUT", b"x")
    assert bare.refusal == (403, "SignatureDoesNotMatch")
    good = _open(target, link, "PUT", b"x", Content_Type="text/x", x_amz_meta_note="green")
    assert good.status == 200
    found = target.client.head_object(Bucket=target.bucket, Key="a")
    assert (found["ContentType"], found["Metadata"]) == ("text/x", {"note": "green"})
    more = _open(target, link, "PUT", b"x", Content_Type="text/x", x_amz_meta_note="green", x_amz_meta_b="c")
    assert more.refusal == (403, "SignatureDoesNotMatch")


def test_changed_and_old_links_do_not_work(target: Target) -> None:
    target.client.put_object(Bucket=target.bucket, Key="a.txt", Body=b"hello")
    good = _link(target, "get_object", Key="a.txt")
    mismatch = (403, "SignatureDoesNotMatch")
    assert _open(target, good).status == 200
    assert _open(target, good, "DELETE").refusal == mismatch
    assert _open(target, good.replace("a.txt", "b.txt")).refusal == mismatch
    assert _open(target, f"{good}&tagging").status in (400, 403)
    assert _open(target, good.replace("Expires=", "Expires=1")).refusal == mismatch
    assert _open(target, good.replace(ACCESS_KEY, "other")).refusal == (403, "InvalidAccessKeyId")
    old = _open(target, _link(target, "get_object", Key="a.txt", ExpiresIn=-5))
    assert (old.refusal, b"Request has expired" in old.body) == ((403, "AccessDenied"), True)
    malformed = (400, "AuthorizationQueryParametersError")
    assert _open(target, good.replace("Expires=", "Expires=x")).refusal == malformed
    assert _open(target, good.replace("Expires=", "When=")).refusal == malformed
    assert _open(target, good.replace("Signature=", "Sign=")).refusal == malformed
    assert target.keys() == ["a.txt"]


def test_a_link_as_s3cmd_makes_it(target: Target) -> None:
    target.client.put_object(Bucket=target.bucket, Key="a b.txt", Body=b"hello")
    path, expires = f"/{target.bucket}/{quote('a b.txt')}", int(time.time()) + 60
    signature = _sign(f"GET\n\n\n{expires}\n{path}")
    link = f"{path}?AWSAccessKeyId={ACCESS_KEY}&Expires={expires}&Signature={quote_plus(signature)}"
    assert _open(target, link).body == b"hello"


def _sign(text: str) -> str:
    return base64.b64encode(hmac.digest(SECRET_KEY.encode(), text.encode(), "sha1")).decode()


@pytest.mark.parametrize("key", KEYS)
def test_requests_that_are_signed_by_version_2(target: Target, old: Any, key: str) -> None:
    old.put_object(
        Bucket=target.bucket, Key=key, Body=b"hello", Metadata={"note": "green"}, ContentType="text/x"
    )
    found = old.get_object(Bucket=target.bucket, Key=key)
    assert (found["Body"].read(), found["Metadata"]) == (b"hello", {"note": "green"})
    # boto3 signs a bucket's own path as `/bucket/` and sends `/bucket`: neither server takes that.
    upload = old.create_multipart_upload(Bucket=target.bucket, Key=key)["UploadId"]
    assert old.list_parts(Bucket=target.bucket, Key=key, UploadId=upload).get("Parts", []) == []
    old.abort_multipart_upload(Bucket=target.bucket, Key=key, UploadId=upload)
    old.delete_object(Bucket=target.bucket, Key=key)
    assert target.keys() == []


def _headers(target: Target, **more: str) -> Mapping[str, str]:
    date = more.pop("Date", formatdate(usegmt=True))
    signature = _sign(f"GET\n\n\n{date}\n/{target.bucket}/a.txt")
    return {"Date": date, "Authorization": f"AWS {ACCESS_KEY}:{signature}", **more}


def test_requests_that_are_signed_wrongly(target: Target) -> None:
    target.client.put_object(Bucket=target.bucket, Key="a.txt", Body=b"hello")
    path = f"/{target.bucket}/a.txt"
    assert send(target.port, "GET", path, _headers(target)).body == b"hello"
    other = boto_client(target.endpoint, key=ACCESS_KEY, secret="wrong", signature_version="s3")
    call = refusal(lambda: other.list_objects_v2(Bucket=target.bucket))
    assert call == (403, "SignatureDoesNotMatch")
    other.close()
    added = _headers(target, **{"x-amz-copy-source": "/other/a"})
    assert send(target.port, "GET", path, added).refusal == (403, "SignatureDoesNotMatch")
    lone = {"Authorization": "AWS nonsense", "Date": formatdate(usegmt=True)}
    assert send(target.port, "GET", path, lone).refusal == (400, "MissingFields")
