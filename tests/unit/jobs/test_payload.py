"""Base64 in and out."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from oscarcli.errors import OscarError
from oscarcli.jobs.payload import ENCODED_BLOCK_BYTES as BLOCK_BYTES
from oscarcli.jobs.payload import Payload, decoded_answer, has_result_behind_log


@pytest.mark.parametrize(
    "size",
    [
        0,
        1,
        2,
        3,
        4,
        BLOCK_BYTES - 1,
        BLOCK_BYTES,
        BLOCK_BYTES + 1,
        3 * BLOCK_BYTES + 2,
    ],
)
def test_an_input_is_one_piece_of_base64_each_time_it_is_asked_for(size: int, tmp_path: Path) -> None:
    data = (b"\x00\xff\n" * size)[:size]
    path = tmp_path / "input"
    path.write_bytes(data)
    for payload in (Payload(data), Payload(path)):
        assert b"".join(payload) == base64.b64encode(data)
        assert b"".join(payload) == base64.b64encode(data), "a second time"
        assert payload.encoded_size == len(base64.b64encode(data))


def wrapped(data: bytes, width: int = 76) -> bytes:
    text = base64.b64encode(data)
    return b"\n".join(text[index : index + width] for index in range(0, len(text), width)) + b"\n"


PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
BINARY = bytes(range(256))


@pytest.mark.parametrize(
    "data",
    [
        b"hello\n",
        "größer\n".encode(),
        PNG,
        b"PK\x03\x04rest",
        BINARY,
        bytes(1000),
        b"x" * 100,
        b"%PDF-1.7\x00\xff",
    ],
)
def test_what_a_service_encoded_is_decoded(data: bytes) -> None:
    for answer in (base64.b64encode(data), base64.b64encode(data) + b"\n", wrapped(data), wrapped(data, 64)):
        for mode in ("guess", "decode"):
            assert decoded_answer(answer, mode) == data
        assert decoded_answer(answer, "raw") == answer


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\n",
        b"done",
        b"test\n",
        b"OK12",
        b"true",
        b"null",
        b"user done",
        b"plain text\n",
        b'{"json": 1}\n',
        b"1234",
        b"12345678",
        b"success\n\n",
        hashlib.md5(b"x", usedforsecurity=False).hexdigest().encode(),
        hashlib.sha256(b"x").hexdigest().encode() + b"\n",
        hashlib.sha512(b"x").hexdigest().upper().encode(),
        b"alpha\nbeta\ngamma\ndelta\nepsilon\nzeta\neta\ntheta\niota\nkappa\nlambda\nmumu\nnununu\n",
        b"\xff\xfe binary \x00",
        b"=" * 64,
    ],
)
def test_plain_answers_are_left_alone(answer: bytes) -> None:
    assert decoded_answer(answer, "guess") == answer
    assert decoded_answer(answer, "raw") == answer


@pytest.mark.parametrize(
    "answer", [b"not base64!", b"abc", b"a b c d ", b"ab=c", b"user done", b"ab\ncd e\n"]
)
def test_decoding_on_demand_fails_loudly(answer: bytes) -> None:
    with pytest.raises(OscarError, match="not base64"):
        decoded_answer(answer, "decode")


def test_an_empty_answer_decodes_to_nothing() -> None:
    assert decoded_answer(b"\n", "decode") == b""


def test_the_last_line_that_is_base64_is_the_result() -> None:
    answer = (
        b"2026 INFO starting\nuser done\n"
        + base64.b64encode(b"first")
        + b"\n"
        + base64.b64encode(PNG)
        + b"\n\n"
    )
    assert decoded_answer(answer, "last-line") == PNG
    assert decoded_answer(base64.b64encode(b"x") + b"\nsome log line\n", "last-line") == b"x"
    assert decoded_answer(b"log\r\n" + base64.b64encode(b"x") + b"\r\n", "last-line") == b"x"
    with pytest.raises(OscarError, match="unable to find base64-encoded output in the response"):
        decoded_answer(b"user done\n\n   \n", "last-line")


def test_a_result_behind_a_log_is_seen() -> None:
    assert has_result_behind_log(b"INFO one\nINFO two\n" + base64.b64encode(PNG) + b"\n")
    assert has_result_behind_log(b"INFO one\r\n" + base64.b64encode(b"there\n") + b"\r\n\r\n")
    for answer in (b"", b"one\ntwo\n", base64.b64encode(PNG), b"log\ndone\n", b"log\n" + b"0" * 64 + b"\n"):
        assert not has_result_behind_log(answer)
