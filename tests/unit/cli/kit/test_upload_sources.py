from __future__ import annotations

from pathlib import Path

import pytest

from oscarcli.cli.kit.upload_sources import UploadSource, upload_batch, upload_sources
from oscarcli.errors import UsageError
from oscarcli.storage.location import Location
from oscarcli.storage.patterns import NameFilter
from oscarcli.storage.transfer import Upload


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plain(path: str) -> UploadSource:
    return UploadSource(Path(path), Path(path).name)


def test_words_name_files_globs_and_standard_input(here: Path) -> None:
    for name in ("b.jpg", "a.jpg", "c.txt", "[x].jpg"):
        (here / name).touch()
    (here / "folder.jpg").mkdir()
    assert upload_sources(["c.txt", "-", "?.jpg"]) == [
        plain("c.txt"),
        UploadSource(0, ""),
        plain("a.jpg"),
        plain("b.jpg"),
    ]
    # An existing file is not a glob.
    assert upload_sources(["[x].jpg"]) == [plain("[x].jpg")]
    folder = UploadSource(Path("folder.jpg"), "folder.jpg/", is_folder=True)
    assert upload_sources(["f*"], recursive=True) == [folder]
    assert upload_sources([".", "folder.jpg/.."], recursive=True) == [
        UploadSource(Path(), "", is_folder=True),
        UploadSource(Path("folder.jpg/.."), "", is_folder=True),
    ]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("nothere", 'local file "nothere" does not exist or is not accessible'),
        ("nothere/", 'local file "nothere/" does not exist or is not accessible'),
        ("folder", 'local file "folder" is a folder'),
        ("*.nothing", r'no local file matches "\*\.nothing"'),
        ("nothere/**", r'no local file matches "nothere/\*\*"'),
        ("link", "does not exist"),
        ("", "is empty"),
    ],
)
def test_words_that_name_no_file_are_refused(here: Path, word: str, message: str) -> None:
    (here / "folder").mkdir()
    (here / "link").symlink_to("nowhere")
    with pytest.raises(UsageError, match=message):
        upload_sources([word])


@pytest.mark.parametrize(
    ("sources", "key", "keys"),
    [
        ([plain("x/a.jpg")], "k.png", ["k.png"]),
        ([plain("x/a.jpg")], "in/", ["in/a.jpg"]),
        ([plain("x/a.jpg")], "", ["a.jpg"]),
        ([plain("a"), plain("x/c")], "in/", ["in/a", "in/c"]),
        ([plain("a"), plain("a")], "in/", ["in/a", "in/a"]),
        ([UploadSource(0, "")], "k", ["k"]),
    ],
)
def test_a_file_becomes_an_object_or_goes_into_a_folder(
    sources: list[UploadSource], key: str, keys: list[str]
) -> None:
    batch = upload_batch(sources, Location("b", key), NameFilter())
    assert [task.target for task in batch.tasks] == [Location("b", one) for one in keys]
    assert (batch.is_single, batch.refused) == (len(sources) == 1, [])


@pytest.mark.parametrize(
    ("sources", "key", "message"),
    [
        ([plain("a"), plain("c")], "in", "cannot all become"),
        ([UploadSource(0, "")], "in/", "standard input has no name"),
        ([UploadSource(0, ""), plain("a")], "in/", "standard input has no name"),
        ([plain("caf\udce9")], "in/", "no UTF-8"),
    ],
)
def test_remote_paths_that_do_not_fit_are_refused(
    sources: list[UploadSource], key: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        upload_batch(sources, Location("b", key), NameFilter())


def test_of_several_files_what_cannot_be_is_left_out() -> None:
    batch = upload_batch(
        [plain("x/a"), plain("y/a"), plain("caf\udce9"), plain("b")], Location("b", "in/"), NameFilter()
    )
    assert list(batch.tasks) == [
        Upload(Path("x/a"), Location("b", "in/a")),
        Upload(Path("b"), Location("b", "in/b")),
    ]
    assert [error.message for error in batch.refused] == [
        '"x/a" and "y/a" would both become "b/in/a"',
        '"in/caf\udce9" cannot be the name of an object: it is no UTF-8',
    ]
