"""What counts as what was expected."""

from __future__ import annotations

import io
import zipfile

import pytest

from oscarcli.hub.acceptance import Expectation
from oscarcli.hub.criteria import sniffed, unmet


def _zip(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n rest", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"\x00\x00\x00\x18ftypmp42", "video/mp4"),
        ("Grüße\n".encode(), "text/plain"),
        (b'{"a": 1}', "text/plain"),
        (b"\x00\x01\x02", "application/octet-stream"),
        (b"", "text/plain"),
    ],
)
def test_media_types_by_the_first_bytes(data: bytes, media_type: str) -> None:
    assert sniffed(data) == media_type


@pytest.mark.parametrize(
    ("data", "expected", "said", "reason"),
    [
        (b"Words: 6\n", Expectation("Words: 6"), "", None),
        (b"Words: 7\n", Expectation("Words: 6"), "", 'it does not have "Words: 6"'),
        (b"\xff\xd8\xff", Expectation("", ("image/jpg",)), "", None),
        (b"\xff\xd8\xff", Expectation("", ("a/b", "c/d")), "", "it is image/jpeg, not a/b or c/d"),
        (b'{"a": 1}', Expectation("", ("application/json",)), "", None),
        (b"x", Expectation("", ("image/png",)), "image/png; q=1", None),
        (b"x", Expectation("", ("text/plain",)), "text/html", "it is text/html, not text/plain"),
        (_zip("a"), Expectation("", ("application/zip",)), "", None),
        (_zip(), Expectation("", ("application/zip",)), "", "it is an empty zip archive"),
        (b"", Expectation(), "", None),
    ],
)  # fmt: skip
def test_criteria(data: bytes, expected: Expectation, said: str, reason: str | None) -> None:
    assert unmet(data, expected, said) == reason


def test_a_damaged_zip() -> None:
    reason = unmet(_zip("a")[:30], Expectation("", ("application/zip",)))
    assert reason is not None
    assert reason.startswith("it is no zip archive that opens")
