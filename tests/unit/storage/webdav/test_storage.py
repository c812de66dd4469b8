"""WebDAV over a server that misbehaves as told, and doors that send a request on as dCache's do."""

from __future__ import annotations

import base64
import hashlib
import os
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

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
from oscarcli.storage.base import StoredObject
from oscarcli.storage.cancel import Cancellation, Cancelled
from oscarcli.storage.download import Download
from oscarcli.storage.file_server.requests import FileServerSettings
from oscarcli.storage.location import Location
from oscarcli.storage.source import FileSource, StreamSource
from oscarcli.storage.webdav.requests import login_headers
from oscarcli.storage.webdav.storage import WebDavStorage
from tests.support.scripted_s3 import MIB, Reply, Seen, Server
from tests.support.webdav_servers import DavServer, wsgidav_server

PLACE = Location("data", "in/a.txt")
TOKEN = "very-secret-token"
Script = Callable[[Seen], Reply]


def described(path: str, size: int | None, extra: str = "") -> str:
    kind = "<collection/>" if size is None else ""
    length = "" if size is None else f"<getcontentlength>{size}</getcontentlength>"
    return (
        f"<response><href>{path}</href><propstat><prop><resourcetype>{kind}</resourcetype>{length}{extra}</prop>"
        "<status>HTTP/1.1 200 OK</status></propstat></response>"
    )


def multistatus(*responses: str) -> Reply:
    body = f'<?xml version="1.0"?><multistatus xmlns="DAV:">{"".join(responses)}</multistatus>'
    return Reply(207, {"Content-Type": "application/xml"}, body.encode())


@pytest.fixture
def door() -> Iterator[Server]:
    server = Server()
    yield server
    server.over.set()
    server.stop()


@pytest.fixture
def pool() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def storage(door: Server) -> Iterator[WebDavStorage]:
    settings = FileServerSettings(
        "webdav.dcache",
        f"{door.endpoint}/pnfs",
        login_headers("BEARER", TOKEN),
        read_timeout=5,
        outage_limit=0,
    )
    with closing(WebDavStorage(settings)) as storage:
        yield storage


def write(storage: WebDavStorage, path: Path, location: Location = PLACE) -> list[int]:
    steps: list[int] = []
    cancellation = Cancellation()
    with FileSource(path, steps.append, cancellation) as source:
        storage.write(location, source, content_type="text/plain", cancellation=cancellation)
    return steps


class Files:
    """A server of files in memory, as a door answers; `pool` takes the content if there is one."""

    def __init__(self, pool: Server | None = None, checksums: str = "") -> None:
        self.files: dict[str, bytes] = {}
        self.folders = {"/pnfs/data"}
        self.pool = pool
        self.checksums = checksums

    def answer(self, seen: Seen) -> Reply:
        path = unquote(seen.path).rstrip("/")
        if seen.method == "PROPFIND" and path in self.folders:
            return multistatus(described(path + "/", None))
        if seen.method == "PROPFIND" and path in self.files:
            extra = f'<c:Checksums xmlns:c="http://www.dcache.org/2013/webdav">{self.checksums}</c:Checksums>'
            return multistatus(described(path, len(self.files[path]), extra if self.checksums else ""))
        if seen.method == "MKCOL":
            self.folders.add(path)
            return Reply(201)
        if seen.method == "PUT" and self.pool is not None:
            return Reply(307, {"Location": f"{self.pool.endpoint}{seen.path}?uuid=1"})
        if seen.method == "PUT":
            return self.take(path, seen.body)
        if seen.method == "MOVE":
            target = unquote(seen.headers["destination"]).partition("/pnfs")[2]
            self.files[f"/pnfs{target}"] = self.files.pop(path)
            return Reply(201)
        if seen.method == "DELETE" and self.files.pop(path, None) is not None:
            return Reply(204)
        return Reply(404)

    def take(self, path: str, body: bytes) -> Reply:
        self.files[path] = body
        return Reply(201)

    def pool_answer(self, seen: Seen) -> Reply:
        return self.take(unquote(seen.path.partition("?")[0]), seen.body)


# -- redirections ------------------------------------------------------------------------------------


def test_a_pool_gets_no_credentials(storage: WebDavStorage, door: Server, pool: Server) -> None:
    door.script = lambda seen: Reply(302, {"Location": f"{pool.endpoint}/pool/a?uuid=42"})
    pool.script = lambda seen: Reply(body=b"content")
    with closing(storage.read(PLACE)) as reader:
        assert reader.read(100) == b"content"
        assert reader.object.size == 7
    assert door.seen[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert [(seen.method, seen.path) for seen in pool.seen] == [("GET", "/pool/a?uuid=42")]
    assert "authorization" not in pool.seen[0].headers


@pytest.mark.parametrize("size", [0, 1000, 3 * MIB])
def test_content_goes_to_the_pool_and_its_name_to_the_door(
    storage: WebDavStorage, door: Server, pool: Server, tmp_path: Path, size: int
) -> None:
    files = Files(pool)
    door.script, pool.script = files.answer, files.pool_answer
    content = os.urandom(size)
    (tmp_path / "f").write_bytes(content)
    steps = write(storage, tmp_path / "f")
    assert files.files == {"/pnfs/data/in/a.txt": content}
    assert sum(steps) == size
    assert [seen.method for seen in pool.seen] == ["PUT"]
    assert "authorization" not in pool.seen[0].headers


def test_the_doors_own_redirections_keep_the_login(storage: WebDavStorage, door: Server) -> None:
    replies = {"/pnfs/data/in/a.txt": Reply(301, {"Location": "/elsewhere"}), "/elsewhere": Reply(body=b"x")}
    door.script = lambda seen: replies[seen.path]
    with closing(storage.read(PLACE)) as reader:
        assert reader.read(10) == b"x"
    assert door.seen[1].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_server_without_ranges_sends_all_and_the_rest_of_it_is_taken(
    storage: WebDavStorage, door: Server
) -> None:
    content = os.urandom(2 * MIB + 10)
    door.script = lambda seen: Reply(200, {"ETag": '"v1"'}, content)
    with closing(storage.read(PLACE, start=MIB + 5, etag="v1")) as reader:
        assert b"".join(iter(lambda: reader.read(100_000), b"")) == content[MIB + 5 :]
    with closing(storage.read(PLACE, start=MIB + 5, length=7)) as reader:
        assert b"".join(iter(lambda: reader.read(5), b"")) == content[MIB + 5 :][:7]
    assert door.seen[0].headers["range"] == f"bytes={MIB + 5}-"


def test_a_refusal_elsewhere_says_where(storage: WebDavStorage, door: Server, pool: Server) -> None:
    door.script = lambda seen: Reply(302, {"Location": f"{pool.endpoint}/x"})
    pool.script = lambda seen: Reply(401)
    with pytest.raises(AuthError, match="which gets no credentials") as caught:
        storage.read(PLACE)
    assert pool.endpoint.removeprefix("http://") in caught.value.message


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("/pnfs/data/in/a.txt", "sends the request on and on"),
        ("ftp://127.0.0.1/x", "something else than HTTP"),
    ],
)
def test_a_redirection_that_leads_nowhere(
    storage: WebDavStorage, door: Server, target: str, message: str
) -> None:
    door.script = lambda seen: Reply(302, {"Location": target})
    with pytest.raises(UnreachableError, match=message):
        storage.read(PLACE)


# -- what a server says no to ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (401, AuthError, "the token has expired"),
        (403, ForbiddenError, "access denied"),
        (413, RefusedError, "takes no file as large as this"),
        (423, RefusedError, "somebody has locked it"),
        (507, StorageFullError, "the quota is used up, or the storage is full"),
        (502, UnreachableError, "the server answered 502"),
        (500, OscarError, "the server answered 500"),
    ],
)
def test_an_upload_that_is_refused_leaves_nothing(
    storage: WebDavStorage,
    door: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    kind: type[OscarError],
    message: str,
) -> None:
    monkeypatch.setattr("oscarcli.storage.wire.client.RETRY_SECONDS", 0.001)
    files = Files()
    door.script = lambda seen: Reply(status) if seen.method == "PUT" else files.answer(seen)
    (tmp_path / "f").write_bytes(b"content")
    with pytest.raises(kind, match=message) as caught:
        write(storage, tmp_path / "f")
    assert caught.type is kind
    assert 'upload "data/in/a.txt" to webdav.dcache' in caught.value.message
    assert TOKEN not in caught.value.message
    assert files.files == {}


def test_what_arrived_is_compared_by_size(storage: WebDavStorage, door: Server, tmp_path: Path) -> None:
    files = Files()
    files.take = lambda path, body: Files.take(files, path, body[:3])  # type: ignore[method-assign]
    door.script = files.answer
    (tmp_path / "f").write_bytes(b"content")
    with pytest.raises(RefusedError, match="7 bytes were sent, the stored object has 3"):
        write(storage, tmp_path / "f")
    assert files.files == {}


@pytest.mark.parametrize("algorithm", ["adler32", "md5"])
@pytest.mark.parametrize("is_right", [True, False])
def test_what_arrived_is_compared_by_the_servers_digest(
    storage: WebDavStorage, door: Server, tmp_path: Path, algorithm: str, is_right: bool
) -> None:
    content = b"content" if is_right else b"another"
    digest = {
        "adler32": f"{zlib.adler32(content):08x}",
        "md5": base64.b64encode(hashlib.md5(content).digest()).decode(),
    }[algorithm]
    files = Files(checksums=f"{algorithm}={digest}")
    door.script = files.answer
    (tmp_path / "f").write_bytes(b"content")
    if is_right:
        write(storage, tmp_path / "f")
        assert files.files == {"/pnfs/data/in/a.txt": b"content"}
        return
    with pytest.raises(RefusedError, match="digest is not that of what was sent"):
        write(storage, tmp_path / "f")
    assert files.files == {}


@pytest.mark.parametrize("header", ["Digest", "OC-Checksum"])
@pytest.mark.parametrize("is_right", [True, False])
def test_a_download_is_compared_by_the_digest_that_comes_with_it(
    storage: WebDavStorage, door: Server, tmp_path: Path, header: str, is_right: bool
) -> None:
    content = b"content" if is_right else b"another"
    value = {
        "Digest": f"adler32={zlib.adler32(content):x}",
        "OC-Checksum": f"SHA1:{hashlib.sha1(content).hexdigest()}",
    }[header]
    door.script = lambda seen: Reply(200, {header: value}, b"content")
    one = Download(storage, StoredObject(PLACE, 7), lambda _: None, Cancellation())
    if is_right:
        one.to_file(tmp_path / "f")
        assert (one.is_verified, (tmp_path / "f").read_bytes()) == (True, b"content")
    else:
        with pytest.raises(OscarError, match="what arrived is damaged"):
            one.to_file(tmp_path / "f")
        assert list(tmp_path.iterdir()) == []
    assert door.seen[0].headers["want-digest"] == "adler32,md5"


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"not xml", b"", b"<multistatus xmlns='DAV:'/>"])
def test_something_else_than_webdav_is_no_empty_folder(
    storage: WebDavStorage, door: Server, body: bytes
) -> None:
    door.script = lambda seen: Reply(200, {}, body)
    with pytest.raises(OscarError, match="none of a WebDAV server"):
        list(storage.list("data", ""))


@pytest.mark.parametrize("key", ["../x", "in/../../x", "./x", "in//x", "in/.."])
def test_a_path_does_not_leave_its_place(
    storage: WebDavStorage, door: Server, tmp_path: Path, key: str
) -> None:
    (tmp_path / "f").write_bytes(b"x")
    attempts: list[Callable[[Location], object]] = [
        storage.stat,
        storage.read,
        storage.remove,
        lambda place: write(storage, tmp_path / "f", place),
    ]
    for attempt in attempts:
        with pytest.raises(UsageError, match="has no empty parts"):
            attempt(Location("data", key))
    assert door.seen == []


def test_a_stream_that_was_not_taken_is_not_sent_again(storage: WebDavStorage, door: Server) -> None:
    files = Files()
    door.script = lambda seen: Reply(503) if seen.method == "PUT" else files.answer(seen)
    reading, writing = os.pipe()
    os.write(writing, b"x" * 1000)
    os.close(writing)
    cancellation = Cancellation()
    with pytest.raises(UnreachableError):
        storage.write(
            PLACE,
            StreamSource(reading, lambda _: None, cancellation),
            content_type="text/plain",
            cancellation=cancellation,
        )
    os.close(reading)
    assert files.files == {}


# -- against wsgidav ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dav(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DavServer]:
    with wsgidav_server(tmp_path_factory.mktemp("wsgidav")) as server:
        yield server


@pytest.fixture
def real(dav: DavServer) -> Iterator[WebDavStorage]:
    with closing(WebDavStorage(dav.settings)) as storage:
        yield storage


def test_a_folder_in_the_place_of_a_file_stays(real: WebDavStorage, dav: DavServer, tmp_path: Path) -> None:
    (dav.files / "there" / "folder").mkdir(parents=True)
    (dav.files / "there" / "folder" / "kept").write_text("kept")
    (tmp_path / "f").write_bytes(b"x")
    place = Location("there", "folder")
    with pytest.raises(RefusedError, match="it is a folder there"):
        write(real, tmp_path / "f", place)
    with pytest.raises(RefusedError, match="it is a folder there"):
        real.remove(place)
    with pytest.raises(RefusedError, match="not empty"):
        real.remove(place.as_folder())
    with pytest.raises(NotFoundError, match="it is a folder there"):
        real.stat(place)
    with pytest.raises(RefusedError, match='"there/folder/kept" is a file, not a folder'):
        write(real, tmp_path / "f", Location("there", "folder/kept/x"))
    assert (dav.files / "there" / "folder" / "kept").read_text() == "kept"


def test_a_marker_is_a_folder(real: WebDavStorage, dav: DavServer, tmp_path: Path) -> None:
    (dav.files / "marked").mkdir()
    (tmp_path / "f").touch()
    write(real, tmp_path / "f", Location("marked", "a/b/"))
    assert (dav.files / "marked" / "a" / "b").is_dir()
    real.remove(Location("marked", "a/b/"))
    assert not (dav.files / "marked" / "a" / "b").exists()


def test_a_stream_goes_in_chunks(real: WebDavStorage, dav: DavServer) -> None:
    (dav.files / "streams").mkdir()
    content = os.urandom(9 * MIB)
    reading, writing = os.pipe()

    def feed() -> None:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(content)

    feeder = threading.Thread(target=feed)
    feeder.start()
    cancellation, steps = Cancellation(), list[int]()
    source = StreamSource(reading, steps.append, cancellation)
    real.write(Location("streams", "a/b"), source, content_type="text/plain", cancellation=cancellation)
    feeder.join()
    os.close(reading)
    assert (dav.files / "streams" / "a" / "b").read_bytes() == content
    assert sum(steps) == len(content)


def test_a_large_file_takes_little_memory(real: WebDavStorage, dav: DavServer, tmp_path: Path) -> None:
    (dav.files / "large").mkdir()
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", 64 * MIB)
    tracemalloc.start()
    try:
        steps = write(real, tmp_path / "large", Location("large", "a"))
        # The server is in this process, too.
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB
    finally:
        tracemalloc.stop()
    assert sum(steps) == (dav.files / "large" / "a").stat().st_size == 64 * MIB


def test_an_upload_that_is_called_off_leaves_nothing(
    storage: WebDavStorage, door: Server, tmp_path: Path
) -> None:
    files, cancellation = Files(), Cancellation()

    def answer(seen: Seen) -> Reply:
        reply = files.answer(seen)
        if seen.method == "PUT":
            cancellation.cancel()
        return reply

    door.script = answer
    (tmp_path / "f").write_bytes(b"content")
    with FileSource(tmp_path / "f", lambda _: None, cancellation) as source, pytest.raises(Cancelled):
        storage.write(PLACE, source, content_type="text/plain", cancellation=cancellation)
    assert files.files == {}
