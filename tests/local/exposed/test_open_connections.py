"""Connections to exposed services that stay open: WebSockets, and answers without an end."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import httpx
import pytest

from oscarcli.local.exposed import relay
from tests.local.exposed.conftest import Expose, deployment, reaches
from tests.local.harness import LocalCluster, wait_for
from tests.support import echo_service
from tests.support.ports import free_port

pytestmark = pytest.mark.usefixtures("echo")

WEBSOCKET_SERVICE = Path(echo_service.__file__).with_name("websocket_service.py")
PATH = "/system/services/echo/exposed"


@contextmanager
def connected(cluster: LocalCluster, request: str, version: str = "1.1") -> Iterator[BinaryIO]:
    """Send a request, and give the connection."""
    netloc = urlsplit(cluster.server.endpoints.api).netloc
    host, _, port = netloc.rpartition(":")
    line, _, headers = request.partition("\n")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        head = f"{line} HTTP/{version}\r\nHost: {netloc}\r\n{headers}\r\n"
        connection.sendall(head.encode())
        with connection.makefile("rwb", buffering=0) as stream:
            yield stream  # type: ignore[misc]  # no buffer: what is written is sent


@contextmanager
def upgraded(cluster: LocalCluster, service: str = "echo") -> Iterator[BinaryIO]:
    """Give a connection that speaks another protocol."""
    path = f"/system/services/{service}/exposed/upgrade"
    with connected(cluster, f"GET {path}\nConnection: Upgrade\r\nUpgrade: shouting\r\n") as stream:
        assert stream.readline() == b"HTTP/1.1 101 Switching Protocols\r\n"
        while stream.readline() != b"WELCOME\n":
            pass
        yield stream


def shout(stream: BinaryIO, word: bytes) -> bytes:
    """Say something, and return what comes back."""
    stream.write(word)
    return stream.readline()


def count(cluster: LocalCluster) -> int:
    """Return how many connections the service has open."""
    return int(cluster.call("GET", f"{PATH}/upgraded").headers["x_count"])


def test_64_open_connections_cost_no_worker(cluster: LocalCluster) -> None:
    with upgraded(cluster):
        threads = threading.active_count()
        with ExitStack() as stack:
            streams = [stack.enter_context(upgraded(cluster)) for _ in range(64)]
            assert threading.active_count() == threads
            assert cluster.api.get("/system/info").status_code == 200
            for number, stream in enumerate(streams):
                assert shout(stream, b"word %d\n" % number) == b"WORD %d\n" % number
            assert count(cluster) == 65
    wait_for(lambda: count(cluster) == 0, "the service to see that all clients are gone")


def test_what_the_service_said_last_arrives(cluster: LocalCluster) -> None:
    with upgraded(cluster) as stream:
        assert shout(stream, b"the end\n") == b"THE END\n"
        assert shout(stream, b"END\n") == b"END\n"
        assert stream.read(1) == b""


def test_megabytes_go_both_ways_although_nobody_reads_at_first(cluster: LocalCluster) -> None:
    block, blocks = b"x" * 65_535 + b"\n", 256
    with upgraded(cluster) as stream:
        sender = threading.Thread(target=lambda: [stream.write(block) for _ in range(blocks)])
        sender.start()
        # The rest waits in buffers of the kernel until somebody reads.
        assert cluster.api.get("/system/info").status_code == 200
        received = 0
        while received < len(block) * blocks:
            data = stream.read(1 << 20)
            assert set(data) | {ord("\n")} == set(b"X\n")
            received += len(data)
        sender.join()


def test_a_stopped_service_ends_its_connections(cluster: LocalCluster, expose: Expose) -> None:
    expose("halted", health_path="/health")
    reaches(cluster, "halted", "ready")
    with upgraded(cluster, "halted") as stream, upgraded(cluster) as other:
        assert cluster.api.post("/system/services/halted/stop").status_code == 200
        assert stream.read(1) == b""
        assert shout(other, b"still there\n") == b"STILL THERE\n"


def test_connections_end_with_the_server(tmp_path: Path, start_cluster: Callable[..., LocalCluster]) -> None:
    cluster = start_cluster()
    relays = [thread for thread in threading.enumerate() if thread.name == "relay"]
    port = free_port()
    exposed = {"api_port": [port], "min_scale": 1, "max_scale": 1, "health_path": "/health"}
    script = f"exec {sys.executable} {echo_service.__file__} {port}\n"
    cluster.create("echo", script, expose=exposed, input=[], output=[])
    reaches(cluster, "echo", "ready")
    with ExitStack() as stack:
        streams = [stack.enter_context(upgraded(cluster)) for _ in range(4)]
        cluster.close()
        assert [stream.read(1) for stream in streams] == [b""] * 4
    assert [thread for thread in threading.enumerate() if thread.name == "relay"] == relays


def test_no_service_and_no_connection_begins_when_the_server_is_about_to_stop(
    start_cluster: Callable[..., LocalCluster],
) -> None:
    cluster = start_cluster()
    port = free_port()
    exposed = {"api_port": [port], "min_scale": 1, "max_scale": 1}
    script = f"exec {sys.executable} {echo_service.__file__} {port}\n"
    cluster.create("echo", script, expose=exposed, input=[], output=[])
    reaches(cluster, "echo", "ready")
    cluster.server.cluster.stop_runs()
    for verb in ("start", "restart"):
        assert cluster.api.post(f"/system/services/echo/{verb}").status_code in (200, 204)
    cluster.create("late", script, expose=exposed, input=[], output=[])
    deployments = cluster.server.cluster.deployments
    assert deployment(cluster, "echo")["state"] == "stopped"
    assert (deployments.get("late"), deployments.relay.is_full) == (None, True)


def test_too_many_are_refused_until_one_ends(cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "MAX_CONNECTIONS", 2)
    with upgraded(cluster) as first, upgraded(cluster):
        headers = {"Connection": "Upgrade", "Upgrade": "shouting"}
        answer = cluster.call("GET", f"{PATH}/upgrade", headers=headers)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.text == 'the service "echo" cannot be called: 2 connections are open, the limit\n'
        # Answers with an end are none of these.
        assert cluster.call("GET", f"{PATH}/x").status_code == 200
        assert shout(first, b"END\n") == b"END\n"

        def has_room() -> bool:
            with connected(cluster, f"GET {PATH}/upgrade\nConnection: Upgrade\r\nUpgrade: s\r\n") as stream:
                return b"101" in stream.readline()

        wait_for(has_room, "room")


def test_answers_without_an_end_cost_no_worker_either(cluster: LocalCluster) -> None:
    with ExitStack() as stack:
        streams = [stack.enter_context(connected(cluster, f"GET {PATH}/stream\n")) for _ in range(40)]
        for stream in streams:
            head = list(iter(stream.readline, b"\r\n"))
            assert b"Transfer-Encoding: chunked\r\n" in head
            assert b"Connection: close\r\n" in head
            assert not [line for line in head if line.lower().startswith(b"content-length")]
            assert stream.readline() + stream.readline() == b"5\r\nfirst\r\n"
        assert cluster.call("POST", f"{PATH}/release").status_code == 200
        for stream in streams:
            assert stream.read(100) == b"6\r\nsecond\r\n0\r\n\r\n"


def test_a_client_of_http_1_0_gets_no_chunks(cluster: LocalCluster) -> None:
    cluster.call("POST", f"{PATH}/release")
    with connected(cluster, f"GET {PATH}/stream\n", version="1.0") as stream:
        head = b"".join(iter(stream.readline, b"\r\n"))
        assert b"transfer-encoding" not in head.lower()
        assert b"".join(iter(lambda: stream.read(100), b"")) == b"firstsecond"


def test_an_answer_ends_where_the_service_ends_it(cluster: LocalCluster) -> None:
    answer = cluster.call("GET", f"{PATH}/endless")
    assert (answer.status_code, answer.text, answer.headers["connection"]) == (200, "all there is", "close")
    assert "content-length" not in answer.headers
    with pytest.raises(httpx.RemoteProtocolError):
        cluster.call("GET", f"{PATH}/cut")


def test_a_real_websocket_client_and_server_understand_each_other(
    cluster: LocalCluster, expose: Expose
) -> None:
    aiohttp: Any = pytest.importorskip("aiohttp")
    port = free_port()
    expose("socket", f"exec {sys.executable} {WEBSOCKET_SERVICE} {port}\n", port, health_path="/health")
    reaches(cluster, "socket", "ready")
    url = f"{cluster.server.endpoints.api}/system/services/socket/exposed/echo"

    async def talk() -> tuple[str, int, int]:
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as connection:
            await connection.send_str("grüße")
            text = await connection.receive_str()
            await connection.send_bytes(b"\0" * 3_000_000)
            size = len(await connection.receive_bytes())
            await connection.close()
            return text, size, connection.close_code

    assert asyncio.run(talk()) == ("grüße", 3_000_000, 1000)
