"""A service that listens: it tells what it was asked, and misbehaves on demand.

Runs by itself: `python echo_service.py PORT`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

released = threading.Event()
sick = threading.Event()
upgraded: set[object] = set()


class Handler(BaseHTTPRequestHandler):
    """Answers every method at every path."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Do what the last part of the path says, or tell what was asked."""
        word = self.path.partition("?")[0].rpartition("/")[2]
        actions: dict[str, Callable[[], None]] = {
            "stream": self.stream,
            "release": self.release,
            "short": self.short,
            "garbage": self.garbage,
            "crash": lambda: os._exit(3),
            "redirect": lambda: self.brief(302, Location="/login"),
            "cut": self.cut,
            "endless": self.endless,
            "upgrade": self.upgrade,
            "upgraded": lambda: self.brief(200, X_Count=str(len(upgraded))),
            "health": lambda: self.brief(500 if sick.is_set() else 204),
            "sicken": lambda: self.turn(sick.set),
            "heal": lambda: self.turn(sick.clear),
            "absent": lambda: self.brief(404),
        }
        actions.get(word, self.tell)()

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Handle every method alike."""
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def body(self) -> bytes:
        """Return the request's body."""
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", "0")))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def tell(self) -> None:
        """Answer with what was asked, and with the environment."""
        body = self.body()
        document = {
            "method": self.command,
            "path": self.path,
            "headers": self.headers.items(),
            "body": body.decode("latin-1") if len(body) < 1000 else len(body),
            "environment": dict(os.environ),
        }
        data = json.dumps(document).encode()
        self.send_response(int(self.headers.get("x-answer", "200")))
        for name, value in (
            ("Content-Length", str(len(data))),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2; Path=/"),
            ("Connection", "X-Hop"),
            ("X-Hop", "between us"),
            ("X-Kept", "yes"),
            ("Access-Control-Allow-Origin", "*"),
        ):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def brief(self, status: int, **headers: str) -> None:
        """Answer without a body."""
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def turn(self, change: Callable[[], None]) -> None:
        """Fall ill, or get well: what probes see."""
        change()
        self.brief(200)

    def release(self) -> None:
        """Let a stream go on."""
        released.set()
        self.brief(200)

    def stream(self) -> None:
        """Answer in chunks, the second one when `release` was called."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"5\r\nfirst\r\n")
        released.wait(60)
        self.wfile.write(b"6\r\nsecond\r\n0\r\n\r\n")

    def short(self) -> None:
        """Promise more than is sent."""
        self.send_response(200)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"half")
        self.close_connection = True

    def garbage(self) -> None:
        """Answer something that is not HTTP."""
        self.wfile.write(b"\x00\x01 not http\r\n\r\n")
        self.close_connection = True

    def cut(self) -> None:
        """Break a chunk off."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"5\r\nha")
        self.close_connection = True

    def endless(self) -> None:
        """Answer until the end of the connection."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"all there is")
        self.close_connection = True

    def upgrade(self) -> None:
        """Speak another protocol: everything comes back in capitals, and `END` ends it."""
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", self.headers["upgrade"])
        self.end_headers()
        self.wfile.write(b"WELCOME\n")
        upgraded.add(self)
        try:
            while data := self.connection.recv(1 << 16):
                self.wfile.write(data.upper())
                if data.endswith(b"END\n"):
                    break
        finally:
            upgraded.discard(self)
            self.close_connection = True


if __name__ == "__main__":
    print("listening", flush=True)  # noqa: T201
    ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])), Handler).serve_forever()
