"""ETags of parts, as boto3 makes them at moto: the digest of another program is the judge."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from oscarcli.storage.etag import has_content, part_sizes

MIB = 1 << 20


def test_the_digest_of_the_whole_tells(tmp_path: Path) -> None:
    path = tmp_path / "f"
    for content in (b"", b"content"):
        path.write_bytes(content)
        assert has_content(path, len(content), hashlib.md5(content).hexdigest()) is True
        assert has_content(path, len(content), "0" * 32) is False


@pytest.mark.parametrize("etag", [None, "", "opaque", "0" * 32 + "-0", "0" * 32 + "-2", "0" * 31])
def test_what_is_no_digest_tells_nothing(tmp_path: Path, etag: str | None) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"content")
    assert has_content(path, 7, etag) is None


@pytest.mark.parametrize("part_mib", [5, 8, 16, 7])
def test_the_digest_of_parts_tells_for_the_sizes_that_programs_use(tmp_path: Path, part_mib: int) -> None:
    content = bytes(range(256)) * (20 * MIB // 256) + b"rest"
    path = tmp_path / "f"
    path.write_bytes(content)
    parts = [content[start : start + part_mib * MIB] for start in range(0, len(content), part_mib * MIB)]
    digests = b"".join(hashlib.md5(part).digest() for part in parts)
    etag = f"{hashlib.md5(digests).hexdigest()}-{len(parts)}"
    # 7 MiB is what three equal parts in whole MiB come to.
    assert has_content(path, len(content), etag) is True
    path.write_bytes(b"!" + content[1:])
    assert has_content(path, len(content), etag) is None


def test_only_sizes_that_give_the_number_are_tried() -> None:
    assert part_sizes(100 * MIB, 10) == [10 * MIB]
    assert part_sizes(100 * MIB, 7) == [15 * MIB, 16 * MIB]
    assert part_sizes(0, 0) == []
