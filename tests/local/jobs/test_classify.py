"""What becomes of a payload, row by row; test_supervisor_oracle.py asks the real supervisor."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest

from oscarcli.local.jobs import classify as module
from oscarcli.local.jobs.classify import (
    DCacheFile,
    EventObject,
    Payload,
    Raw,
    SupervisorCrash,
    classify,
    classify_run,
    decode_base64,
)
from oscarcli.local.jobs.payloads import PayloadFile

Told = list[tuple[str, str]]


def classified(body: bytes | str) -> tuple[Payload, Told]:
    """Return what a payload is, and what is logged over it."""
    told: Told = []
    return classify(body, lambda level, words: told.append((level, words))), told


def storage_event(source: str = "minio:s3", **members: Any) -> dict[str, Any]:
    record = {
        "eventSource": source,
        "eventTime": "2026-03-04T05:06:07.089Z",
        "s3": {"bucket": {"name": "b", "arn": "arn"}, "object": {"key": "in%2Fa+b.txt"}},
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
        (json.dumps('{"a":1}').encode(), b'{"a":1}'),
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
    found, _ = classified(body)
    assert isinstance(found, Raw)
    assert found.content() == content


def test_a_gateways_query_becomes_variables() -> None:
    body = {"httpMethod": "POST", "body": '{"a": 1}', "queryStringParameters": {"size": "3", "n": ""}}
    found, told = classified(json.dumps(body))
    assert found == Raw({"a": 1}, variables={"CONT_VAR_size": "3"})
    assert told == [("INFO", "API Gateway event found.")]


@pytest.mark.parametrize("source", ["minio:s3", "aws:s3"])
def test_a_storage_event_names_bucket_key_and_time(source: str) -> None:
    event = storage_event(source)
    found, told = classified(json.dumps(event))
    kind = {"minio:s3": "MINIO", "aws:s3": "S3"}[source]
    assert found == EventObject(kind, "default", "b", "in/a b.txt", "2026-03-04T05:06:07.089Z", event)
    assert told == [
        ("INFO", "Storage event found."),
        ("INFO", f"event_records = {event['Records'][0]} \n"),
        ("INFO", f"{kind} event created"),
    ]


@pytest.mark.parametrize("as_text", [True, False])
def test_a_delegated_event_is_unwrapped_and_its_provider_is_an_id(as_text: bool) -> None:
    event: Any = storage_event()
    body = {"storage_provider": "other", "event": json.dumps(event) if as_text else event}
    found, told = classified(json.dumps(body))
    assert isinstance(found, EventObject)
    assert (found.provider, found.event) == ("other", event)
    assert told[:2] == [("INFO", "Delegated event found."), ("INFO", "Storage event found.")]


def test_a_dcache_event_names_a_file_behind_webdav() -> None:
    found, told = classified(json.dumps({"event": {"name": "x"}, "subscription": 1}))
    assert found == DCacheFile("x", "x", {"name": "x"})
    assert told == [
        ("INFO", "Dcache event found."),
        ("WARNING", "There is no dcache input defined for this function."),
        ("INFO", "DCACHE event created"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"1234",
        b"true",
        b"null",
        b'"an event"',
        json.dumps(storage_event("OneTrigger")).encode(),
        json.dumps({"Records": [{"eventSource": "minio:s3"}]}).encode(),
        json.dumps({"httpMethod": "GET", "queryStringParameters": {"n": 4}}).encode(),
        json.dumps({"event": 3}).encode(),
        b"[" * 100_000,
    ],
)
def test_what_ends_the_real_supervisor_ends_the_run(body: bytes) -> None:
    with pytest.raises(SupervisorCrash):
        classified(body)


@pytest.mark.parametrize(
    ("body", "last_line"),
    [
        (b"[1, 2]", "TypeError: write() argument must be str, not list"),
        (
            b'"abcde"',
            "binascii.Error: Invalid base64-encoded string: number of data characters (5) cannot be",
        ),
        (b"abc", "binascii.Error: Incorrect padding"),
        ("dGV4dAü=".encode(), "ValueError: string argument should contain only ASCII characters"),
    ],
)
def test_what_cannot_be_the_file_ends_the_run_when_it_is_written(body: bytes, last_line: str) -> None:
    found, _ = classified(body)
    assert isinstance(found, Raw)
    with pytest.raises(SupervisorCrash) as crash:
        found.content()
    assert crash.value.last_line.startswith(last_line)


def test_a_large_body_is_decoded_without_holding_it(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    path = tmp_path / "payload"
    path.write_bytes(base64.encodebytes(content))
    assert classify_run(PayloadFile(path), lambda *_: None) == Raw(None)
    decoded = io.BytesIO()
    with path.open("rb") as source:
        decode_base64(source, decoded)
    assert decoded.getvalue() == content


@pytest.mark.parametrize("body", [b"abcde" * module.BLOCK_BYTES, b"\xff" + b"A" * module.BLOCK_BYTES])
def test_a_large_body_that_is_no_base64_ends_the_run(body: bytes) -> None:
    with pytest.raises(SupervisorCrash):
        decode_base64(io.BytesIO(body[: module.BLOCK_BYTES * 5 - 3]), io.BytesIO())


def test_a_large_json_document_is_still_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "payload"
    path.write_bytes(json.dumps({"data": "x" * module.MAX_SNIFFED_BYTES}).encode())
    found = classify_run(PayloadFile(path), lambda *_: None)
    assert isinstance(found, Raw)
    assert found.body == {"data": "x" * module.MAX_SNIFFED_BYTES}
    monkeypatch.setattr(module, "MAX_JSON_BYTES", 10)
    with pytest.raises(SupervisorCrash, match="MiB"):
        classify_run(PayloadFile(path), lambda *_: None)
