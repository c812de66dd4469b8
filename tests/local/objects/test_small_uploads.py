"""Small uploads: they are answered together once they are durable, and hold nobody up."""

from __future__ import annotations

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.local.harness import wait_for
from tests.local.objects.harness import CREDENTIALS, Server
from tests.local.objects.raw import Answer, send, signed


@pytest.fixture
def flush(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Holds the flushes of the disk while it is clear."""
    go = threading.Event()
    go.set()

    def held(descriptor: int) -> None:
        assert go.wait(30)
        os.fsync(descriptor)

    monkeypatch.setattr("oscarcli.local.write_ahead_log._flush_file", held)
    return go


def _put(server: Server, key: str, **headers: str) -> Answer:
    # boto3 would ask first whether it may send the body; that is what a worker is for.
    target, body = f"/data/{key}", key.encode()
    words = {name.replace("_", "-"): value for name, value in headers.items()}
    return send(
        server.port,
        "PUT",
        target,
        signed(CREDENTIALS, server.port, "PUT", target, body=body, headers=words),
        body,
    )


def test_nobody_is_answered_before_the_flush(
    server: Server,
    s3: Any,
    flush: threading.Event,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # On a busy machine every change takes long.
    monkeypatch.setattr("oscarcli.local.state.MAX_SHORT_SECONDS", 60.0)
    flush.clear()
    # More than the listener has workers.
    count = 24
    with ThreadPoolExecutor(count) as pool:
        puts = [pool.submit(_put, server, f"{number}") for number in range(count)]
        wait_for(lambda: len(server.created) == count, "all of them to be stored")
        # Reading goes on meanwhile.
        assert s3.list_buckets()["Buckets"][0]["Name"] == "data"
        assert ([put.done() for put in puts], server.commits) == ([False] * count, [])
        flush.set()
        for put in puts:
            answer = put.result(30)
            assert (answer.status, len(answer.headers["etag"])) == (200, 34)
    assert sorted(item.key for item in server.store.list_page("data").objects) == sorted(
        map(str, range(count))
    )
    assert (server.content("7"), len(server.commits)) == (b"7", count)
    # No worker waited.
    assert "are started" not in caplog.text


def test_a_flush_that_fails_is_answered(server: Server, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("oscarcli.local.write_ahead_log._flush_file", fail)
    assert _put(server, "lost").refusal == (500, "InternalError")
    assert server.commits == []
    monkeypatch.undo()
    assert _put(server, "kept").status == 200
    assert server.content("kept") == b"kept"


def test_refusals_are_answered_too(server: Server, s3: Any) -> None:
    assert _put(server, "a").status == 200
    assert _put(server, "a", If_None_Match="*").refusal == (412, "PreconditionFailed")
    assert _put(server, "a/../b").refusal == (400, "XMinioInvalidResourceName")
    assert _put(server, "a" * 256).refusal == (400, "XMinioInvalidObjectName")
    s3.delete_object(Bucket="data", Key="a")
    s3.delete_bucket(Bucket="data")
    assert _put(server, "a").refusal == (404, "NoSuchBucket")


def test_of_those_who_want_to_be_the_first_one_is(server: Server, s3: Any) -> None:
    with ThreadPoolExecutor(16) as pool:
        for key in map(str, range(5)):
            answers = [pool.submit(_put, server, key, If_None_Match="*") for _ in range(16)]
            statuses = sorted(answer.result(30).status for answer in answers)
            assert statuses == [200, *[412] * 15]


def test_a_long_change_holds_up_uploads_and_nothing_else(server: Server, s3: Any) -> None:
    s3.put_object(Bucket="data", Key="a", Body=b"old")
    with ThreadPoolExecutor(1) as pool:
        with server.state.transaction():
            wait_for(server.state.is_held_up, "a long change")
            put = pool.submit(_put, server, "b")
            for _ in range(3):
                assert s3.get_object(Bucket="data", Key="a")["Body"].read() == b"old"
            assert not put.done()
        assert put.result(30).status == 200
    assert server.content("b") == b"b"
