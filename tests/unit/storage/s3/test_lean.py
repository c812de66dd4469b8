"""The lean client against a server that answers exactly as told: attempts, connections, odd forms of HTTP."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from oscarcli.config.model import TlsSettings
from oscarcli.errors import ForbiddenError, OscarError, RefusedError, UnreachableError
from oscarcli.storage.cancel import Cancellation, Cancelled
from oscarcli.storage.location import Location
from oscarcli.storage.s3 import settings as s3_settings
from oscarcli.storage.s3.settings import S3Settings, choose_engine
from oscarcli.storage.s3.storage import S3Storage
from oscarcli.storage.source import FileSource
from oscarcli.storage.wire import client as wire_client
from tests.support.scripted_s3 import MIB, Reply, Seen, Server, error_body, whole

PLACE = Location("bucket", "in/a.bin")
CONTENT = b"some content"
PUT_HEADERS = {"ETag": f'"{hashlib.md5(CONTENT).hexdigest()}"'}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_client, "RETRY_SECONDS", 0.0)
    monkeypatch.delenv("OSCAR_CLI_S3_ENGINE", raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@contextmanager
def storage_at(endpoint: str, **changes: Any) -> Iterator[S3Storage]:
    settings: dict[str, Any] = {"endpoint": endpoint, "read_timeout": 5, "outage_limit": 0, **changes}
    storage = S3Storage(S3Settings("minio.default", "access", "secret", **settings))
    try:
        yield storage
    finally:
        storage.close()


def put(storage: S3Storage, folder: Path, content: bytes, cancellation: Cancellation | None = None) -> None:
    (folder / "source").write_bytes(content)
    cancellation = cancellation or Cancellation()
    with FileSource(folder / "source", lambda _: None, cancellation) as source:
        storage.write(PLACE, source, content_type="text/plain", cancellation=cancellation)


# -- attempts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failure",
    [
        Reply(503, body=error_body("SlowDown")),
        Reply(500, body=error_body("InternalError")),
        Reply(429),
        Reply(400, body=error_body("RequestTimeout")),
    ],
)
def test_what_fails_in_passing_is_tried_again(server: Server, tmp_path: Path, failure: Reply) -> None:
    replies = iter([failure, failure])
    server.script = lambda _: next(replies, Reply(headers=PUT_HEADERS))
    with storage_at(server.endpoint) as storage:
        put(storage, tmp_path, CONTENT)
    assert [seen.body for seen in server.seen] == [CONTENT] * 3


def test_there_are_only_so_many_attempts(server: Server) -> None:
    server.script = lambda _: Reply(503, body=error_body("SlowDown"))
    with storage_at(server.endpoint) as storage, pytest.raises(UnreachableError, match="overloaded"):
        storage.read(PLACE)
    assert len(server.seen) == s3_settings.MAX_ATTEMPTS


def test_a_refusal_is_not_asked_for_again(server: Server) -> None:
    server.script = lambda _: Reply(403, body=error_body("AccessDenied"))
    with storage_at(server.endpoint) as storage, pytest.raises(ForbiddenError):
        storage.read(PLACE)
    assert len(server.seen) == 1


def test_the_region_that_a_store_names_is_signed_for(server: Server) -> None:
    wrong = b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-3</Region></Error>"

    def script(seen: Seen) -> Reply:
        return whole(CONTENT) if "/eu-west-3/" in seen.headers["authorization"] else Reply(400, body=wrong)

    server.script = script
    with storage_at(server.endpoint) as storage:
        assert [storage.stat(PLACE).size if n else storage.read(PLACE).read(99) for n in (0, 1)] == [
            CONTENT,
            12,
        ]
    assert len(server.seen) == 3, "the region is kept"


def test_a_connection_that_was_closed_meanwhile_is_replaced(server: Server, tmp_path: Path) -> None:
    """Not one of the attempts: a server may close what nobody uses."""
    server.script = lambda _: whole(CONTENT, cut=len(CONTENT))
    with storage_at(server.endpoint) as storage:
        for _ in range(5):
            reader = storage.read(PLACE)
            assert reader.read(100) == CONTENT
            reader.close()
    assert len(server.seen) == 5


# -- forms of HTTP -----------------------------------------------------------------------------------


@contextmanager
def raw_server(*answers: bytes) -> Iterator[str]:
    """Serve connections that each get one of these answers, in many small pieces, and are closed then."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for answer in answers:
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1 << 16)
                    step = 1 + len(answer) // 200
                    for position in range(0, len(answer), step):
                        connection.send(answer[position : position + step])

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


FORMS = {
    "plain": b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nETag: x\r\n\r\nsome content",
    "small letters": b"HTTP/1.1 200\r\ncontent-length:12\r\n\r\nsome content",
    "after others": b"HTTP/1.1 103 Early\r\nA: b\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nsome content",
    "twice, and the same": b"HTTP/1.1 200 OK\r\nX: a\r\nx: b\r\nContent-Length: 12 \r\n\r\nsome content",
    "folded": b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 12\r\n\r\nsome content",
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_an_answer(form: str) -> None:
    with raw_server(FORMS[form]) as endpoint, storage_at(endpoint) as storage:
        reader = storage.read(PLACE)
        assert reader.object.size == 12
        content = b"".join(iter(lambda: reader.read(5), b""))
        reader.close()
    assert content == CONTENT


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2f\r\n<Error><Code>NoSuchKey</Code><Message/></Error>\r\n0\r\n\r\n",
        b"HTTP/1.0 404 No\r\n\r\n<Error><Code>NoSuchKey</Code></Error>",
    ],
)
def test_an_answer_without_a_length_is_read_to_its_end(answer: bytes) -> None:
    with (
        raw_server(answer) as endpoint,
        storage_at(endpoint) as storage,
        pytest.raises(OscarError, match="there is no such object"),
    ):
        storage.read(PLACE)


@pytest.mark.parametrize(
    "answer",
    [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 3", b"SSH-2.0-OpenSSH_9.2\r\n" * 2],
)
def test_what_is_no_answer_is_a_broken_connection(answer: bytes) -> None:
    attempts = [answer] * s3_settings.MAX_ATTEMPTS
    with (
        raw_server(*attempts) as endpoint,
        storage_at(endpoint) as storage,
        pytest.raises(UnreachableError, match="the connection broke"),
    ):
        storage.read(PLACE)


def test_a_head_without_end_is_given_up() -> None:
    endless = b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"y" * (70 << 10)
    with (
        raw_server(*[endless] * s3_settings.MAX_ATTEMPTS) as endpoint,
        storage_at(endpoint) as storage,
        pytest.raises(UnreachableError, match="the connection broke"),
    ):
        storage.read(PLACE)


def test_a_document_without_end_is_given_up(server: Server) -> None:
    server.script = lambda _: Reply(body=bytes(wire_client.MAX_DOCUMENT_BYTES + 1))
    with storage_at(server.endpoint) as storage, pytest.raises(UnreachableError, match="larger than 8 MiB"):
        list(storage.list("bucket", ""))


def test_a_line_break_cannot_become_a_header(server: Server) -> None:
    with storage_at(server.endpoint) as storage, pytest.raises(RefusedError, match="line break"):
        storage.read(PLACE, etag='x"\r\nX-Evil: 1')
    assert server.seen == []


# -- large bodies, and the end ---------------------------------------------------------------------------


def test_a_large_body_is_not_sent_to_who_refuses_it(tmp_path: Path) -> None:
    refusal = b"HTTP/1.1 403 No\r\nContent-Length: 45\r\n\r\n<Error><Code>AccessDenied</Code><M></M></Error>"[
        :400
    ]
    refusal = refusal.replace(b"45", str(len(refusal.partition(b"\r\n\r\n")[2])).encode())
    with raw_server(refusal) as endpoint, storage_at(endpoint) as storage:
        moved: list[int] = []
        (tmp_path / "source").write_bytes(bytes(3 * MIB))
        cancellation = Cancellation()
        with (
            FileSource(tmp_path / "source", moved.append, cancellation) as source,
            pytest.raises(ForbiddenError),
        ):
            storage.write(PLACE, source, content_type="text/plain", cancellation=cancellation)
        assert sum(moved) == 0


def test_a_server_that_says_no_continue_gets_the_body_after_a_while(tmp_path: Path) -> None:
    content = os.urandom(2 * MIB)
    arrived: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        data = b""
        while len(data.partition(b"\r\n\r\n")[2]) < len(content):
            data += connection.recv(1 << 20)
        arrived.append(data.partition(b"\r\n\r\n")[2])
        etag = hashlib.md5(content).hexdigest().encode()
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: "' + etag + b'"\r\n\r\n')
        connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    with storage_at(f"http://127.0.0.1:{listener.getsockname()[1]}") as storage:
        put(storage, tmp_path, content)
    thread.join()
    listener.close()
    assert arrived == [content]


def test_a_server_that_takes_no_more_of_a_body_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_settings, "MAX_ATTEMPTS", 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        # More than the buffers on the way hold, so that the system waits for room in them.
        with (
            storage_at(endpoint, read_timeout=0.2) as storage,
            pytest.raises(UnreachableError, match="no answer"),
        ):
            put(storage, tmp_path, bytes(15 * MIB))


def test_a_file_that_the_system_cannot_send_by_itself_is_sent_as_any_other(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_: object) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr("os.sendfile", cannot)
    content = os.urandom(3 * MIB)
    server.script = lambda seen: Reply(headers={"ETag": f'"{hashlib.md5(seen.body).hexdigest()}"'})
    with storage_at(server.endpoint) as storage:
        put(storage, tmp_path, content)
    assert [seen.body for seen in server.seen] == [content]


@pytest.mark.parametrize("size", [10, 3 * MIB])
def test_a_wait_for_an_answer_can_be_called_off(server: Server, tmp_path: Path, size: int) -> None:
    arrived = threading.Event()

    def script(_: Seen) -> Reply:
        arrived.set()
        return Reply(stall=True)

    server.script = script
    cancellation = Cancellation()
    failures: list[type[BaseException]] = []

    def run() -> None:
        try:
            put(storage, tmp_path, bytes(size), cancellation)
        except BaseException as error:  # noqa: BLE001 -- looked at below
            failures.append(type(error))

    with storage_at(server.endpoint, read_timeout=60) as storage:
        thread = threading.Thread(target=run)
        thread.start()
        assert arrived.wait(60)
        started = time.monotonic()
        cancellation.cancel()
        thread.join(20)
    assert failures == [Cancelled]
    assert time.monotonic() - started < 10


# -- the choice --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "variables", "engine"),
    [
        ({}, {}, "lean"),
        ({"endpoint": "https://minio.example"}, {}, "lean"),
        ({"tls": TlsSettings(client_cert="/c.pem")}, {}, "lean"),
        ({}, {"http_proxy": "http://u:p@proxy.example:3128"}, "lean"),
        ({}, {"ALL_PROXY": "socks5h://proxy.example:1080"}, "boto3"),
        ({}, {"OSCAR_CLI_S3_ENGINE": "boto3"}, "boto3"),
        ({"endpoint": None}, {}, "boto3"),
        ({"endpoint": None}, {"OSCAR_CLI_S3_ENGINE": "lean"}, "boto3"),
    ],
)
def test_the_choice_of_the_client(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], variables: dict[str, str], engine: str
) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings: dict[str, Any] = {"endpoint": "http://minio.example:9000", **changes}
    assert choose_engine(S3Settings("minio.default", "a", "b", **settings))[0] == engine


@pytest.mark.parametrize("engine", ["lean", "boto3"])
def test_the_choice_is_told(server: Server, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    monkeypatch.setenv("OSCAR_CLI_S3_ENGINE", engine)
    told: list[str] = []
    server.script = lambda _: whole(CONTENT)
    storage = S3Storage(
        S3Settings("minio.default", "access", "secret", endpoint=server.endpoint), note=told.append
    )
    storage.stat(PLACE)
    storage.stat(PLACE)
    storage.close()
    assert told == [f"minio.default: objects are moved by the {engine} client: OSCAR_CLI_S3_ENGINE names it"]
    assert ["Boto" in seen.headers.get("user-agent", "") for seen in server.seen] == [engine == "boto3"] * 2
