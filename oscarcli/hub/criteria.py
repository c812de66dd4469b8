"""Whether what came out of a test is what had to: by a text in it, and by what kind of file it is."""

from __future__ import annotations

import io
import zipfile

from oscarcli.hub.acceptance import Expectation

# The first bytes of kinds of files (the WHATWG's "MIME Sniffing" standard, section 6, and RFC 8259 for JSON).
SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"OggS\x00", "application/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"MThd\x00\x00\x00\x06", "audio/midi"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
# A container whose kind stands behind its length.
RIFF = {b"WAVE": "audio/wav", b"WEBP": "image/webp", b"AVI ": "video/avi"}
SAME = {
    "image/jpg": "image/jpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "application/x-zip-compressed": "application/zip",
    "application/x-gzip": "application/gzip",
    "audio/mp3": "audio/mpeg",
}
# Kinds that are text to look at; what is text counts as one of them when nothing tells otherwise.
TEXTS = ("text/", "application/json", "application/xml", "application/x-yaml", "application/yaml")
HEAD_BYTES = 512
MAX_QUOTE_CHARACTERS = 80


def unmet(data: bytes, expected: Expectation, media_type: str = "") -> str | None:
    """Return why data are not what was expected, `None` when they are.

    Args:
        data: what came out.
        expected: the criteria.
        media_type: what the sender says it is, where it says that; it counts before what the data look like.
    """
    if expected.media_types:
        found = usual(media_type) if media_type else sniffed(data)
        if not any(_fits(found, usual(wanted)) for wanted in expected.media_types):
            return f"it is {found}, not {' or '.join(expected.media_types)}"
        if found == "application/zip" and (reason := _broken_zip(data)):
            return reason
    if expected.text and expected.text not in data.decode("utf-8", errors="replace"):
        return f'it does not have "{expected.text[:MAX_QUOTE_CHARACTERS]}"'
    return None


def sniffed(data: bytes) -> str:
    """Return the media type that data look like; `text/plain` or `application/octet-stream` in doubt."""
    for signature, media_type in SIGNATURES:
        if data.startswith(signature):
            return media_type
    if data.startswith(b"RIFF") and data[8:12] in RIFF:
        return RIFF[data[8:12]]
    if data[4:8] == b"ftyp":
        return "video/mp4"
    head = data[:HEAD_BYTES]
    is_binary = any(byte < 0x20 and byte not in b"\t\n\x0c\r\x1b" for byte in head)
    return "application/octet-stream" if is_binary else "text/plain"


def usual(media_type: str) -> str:
    """Return a media type without parameters, under its usual name."""
    plain = media_type.partition(";")[0].strip().lower()
    return SAME.get(plain, plain)


def _fits(found: str, wanted: str) -> bool:
    return found == wanted or (found == "text/plain" and wanted.startswith(TEXTS))


def _broken_zip(data: bytes) -> str | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return None if archive.namelist() else "it is an empty zip archive"
    except (zipfile.BadZipFile, ValueError) as error:
        return f"it is no zip archive that opens: {error}"
