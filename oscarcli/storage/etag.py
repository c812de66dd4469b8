"""Whether a local file has the content that an ETag stands for.

The ETag of an object that was sent in one request is the MD5 of its content; that of one sent in parts is the
MD5 of the parts' MD5s, with their number, so that the size of the parts has to be known.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from oscarcli.storage.base import MD5_ETAG

MIB = 1 << 20
MULTIPART_ETAG = re.compile(r"([0-9a-f]{32})-([0-9]+)")
# Parts as this program (16), boto3 and the AWS command line (8), Go's SDK, rclone (5), s5cmd (50) and other
# programs make them.
PART_SIZES = tuple(count * MIB for count in (5, 8, 10, 15, 16, 20, 25, 32, 50, 64, 100, 128, 256, 512, 1024))


def has_content(path: Path, size: int, etag: str | None) -> bool | None:
    """Tell whether a file has the content of an object; `None` when the ETag does not tell.

    Args:
        path: the file.
        size: of both, in bytes.
        etag: the object's.

    Raises:
        OSError: the file cannot be read.
    """
    if etag and MD5_ETAG.fullmatch(etag):
        return _digest_of_parts(path, max(size, 1))[0].hex() == etag
    parts = MULTIPART_ETAG.fullmatch(etag or "")
    if parts is None:
        return None
    for length in part_sizes(size, int(parts[2])):
        if multipart_etag(_digest_of_parts(path, length)) == etag:
            return True
    # Parts of another size may be what makes the difference.
    return None


def multipart_etag(digests: Sequence[bytes]) -> str:
    """Return what S3 and MinIO make of the MD5s of the parts."""
    joined = hashlib.md5(b"".join(digests), usedforsecurity=False)
    return f"{joined.hexdigest()}-{len(digests)}"


def part_sizes(size: int, count: int) -> list[int]:
    """Return the sizes, in bytes, that parts are likely to have, so many of an object of this size."""
    if count < 1:
        return []
    # Programs that would need more than 10,000 parts make larger ones, in whole MiB.
    smallest = -(-size // count)
    likely = {*PART_SIZES, -(-smallest // MIB) * MIB}
    return sorted(length for length in likely if length and -(-size // length) == count)


def _digest_of_parts(path: Path, length: int) -> list[bytes]:
    """Return the MD5 of each part of a file; that of nothing for an empty one."""
    digests: list[bytes] = []
    with path.open("rb", buffering=0) as file:
        while True:
            digest, left = hashlib.md5(usedforsecurity=False), length
            while left and (block := file.read(min(MIB, left))):
                digest.update(block)
                left -= len(block)
            if left < length or not digests:
                digests.append(digest.digest())
            if left:
                return digests
