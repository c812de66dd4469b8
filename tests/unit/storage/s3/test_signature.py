"""The signature of requests, held against botocore's."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from oscarcli.storage.s3.signature import Signer, canonical_query

HEADERS = {"host": "minio.test:9000", "content-md5": "bWQ1", "range": "bytes=0-9", "if-match": '"abc-2"'}


def by_botocore(method: str, url: str, headers: dict[str, str], region: str) -> str:
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request: Any = AWSRequest(method, url, headers=dict(headers), data=b"")
    request.context["payload_signing_enabled"] = False
    signer: Any = S3SigV4Auth(Credentials("access", "secret"), "s3", region)
    signer.add_auth(request)
    return str(request.headers["Authorization"])


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/bucket/in/a.bin", {}),
        ("/bucket/a%20b/%C3%A4//./x", {}),
        (
            "/bucket",
            {"list-type": "2", "prefix": "in/a b+c&d=e~", "continuation-token": "1/2=", "max-keys": "4"},
        ),
        ("/bucket/k", {"uploads": ""}),
        ("/bucket/k", {"partNumber": "12", "uploadId": "a/b=="}),
    ],
)
@pytest.mark.parametrize("region", ["us-east-1", "eu-west-3"])
def test_a_signature_is_that_of_botocore(path: str, query: dict[str, str], region: str) -> None:
    signer = Signer("access", "secret", region)
    asked = canonical_query(query)
    while True:
        before = datetime.now(timezone.utc).replace(microsecond=0)
        ours = dict(HEADERS)
        signer.sign("PUT", path, asked, ours)
        theirs = by_botocore("PUT", f"https://minio.test:9000{path}?{asked}".rstrip("?"), HEADERS, region)
        if datetime.now(timezone.utc).replace(microsecond=0) == before:
            break
    assert ours["authorization"] == theirs


def test_another_region_counts_at_once() -> None:
    signer = Signer("access", "secret", "us-east-1")
    headers = {"host": "h"}
    signer.sign("GET", "/", "", headers)
    signer.change_region("eu-west-1")
    again = {"host": "h"}
    signer.sign("GET", "/", "", again)
    assert "/us-east-1/s3/" in headers["authorization"]
    assert "/eu-west-1/s3/" in again["authorization"]
