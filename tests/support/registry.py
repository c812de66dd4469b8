"""A small registry of images on loopback: what clients read of one image, behind a login."""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import json
import platform
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.support.images import ARCHITECTURES, layer

REPOSITORY, TAG = "team/tools", "1"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
TOKEN = "a-token-of-the-registry"
LOGIN = ("reader", "a pass:word")


@dataclass
class Registry:
    """A registry that runs.

    Attributes:
        host: its name and port.
        scheme: how clients log in: `basic`, `bearer` or `none`.
        calls: method and path of each request that was let in.
        has_tls: whether it speaks TLS.
        answers: status, headers and body that are sent for a path in place of the usual.
    """

    scheme: str
    host: str = ""
    has_tls: bool = False
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifest: bytes = b""
    held: threading.Event = field(default_factory=threading.Event)

    @property
    def reference(self) -> str:
        """The image's name for services."""
        return f"{self.host}/{REPOSITORY}:{TAG}"

    @property
    def digest(self) -> str:
        """The manifest's digest."""
        return _digest(self.manifest)

    def secret(self, password: str = LOGIN[1]) -> str:
        """Return a login as a Kubernetes secret of the type `dockerconfigjson` has it."""
        login = base64.b64encode(f"{LOGIN[0]}:{password}".encode()).decode()
        return json.dumps({"auths": {self.host: {"auth": login}}})

    def fill(self, source: str = "the registry") -> None:
        """Put an image of busybox into it, with a variable of its own."""
        blobs, self.manifest = _image(source)
        self.blobs = dict(blobs)


@functools.cache
def _image(source: str) -> tuple[dict[str, bytes], bytes]:
    """Return an image's blobs by their digests, and its manifest."""
    content = layer({})
    document = {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Env": [f"FROM={source}"]},
        "rootfs": {"type": "layers", "diff_ids": [_digest(content)]},
        "history": [{"created": "2026-01-01T00:00:00Z"}],
    }
    config, packed = json.dumps(document).encode(), gzip.compress(content, 1, mtime=0)
    parts = [{"size": len(data), "digest": _digest(data)} for data in (config, packed)]
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, **parts[0]},
        "layers": [{"mediaType": LAYER, **parts[1]}],
    }
    return {_digest(data): data for data in (config, packed)}, json.dumps(manifest).encode()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: Registry

    def do_GET(self) -> None:
        """Answer a request."""
        path = urlsplit(self.path).path
        if path == "/token":
            return self._token()
        if not self._is_let_in():
            return self._send(401, b"{}", **{"WWW-Authenticate": self._challenge()})
        self.registry.calls.append((self.command, path))
        if path in self.registry.answers:
            status, headers, body = self.registry.answers[path]
            return self._send(status, body, **headers)
        kind, _, name = path.removeprefix(f"/v2/{REPOSITORY}/").partition("/")
        if path == "/v2/":
            return self._send(200, b"{}")
        if kind == "manifests" and name in (TAG, self.registry.digest):
            digest = {"Docker-Content-Digest": self.registry.digest}
            return self._send(200, self.registry.manifest, MANIFEST, **digest)
        if kind == "blobs" and name in self.registry.blobs:
            self.registry.held.wait(30)
            return self._send(200, self.registry.blobs[name], "application/octet-stream")
        errors = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
        return self._send(404, json.dumps(errors).encode())

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Treat HEAD as GET; no body is sent for it."""
        if name == "do_HEAD":
            return self.do_GET
        raise AttributeError(name)

    def _challenge(self) -> str:
        if self.registry.scheme == "basic":
            return 'Basic realm="test"'
        scheme = "https" if self.registry.has_tls else "http"
        return f'Bearer realm="{scheme}://{self.registry.host}/token",service="test"'

    def _has_login(self) -> bool:
        return (
            self.headers.get("authorization")
            == "Basic " + base64.b64encode(":".join(LOGIN).encode()).decode()
        )

    def _is_let_in(self) -> bool:
        if self.registry.scheme == "none":
            return True
        if self.registry.scheme == "basic":
            return self._has_login()
        return self.headers.get("authorization") == f"Bearer {TOKEN}"

    def _token(self) -> None:
        if self._has_login():
            self._send(200, json.dumps({"token": TOKEN, "expires_in": 300}).encode())
        else:
            self._send(401, b'{"errors": [{"code": "UNAUTHORIZED", "message": "wrong login"}]}')

    def _send(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Keep quiet."""


@contextmanager
def running_registry(scheme: str, tls: ssl.SSLContext | None = None) -> Iterator[Registry]:
    """Give a registry that runs, with TLS when there is a server's context for it."""
    registry = Registry(scheme, has_tls=tls is not None)
    registry.fill()
    registry.held.set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"registry": registry}))
    if tls is not None:
        # The handshake comes with the first read, in the thread of a connection.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    registry.host = f"127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield registry
    finally:
        registry.held.set()
        server.shutdown()
        server.server_close()
