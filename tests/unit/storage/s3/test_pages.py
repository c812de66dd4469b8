"""Pages of a list: where the way is long the next one is asked for before it is needed."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import islice

import pytest

from oscarcli.errors import ForbiddenError, OscarError
from oscarcli.storage.base import StoredObject
from oscarcli.storage.s3 import pages
from oscarcli.storage.s3.settings import S3Settings
from oscarcli.storage.s3.storage import S3Storage
from tests.support.scripted_s3 import Reply, Seen, Server, error_body

FAR, NEAR = 0.0, 1e9


class Bucket:
    """A bucket of three pages with two keys each; `asked` has the token of each request."""

    def __init__(self, server: Server) -> None:
        self.asked: list[str] = []
        self.came = threading.Semaphore(0)
        self.replies: dict[str, Reply] = {}
        server.script = self.answer
        settings = S3Settings("minio.default", "access", "secret", endpoint=server.endpoint, outage_limit=0)
        self.storage = S3Storage(settings)

    def answer(self, seen: Seen) -> Reply:
        """Answer a request for a page."""
        found = re.search(r"continuation-token=(\d)", seen.path)
        token = found[1] if found else "0"
        self.asked.append(token)
        self.came.release()
        following = str(int(token) + 1)
        body = f"<ListBucketResult><IsTruncated>{'false' if token == '2' else 'true'}</IsTruncated>"
        body += f"<NextContinuationToken>{following}</NextContinuationToken>" if token != "2" else ""
        body += "".join(f"<Contents><Key>{token}{letter}</Key><Size>1</Size></Contents>" for letter in "ab")
        return self.replies.get(token) or Reply(body=f"{body}</ListBucketResult>".encode())

    def list(self) -> Iterator[StoredObject]:
        """List it."""
        return self.storage.list("bucket", "")

    def await_request(self) -> None:
        """Wait until another request has come."""
        assert self.came.acquire(timeout=10)


@pytest.fixture
def server() -> Iterator[Server]:
    """A store."""
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def bucket(server: Server) -> Iterator[Bucket]:
    """What is listed."""
    bucket = Bucket(server)
    with closing(bucket.storage):
        yield bucket


def keys(found: Iterator[StoredObject]) -> list[str]:
    """Return the keys of objects."""
    return [one.location.key for one in found]


@pytest.mark.parametrize("distance", [FAR, NEAR])
def test_all_pages_come_in_their_order(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, distance: float
) -> None:
    monkeypatch.setattr(pages, "MIN_FAR_SECONDS", distance)
    assert keys(bucket.list()) == ["0a", "0b", "1a", "1b", "2a", "2b"]
    assert bucket.asked == ["0", "1", "2"]


def test_the_next_page_is_asked_for_while_one_is_used(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MIN_FAR_SECONDS", FAR)
    found = bucket.list()
    for number, key in ((2, "0a"), (0, "0b"), (1, "1a")):
        assert next(found).location.key == key
        for _ in range(number):
            bucket.await_request()
    assert bucket.asked == ["0", "1", "2"]


def test_over_a_short_way_it_is_asked_for_when_it_is_needed(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MIN_FAR_SECONDS", NEAR)
    found = bucket.list()
    assert keys(islice(found, 2)) == ["0a", "0b"]
    assert bucket.asked == ["0"]
    assert keys(found) == ["1a", "1b", "2a", "2b"]


def test_of_a_few_there_is_no_next_page(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MIN_FAR_SECONDS", FAR)
    assert keys(bucket.storage.list("bucket", "", limit=2)) == ["0a", "0b"]
    assert bucket.asked == ["0"]


@pytest.mark.parametrize("distance", [FAR, NEAR])
@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(403, body=error_body("AccessDenied")), ForbiddenError),
        (Reply(body=b"<html></html>"), OscarError),
        (
            Reply(body=b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"),
            OscarError,
        ),
    ],
    ids=["refused", "no list", "no end"],
)
def test_what_is_wrong_with_a_page_is_told_after_those_before_it(
    bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
    distance: float,
    reply: Reply,
    error: type[OscarError],
) -> None:
    monkeypatch.setattr(pages, "MIN_FAR_SECONDS", distance)
    bucket.replies["1"] = reply
    found = bucket.list()
    assert keys(islice(found, 2)) == ["0a", "0b"]
    with pytest.raises(error, match=r'^list "bucket/" in minio\.default: '):
        next(found)


def test_who_wants_no_more_waits_for_no_page(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MIN_FAR_SECONDS", FAR)
    bucket.replies["1"] = Reply(stall=True)
    found = pages.listed_objects(bucket.storage, "bucket", "", pages.MAX_PAGE_KEYS)
    assert next(found).location.key == "0a"
    for _ in range(2):
        bucket.await_request()
    found.close()  # type: ignore[attr-defined]
    before = {thread for thread in threading.enumerate() if "carry_out" in thread.name}
    for thread in before:
        thread.join(10)
        assert not thread.is_alive()
