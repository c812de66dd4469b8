"""Room for a large file is reserved, and nothing else is changed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from oscarcli.storage.preallocation import MIN_BYTES, preallocate

# What a block of `stat` has.
BLOCK_BYTES = 512


def reserved(path: Path, size: int) -> tuple[int, bytes]:
    """Return the bytes that a file takes of the disk when so many were reserved, and what is in it."""
    with path.open("r+b") as file:
        preallocate(file.fileno(), size)
        return os.fstat(file.fileno()).st_blocks * BLOCK_BYTES, file.read()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "part"
    path.write_bytes(b"begun")
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="no other system has the call")
def test_a_large_file_gets_its_room_and_stays_as_it_is(path: Path) -> None:
    room, content = reserved(path, MIN_BYTES)
    assert (room >= MIN_BYTES, content) == (True, b"begun")


def test_a_small_one_is_left_alone(path: Path) -> None:
    room, content = reserved(path, MIN_BYTES - 1)
    assert (room < MIN_BYTES, content) == (True, b"begun")


def test_who_asks_for_more_than_there_is_gets_nothing(path: Path) -> None:
    disk = os.statvfs(path)
    room, content = reserved(path, 2 * disk.f_blocks * disk.f_frsize + MIN_BYTES)
    assert (room < MIN_BYTES, content) == (True, b"begun")


def test_what_is_no_file_is_no_error() -> None:
    read, write = os.pipe()
    preallocate(write, MIN_BYTES)
    for descriptor in (read, write):
        os.close(descriptor)
    preallocate(write, MIN_BYTES)
