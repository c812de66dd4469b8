"""A store that OSCAR restarts while files are on their way, or that tells little: the real command."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator

import pytest

from tests.conftest import Runner
from tests.support.s3_servers import minio_provider
from tests.support.scripted_s3 import MIB, KeyStore, Reply, Seen, Server, multipart_answer, whole

WAITING = "; waiting up to 20 s for minio.default to come back\n"


@pytest.fixture
def store(run: Runner) -> Iterator[Server]:
    """A store of a cluster on record, with an object in it."""
    store, manager, keys = Server(), Server(), KeyStore()
    documents = {
        "/system/services/svc": {"name": "svc"},
        "/system/config": {"config": {}, "minio_provider": minio_provider(store.endpoint)},
    }
    manager.script = lambda seen: Reply(
        headers={"Content-Type": "application/json"}, body=json.dumps(documents[seen.path]).encode()
    )
    keys.objects["in/a.txt"] = b"content"
    store.script = keys.answer
    run.know(manager.endpoint)
    yield store
    store.stop()
    manager.stop()


def first_line(process: subprocess.Popen[bytes]) -> str:
    """Return what the program says first on stderr."""
    assert process.stderr is not None
    return process.stderr.readline().decode()


@pytest.mark.slow
def test_a_store_that_is_away_is_waited_for_with_words(run: Runner, store: Server) -> None:
    store.leave()
    process = run.start("service", "list-files", "svc", "svc/in")
    told = first_line(process)
    # For some seconds, as while it starts: the command goes on as soon as it is there.
    store.over.wait(3)
    store.come_back()
    out, err = process.communicate(timeout=60)
    assert told == 'list "svc/in" in minio.default: no connection: Connection refused' + WAITING
    assert (process.returncode, err) == (0, b"minio.default answers again\n")
    assert out.split()[:2] == [b"a.txt", b"7"]


def test_an_upload_goes_on_when_the_store_is_back(run: Runner, store: Server) -> None:
    (run.home / "big.bin").write_bytes(b"x" * (20 * MIB))
    has_left = threading.Event()

    def answer(seen: Seen) -> Reply:
        if "partNumber=2" in seen.path and not has_left.is_set():
            has_left.set()
            store.leave()
        return multipart_answer(
            seen, head=Reply(headers={"Content-Length": str(20 * MIB), "ETag": '"odd-2"'})
        )

    store.script = answer
    process = run.start("bucket", "put-file", "svc", "big.bin")
    told = first_line(process)
    store.come_back()
    out, err = process.communicate(timeout=60)
    assert told.startswith('upload "svc/big.bin" to minio.default: ')
    assert told.endswith(WAITING)
    assert (process.returncode, err) == (0, b"minio.default answers again\n")
    assert out == b'Uploaded "big.bin" to "minio.default:svc/big.bin"\n'
    assert not [seen for seen in store.seen if seen.method == "DELETE"]


def test_the_waiting_ends_with_ctrl_c(run: Runner, store: Server) -> None:
    (run.home / "a.txt").write_bytes(b"x")
    store.leave()
    process = run.start("bucket", "put-file", "svc", "a.txt")
    assert first_line(process).endswith(WAITING)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"interrupted\n")


def test_a_store_that_is_not_there_is_given_up_after_the_time_that_was_given(
    run: Runner, store: Server
) -> None:
    store.leave()
    done = run("bucket", "get-file", "svc", "in/a.txt", "--timeout", "0.5")
    assert (done.code, done.out) == (6, "")
    told, error, hint = done.err.splitlines()
    assert told.endswith("; waiting up to 0.5 s for minio.default to come back")
    assert error == 'Error: look up "svc/in/a.txt" in minio.default: no connection: Connection refused'
    assert hint.startswith("hint: check the endpoint")


def test_on_a_terminal_the_waiting_is_told_beside_the_bar(run: Runner, store: Server) -> None:
    (run.home / "a.txt").write_bytes(b"x")
    store.leave()
    done = run.terminal("bucket", "put-file", "svc", "a.txt", "--timeout", "0.5")
    assert done.code == 6
    assert "; waiting up to 0.5 s for minio.default to come back" in done.out


def test_what_no_digest_is_told_of_is_said_by_verbose(run: Runner, store: Server) -> None:
    store.script = lambda _: whole(b"content", headers={"ETag": '"opaque"'})
    done = run("-v", "bucket", "get-file", "svc", "in/a.txt", "-")
    assert (done.code, done.out) == (0, "content")
    assert done.err.splitlines()[-1] == (
        '"svc/in/a.txt": the provider tells no digest that can be compared here: '
        "what arrived has the right size"
    )
    assert run("bucket", "get-file", "svc", "in/a.txt", "-").err == ""
