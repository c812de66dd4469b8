"""An HTTP server on loopback that answers, or misbehaves, exactly as told, and S3's answers for it."""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote
from xml.sax.saxutils import escape

MIB = 1 << 20


@dataclass
class Seen:
    """One request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    """What to answer.

    With `cut` the connection ends after so many bytes of the body; with `stall` it stands still then, or,
    without `cut`, before the answer. One that is `lost` does not even begin.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: int | None = None
    stall: bool = False
    lost: bool = False


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    # As many as come at once: one more would wait for a second.
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """Say nothing: clients that go away are what many of these tests are about."""


class Server:
    """An HTTP server on loopback that records requests and answers as `script` says.

    `certificate` is a PEM file with a key, for HTTPS.
    """

    def __init__(self, certificate: Path | None = None) -> None:
        self.seen: list[Seen] = []
        self.script: Callable[[Seen], Reply] = lambda _: Reply()
        self.over = threading.Event()
        self.is_away = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                body = self.rfile.read(length)
                if len(body) < length:
                    # Whoever sent it is gone.
                    self.close_connection = True
                    return
                seen = Seen(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                reply = Reply() if outer.is_away else outer.script(seen)
                if outer.is_away:
                    self.close_connection = True
                    return
                outer.seen.append(seen)
                if reply.lost:
                    self.close_connection = True
                    return
                if reply.stall and reply.cut is None:
                    outer.over.wait(60)
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command == "HEAD":
                    return
                self.wfile.write(reply.body[: reply.cut])
                self.wfile.flush()
                if reply.stall:
                    outer.over.wait(60)
                self.close_connection = reply.cut is not None

            do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _answer  # noqa: N815
            do_PROPFIND = do_MKCOL = do_MOVE = _answer  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self._handler = Handler
        self._certificate = certificate
        self._leaving: threading.Thread | None = None
        self._listen(0)
        scheme = "http" if certificate is None else "https"
        self.endpoint = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"

    def _listen(self, port: int) -> None:
        self._server = _QuietServer(("127.0.0.1", port), self._handler)
        if self._certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def leave(self) -> None:
        """Refuse connections from now on and answer nothing more; a script may call this, too."""
        self.is_away = True
        self._leaving = threading.Thread(target=self._close)
        self._leaving.start()

    def come_back(self) -> None:
        """Listen again at the same place."""
        assert self._leaving is not None
        self._leaving.join()
        self.is_away = False
        self._listen(self._server.server_address[1])
        self._place.close()

    def _close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        # Nobody gets the port meanwhile, nor an answer at it.
        self._place = socket.socket()
        self._place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._place.bind(self._server.server_address[:2])

    def stop(self) -> None:
        self.over.set()
        if not self.is_away:
            self._close()
        elif self._leaving is not None:
            self._leaving.join()
        self._place.close()


def error_body(code: str, message: str = "words of the server") -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


def whole(content: bytes, **changes: Any) -> Reply:
    etag = hashlib.md5(content).hexdigest()
    headers = {"ETag": f'"{etag}"', "Last-Modified": "Fri, 12 Jun 2026 09:05:29 GMT"}
    return replace(Reply(headers=headers, body=content), **changes)


def multipart_answer(seen: Seen, **replies: Reply) -> Reply:
    """Return the answer to a request of a multipart upload; `replies` replace single ones by name."""
    if seen.method == "POST":
        name = "create" if "uploads" in seen.path.partition("?")[2] else "complete"
    else:
        name = {"DELETE": "abort", "HEAD": "head"}.get(seen.method, "part")
    usual = {
        "create": Reply(body=b"<R><UploadId>up</UploadId></R>"),
        "part": Reply(headers={"ETag": f'"{hashlib.md5(seen.body).hexdigest()}"'}),
        "complete": Reply(body=b'<R><ETag>"odd-2"</ETag></R>'),
        "abort": Reply(204),
        "head": Reply(headers={"Content-Length": str(10 * MIB), "ETag": '"odd-2"'}),
    }
    return replies.get(name, usual[name])


class KeyStore:
    """Answers as a store of one bucket does for which a key is a key, as Amazon's: `a//b` is not `a/b`."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def answer(self, seen: Seen) -> Reply:
        path, _, query = seen.path.partition("?")
        key = unquote(path).removeprefix("/").partition("/")[2]
        if seen.method == "PUT":
            self.objects[key] = seen.body
            return Reply(headers={"ETag": f'"{hashlib.md5(seen.body).hexdigest()}"'})
        if "list-type" in query:
            prefix = parse_qs(query).get("prefix", [""])[0]
            return Reply(body=self._listing(prefix))
        if key not in self.objects:
            return Reply(404, body=error_body("NoSuchKey"))
        if seen.method == "DELETE":
            del self.objects[key]
            return Reply(204)
        return whole(self.objects[key])

    def _listing(self, prefix: str) -> bytes:
        entries = "".join(
            f"<Contents><Key>{escape(quote(key))}</Key><Size>{len(content)}</Size>"
            f'<ETag>"{hashlib.md5(content).hexdigest()}"</ETag>'
            "<LastModified>2026-06-12T09:05:29.000Z</LastModified></Contents>"
            for key, content in sorted(self.objects.items())
            if key.startswith(prefix)
        )
        return (
            "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
            f"{entries}</ListBucketResult>"
        ).encode()
