"""What becomes of a payload, row by row of the contract's table."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest

from oscarcli.local.jobs import classify as module
from oscarcli.local.jobs.classify import Crash, Raw, StoredObject, classify, classify_file, decode_base64


def storage_event(source: str = "minio:s3", **members: Any) -> dict[str, Any]:
    record = {
        "eventSource": source,
        "eventTime": "2026-03-04T05:06:07.089Z",
        "s3": {"bucket": {"name": "b"}, "object": {"key": "in%2Fa+b.txt"}},
    }
    return {"Key": "b/in/a b.txt", "Records": [record], **members}


@pytest.mark.parametrize(
    ("body", "content"),
    [
        (b"", b""),
        (base64.b64encode(b"text"), b"text"),
        (b"dG V*4\ndA==", b"text"),
        (b'{"a":  1, "b": "\xc3\xbc"}', b'{"a": 1, "b": "\\u00fc"}'),
        (b'"dGV4dA=="', b"text"),
        (json.dumps({"httpMethod": "POST", "body": "dGV4dA=="}).encode(), b"text"),
        (json.dumps({"event": {"x": 1}, "subscription": 1}).encode(), b'{"x": 1}'),
        (json.dumps({"event": "dGV4dA=="}).encode(), b"text"),
        (json.dumps({"Records": []}).encode(), b'{"Records": []}'),
        (
            json.dumps({"Records": [{"eventSource": "else"}]}).encode(),
            b'{"Records": [{"eventSource": "else"}]}',
        ),
        (
            json.dumps({"event_type": "x", "payload": {"scope": "s"}}).encode(),
            b'{"event_type": "x", "payload": {"scope": "s"}}',
        ),
    ],
)
def test_a_payload_that_is_no_storage_event_becomes_the_file(body: bytes, content: bytes) -> None:
    assert classify(body) == Raw(content)


def test_a_gateways_query_becomes_variables() -> None:
    body = {"httpMethod": "POST", "body": '{"a": 1}', "queryStringParameters": {"size": "3", "n": 4}}
    assert classify(json.dumps(body)) == Raw(b'{"a": 1}', {"CONT_VAR_size": "3", "CONT_VAR_n": "4"})


@pytest.mark.parametrize(("source", "kind"), [("minio:s3", "minio"), ("aws:s3", "s3")], ids=["minio", "aws"])
def test_a_storage_event_names_bucket_key_and_time(source: str, kind: str) -> None:
    event = storage_event(source)
    found = classify(json.dumps(event))
    assert found == StoredObject((kind, "default"), "b", "in/a b.txt", "2026-03-04T05:06:07.089Z", event)


@pytest.mark.parametrize("as_text", [True, False])
def test_a_delegated_event_is_unwrapped_and_keeps_its_provider(as_text: bool) -> None:
    event: Any = storage_event()
    body = {"storage_provider": "minio.other", "event": json.dumps(event) if as_text else event}
    found = classify(json.dumps(body))
    assert isinstance(found, StoredObject)
    assert (found.provider, found.event) == (("minio", "other"), event)


@pytest.mark.parametrize(
    "body",
    [
        b"[1, 2]",
        b"1234",
        b"true",
        b"null",
        b'"abcde"',
        b"abc",
        "dGV4dAü=".encode(),
        json.dumps(storage_event("OneTrigger")).encode(),
        json.dumps({"Records": [{"eventSource": "minio:s3"}]}).encode(),
        json.dumps({"event_type": "x"}).encode(),
        json.dumps({"httpMethod": "GET"}).encode(),
        json.dumps({"event": 3}).encode(),
        b"[" * 100_000,
    ],
)
def test_what_ends_the_real_supervisor_ends_the_run(body: bytes) -> None:
    with pytest.raises(Crash):
        classify(body)


def test_a_large_body_is_decoded_without_holding_it(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    path = tmp_path / "payload"
    path.write_bytes(base64.encodebytes(content))
    assert classify_file(path) == Raw(None)
    decoded = io.BytesIO()
    with path.open("rb") as source:
        decode_base64(source, decoded)
    assert decoded.getvalue() == content


@pytest.mark.parametrize("body", [b"abcde" * module.BLOCK, b"\xff" + b"A" * module.BLOCK])
def test_a_large_body_that_is_no_base64_ends_the_run(body: bytes) -> None:
    with pytest.raises(Crash):
        decode_base64(io.BytesIO(body[: module.BLOCK * 5 - 3]), io.BytesIO())


def test_a_large_json_document_is_still_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "payload"
    path.write_bytes(json.dumps({"data": "x" * module.SNIFF_LIMIT}).encode())
    found = classify_file(path)
    assert isinstance(found, Raw)
    assert found.content is not None
    monkeypatch.setattr(module, "JSON_LIMIT", 10)
    with pytest.raises(Crash, match="MiB"):
        classify_file(path)
