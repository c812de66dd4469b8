"""What goes into an invocation and comes out of it: base64 both ways (`oscar-api` 3.10)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from pathlib import Path

from oscarcli.errors import OscarError

# A multiple of three, so that the pieces' encodings can be put one behind the other.
ENCODED_BLOCK_BYTES = 3 * 2**14
BASE64 = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
# A word of the script's own output can be valid base64 by chance; this much text cannot, unless it is a
# digest.
LONG_ANSWER = 64
DIGEST = re.compile(rb"[0-9a-f]{1,128}|[0-9A-F]{1,128}")
# Encoders that break lines make all but the last one of one length, of at least so many characters.
MIN_WRAPPED_CHARACTERS = 60
# How files begin that services typically leave: ZIP, PNG, JPEG, GIF, PDF, gzip, RIFF, MP3, Ogg, TIFF.
MAGIC = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"%PDF",
    b"\x1f\x8b",
    b"RIFF",
    b"ID3",
    b"OggS",
    b"II*\x00",
    b"MM\x00*",
)


class Payload:
    """An input in base64, made anew each time it is iterated: a redirect sends it a second time.

    Args:
        source: the bytes, or the file that holds them, read piece by piece.
    """

    def __init__(self, source: bytes | Path) -> None:
        self._source = source

    def __iter__(self) -> Iterator[bytes]:
        if isinstance(self._source, bytes):
            yield base64.b64encode(self._source)
            return
        with self._source.open("rb") as file:
            while block := file.read(ENCODED_BLOCK_BYTES):
                yield base64.b64encode(block)

    @property
    def encoded_size(self) -> int:
        """Size in base64, in bytes."""
        size = len(self._source) if isinstance(self._source, bytes) else self._source.stat().st_size
        return (size + 2) // 3 * 4


def decoded_answer(answer: bytes, mode: str) -> bytes:
    """Return what a service meant to say.

    Args:
        answer: the raw answer.
        mode: "raw" for the answer itself; "decode" for its decoding or an error; "last-line" for the
            decoding of the last line that is base64; "guess" to decode only what clearly is base64.

    Raises:
        OscarError: decoding was asked for and the answer is not base64.
    """
    if mode == "raw":
        return answer
    if mode == "last-line":
        return _last_line(answer)
    decoded = _decoded(answer)
    if mode == "decode":
        if decoded is None:
            raise OscarError("the answer is not base64", hint="run it again with --raw to see the answer")
        return decoded
    return answer if decoded is None or not _is_base64_text(answer.split(), decoded) else decoded


def has_result_behind_log(answer: bytes) -> bool:
    """Tell whether an answer is text whose last line is clearly base64: a log, and the result behind it."""
    lines = answer.strip().splitlines()
    decoded = _decoded(lines[-1]) if len(lines) > 1 else None
    return decoded is not None and _is_base64_text([lines[-1].strip()], decoded)


def _last_line(answer: bytes) -> bytes:
    for line in reversed(answer.splitlines()):
        decoded = _decoded(line) if line.strip() else None
        if decoded is not None:
            return decoded
    raise OscarError("unable to find base64-encoded output in the response")


def _decoded(answer: bytes) -> bytes | None:
    text = b"".join(line.strip() for line in answer.splitlines())
    if len(text) % 4 or not BASE64.fullmatch(text):
        return None
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


def _is_base64_text(lines: list[bytes], decoded: bytes) -> bool:
    """Tell whether an answer was encoded by somebody rather than being text that reads as base64 by chance.

    Args:
        lines: the answer's lines, or words.
        decoded: what they decode to together.
    """
    widths = {len(line) for line in lines[:-1]}
    if len(widths) > 1 or any(width < MIN_WRAPPED_CHARACTERS for width in widths):
        return False
    if decoded.startswith(MAGIC):
        return True
    text = b"".join(lines)
    if len(text) >= LONG_ANSWER:
        return DIGEST.fullmatch(text) is None
    return _is_text(decoded)


def _is_text(data: bytes) -> bool:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return bool(text) and all(character.isprintable() or character in "\n\r\t" for character in text)
