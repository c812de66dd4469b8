"""Onedata over a scripted Oneprovider that keeps to its published interface, and misbehaves as told."""

from __future__ import annotations

import json
import os
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from oscarcli.errors import (
    AuthError,
    ForbiddenError,
    NotFoundError,
    OscarError,
    RefusedError,
    StorageFullError,
    UnreachableError,
    UsageError,
)
from oscarcli.storage.base import Reader
from oscarcli.storage.cancel import Cancellation, Cancelled
from oscarcli.storage.file_server.requests import FileServerSettings
from oscarcli.storage.location import Location
from oscarcli.storage.onedata import upload
from oscarcli.storage.onedata.storage import OnedataStorage
from oscarcli.storage.source import FileSource, StreamSource
from tests.support.onedata_servers import EXPIRED, SPACE, TOKEN, OneproviderServer, oneprovider

MIB = 1 << 20
PLACE = Location("data", "in/a.txt")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OneproviderServer]:
    with oneprovider(tmp_path) as server:
        yield server


@pytest.fixture
def storage(server: OneproviderServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[OnedataStorage]:
    monkeypatch.setattr("oscarcli.storage.wire.client.RETRY_SECONDS", 0.001)
    with closing(opened(server)) as storage:
        yield storage


def opened(server: OneproviderServer, token: str = TOKEN, space: str = SPACE) -> OnedataStorage:
    settings = FileServerSettings(
        "onedata.plg", server.endpoint, {"x-auth-token": token}, read_timeout=5, outage_limit=0
    )
    return OnedataStorage(settings, space)


def write(storage: OnedataStorage, content: bytes, location: Location = PLACE) -> list[int]:
    steps: list[int] = []
    cancellation = Cancellation()
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        source = FileSource(Path(file.name), steps.append, cancellation)
        with source:
            storage.write(location, source, content_type="text/plain", cancellation=cancellation)
    return steps


def content_of(reader: Reader) -> bytes:
    with closing(reader):
        return b"".join(iter(lambda: reader.read(1000), b""))


def tree(server: OneproviderServer) -> dict[str, bytes | None]:
    """Return the files of the space by path, `None` for a folder."""
    found = sorted(server.space.rglob("*"))
    return {str(p.relative_to(server.space)): None if p.is_dir() else p.read_bytes() for p in found}


# -- folders and names -------------------------------------------------------------------------------


def test_folders_are_made_on_the_way(storage: OnedataStorage, server: OneproviderServer) -> None:
    assert sum(write(storage, b"content")) == 7
    assert tree(server) == {"data": None, "data/in": None, "data/in/a.txt": b"content"}
    folders = [call for call in server.calls if call.startswith("PUT") and call.endswith("/")]
    assert folders == ["PUT /cdmi/CMS%201/data/", "PUT /cdmi/CMS%201/data/in/"]
    server.calls.clear()
    write(storage, b"more", Location("data", "in/b.txt"))
    assert [call for call in server.calls if call.endswith("/")] == []


@pytest.mark.parametrize("name", ["a b", "100%", "a%20b", "ü ö", "?x#y;z", "日本.txt", "a+b&c=d"])
def test_any_name_goes_there_and_comes_back(
    storage: OnedataStorage, server: OneproviderServer, name: str
) -> None:
    place = Location("d ü%20", f"{name}/{name}")
    write(storage, b"one", place)
    write(storage, b"other", place)
    assert tree(server)[f"d ü%20/{name}/{name}"] == b"other"
    assert content_of(storage.read(place)) == b"other"
    assert [found.location for found in storage.list("d ü%20", f"{name}/")] == [place]
    storage.remove(place)
    assert f"d ü%20/{name}/{name}" not in tree(server)


def test_a_folder_in_the_place_of_a_file_stays(storage: OnedataStorage, server: OneproviderServer) -> None:
    (server.space / "data" / "folder").mkdir(parents=True)
    (server.space / "data" / "folder" / "kept").write_text("kept")
    place = Location("data", "folder")
    with pytest.raises(RefusedError, match="it is a folder there"):
        write(storage, b"x", place)
    with pytest.raises(RefusedError, match="it is a folder there"):
        storage.remove(place)
    with pytest.raises(RefusedError, match="not empty"):
        storage.remove(place.as_folder())
    for attempt in (storage.stat, storage.read):
        with pytest.raises(NotFoundError, match="it is a folder there"):
            attempt(place)
    with pytest.raises(RefusedError, match='"CMS 1/data/folder/kept" is a file, not a folder'):
        write(storage, b"x", Location("data", "folder/kept/x"))
    assert tree(server) == {"data": None, "data/folder": None, "data/folder/kept": b"kept"}


def test_a_marker_is_a_folder(storage: OnedataStorage, server: OneproviderServer) -> None:
    write(storage, b"", Location("data", "a/b/"))
    assert tree(server) == {"data": None, "data/a": None, "data/a/b": None}
    storage.remove(Location("data", "a/b/"))
    assert tree(server) == {"data": None, "data/a": None}
    write(storage, b"x", Location("data", "a/b/c"))
    assert tree(server)["data/a/b/c"] == b"x"


@pytest.mark.parametrize("key", ["../x", "in/../../x", "./x", "in//x", "in/.."])
def test_a_path_does_not_leave_the_space(
    storage: OnedataStorage, server: OneproviderServer, key: str
) -> None:
    attempts: list[Callable[[Location], object]] = [
        storage.stat,
        storage.read,
        storage.remove,
        lambda place: write(storage, b"x", place),
        lambda place: list(storage.list(place.bucket, f"{place.key}/")),
    ]
    for attempt in attempts:
        with pytest.raises(UsageError, match="has no empty parts"):
            attempt(Location("data", key))
    assert server.calls == []


def test_a_space_that_the_token_does_not_show(server: OneproviderServer) -> None:
    with closing(opened(server, space="Other")) as storage:
        attempts: list[Callable[[], object]] = [
            lambda: storage.stat(PLACE),
            lambda: list(storage.list("data", "")),
            lambda: write(storage, b"x"),
        ]
        for attempt in attempts:
            with pytest.raises(NotFoundError, match='there is no space "Other"') as caught:
                attempt()
            assert "member" in str(caught.value.hint)


# -- listing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("knows_tokens", [True, False])
@pytest.mark.parametrize("count", [0, 1, 3, 7, 9])
def test_a_listing_goes_on_over_all_pages(
    storage: OnedataStorage, server: OneproviderServer, knows_tokens: bool, count: int
) -> None:
    # Old versions have offsets in the place of tokens, and other names of attributes.
    server.page, server.knows_tokens = 3, knows_tokens
    (server.space / "data" / "in").mkdir(parents=True)
    for number in range(count):
        (server.space / "data" / "in" / f"{number}").write_bytes(b"x" * number)
    found = [(one.location.key, one.size) for one in storage.list("data", "in/")]
    assert found == [(f"in/{number}", number) for number in range(count)]
    pages = [call for call in server.calls if "/children?" in call]
    # The bucket's own folder is not listed on the way.
    assert len(pages) == max(1, -(-count // 3))


def test_links_are_no_objects(storage: OnedataStorage, server: OneproviderServer) -> None:
    write(storage, b"x")
    (server.space / "data" / "in" / "link").symlink_to("a.txt")
    assert [one.location for one in storage.list("data", "")] == [PLACE]


def test_a_folder_of_links_is_not_empty(storage: OnedataStorage, server: OneproviderServer) -> None:
    write(storage, b"", Location("data", "links/"))
    (server.space / "data" / "links" / "link").symlink_to("elsewhere")
    with pytest.raises(RefusedError, match="not empty"):
        storage.remove(Location("data", "links/"))
    assert (server.space / "data" / "links" / "link").is_symlink()


def test_a_listing_says_the_same_as_a_look(storage: OnedataStorage, server: OneproviderServer) -> None:
    write(storage, b"content")
    (listed,) = storage.list("data", "")
    assert listed == storage.stat(PLACE)
    assert listed.modified is not None


# -- replacing ---------------------------------------------------------------------------------------


def test_a_file_that_is_replaced_has_another_mark(storage: OnedataStorage) -> None:
    write(storage, b"first")
    first = storage.stat(PLACE)
    write(storage, b"other")
    assert storage.stat(PLACE).etag != first.etag
    with pytest.raises(RefusedError, match="was changed in the meantime"):
        storage.read(PLACE, etag=first.etag)


def test_the_former_file_comes_back_when_the_new_one_does_not_get_its_name(
    storage: OnedataStorage, server: OneproviderServer
) -> None:
    write(storage, b"former")

    def loses(line: str) -> bool:
        # The former file has just stepped aside: the new one is taken away behind our back.
        parts = list((server.space / "data" / "in").glob(".*.part")) if line.startswith("PUT") else []
        for path in parts if len(parts) == 2 else ():
            if path.read_bytes() == b"new":
                path.unlink()
        return False

    server.loses = loses
    with pytest.raises(NotFoundError, match="there is no such object"):
        write(storage, b"new")
    assert tree(server) == {"data": None, "data/in": None, "data/in/a.txt": b"former"}


def test_the_former_file_comes_back_when_the_upload_is_called_off_as_it_steps_aside(
    storage: OnedataStorage, server: OneproviderServer, tmp_path: Path
) -> None:
    write(storage, b"former")
    (tmp_path / "f").write_bytes(b"new")
    cancellation = Cancellation()

    def loses(line: str) -> bool:
        # The rename was carried out; whoever waits for its answer is called off.
        is_aside = line.startswith("PUT") and not (server.space / "data" / "in" / "a.txt").exists()
        if is_aside and len(list((server.space / "data" / "in").glob(".*.part"))) == 2:
            cancellation.cancel()
        return False

    server.loses = loses
    with FileSource(tmp_path / "f", lambda _: None, cancellation) as source, pytest.raises(Cancelled):
        storage.write(PLACE, source, content_type="text/plain", cancellation=cancellation)
    assert tree(server) == {"data": None, "data/in": None, "data/in/a.txt": b"former"}


def test_an_answer_that_is_lost_is_no_failure(storage: OnedataStorage, server: OneproviderServer) -> None:
    lost: set[str] = set()

    def loses(line: str) -> bool:
        # The first answer of each kind: a folder, a content, two renames, and deleting what stepped aside.
        kind = line.partition(" ")[0] + ("/" if "/ " in line else ".part" if ".part" in line else "")
        is_first = kind not in lost and not line.startswith(("GET", "POST"))
        lost.add(kind)
        return is_first

    server.loses = loses
    write(storage, b"first")
    write(storage, b"second")
    assert tree(server) == {"data": None, "data/in": None, "data/in/a.txt": b"second"}
    assert {"PUT/", "PUT.part", "PUT", "DELETE.part"} <= lost


# -- content -----------------------------------------------------------------------------------------


def test_a_part_that_breaks_off_is_sent_again_alone(
    storage: OnedataStorage, server: OneproviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "PART_BYTES", 1000)
    contents = 0

    def loses(line: str) -> bool:
        nonlocal contents
        contents += line.startswith("PUT") and ".part" in line
        return contents == 3 and line.startswith("PUT")

    server.loses = loses
    content = os.urandom(3500)
    assert sum(write(storage, content)) == 3500
    assert tree(server)["data/in/a.txt"] == content
    # Four parts, one of them twice.
    assert contents == 5


@pytest.mark.parametrize("size", [0, 1, 1000, 2000, 2500])
def test_a_stream_goes_in_parts(
    storage: OnedataStorage, server: OneproviderServer, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(upload, "STREAM_PART_BYTES", 1000)
    content = os.urandom(size)
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    cancellation, steps = Cancellation(), list[int]()
    source = StreamSource(reading, steps.append, cancellation)
    storage.write(PLACE, source, content_type="text/plain", cancellation=cancellation)
    os.close(reading)
    assert tree(server)["data/in/a.txt"] == content
    assert sum(steps) == size


class Recorder:
    """What stands for a server that takes any part without looking at it."""

    def __init__(self) -> None:
        self.ranges: list[str] = []

    def call(self, _doing: str, _method: str, _path: str, *, headers: dict[str, str], **_: Any) -> None:
        self.ranges.append(headers.get("content-range", ""))


def test_positions_go_beyond_4_gib(tmp_path: Path) -> None:
    size = (4 << 30) + 1
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", size)
    cancellation, steps = Cancellation(), list[int]()
    server: Any = Recorder()
    with FileSource(tmp_path / "large", steps.append, cancellation) as source:
        count = upload.send_parts(server, "/cdmi/s/a", source, "text/plain", "upload", cancellation)
    assert count == sum(steps) == size
    assert server.ranges[:2] == ["", "bytes 67108864-134217727/*"]
    assert server.ranges[-1] == "bytes 4294967296-4294967296/*"


def test_a_large_file_takes_little_memory(
    storage: OnedataStorage, server: OneproviderServer, tmp_path: Path
) -> None:
    server.discards = True
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", 80 * MIB)
    cancellation, steps = Cancellation(), list[int]()
    tracemalloc.start()
    try:
        with FileSource(tmp_path / "large", steps.append, cancellation) as source:
            storage.write(PLACE, source, content_type="text/plain", cancellation=cancellation)
        # The server is in this process, too.
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()
    assert sum(steps) == 80 * MIB


def test_an_upload_that_is_called_off_leaves_nothing(
    storage: OnedataStorage, server: OneproviderServer, tmp_path: Path
) -> None:
    cancellation = Cancellation()

    def loses(line: str) -> bool:
        if ".part" in line and line.startswith("PUT"):
            cancellation.cancel()
        return False

    server.loses = loses
    (tmp_path / "f").write_bytes(b"content")
    with FileSource(tmp_path / "f", lambda _: None, cancellation) as source, pytest.raises(Cancelled):
        storage.write(PLACE, source, content_type="text/plain", cancellation=cancellation)
    assert tree(server) == {"data": None, "data/in": None}


def test_what_arrived_is_compared_by_size(storage: OnedataStorage, server: OneproviderServer) -> None:
    def loses(line: str) -> bool:
        for path in (server.space / "data" / "in").glob(".*.part") if line.startswith("PUT") else ():
            os.truncate(path, 3)
        return False

    server.loses = loses
    with pytest.raises(RefusedError, match="7 bytes were sent, the stored object has 3"):
        write(storage, b"content")
    assert tree(server) == {"data": None, "data/in": None}


# -- what an Oneprovider says no to ------------------------------------------------------------------


def test_a_full_space(storage: OnedataStorage, server: OneproviderServer) -> None:
    server.room = 1000
    with pytest.raises(RefusedError, match="the quota is used up, or the storage is full") as caught:
        write(storage, b"x" * 2000)
    assert "enospc" in caught.value.message
    assert tree(server) == {"data": None, "data/in": None}


def test_an_expired_token(server: OneproviderServer) -> None:
    with closing(opened(server, EXPIRED)) as storage, pytest.raises(AuthError) as caught:
        storage.stat(PLACE)
    assert "the token has expired" in caught.value.message
    assert 'the caveat "valid until 2019-10-15" is unverified' in caught.value.message
    assert EXPIRED not in caught.value.message


def error(kind: str, **details: Any) -> bytes:
    return json.dumps({"error": {"id": kind, "description": "the words", "details": details}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (400, error("posix", errno="eacces"), ForbiddenError, "access denied (the words)"),
        (400, error("posix", errno="edquot"), StorageFullError, "the quota is used up"),
        (400, error("posix", errno="efbig"), RefusedError, "takes no file as large as this"),
        (400, error("posix", errno="enametoolong"), RefusedError, "answered 400 (the words)"),
        (400, error("tokenInvalid"), AuthError, "the login is refused"),
        (403, error("forbidden"), ForbiddenError, "access denied (the words)"),
        (400, error("spaceNotSupportedBy"), RefusedError, "answered 400 (the words)"),
        (401, b"", AuthError, "the login is refused"),
        (500, error("internalServerError"), OscarError, "answered 500 (the words)"),
        (503, error("serviceUnavailable"), UnreachableError, "answered 503 (the words)"),
        (507, b"<html>", StorageFullError, "the quota is used up"),
    ],
)
def test_refusals(
    storage: OnedataStorage,
    server: OneproviderServer,
    status: int,
    body: bytes,
    kind: type[OscarError],
    message: str,
) -> None:
    (server.space / "data" / "in").mkdir(parents=True)
    server.script["PUT"] = (status, body)
    with pytest.raises(kind) as caught:
        write(storage, b"content")
    assert caught.type is kind
    assert 'upload "data/in/a.txt" to onedata.plg: ' in caught.value.message
    assert message in caught.value.message
    assert tree(server) == {"data": None, "data/in": None}


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"[]", b"{}", b'{"children": 3}', b""])
def test_something_else_than_an_oneprovider(
    storage: OnedataStorage, server: OneproviderServer, body: bytes
) -> None:
    write(storage, b"x")
    server.script["GET"] = (200, body)
    for attempt in (lambda: storage.stat(PLACE), lambda: list(storage.list("data", ""))):
        with pytest.raises(OscarError, match="the answer is none of an Oneprovider"):
            attempt()
