"""The links that the local cluster signs for `bucket presign`: MinIO must take them as its own store does."""

from __future__ import annotations

import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone

import pytest

from oscarcli.local.objects.s3.signatures import Credentials, presign
from tests.contract.s3.target import Target
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY

KEYS = Credentials(ACCESS_KEY, SECRET_KEY)
NAMES = ("a.txt", "deep/b c+d.txt", "é%41&=?#;@'()*!~.bin", "x//y", "日本/語.txt")


def opened(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> bytes:
    request = urllib.request.Request(
        url, body, {name.replace("_", "-"): value for name, value in headers.items()}, method=method
    )
    with urllib.request.urlopen(request) as answer:
        return bytes(answer.read())


@pytest.mark.parametrize("key", NAMES)
def test_a_link_works_for_any_name(target: Target, key: str) -> None:
    if target.name == "minio" and "//" in key:
        pytest.skip("MinIO keeps objects in folders, which know no empty name")
    signed = {"Content-Type": "text/x-odd"}
    link = presign(KEYS, "PUT", target.endpoint, target.bucket, key, expires=60, headers=signed)
    assert opened(link, "PUT", b"by link", Content_Type="text/x-odd") == b""
    assert target.content(key) == b"by link"
    query = {"response-content-type": "text/plain; charset=utf-8"}
    link = presign(KEYS, "GET", target.endpoint, target.bucket, key, expires=60, query=query)
    assert opened(link) == b"by link"


def test_a_link_is_good_for_its_time_and_method_and_headers_alone(target: Target) -> None:
    target.client.put_object(Bucket=target.bucket, Key="a", Body=b"content")
    before = datetime.now(timezone.utc) - timedelta(seconds=62)
    late = presign(KEYS, "GET", target.endpoint, target.bucket, "a", expires=60, now=before)
    in_time = presign(KEYS, "GET", target.endpoint, target.bucket, "a", expires=600, now=before)
    typed = presign(
        KEYS, "PUT", target.endpoint, target.bucket, "a", expires=60, headers={"Content-Type": "a/b"}
    )
    assert opened(in_time) == b"content"
    refused = [(late, "GET", ""), (in_time, "DELETE", ""), (typed, "PUT", "c/d")]
    for link, method, kind in refused:
        with pytest.raises(urllib.error.HTTPError) as failed:
            opened(link, method, b"" if method == "PUT" else None, **({"Content_Type": kind} if kind else {}))
        assert failed.value.code == 403
        failed.value.close()
    assert target.content("a") == b"content"
