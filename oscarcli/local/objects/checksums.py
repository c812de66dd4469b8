"""The additional checksums of S3: CRC32, CRC32C, CRC64NVME, SHA1 and SHA256."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Sequence
from typing import Protocol

from oscarcli.local.objects import crc, crc_native
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.model import Checksum

FULL_OBJECT = "FULL_OBJECT"
COMPOSITE = "COMPOSITE"


class Hasher(Protocol):
    """What computes one checksum."""

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""
        ...

    def digest(self) -> bytes:
        """Return the checksum of all bytes so far, big-endian."""
        ...


class _CrcHasher:
    def __init__(self, update: Callable[[bytes, int], int], width: int) -> None:
        self._update = update
        self._width = width
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = self._update(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._width, "big")


_HASHERS: dict[str, Callable[[], Hasher]] = {
    "CRC32": lambda: _CrcHasher(zlib.crc32, 4),
    "CRC32C": lambda: _CrcHasher(crc_native.crc32c(), 4),
    "CRC64NVME": lambda: _CrcHasher(crc_native.crc64nvme(), 8),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
}
_CRCS = {"CRC32": crc.CRC32, "CRC32C": crc.CRC32C, "CRC64NVME": crc.CRC64NVME}
ALGORITHMS = tuple(_HASHERS)


def header_name(algorithm: str) -> str:
    """Return the lower-case header that carries a checksum of `algorithm`."""
    return f"x-amz-checksum-{algorithm.lower()}"


def check_algorithm(name: str) -> str:
    """Return the algorithm's name in capitals. Raises S3Error("InvalidArgument") for an unknown one."""
    if name.upper() not in _HASHERS:
        raise invalid()
    return name.upper()


def check_value(algorithm: str, value: str) -> str:
    """Return `value` when it is base64 of the right length. Raises S3Error("InvalidArgument")."""
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid() from error
    if len(raw) != len(new(algorithm).digest()):
        raise invalid()
    return value


def invalid() -> S3Error:
    """Return the error for a checksum that cannot be one."""
    return S3Error("InvalidArgument", "Invalid checksum provided.")


def new(algorithm: str) -> Hasher:
    """Return a fresh hasher."""
    return _HASHERS[algorithm]()


def encoded(hasher: Hasher) -> str:
    """Return the hasher's value as S3 writes it: base64."""
    return base64.b64encode(hasher.digest()).decode()


def upload_kind(algorithm: str, wanted: str) -> str:
    """Return the kind of checksum a multipart upload gets. Raises S3Error("InvalidArgument").

    CRC64NVME always covers the whole object; the SHA digests cannot be combined and never do.
    """
    if algorithm == "CRC64NVME":
        return FULL_OBJECT
    kind = wanted or COMPOSITE
    if kind not in (FULL_OBJECT, COMPOSITE) or (kind == FULL_OBJECT and algorithm not in _CRCS):
        raise invalid()
    return kind


def of_parts(algorithm: str, kind: str, parts: Sequence[tuple[str, int]]) -> Checksum:
    """Return the checksum of a multipart object from (base64 value, size) of its parts, in order."""
    if kind == FULL_OBJECT:
        function = _CRCS[algorithm]
        value = 0
        for text, size in parts:
            value = function.combine(value, int.from_bytes(base64.b64decode(text), "big"), size)
        return Checksum(algorithm, base64.b64encode(value.to_bytes(function.bytes, "big")).decode(), kind)
    hasher = new(algorithm)
    for text, _ in parts:
        hasher.update(base64.b64decode(text))
    return Checksum(algorithm, f"{encoded(hasher)}-{len(parts)}", kind)
