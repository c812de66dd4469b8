"""An OSCAR manager with the routes that FDLs need: it keeps what it is sent and answers what it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.command import World
from tests.support.shown import shown

Answer = tuple[int, str]
NO_ROUTE = (404, "404 page not found")


@dataclass
class Cluster:
    """A server with the routes that apply, diff and delete use.

    Attributes:
        services: what it was sent and has.
        answers: what it says to a method and path, or to a method and service, instead of its own answer;
            a list is used up answer by answer, and its last one stays.
        version: what it says it is.
        is_real: whether it shows services as a manager does, and refuses existing services and buckets.
        oidc: the uid of its user, when that is no administrator.
        requests: what it was asked: method, path, document.
        hang: ends answers that do not come (status 0).
    """

    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[tuple[str, str], Answer | list[Answer]] = field(default_factory=dict)
    version: str = "4.1.2"
    is_real: bool = False
    oidc: str | None = None
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    buckets: set[str] = field(default_factory=set)
    endpoint: str = ""
    hang: threading.Event = field(default_factory=threading.Event)

    def answer(self, method: str, path: str, document: Any) -> Answer:
        self.requests.append((method, path, document))
        name = path.removeprefix("/system/services/")
        if method in ("POST", "PUT"):
            name = document["name"]
        told = self.answers.get((method, name if path.startswith("/system/services") else path))
        if isinstance(told, list):
            told = told.pop(0) if len(told) > 1 else told[0]
        if told is not None:
            return told
        if path == "/system/info":
            return 200, json.dumps({"version": self.version})
        if not path.startswith("/system/services"):
            return NO_ROUTE
        return self._own(method, name, document)

    def _own(self, method: str, name: str, document: Any) -> Answer:
        if method == "POST":
            return self._created(name, document)
        if name not in self.services:
            return NO_ROUTE if "/" in name else (404, "")
        if method == "GET":
            return 200, json.dumps(self.services[name])
        if method == "PUT":
            stored = self.services[name]
            self.services[name] = shown(document, stored=stored, oidc=self.oidc) if self.is_real else document
            self.buckets |= buckets_of(self.services[name])
        else:
            del self.services[name]
        return 204, ""

    def _created(self, name: str, document: Any) -> Answer:
        if self.is_real:
            if name in self.services:
                return 400, "A service with the provided name already exists"
            document = shown(document, oidc=self.oidc)
            taken = sorted(buckets_of(document, mount=False) & self.buckets)
            if taken:
                return 500, f'the bucket "{taken[0]}" already exists\n'
            self.buckets |= buckets_of(document)
        self.services[name] = document
        return 201, ""

    def asked(self) -> list[str]:
        """Return the requests as `METHOD name`."""
        return [
            f"{method} {document['name'] if document else path.rpartition('/')[2]}"
            for method, path, document in self.requests
        ]

    def written(self) -> list[str]:
        """Return those that change something."""
        return [request for request in self.asked() if not request.startswith("GET ")]


def buckets_of(document: dict[str, Any], *, mount: bool = True) -> set[str]:
    """Return the buckets of a service that is shown."""
    folders = [*document.get("input", ()), *document.get("output", ())]
    folders += [document["mount"]] if mount and document.get("mount") else []
    return {folder["path"].strip("/ ").partition("/")[0] for folder in folders} - {""}


@contextmanager
def clusters() -> Iterator[Callable[[], Cluster]]:
    """Yield a function that starts a cluster; all of them end together."""
    running: list[tuple[Cluster, ThreadingHTTPServer, threading.Thread]] = []

    def make() -> Cluster:
        cluster = Cluster()
        server = _server(cluster)
        cluster.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        running.append((cluster, server, thread))
        return cluster

    yield make
    for cluster, server, thread in running:
        cluster.hang.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _server(cluster: Cluster) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, text = cluster.answer(self.command, self.path, json.loads(body) if body else None)
            if status == 0:
                cluster.hang.wait(60)
                self.close_connection = True
                return
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 -- names of http.server

        def log_message(self, *_arguments: Any) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def record(world: World, clusters: dict[str, Cluster], default: str = "oscar-cluster") -> None:
    entries = {
        name: {"endpoint": c.endpoint, "auth_user": "oscar", "auth_password": "hunter2", "ssl_verify": True}
        for name, c in clusters.items()
    }
    world.config.parent.mkdir(exist_ok=True)
    world.config.write_text(json.dumps({"oscar": entries, "default": default}))
    world.config.chmod(0o600)


def fdl(
    world: World, *names: str, extra: str = "", key: str = "oscar-cluster", file: str = "posenet.yaml"
) -> Path:
    """Write an FDL of services with these names, and their script."""
    (world.home / "script.sh").write_text("#!/bin/sh\necho hi\n")
    items = "".join(
        f"  - {key}:\n      name: {name}\n      image: example/image\n      script: script.sh\n{extra}"
        for name in names
    )
    path = world.home / file
    path.write_text(f"functions:\n  oscar:\n{items}")
    return path
