"""Servers, files and logs that mean harm: they get neither the screen, nor the memory, nor a traceback."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import socket
import sys
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml

from oscarcli.cli.app import main
from oscarcli.errors import ExitCode
from tests.conftest import Caller, Runner
from tests.support.daily import daily
from tests.support.peak_memory import measured
from tests.support.server import Answer, Request, ScriptedServer, document, text

MIB = 1 << 20
# Sets the title of the window, colours by a single byte, goes back to the start of the line, turns the text
# around, ends the line, clears the screen, and half of a surrogate pair.
NASTY = "\x1b]0;pwned\x07\x9b31m\r\u202e\u200f\n\u2028\x1b[2J\ud800"
# What may reach a screen: what can be seen, line ends and TABs.
DANGEROUS = re.compile(r"[^\n\t\x20-\x7e\xa0-\U0010ffff]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
# How the program names an error that nobody foresaw.
UNFORESEEN = re.compile(r"unexpected [A-Z]\w*: ")


class Hostile(ScriptedServer):
    """A server that answers whatever is asked by one function."""

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        super().__init__()
        self._answer = answer

    def reply_to(self, request: Request) -> Answer:
        self.requests.append(request)
        return self._answer(request)


# -- nothing reaches the screen ----------------------------------------------------------------------

SERVICE: dict[str, Any] = {
    "name": "svc",
    "image": "ubuntu",
    "cpu": "1.0",
    "memory": "1Gi",
    "script": "#!/bin/sh\necho hello\n",
    "token": "t" * 64,
    "owner": "ada",
    "visibility": "private",
    "log_level": "INFO",
    "labels": {"a": "b"},
    "environment": {"variables": {"A": "b"}, "secrets": {"S": ""}},
    "input": [{"storage_provider": "minio.default", "path": "svc/in", "suffix": ["x"], "prefix": []}],
    "output": [{"storage_provider": "minio.default", "path": "svc/out"}],
    "storage_providers": {"minio": {"default": {"endpoint": "https://m.example", "access_key": "hidden"}}},
    "expose": {"api_port": 80},
    "deployment": {"state": "ready", "reason": "because"},
    "of_a_newer_server": ["x", {"y": "z"}],
}
MEMBER = {"type": "oscar", "cluster_id": "c", "service_name": "s", "url": "https://x", "priority": 1}
NODE = {"name": "n", "status": "Ready", "cpu": {}, "memory": {}, "conditions": [{"type": "t", "status": "s"}]}
DOCUMENTS: Mapping[str, Any] = {
    "/system/services": [SERVICE],
    "/system/services/svc": SERVICE,
    "/system/services/svc/deployment": {"service_name": "svc", "state": "ready", "reason": "r"},
    "/system/services/svc/deployment/logs": {"entries": [{"timestamp": "t", "message": "m"}], "message": "m"},
    "/system/logs": {"logs": [{"raw": "r", "timestamp": "t", "method": "GET", "path": "/run", "user": "u"}]},
    "/system/logs/svc": {"jobs": {"svc-1": {"status": "Succeeded", "creation_time": "2026-06-12T09:05:29Z"}}},
    "/system/info": {"version": "v4", "architecture": "amd64", "serverless_backend": {"name": "k"}},
    "/system/config": {
        "config": {"name": "oscar"},
        "minio_provider": {"endpoint": "https://m", "region": "r"},
    },
    "/system/status": {"cluster": {"nodes": [NODE]}, "oscar": {"deployment_name": "o"}, "minio": {}},
    "/system/buckets": [{"bucket_name": "b", "owner": "o", "visibility": "private", "allowed_users": ["u"]}],
    "/system/buckets/b": {
        "objects": [{"object_name": "k", "size_bytes": 1, "last_modified": "t", "owner": "o"}]
    },
    "/system/volumes": [{"name": "v", "size": "1Gi", "owner_user": "u", "status": {"phase": "Bound"}}],
    "/system/volumes/v": {"name": "v", "attachments": [{"service_name": "s", "mount_path": "/x"}]},
    "/system/metrics": {"start": "s", "totals": {"users": ["u"]}, "sources": [{"name": "n", "notes": "x"}]},
    "/system/metrics/breakdown": {"items": [{"key": "k", "membership": "m", "executions_count": 1}]},
    "/system/metrics/svc": {"service_name": "svc", "metrics": [{"metric": "m", "value": 1, "unit": "u"}]},
    "/system/quotas/user": {
        "user_id": "u",
        "cluster_queue": "q",
        "resources": {"cpu": {"max": 1, "used": 0}},
    },
    "/system/federation/svc": {"topology": "t", "members": [MEMBER]},
}
READERS = (
    "health",
    "doctor",
    "cluster info",
    "cluster status",
    "service list",
    "service get svc",
    "service url svc",
    "service logs list svc",
    "service logs get svc svc-1",
    "service logs get svc --latest",
    "service deployment status svc",
    "service deployment logs svc",
    "service system-logs",
    "bucket list",
    "bucket get b",
    "volume list",
    "volume get v",
    "metrics summary",
    "metrics breakdown",
    "metrics service svc",
    "quota get",
    "federation get svc",
    "service export svc --force",
    "service run svc -i x",
    "service job svc -i x",
    "diff fdl.yaml",
)
# A list, a document, a log, a table of its own, an answer and a comparison.
DAILY_READERS = (
    "service list",
    "service get svc",
    "service logs get svc svc-1",
    "cluster status",
    "service run svc -i x",
    "diff fdl.yaml",
)
FORMS = (None, "table", "json", "yaml", "csv", "text", "mermaid", "dot")


def poisoned(part: Any) -> Any:
    """Return a document with every text in it, and every key of a map of somebody's own, made nasty."""
    if isinstance(part, dict):
        return {key: poisoned(value) for key, value in part.items()} | {f"new{NASTY}": NASTY}
    if isinstance(part, list):
        return [poisoned(item) for item in part]
    return part + NASTY if isinstance(part, str) else part


def poison(request: Request) -> Answer:
    if request.path in DOCUMENTS and request.method == "GET":
        found = DOCUMENTS[request.path]
        jobs = found.get("jobs") if isinstance(found, dict) else None
        if jobs:
            found = {"jobs": {name + NASTY: poisoned(job) for name, job in jobs.items()}}
        return document(found if jobs else poisoned(found))
    return text(NASTY.encode(errors="replace").decode() * 3)


class Screen(io.TextIOWrapper):
    """A stream that says that it is a terminal."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", newline="")

    def isatty(self) -> bool:
        return True

    @property
    def shown(self) -> str:
        self.flush()
        content = self.buffer
        assert isinstance(content, io.BytesIO)
        return content.getvalue().decode()


def on_screen(call: Caller, *words: str) -> tuple[int, str]:
    """Call the program with both streams on a terminal without colours and bars."""
    out, err = Screen(), Screen()
    environ = {**call.environ, "TERM": "dumb", "NO_COLOR": "1"}
    with (
        mock.patch.dict(os.environ, environ, clear=True),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(b""))),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main(list(words))
        except SystemExit as ending:
            return int(ending.code or 0), out.shown + err.shown
    return 0, out.shown + err.shown


def assert_harmless(words: object, code: int, shown: str) -> None:
    found = DANGEROUS.search(shown)
    assert found is None, (words, shown[max(found.start() - 80, 0) : found.end() + 20])
    assert code in list(ExitCode), words
    assert "Traceback" not in shown, words
    assert UNFORESEEN.search(shown) is None, (words, shown)


@pytest.fixture
def somewhere(call: Caller, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that commands work in."""
    monkeypatch.chdir(call.home)
    return call.home


@pytest.mark.parametrize("command", daily(READERS, *DAILY_READERS))
def test_no_text_of_a_server_moves_the_cursor(call: Caller, somewhere: Path, command: str) -> None:
    service = {"name": "svc", "image": "ubuntu", "script": "script.sh", "input": SERVICE["input"]}
    fdl = {"functions": {"oscar": [{"test": service}]}}
    (somewhere / "fdl.yaml").write_text(yaml.safe_dump(fdl))
    (somewhere / "script.sh").write_text("#!/bin/sh\n")
    with Hostile(poison) as server:
        call.know(server.url)
        for form in FORMS:
            if "service run" in command and form:
                continue
            words = [*command.split(), *(["-o", form] if form else [])]
            for extra in ([], ["--debug"]):
                code, shown = on_screen(call, *words, *extra)
                if extra:
                    shown = re.sub(r"Traceback \(.*", "", shown)
                assert_harmless(words, code, shown)
        assert server.requests


@pytest.mark.parametrize("status", daily([302, 400, 401, 403, 404, 409, 418, 500, 503], 302, 403, 500))
def test_no_words_of_an_error_move_the_cursor(
    call: Caller, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Between two tries.
    monkeypatch.setattr("time.sleep", lambda _: None)
    bodies = [NASTY.replace("\ud800", ""), json.dumps({"error": NASTY}), json.dumps({"message": NASTY})]
    for body in bodies:
        headers = {
            "Content-Type": "text/\x1b[2J",
            "Location": "http://127.0.0.1:9/\x1b[2J",
            "Retry-After": "99",
        }
        with Hostile(lambda _, body=body, headers=headers: Answer(status, body.encode(), headers)) as server:  # type: ignore[misc]
            call.know(server.url)
            for words in (
                ["service", "list"],
                ["service", "list", "-o", "json"],
                ["service", "delete", "x"],
                ["service", "run", "x", "-i", "y", "--debug"],
                ["health"],
                ["apply", "/dev/null"],
            ):
                code, shown = on_screen(call, *words)
                assert_harmless(words, code, shown.replace("Traceback", "") if "--debug" in words else shown)


def test_no_text_of_an_fdl_moves_the_cursor(call: Caller, somewhere: Path) -> None:
    nasty = NASTY.replace("\ud800", "").replace("\r", "")
    service = {
        f"key{nasty}": 1,
        "name": f"n{nasty}",
        "image": f"i{nasty}",
        "memory": f"m{nasty}",
        "cpu": nasty,
    }
    fdl = {"functions": {"oscar": [{f"c{nasty}": service}]}, f"top{nasty}": {}}
    (somewhere / "fdl.yaml").write_text(json.dumps(fdl))
    for verb in ("apply", "delete", "diff", "validate", "graph"):
        for form in (None, "json", "yaml"):
            words = [verb, "fdl.yaml", *(["-o", form] if form else [])]
            assert_harmless(words, *on_screen(call, *words))


def test_no_answer_of_a_service_moves_the_cursor_but_its_bytes_go_through_a_pipe(
    run: Runner, server: ScriptedServer
) -> None:
    answer = NASTY.replace("\ud800", "").encode() + b"\xff\r\nend\r\n"
    run.know(server.url)
    server.always("GET", "/system/services/svc", document({"name": "svc", "token": "t"}))
    server.always("POST", "/run/svc", Answer(200, answer))
    assert run("service", "run", "svc", "-i", "x").raw == answer
    shown = run.terminal("service", "run", "svc", "-i", "x")
    assert DANGEROUS.search(shown.out) is None
    assert "\\x1b]0;pwned\\x07" in shown.out
    assert "\\xff\nend\n" in shown.out


# -- nothing fills the memory ------------------------------------------------------------------------


@contextmanager
def flooding(head: bytes, piece: bytes, size: int) -> Iterator[str]:
    """Answer every request with a head and a piece over and over, `size` bytes or until nobody listens."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopping = threading.Event()

    def flood(connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as reader:
            while reader.readline().strip():
                pass
            try:
                connection.sendall(head)
                for _ in range(size // len(piece)):
                    connection.sendall(piece)
            except OSError:
                return

    def serve() -> None:
        while not stopping.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if stopping.is_set():
                connection.close()
                return
            flood(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stopping.set()
        # `accept` is not woken by a close in another thread.
        socket.create_connection(listener.getsockname()).close()
        thread.join()
        listener.close()


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Type: application/json", *lines, "", ""]).encode()


@cache
def bomb(encoding: str) -> bytes:
    """Return some 300 KiB that are 300 MiB; to make them takes seconds, so nothing does it at import."""
    packer = zlib.compressobj(9, wbits={"gzip": 31, "deflate": 15, "raw": -15}[encoding])
    return b"".join(packer.compress(b" " * MIB) for _ in range(300)) + packer.flush()


GIB = 1 << 30
CHUNK = b"%x\r\n%s\r\n" % (MIB, b" " * MIB)
FLOODS = {
    "a length": (head(f"Content-Length: {GIB}"), b" " * MIB, GIB),
    "chunks": (head("Transfer-Encoding: chunked"), CHUNK, GIB),
    "no length": (head("Connection: close"), b"[" * MIB, GIB),
    "nothing unpacked": (
        head("Content-Encoding: gzip", "Connection: close"),
        b"\x1f\x8b\x08\x08" + b"\0" * 6 + b"x" * MIB,
        GIB,
    ),
}


def flood(kind: str) -> tuple[bytes, bytes, int]:
    """Return the head of an answer, what comes behind it again and again, and how many bytes in all."""
    if kind == "gzip":
        packed = bomb("gzip")
        return head(f"Content-Length: {len(packed)}", "Content-Encoding: gzip"), packed, len(packed)
    return FLOODS[kind]


@pytest.mark.slow
@pytest.mark.parametrize("kind", daily([*FLOODS, "gzip"], "gzip"))
def test_an_endless_answer_is_refused_in_bounded_memory(run: Runner, kind: str) -> None:
    with flooding(*flood(kind)) as url:
        run.know(url)
        code, said, peak = measured(run, "service", "get", "x")
    assert code == 1
    if kind == "nothing unpacked":
        assert 'cannot get service "x": the answer is' in said
    else:
        assert 'cannot get service "x": the answer is larger than 64 MiB' in said
    assert "hint: check that the endpoint is that of an OSCAR server" in said
    assert peak < 200


@pytest.mark.thorough
def test_an_endless_result_is_refused_in_bounded_memory(run: Runner) -> None:
    with flooding(head(f"Content-Length: {GIB}"), b" " * MIB, GIB) as url:
        code, said, peak = measured(run, "service", "run", "x", "-i", "y", "-e", url, "-t", "token")
    assert (code, "the answer is larger than 256 MiB" in said) == (1, True)
    assert peak < 400


@pytest.mark.parametrize("status", daily(["200 OK", "400 Bad Request"], "200 OK"))
def test_an_endless_answer_of_an_object_store_is_refused_in_bounded_memory(
    run: Runner, server: ScriptedServer, status: str
) -> None:
    with flooding(head("Connection: close", status=status), b"<a>" * 300_000, GIB) as url:
        run.know(server.url)
        minio = {"endpoint": url, "verify": True, "region": "r", "access_key": "a", "secret_key": "s"}
        service = {"name": "svc", "storage_providers": {"minio": {"default": minio}}}
        server.always("GET", "/system/services/svc", document(service))
        server.always("GET", "/system/config", document({"config": {}, "minio_provider": minio}))
        code, said, peak = measured(run, "service", "list-files", "svc", "minio.default", "b/")
    assert code == 6
    assert "the answer is larger than 8 MiB" in said
    assert "Traceback" not in said
    assert peak < 150


@pytest.mark.parametrize("encoding", daily(["", "Content-Encoding: gzip"], ""))
def test_of_an_endless_failure_the_start_is_read(run: Runner, encoding: str) -> None:
    start = head("Connection: close", *([encoding] if encoding else []), status="409 Conflict")
    with flooding(start, bomb("gzip") if encoding else b"no " * MIB, GIB) as url:
        run.know(url)
        code, said, peak = measured(run, "service", "delete", "x")
    assert (code, "it conflicts with what is there (HTTP 409)" in said) == (7, True)
    assert peak < 100


PLAIN = b'{"version": "v4.1"}'
PACKINGS: Mapping[str, tuple[str, bytes]] = {
    "gzip": ("gzip", gzip.compress(PLAIN)),
    "x-gzip": ("X-GZIP", gzip.compress(PLAIN)),
    "deflate": ("deflate", zlib.compress(PLAIN)),
    "bare deflate": ("deflate", zlib.compress(PLAIN)[2:-4]),
    "twice": ("gzip, gzip", gzip.compress(gzip.compress(PLAIN))),
    "identity": ("identity", PLAIN),
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_packed_answers_are_unpacked(call: Caller, server: ScriptedServer, packing: str) -> None:
    encoding, body = PACKINGS[packing]
    call.know(server.url)
    server.expect("GET", "/system/info", Answer(200, body, {"Content-Encoding": encoding}))
    assert json.loads(call("cluster", "info", "-o", "json").out) == {"version": "v4.1"}


@pytest.mark.parametrize(
    ("encoding", "body", "words"),
    [
        ("br", b"x", 'is compressed as "br", which was not asked for'),
        ("zstd", b"x", 'is compressed as "zstd"'),
        ("gzip", b"no gzip at all", "is no valid gzip data"),
        ("gzip", gzip.compress(PLAIN)[:-6], "is gzip data that ends too early"),
        ("deflate", b"\xff" * 10, "is no valid deflate data"),
    ],
    ids=["br", "zstd", "no gzip", "half of it", "no deflate"],
)
def test_what_cannot_be_unpacked_is_said(
    call: Caller, server: ScriptedServer, encoding: str, body: bytes, words: str
) -> None:
    call.know(server.url)
    server.expect("GET", "/system/info", Answer(200, body, {"Content-Encoding": encoding}))
    outcome = call("cluster", "info")
    assert (outcome.code, outcome.out) == (1, "")
    assert f"cannot get the cluster's information: the answer {words}" in outcome.err


@pytest.mark.parametrize(
    "charset", ["zlib", "hex", "idna", "undefined", "utf-7", "no-such", "\x1b[2J", "a" * 999]
)
def test_a_charset_that_is_none_of_text_is_not_used(
    call: Caller, server: ScriptedServer, charset: str
) -> None:
    call.know(server.url)
    packed = Answer(400, zlib.compress(b"x" * 99), {"Content-Type": f"text/plain; charset={charset}"})
    server.always("GET", "/system/info", packed)
    assert_harmless(charset, *on_screen(call, "cluster", "info"))
    assert call("cluster", "info").code == 7


# -- odd documents -----------------------------------------------------------------------------------

ODD: Mapping[str, bytes] = {
    "deep lists": b"[" * 100_000,
    "deep maps": b'{"name":' * 100_000,
    "quite deep": b"[" * 500 + b"]" * 500,
    "a long number": b'{"version": ' + b"9" * 10_000 + b"}",
    "no number": b'{"version": NaN, "jobs": {}}',
    "infinity": b'[{"name": "a", "cpu": -Infinity}]',
    "a huge float": b'[{"name": 1e999}]',
    "a key twice": b'{"version": "a", "version": "b", "jobs": {}, "jobs": null}',
    "half a pair": b'[{"name": "\\ud800", "image": "\\udfff"}]',
    "half a pair to go on with": b'{"jobs": {}, "objects": [], "is_truncated": true, "next_page": "\\ud800"}',
    "not UTF-8": b'{"version": "\xff\xfe"}',
    "UTF-16": json.dumps({"version": "x"}).encode("utf-16"),
    "many values": b"[" + b"{}," * 1_000_000 + b"{}]",
    "a NUL": b'{"version": "\\u0000"}\0',
    "nothing": b"",
    "null": b"null",
    "a number": b"7",
    "lists of lists": b"[[[]], 7, null]",
    "no names": b'[{}, {"name": null}, {"name": [1]}, {"name": {"a": 1}}]',
    "wrong kinds": b'{"jobs": {"a": {"status": [1], "creation_time": {}}}, "members": 3, "logs": "x"}',
    "more wrong kinds": b'{"jobs": [1], "members": [1, {"url": []}], "logs": [[], 7], "entries": {}}',
    "numbers for texts": b'{"version": 7, "state": 1, "entries": [{"message": 7}], "objects": [{"key": 3}]}',
}


DAILY_ODD = ("half a pair", "null", "no names", "wrong kinds")


@pytest.mark.parametrize("kind", daily(ODD, *DAILY_ODD))
def test_no_odd_document_is_a_surprise(call: Caller, somewhere: Path, kind: str) -> None:
    def odd(request: Request) -> Answer:
        return Answer(200, ODD[kind], {"Content-Type": "application/json"})

    with Hostile(odd) as server:
        call.know(server.url)
        # Megabytes for every command would only take time.
        for command in READERS if len(ODD[kind]) < MIB else READERS[:6]:
            if command.startswith("diff"):
                continue
            for form in (None, "json", "yaml"):
                if form and command.startswith("service run"):
                    continue
                words = [*command.split(), *(["-o", form] if form else [])]
                outcome = call(*words)
                assert_harmless(words, outcome.code, outcome.out.replace("\r", "") + outcome.err)


# -- files -------------------------------------------------------------------------------------------


def laughs() -> str:
    lines = ["l0: &l0 {x: y}"] + [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12)]
    return "\n".join(lines) + "\n"


# Made when they are written: each is some megabytes.
MONSTERS: Mapping[str, Callable[[], str]] = {
    "laughs": laughs,
    "deep": lambda: "[" * 200_000,
    "large": lambda: "# " + "x" * (11 * MIB),
    "many": lambda: "- a\n" * 1_000_000,
    "keys": lambda: "".join(f"k{n}: v\n" for n in range(600_000)),
}


@pytest.mark.parametrize("kind", daily(MONSTERS, "many"))
def test_a_monstrous_fdl_is_refused_in_bounded_memory(run: Runner, kind: str) -> None:
    (run.home / "fdl.yaml").write_text(MONSTERS[kind]())
    run.know("http://127.0.0.1:9")
    code, said, peak = measured(run, "apply", "fdl.yaml")
    assert (code, "fdl.yaml:" in said, "Traceback" in said) == (3, True, False)
    assert peak < 250


@pytest.mark.parametrize("kind", daily(MONSTERS, "laughs"))
def test_a_monstrous_configuration_is_refused_in_bounded_memory_and_kept(run: Runner, kind: str) -> None:
    monster = MONSTERS[kind]()
    run.write_config(monster)
    for words in (["cluster", "list"], ["cluster", "add", "a", "http://x", "u", "p", "--no-check"]):
        code, said, peak = measured(run, *words)
        assert (code, "Traceback" in said) == (3, False)
        assert re.search("nested more than 100|too many values|larger than 4 MiB", said), said
        assert peak < 250
    assert run.config.read_text() == monster


def test_an_environment_file_and_a_script_have_bounds(run: Runner) -> None:
    fdl = "functions:\n  oscar:\n  - test:\n      name: a\n      image: b\n      script: script.sh\n"
    (run.home / "fdl.yaml").write_text(fdl)
    (run.home / "script.sh").write_text("#!/bin/sh\n")
    run.know("http://127.0.0.1:9")
    with (run.home / "env").open("wb") as file:
        file.truncate(GIB)
    code, said, peak = measured(run, "apply", "fdl.yaml", "--env-file", "env")
    assert (code, "larger than 4 MiB" in said) == (3, True)
    assert peak < 100
    with (run.home / "script.sh").open("wb") as file:
        file.truncate(GIB)
    code, said, peak = measured(run, "apply", "fdl.yaml")
    assert (code, "fdl.yaml:6: " in said) == (3, True)
    assert peak < 100
