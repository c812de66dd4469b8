"""Many small files at once: what one thread does, and what it leaves to the usual way."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from oscarcli.errors import AuthError, NotFoundError, OscarError, RefusedError
from oscarcli.storage import look_ahead, small_files, transfer
from oscarcli.storage.location import Location
from oscarcli.storage.s3 import settings as s3_settings
from oscarcli.storage.s3.settings import S3Settings
from oscarcli.storage.s3.storage import S3Storage
from oscarcli.storage.small_files import MIN_FILES, _content_of
from oscarcli.storage.transfer import Fetch, TransferOutcome, Upload, downloads, uploads
from oscarcli.storage.wire import loop
from oscarcli.storage.wire.connection_growth import FIRST_CONNECTIONS
from oscarcli.storage.wire.loop import MAX_CONTENT_BYTES
from tests.support.certificate import self_signed
from tests.support.scripted_s3 import KeyStore, Reply, Seen, Server, error_body, whole

COUNT = 40
ODD = "in/7.bin"
WHEN = datetime(2026, 6, 12, 9, 5, 29, tzinfo=timezone.utc)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    folder = tmp_path / "certificate"
    folder.mkdir()
    _, path = self_signed(folder)
    path.write_bytes(path.read_bytes() + (folder / "key.pem").read_bytes())
    return path


@pytest.fixture
def store(server: Server) -> KeyStore:
    store = KeyStore()
    server.script = store.answer
    return store


@pytest.fixture
def storage(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Storage]:
    monkeypatch.setattr(s3_settings, "MAX_ATTEMPTS", 2)
    storage = S3Storage(
        S3Settings("minio.default", "access", "secret", endpoint=server.endpoint, outage_limit=0)
    )
    yield storage
    storage.close()


def contents(size: int = 2000) -> dict[str, bytes]:
    return {f"in/{number}.bin": bytes([number]) * size for number in range(COUNT)}


def put(storage: S3Storage, folder: Path, wanted: dict[str, bytes]) -> list[TransferOutcome[Upload]]:
    tasks = []
    for key, content in wanted.items():
        path = folder / Path(key).name
        path.write_bytes(content)
        tasks.append(Upload(path, Location("b", key)))
    return list(uploads(storage, tasks))


def get(storage: S3Storage, folder: Path, *, keeps_time: bool = False) -> dict[str, TransferOutcome[Fetch]]:
    tasks = [
        Fetch(one, folder / one.location.key, folder, keeps_time) for one in list(storage.list("b", "in/"))
    ]
    return {one.task.source.location.key: one for one in downloads(storage, tasks)}


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def sent(server: Server, method: str) -> Counter[str]:
    paths = [seen.path for seen in server.seen if seen.method == method and "list-type" not in seen.path]
    return Counter(path.removeprefix("/b/") for path in paths)


def errors(outcomes: dict[str, TransferOutcome[Fetch]]) -> dict[str, OscarError]:
    return {key: one.error for key, one in outcomes.items() if one.error is not None}


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """All is done by one thread, or the test fails."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("nothing was to be left to other threads")

    monkeypatch.setattr(transfer, "run_parallel", refuse)


@pytest.mark.usefixtures("no_threads")
def test_each_file_is_sent_once_with_its_digest(
    storage: S3Storage, store: KeyStore, server: Server, tmp_path: Path
) -> None:
    assert [one.error for one in put(storage, tmp_path, contents())] == [None] * COUNT
    assert store.objects == contents()
    assert sent(server, "PUT") == Counter(list(contents()))
    assert {seen.headers["content-type"] for seen in server.seen} == {"application/octet-stream"}
    assert all("content-md5" in seen.headers for seen in server.seen)


@pytest.mark.usefixtures("no_threads")
@pytest.mark.parametrize("ahead", [4, COUNT])
def test_the_next_files_are_read_while_answers_are_awaited(
    storage: S3Storage,
    store: KeyStore,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ahead: int,
) -> None:
    wanted = min(FIRST_CONNECTIONS + ahead, COUNT)
    read: list[Path] = []
    are_read, first = threading.Event(), threading.Lock()
    counts = []

    def content_of(path: Path) -> bytes | None:
        read.append(path)
        if len(read) == wanted:
            are_read.set()
        return _content_of(path)

    def answer(seen: Seen) -> Reply:
        # Until one is answered no more than those have a connection.
        assert are_read.wait(20)
        with first:
            counts.append(len(read))
            return store.answer(seen)

    monkeypatch.setattr(loop, "MAX_AHEAD", ahead)
    monkeypatch.setattr(small_files, "_content_of", content_of)
    server.script = answer
    assert [one.error for one in put(storage, tmp_path, contents())] == [None] * COUNT
    assert (counts[0], store.objects) == (wanted, contents())


@pytest.mark.usefixtures("no_threads")
@pytest.mark.parametrize("size", [1, 2000, MAX_CONTENT_BYTES])
def test_each_object_is_fetched_once_and_compared(
    storage: S3Storage, store: KeyStore, server: Server, tmp_path: Path, size: int
) -> None:
    store.objects = contents(size)
    outcomes = get(storage, tmp_path, keeps_time=True)
    assert files(tmp_path) == contents(size)
    assert {one.is_verified for one in outcomes.values()} == {True}
    assert sent(server, "GET") == Counter(list(contents()))
    assert {path.stat().st_mtime for path in (tmp_path / "in").iterdir()} == {WHEN.timestamp()}
    etags = {hashlib.md5(content).hexdigest() for content in contents(size).values()}
    assert {seen.headers.get("if-match", "").strip('"') for seen in server.seen[1:]} == etags


@pytest.mark.usefixtures("no_threads")
def test_a_server_that_ends_each_connection_is_served_too(
    storage: S3Storage, store: KeyStore, server: Server, tmp_path: Path
) -> None:
    def answer(seen: Seen) -> Reply:
        reply = store.answer(seen)
        return replace(reply, headers={**reply.headers, "Connection": "close"})

    server.script = answer
    assert [one.error for one in put(storage, tmp_path, contents())] == [None] * COUNT
    assert store.objects == contents()


def test_what_fails_in_passing_is_tried_again(
    storage: S3Storage, store: KeyStore, server: Server, tmp_path: Path
) -> None:
    """One answer is a failure, one is lost, one is cut."""
    faults = {"in/3.bin": Reply(500), "in/5.bin": Reply(lost=True), ODD: Reply(body=b"xyz", cut=1)}

    def answer(seen: Seen) -> Reply:
        fault = faults.pop(seen.path.removeprefix("/b/"), None)
        return fault or store.answer(seen)

    server.script = answer
    assert [one.error for one in put(storage, tmp_path, contents())] == [None] * COUNT
    assert store.objects == contents()
    again = ["in/3.bin", "in/5.bin", ODD]
    assert sent(server, "PUT") == Counter([*contents(), *again])


def test_what_a_store_encrypts_is_not_sent_again(
    storage: S3Storage, store: KeyStore, server: Server, tmp_path: Path
) -> None:
    """Its ETag is no digest: for a service a second upload would be a second event."""
    kms = {"x-amz-server-side-encryption": "aws:kms", "ETag": f'"{"0" * 32}"'}

    def answer(seen: Seen) -> Reply:
        reply = store.answer(seen)
        return replace(reply, headers={**reply.headers, **kms})

    server.script = answer
    assert [one.error for one in put(storage, tmp_path, contents())] == [None] * COUNT
    assert sent(server, "PUT") == sent(server, "HEAD") == Counter(list(contents()))
    assert not any(one.is_verified for one in get(storage, tmp_path / "back").values())


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (Reply(404, body=error_body("NoSuchKey")), NotFoundError, "there is no such object"),
        (Reply(412, body=error_body("PreconditionFailed")), RefusedError, "changed in the meantime"),
        (whole(bytes(2000), headers={"ETag": f'"{"1" * 32}"'}), OscarError, "what arrived is damaged"),
    ],
)
def test_one_that_fails_is_told_and_the_rest_goes_on(
    storage: S3Storage, store: KeyStore, server: Server, tmp_path: Path, reply: Reply, kind: type, words: str
) -> None:
    store.objects = contents()
    server.script = lambda seen: reply if seen.path == f"/b/{ODD}" else store.answer(seen)
    failed = errors(get(storage, tmp_path))
    assert list(failed) == [ODD]
    assert type(failed[ODD]) is kind
    assert words in failed[ODD].message
    assert files(tmp_path) == {key: content for key, content in contents().items() if key != ODD}


def test_no_link_is_followed(storage: S3Storage, store: KeyStore, tmp_path: Path) -> None:
    store.objects = contents()
    (tmp_path / "in").mkdir()
    (tmp_path / ODD).symlink_to(tmp_path / "elsewhere")
    failed = errors(get(storage, tmp_path))
    assert list(failed) == [ODD]
    assert "is a symbolic link" in failed[ODD].message
    assert not (tmp_path / "elsewhere").exists()


def test_large_and_empty_ones_among_them_arrive_too(
    storage: S3Storage, store: KeyStore, tmp_path: Path
) -> None:
    wanted = {**contents(), "in/large": os.urandom(MAX_CONTENT_BYTES + 1), "in/empty": b""}
    (tmp_path / "from").mkdir()
    assert [one.error for one in put(storage, tmp_path / "from", wanted)] == [None] * (COUNT + 2)
    assert store.objects == wanted
    assert not errors(get(storage, tmp_path / "to"))
    assert files(tmp_path / "to") == wanted


def test_an_error_of_the_list_comes_after_what_was_before_it(
    storage: S3Storage, store: KeyStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_ahead, "MAX_TASKS_AHEAD", MIN_FILES)
    path = tmp_path / "x"
    path.write_bytes(b"content")

    def tasks() -> Iterator[Upload]:
        for key in contents():
            yield Upload(path, Location("b", key))
        raise OscarError("the list ends here")

    done: list[str] = []
    with pytest.raises(OscarError, match="the list ends here"):
        done.extend(outcome.task.target.key for outcome in uploads(storage, tasks()))
    assert sorted(done) == sorted(store.objects) == sorted(contents())


def test_nothing_more_is_begun_when_all_fail(storage: S3Storage, server: Server, tmp_path: Path) -> None:
    """The usual way ends with four in a row, and says why."""
    server.script = lambda _: Reply(403, body=error_body("InvalidAccessKeyId"))
    with pytest.raises(AuthError, match="4 files in a row failed, the rest was not tried"):
        put(storage, tmp_path, {f"in/{number}": b"x" for number in range(300)})
    assert len(server.seen) < 200


def test_waiting_for_answers_makes_more_connections(
    storage: S3Storage, store: KeyStore, server: Server, tmp_path: Path
) -> None:
    """Sixteen at first, more when a quarter of them is answered; no more than there are files."""
    at_once, most, answered, lock = 0, 0, 0, threading.Lock()
    are_more = threading.Event()

    def answer(seen: Seen) -> Reply:
        nonlocal at_once, most, answered
        with lock:
            at_once, answered = at_once + 1, answered + 1
            most = max(most, at_once)
            is_early = answered <= FIRST_CONNECTIONS // 4
        if at_once > FIRST_CONNECTIONS:
            are_more.set()
        # Long beside all that the client has to do.
        if is_early:
            time.sleep(0.5)
        else:
            assert are_more.wait(20)
        with lock:
            at_once -= 1
        return store.answer(seen)

    server.script = answer
    wanted = {f"in/{number}.bin": b"x" for number in range(60)}
    assert not [one for one in put(storage, tmp_path, wanted) if one.error]
    assert FIRST_CONNECTIONS < most <= 60 - FIRST_CONNECTIONS // 4


@pytest.mark.usefixtures("no_threads")
def test_over_tls(tmp_path: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    server, store = Server(certificate), KeyStore()
    server.script = store.answer
    storage = S3Storage(S3Settings("minio.default", "access", "secret", endpoint=server.endpoint))
    try:
        (tmp_path / "from").mkdir()
        large = contents(MAX_CONTENT_BYTES // 2)
        assert [one.error for one in put(storage, tmp_path / "from", large)] == [None] * COUNT
        assert store.objects == large
        assert not errors(get(storage, tmp_path / "to"))
        assert files(tmp_path / "to") == large
    finally:
        storage.close()
        server.stop()
