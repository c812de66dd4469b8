from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from oscarcli.errors import RefusedError
from oscarcli.storage.cancel import Cancellation, Cancelled
from oscarcli.storage.source import FileSource, StreamSource, UploadPart


class Counter:
    def __init__(self) -> None:
        self.total = 0
        self.steps: list[int] = []

    def __call__(self, count: int) -> None:
        self.total += count
        self.steps.append(count)


@pytest.fixture
def counter() -> Counter:
    return Counter()


def stream_of(content: bytes) -> int:
    """Return the reading end of a pipe that somebody fills in small pieces."""
    reader, writer = os.pipe()

    def fill() -> None:
        for start in range(0, len(content), 1000):
            os.write(writer, content[start : start + 1000])
        os.close(writer)

    threading.Thread(target=fill, daemon=True).start()
    return reader


@pytest.fixture
def closing_descriptors() -> Iterator[list[int]]:
    opened: list[int] = []
    yield opened
    for descriptor in opened:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("size", "lengths"), [(0, [0]), (1, [1]), (10, [10]), (11, [10, 1]), (30, [10, 10, 10])]
)
def test_a_file_is_cut_into_pieces(tmp_path: Path, counter: Counter, size: int, lengths: list[int]) -> None:
    content = os.urandom(size)
    (tmp_path / "f").write_bytes(content)
    with FileSource(tmp_path / "f", counter, Cancellation()) as source:
        sections = list(source.sections(10))
        assert [len(section) for section in sections] == lengths
        assert b"".join(section.read() for section in sections) == content
        assert source.size == size


@pytest.mark.parametrize("size", [0, 1, 9_999, 10_000, 10_001, 35_000, 40_000])
def test_a_stream_is_cut_into_pieces(closing_descriptors: list[int], counter: Counter, size: int) -> None:
    content = os.urandom(size)
    closing_descriptors.append(stream_of(content))
    source = StreamSource(closing_descriptors[0], counter, Cancellation())
    pieces = [section.read() for section in source.sections(10_000)]
    assert b"".join(pieces) == content
    assert [len(piece) for piece in pieces[:-1]] == [10_000] * (len(pieces) - 1)
    assert len(pieces) == max(1, -(-size // 10_000))


def section_of(content: bytes, counter: Counter) -> UploadPart:
    return UploadPart(
        lambda offset, size: content[offset : offset + size], len(content), counter, Cancellation()
    )


def test_only_what_is_sent_is_progress(counter: Counter) -> None:
    section = section_of(b"0123456789", counter)
    assert section.digest("md5") == hashlib.md5(b"0123456789").digest()
    assert counter.steps == []
    section.sending = True
    section.read(4)
    section.read(4)
    assert counter.total == 8


def test_sending_again_takes_progress_back(counter: Counter) -> None:
    section = section_of(b"0123456789", counter)
    section.sending = True
    section.read(8)
    section.seek(0)
    section.read(3)
    assert counter.total == 3
    section.sent()
    assert counter.total == 10


def test_a_piece_is_a_file() -> None:
    section = section_of(b"0123456789", Counter())
    assert section.seek(-3, os.SEEK_END) == 7
    assert (section.read(), section.tell(), section.read()) == (b"789", 10, b"")
    section.seek(2)
    section.seek(1, os.SEEK_CUR)
    assert section.read(2) == b"34"


def test_a_file_that_shrinks_is_noticed(tmp_path: Path, counter: Counter) -> None:
    (tmp_path / "f").write_bytes(b"0123456789")
    with FileSource(tmp_path / "f", counter, Cancellation()) as source:
        section = next(source.sections(10))
        os.truncate(tmp_path / "f", 4)
        with pytest.raises(RefusedError, match="shorter"):
            section.read()


def test_a_file_that_changes_is_noticed(tmp_path: Path, counter: Counter) -> None:
    (tmp_path / "f").write_bytes(b"0123456789")
    with FileSource(tmp_path / "f", counter, Cancellation()) as source:
        source.check_unchanged()
        os.utime(tmp_path / "f", ns=(1, 1))
        with pytest.raises(RefusedError, match="changed"):
            source.check_unchanged()


def test_nothing_is_read_after_the_transfer_is_called_off(counter: Counter) -> None:
    section = section_of(b"0123456789", counter)
    section.cancellation.cancel()
    with pytest.raises(Cancelled):
        section.read(1)
