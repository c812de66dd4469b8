"""Who is let in: signatures in headers and links, and everything that is wrong with them."""

from __future__ import annotations

import io
import re
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from oscarcli.local.http.listener import Listener
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.s3.listener import S3Front
from oscarcli.local.objects.s3.signatures import Credentials, presign
from tests.local.objects.harness import CREDENTIALS, Server, boto_client, refusal
from tests.local.objects.raw import Answer, link, send, signed

TARGET = "/data/a.txt"


@pytest.fixture
def port(server: Server) -> int:
    server.store.create_bucket("data")
    server.store.put("data", "a.txt", io.BytesIO(b"hello"))
    return server.port


@pytest.fixture
def tomorrow(server: Server) -> Iterator[int]:
    """The port of a listener on the same store whose clock is 20 minutes ahead."""
    front = S3Front(server.store, CREDENTIALS, now=lambda: datetime.now(timezone.utc) + timedelta(minutes=20))
    listener = Listener("127.0.0.1", 0, front.handle)
    listener.start()
    yield listener.port
    listener.stop()


def test_nobody_gets_in_without_a_signature(port: int) -> None:
    for method, target in (
        ("GET", "/"),
        ("GET", TARGET),
        ("HEAD", TARGET),
        ("PUT", "/data/b"),
        ("OPTIONS", TARGET),
    ):
        answer = send(port, method, target, {"Origin": "http://localhost:3000"})
        assert answer.refusal == (403, "AccessDenied")
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_health_needs_no_signature(port: int) -> None:
    assert send(port, "GET", "/minio/health/live").status == 200
    assert send(port, "HEAD", "/minio/health/live").status == 200


def test_every_answer_has_an_identifier_of_its_own(port: int) -> None:
    answers = [send(port, "GET", "/"), send(port, "GET", TARGET, signed(CREDENTIALS, port, "GET", TARGET))]
    identifiers = [answer.headers["x-amz-request-id"] for answer in answers]
    assert len(set(identifiers)) == 2
    assert f"<RequestId>{identifiers[0]}</RequestId>".encode() in answers[0].body


def test_wrong_credentials(server: Server, port: int) -> None:
    wrong = boto_client(server.endpoint, secret="wrong")
    assert refusal(lambda: wrong.get_object(Bucket="data", Key="a.txt")) == (403, "SignatureDoesNotMatch")
    unknown = boto_client(server.endpoint, key="nobody")
    assert refusal(lambda: unknown.get_object(Bucket="data", Key="a.txt")) == (403, "InvalidAccessKeyId")
    wrong.close()
    unknown.close()


def test_any_region_will_do(port: int) -> None:
    assert (
        send(port, "GET", TARGET, signed(CREDENTIALS, port, "GET", TARGET, region="eu-west-1")).status == 200
    )


def _spoilt(port: int, **changes: Any) -> Answer:
    """Send a signed request after changing the request or, by name, its headers."""
    method = changes.pop("method", "GET")
    target = changes.pop("target", TARGET)
    headers = signed(CREDENTIALS, port, "GET", TARGET, headers={"x-amz-meta-a": "1"})
    for label, change in changes.items():
        name = label.replace("_", "-")
        if change is None:
            del headers[name]
        else:
            headers[name] = change(headers.get(name, ""))
    return send(port, method, target, headers)


def test_a_changed_request_does_not_match_its_signature(port: int) -> None:
    assert _spoilt(port).status == 200
    mismatch = (403, "SignatureDoesNotMatch")
    assert _spoilt(port, method="DELETE").refusal == mismatch
    assert _spoilt(port, target="/data/b.txt").refusal == mismatch
    assert _spoilt(port, target=f"{TARGET}?versionId=null").refusal == mismatch
    assert _spoilt(port, x_amz_meta_a=lambda _: "2").refusal == mismatch
    assert _spoilt(port, X_Amz_Content_SHA256=lambda _: "UNSIGNED-PAYLOAD").refusal == mismatch
    last = {"0": "1"}
    assert _spoilt(port, Authorization=lambda old: old[:-1] + last.get(old[-1], "0")).refusal == mismatch
    assert _spoilt(port, Authorization=lambda old: old.replace("us-east-1", "us-east-2")).refusal == mismatch
    assert _spoilt(port, Host=lambda _: "localhost").refusal == mismatch


@pytest.mark.parametrize("name", ["x-amz-meta-b", "x-amz-tagging", "x-amz-copy-source", "X-Amz-Anything"])
def test_what_changes_a_request_has_to_be_signed(port: int, name: str) -> None:
    headers = signed(CREDENTIALS, port, "PUT", "/data/b")
    assert send(port, "PUT", "/data/b", {**headers, name: "a=b"}).refusal == (400, "AccessDenied")
    covered = signed(CREDENTIALS, port, "PUT", "/data/b", headers={"x-amz-meta-b": "a=b"})
    assert send(port, "PUT", "/data/b", covered).status == 200


def test_malformed_authorization(port: int) -> None:
    unsupported = (400, "InvalidRequest")
    malformed = (400, "AuthorizationHeaderMalformed")
    assert _spoilt(port, Authorization=lambda _: "Basic dXNlcjpwYXNz").refusal == unsupported
    assert _spoilt(port, Authorization=lambda _: "AWS-HMAC key:signature").refusal == unsupported
    assert _spoilt(port, Authorization=lambda _: "AWS4-HMAC-SHA256 nothing").refusal == malformed
    assert _spoilt(port, Authorization=lambda old: old.replace("/s3/", "/ec2/")).refusal == malformed
    assert _spoilt(port, X_Amz_Date=None).refusal == (400, "AccessDenied")
    assert _spoilt(port, X_Amz_Date=lambda _: "yesterday").refusal == (400, "AccessDenied")
    assert _spoilt(port, x_amz_meta_a=None).refusal == (400, "AccessDenied")
    no_host = _spoilt(port, Authorization=lambda old: old.replace("=host;", "="))
    assert no_host.refusal == (400, "AccessDenied")


def test_a_session_token_is_not_taken_for_granted(port: int) -> None:
    headers = signed(CREDENTIALS, port, "GET", TARGET, headers={"X-Amz-Security-Token": "token"})
    assert send(port, "GET", TARGET, headers).refusal == (403, "InvalidTokenId")


def test_clocks_may_differ_by_fifteen_minutes(port: int, tomorrow: int) -> None:
    headers = signed(CREDENTIALS, tomorrow, "GET", TARGET)
    assert send(tomorrow, "GET", TARGET, headers).refusal == (403, "RequestTimeTooSkewed")


def test_a_signed_body_that_was_changed_is_not_stored(server: Server, port: int) -> None:
    headers = signed(CREDENTIALS, port, "PUT", "/data/b", body=b"good")
    assert send(port, "PUT", "/data/b", headers, b"evil").refusal == (400, "XAmzContentSHA256Mismatch")
    assert server.store.find("data", "b") is None
    assert server.has_no_orphans()


# -- links -----------------------------------------------------------------------------------------------


def test_links_of_boto3(server: Server, port: int) -> None:
    client = boto_client(server.endpoint, signature_version="s3v4")
    url = client.generate_presigned_url("put_object", Params={"Bucket": "data", "Key": "b c+d"})
    with urllib.request.urlopen(urllib.request.Request(url, b"by link", method="PUT")) as answer:
        assert answer.status == 200
    url = client.generate_presigned_url(
        "get_object", Params={"Bucket": "data", "Key": "b c+d", "ResponseContentType": "text/x"}
    )
    with urllib.request.urlopen(url) as answer:
        assert (answer.read(), answer.headers["Content-Type"]) == (b"by link", "text/x")
    client.close()


def test_a_changed_link_does_not_work(port: int) -> None:
    good = link(CREDENTIALS, port, "GET", TARGET)
    assert send(port, "GET", good).body == b"hello"
    mismatch = (403, "SignatureDoesNotMatch")
    assert send(port, "HEAD", good).refusal == mismatch
    assert send(port, "GET", good.replace("a.txt", "b.txt")).refusal == mismatch
    assert send(port, "GET", good.replace("Expires=60", "Expires=61")).refusal == mismatch
    assert send(port, "GET", f"{good}&versionId=null").refusal == mismatch
    assert send(port, "GET", good.replace("us-east-1", "us-east-2")).refusal == mismatch
    assert send(port, "GET", good.replace("localadmin", "other")).refusal == (403, "InvalidAccessKeyId")
    wrong = link(Credentials(CREDENTIALS.access_key, "wrong"), port, "GET", TARGET)
    assert send(port, "GET", wrong).refusal == mismatch


def test_a_link_ends(tomorrow: int, port: int) -> None:
    answer = send(tomorrow, "GET", link(CREDENTIALS, tomorrow, "GET", TARGET))
    assert answer.refusal == (403, "AccessDenied")
    assert b"Request has expired" in answer.body
    assert send(tomorrow, "GET", link(CREDENTIALS, tomorrow, "GET", TARGET, expires=3600)).status == 200


def test_malformed_links(port: int) -> None:
    malformed = (400, "AuthorizationQueryParametersError")
    for expires in (-1, 604_801, "soon"):
        assert send(port, "GET", link(CREDENTIALS, port, "GET", TARGET, expires=expires)).refusal == malformed
    good = link(CREDENTIALS, port, "GET", TARGET)
    for name in ("Signature", "Date", "Expires", "Credential", "SignedHeaders"):
        assert send(port, "GET", re.sub(f"&?X-Amz-{name}=[^&]*", "", good)).refusal == malformed
    assert send(port, "GET", good.replace("AWS4-HMAC-SHA256", "AWS4-MD5")).refusal == malformed


def test_a_link_covers_the_headers_it_names(port: int) -> None:
    typed = link(CREDENTIALS, port, "PUT", "/data/b", headers={"content-type": "text/x"})
    assert send(port, "PUT", typed, {"Content-Type": "text/x"}, b"1").status == 200
    assert send(port, "PUT", typed, {"Content-Type": "text/y"}, b"1").refusal == (
        403,
        "SignatureDoesNotMatch",
    )
    assert send(port, "PUT", typed, {}, b"1").refusal == (400, "AccessDenied")
    plain = link(CREDENTIALS, port, "PUT", "/data/b")
    assert send(port, "PUT", plain, {"x-amz-meta-a": "1"}, b"1").refusal == (400, "AccessDenied")
    assert send(port, "PUT", plain, {"Content-Type": "text/y"}, b"1").status == 200


def test_our_own_links(server: Server, port: int) -> None:
    key = "fol der/ü+%&?.txt"
    put = presign(
        CREDENTIALS,
        "PUT",
        server.endpoint,
        "data",
        key,
        expires=60,
        headers={"Content-Type": "text/x", "x-amz-meta-a": "1"},
    )
    headers = {"Content-Type": "text/x", "x-amz-meta-a": "1"}
    with urllib.request.urlopen(urllib.request.Request(put, b"ours", headers, method="PUT")) as answer:
        assert answer.status == 200
    query = {"response-content-disposition": 'attachment; filename="x y.txt"'}
    get = presign(CREDENTIALS, "GET", server.endpoint, "data", key, expires=60, query=query)
    with urllib.request.urlopen(get) as answer:
        assert answer.read() == b"ours"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="x y.txt"'
    assert server.store.stat("data", key).metadata == {"a": "1"}
    with pytest.raises(S3Error, match="week"):
        presign(CREDENTIALS, "GET", server.endpoint, "data", key, expires=604_801)


def test_our_links_are_those_of_boto3(server: Server) -> None:
    client = boto_client(server.endpoint, signature_version="s3v4")
    key = "a b/é~*'(x)!+"
    theirs = client.generate_presigned_url("get_object", Params={"Bucket": "data", "Key": key}, ExpiresIn=77)
    client.close()
    stamp = datetime.strptime(re.findall(r"X-Amz-Date=(\w+)", theirs)[0], "%Y%m%dT%H%M%SZ")
    now = stamp.replace(tzinfo=timezone.utc)
    ours = presign(CREDENTIALS, "GET", server.endpoint, "data", key, expires=77, now=now)
    assert re.findall(r"Signature=(\w+)", ours) == re.findall(r"Signature=(\w+)", theirs)


# -- refused before the body travels -----------------------------------------------------------------------


def test_a_waiting_upload_is_refused_before_it_is_sent(port: int) -> None:
    headers = {"Expect": "100-continue", "Content-Length": str(1 << 30)}
    assert send(port, "PUT", "/data/b", headers).refusal == (403, "AccessDenied")


def test_an_eager_upload_gets_to_read_why_it_was_refused(port: int) -> None:
    body = b"x" * (64 << 20)
    assert send(port, "PUT", "/data/b", {}, body).refusal == (403, "AccessDenied")
