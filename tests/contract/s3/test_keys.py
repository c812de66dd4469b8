"""Keys that MinIO does not have, in every place where a request can name one."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import quote

import pytest

from tests.contract.s3.target import Target

REFUSED = (400, "XMinioInvalidObjectName")
NO_KEYS = ["s" * 256, "b/" + "s" * 256 + "/c"]
DOTS = [".", "..", "./a", "a/../b", "a/.", "a/..", "a/ . /b", "a\\..\\b"]
ODD_KEYS = ["a/", "...", "a/...", " ", "a/ /b", ".a", "a.", "ä ö+%", "s" * 255, "/".join(["s" * 250] * 4)]


@pytest.mark.parametrize("key", NO_KEYS, ids=range(len(NO_KEYS)))
@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE", "HEAD"])
def test_no_request_is_about_one(target: Target, method: str, key: str) -> None:
    assert target.send(method, f"/{quote(key)}", b"x" if method == "PUT" else b"").refusal == REFUSED
    assert target.keys() == []


@pytest.mark.parametrize("key", [*NO_KEYS, *DOTS])
def test_none_is_the_source_of_a_copy(target: Target, key: str) -> None:
    source = {"x-amz-copy-source": f"/{target.bucket}/{quote(key)}"}
    upload = target.client.create_multipart_upload(Bucket=target.bucket, Key="b")["UploadId"]
    assert target.send("PUT", "/b", headers=source).refusal == REFUSED
    assert target.send("PUT", f"/b?partNumber=1&uploadId={upload}", headers=source).refusal == REFUSED


@pytest.mark.parametrize("quiet", ["true", "false"])
@pytest.mark.parametrize("key", ["s" * 256, *DOTS])
def test_one_among_many_that_are_deleted_is_told(target: Target, key: str, quiet: str) -> None:
    target.client.put_object(Bucket=target.bucket, Key="fine", Body=b"")
    keys = "".join(f"<Object><Key>{name}</Key></Object>" for name in (key, "fine"))
    document = f"<Delete><Quiet>{quiet}</Quiet>{keys}</Delete>".encode()
    digest = base64.b64encode(hashlib.md5(document).digest()).decode()
    answer = target.send("POST", "?delete=", document, {"Content-MD5": digest})
    assert answer.status == 200
    error = (
        "<Error><Code>XMinioInvalidObjectName</Code><Message>Object name contains unsupported characters."
        f"</Message><Key>{key}</Key>"
    )
    assert error.encode() in answer.body
    assert answer.body.count(b"<Deleted>") == (quiet == "false")
    assert target.keys() == []


@pytest.mark.parametrize("key", ODD_KEYS, ids=range(len(ODD_KEYS)))
def test_odd_keys_are_kept(target: Target, key: str) -> None:
    target.client.put_object(Bucket=target.bucket, Key=key, Body=b"" if key.endswith("/") else b"x")
    assert target.keys() == [key]
    target.client.delete_objects(Bucket=target.bucket, Delete={"Objects": [{"Key": key}]})
    assert target.keys() == []
