"""A store that is away for a while: every request waits for it, and nothing is left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oscarcli.errors import ForbiddenError, UnreachableError
from oscarcli.storage.cancel import Cancellation, Cancelled
from oscarcli.storage.download import Download
from oscarcli.storage.location import Location
from oscarcli.storage.outage import Outage, delays
from oscarcli.storage.s3.settings import S3Settings
from oscarcli.storage.s3.storage import S3Storage
from oscarcli.storage.source import FileSource
from tests.support.scripted_s3 import MIB, Reply, Seen, Server, error_body, multipart_answer, whole

PLACE = Location("b", "k")
LISTING = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"


class Restarting:
    """A store that goes away at the first request of a kind, and is back as soon as it is waited for."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.said: list[str] = []
        self.answer: Callable[[Seen], Reply] = multipart_answer
        self.leaves_at: Callable[[Seen], bool] = lambda _: True
        server.script = self._script
        settings = S3Settings("minio.default", "access", "secret", endpoint=server.endpoint)
        self.storage = S3Storage(settings, self._tell)

    def _script(self, seen: Seen) -> Reply:
        if not self.said and self.leaves_at(seen):
            self.server.leave()
        return self.answer(seen)

    def _tell(self, text: str) -> None:
        self.said.append(text)
        if "waiting" in text:
            self.server.come_back()

    @property
    def requests(self) -> list[str]:
        return [f"{seen.method} {seen.path}" for seen in self.server.seen]


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def store(server: Server) -> Iterator[Restarting]:
    store = Restarting(server)
    yield store
    store.storage.close()


def put(store: Restarting, path: Path, size: int) -> list[int]:
    """Upload a file of some size and return what was told of the way."""
    path.write_bytes(b"x" * size)
    moved: list[int] = []
    cancellation = Cancellation()
    with FileSource(path, moved.append, cancellation) as source:
        store.storage.write(PLACE, source, content_type="text/plain", cancellation=cancellation)
    return moved


def test_a_listing_waits_for_the_store(store: Restarting) -> None:
    store.answer = lambda _: Reply(body=LISTING)
    assert list(store.storage.list("b", "")) == []
    assert store.said[0].startswith('list "b/" in minio.default: ')
    assert store.said[0].endswith("; waiting up to 20 s for minio.default to come back")
    assert store.said[1:] == ["minio.default answers again"]


def test_a_download_waits_for_the_store(store: Restarting, tmp_path: Path) -> None:
    store.answer = lambda _: whole(b"content")
    store.leaves_at = lambda seen: seen.method == "GET"
    found = store.storage.stat(PLACE)
    Download(store.storage, found, lambda _: None, Cancellation()).to_file(tmp_path / "here")
    assert (tmp_path / "here").read_bytes() == b"content"
    assert len(store.said) == 2


@pytest.mark.parametrize("size", [10, 3 * MIB])
def test_an_upload_waits_for_the_store_and_is_counted_once(
    store: Restarting, tmp_path: Path, size: int
) -> None:
    assert sum(put(store, tmp_path / "f", size)) == size
    assert len(store.said) == 2
    assert [len(seen.body) for seen in store.server.seen] == [size]


@pytest.mark.parametrize("step", ["create", "part", "complete"])
def test_an_upload_in_parts_waits_at_every_step(store: Restarting, tmp_path: Path, step: str) -> None:
    store.leaves_at = {
        "create": lambda seen: seen.path.endswith("?uploads"),
        "part": lambda seen: "partNumber=2" in seen.path,
        "complete": lambda seen: seen.method == "POST" and "uploadId" in seen.path,
    }[step]
    store.answer = lambda seen: multipart_answer(
        seen, head=Reply(headers={"Content-Length": str(20 * MIB), "ETag": '"odd-2"'})
    )
    assert sum(put(store, tmp_path / "f", 20 * MIB)) == 20 * MIB
    assert len(store.said) == 2
    assert not [one for one in store.requests if one.startswith("DELETE")]
    assert len([one for one in store.requests if one.endswith("?uploads")]) == 1


def test_an_abort_waits_for_the_store(store: Restarting, tmp_path: Path) -> None:
    store.leaves_at = lambda seen: seen.method == "DELETE"
    store.answer = lambda seen: multipart_answer(seen, part=Reply(403, body=error_body("AccessDenied")))
    with pytest.raises(ForbiddenError, match="access denied"):
        put(store, tmp_path / "f", 20 * MIB)
    assert store.said[0].startswith('abort the unfinished upload of "b/k" to minio.default: ')
    assert [one for one in store.requests if one.startswith("DELETE")] == ["DELETE /b/k?uploadId=up"]


def test_an_abort_has_time_of_its_own(store: Restarting, tmp_path: Path) -> None:
    """The upload is given up because the store was away for too long; the abort still finds it."""
    now = [0.0]

    def comes_back_for_the_abort(text: str) -> None:
        store.said.append(text)
        if text.startswith("abort"):
            store.server.come_back()
        now[0] += 21.0

    store.storage.outage = Outage("minio.default", 20.0, comes_back_for_the_abort, lambda: now[0])
    store.leaves_at = lambda seen: "partNumber=1" in seen.path
    with pytest.raises(UnreachableError):
        put(store, tmp_path / "f", 20 * MIB)
    assert [one for one in store.requests if one.startswith("DELETE")] == ["DELETE /b/k?uploadId=up"]


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_in_front_of_a_store_that_is_away_is_waited_for(server: Server, status: int) -> None:
    answers = [Reply(status), Reply(body=LISTING)]
    server.script = lambda _: answers.pop(0) if len(answers) > 1 else answers[0]
    storage = S3Storage(S3Settings("minio.default", "access", "secret", endpoint=server.endpoint))
    assert list(storage.list("b", "")) == []
    storage.close()


def test_a_store_that_stays_away_is_given_up(server: Server) -> None:
    server.leave()
    said: list[str] = []
    settings = S3Settings("minio.x", "access", "secret", endpoint=server.endpoint, outage_limit=0.15)
    storage = S3Storage(settings, said.append)
    with pytest.raises(UnreachableError, match="Connection refused") as caught:
        storage.stat(PLACE)
    assert "check the endpoint" in str(caught.value.hint)
    assert len(said) == 1
    storage.close()


def test_who_wants_no_answer_in_time_waits_no_longer_for_a_store() -> None:
    assert S3Storage(S3Settings("m", "a", "s", read_timeout=2)).outage.limit == 2
    assert S3Storage(S3Settings("m", "a", "s")).outage.limit == 20


def test_an_outage_is_told_once_and_ends_for_all_at_the_same_time() -> None:
    now = [0.0]
    said: list[str] = []
    outage = Outage("minio.x", 20.0, said.append, lambda: now[0])
    error = UnreachableError("no connection")
    cancellation = Cancellation()
    for moment in (0.0, 5.0, 19.9):
        now[0] = moment
        outage.wait(error, 0.0, cancellation)
    now[0] = 20.0
    with pytest.raises(UnreachableError, match="no connection"):
        outage.wait(error, 0.0, cancellation)
    assert said == ["no connection; waiting up to 20 s for minio.x to come back"]
    outage.end()
    outage.wait(error, 0.0, cancellation)
    assert len(said) == 3


def test_waiting_is_called_off(server: Server) -> None:
    server.leave()
    cancellation = Cancellation()
    settings = S3Settings("m", "a", "s", endpoint=server.endpoint)
    storage = S3Storage(settings, lambda _: threading.Thread(target=cancellation.cancel).start())
    with pytest.raises(Cancelled):
        storage.stat(PLACE, cancellation=cancellation)
    storage.close()


def test_attempts_are_about_a_second_apart() -> None:
    steps = delays()
    assert [next(steps) for _ in range(6)] == [0.1, 0.25, 0.5, 1.0, 1.0, 1.0]
