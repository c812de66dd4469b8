"""Uploads in parts whose name never arrived: the store began them, and nobody could complete them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from oscarcli.errors import OscarError
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.location import Location
from oscarcli.storage.s3 import settings as s3_settings
from oscarcli.storage.s3 import upload as s3_upload
from oscarcli.storage.s3.settings import ENGINE_VARIABLE, ENGINES, S3Settings
from oscarcli.storage.s3.storage import S3Storage
from oscarcli.storage.source import FileSource
from tests.support.scripted_s3 import MIB, Reply, Seen, Server

KEY = "in/large"


@dataclass
class Begun:
    """An upload in parts that the store has begun."""

    key: str
    when: datetime
    parts: int = 0


class LosingStore:
    """A store that begins uploads, and whose answer to some of these never arrives.

    Args:
        lost_answers: how many of the first are lost.
        clock_skew: how far the store's clock is from this machine's.
        fault: what becomes of these, as of `Reply`; they do not begin when omitted.
    """

    def __init__(self, lost_answers: int, clock_skew: timedelta = timedelta(0), **fault: Any) -> None:
        self._lost = lost_answers
        self._fault = fault or {"lost": True}
        self._skew = clock_skew
        self._count = 0
        self.uploads: dict[str, Begun] = {}

    def begin(self, name: str, key: str, *, parts: int = 0, age: float = 0.0) -> None:
        when = datetime.now(timezone.utc) + self._skew - timedelta(seconds=age)
        self.uploads[name] = Begun(key, when, parts)

    def answer(self, seen: Seen) -> Reply:
        query = parse_qs(seen.path.partition("?")[2], keep_blank_values=True)
        name = query.get("uploadId", [""])[0]
        if "uploads" in query:
            return self._create(seen) if seen.method == "POST" else Reply(body=self._listing())
        if seen.method == "PUT":
            self.uploads[name].parts += 1
            return Reply(headers={"ETag": f'"{hashlib.md5(seen.body).hexdigest()}"'})
        if seen.method == "GET":
            part = "<Part><PartNumber>1</PartNumber><Size>9</Size><ETag>e</ETag></Part>"
            return Reply(
                body=f"<ListPartsResult>{part * self.uploads[name].parts}</ListPartsResult>".encode()
            )
        if seen.method == "HEAD":
            return Reply(headers={"Content-Length": str(10 * MIB), "ETag": '"odd-2"'})
        del self.uploads[name]
        return Reply(204) if seen.method == "DELETE" else Reply(body=b'<R><ETag>"odd-2"</ETag></R>')

    def _create(self, seen: Seen) -> Reply:
        self._count += 1
        name = f"own-{self._count}"
        self.begin(name, KEY)
        body = f"<R><UploadId>{name}</UploadId></R>".encode()
        return replace(Reply(body=body), **self._fault) if self._count <= self._lost else Reply(body=body)

    def _listing(self) -> bytes:
        entries = "".join(
            f"<Upload><Key>{begun.key}</Key><UploadId>{name}</UploadId>"
            f"<Initiated>{begun.when.strftime('%Y-%m-%dT%H:%M:%S.000Z')}</Initiated></Upload>"
            for name, begun in self.uploads.items()
        )
        return f"<ListMultipartUploadsResult>{entries}</ListMultipartUploadsResult>".encode()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture(params=ENGINES)
def send(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Callable[[LosingStore], None]]:
    """Return a function that uploads a file in parts to a store."""
    monkeypatch.setenv(ENGINE_VARIABLE, request.param)
    monkeypatch.setattr(s3_upload, "PART_BYTES", 5 * MIB)
    monkeypatch.setattr(s3_settings, "MAX_ATTEMPTS", 2)
    (tmp_path / "large").write_bytes(bytes(10 * MIB))
    storage = S3Storage(
        S3Settings("minio.default", "access", "secret", endpoint=server.endpoint, outage_limit=0)
    )

    def upload(store: LosingStore) -> None:
        server.script = store.answer
        cancellation = Cancellation()
        with FileSource(tmp_path / "large", lambda _: None, cancellation) as source:
            storage.write(
                Location("bucket", KEY), source, content_type="text/plain", cancellation=cancellation
            )

    yield upload
    storage.close()


@pytest.mark.parametrize("hours", [-9, 0, 9])
def test_what_a_lost_answer_began_is_aborted_when_another_attempt_went_well(
    send: Callable[[LosingStore], None], hours: int
) -> None:
    store = LosingStore(1, clock_skew=timedelta(hours=hours))
    send(store)
    assert store.uploads == {}


@pytest.mark.parametrize("fault", [{"lost": True}, {"cut": 0}, {"status": 500}])
def test_it_is_aborted_too_when_no_attempt_went_well(
    send: Callable[[LosingStore], None], fault: dict[str, Any]
) -> None:
    store = LosingStore(2, **fault)
    with pytest.raises(OscarError):
        send(store)
    assert store.uploads == {}


def test_what_others_have_begun_stays(send: Callable[[LosingStore], None]) -> None:
    store = LosingStore(1)
    store.begin("of another key", f"{KEY}-2")
    store.begin("of before", KEY, age=60)
    store.begin("being sent", KEY, parts=1)
    before = set(store.uploads)
    send(store)
    assert set(store.uploads) == before
