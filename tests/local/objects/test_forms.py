"""Forms cut at their boundaries: whatever pieces they arrive in."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oscarcli.local.http.messages import Request
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.s3.form import MAX_FIELDS, Form, read_form
from tests.support.daily import number_of

BOUNDARY = "XyZ"
DELIMITER = b"\r\n--XyZ"
# What is hard to cut: pieces of boundaries, and boundaries that go on.
CONTENT = st.lists(
    st.sampled_from(
        [b"\r", b"\n", b"-", b"--", DELIMITER[:-1], DELIMITER + b"a", DELIMITER + b"-x", b"XyZ", b"ab"]
    )
).map(b"".join)
TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters='"\\\r\n', exclude_categories=["C"]), max_size=9
)


class _Trickle:
    """Gives a few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        self._stream = io.BytesIO(data)
        self._size = size

    def read(self, size: int) -> bytes:
        return self._stream.read(min(size, self._size))


def _part(disposition: str, data: bytes) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n"
    return f"{head}X-More: 1\r\n\r\n".encode() + data + b"\r\n"


def _read(body: bytes, size: int = 1 << 16) -> tuple[Form, bytes]:
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    form = read_form(Request("POST", "/data", headers, _Trickle(body, size), len(body), "127.0.0.1"))
    return form, b"".join(iter(lambda: form.file.read(7), b""))


@settings(deadline=None, max_examples=number_of(100))
@given(value=CONTENT, data=CONTENT, name=TEXT, file_name=TEXT, size=st.integers(1, 50))
def test_any_form_is_read_as_it_was_written(
    value: bytes, data: bytes, name: str, file_name: str, size: int
) -> None:
    # A writer chooses a boundary that is in nothing it sends.
    assume(not any(re.search(rb"\r\n--XyZ(--|[ \t\r])", each + b"\r\n") for each in (value, data)))
    body = _part(f'name="n{name}"', value) + _part(f'name="file"; filename="f{file_name}"', data)
    form, found = _read(body + f"--{BOUNDARY}--\r\n".encode(), size)
    assert form.fields == {f"n{name}".lower(): value.decode()}
    assert form.file_name == f"f{file_name}".rpartition("/")[2]
    assert found == data


def test_a_form_that_breaks_off_is_no_form() -> None:
    body = _part('name="key"', b"a") + _part('name="file"; filename="a"', b"x" * 50)
    for end in range(len(body)):
        with pytest.raises(S3Error, match="it breaks off"):
            _read(body[:end], 10)


def test_a_form_has_limits() -> None:
    many = b"".join(_part(f'name="x{number}"', b"") for number in range(MAX_FIELDS + 1))
    for body in (
        many,
        _part('name="a"', b"x" * (1 << 20)),
        b"x" * (3 << 20),
        f"--{BOUNDARY}\r\n".encode() + b"y" * (3 << 20),
    ):
        with pytest.raises(S3Error, match=r"too many fields|too long|breaks off"):
            _read(body + _part('name="file"', b""))


def test_the_first_of_doubled_fields_counts() -> None:
    body = (
        _part('name="Key"', b"a")
        + _part('name="key"', b"b")
        + _part('name="file"; filename="C:\\\\d\\e.txt"', b"1")
    )
    form, data = _read(body + f"--{BOUNDARY}--".encode())
    assert (form.fields, set(form.repeated)) == ({"key": "a"}, {"key"})
    assert (form.file_name, data) == ("e.txt", b"1")
