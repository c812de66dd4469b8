"""Many files as one zip: whole or not there at all, and no name in it leads out of a folder."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from oscarcli.errors import OscarError, RefusedError
from oscarcli.tui.archive import ArchiveMember, ArchiveWriter


def member(name: str, *pieces: bytes, error: OscarError | None = None) -> ArchiveMember:
    def read(_opened: object) -> Iterator[bytes]:
        yield from pieces
        if error is not None:
            raise error

    return ArchiveMember(name, read, datetime(2026, 1, 2, 3, 4, 6, tzinfo=timezone.utc))


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def writer(folder: Path, *members: ArchiveMember, name: str = "results") -> ArchiveWriter:
    return ArchiveWriter(folder, name, lambda: list(members))


def test_an_archive_has_the_files_and_no_older_one_is_replaced(tmp_path: Path) -> None:
    one = writer(tmp_path, member("in/a.txt", b"hel", b"lo"), member("ü.bin", b"\0"))
    assert one.write() == tmp_path / "results.zip"
    assert (one.files, one.bytes, one.left_out) == (2, 6, [])
    with zipfile.ZipFile(tmp_path / "results.zip") as archive:
        assert archive.testzip() is None
        assert {info.filename: archive.read(info) for info in archive.infolist()} == {
            "in/a.txt": b"hello",
            "ü.bin": b"\0",
        }
        assert archive.getinfo("ü.bin").date_time == (2026, 1, 2, 3, 4, 6)
    assert writer(tmp_path, member("x", b"")).write() == tmp_path / "results-2.zip"
    assert files_in(tmp_path) == ["results-2.zip", "results.zip"]


def test_names_that_lead_out_are_left_out_and_told(tmp_path: Path) -> None:
    names = ["../up", "/etc/passwd", "a\\..\\b", "x/../../y", "fine", "fine"]
    one = writer(tmp_path, *(member(name, b"x") for name in names))
    with zipfile.ZipFile(one.write()) as archive:
        assert archive.namelist() == ["fine"]
    assert len(one.left_out) == 5
    assert '"../up" cannot be used as a file name here' in one.left_out[0]
    assert one.left_out[-1] == 'there is another "fine"'


@pytest.mark.parametrize("name", ["../../up", "a/b/../../../up", "...", "/up"])
def test_the_archive_s_own_name_stays_in_the_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "here"
    path = writer(folder, member("x", b"x"), name=name).write()
    assert path.parent == folder
    assert files_in(tmp_path) == ["here"]


def test_nothing_is_left_of_one_that_could_not_be_finished(tmp_path: Path) -> None:
    broken = member("b", b"half", error=OscarError("the store went away"))
    with pytest.raises(OscarError, match="the store went away"):
        writer(tmp_path, member("a", b"whole"), broken).write()
    called_off = writer(tmp_path, member("a", b"x"), member("b", b"x"))
    called_off.cancel()
    with pytest.raises(OscarError, match="called off"):
        called_off.write()
    with pytest.raises(RefusedError, match="no files"):
        writer(tmp_path).write()
    assert files_in(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OscarError, match="cannot write an archive into"):
        writer(tmp_path / "file", member("a", b"")).write()
