"""One suite over every Storage: in memory, through S3 to moto, to MinIO and to the local cluster's store,
through WebDAV to wsgidav and to Apache, to a scripted Oneprovider and to a scripted Rucio.

MinIO takes part when a `minio` binary is on PATH or where `go install` puts it, Apache where Debian puts it.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from oscarcli.config.model import TlsSettings
from oscarcli.errors import AuthError, NotFoundError, RefusedError
from oscarcli.storage.base import Reader, Storage
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.definition import ProviderDefinition
from oscarcli.storage.listing import level
from oscarcli.storage.location import Location
from oscarcli.storage.memory import MemoryStorage
from oscarcli.storage.onedata.storage import OnedataStorage
from oscarcli.storage.rucio.opening import open_rucio
from oscarcli.storage.rucio.storage import RucioStorage
from oscarcli.storage.s3 import storage as s3
from oscarcli.storage.s3 import upload as s3_upload
from oscarcli.storage.s3.storage import S3Storage
from oscarcli.storage.source import FileSource, UploadPart
from oscarcli.storage.transfer import Upload, upload
from oscarcli.storage.webdav.requests import login_headers
from oscarcli.storage.webdav.storage import WebDavStorage
from tests.support.certificate import certified
from tests.support.daily import daily
from tests.support.onedata_servers import SPACE, OneproviderServer, oneprovider
from tests.support.rucio_servers import Grid, RunningGrid, rucio_grid
from tests.support.s3_servers import (
    ACCESS_KEY,
    SECRET_KEY,
    Server,
    client_of,
    local_server,
    minio_server,
    moto_server,
)
from tests.support.webdav_servers import DavServer, apache_server, wsgidav_server

MIB = 1 << 20
NAMES = itertools.count()


@dataclass(frozen=True)
class Subject:
    """A storage under test, an empty bucket in it, and the server behind it if there is one."""

    storage: Storage
    bucket: str
    server: Server | None
    dav: DavServer | None = None
    onedata: OneproviderServer | None = None
    grid: Grid | None = None

    @property
    def misread(self) -> str:
        """Characters that a name cannot have."""
        return self.dav.misread if self.dav else "?#" if self.grid else ""

    @property
    def has_folders(self) -> bool:
        """Whether a folder is something else than an object."""
        return self.dav is not None or self.onedata is not None

    def at(self, key: str) -> Location:
        return Location(self.bucket, key)


@pytest.fixture(scope="module")
def moto() -> Iterator[Server]:
    with moto_server() as server:
        yield server


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with local_server(tmp_path_factory.mktemp("local")) as server:
        yield server


@pytest.fixture(scope="module")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with minio_server(tmp_path_factory.mktemp("minio")) as server:
        yield server


@pytest.fixture(scope="module")
def wsgidav(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DavServer]:
    with wsgidav_server(tmp_path_factory.mktemp("wsgidav")) as server:
        yield server


@pytest.fixture(scope="module")
def apache() -> Iterator[DavServer]:
    with apache_server() as server:
        yield server


@pytest.fixture(scope="module")
def onedata(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneproviderServer]:
    with oneprovider(tmp_path_factory.mktemp("onedata")) as server:
        yield server


@pytest.fixture(scope="module")
def rucio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningGrid, Path]]:
    _, voucher = certified(tmp_path_factory.mktemp("rucio"))
    with rucio_grid(voucher.parent / "server.pem") as running:
        yield running, voucher


def rucio_storage(rucio: tuple[RunningGrid, Path], **changes: str) -> RucioStorage:
    running, voucher = rucio
    tls = TlsSettings(ca_file=str(voucher))
    definition = running.definition(**changes)
    return open_rucio(ProviderDefinition("rucio.test", definition, 30, None, tls, silent, silent, None))


def silent(_text: str) -> None:
    """Say nothing."""


SUBJECTS = ["memory", "moto", "local", "minio", "minio by boto3", "wsgidav", "apache", "onedata", "rucio"]


# One of each kind of store, and MinIO.
DAILY = ("memory", "local", "minio", "wsgidav", "onedata", "rucio")


@pytest.fixture(params=daily(SUBJECTS, *DAILY))
def subject(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Subject]:
    bucket = f"bucket-{os.getpid()}-{next(NAMES)}"
    if request.param == "memory":
        yield Subject(MemoryStorage(buckets=(bucket,)), bucket, None)
        return
    if request.param in ("wsgidav", "apache"):
        dav: DavServer = request.getfixturevalue(request.param)
        dav.make_folder(bucket)
        files = WebDavStorage(dav.settings)
        yield Subject(files, bucket, None, dav)
        files.close()
        return
    if request.param == "onedata":
        spaces: OneproviderServer = request.getfixturevalue("onedata")
        (spaces.space / bucket).mkdir()
        space = OnedataStorage(spaces.settings(), SPACE)
        yield Subject(space, bucket, None, onedata=spaces)
        space.close()
        return
    if request.param == "rucio":
        grid = request.getfixturevalue("rucio")
        grid[0].grid.scopes.append(bucket)
        catalogue = rucio_storage(grid)
        yield Subject(catalogue, bucket, None, grid=grid[0].grid)
        catalogue.close()
        return
    name, _, engine = request.param.partition(" by ")
    server: Server = request.getfixturevalue(name)
    monkeypatch.setenv("OSCAR_CLI_S3_ENGINE", engine)
    storage = S3Storage(server.settings)
    client_of(server).create_bucket(Bucket=bucket)
    yield Subject(storage, bucket, server)
    storage.close()


@pytest.fixture
def put(subject: Subject, tmp_path: Path) -> Callable[..., list[int]]:
    """Return a function that stores bytes under a key and returns the steps of progress."""

    def store(key: str, content: bytes, content_type: str = "text/plain") -> list[int]:
        steps: list[int] = []
        path = tmp_path / "source"
        path.write_bytes(content)
        cancellation = Cancellation()
        with FileSource(path, steps.append, cancellation) as source:
            subject.storage.write(
                subject.at(key), source, content_type=content_type, cancellation=cancellation
            )
        return steps

    return store


def content_of(reader: Reader) -> bytes:
    pieces = []
    while data := reader.read(1 << 18):
        pieces.append(data)
    reader.close()
    return b"".join(pieces)


# -- the suite ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 1000, MIB, MIB + 1, 3 * MIB])
def test_what_is_written_is_read(subject: Subject, put: Callable[..., list[int]], size: int) -> None:
    content = os.urandom(size)
    steps = put("in/a.bin", content)
    assert content_of(subject.storage.read(subject.at("in/a.bin"))) == content
    assert sum(steps) == size


def test_a_large_object_goes_in_parts(
    subject: Subject, put: Callable[..., list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_upload, "PART_BYTES", 5 * MIB)
    content = os.urandom(12 * MIB + 345)
    steps = put("large", content)
    found = subject.storage.stat(subject.at("large"))
    assert found.size == len(content) == sum(steps)
    assert hashlib.md5(content_of(subject.storage.read(subject.at("large")))).digest() == (
        hashlib.md5(content).digest()
    )
    if subject.server is not None:
        assert found.etag is not None
        assert found.etag.endswith("-3")
        assert found.md5 is None
        assert unfinished_uploads(subject) == []


def test_stat_describes_the_object(subject: Subject, put: Callable[..., list[int]]) -> None:
    put("in/a.txt", b"hello")
    found = subject.storage.stat(subject.at("in/a.txt"))
    assert (found.location, found.size) == (subject.at("in/a.txt"), 5)
    assert found.md5 == (None if subject.has_folders else hashlib.md5(b"hello").hexdigest())
    assert found.modified is not None
    assert abs(datetime.now(timezone.utc) - found.modified) < timedelta(minutes=5)


def test_the_content_type_is_stored(subject: Subject, put: Callable[..., list[int]]) -> None:
    put("a.json", b"{}", "application/json")
    if isinstance(subject.storage, S3Storage):
        answer = subject.storage.client.head_object(Bucket=subject.bucket, Key="a.json")
        assert answer["ContentType"] == "application/json"


def test_writing_again_replaces(subject: Subject, put: Callable[..., list[int]]) -> None:
    put("a", b"first, and longer")
    if subject.grid is not None:
        with pytest.raises(RefusedError, match="files in Rucio never change"):
            put("a", b"second")
        return
    put("a", b"second")
    assert content_of(subject.storage.read(subject.at("a"))) == b"second"


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(0, 4, b"0123"), (3, 4, b"3456"), (6, None, b"6789"), (9, 1, b"9"), (8, 100, b"89")],
)
def test_ranges_are_read(
    subject: Subject, put: Callable[..., list[int]], start: int, length: int | None, expected: bytes
) -> None:
    put("digits", b"0123456789")
    reader = subject.storage.read(subject.at("digits"), start=start, length=length)
    assert reader.object.size == 10
    assert content_of(reader) == expected


def test_a_range_beyond_the_end_is_refused(subject: Subject, put: Callable[..., list[int]]) -> None:
    put("digits", b"0123456789")
    with pytest.raises(RefusedError):
        subject.storage.read(subject.at("digits"), start=10)


def test_only_the_version_asked_for_is_read(subject: Subject, put: Callable[..., list[int]]) -> None:
    put("a", b"first")
    first = subject.storage.stat(subject.at("a"))
    assert content_of(subject.storage.read(first.location, etag=first.etag)) == b"first"
    if subject.grid is not None:
        # Somebody with the right to it has put another one in its place.
        subject.grid.add("a", b"other", subject.bucket)
        with pytest.raises(RefusedError, match="changed"):
            subject.storage.read(first.location, etag=first.etag)
        return
    # An ETag of wsgidav is a time in whole seconds, and the size.
    put("a", b"other" if subject.dav is None or subject.dav.has_fine_etags else b"another")
    with pytest.raises(RefusedError, match="changed"):
        subject.storage.read(first.location, etag=first.etag)


def test_a_missing_object_is_not_found(subject: Subject) -> None:
    place = subject.at("in/nothing")
    for attempt in (subject.storage.stat, subject.storage.read):
        with pytest.raises(NotFoundError, match="no such object") as caught:
            attempt(place)
        for part in (subject.storage.provider, subject.bucket, "in/nothing"):
            assert part in caught.value.message


def test_a_missing_bucket_is_told_apart(subject: Subject, tmp_path: Path) -> None:
    place = Location("no-such-bucket-here", "k")
    (tmp_path / "f").write_bytes(b"x")
    cancellation = Cancellation()

    def write(_: Location) -> None:
        with FileSource(tmp_path / "f", lambda _: None, cancellation) as source:
            subject.storage.write(place, source, content_type="text/plain", cancellation=cancellation)

    attempts: list[Callable[[Location], Any]] = [
        subject.storage.stat,
        subject.storage.read,
        subject.storage.remove,
        lambda location: list(subject.storage.list(location.bucket, "")),
    ]
    if subject.onedata is None:
        # There it is a folder like any other, made when it is needed.
        attempts.append(write)
    for attempt in attempts:
        with pytest.raises(NotFoundError, match="bucket does not exist"):
            attempt(place)


def test_removing_removes(subject: Subject, put: Callable[..., list[int]]) -> None:
    put("a", b"x")
    put("b", b"x")
    subject.storage.remove(subject.at("a"))
    if subject.grid is not None:
        # It goes within a day.
        assert subject.grid.erased == [(subject.bucket, "a")]
        return
    assert [found.location.key for found in subject.storage.list(subject.bucket, "")] == ["b"]
    # Providers do not tell whether there was anything to remove.
    subject.storage.remove(subject.at("a"))


KEYS = ["in", "in-2/a", "in/", "in/a", "in/sub/b", "input/c", "Ö/ü", "a b+c%20&d=e?f#g'\"h~!*()", "日本"]


def keys_for(subject: Subject) -> list[str]:
    return ["".join(character for character in key if character not in subject.misread) for key in KEYS]


def test_listing_is_in_order_of_keys(subject: Subject, put: Callable[..., list[int]]) -> None:
    # MinIO keeps its objects in folders, so it has no object beside a folder of the same name; on a server of
    # files a folder is no object at all.
    keys = [
        key
        for key in keys_for(subject)
        if key != "in" and not ((subject.has_folders or subject.grid) and key == "in/")
    ]
    for key in keys:
        put(key, key.encode() if not key.endswith("/") else b"")
    listed = list(subject.storage.list(subject.bucket, ""))
    assert [found.location.key for found in listed] == sorted(keys, key=str.encode)
    assert [found.size for found in listed] == [
        0 if key == "in/" else len(key.encode()) for key in sorted(keys, key=str.encode)
    ]
    assert all(found.modified is not None and found.etag for found in listed)


def test_odd_keys_are_read_as_they_were_written(subject: Subject, put: Callable[..., list[int]]) -> None:
    for key in keys_for(subject)[6:]:
        put(key, key.encode())
        assert content_of(subject.storage.read(subject.at(key))) == key.encode()
        assert subject.storage.stat(subject.at(key)).size == len(key.encode())


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("in", ["in-2/a", "in/a", "in/sub/b", "input/c"]),
        ("in/", ["in/a", "in/sub/b"]),
        ("in/s", ["in/sub/b"]),
        ("nothing", []),
    ],
)
def test_a_prefix_is_plain_text(
    subject: Subject, put: Callable[..., list[int]], prefix: str, expected: list[str]
) -> None:
    for key in ("in-2/a", "in/a", "in/sub/b", "input/c"):
        put(key, b"x")
    assert [found.location.key for found in subject.storage.list(subject.bucket, prefix)] == expected


def test_one_level_has_each_folder_once(subject: Subject, put: Callable[..., list[int]]) -> None:
    for key in ("out/a b+%.txt", "out/deep/er", "out/deep/est", "outer/x", "top"):
        put(key, b"x")

    def found(key: str) -> list[str]:
        return sorted(one for one in level(subject.storage, subject.at(key)) if one != key)

    assert found("") == ["out/", "outer/", "top"]
    assert found("out/") == ["out/a b+%.txt", "out/deep/"]
    assert found("out/deep/es") == ["out/deep/est"]
    assert found("nowhere/") == []


def test_listing_goes_on_over_all_pages(
    subject: Subject, put: Callable[..., list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "MAX_PAGE_KEYS", 4)
    keys = [f"k{number:02}" for number in range(13)]
    for key in keys:
        put(key, b"x")
    assert [found.location.key for found in subject.storage.list(subject.bucket, "k")] == keys
    assert [found.location.key for found in subject.storage.list(subject.bucket, "k", limit=6)] == keys[:6]
    assert [found.location.key for found in subject.storage.list(subject.bucket, "k", limit=1)] == keys[:1]


@pytest.mark.thorough
def test_thousands_of_objects_are_listed(subject: Subject, tmp_path: Path) -> None:
    if subject.has_folders or subject.grid or (subject.server is not None and not subject.server.is_fast):
        pytest.skip("too slow for thousands of objects")
    (tmp_path / "empty").touch()
    keys = [f"in/{number:04}" for number in range(2500)]
    upload(subject.storage, [Upload(tmp_path / "empty", subject.at(key)) for key in keys], lambda _: None)
    assert [found.location.key for found in subject.storage.list(subject.bucket, "in/")] == keys


WRONG = "wrong-wrong-wrong"


@pytest.mark.parametrize("keys", [(WRONG, SECRET_KEY), (ACCESS_KEY, WRONG)])
def test_wrong_keys_are_refused(
    subject: Subject,
    put: Callable[..., list[int]],
    keys: tuple[str, str],
    request: pytest.FixtureRequest,
) -> None:
    is_guarded = subject.has_folders or subject.grid or (subject.server and subject.server.checks_keys)
    if not is_guarded:
        pytest.skip("there are no keys to check")
    put("a", b"x")
    stranger: S3Storage | WebDavStorage | OnedataStorage | RucioStorage
    if subject.grid is not None:
        stranger = rucio_storage(request.getfixturevalue("rucio"), refresh_token=WRONG)
    elif subject.onedata is not None:
        stranger = OnedataStorage(subject.onedata.settings(WRONG), SPACE)
    elif subject.dav is not None:
        stranger = WebDavStorage(replace(subject.dav.settings, login_headers=login_headers(*keys)))
    else:
        assert subject.server is not None
        stranger = S3Storage(replace(subject.server.settings, access_key=keys[0], secret_key=keys[1]))
    for attempt in (stranger.stat, stranger.read, stranger.remove):
        with pytest.raises(AuthError) as caught:
            attempt(subject.at("a"))
        assert SECRET_KEY not in caught.value.message
        assert WRONG not in caught.value.message
    stranger.close()


class Broken:
    """A source whose second half cannot be read."""

    size = 10 * MIB
    origin = None

    def __init__(self, cancellation: Cancellation) -> None:
        self._cancellation = cancellation

    def sections(self, length: int) -> Iterator[UploadPart]:
        for start in range(0, self.size, length):
            yield self._section(start, min(length, self.size - start))

    def _section(self, start: int, length: int) -> UploadPart:
        def read_at(offset: int, size: int) -> bytes:
            return bytes(size) if start + offset < 5 * MIB else b""

        return UploadPart(read_at, length, lambda _: None, self._cancellation)

    def check_unchanged(self) -> None:
        """Say nothing: why the part cannot be read is what has to be told."""


def test_a_failed_upload_leaves_nothing(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_upload, "PART_BYTES", 5 * MIB)
    cancellation = Cancellation()
    with pytest.raises(RefusedError, match="shorter"):
        subject.storage.write(
            subject.at("large"),
            Broken(cancellation),
            content_type="text/plain",
            cancellation=cancellation,
        )
    assert list(subject.storage.list(subject.bucket, "")) == []
    assert unfinished_uploads(subject) == []


def unfinished_uploads(subject: Subject) -> list[Any]:
    if not isinstance(subject.storage, S3Storage):
        return []
    # MinIO lists unfinished uploads of a whole key only.
    answer = subject.storage.client.list_multipart_uploads(Bucket=subject.bucket, Prefix="large")
    return list(answer.get("Uploads", []))
