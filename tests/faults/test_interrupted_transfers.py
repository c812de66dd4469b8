"""Ctrl-C while a store stands still or is slow: the real command ends at once, and nothing is half done."""

from __future__ import annotations

import hashlib
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import Runner
from tests.support.s3_servers import minio_provider
from tests.support.scripted_s3 import MIB, KeyStore, Reply, Seen, Server, multipart_answer

# One second is the goal; what must not happen is that the store is waited for, which takes a minute.
MOST_SECONDS = 10.0
SAID = "interrupted\n"

Answer = Callable[[Seen], Reply]


@pytest.fixture
def store(run: Runner) -> Iterator[Server]:
    """A store of a cluster on record."""
    store, manager = Server(), Server()
    documents = {
        "/system/config": {"config": {}, "minio_provider": minio_provider(store.endpoint)},
        "/system/services/svc": {"name": "svc"},
    }
    manager.script = lambda seen: Reply(
        headers={"Content-Type": "application/json"}, body=json.dumps(documents[seen.path]).encode()
    )
    run.know(manager.endpoint)
    yield store
    store.stop()
    manager.stop()


def interrupted(run: Runner, store: Server, answer: Answer, *words: str, standard_input: bytes = b"") -> str:
    """Run a command until the answer wants it ended, press Ctrl-C, and return what it said on stderr."""
    is_due = threading.Event()

    def script(seen: Seen) -> Reply:
        reply = answer(seen)
        if reply.stall:
            is_due.set()
        return reply

    store.script = script
    process = run.start(*words)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.write(standard_input)
    process.stdin.flush()
    assert is_due.wait(60)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    seconds = time.monotonic() - started
    out, err = process.stdout.read(), process.stderr.read().decode()
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()
    assert (process.returncode, out) == (130, b"")
    assert seconds < MOST_SECONDS, seconds
    return err


def stalls(when: Callable[[Seen], bool], otherwise: Answer = multipart_answer) -> Answer:
    return lambda seen: Reply(stall=True) if when(seen) else otherwise(seen)


def names(run: Runner) -> list[str]:
    return sorted(path.name for path in run.home.iterdir() if path.suffix in (".bin", ".part"))


def test_a_small_file_whose_upload_is_not_answered(run: Runner, store: Server) -> None:
    (run.home / "a.bin").write_bytes(b"content")
    assert interrupted(run, store, lambda _: Reply(stall=True), "bucket", "put-file", "b", "a.bin") == SAID


def test_many_files_whose_uploads_are_not_answered(run: Runner, store: Server) -> None:
    (run.home / "in").mkdir()
    for number in range(40):
        (run.home / "in" / f"{number}").write_bytes(b"x")
    err = interrupted(run, store, lambda _: Reply(stall=True), "bucket", "put-file", "b", "in/", "x/")
    assert err == SAID


def test_a_large_file_whose_part_is_not_answered(run: Runner, store: Server) -> None:
    (run.home / "a.bin").write_bytes(bytes(40 * MIB))
    answer = stalls(lambda seen: "partNumber=2" in seen.path)
    interrupted(run, store, answer, "bucket", "put-file", "b", "a.bin")


def test_a_stream_whose_end_is_not_known(run: Runner, store: Server) -> None:
    """The store does not even answer that what had arrived is cleared away."""
    answer = stalls(lambda seen: "partNumber=2" in seen.path or seen.method == "DELETE")
    words = ("bucket", "put-file", "b", "-", "a.bin")
    assert interrupted(run, store, answer, *words, standard_input=bytes(17 * MIB)) == SAID


def test_a_large_file_that_is_not_put_together(run: Runner, store: Server) -> None:
    (run.home / "a.bin").write_bytes(bytes(20 * MIB))
    answer = stalls(lambda seen: seen.method == "POST" and "uploadId" in seen.path)
    interrupted(run, store, answer, "bucket", "put-file", "b", "a.bin")


@pytest.mark.parametrize("size", [1000, 3 * MIB, 80 * MIB])
def test_an_object_that_stops_on_the_way(run: Runner, store: Server, size: int) -> None:
    (run.home / "a.bin").write_bytes(b"older")
    headers = {"ETag": f'"{hashlib.md5(b"another").hexdigest()}"'}

    def answer(seen: Seen) -> Reply:
        if seen.method == "HEAD":
            return Reply(headers={**headers, "Content-Length": str(size)})
        span = seen.headers.get("range", f"bytes=0-{size - 1}").removeprefix("bytes=")
        first, last = map(int, span.split("-"))
        range_header = {"Content-Range": f"bytes {span}/{size}"} if "range" in seen.headers else {}
        return Reply(headers={**headers, **range_header}, body=bytes(last - first + 1), cut=500, stall=True)

    interrupted(run, store, answer, "bucket", "get-file", "b", "a.bin", "a.bin")
    assert (run.home / "a.bin").read_bytes() == b"older"
    assert names(run) == ["a.bin"], "no piece of a large one had arrived, so that nothing is kept"


def test_a_folder_whose_objects_stop_on_the_way(run: Runner, store: Server) -> None:
    keys = KeyStore()
    keys.objects = {f"x/{number}.bin": bytes(1000) for number in range(40)}

    def answer(seen: Seen) -> Reply:
        reply = keys.answer(seen)
        if "/x/" in seen.path and seen.method == "GET":
            reply.cut, reply.stall = 500, True
        return reply

    interrupted(run, store, answer, "bucket", "get-file", "b", "x/", "to")
    assert not (run.home / "to").exists(), "nothing of them had arrived"


def test_a_list_that_does_not_come(run: Runner, store: Server) -> None:
    interrupted(run, store, lambda _: Reply(stall=True), "service", "list-files", "svc", "b/in/")
