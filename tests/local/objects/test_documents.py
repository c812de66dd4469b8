"""Documents that come in, requests for what does not exist, and paths that are none."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from tests.local.objects.harness import CREDENTIALS, Server, refusal
from tests.local.objects.raw import Answer, send, signed


@pytest.fixture
def port(server: Server) -> int:
    server.store.create_bucket("data")
    return server.port


def _post(port: int, target: str, body: bytes) -> Answer:
    md5 = {"Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode()}
    return send(port, "POST", target, signed(CREDENTIALS, port, "POST", target, body=body, headers=md5), body)


def test_a_document_with_entities_is_refused(port: int) -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    body = f'<!DOCTYPE d [<!ENTITY l0 "ha">{laughs}]><Delete><Object><Key>&l9;</Key></Object></Delete>'
    for encoding in ("utf-8", "utf-16"):
        assert _post(port, "/data?delete", body.encode(encoding)).refusal == (400, "MalformedXML")


@pytest.mark.parametrize("body", ["", "<Delete", "<Other/>", "<Delete/>", "<Delete><Object/></Delete>"])
def test_malformed_documents_are_refused(port: int, body: str) -> None:
    assert _post(port, "/data?delete", body.encode()).refusal == (400, "MalformedXML")


def test_a_deletion_of_many_needs_a_digest(port: int) -> None:
    body = b"<Delete><Object><Key>a</Key></Object></Delete>"
    headers = signed(CREDENTIALS, port, "POST", "/data?delete", body=body)
    assert send(port, "POST", "/data?delete", headers, body).refusal == (400, "MissingContentMD5")


def test_a_document_has_a_longest_length(port: int) -> None:
    assert _post(port, "/data?delete", b"x" * (5 << 20)).refusal == (400, "EntityTooLarge")


def test_what_does_not_exist_is_501(port: int) -> None:
    for method, target in (
        ("POST", "/data"),
        ("POST", "/data/a?select&select-type=2"),
        ("PATCH", "/data/a"),
        ("PUT", "/"),
        ("GET", "/data?inventory"),
        ("DELETE", "/data?versioning"),
        ("POST", "/data/a?restore"),
    ):
        answer = send(port, method, target, signed(CREDENTIALS, port, method, target))
        assert answer.refusal == (501, "NotImplemented")
        assert answer.headers["content-type"] == "application/xml"


def test_a_path_that_is_not_utf8_is_refused(port: int) -> None:
    target = "/data/a%FFb"
    assert send(port, "PUT", target, signed(CREDENTIALS, port, "PUT", target)).refusal == (400, "InvalidURI")
    target = "/data/a%00b"
    answer = send(port, "PUT", target, signed(CREDENTIALS, port, "PUT", target))
    assert answer.refusal == (400, "XMinioInvalidObjectName")


def test_an_error_in_the_store_is_a_500(server: Server, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(server.store, "put", fail)
    assert refusal(lambda: s3.put_object(Bucket="data", Key="a"))[0] == 500
